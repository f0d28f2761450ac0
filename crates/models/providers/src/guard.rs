//! Guards against server-side request forgery: keeps requests from this machine, its network and the cloud's metadata
//! service.
//!
//! An address is checked twice: what is written in it by [`Policy::check`], and what its name resolves to by [`Guard`],
//! which is the client's only way to resolve names. The connection goes to the very addresses that were checked, so a
//! name that resolves to another address a moment later gains nothing. A client that is guarded must not follow
//! redirects; [`Guard::protect`] sees to both.
//!
//! Where the operator configured a proxy for the process, that proxy resolves names, and has to do the refusing.

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use reqwest::{ClientBuilder, Url};
use septet_kernel::Reach;

use crate::kind::ProviderKind;

/// Which addresses a provider may have. The caller's decision: what the operator wrote deserves more trust than what a
/// tenant did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Those that the whole internet can reach.
    #[default]
    Public,
    /// These, and those of this machine and its networks. Metadata services and what is no host stay refused.
    Private,
}

/// An address that no provider may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is not called: {why}")]
pub struct Refused {
    /// As it was written; without the addresses it resolved to, which would describe the internal network.
    pub host: String,
    /// In words.
    pub why: String,
}

impl Refused {
    /// Finds it among the causes of a client's error.
    #[must_use]
    pub fn among<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref() {
                return Some(refused);
            }
            cause = error.source();
        }
        None
    }
}

impl Policy {
    /// What a kind gets when the operator says nothing: private addresses for servers that people run themselves.
    #[must_use]
    pub fn usual(kind: ProviderKind) -> Self {
        if kind.facts().is_own { Self::Private } else { Self::Public }
    }

    /// Whether an address may be called.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(self, address: IpAddr) -> Result<(), String> {
        match (Reach::of(address), self) {
            (Reach::Public, _) | (Reach::Private(_), Self::Private) => Ok(()),
            (Reach::Private(what) | Reach::Never(what), _) => Err(format!("its address is {what}")),
        }
    }

    /// Checks what is written in a URL. A name passes: the [`Guard`] sees what it resolves to.
    ///
    /// # Errors
    /// [`Refused`] for another scheme, and for an address that may not be called, however it is spelt.
    pub fn check(self, url: &Url) -> Result<(), Refused> {
        let refuse = |why| Refused { host: url.host_str().unwrap_or_default().to_owned(), why };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("only http and https are spoken".to_owned()));
        }
        // `Url` has read `0x7f.1`, `2130706433` and `①②⑦.1` as the address that they are.
        match url.host_str() {
            None | Some("") => Err(refuse("there is no host".to_owned())),
            Some(host) => match host.trim_matches(['[', ']']).parse() {
                Ok(address) => self.admit(address).map_err(refuse),
                Err(_name) => Ok(()),
            },
        }
    }
}

/// Resolves names, and leaves out the addresses that the policy refuses.
#[derive(Clone)]
pub struct Guard {
    policy: Policy,
    below: Arc<dyn Resolve>,
}

impl Guard {
    /// A guard over the system's resolver.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::over(policy, Arc::new(System))
    }

    /// A guard over another resolver.
    #[must_use]
    pub fn over(policy: Policy, below: Arc<dyn Resolve>) -> Self {
        Self { policy, below }
    }

    /// Makes a client resolve names through this guard only, and follow no redirects.
    pub fn protect(self, client: ClientBuilder) -> ClientBuilder {
        client.dns_resolver(Arc::new(self)).redirect(redirect::Policy::none())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, host) = (self.policy, name.as_str().to_owned());
        let found = self.below.resolve(name);
        Box::pin(async move {
            let mut why = "it has no address".to_owned();
            let mut admitted = Vec::new();
            for address in found.await? {
                match policy.admit(address.ip()) {
                    Ok(()) => admitted.push(address),
                    Err(reason) => why = reason,
                }
            }
            if admitted.is_empty() {
                return Err(Refused { host, why }.into());
            }
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

/// The system's resolver.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
