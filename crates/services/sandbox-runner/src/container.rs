//! Containers and their files, as the domain knows them.

use septet_kernel::{BlobId, ContainerFileId, ContainerId, TenantId};

use crate::egress::Network;

/// A sandbox that belongs to a tenant. What runs in it is made when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: ContainerId,
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    pub(crate) created_at_ms: i64,
    pub(crate) last_active_at_ms: i64,
    pub(crate) expires_minutes: Option<u32>,
    /// What it may reach; nothing when absent.
    pub(crate) network: Option<Network>,
}

impl Container {
    /// Whether it went unused for longer than it was made for.
    pub(crate) fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_minutes.is_some_and(|minutes| now_ms > self.last_active_at_ms + i64::from(minutes) * 60_000)
    }
}

/// Who put a file where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    User,
    Assistant,
}

impl Source {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) id: ContainerFileId,
    pub(crate) container: ContainerId,
    /// Below the session folder, without a leading slash.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) blob: BlobId,
    pub(crate) source: Source,
    pub(crate) created_at_ms: i64,
}

impl File {
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The media type that the name suggests.
    pub(crate) fn mime(&self) -> String {
        mime_guess::from_path(&self.path).first_or_octet_stream().essence_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use septet_kernel::{Clock, Ids};

    #[test]
    fn a_container_without_an_expiry_never_expires() {
        let ids = Ids::new(Clock::manual(0));
        let mut container = Container {
            id: ids.next(),
            tenant: ids.next(),
            name: String::new(),
            created_at_ms: 0,
            last_active_at_ms: 0,
            expires_minutes: None,
            network: None,
        };
        assert!(!container.is_expired(i64::MAX));
        container.expires_minutes = Some(20);
        assert!(!container.is_expired(20 * 60_000));
        assert!(container.is_expired(20 * 60_000 + 1));
    }
}
