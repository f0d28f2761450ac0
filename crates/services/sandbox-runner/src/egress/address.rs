//! Which addresses code in a sandbox may reach.
//!
//! The list names what may be reached, not what may not: an address passes when it is an ordinary one of the public
//! internet. Everything that leads back to this machine, into the network around it, or to another address written
//! inside this one (NAT64, 6to4, Teredo, IPv4-mapped) does not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// An ordinary address of the internet.
    Public,
    /// Of this machine or of the network around it. Reached only by names that the operator called private.
    Private(&'static str),
    /// Reached by nobody.
    Never(&'static str),
}

/// What `address` is for.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [0, ..] => Reach::Never("of no host"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("private"),
        [127, ..] => Reach::Private("loopback"),
        [169, 254, ..] => Reach::Never("link-local or metadata"),
        // Metadata and control services of two clouds, outside the ranges that are meant for such things.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Reach::Never("metadata"),
        [100, 64..=127, ..] => Reach::Private("shared by a carrier (CGNAT)"),
        [192, 0, 0, _] => Reach::Never("reserved for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Never("for documentation"),
        [192, 88, 99, _] => Reach::Never("a 6to4 relay"),
        [198, 18..=19, ..] => Reach::Never("for benchmarks"),
        [224..=239, ..] => Reach::Never("multicast"),
        [240..=255, ..] => Reach::Never("reserved or broadcast"),
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never("of no host"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private("loopback"),
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0, 0, 0, 0, 0, 0, ..] => {
            Reach::Never("an IPv4 address inside an IPv6 address")
        }
        [0x64, 0xff9b, ..] => Reach::Never("NAT64"),
        [0x2002, ..] => Reach::Never("6to4"),
        [0x2001, 0, ..] => Reach::Never("Teredo"),
        [0x2001, 0x1..=0x1ff, ..] => Reach::Never("reserved for protocols"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Never("for documentation"),
        // ISATAP writes an IPv4 address into the second half.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Reach::Never("ISATAP"),
        // The metadata service of a cloud, in an otherwise private range.
        [0xfd00, 0xec2, ..] => Reach::Never("metadata"),
        [0xfc00..=0xfdff, ..] => Reach::Private("private"),
        [0xfe80..=0xfebf, ..] => Reach::Never("link-local"),
        [0xfec0..=0xfeff, ..] => Reach::Never("site-local"),
        [0xff00..=0xffff, ..] => Reach::Never("multicast"),
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never("not given out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
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
            "::1",
            "fc00::",
            "fd12:3456::1",
            "fdff:ffff::",
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
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::2",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:808:808::1",
            "2001:0:1::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff:fff::1",
            "2a00::5efe:7f00:1",
            "2a00:1:2:3:200:5efe:10.0.0.1",
            "100::1",
            "4000::1",
            "5f00::1",
            "e000::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(matches!(of(text), Reach::Never(_)), "{text}: {:?}", of(text));
        }
    }
}
