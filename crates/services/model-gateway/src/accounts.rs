//! The accounts behind calls: what a prepaid tenant still has is kept by the API gateway, and asked before each attempt
//! that costs.
//!
//! ```text
//!   attempt ── the most it can cost ──► hold ──► provider ──► what it cost ──► hold settled ──► record, which ends it
//! ```
//!
//! Of an unlimited tenant nothing is kept back, and for most of a second nobody is asked again: a change of how a
//! tenant pays acts within a second. Where there are no accounts at all, this gateway runs alone and its budgets are
//! the only limit. Clients with a key of the settings have no account either.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use septet_chassis::{Directory, Lifecycle};
use septet_contracts::call::CallError;
use septet_contracts::gateway::{self as wire, BillingMode, Reserve, Reserved};
use septet_kernel::{Caller, Clock, Ids, Kind, Money, RecordId, ServiceName, TenantId, causes};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::config::LedgerKind;
use crate::error::Error;

/// For how long a tenant's billing mode is used without asking again.
const MODE_FRESH_MS: i64 = 900;

/// For how long an unlimited tenant goes on while the accounts cannot be reached.
const MODE_STALE_MS: i64 = 60_000;

/// Settling or releasing a hold must not delay the end of the answer for longer than this.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the calls of a tenant wait for the first one at a deployment whose way of counting tokens is not known yet.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

const MAX_TENANTS: u64 = 100_000;

/// The accounts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Inner>);

struct Inner {
    /// The connection to them. It holds the directory, which holds this service: dropped at shutdown to break the cycle.
    peer: std::sync::Mutex<Option<Peer>>,
    ledger: LedgerKind,
    modes: moka::future::Cache<TenantId, KnownMode>,
    turns: moka::future::Cache<(TenantId, String), Arc<Mutex<()>>>,
    has_answered: AtomicBool,
    clock: Clock,
    ids: Ids,
    lifecycle: Lifecycle,
}

#[derive(Clone)]
struct Peer {
    client: wire::Accounts,
    directory: Directory,
}

/// How a tenant pays, as the accounts said last.
#[derive(Clone, Copy)]
struct KnownMode {
    mode: BillingMode,
    at_ms: i64,
}

/// Money that is kept back for an attempt, or is about to be.
pub(crate) struct Funds {
    accounts: Accounts,
    client: wire::Accounts,
    caller: Caller,
    id: RecordId,
    granted_nano: i64,
    _renewed: Option<AbortOnDropHandle<()>>,
}

/// The first call of a tenant at a deployment whose way of counting tokens is not known yet. While it is held the
/// others wait.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held for its drop")] OwnedMutexGuard<()>);

impl Accounts {
    pub(crate) fn new(directory: Directory, ledger: LedgerKind, clock: Clock, ids: Ids, lifecycle: Lifecycle) -> Self {
        let cache = || moka::future::Cache::builder().max_capacity(MAX_TENANTS);
        let client = wire::Accounts::new(directory.transport(ServiceName::ApiGateway));
        Self(Arc::new(Inner {
            peer: std::sync::Mutex::new(Some(Peer { client, directory })),
            ledger,
            modes: cache().time_to_live(Duration::from_millis(MODE_STALE_MS.unsigned_abs())).build(),
            turns: moka::future::Cache::builder()
                .max_capacity(MAX_TENANTS)
                .time_to_idle(Duration::from_secs(3600))
                .build(),
            has_answered: AtomicBool::new(false),
            clock,
            ids,
            lifecycle,
        }))
    }

    /// Whether nothing needs to be kept back of a tenant, as far as is known: one that pays later, or no accounts at all.
    async fn is_unlimited(&self, tenant: TenantId, within_ms: i64) -> bool {
        let now_ms = self.0.clock.now_ms();
        let known = self.0.modes.get(&tenant).await;
        known.is_some_and(|known| known.mode == BillingMode::Unlimited && now_ms - known.at_ms < within_ms)
    }

    async fn note_mode(&self, tenant: TenantId, mode: BillingMode) {
        self.0.modes.insert(tenant, KnownMode { mode, at_ms: self.0.clock.now_ms() }).await;
    }

    /// The client of the accounts, if there are any to ask.
    fn client(&self) -> Option<wire::Accounts> {
        let peer = self.0.peer.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_there = self.0.ledger != LedgerKind::Off && peer.directory.knows(ServiceName::ApiGateway);
        is_there.then_some(peer.client)
    }

    /// Drops the connection to the accounts: no call is running any more.
    pub(crate) fn close(&self) {
        *self.0.peer.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Begins to keep money back. Nothing is asked yet, and what it becomes must be ended with [`Funds::release`] or
    /// [`Funds::settle`], also when asking is broken off in the middle.
    pub(crate) async fn open(&self, caller: &Caller) -> Option<Funds> {
        let client = self.client()?;
        if self.is_unlimited(caller.tenant, MODE_FRESH_MS).await {
            return None;
        }
        let caller = caller.without_deadline();
        Some(Funds { accounts: self.clone(), client, caller, id: self.0.ids.next(), granted_nano: 0, _renewed: None })
    }

    /// What an answer of the accounts means for a call that asked them to keep money back.
    async fn judge(&self, tenant: TenantId, answer: Result<Reserved, CallError>) -> Result<Option<Reserved>, Error> {
        let error = match answer {
            Ok(reserved) => {
                self.0.has_answered.store(true, Ordering::Relaxed);
                self.note_mode(tenant, reserved.mode).await;
                return Ok(Some(reserved).filter(|reserved| reserved.mode == BillingMode::Prepaid));
            }
            Err(error) => error,
        };
        match error.kind {
            Kind::PaymentRequired => {
                self.0.has_answered.store(true, Ordering::Relaxed);
                self.note_mode(tenant, BillingMode::Prepaid).await;
                Err(Error::InsufficientBalance { said: error.detail })
            }
            Kind::Unavailable | Kind::Timeout if self.is_unlimited(tenant, MODE_STALE_MS).await => Ok(None),
            // The API gateway never answered, and no address was configured for it.
            Kind::Unavailable if self.0.ledger == LedgerKind::Auto && !self.0.has_answered.load(Ordering::Relaxed) => {
                self.note_mode(tenant, BillingMode::Unlimited).await;
                Ok(None)
            }
            _ => Err(Error::Accounts(Arc::new(error))),
        }
    }

    /// Whether the caller's tenant has anything left, or pays later. Accounts that cannot be reached count as yes: the
    /// call itself asks again.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`].
    pub(crate) async fn has_funds(&self, caller: &Caller) -> Result<(), Error> {
        let Some(client) = self.client() else { return Ok(()) };
        if self.is_unlimited(caller.tenant, MODE_FRESH_MS).await {
            return Ok(());
        }
        let Ok(balance) = client.balance(caller).await else { return Ok(()) };
        self.0.has_answered.store(true, Ordering::Relaxed);
        self.note_mode(caller.tenant, balance.mode).await;
        if balance.mode == BillingMode::Unlimited || balance.available_nano > 0 {
            return Ok(());
        }
        let available = Money(balance.available_nano);
        let said = format!("the balance is spent ({available} available); top it up to go on");
        Err(Error::InsufficientBalance { said })
    }

    /// Waits for the turn at a deployment whose way of counting tokens is not known yet; `None` when it took too long.
    pub(crate) async fn turn(&self, tenant: TenantId, deployment: &str) -> Option<Turn> {
        let key = (tenant, deployment.to_owned());
        let turn = self.0.turns.get_with(key, async { Arc::default() }).await;
        tokio::time::timeout(TURN_TIMEOUT, turn.lock_owned()).await.ok().map(Turn)
    }
}

impl Funds {
    /// The id of the hold.
    pub(crate) fn id(&self) -> RecordId {
        self.id
    }

    /// How much is kept back.
    pub(crate) fn granted_nano(&self) -> i64 {
        self.granted_nano
    }

    /// Keeps `most` back, or what there is if that is at least `least`. `false`: nothing needs to be kept back of this
    /// tenant.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`], [`Error::Accounts`].
    pub(crate) async fn reserve(&mut self, most: i64, least: i64, run: Option<&str>) -> Result<bool, Error> {
        let asked = Reserve { hold: self.id, amount_nano: most, least_nano: least, run: run.map(str::to_owned) };
        let answer = self.client.reserve(&self.caller, &asked).await;
        let Some(reserved) = self.accounts.judge(self.caller.tenant, answer).await? else { return Ok(false) };
        self.granted_nano = reserved.granted_nano;
        self._renewed = Some(self.keep(Duration::from_millis((reserved.expires_in_ms / 3).max(1_000))));
        Ok(true)
    }

    /// Renews the hold for as long as this is held.
    fn keep(&self, every: Duration) -> AbortOnDropHandle<()> {
        let (client, caller, id) = (self.client.clone(), self.caller.clone(), self.id);
        let renewal = self.accounts.0.lifecycle.spawn("keep money back", async move {
            loop {
                tokio::time::sleep(every).await;
                if let Err(error) = client.renew(&caller, id).await {
                    warn!(hold.id = %id, error.detail = %causes(&error), "money for a running call is not kept back for longer");
                }
            }
        });
        AbortOnDropHandle::new(renewal)
    }

    /// The call came to this, as its record says.
    pub(crate) async fn settle(self, cost_nano: i64) {
        let said = self.client.settle(&self.caller, self.id, cost_nano);
        self.log_outcome(tokio::time::timeout(SETTLE_TIMEOUT, said).await.ok());
    }

    /// It cost nothing, and there will be no record.
    pub(crate) async fn release(self) {
        let said = self.client.release(&self.caller, self.id);
        self.log_outcome(tokio::time::timeout(SETTLE_TIMEOUT, said).await.ok());
    }

    fn log_outcome(&self, said: Option<Result<(), CallError>>) {
        match said {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                warn!(hold.id = %self.id, error.detail = %causes(&error), "an account did not hear of the end of a call");
            }
            None => warn!(hold.id = %self.id, "an account did not hear of the end of a call in time"),
        }
    }
}
