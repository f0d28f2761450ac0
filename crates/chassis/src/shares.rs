//! Places for work that takes long, shared between tenants.
//!
//! A plain limit is first come, first served: whoever asks for a thousand things at once has all places, and everybody
//! else waits behind them. Here a tenant that has places already gets another one only while enough others stay free:
//! the last is kept for somebody who has none, and nobody holds more than three times what is free. One tenant alone
//! thus fills three quarters of many places, or all but one of a few. Those who wait are served by who has least.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use septet_kernel::TenantId;
use tokio::sync::{Notify, oneshot};

// So many times what is free may one tenant hold.
const MAX_RATIO_TO_FREE: usize = 3;

/// A number of places.
#[derive(Debug)]
pub struct Shares {
    n_places: usize,
    book: Mutex<Book>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    n_taken: usize,
    held: BTreeMap<TenantId, usize>,
    waiting: BTreeMap<TenantId, VecDeque<(u64, oneshot::Sender<Place>)>>,
    n_came: u64,
}

/// A place that is held until this is dropped.
#[derive(Debug)]
pub struct Place {
    shares: Arc<Shares>,
    tenant: TenantId,
}

impl Shares {
    /// So many places, at least one.
    #[must_use]
    pub fn new(n_places: usize) -> Arc<Self> {
        Arc::new(Self { n_places: n_places.max(1), book: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a tenant, if there is one for it now.
    #[must_use]
    pub fn try_enter(self: &Arc<Self>, tenant: TenantId) -> Option<Place> {
        let mut book = self.book();
        if !self.has_place_for(&book, tenant) {
            return None;
        }
        Some(self.take(&mut book, tenant))
    }

    /// Waits for a place. Among those who wait, the tenant that holds least comes first, and of one tenant who came first.
    pub async fn enter(self: &Arc<Self>, tenant: TenantId) -> Place {
        let (give, given) = oneshot::channel();
        {
            let mut book = self.book();
            let number = book.n_came;
            book.n_came += 1;
            book.waiting.entry(tenant).or_default().push_back((number, give));
        }
        self.serve();
        given.await.expect("whoever waits is served before the book is closed, and the caller holds the book")
    }

    /// Whether a tenant would get a place now.
    #[must_use]
    pub fn is_open_to(&self, tenant: TenantId) -> bool {
        self.has_place_for(&self.book(), tenant)
    }

    /// Whether anybody at all would get a place now.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.book().n_taken < self.n_places
    }

    /// Whether all places are free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.book().n_taken == 0
    }

    /// Waits until a place became free since the last time this was awaited.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    fn has_place_for(&self, book: &Book, tenant: TenantId) -> bool {
        let n_free = self.n_places - book.n_taken;
        match book.held.get(&tenant).copied().unwrap_or(0) {
            0 => n_free > 0,
            n_held => n_free > 1 && n_held < MAX_RATIO_TO_FREE * n_free,
        }
    }

    fn take(self: &Arc<Self>, book: &mut Book, tenant: TenantId) -> Place {
        book.n_taken += 1;
        *book.held.entry(tenant).or_default() += 1;
        Place { shares: Arc::clone(self), tenant }
    }

    /// Gives places to those who wait, as long as there are some for them.
    fn serve(self: &Arc<Self>) {
        loop {
            let (give, place) = {
                let mut book = self.book();
                book.forget_who_left();
                let open = book.waiting.iter().filter(|(tenant, _)| self.has_place_for(&book, **tenant));
                let next = open.min_by_key(|(tenant, waiting)| {
                    let n_held = book.held.get(tenant).copied().unwrap_or(0);
                    (n_held, waiting.front().map(|(number, _)| *number))
                });
                let Some(tenant) = next.map(|(tenant, _)| *tenant) else { return };
                let Some(give) = book.next_of(tenant) else { return };
                (give, self.take(&mut book, tenant))
            };
            // Outside of the lock: whoever left meanwhile gives the place back here, which takes the lock again.
            drop(give.send(place));
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn next_of(&mut self, tenant: TenantId) -> Option<oneshot::Sender<Place>> {
        self.waiting.get_mut(&tenant)?.pop_front().map(|(_, give)| give)
    }

    fn forget_who_left(&mut self) {
        for waiting in self.waiting.values_mut() {
            while waiting.front().is_some_and(|(_, give)| give.is_closed()) {
                waiting.pop_front();
            }
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
    }
}

impl Place {
    /// Whose place it is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut book = self.shares.book();
            book.n_taken -= 1;
            if let Some(n_held) = book.held.get_mut(&self.tenant) {
                *n_held -= 1;
                if *n_held == 0 {
                    book.held.remove(&self.tenant);
                }
            }
        }
        self.shares.serve();
        self.shares.freed.notify_one();
    }
}
