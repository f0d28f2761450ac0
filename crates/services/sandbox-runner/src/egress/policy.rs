//! Which hosts a session may reach by name.
//!
//! Names are compared in one spelling: lower case, ASCII (other scripts as IDNA writes them), without the dot at the
//! end. What a browser would read as an address, however it is written (`0x7f.1`, `2130706433`, `①②⑦.0.0.1`), is
//! an address here too, and an address is never on a list of domains.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host as Parsed;

const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// The name of a host, in the one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Host(String);

/// Why a text names no host that could be on a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHost {
    #[error("it is empty")]
    Empty,
    #[error("it has a user name in it")]
    UserInfo,
    #[error("{0} is an address, and only names can be allowed")]
    Address(IpAddr),
    #[error("it is no name of a host")]
    Malformed,
}

impl Host {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Host {
    type Err = BadHost;

    /// Reads a host without a port.
    fn from_str(text: &str) -> Result<Self, BadHost> {
        if text.is_empty() {
            return Err(BadHost::Empty);
        }
        if text.contains('@') {
            return Err(BadHost::UserInfo);
        }
        if text.starts_with('[') {
            // A zone (`%eth0`) is for link-local addresses, which nobody reaches anyway.
            let inside = text.trim_start_matches('[').trim_end_matches(']');
            let address = inside.split('%').next().unwrap_or_default();
            return Err(address.parse().map_or(BadHost::Malformed, |address| BadHost::Address(IpAddr::V6(address))));
        }
        let name = match Parsed::parse(text) {
            Ok(Parsed::Domain(name)) => name,
            Ok(Parsed::Ipv4(address)) => return Err(BadHost::Address(address.into())),
            Ok(Parsed::Ipv6(address)) => return Err(BadHost::Address(address.into())),
            Err(_) => return Err(BadHost::Malformed),
        };
        let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
        // Without its dot it must not turn out to be an address after all.
        if name.parse::<IpAddr>().is_ok() || !is_name(&name) {
            return Err(BadHost::Malformed);
        }
        Ok(Self(name))
    }
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= NAME_MAX && name.split('.').all(is_label)
}

/// A domain on a list: `example.com` (that host alone), `*.example.com` (every host below it, at any depth, but not
/// itself) or `*` (every host).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Domain {
    One(Host),
    Below(Host),
    All,
}

/// Why a text is no domain for a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be allowed: {why}; write a name such as \"example.com\" or \"*.example.com\"")]
pub(crate) struct BadDomain {
    text: String,
    why: BadHost,
}

impl Domain {
    pub(crate) fn covers(&self, host: &Host) -> bool {
        match self {
            Self::One(one) => one == host,
            Self::Below(parent) => is_below(&host.0, &parent.0),
            Self::All => true,
        }
    }

    /// Whether every host of `other` is one of ours.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (_, Self::All) => false,
            (_, Self::One(host)) => self.covers(host),
            (Self::One(_), Self::Below(_)) => false,
            (Self::Below(ours), Self::Below(theirs)) => ours == theirs || is_below(&theirs.0, &ours.0),
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(host) => write!(formatter, "{host}"),
            Self::Below(host) => write!(formatter, "*.{host}"),
            Self::All => formatter.write_str("*"),
        }
    }
}

impl FromStr for Domain {
    type Err = BadDomain;

    fn from_str(text: &str) -> Result<Self, BadDomain> {
        let bad = |why| BadDomain { text: text.chars().take(100).collect(), why };
        match text.trim() {
            "*" => Ok(Self::All),
            text => match text.strip_prefix("*.") {
                Some(parent) => Ok(Self::Below(parent.parse().map_err(bad)?)),
                None => Ok(Self::One(text.parse().map_err(bad)?)),
            },
        }
    }
}

impl TryFrom<String> for Domain {
    type Error = BadDomain;

    fn try_from(text: String) -> Result<Self, BadDomain> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.to_string()
    }
}

/// Reads a list.
pub(crate) fn domains(texts: &[String]) -> Result<Vec<Domain>, BadDomain> {
    texts.iter().map(|text| text.parse()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<String, BadHost> {
        text.parse::<Host>().map(|host| host.0)
    }

    fn domain(text: &str) -> Domain {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_has_one_spelling() {
        for (text, spelling) in [
            ("example.com", "example.com"),
            ("EXAMPLE.Com", "example.com"),
            ("example.com.", "example.com"),
            ("ex%61mple.com", "example.com"),
            ("ｅxample．com", "example.com"),
            ("例え.jp", "xn--r8jz45g.jp"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a_b.example", "a_b.example"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(spelling), "{text}");
        }
    }

    #[test]
    fn an_address_is_one_in_every_spelling() {
        for text in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "0X7F.1",
            "0177.0.0.1",
            "017700000001",
            "2130706433",
            "127.0.0.1.",
            "0",
            "0x0",
            "①②⑦.0.0.1",
            "１２７.０.０.１",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "169.254.43518",
            "10.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[fe80::1%eth0]",
            "[fe80::1%25eth0]",
            "[64:ff9b::7f00:1]",
            "[FD00:EC2::254]",
            "[0:0:0:0:0:0:0:1]",
        ] {
            assert!(matches!(host(text), Err(BadHost::Address(_))), "{text}: {:?}", host(text));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = ["a".repeat(60).as_str(); 5].join(".");
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "example.com..",
            "a b",
            "a/b",
            "a:80",
            "a?b",
            "a#b",
            "a\\b",
            "a\nb",
            "a\0b",
            "-a.b",
            "a-.b",
            "user@example.com",
            "user:pw@127.0.0.1",
            "example.com@127.0.0.1",
            "[",
            "[]",
            "[::1",
            "[1.2.3.4]",
            "::1",
            "fe80::1%eth0",
            "999.999.999.999",
            "1.2.3.4.5",
            "256.1.1.1",
            "0x7f.0.0.g.1",
            "%00.example",
            "a%2fb",
            "%",
            "*",
            "*.example.com",
            "127.0.0.1..",
            &long_label,
            &long_name,
        ] {
            assert!(host(text).is_err(), "{text:?}: {:?}", host(text));
        }
    }

    #[test]
    fn a_domain_covers_what_it_says() {
        let covers = |list: &str, name: &str| domain(list).covers(&name.parse().unwrap());
        assert!(covers("example.com", "EXAMPLE.com."));
        assert!(!covers("example.com", "www.example.com"));
        assert!(!covers("example.com", "example.com.evil.org"));
        assert!(!covers("example.com", "notexample.com"));
        assert!(covers("*.example.com", "www.example.com"));
        assert!(covers("*.example.com", "a.b.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.example.com", "evilexample.com"));
        assert!(covers("*", "anything.example"));
        assert!(covers("*.Bücher.example", "www.xn--bcher-kva.example"));
    }

    #[test]
    fn a_list_includes_no_more_than_it_covers() {
        let includes = |ours: &str, theirs: &str| domain(ours).includes(&domain(theirs));
        assert!(includes("*", "*") && includes("*", "*.com") && includes("*", "a.com"));
        assert!(includes("*.a.com", "*.b.a.com") && includes("*.a.com", "*.a.com") && includes("*.a.com", "b.a.com"));
        assert!(!includes("*.a.com", "a.com") && !includes("*.a.com", "*.com") && !includes("*.a.com", "*"));
        assert!(!includes("a.com", "*.a.com") && !includes("a.com", "*") && includes("a.com", "a.com"));
    }

    #[test]
    fn an_address_is_no_domain_for_a_list() {
        for text in
            ["127.0.0.1", "[::1]", "*.0.0.1", "2130706433", "http://example.com", "example.com:443", "*.*.com", "a.*"]
        {
            assert!(text.parse::<Domain>().is_err(), "{text}");
        }
    }
}
