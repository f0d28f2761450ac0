//! API keys: looked up in Management, remembered for half a minute.
//!
//! When Management is away, a key that was good within the last quarter of an hour goes on working; a restart of the
//! control plane should not stop the data plane. A key that Management refuses is forgotten at once.

use std::time::Duration;

use moka::future::Cache;
use septet_contracts::management::{KeyGrant, KeyProof, Management};
use septet_kernel::{ApiKeyId, Caller, Clock, Kind};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::identity::Identity;
use crate::Error;

/// What an API key starts with.
pub(crate) const PREFIX: &str = "sk-septet-";

const FRESH_MS: i64 = 30_000;
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);
// Long enough that a client in a loop does not ask Management each time, short enough that a new key works soon.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Verifies API keys.
pub(crate) struct ApiKeys {
    management: Management,
    clock: Clock,
    good: Cache<[u8; 32], Checked>,
    refused: Cache<[u8; 32], ()>,
}

#[derive(Clone)]
struct Checked {
    grant: KeyGrant,
    at_ms: i64,
}

impl ApiKeys {
    pub(crate) fn new(management: Management, clock: Clock) -> Self {
        Self {
            management,
            clock,
            good: Cache::builder().max_capacity(50_000).time_to_live(KEPT_FOR).support_invalidation_closures().build(),
            refused: Cache::builder().max_capacity(50_000).time_to_live(REFUSED_FOR).build(),
        }
    }

    /// Whose key this is. `nobody` is the caller that asks.
    ///
    /// # Errors
    /// [`Error::BadKey`]; [`Error::Call`] when Management is away and the key is not remembered.
    pub(crate) async fn verify(&self, nobody: &Caller, key: &str) -> Result<Identity, Error> {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let now_ms = self.clock.now_ms();
        let remembered = self.good.get(&hash).await;
        if let Some(checked) = &remembered
            && now_ms - checked.at_ms < FRESH_MS
        {
            return Ok(identity(&checked.grant));
        }
        if self.refused.contains_key(&hash) {
            return Err(Error::BadKey);
        }
        match self.management.verify_key(nobody, &KeyProof { sha256: hex::encode(hash) }).await {
            Ok(grant) => {
                let identity = identity(&grant);
                self.good.insert(hash, Checked { grant, at_ms: now_ms }).await;
                Ok(identity)
            }
            Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::NotFound) => {
                self.good.invalidate(&hash).await;
                self.refused.insert(hash, ()).await;
                Err(Error::BadKey)
            }
            Err(error) => match remembered {
                Some(checked) => {
                    warn!(error.detail = %error, "management is away, a remembered api key is used");
                    Ok(identity(&checked.grant))
                }
                None => Err(error.into()),
            },
        }
    }

    /// Forgets a key that was revoked through this gateway.
    pub(crate) fn forget(&self, key: ApiKeyId) {
        // It fails only without closure support, which the cache is built with.
        let _scheduled = self.good.invalidate_entries_if(move |_, checked| checked.grant.key == key);
    }

    /// Forgets all keys of a tenant or of everybody: rights have changed.
    pub(crate) fn forget_all(&self) {
        self.good.invalidate_all();
    }
}

fn identity(grant: &KeyGrant) -> Identity {
    Identity {
        tenant: grant.tenant,
        person: grant.user,
        key: Some(grant.key),
        role: grant.role,
        session: None,
        requests_per_minute: grant.requests_per_minute,
    }
}
