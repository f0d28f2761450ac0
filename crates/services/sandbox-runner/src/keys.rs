//! Clients that come without the API gateway: with a key from the settings in place of a signed identity.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, header};
use septet_kernel::{ApiKeyId, Caller, Id, Ids, Role, TenantId};
use sha2::{Digest, Sha256};

use crate::config::{KeyConfig, hash_key};

/// The keys of the settings, by their hashes.
#[derive(Clone)]
pub(crate) struct Keys {
    keys: Arc<HashMap<[u8; 32], Pass>>,
    ids: Ids,
}

/// What a key opens. A request that has one came from a client, not from a service of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) tenant: TenantId,
    pub(crate) key: ApiKeyId,
}

impl Keys {
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = (&'a String, &'a KeyConfig)>, ids: Ids) -> Self {
        let keys = keys.into_iter().filter_map(|(name, key)| {
            let pass = Pass { tenant: tenant(&key.tenant), key: ApiKeyId::from_uuid(stable_id("key", name)) };
            Some((key.sha256().ok()?, pass))
        });
        Self { keys: Arc::new(keys.collect()), ids }
    }

    /// The pass of the key that a client shows.
    pub(crate) fn pass(&self, headers: &HeaderMap) -> Option<Pass> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let shown = bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))?;
        // Looked up by a hash, so that the time it takes says nothing about the keys.
        self.keys.get(&hash_key(shown.trim())).copied()
    }

    /// Who calls with a pass.
    pub(crate) fn caller(&self, pass: Pass) -> Caller {
        Caller {
            tenant: pass.tenant,
            user: None,
            key: Some(pass.key),
            role: Role::Member,
            request: self.ids.next(),
            deadline: None,
        }
    }
}

/// The tenant of a name in the settings: an id is itself, any other name has an id of its own.
fn tenant(name: &str) -> TenantId {
    name.parse().unwrap_or_else(|_no_id| TenantId::from_uuid(stable_id("tenant", name)))
}

/// The same name has the same id at every start, so that its containers are there again.
pub(crate) fn stable_id(kind: &str, name: &str) -> uuid::Uuid {
    let digest = Sha256::digest(format!("septet sandbox-runner {kind} {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
