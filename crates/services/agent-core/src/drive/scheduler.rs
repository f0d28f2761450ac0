//! All runs of this process: which ones it owns, how it keeps them, and how it finds abandoned ones.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use septet_chassis::{Lifecycle, Place, Shares};
use septet_kernel::{RequestId, ResponseId, TenantId, causes};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::owner;
use super::ports::Ports;
use super::runner::{self, Signals};
use crate::error::Error;
use crate::store::RunRow;

/// How often abandoned runs are looked for. Together with the lease it bounds how long a run stands still after a crash.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// How often a process looks whether a run of its own was cancelled by way of another one.
const HEAR_EVERY: Duration = Duration::from_millis(250);

/// How many runs of one tenant are looked at in one sweep.
const N_AT_A_TURN: usize = 8;

/// Which runs this process drives, and which wait for a place.
pub(crate) struct Scheduler {
    pub(crate) ports: Arc<Ports>,
    /// The name under which this process owns runs.
    owner: String,
    lifecycle: Lifecycle,
    active: Mutex<HashMap<ResponseId, Signals>>,
    /// Notified when there may be a run to take up or to cancel before the next sweep.
    wake: Notify,
    /// Where runs are driven, shared between tenants.
    places: Arc<Shares>,
    /// Tenants with runs that wait for a place.
    queued: Mutex<HashSet<TenantId>>,
}

impl Scheduler {
    pub(crate) fn new(ports: Ports, lifecycle: Lifecycle) -> Self {
        let owner: RequestId = ports.ids.next();
        let places = Shares::new(ports.config.max_active_runs);
        Self {
            ports: Arc::new(ports),
            owner: owner::name(owner),
            lifecycle,
            active: Mutex::default(),
            wake: Notify::new(),
            places,
            queued: Mutex::default(),
        }
    }

    /// Ends when this process shuts down.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.lifecycle.stopping()
    }

    /// Keeps the leases, takes up runs and lets sandboxes go until shutdown.
    pub(crate) fn start(self: &Arc<Self>) {
        // What a process before left behind is taken up at once.
        self.wake.notify_one();
        let scheduler = Arc::clone(self);
        self.lifecycle.spawn("keep leases of runs", async move { scheduler.keep_leases().await });
        let scheduler = Arc::clone(self);
        self.lifecycle.spawn("take up runs", async move { scheduler.take_up_runs().await });
        self.lifecycle.spawn("let sandboxes go", Arc::clone(self).let_all_go());
    }

    /// Asks the run to stop at once if this process drives it or has it waiting.
    pub(crate) fn signal_cancel(&self, run: ResponseId) {
        match self.lock().get(&run) {
            Some(signals) => signals.cancel.cancel(),
            None => self.wake.notify_one(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ResponseId, Signals>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease_until(&self) -> i64 {
        self.ports.clock.now_ms() + i64::try_from(self.ports.config.lease().as_millis()).unwrap_or(i64::MAX)
    }

    async fn take_up_runs(self: Arc<Self>) {
        let stopping = self.lifecycle.stopping();
        loop {
            tokio::select! {
                // First: a run that is left at the stop frees its place, and must not be taken up here again.
                biased;
                () = stopping.cancelled() => return,
                () = self.wake.notified() => {}
                () = self.places.freed() => {}
                () = tokio::time::sleep(SWEEP_EVERY) => {}
            }
            if let Err(error) = self.sweep().await {
                warn!(error.detail = %causes(&error), "cannot look for abandoned runs");
            }
        }
    }

    /// Takes up runs that nobody owns: new ones that wait for a place, and those that another process left behind.
    async fn sweep(self: &Arc<Self>) -> Result<(), Error> {
        self.free_runs_of_the_dead().await?;
        let before = self.queued().clone();
        let rows = self.ports.store.abandoned_runs(self.ports.clock.now_ms(), N_AT_A_TURN).await?;
        let mut n_seen: HashMap<TenantId, usize> = HashMap::new();
        let mut queued = HashSet::new();
        for row in rows {
            let tenant = row.caller.tenant;
            let n_of_tenant = n_seen.entry(tenant).or_default();
            *n_of_tenant += 1;
            // What was not looked at waits as well.
            if *n_of_tenant == N_AT_A_TURN {
                queued.insert(tenant);
            }
            match self.places.try_enter(tenant) {
                Some(place) => self.drive(row, Some(place)).await?,
                // It has nothing left to do but to say so.
                None if row.cancel_requested => self.drive(row, None).await?,
                None => {
                    queued.insert(tenant);
                }
            }
        }
        // Who began to wait meanwhile was not looked at.
        let mut now = self.queued();
        now.retain(|tenant| !before.contains(tenant));
        now.extend(queued);
        Ok(())
    }

    /// Drives a new run if there is a place for its tenant and none of its runs waits already; it waits its turn if not.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) async fn take_up(self: &Arc<Self>, row: RunRow) -> Result<(), Error> {
        let tenant = row.caller.tenant;
        if !self.queued().contains(&tenant)
            && let Some(place) = self.places.try_enter(tenant)
        {
            return self.drive(row, Some(place)).await;
        }
        self.queued().insert(tenant);
        self.wake.notify_one();
        Ok(())
    }

    /// Passes when a tenant may begin one more run, if only to have it wait.
    ///
    /// # Errors
    /// [`Error::TooManyRuns`].
    pub(crate) async fn may_wait(&self, tenant: TenantId) -> Result<(), Error> {
        let max = self.ports.config.max_waiting_runs;
        let is_queued = self.queued().contains(&tenant);
        if is_queued && self.ports.store.n_waiting(tenant, self.ports.clock.now_ms()).await? >= max {
            return Err(Error::TooManyRuns(max));
        }
        Ok(())
    }

    /// Ends the leases of processes that are known to have died: their runs need not wait for the leases to run out.
    async fn free_runs_of_the_dead(&self) -> Result<(), Error> {
        for owner in self.ports.store.other_owners(&self.owner).await? {
            if owner::is_dead(&owner) {
                info!(run.owner = owner, "a process that owned runs has died");
                self.ports.store.free(&owner).await?;
            }
        }
        Ok(())
    }

    fn queued(&self) -> std::sync::MutexGuard<'_, HashSet<TenantId>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run that nobody owns and drives it in the background.
    async fn drive(self: &Arc<Self>, mut row: RunRow, place: Option<Place>) -> Result<(), Error> {
        let taken = self.ports.store.take(row.id, &self.owner, self.ports.clock.now_ms(), self.lease_until()).await?;
        let Some(epoch) = taken else { return Ok(()) };
        row.n_recoveries += 1;
        if row.n_recoveries > 1 || row.epoch > 0 {
            info!(run.id = %row.id, run.epoch = epoch, "run taken up again");
        }
        let signals = Signals { leave: self.lifecycle.stopping().child_token(), ..Signals::default() };
        if row.cancel_requested {
            signals.cancel.cancel();
        }
        self.lock().insert(row.id, signals.clone());
        let scheduler = Arc::clone(self);
        self.lifecycle.spawn("drive run", async move {
            let id = row.id;
            runner::drive(Arc::clone(&scheduler.ports), &scheduler.owner, row, epoch, signals).await;
            // Forgotten before it is released: whoever takes it next, here too, has signals of its own.
            scheduler.lock().remove(&id);
            if let Err(error) = scheduler.ports.store.release(id, epoch).await {
                warn!(run.id = %id, error.detail = %causes(&error), "cannot release run");
            }
            drop(place);
        });
        Ok(())
    }

    /// Renews the leases, outside the runs' own tasks: a long tool must not cost its run. When that fails for too long
    /// the runs are left before another process can take them. And hears of cancels that reached another process.
    async fn keep_leases(self: Arc<Self>) {
        let stopping = self.lifecycle.stopping();
        let lease = self.ports.config.lease();
        let renew_every = (lease / 4).min(Duration::from_secs(1));
        let (mut renewed_at, mut tried_at) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(renew_every.min(HEAR_EVERY)) => {}
            }
            if self.lock().is_empty() {
                renewed_at = Instant::now();
                continue;
            }
            if let Err(error) = self.hear_cancels().await {
                warn!(error.detail = %causes(&error), "cannot look for cancelled runs");
            }
            if tried_at.elapsed() < renew_every {
                continue;
            }
            tried_at = Instant::now();
            match self.renew().await {
                Ok(()) => renewed_at = Instant::now(),
                Err(error) => {
                    warn!(error.detail = %causes(&error), "cannot renew leases");
                    if renewed_at.elapsed() + Duration::from_secs(1) >= lease {
                        self.lock().values().for_each(|signals| signals.leave.cancel());
                    }
                }
            }
        }
    }

    async fn hear_cancels(&self) -> Result<(), Error> {
        for id in self.ports.store.cancel_requests(&self.owner).await? {
            self.signal_cancel(id);
        }
        Ok(())
    }

    async fn renew(&self) -> Result<(), Error> {
        // Read first: a run that ends in between is then no longer in the map, and nothing is left for it.
        let before: Vec<ResponseId> = self.lock().keys().copied().collect();
        let kept = self.ports.store.renew(&self.owner, self.lease_until()).await?;
        let active = self.lock();
        for id in before.into_iter().filter(|id| !kept.contains(id)) {
            if let Some(signals) = active.get(&id) {
                signals.leave.cancel();
            }
        }
        Ok(())
    }
}
