//! What a caller may still spend: reserved before a provider is called, settled by what it came to.
//!
//! Limits nest: those of the tenant, of the group, of the user and of the key all have to have room. A reservation lives on a
//! lease that is renewed while the call runs, so that the room of a process that died comes back.

use std::sync::Arc;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use septet_kernel::{Caller, Clock, Failure, causes};
use septet_kv::{Amounts, Ask, Counter, Counters, Limit, What, Window};
use tracing::{error, warn};

use crate::config::{BudgetConfig, BudgetKind, WindowKind};
use crate::error::Error;

// Longer than any pause between two pieces of an answer, short enough that the reservations of a crashed process expire
// soon.
const LEASE_DURATION: Duration = Duration::from_secs(120);

// A short outage of the store should not leave a tenant's reservation unsettled.
const SETTLE_BACKOFF: ConstantBuilder = ConstantBuilder::new().with_delay(Duration::from_millis(200)).with_max_times(2);

/// The budgets, and where they are counted.
#[derive(Clone)]
pub(crate) struct Quota {
    counters: Counters,
    budgets: Arc<[BudgetConfig]>,
    utc_offset_s: i32,
}

/// Room that is held for one call.
pub(crate) struct Reservation {
    quota: Quota,
    id: String,
    renewed_at_ms: i64,
    is_settled: bool,
}

/// The most that a call can come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorstCase {
    pub tokens: u64,
    pub cost_nano: i64,
}

impl Quota {
    pub(crate) fn new(counters: Counters, budgets: Vec<BudgetConfig>, utc_offset_s: i32) -> Self {
        Self { counters, budgets: budgets.into(), utc_offset_s }
    }

    /// Whether any limit is set at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.budgets.is_empty()
    }

    /// The limits that a caller is under.
    fn limits(&self, caller: &Caller, key: Option<&str>, group: Option<&str>) -> Vec<Limit> {
        let tenant = caller.tenant.to_string();
        let user = caller.user.map(|user| user.to_string());
        let key_id = caller.key.map(|id| id.to_string());
        let mut limits = Vec::new();
        for budget in self.budgets.iter() {
            let (kind, only) =
                budget.scope.split_once(':').map_or((&*budget.scope, None), |(kind, id)| (kind, Some(id)));
            let own = match kind {
                "tenant" => Some(tenant.as_str()),
                "user" => user.as_deref(),
                "group" => group,
                // By the name in the settings, or by its id.
                _ => key.filter(|_| only.is_none_or(|only| Some(only) == key)).or(key_id.as_deref()),
            };
            let Some(own) = own.filter(|own| only.is_none_or(|only| only == *own)) else { continue };
            // What cannot be read was refused at the start.
            let Ok(max) = budget.most() else { continue };
            let what = match budget.what {
                BudgetKind::Requests => What::Requests,
                BudgetKind::Tokens => What::Tokens,
                BudgetKind::Concurrency => What::Concurrency,
                BudgetKind::Money => What::Money,
            };
            let utc_offset_s = self.utc_offset_s;
            let window = match budget.window() {
                WindowKind::Minute => Window::Minute,
                WindowKind::Day => Window::Day { utc_offset_s },
                WindowKind::Month => Window::Month { utc_offset_s },
                WindowKind::Total => Window::Total,
            };
            limits.push(Limit::new(format!("{kind}:{own}"), what, window, max));
        }
        limits
    }

    /// Holds room for a call; `None` when the caller is under no limit.
    pub(crate) async fn reserve(
        &self,
        who: &Who<'_>,
        id: String,
        worst: WorstCase,
        clock: &Clock,
    ) -> Result<Option<Reservation>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let limits = self.limits(who.caller, who.key, who.group);
        if limits.is_empty() {
            return Ok(None);
        }
        let amounts = Amounts { requests: 1, tokens: worst.tokens, money_nano: nano(worst.cost_nano) };
        match self.counters.reserve(&Ask::new(&id, &limits, amounts, LEASE_DURATION)).await {
            Ok(_reserved) => {
                Ok(Some(Reservation { quota: self.clone(), id, renewed_at_ms: clock.now_ms(), is_settled: false }))
            }
            Err(septet_kv::Error::Refused(refused)) => Err(Error::Spent(Arc::new(*refused))),
            // Without counters there is no limit: refusing the call is better than giving it away.
            Err(error) => Err(Error::Counters(Arc::new(error))),
        }
    }

    /// Writes down what was counted and is not on disk yet: what ran out and was charged.
    pub(crate) async fn flush(&self) {
        if let Err(error) = self.counters.flush().await {
            error!(error.kind = error.kind().name(), error.detail = %causes(&error), "spending not written at the end");
        }
    }

    /// Where the limits of a caller stand.
    pub(crate) async fn look(&self, who: &Who<'_>) -> Result<Vec<Counter>, Error> {
        let limits = self.limits(who.caller, who.key, who.group);
        self.counters.look(&limits).await.map_err(|error| Error::Counters(Arc::new(error)))
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub caller: &'a Caller,
    /// The name of the key in the settings, for clients that come without the API gateway.
    pub key: Option<&'a str>,
    /// Its group.
    pub group: Option<&'a str>,
}

impl Reservation {
    /// Keeps the room while the call runs. Cheap to call often.
    pub(crate) async fn renew(&mut self, clock: &Clock) {
        let now_ms = clock.now_ms();
        if now_ms - self.renewed_at_ms < 30_000 {
            return;
        }
        self.renewed_at_ms = now_ms;
        if let Err(error) = self.quota.counters.extend(&self.id, LEASE_DURATION).await {
            warn!(hold.id = self.id, error.detail = %causes(&error), "room for a running call not kept");
        }
    }

    /// What the call came to.
    pub(crate) async fn settle(mut self, tokens: u64, cost_nano: i64) {
        self.is_settled = true;
        let real = Amounts { requests: 1, tokens, money_nano: nano(cost_nano) };
        self.give(real).await;
    }

    /// The call did not happen: it counts as a request and as nothing else.
    pub(crate) async fn release(mut self) {
        self.is_settled = true;
        self.give(Amounts { requests: 1, ..Amounts::NOTHING }).await;
    }

    async fn give(&self, real: Amounts) {
        let settle = || self.quota.counters.settle(&self.id, real);
        if let Err(error) = settle.retry(SETTLE_BACKOFF).await {
            error!(
                hold.id = self.id, hold.tokens = real.tokens, hold.money_nano = real.money_nano,
                error.kind = error.kind().name(), error.detail = %causes(&error), "spending not counted"
            );
        }
    }
}

fn nano(cost: i64) -> u64 {
    u64::try_from(cost).unwrap_or(0)
}
