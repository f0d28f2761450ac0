//! Where a request comes from.
//!
//! A forwarded address is believed only when the connection itself comes from a configured proxy. Otherwise anybody
//! could choose the address under which failed sign-ins are counted.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    base: u128,
    prefix: u32,
    is_v4: bool,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8` or a single address.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a network such as 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(wrong)?,
            None => bits,
        };
        Ok(Self { base: number(address) & mask(prefix, bits), prefix, is_v4: address.is_ipv4() })
    }

    fn contains(self, address: IpAddr) -> bool {
        let bits = if self.is_v4 { 32 } else { 128 };
        address.is_ipv4() == self.is_v4 && number(address) & mask(self.prefix, bits) == self.base
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn mask(prefix: u32, bits: u32) -> u128 {
    let all = if bits == 32 { u128::from(u32::MAX) } else { u128::MAX };
    all.checked_shl(bits - prefix).unwrap_or(0) & all
}

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<Network>);

/// Who is on the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The address of the client; nothing when the request came in process.
    pub(crate) address: Option<IpAddr>,
    /// Whether the client's connection is encrypted, as far as that is known.
    pub(crate) is_https: bool,
}

impl Proxies {
    pub(crate) fn new(networks: &[String]) -> Result<Self, String> {
        networks.iter().map(|text| Network::parse(text)).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// The first address from the right that is none of our proxies.
    pub(crate) fn origin(&self, parts: &Parts) -> Origin {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let Some(peer) = peer.filter(|peer| self.trusts(*peer)) else {
            return Origin { address: peer, is_https: false };
        };
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let chain = parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let addresses: Vec<IpAddr> =
            chain.flat_map(|value| value.split(',')).filter_map(|one| one.trim().parse().ok()).collect();
        let address = addresses.iter().rev().map(IpAddr::to_canonical).find(|address| !self.trusts(*address));
        let scheme = text("x-forwarded-proto").rsplit(',').next().unwrap_or_default().trim();
        Origin { address: address.or(Some(peer)), is_https: scheme.eq_ignore_ascii_case("https") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(peer: &str, forwarded: &str) -> Parts {
        let address: SocketAddr = peer.parse().unwrap();
        let request = Request::builder()
            .extension(ConnectInfo(address))
            .header("x-forwarded-for", forwarded)
            .header("x-forwarded-proto", "https")
            .body(())
            .unwrap();
        request.into_parts().0
    }

    #[test]
    fn a_stranger_cannot_choose_the_address_that_it_comes_from() {
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned()]).unwrap();

        let origin = proxies.origin(&parts("203.0.113.9:5000", "198.51.100.7"));

        assert_eq!(origin, Origin { address: Some("203.0.113.9".parse().unwrap()), is_https: false });
    }

    #[test]
    fn behind_a_trusted_proxy_the_last_untrusted_hop_counts() {
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()]).unwrap();

        let origin = proxies.origin(&parts("10.1.2.3:80", "1.1.1.1, 198.51.100.7, 10.9.9.9"));

        assert_eq!(origin, Origin { address: Some("198.51.100.7".parse().unwrap()), is_https: true });
    }

    #[test]
    fn every_prefix_length_is_understood() {
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("9.9.9.9".parse().unwrap()));
        assert!(Network::parse("::/0").unwrap().contains("2001:db8::1".parse().unwrap()));
        assert!(!Network::parse("192.0.2.1").unwrap().contains("192.0.2.2".parse().unwrap()));
        assert!(Network::parse("192.0.2.1/33").is_err());
        assert!(Network::parse("here").is_err());
    }
}
