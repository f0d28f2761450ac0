//! From where an address of the internet can be reached.
//!
//! After IANA's registries of special-purpose addresses (RFC 6890 and its updates). The list names what is public, not
//! what is not: an address that no line knows is reached by nobody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where an address can be reached. The words complete "its address is".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// From everywhere.
    Public,
    /// From this machine or the networks around it.
    Private(&'static str),
    /// From nowhere, or from where nobody should be led: metadata services, and what is no address of a host.
    Never(&'static str),
}

use Reach::{Never, Private, Public};

const LOOPBACK: Reach = Private("loopback");
const METADATA: Reach = Never("that of a metadata service");
const LINK_LOCAL: Reach = Never("link-local");
const DOCUMENTATION: Reach = Never("for documentation");
const PROTOCOLS: Reach = Never("reserved for protocols");
const MULTICAST: Reach = Never("multicast");
const UNSPECIFIED: Reach = Never("that of no host");

impl Reach {
    /// From where `address` can be reached. An IPv6 address that carries an IPv4 address counts as that one, for a gateway
    /// on the way would unpack it; see [`carries_ipv4`].
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => v4(address),
            IpAddr::V6(address) => v6(address),
        }
    }
}

/// Whether an IPv6 address stands for an IPv4 address that is written in it.
#[must_use]
pub fn carries_ipv4(address: Ipv6Addr) -> bool {
    let is_local_nat64 = matches!(address.segments(), [0x64, 0xff9b, ..]);
    let is_teredo = matches!(address.segments(), [0x2001, 0, ..]);
    let is_own = address.is_loopback() || address.is_unspecified();
    !is_own && (is_local_nat64 || is_teredo || embedded(address).is_some() || isatap(address).is_some())
}

/// The IPv4 address that is written in an IPv6 address of a prefix that is for that.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let [_, b, c, _, _, _, g, h] = segments;
    match segments {
        // Mapped (RFC 4291), translated (RFC 2765), compatible (RFC 4291), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff | 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            Some(joined(g, h))
        }
        // 6to4 (RFC 3056).
        [0x2002, ..] => Some(joined(b, c)),
        _ => None,
    }
}

/// The IPv4 address in the second half of an IPv6 address, behind any prefix (RFC 5214).
fn isatap(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(joined(high, low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

fn v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // AWS, Azure, Google and others; AWS's for containers; Alibaba Cloud; Oracle; Azure's wire server.
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => METADATA,
        // RFC 3927.
        [169, 254, ..] => LINK_LOCAL,
        // RFC 1122.
        [127, ..] => LOOPBACK,
        // RFC 1918.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Private("private"),
        // RFC 6598.
        [100, 64..=127, ..] => Private("shared by a carrier (CGNAT)"),
        // RFC 2544. Proxies that make up addresses for names take them from here.
        [198, 18..=19, ..] => Private("for benchmarks"),
        // RFC 791, RFC 6890, RFC 5737, RFC 7526, RFC 5771, RFC 1112.
        [0, ..] => UNSPECIFIED,
        [192, 0, 0, _] => PROTOCOLS,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => DOCUMENTATION,
        [192, 88, 99, _] => Never("a 6to4 relay"),
        [224..=239, ..] => MULTICAST,
        [240..=255, ..] => Never("reserved or broadcast"),
        _ => Public,
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    if address.is_unspecified() {
        return UNSPECIFIED;
    }
    if address.is_loopback() {
        return LOOPBACK;
    }
    if let Some(embedded) = embedded(address) {
        return v4(embedded);
    }
    match address.segments() {
        // RFC 8215: NAT64 with a prefix of one's own; what it reaches is unknown.
        [0x64, 0xff9b, 1, ..] => Private("translated by NAT64"),
        // RFC 4380: hides the address of a stranger's relay.
        [0x2001, 0, ..] => Never("Teredo"),
        // RFC 2928 and what else IETF keeps there; RFC 3849, RFC 9637.
        [0x2001, 0x1..=0x1ff, ..] => PROTOCOLS,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => DOCUMENTATION,
        // AWS's metadata, its time and its resolver; Google's. In ranges that are private otherwise.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => METADATA,
        // RFC 4193; RFC 3879, no longer given out and still routed in old networks.
        [0xfc00..=0xfdff, ..] => Private("private"),
        [0xfec0..=0xfeff, ..] => Private("site-local"),
        // RFC 4291.
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xff00..=0xffff, ..] => MULTICAST,
        [0x2000..=0x3fff, ..] => isatap(address).map_or(Public, v4),
        _ => Never("not given out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        Reach::of(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.17",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "2001:200::1",
            "3ffe::1",
        ] {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
    }

    #[test]
    fn what_is_around_us_is_private() {
        for text in [
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "::1",
            "fc00::",
            "fd12:3456::1",
            "fdff:ffff::",
            "fec0::1",
            "64:ff9b:1::1",
        ] {
            assert!(matches!(of(text), Reach::Private(_)), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn nobody_reaches_what_leads_elsewhere() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.0.8",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::2",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:1::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff:fff::1",
            "100::1",
            "4000::1",
            "5f00::1",
            "e000::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(matches!(of(text), Reach::Never(_)), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn an_address_inside_an_address_counts_as_that_one() {
        for (text, inner) in [
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::ffff:8.8.8.8", "8.8.8.8"),
            ("::127.0.0.1", "127.0.0.1"),
            ("::ffff:0:127.0.0.1", "127.0.0.1"),
            ("64:ff9b::7f00:1", "127.0.0.1"),
            ("64:ff9b::8.8.8.8", "8.8.8.8"),
            ("2002:7f00:1::", "127.0.0.1"),
            ("2002:808:808::1", "8.8.8.8"),
            ("2a00::5efe:7f00:1", "127.0.0.1"),
            ("2a00:1:2:3:200:5efe:10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(of(text), of(inner), "{text}");
            assert!(carries_ipv4(text.parse().unwrap()), "{text}");
        }
        // The prefix says more than what is behind it.
        assert_eq!(of("fd12::5efe:8.8.8.8"), of("fd12::1"));
        for text in ["64:ff9b:1::1", "2001:0:1::1", "::2", "fd12::5efe:8.8.8.8"] {
            assert!(carries_ipv4(text.parse().unwrap()), "{text}");
        }
        for text in ["::", "::1", "2606:4700:4700::1111", "fd12:3456::1", "2001:200::1"] {
            assert!(!carries_ipv4(text.parse().unwrap()), "{text}");
        }
    }
}
