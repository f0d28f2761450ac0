//! All runs of this process: which ones it owns, how it keeps them, and how it finds abandoned ones.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use septet_blobs::Blobs;
use septet_chassis::{Lifecycle, Place, Shares};
use septet_contracts::knowledge::Knowledge;
use septet_contracts::management::Management;
use septet_contracts::models::Models;
use septet_contracts::sandbox::Sandbox;
use septet_kernel::{Clock, Ids, ResponseId, TenantId, causes};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::config::Config;
use crate::error::Error;
use crate::feed::Feed;
use crate::journal::{load_spilled, load_thinking};
use crate::owner;
use crate::prompt::Past;
use crate::run::event::Event;
use crate::run::state::State;
use crate::runner::{self, Signals};
use crate::store::{RunRow, Store};

/// How many earlier runs of a conversation the model is shown.
const MAX_HISTORY: usize = 12;

/// How often abandoned runs are looked for. Together with the lease it bounds how long a run stands still after a crash.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// How often a process looks whether a run of its own was cancelled by way of another one.
const HEAR_EVERY: Duration = Duration::from_millis(250);

/// How many runs of one tenant are looked at in one sweep.
const N_AT_A_TURN: usize = 8;

pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) feed: Feed,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) management: Management,
    pub(crate) models: Models,
    pub(crate) knowledge: Knowledge,
    pub(crate) sandbox: Sandbox,
    pub(crate) owner: String,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) active: Mutex<HashMap<ResponseId, Signals>>,
    pub(crate) wake: Notify,
    /// Where runs are driven, shared between tenants.
    pub(crate) places: Arc<Shares>,
    /// Tenants with runs that wait for a place.
    pub(crate) queued: Mutex<HashSet<TenantId>>,
}

impl Engine {
    /// Keeps the leases, takes up runs and lets sandboxes go until shutdown.
    pub(crate) fn start(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        self.lifecycle.spawn("keep leases of runs", async move { engine.keep_leases().await });
        let engine = Arc::clone(self);
        self.lifecycle.spawn("take up runs", async move { engine.take_up_runs().await });
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
        self.clock.now_ms() + i64::try_from(self.config.lease().as_millis()).unwrap_or(i64::MAX)
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
        let rows = self.store.abandoned_runs(self.clock.now_ms(), N_AT_A_TURN).await?;
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
        let max = self.config.max_waiting_runs;
        let is_queued = self.queued().contains(&tenant);
        if is_queued && self.store.n_waiting(tenant, self.clock.now_ms()).await? >= max {
            return Err(Error::TooManyRuns(max));
        }
        Ok(())
    }

    /// Ends the leases of processes that are known to have died: their runs need not wait for the leases to run out.
    async fn free_runs_of_the_dead(&self) -> Result<(), Error> {
        for owner in self.store.other_owners(&self.owner).await? {
            if owner::is_dead(&owner) {
                info!(run.owner = owner, "a process that owned runs has died");
                self.store.free(&owner).await?;
            }
        }
        Ok(())
    }

    fn queued(&self) -> std::sync::MutexGuard<'_, HashSet<TenantId>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run that nobody owns and drives it in the background.
    async fn drive(self: &Arc<Self>, mut row: RunRow, place: Option<Place>) -> Result<(), Error> {
        let taken = self.store.take(row.id, &self.owner, self.clock.now_ms(), self.lease_until()).await?;
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
        let engine = Arc::clone(self);
        self.lifecycle.spawn("drive run", async move {
            let id = row.id;
            runner::drive(Arc::clone(&engine), row, epoch, signals).await;
            engine.lock().remove(&id);
            drop(place);
        });
        Ok(())
    }

    /// Renews the leases, outside the runs' own tasks: a long tool must not cost its run. When that fails for too long
    /// the runs are left before another process can take them. And hears of cancels that reached another process.
    async fn keep_leases(self: Arc<Self>) {
        let stopping = self.lifecycle.stopping();
        let lease = self.config.lease();
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
        for id in self.store.cancel_requests(&self.owner).await? {
            self.signal_cancel(id);
        }
        Ok(())
    }

    async fn renew(&self) -> Result<(), Error> {
        // Read first: a run that ends in between is then no longer in the map, and nothing is left for it.
        let before: Vec<ResponseId> = self.lock().keys().copied().collect();
        let kept = self.store.renew(&self.owner, self.lease_until()).await?;
        let active = self.lock();
        for id in before.into_iter().filter(|id| !kept.contains(id)) {
            if let Some(signals) = active.get(&id) {
                signals.leave.cancel();
            }
        }
        Ok(())
    }

    /// What was asked and answered before, oldest first, along the chain of `previous`.
    pub(crate) async fn history(&self, previous: Option<ResponseId>) -> Result<Vec<Past>, Error> {
        let mut history = Vec::new();
        let mut next = previous;
        while let Some(id) = next.filter(|_| history.len() < MAX_HISTORY) {
            let journal = self.store.journal(id, 0).await?;
            // A run that was deleted in the middle of a conversation ends what can be remembered.
            let Some(Event::RunCreated(created)) = journal.first().map(|recorded| &recorded.event) else { break };
            next = created.previous;
            let (mut spilled, mut thinking) = (BTreeMap::new(), BTreeMap::new());
            load_spilled(&self.blobs, &journal, &mut spilled).await?;
            load_thinking(&self.blobs, &journal, &mut thinking).await?;
            history.push(Past { state: State::fold(&journal, &spilled), thinking });
        }
        history.reverse();
        Ok(history)
    }
}
