//! Which addresses code in a sandbox may reach.
//!
//! Stricter than [`Reach`]: an IPv6 address with an IPv4 address in it (NAT64, 6to4, Teredo, mapped, ISATAP) is never
//! reached, because a gateway that unpacks it may lead anywhere; nor are the networks for benchmarks and the site-local ones,
//! which only a provider of the operator's has a reason to be in.

use std::net::IpAddr;

use septet_kernel::{Reach, carries_ipv4};

/// From where code in a sandbox counts `address` as reached.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V6(outer) if carries_ipv4(outer) => Reach::Never("an IPv4 address inside an IPv6 address"),
        IpAddr::V6(address) if matches!(address.segments(), [0xfec0..=0xfeff, ..]) => Reach::Never("site-local"),
        IpAddr::V4(address) if matches!(address.octets(), [198, 18..=19, ..]) => Reach::Never("for benchmarks"),
        address => Reach::of(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reaches_what_is_never_public_nor_an_address_inside_an_address() {
        for text in [
            "198.18.0.1",
            "198.19.255.255",
            "fec0::1",
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
            "2a00::5efe:7f00:1",
            "2a00:1:2:3:200:5efe:10.0.0.1",
        ] {
            let reached = reach(text.parse().unwrap());
            assert!(matches!(reached, Reach::Never(_)), "{text}: {reached:?}");
        }
        assert_eq!(reach("::1".parse().unwrap()), Reach::Private("loopback"));
        assert_eq!(reach("2606:4700:4700::1111".parse().unwrap()), Reach::Public);
    }
}
