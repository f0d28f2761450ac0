//! Answers given again to the same request: opt-in for each route, apart for each tenant, exact to the byte.

use std::sync::Arc;

use bytes::Bytes;
use septet_kernel::{Clock, TenantId};
use sha2::{Digest, Sha256};

use crate::call::{ModelCall, Work};
use crate::deployment::Deployment;
use crate::registry::Plan;

/// An answer that may be given again.
pub(crate) struct Cached {
    pub deployment: String,
    pub body: Bytes,
    expires_at_ms: i64,
}

/// The answers.
#[derive(Clone)]
pub(crate) struct Cache {
    answers: moka::future::Cache<[u8; 32], Arc<Cached>>,
    clock: Clock,
}

impl Cache {
    /// A cache that holds answers of so many bytes together.
    pub(crate) fn new(max_bytes: u64, clock: Clock) -> Self {
        let weight = |_key: &[u8; 32], cached: &Arc<Cached>| {
            // An entry has a key and its bookkeeping beside the body.
            u32::try_from(cached.body.len().saturating_add(256)).unwrap_or(u32::MAX)
        };
        let answers = moka::future::Cache::builder().max_capacity(max_bytes).weigher(weight).build();
        Self { answers, clock }
    }

    /// The answer to the same request of the same tenant, while its time is not over.
    pub(crate) async fn get(&self, tenant: TenantId, call: &ModelCall, plan: &Plan) -> Option<Arc<Cached>> {
        let (key, _) = entry(tenant, call, plan)?;
        let cached = self.answers.get(&key).await?;
        (cached.expires_at_ms > self.clock.now_ms()).then_some(cached)
    }

    /// Keeps an answer, where its route says so.
    pub(crate) async fn put(
        &self,
        tenant: TenantId,
        call: &ModelCall,
        plan: &Plan,
        deployment: &Deployment,
        body: Bytes,
    ) {
        let Some((key, kept_ms)) = entry(tenant, call, plan) else { return };
        let expires_at_ms = self.clock.now_ms().saturating_add(kept_ms);
        let cached = Cached { deployment: deployment.id.clone(), body, expires_at_ms };
        self.answers.insert(key, Arc::new(cached)).await;
    }
}

/// The key of a call, and how long its answer is kept in milliseconds; `None` when it must not be.
fn entry(tenant: TenantId, call: &ModelCall, plan: &Plan) -> Option<([u8; 32], i64)> {
    let Work::Chat(asked) = &call.work else { return None };
    if plan.route.cache_s == 0 || (asked.has_tools && !plan.route.cache_calls) {
        return None;
    }
    let mut hash = Sha256::new();
    for part in [tenant.to_string().as_bytes(), plan.name.as_bytes(), asked.dialect.name().as_bytes(), &asked.body] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    Some((hash.finalize().into(), i64::try_from(plan.route.cache_s.saturating_mul(1_000)).ok()?))
}

/// Whether an answer to this call would be kept: then its bytes must be gathered.
pub(crate) fn is_wanted(call: &ModelCall, plan: &Plan) -> bool {
    matches!(&call.work, Work::Chat(asked) if plan.route.cache_s > 0 && (!asked.has_tools || plan.route.cache_calls))
}
