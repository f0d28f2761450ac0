//! Where the containers in use live: at most one session folder each, filled from the blob store when it is opened.
//!
//! A folder is a cache. What lasts is the rows and blobs of its files, so it may go at any time between two runs:
//! when it is idle, when the warden dies, when the machine does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use septet_kernel::ContainerId;
use tokio_util::sync::CancellationToken;

use crate::driver::Session;

/// All rooms.
#[derive(Default)]
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<ContainerId, Arc<Room>>>,
}

/// One container in use. Its lock is held while code runs in it, so that runs see each other's files in order.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) open: Arc<tokio::sync::Mutex<Option<Box<dyn Session>>>>,
    /// Cancelled when the container is deleted.
    pub(crate) gone: CancellationToken,
    used_at_ms: AtomicI64,
}

impl Rooms {
    pub(crate) fn room(&self, id: ContainerId, now_ms: i64) -> Arc<Room> {
        let room = Arc::clone(self.all().entry(id).or_default());
        room.used_at_ms.store(now_ms, Ordering::Relaxed);
        room
    }

    /// Ends what runs in the container and lets its folder go. Waits until nothing runs in it.
    pub(crate) async fn remove(&self, id: ContainerId) {
        let Some(room) = self.all().remove(&id) else { return };
        room.gone.cancel();
        *room.open.lock().await = None;
    }

    /// Lets the folders go that nobody has used since `before_ms`. Returns how many.
    pub(crate) fn sweep(&self, before_ms: i64) -> usize {
        let mut all = self.all();
        let n_before = all.len();
        // Whoever is using a room holds it too.
        all.retain(|_, room| Arc::strong_count(room) > 1 || room.used_at_ms.load(Ordering::Relaxed) >= before_ms);
        n_before - all.len()
    }

    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ContainerId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
