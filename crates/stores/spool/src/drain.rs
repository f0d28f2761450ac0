//! Carries what waits into its store, for as long as the process runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use septet_kernel::causes;
use tokio_util::sync::CancellationToken;

use crate::{Error, Spool};

/// How much goes into one batch, and how long to wait while the store is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The most records in a batch.
    pub max_records: usize,
    /// The most bytes in a batch; one record may be larger.
    pub max_bytes: usize,
    /// How long to let records gather after a batch that was not full, so that a busy store gets few large batches and
    /// not many small ones.
    pub gather: Duration,
    /// The wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait. Up to as much again is added by chance, so that processes do not come back all at once.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            max_records: 500,
            max_bytes: 1 << 20,
            gather: Duration::ZERO,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(15),
        }
    }
}

/// What a [`Drain`] has done so far.
#[derive(Debug, Default)]
pub struct Counts {
    stored: AtomicU64,
    failures: AtomicU64,
    failures_in_a_row: AtomicU64,
}

impl Counts {
    /// How many records the store has taken.
    #[must_use]
    pub fn n_stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// How many attempts failed.
    #[must_use]
    pub fn n_failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How many attempts failed since one succeeded; 0 while all is well.
    #[must_use]
    pub fn n_failures_in_a_row(&self) -> u64 {
        self.failures_in_a_row.load(Ordering::Relaxed)
    }
}

/// The loop that stores what waits, oldest first.
pub struct Drain {
    spool: Spool,
    pace: Pace,
    counts: Arc<Counts>,
}

impl Drain {
    /// A drain of this spool. One is enough: two would store every record twice.
    #[must_use]
    pub fn new(spool: Spool, pace: Pace) -> Self {
        Self { spool, pace, counts: Arc::default() }
    }

    /// What was done so far; goes on counting.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Stores batch after batch until `cancel`. Then one more pass stores what waits at that moment, and stops at the
    /// first failure; the rest waits on disk for the next start.
    ///
    /// `store` gets the records in order and may get the same ones again, so it leaves out those it has by their id.
    /// When it fails, the same batch comes again after a wait. It has to put aside what it can never store, and to
    /// give up on a store that hangs: everything behind waits for it.
    pub async fn run<Store, Stored, E>(self, store: Store, cancel: CancellationToken)
    where
        Store: Fn(Vec<Bytes>) -> Stored,
        Stored: Future<Output = Result<(), E>>,
        E: std::error::Error + 'static,
    {
        let mut waits = self.waits();
        while !cancel.is_cancelled() {
            match self.step(&store).await {
                Ok(0) => {
                    tokio::select! {
                        () = self.spool.wait_for_more() => {}
                        () = cancel.cancelled() => {}
                    }
                }
                Ok(n_stored) => {
                    waits = self.waits();
                    if usize::try_from(n_stored).is_ok_and(|n_stored| n_stored < self.pace.max_records) {
                        pause(self.pace.gather, &cancel).await;
                    }
                }
                Err(NotStored) => pause(waits.next().unwrap_or(self.pace.longest_wait), &cancel).await,
            }
        }
        let mut left = self.spool.n_waiting();
        while left > 0 {
            match self.step(&store).await {
                Ok(n_stored) if n_stored > 0 => left = left.saturating_sub(n_stored),
                Ok(_) | Err(NotStored) => break,
            }
        }
    }

    fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let Pace { first_wait, longest_wait, .. } = self.pace;
        let waits = ExponentialBuilder::default().with_min_delay(first_wait).with_max_delay(longest_wait);
        waits.without_max_times().with_jitter().build()
    }

    /// Stores one batch; how many records it had, 0 when nothing waits.
    async fn step<Store, Stored, E>(&self, store: &Store) -> Result<u64, NotStored>
    where
        Store: Fn(Vec<Bytes>) -> Stored,
        Stored: Future<Output = Result<(), E>>,
        E: std::error::Error + 'static,
    {
        let batch = match self.spool.batch(self.pace.max_records, self.pace.max_bytes).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(0),
            Err(error) => return Err(self.failed(&error)),
        };
        // Cloning shares the bytes.
        if let Err(error) = store(batch.records.clone()).await {
            return Err(self.failed(&error));
        }
        match self.spool.ack(&batch).await {
            Ok(()) | Err(Error::NotTheOldest) => {}
            Err(error) => return Err(self.failed(&error)),
        }
        let n_records = batch.records.len() as u64;
        self.counts.stored.fetch_add(n_records, Ordering::Relaxed);
        let n_failures = self.counts.failures_in_a_row.swap(0, Ordering::Relaxed);
        if n_failures > 0 {
            tracing::info!(n_failures, n_waiting = self.spool.n_waiting(), "the store takes records again");
        }
        Ok(n_records)
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> NotStored {
        self.counts.failures.fetch_add(1, Ordering::Relaxed);
        let n_before = self.counts.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        let (error, n_waiting) = (causes(error), self.spool.n_waiting());
        // The first one tells; the ones after it would only fill the log.
        if n_before == 0 {
            tracing::warn!(error, n_waiting, "the store is away, records wait on disk");
        } else {
            tracing::debug!(error, n_waiting, n_failures = n_before + 1, "the store is still away");
        }
        NotStored
    }
}

async fn pause(time: Duration, cancel: &CancellationToken) {
    if !time.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = cancel.cancelled() => {}
        }
    }
}

/// The batch was not stored; why is in the log.
struct NotStored;

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("pace", &self.pace).finish_non_exhaustive()
    }
}
