//! Counters of one process, in memory; those that last are written to a database before a settlement is confirmed.
//!
//! One lock guards everything: a reservation touches a handful of counters for a microsecond, and taking a lock for
//! each of them in an order that cannot deadlock costs more than it gains. The lock is never held while waiting.
//!
//! Days, months and totals are written as absolute numbers, so writing twice does no harm. Whoever settles writes for
//! all who settled meanwhile: the slower the disk, the more settlements share one write. This is why one database must
//! not be counted in by two processes; Redis is for those.

mod counter;
mod migration;
mod recent;
mod state;
mod table;
mod unsaved;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use septet_database::Database;
use septet_kernel::Clock;

use crate::Error;
use crate::hold::{Ask, Correction, Counter, Reserved, Settled};
use crate::limit::{Amounts, Limit};
use state::CounterState;
use table::CounterTable;
use unsaved::Unsaved;

/// The driver behind `memory:`.
#[derive(Clone)]
pub(crate) struct Memory {
    state: Arc<Mutex<CounterState>>,
    table: Option<Arc<CounterTable>>,
    clock: Clock,
}

impl Memory {
    pub(crate) async fn open(database: Option<Database>, clock: Clock) -> Result<Self, Error> {
        let table = match database {
            Some(database) => Some(Arc::new(CounterTable::open(database, clock.now_ms()).await?)),
            None => None,
        };
        let state = CounterState::new(table.is_some());
        Ok(Self { state: Arc::new(Mutex::new(state)), table, clock })
    }

    pub(crate) async fn reserve(&self, ask: &Ask<'_>) -> Result<Reserved, Error> {
        let (reserved, version) = self
            .with_counters(ask.limits, |state, now_ms| {
                let before = version(state);
                let reserved = state.reserve(ask, now_ms);
                (reserved, (version(state) > before).then(|| version(state)))
            })
            .await?;
        if let Some(version) = version
            && let Err(error) = self.save(version).await
        {
            // What would be charged after a crash is not on disk, so the call must not begin.
            if reserved.is_ok_and(|reserved| !reserved.is_repeated) {
                self.state().undo(ask.hold);
            }
            return Err(error);
        }
        reserved
    }

    pub(crate) async fn settle(&self, hold: &str, real: &Amounts) -> Result<Settled, Error> {
        let (settled, version, has_lasting) = {
            let mut state = self.state();
            let now_ms = self.clock.now_ms();
            state.tick(now_ms);
            let before = version(&state);
            let settled = state.settle(hold, real, now_ms);
            let after = version(&state);
            // Settled before, but perhaps not on disk: the first answer may have been a failing disk.
            (settled, after, after > before || settled == Settled::Before)
        };
        if has_lasting {
            self.save(version).await?;
        }
        Ok(settled)
    }

    pub(crate) fn extend(&self, hold: &str, lease: Duration) -> Result<i64, Error> {
        self.state().extend(hold, lease, self.clock.now_ms())
    }

    pub(crate) async fn look(&self, limits: &[Limit]) -> Result<Vec<Counter>, Error> {
        self.with_counters(limits, |state, now_ms| state.look(limits, now_ms)).await
    }

    pub(crate) async fn correct(&self, id: &str, limit: &Limit, correction: Correction) -> Result<bool, Error> {
        let Some(table) = &self.table else {
            let mut state = self.state();
            let now_ms = self.clock.now_ms();
            return Ok(state.correct_once(id, limit, correction, now_ms));
        };
        // One correction at a time, so that the same id is not found absent twice.
        let _turn = table.correcting().await;
        if self.state().is_corrected(id) || table.is_corrected(id).await? {
            return Ok(false);
        }
        let version = self
            .with_counters(std::slice::from_ref(limit), |state, now_ms| {
                state.correct_once(id, limit, correction, now_ms);
                version(state)
            })
            .await?;
        self.save(version).await?;
        Ok(true)
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let version = version(&self.state());
        self.save(version).await
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        self.state().size()
    }

    /// Does `work` when every counter that it needs is in memory.
    async fn with_counters<T>(
        &self,
        limits: &[Limit],
        mut work: impl FnMut(&mut CounterState, i64) -> T,
    ) -> Result<T, Error> {
        loop {
            let absent = {
                let mut state = self.state();
                let now_ms = self.clock.now_ms();
                let absent = if self.table.is_some() { state.absent(limits, now_ms) } else { Vec::new() };
                if absent.is_empty() {
                    return Ok(work(&mut state, now_ms));
                }
                absent
            };
            let Some(table) = &self.table else { continue };
            let stored = table.read(&absent).await?;
            let mut state = self.state();
            let now_ms = self.clock.now_ms();
            for (limit, stored) in absent.iter().zip(stored) {
                state.loaded(limit, stored, now_ms);
            }
        }
    }

    /// Returns when everything up to `version` is on disk.
    async fn save(&self, version: u64) -> Result<(), Error> {
        let Some(table) = &self.table else { return Ok(()) };
        if self.is_saved(version) {
            return Ok(());
        }
        let _turn = table.writing().await;
        // Somebody may have written it while we waited for our turn.
        if self.is_saved(version) {
            return Ok(());
        }
        let (begun, rows, corrections) = {
            let mut state = self.state();
            let Some(unsaved) = &mut state.unsaved else { return Ok(()) };
            let (begun, names, corrections) = unsaved.begin();
            let row = |name: unsaved::Name| {
                let limit = Limit::of_counter(name.scope.clone(), name.what, name.span);
                state.lasting(&name).map(|(bounds, used)| (limit.key(), bounds, used))
            };
            (begun, names.into_iter().filter_map(row).collect::<Vec<_>>(), corrections)
        };
        table.write(&rows, &corrections, self.clock.now_ms()).await?;
        if let Some(unsaved) = &mut self.state().unsaved {
            unsaved.confirm(begun);
        }
        Ok(())
    }

    fn is_saved(&self, version: u64) -> bool {
        self.state().unsaved.as_ref().is_none_or(|unsaved| unsaved.is_saved(version))
    }

    fn state(&self) -> MutexGuard<'_, CounterState> {
        // A panic elsewhere leaves numbers that are at worst too high; refusing everything for ever is worse.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(state: &CounterState) -> u64 {
    state.unsaved.as_ref().map_or(0, Unsaved::version)
}
