//! API keys: looked up in Management, remembered for half a minute.
//!
//! When Management is away, a key that was good within the last quarter of an hour goes on working; a restart of the
//! control plane should not stop the data plane. A key that Management refuses is forgotten at once, and one whose
//! rights are known to have changed is asked about again.

use std::time::Duration;

use moka::future::Cache;
use septet_contracts::management::{KeyGrant, KeyProof, Management};
use septet_kernel::{Caller, Clock, Kind};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::identity::Identity;
use super::revocations::{IdentityState, Revocations};
use crate::Error;

/// What an API key starts with.
pub(crate) const PREFIX: &str = "sk-septet-";

const FRESH_MS: i64 = 30_000;
const STALE_TTL: Duration = Duration::from_secs(15 * 60);
// Long enough that a client in a loop does not ask Management each time, short enough that a new key works soon.
const REFUSED_TTL: Duration = Duration::from_secs(5);

/// Verifies API keys.
pub(crate) struct ApiKeys {
    management: Management,
    clock: Clock,
    good: Cache<String, Checked>,
    refused: Cache<String, ()>,
}

#[derive(Clone)]
struct Checked {
    identity: Identity,
    at_ms: i64,
}

impl ApiKeys {
    pub(crate) fn new(management: Management, clock: Clock) -> Self {
        Self {
            management,
            clock,
            good: Cache::builder().max_capacity(50_000).time_to_live(STALE_TTL).build(),
            refused: Cache::builder().max_capacity(50_000).time_to_live(REFUSED_TTL).build(),
        }
    }

    /// Whose key this is. `nobody` is the caller that asks.
    ///
    /// # Errors
    /// [`Error::BadKey`]; [`Error::Call`] when Management is away and the key is not remembered.
    pub(crate) async fn verify(
        &self,
        nobody: &Caller,
        key: &str,
        revocations: &Revocations,
    ) -> Result<Identity, Error> {
        let sha256 = hex::encode(Sha256::digest(key));
        let now_ms = self.clock.now_ms();
        let remembered = match self.good.get(&sha256).await {
            Some(checked) if revocations.state(&checked.identity) == IdentityState::Good => Some(checked),
            Some(_) | None => None,
        };
        if let Some(checked) = &remembered
            && now_ms - checked.at_ms < FRESH_MS
        {
            return Ok(checked.identity.clone());
        }
        if self.refused.contains_key(&sha256) {
            return Err(Error::BadKey);
        }
        match self.ask(nobody, sha256).await {
            Err(Error::Call(error)) if remembered.is_some() => {
                warn!(error.detail = %error, "management is away, a remembered api key is used");
                remembered.map(|checked| checked.identity).ok_or(Error::BadKey)
            }
            answer => answer,
        }
    }

    /// Whose key this is, by its hash, as Management says it now.
    ///
    /// # Errors
    /// [`Error::BadKey`]; [`Error::Call`] when Management is away.
    pub(crate) async fn ask(&self, nobody: &Caller, sha256: String) -> Result<Identity, Error> {
        match self.management.verify_key(nobody, &KeyProof { sha256: sha256.clone() }).await {
            Ok(grant) => {
                let identity = identity(&grant, sha256.clone());
                let checked = Checked { identity: identity.clone(), at_ms: self.clock.now_ms() };
                self.good.insert(sha256, checked).await;
                Ok(identity)
            }
            Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::NotFound) => {
                self.good.invalidate(&sha256).await;
                self.refused.insert(sha256, ()).await;
                Err(Error::BadKey)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn identity(grant: &KeyGrant, sha256: String) -> Identity {
    Identity {
        tenant: grant.tenant,
        person: grant.user,
        key: Some(grant.key),
        role: grant.role,
        session: None,
        requests_per_minute: grant.requests_per_minute,
        key_sha256: Some(sha256),
        expires_at: grant.expires_at,
        epoch: grant.epoch,
    }
}
