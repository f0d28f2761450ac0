//! Clients that come without the API gateway: with a key from the settings of one service in place of a signed
//! identity.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use septet_kernel::{ApiKeyId, Caller, Id, Ids, Role, ServiceName, TenantId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The SHA-256 of a key, by which it is looked up: so the time that takes says nothing about the keys.
pub type KeyHash = [u8; 32];

/// The keys in the settings of a service, each with the grant `G` that is this service's own. Cheap to clone.
pub struct ServiceKeys<G> {
    keys: Arc<HashMap<KeyHash, Arc<ServiceKey<G>>>>,
    ids: Ids,
}

/// A key of the settings. A request that has one came from a client, not from a service of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct ServiceKey<G> {
    /// The same at every start, so that budgets and records go on.
    pub id: ApiKeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it may do beside that.
    pub grant: G,
}

impl<G> ServiceKey<G> {
    /// The key with a name in the settings, of a tenant by its name there.
    #[must_use]
    pub fn new(service: ServiceName, name: &str, tenant: &str, grant: G) -> Self {
        let id = ApiKeyId::from_uuid(stable_id(service, "key", name));
        Self { id, tenant: tenant_named(service, tenant), grant }
    }
}

impl<G> ServiceKeys<G> {
    /// The keys by their hashes.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (KeyHash, ServiceKey<G>)>, ids: Ids) -> Self {
        Self { keys: Arc::new(keys.into_iter().map(|(hash, key)| (hash, Arc::new(key))).collect()), ids }
    }

    /// The key that a client shows, in OpenAI's header or in Anthropic's.
    #[must_use]
    pub fn shown_in(&self, headers: &HeaderMap) -> Option<Arc<ServiceKey<G>>> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let shown = bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))?;
        self.keys.get(&key_hash(shown.trim())).cloned()
    }

    /// Who calls with a key.
    #[must_use]
    pub fn caller(&self, key: &ServiceKey<G>) -> Caller {
        Caller {
            tenant: key.tenant,
            user: None,
            key: Some(key.id),
            role: Role::Member,
            request: self.ids.next(),
            deadline: None,
        }
    }
}

impl<G> Clone for ServiceKeys<G> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), ids: self.ids.clone() }
    }
}

/// The tenant of a name in the settings: an id is itself, any other name has an id of its own in each service.
#[must_use]
pub fn tenant_named(service: ServiceName, name: &str) -> TenantId {
    name.parse().unwrap_or_else(|_no_id| TenantId::from_uuid(stable_id(service, "tenant", name)))
}

/// An id made of a name: the same at every start of a service, another for every kind of thing.
#[must_use]
pub fn stable_id(service: ServiceName, kind: &str, name: &str) -> Uuid {
    let digest = Sha256::digest(format!("septet {service} {kind} {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a key is looked up by.
#[must_use]
pub fn key_hash(key: &str) -> KeyHash {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> ServiceKeys<&'static str> {
        let key = ServiceKey::new(ServiceName::ModelGateway, "ci", "acme", "small models");
        ServiceKeys::new([(key_hash("sk-0123456789abcdef"), key)], Ids::new(septet_kernel::Clock::system()))
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_key_is_known_in_either_header_and_calls_as_a_member_of_its_tenant() {
        for (name, value) in [("authorization", "Bearer sk-0123456789abcdef"), ("x-api-key", "sk-0123456789abcdef ")] {
            let keys = keys();
            let key = keys.shown_in(&headers(name, value)).unwrap();
            let caller = keys.caller(&key);

            assert_eq!((key.grant, caller.key, caller.role), ("small models", Some(key.id), Role::Member));
            assert_eq!(caller.tenant, tenant_named(ServiceName::ModelGateway, "acme"));
        }
        assert_eq!(keys().shown_in(&headers("authorization", "Bearer sk-0123456789abcdeg")), None);
        assert_eq!(keys().shown_in(&headers("authorization", "sk-0123456789abcdef")), None, "no scheme");
        assert_eq!(keys().shown_in(&HeaderMap::new()), None);
    }

    #[test]
    fn a_name_has_the_same_id_at_every_start_and_another_in_every_service() {
        // As it was written down by the first version that had keys: budgets and containers hang on these.
        let id = |service| ServiceKey::new(service, "ci", "acme", ()).id.uuid().to_string();
        assert_eq!(id(ServiceName::ModelGateway), "265c5589-0af9-8181-b682-b1fecb8e3030");
        assert_eq!(id(ServiceName::SandboxRunner), "d21d8e45-399f-8574-b678-aa8d3f6c23fa");
        let tenant = TenantId::from_uuid(Uuid::from_u128(7));
        assert_eq!(tenant_named(ServiceName::ModelGateway, &tenant.to_string()), tenant, "an id is itself");
    }
}
