//! Counters of one process, in memory; those that last are written to a database before a settlement is confirmed.
//!
//! One lock guards everything: a reservation touches a handful of counters for a microsecond, and taking a lock for
//! each of them in an order that cannot deadlock costs more than it gains. The lock is never held while waiting.
//!
//! Days, months and totals are written as absolute numbers, so writing twice does no harm. Whoever settles writes for
//! all who settled meanwhile: the slower the disk, the more settlements share one write. This is why one database must
//! not be counted in by two processes; Redis is for those.

mod book;
mod counter;
mod ledger;
mod migration;
mod recent;
mod unsaved;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use septet_database::Database;
use septet_kernel::Clock;

use crate::Error;
use crate::hold::{Ask, Correction, Counter, Reserved, Settled};
use crate::limit::{Amounts, Limit};
use book::Book;
use ledger::Ledger;
use unsaved::Unsaved;

/// The driver behind `memory:`.
#[derive(Clone)]
pub(crate) struct Memory {
    book: Arc<Mutex<Book>>,
    ledger: Option<Arc<Ledger>>,
    clock: Clock,
}

impl Memory {
    pub(crate) async fn open(database: Option<Database>, clock: Clock) -> Result<Self, Error> {
        let ledger = match database {
            Some(database) => Some(Arc::new(Ledger::open(database, clock.now_ms()).await?)),
            None => None,
        };
        let book = Book::new(ledger.is_some());
        Ok(Self { book: Arc::new(Mutex::new(book)), ledger, clock })
    }

    pub(crate) async fn reserve(&self, ask: &Ask<'_>) -> Result<Reserved, Error> {
        let (reserved, version) = self
            .with_counters(ask.limits, |book, now_ms| {
                let before = version(book);
                let reserved = book.reserve(ask, now_ms);
                (reserved, (version(book) > before).then(|| version(book)))
            })
            .await?;
        if let Some(version) = version
            && let Err(error) = self.save(version).await
        {
            // What would be charged after a crash is not on disk, so the call must not begin.
            if reserved.is_ok_and(|reserved| !reserved.is_repeated) {
                self.book().undo(ask.hold);
            }
            return Err(error);
        }
        reserved
    }

    pub(crate) async fn settle(&self, hold: &str, real: &Amounts) -> Result<Settled, Error> {
        let (settled, version, has_lasting) = {
            let mut book = self.book();
            let now_ms = self.clock.now_ms();
            book.tick(now_ms);
            let before = version(&book);
            let settled = book.settle(hold, real, now_ms);
            let after = version(&book);
            // Settled before, but perhaps not on disk: the first answer may have been a failing disk.
            (settled, after, after > before || settled == Settled::Before)
        };
        if has_lasting {
            self.save(version).await?;
        }
        Ok(settled)
    }

    pub(crate) fn extend(&self, hold: &str, lease: Duration) -> Result<i64, Error> {
        self.book().extend(hold, lease, self.clock.now_ms())
    }

    pub(crate) async fn look(&self, limits: &[Limit]) -> Result<Vec<Counter>, Error> {
        self.with_counters(limits, |book, now_ms| book.look(limits, now_ms)).await
    }

    pub(crate) async fn correct(&self, id: &str, limit: &Limit, correction: Correction) -> Result<bool, Error> {
        let Some(ledger) = &self.ledger else {
            let mut book = self.book();
            let now_ms = self.clock.now_ms();
            return Ok(book.correct_once(id, limit, correction, now_ms));
        };
        // One correction at a time, so that the same id is not found absent twice.
        let _turn = ledger.correcting().await;
        if self.book().is_corrected(id) || ledger.is_corrected(id).await? {
            return Ok(false);
        }
        let version = self
            .with_counters(std::slice::from_ref(limit), |book, now_ms| {
                book.correct_once(id, limit, correction, now_ms);
                version(book)
            })
            .await?;
        self.save(version).await?;
        Ok(true)
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let version = version(&self.book());
        self.save(version).await
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        self.book().size()
    }

    /// Does `work` when every counter that it needs is in memory.
    async fn with_counters<T>(&self, limits: &[Limit], mut work: impl FnMut(&mut Book, i64) -> T) -> Result<T, Error> {
        loop {
            let absent = {
                let mut book = self.book();
                let now_ms = self.clock.now_ms();
                let absent = if self.ledger.is_some() { book.absent(limits, now_ms) } else { Vec::new() };
                if absent.is_empty() {
                    return Ok(work(&mut book, now_ms));
                }
                absent
            };
            let Some(ledger) = &self.ledger else { continue };
            let stored = ledger.read(&absent).await?;
            let mut book = self.book();
            let now_ms = self.clock.now_ms();
            for (limit, stored) in absent.iter().zip(stored) {
                book.loaded(limit, stored, now_ms);
            }
        }
    }

    /// Returns when everything up to `version` is on disk.
    async fn save(&self, version: u64) -> Result<(), Error> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        if self.is_saved(version) {
            return Ok(());
        }
        let _turn = ledger.writing().await;
        // Somebody may have written it while we waited for our turn.
        if self.is_saved(version) {
            return Ok(());
        }
        let (begun, rows, corrections) = {
            let mut book = self.book();
            let Some(unsaved) = &mut book.unsaved else { return Ok(()) };
            let (begun, names, corrections) = unsaved.begin();
            let row = |name: unsaved::Name| {
                let limit = Limit::of_counter(name.scope.clone(), name.what, name.span);
                book.lasting(&name).map(|(bounds, used)| (limit.key(), bounds, used))
            };
            (begun, names.into_iter().filter_map(row).collect::<Vec<_>>(), corrections)
        };
        ledger.write(&rows, &corrections, self.clock.now_ms()).await?;
        if let Some(unsaved) = &mut self.book().unsaved {
            unsaved.confirm(begun);
        }
        Ok(())
    }

    fn is_saved(&self, version: u64) -> bool {
        self.book().unsaved.as_ref().is_none_or(|unsaved| unsaved.is_saved(version))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic elsewhere leaves numbers that are at worst too high; refusing everything for ever is worse.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(book: &Book) -> u64 {
    book.unsaved.as_ref().map_or(0, Unsaved::version)
}
