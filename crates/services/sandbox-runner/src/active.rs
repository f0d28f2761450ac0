//! The containers in use: at most one session each, whose folder is filled from the blob store when it is opened.
//!
//! A session is a cache. What lasts is the rows and blobs of its files, so it may go at any time between two runs: when
//! it is idle, when others need the space, when the warden dies, when the machine does. Variables go with it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use septet_kernel::{ContainerId, TenantId};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::driver::{Session, Signals};

/// When no session is open.
const CLOSED: i64 = i64::MAX;

/// By id.
#[derive(Default)]
pub(crate) struct ActiveContainers {
    containers: Mutex<HashMap<ContainerId, Arc<ActiveContainer>>>,
}

/// One container in use. Its lock is held while code runs in it, so that runs see each other's files in order.
pub(crate) struct ActiveContainer {
    pub(crate) session: Arc<tokio::sync::Mutex<Option<Box<dyn Session>>>>,
    /// Cancelled when the container is deleted.
    pub(crate) gone: CancellationToken,
    container: ContainerId,
    pub(crate) tenant: TenantId,
    used_at_ms: AtomicI64,
    opened_at_ms: AtomicI64,
    current: Mutex<Option<Signals>>,
}

/// A run that is going on in a container, until this is dropped.
pub(crate) struct Current<'a>(&'a ActiveContainer);

impl ActiveContainers {
    /// The container with this id, which counts as used now.
    pub(crate) fn container(&self, id: ContainerId, tenant: TenantId, now_ms: i64) -> Arc<ActiveContainer> {
        let active = Arc::clone(self.all().entry(id).or_insert_with(|| Arc::new(ActiveContainer::new(id, tenant))));
        active.used_at_ms.store(now_ms, Ordering::Relaxed);
        active
    }

    pub(crate) fn existing(&self, id: ContainerId) -> Option<Arc<ActiveContainer>> {
        self.all().get(&id).cloned()
    }

    /// Ends what runs in the container and closes its session. Waits until nothing runs in it.
    pub(crate) async fn remove(&self, id: ContainerId) {
        let Some(active) = self.all().remove(&id) else { return };
        active.gone.cancel();
        *active.session.lock().await = None;
    }

    /// Closes the session of a container, unless somebody is using it.
    pub(crate) fn release(&self, id: ContainerId) {
        let mut all = self.all();
        if all.get(&id).is_some_and(|active| Arc::strong_count(active) == 1) {
            all.remove(&id);
        }
    }

    /// Closes idle sessions until one more may be opened for `wanting`.
    ///
    /// # Errors
    /// [`Error::TooManySessions`] when those that are in the way are all in use.
    pub(crate) fn make_space(
        &self,
        wanting: &ActiveContainer,
        n_per_tenant: usize,
        n_in_all: usize,
    ) -> Result<(), Error> {
        let others: Vec<Arc<ActiveContainer>> = self
            .all()
            .values()
            .filter(|other| other.container != wanting.container && other.is_open())
            .map(Arc::clone)
            .collect();
        let of_tenant: Vec<Arc<ActiveContainer>> =
            others.iter().filter(|other| other.tenant == wanting.tenant).map(Arc::clone).collect();
        let n_freed = free(of_tenant, n_per_tenant)?;
        let still_open = others.into_iter().filter(|other| other.is_open()).collect();
        let n_freed = n_freed + free(still_open, n_in_all)?;
        if n_freed > 0 {
            tracing::info!(sandbox.n_closed = n_freed, "sessions closed to make space for another");
        }
        Ok(())
    }

    /// Closes the sessions that nobody has used since `idle_since_ms` or that are older than `opened_before_ms`, if no code
    /// runs in them. Returns how many.
    pub(crate) fn sweep(&self, idle_since_ms: i64, opened_before_ms: i64) -> usize {
        let mut all = self.all();
        let n_before = all.len();
        all.retain(|_, active| {
            let is_fresh = active.used_at_ms.load(Ordering::Relaxed) >= idle_since_ms;
            let is_young = active.opened_at_ms.load(Ordering::Relaxed) >= opened_before_ms;
            // Whoever is using a container has a reference to it too.
            Arc::strong_count(active) > 1 || (is_fresh && is_young)
        });
        n_before - all.len()
    }

    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ContainerId, Arc<ActiveContainer>>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the sessions that were not used for longest, until fewer than `n_max` are open.
fn free(mut containers: Vec<Arc<ActiveContainer>>, n_max: usize) -> Result<usize, Error> {
    if containers.len() < n_max {
        return Ok(0);
    }
    let n_wanted = containers.len() + 1 - n_max;
    containers.sort_by_key(|active| active.used_at_ms.load(Ordering::Relaxed));
    let n_freed = containers.iter().filter(|active| active.close_if_idle()).take(n_wanted).count();
    if n_freed == n_wanted { Ok(n_freed) } else { Err(Error::TooManySessions { limit: n_max }) }
}

impl ActiveContainer {
    fn new(container: ContainerId, tenant: TenantId) -> Self {
        Self {
            session: Arc::default(),
            gone: CancellationToken::new(),
            container,
            tenant,
            used_at_ms: AtomicI64::default(),
            opened_at_ms: AtomicI64::new(CLOSED),
            current: Mutex::default(),
        }
    }

    /// Notes that a session was opened here.
    pub(crate) fn opened(&self, now_ms: i64) {
        self.opened_at_ms.store(now_ms, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.opened_at_ms.load(Ordering::Relaxed) != CLOSED
    }

    fn close_if_idle(&self) -> bool {
        let Ok(mut session) = self.session.try_lock() else { return false };
        *session = None;
        self.opened_at_ms.store(CLOSED, Ordering::Relaxed);
        true
    }

    /// Makes a run known to those who may want to interrupt it.
    pub(crate) fn begin(&self, signals: &Signals) -> Current<'_> {
        *self.lock_current() = Some(signals.clone());
        Current(self)
    }

    /// The run that is going on.
    pub(crate) fn current(&self) -> Option<Signals> {
        self.lock_current().clone()
    }

    fn lock_current(&self) -> MutexGuard<'_, Option<Signals>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        *self.0.lock_current() = None;
    }
}
