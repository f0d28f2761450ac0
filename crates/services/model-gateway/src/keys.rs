//! Clients that come without the API gateway: with a key from the settings in place of a signed identity.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, header};
use septet_kernel::{ApiKeyId, Caller, Id, Ids, Role, TenantId};
use sha2::{Digest, Sha256};

use crate::config::KeyConfig;

/// The keys of the settings, by their hashes.
#[derive(Clone)]
pub(crate) struct Keys {
    keys: Arc<HashMap<[u8; 32], Arc<Pass>>>,
    ids: Ids,
}

/// What a key opens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Its name in the settings.
    pub name: String,
    pub tenant: TenantId,
    pub id: ApiKeyId,
    pub group: Option<String>,
    /// The models that it may use; all when empty.
    pub models: Vec<String>,
}

impl Pass {
    /// Whether the key may use a model or route; one that names none gets the default, whatever that is.
    pub(crate) fn opens(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|known| known == model)
    }
}

impl Keys {
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = (&'a String, &'a KeyConfig)>, ids: Ids) -> Self {
        let keys = keys.into_iter().map(|(name, key)| {
            let pass = Pass {
                name: name.clone(),
                tenant: tenant(&key.tenant),
                id: ApiKeyId::from_uuid(stable_id("key", name)),
                group: key.group.clone(),
                models: key.models.clone(),
            };
            (hash(key.key.expose()), Arc::new(pass))
        });
        Self { keys: Arc::new(keys.collect()), ids }
    }

    /// The pass of a key that a client shows, in OpenAI's header or in Anthropic's.
    pub(crate) fn pass(&self, headers: &HeaderMap) -> Option<Arc<Pass>> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let shown = bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))?;
        // Looked up by a hash, so that the time it takes says nothing about the keys.
        self.keys.get(&hash(shown.trim())).cloned()
    }

    /// Who calls with a pass.
    pub(crate) fn caller(&self, pass: &Pass) -> Caller {
        Caller {
            tenant: pass.tenant,
            user: None,
            key: Some(pass.id),
            role: Role::Member,
            request: self.ids.next(),
            deadline: None,
        }
    }
}

/// The tenant of a name in the settings: an id is itself, any other name has an id of its own.
pub(crate) fn tenant(name: &str) -> TenantId {
    name.parse().unwrap_or_else(|_no_id| TenantId::from_uuid(stable_id("tenant", name)))
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The same name has the same id at every start, so that budgets and records go on.
fn stable_id(kind: &str, name: &str) -> uuid::Uuid {
    let digest = Sha256::digest(format!("septet model-gateway {kind} {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
