//! Clients that come without the API gateway: with a key from the settings in place of a signed identity.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use septet_kernel::{ApiKeyId, Caller, Id, Ids, Role, TenantId};
use sha2::{Digest, Sha256};

use crate::config::KeyConfig;

/// The keys of the settings, by their hashes.
#[derive(Clone)]
pub(crate) struct Door {
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

/// Who calls, if anybody is known.
pub(crate) struct Guest {
    pub caller: Option<Caller>,
    pub pass: Option<Arc<Pass>>,
}

impl<S: Sync> FromRequestParts<S> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let extensions = &parts.extensions;
        Ok(Self { caller: extensions.get().cloned(), pass: extensions.get().cloned() })
    }
}

impl Door {
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = (&'a String, &'a KeyConfig)>, ids: Ids) -> Self {
        let keys = keys.into_iter().map(|(name, key)| {
            let pass = Pass {
                name: name.clone(),
                tenant: TenantId::from_uuid(stable_id("tenant", &key.tenant)),
                id: ApiKeyId::from_uuid(stable_id("key", name)),
                group: key.group.clone(),
                models: key.models.clone(),
            };
            (hash(key.key.expose()), Arc::new(pass))
        });
        Self { keys: Arc::new(keys.collect()), ids }
    }

    /// The pass of a key that a client shows, in OpenAI's header or in Anthropic's.
    fn pass(&self, headers: &HeaderMap) -> Option<Arc<Pass>> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let shown = bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))?;
        // Looked up by a hash, so that the time it takes says nothing about the keys.
        self.keys.get(&hash(shown.trim())).cloned()
    }
}

/// Lets a client with a key in. Whoever comes signed is in already; whoever has neither is refused by the handler.
pub(crate) async fn open(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Caller>().is_none()
        && let Some(pass) = door.pass(request.headers())
    {
        let caller = Caller {
            tenant: pass.tenant,
            user: None,
            key: Some(pass.id),
            role: Role::Member,
            request: door.ids.next(),
            deadline: None,
        };
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(pass);
    }
    next.run(request).await
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
