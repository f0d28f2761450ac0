//! A cache of the rows of containers in use.
//!
//! Every execution wants to know whose container it is and whether it has expired, and makes it active again. From the
//! database that is two reads and a commit each time, which is longer than short code takes. So rows that were read are
//! remembered, and activity is written down now and then: a process that is killed forgets a few seconds of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use septet_kernel::ContainerId;

use crate::container::Container;

/// Activity that may be lost when the process is killed; expiry counts in minutes.
const WRITE_INTERVAL_MS: i64 = 15_000;
const ENTRIES_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct ContainerCache {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    containers: HashMap<ContainerId, CachedContainer>,
    n_deleted: u64,
}

struct CachedContainer {
    container: Container,
    written_ms: i64,
}

impl ContainerCache {
    pub(super) fn get(&self, id: ContainerId) -> Option<Container> {
        self.inner().containers.get(&id).map(|known| known.container.clone())
    }

    /// To be asked before a row is read, and given back when it is remembered.
    pub(super) fn n_deleted(&self) -> u64 {
        self.inner().n_deleted
    }

    /// Remembers a row, unless a container was deleted since `n_deleted`: it may have been this one.
    pub(super) fn remember(&self, container: &Container, n_deleted: u64) {
        let mut inner = self.inner();
        if inner.n_deleted != n_deleted {
            return;
        }
        if inner.containers.len() >= ENTRIES_MAX {
            // What has activity that is not written stays.
            inner.containers.retain(|_, known| known.is_behind());
        }
        if inner.containers.len() < ENTRIES_MAX {
            let written_ms = container.last_active_at_ms;
            inner
                .containers
                .entry(container.id)
                .or_insert(CachedContainer { container: container.clone(), written_ms });
        }
    }

    /// Notes activity. Whether it is to be written down.
    pub(super) fn touch(&self, id: ContainerId, now_ms: i64) -> bool {
        let mut inner = self.inner();
        let Some(known) = inner.containers.get_mut(&id) else { return true };
        known.container.last_active_at_ms = now_ms;
        let is_due = now_ms - known.written_ms >= WRITE_INTERVAL_MS;
        if is_due {
            known.written_ms = now_ms;
        }
        is_due
    }

    pub(super) fn forget(&self, id: ContainerId) {
        let mut inner = self.inner();
        inner.n_deleted += 1;
        inner.containers.remove(&id);
    }

    /// The activity that is not written yet; from now on it counts as written.
    pub(super) fn take_unwritten(&self) -> Vec<(ContainerId, i64)> {
        let mut unwritten = Vec::new();
        for (id, known) in &mut self.inner().containers {
            if known.is_behind() {
                known.written_ms = known.container.last_active_at_ms;
                unwritten.push((*id, known.written_ms));
            }
        }
        unwritten
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedContainer {
    fn is_behind(&self) -> bool {
        self.written_ms != self.container.last_active_at_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use septet_kernel::{Clock, Ids};

    fn container(ids: &Ids) -> Container {
        Container {
            id: ids.next(),
            tenant: ids.next(),
            name: String::new(),
            created_at_ms: 0,
            last_active_at_ms: 0,
            expires_minutes: Some(20),
            network: None,
        }
    }

    #[test]
    fn activity_is_written_now_and_then_and_none_of_it_is_forgotten() {
        let (cache, container) = (ContainerCache::default(), container(&Ids::new(Clock::manual(0))));
        assert!(cache.touch(container.id, 1), "one that is not known is written at once");
        cache.remember(&container, cache.n_deleted());

        assert!(!cache.touch(container.id, 14_999));
        assert!(cache.touch(container.id, 15_000));
        assert!(!cache.touch(container.id, 20_000));
        assert_eq!(cache.get(container.id).unwrap().last_active_at_ms, 20_000);
        assert_eq!(cache.take_unwritten(), [(container.id, 20_000)]);
        assert_eq!(cache.take_unwritten(), []);
    }

    #[test]
    fn a_row_that_was_read_before_a_delete_is_not_remembered() {
        let (cache, container) = (ContainerCache::default(), container(&Ids::new(Clock::manual(0))));
        let n_deleted = cache.n_deleted();
        cache.forget(container.id);
        cache.remember(&container, n_deleted);
        assert_eq!(cache.get(container.id), None);
    }
}
