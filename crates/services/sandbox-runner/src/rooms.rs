//! Where the containers in use live: at most one session each, its folder filled from the blob store when it is opened.
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

/// All rooms.
#[derive(Default)]
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<ContainerId, Arc<Room>>>,
}

/// One container in use. Its lock is held while code runs in it, so that runs see each other's files in order.
pub(crate) struct Room {
    pub(crate) open: Arc<tokio::sync::Mutex<Option<Box<dyn Session>>>>,
    /// Cancelled when the container is deleted.
    pub(crate) gone: CancellationToken,
    container: ContainerId,
    pub(crate) tenant: TenantId,
    used_at_ms: AtomicI64,
    opened_at_ms: AtomicI64,
    current: Mutex<Option<Signals>>,
}

/// A run that is going on in a room, until this is dropped.
pub(crate) struct Current<'a>(&'a Room);

impl Rooms {
    pub(crate) fn room(&self, id: ContainerId, tenant: TenantId, now_ms: i64) -> Arc<Room> {
        let room = Arc::clone(self.all().entry(id).or_insert_with(|| Arc::new(Room::new(id, tenant))));
        room.used_at_ms.store(now_ms, Ordering::Relaxed);
        room
    }

    pub(crate) fn existing(&self, id: ContainerId) -> Option<Arc<Room>> {
        self.all().get(&id).cloned()
    }

    /// Ends what runs in the container and lets its session go. Waits until nothing runs in it.
    pub(crate) async fn remove(&self, id: ContainerId) {
        let Some(room) = self.all().remove(&id) else { return };
        room.gone.cancel();
        *room.open.lock().await = None;
    }

    /// Lets the session of a container go, unless somebody is using it.
    pub(crate) fn release(&self, id: ContainerId) {
        let mut all = self.all();
        if all.get(&id).is_some_and(|room| Arc::strong_count(room) == 1) {
            all.remove(&id);
        }
    }

    /// Lets idle sessions go until one more may be opened for `room`.
    ///
    /// # Errors
    /// [`Error::TooManySessions`] when those that are in the way are all in use.
    pub(crate) fn make_space(&self, room: &Room, n_per_tenant: usize, n_in_all: usize) -> Result<(), Error> {
        let others: Vec<Arc<Room>> = self
            .all()
            .values()
            .filter(|other| other.container != room.container && other.is_open())
            .map(Arc::clone)
            .collect();
        let of_tenant: Vec<Arc<Room>> =
            others.iter().filter(|other| other.tenant == room.tenant).map(Arc::clone).collect();
        let n_freed = free(of_tenant, n_per_tenant)?;
        let still_open = others.into_iter().filter(|other| other.is_open()).collect();
        let n_freed = n_freed + free(still_open, n_in_all)?;
        if n_freed > 0 {
            tracing::info!(sandbox.n_closed = n_freed, "sessions closed to make space for another");
        }
        Ok(())
    }

    /// Lets the sessions go that nobody has used since `idle_since_ms` or that are older than `opened_before_ms`, if no code
    /// runs in them. Returns how many.
    pub(crate) fn sweep(&self, idle_since_ms: i64, opened_before_ms: i64) -> usize {
        let mut all = self.all();
        let n_before = all.len();
        all.retain(|_, room| {
            let is_fresh = room.used_at_ms.load(Ordering::Relaxed) >= idle_since_ms;
            let is_young = room.opened_at_ms.load(Ordering::Relaxed) >= opened_before_ms;
            // Whoever is using a room holds it too.
            Arc::strong_count(room) > 1 || (is_fresh && is_young)
        });
        n_before - all.len()
    }

    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ContainerId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the sessions that were not used for longest, until fewer than `n_max` are open.
fn free(mut rooms: Vec<Arc<Room>>, n_max: usize) -> Result<usize, Error> {
    if rooms.len() < n_max {
        return Ok(0);
    }
    let n_wanted = rooms.len() + 1 - n_max;
    rooms.sort_by_key(|room| room.used_at_ms.load(Ordering::Relaxed));
    let n_freed = rooms.iter().filter(|room| room.close_if_idle()).take(n_wanted).count();
    if n_freed == n_wanted { Ok(n_freed) } else { Err(Error::TooManySessions { limit: n_max }) }
}

impl Room {
    fn new(container: ContainerId, tenant: TenantId) -> Self {
        Self {
            open: Arc::default(),
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
        let Ok(mut open) = self.open.try_lock() else { return false };
        *open = None;
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
