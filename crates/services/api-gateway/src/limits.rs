//! How many requests somebody may send.
//!
//! Counted per API key, so that one program of a team cannot starve the others; per person, whatever number of keys
//! they make; and per tenant, whatever number of people it has. A key may have a limit of its own below the operator's,
//! never above. A burst of a quarter of a minute's requests is let through; after that requests are admitted at the
//! steady rate.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderValue};
use moka::future::Cache;
use septet_contracts::management::Subject;
use septet_kernel::Clock;

use crate::Error;
use crate::auth::identity::Identity;

/// The platform's clock as governor reads it.
#[derive(Clone, Debug)]
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let now = self.0.now();
        Duration::from_nanos(u64::try_from(now.as_nanosecond()).unwrap_or(0))
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Ticks, StateInformationMiddleware>;

/// Counts requests.
pub(crate) struct Limits {
    /// Of one person or key.
    per_minute: u32,
    per_minute_of_tenant: u32,
    clock: Ticks,
    limiters: Cache<(Subject, u32), Arc<Limiter>>,
}

/// How much is left, for the headers of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    per_minute: u32,
    remaining: u32,
}

impl Limits {
    pub(crate) fn new(per_minute: u32, per_minute_of_tenant: u32, clock: Clock) -> Self {
        // Longer than a minute idle, a limiter is as full as a new one.
        let limiters = Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(120)).build();
        Self { per_minute, per_minute_of_tenant, clock: Ticks(clock), limiters }
    }

    /// Counts one request with everybody it belongs to. Returns the state of the limit that is closest to being
    /// reached.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time to wait. The narrower limits have counted it then.
    pub(crate) async fn count(&self, identity: &Identity) -> Result<Left, Error> {
        let of_key = identity.requests_per_minute.map_or(self.per_minute, |own| own.min(self.per_minute));
        let counted = [
            identity.key.map(|key| (Subject::Key(key), of_key)),
            Some((Subject::User(identity.person), self.per_minute)),
            Some((Subject::Tenant(identity.tenant), self.per_minute_of_tenant)),
        ];
        let mut nearest: Option<Left> = None;
        for (subject, per_minute) in counted.into_iter().flatten() {
            let left = self.count_one(subject, per_minute.max(1)).await?;
            if nearest.is_none_or(|nearest| left.remaining < nearest.remaining) {
                nearest = Some(left);
            }
        }
        nearest.ok_or(Error::Bug("a request of nobody"))
    }

    async fn count_one(&self, subject: Subject, per_minute: u32) -> Result<Left, Error> {
        let clock = self.clock.clone();
        let limiter =
            self.limiters.get_with((subject, per_minute), async move { Arc::new(limiter(per_minute, clock)) }).await;
        match limiter.check() {
            Ok(state) => Ok(Left { per_minute, remaining: state.remaining_burst_capacity() }),
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                Err(Error::RateLimited { limit: per_minute, retry_after_s: wait.as_secs().saturating_add(1) })
            }
        }
    }
}

fn limiter(per_minute: u32, clock: Ticks) -> Limiter {
    let minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
    let burst = NonZeroU32::new(per_minute.div_ceil(4)).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct_with_clock(Quota::per_minute(minute).allow_burst(burst), clock).with_middleware()
}

impl Left {
    /// Writes the headers that OpenAI's clients read.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit-requests", HeaderValue::from(self.per_minute));
        headers.insert("x-ratelimit-remaining-requests", HeaderValue::from(self.remaining));
        let to_full = self.per_minute.div_ceil(4).saturating_sub(self.remaining);
        let reset_ms = u64::from(to_full) * 60_000 / u64::from(self.per_minute);
        if let Ok(value) = HeaderValue::try_from(format!("{reset_ms}ms")) {
            headers.insert("x-ratelimit-reset-requests", value);
        }
    }
}
