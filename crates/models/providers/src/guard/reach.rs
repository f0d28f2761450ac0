//! From where an address can be reached.
//!
//! After IANA's registries of special-purpose addresses (RFC 6890 and its updates). IPv6 addresses that carry an IPv4
//! address count as that one: a gateway on the way would unpack it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where an address can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// From everywhere.
    Public,
    /// From this machine or its networks.
    Private(&'static str),
    /// It is no host that could be a provider.
    Never(&'static str),
}

use Reach::{Never, Private, Public};

const LOOPBACK: Reach = Private("it is this machine");
const NETWORK: Reach = Private("it lies in a private network");
const METADATA: Reach = Never("it is a metadata service");
const LINK: Reach = Never("it is valid on one link only");
const NO_HOST: Reach = Never("it is no address of a host");

pub(super) fn of(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // AWS, Azure, Google and others; AWS's for containers; Alibaba Cloud; Oracle; Azure's wire server.
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => METADATA,
        [169, 254, ..] => LINK,
        [127, ..] => LOOPBACK,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => NETWORK,
        [100, 64..=127, ..] => Private("it lies in a carrier's network"),
        // Proxies that make up addresses for names take them from here.
        [198, 18..=19, ..] => Private("it lies in a network for tests"),
        [0, ..] | [224..=255, ..] | [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => {
            NO_HOST
        }
        _ => Public,
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    let segments = address.segments();
    let [_, b, c, _, _, _, g, h] = segments;
    let embedded = |high: u16, low: u16| v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => NO_HOST,
        [0, 0, 0, 0, 0, 0, 0, 1] => LOOPBACK,
        // Mapped, translated (RFC 2765), compatible, NAT64.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0, 0, 0, 0, 0, 0, ..] => embedded(g, h),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(g, h),
        // NAT64 with a prefix of one's own: what it reaches is unknown.
        [0x64, 0xff9b, 1, ..] => NETWORK,
        // 6to4.
        [0x2002, ..] => embedded(b, c),
        // Teredo hides the address of a stranger's relay.
        [0x2001, 0, ..] => NO_HOST,
        // AWS's metadata, its time and its resolver; Google's.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => METADATA,
        [0xfe80..=0xfebf, ..] => LINK,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => NETWORK,
        // Documentation, benchmarks, ORCHID and the rest that IETF keeps.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => NO_HOST,
        // ISATAP: an IPv4 address behind any prefix.
        [0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe, ..] => embedded(g, h),
        [0x2000..=0x3fff, ..] => Public,
        _ => NO_HOST,
    }
}
