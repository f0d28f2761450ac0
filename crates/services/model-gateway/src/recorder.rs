//! Usage records on their way to the store.
//!
//! A record is appended to a spool on disk before the end of its answer is shown, which takes microseconds and needs no
//! store; a task moves it into the store right after. So a store that is away delays records and loses none, and a
//! process that is killed finds them at its next start. Each has an id, and the store takes each id once.

use std::time::Duration;

use septet_chassis::Lifecycle;
use septet_contracts::models::{UsagePage, UsageRecord};
use septet_kernel::causes;
use septet_spool::Spool;
use tokio::sync::watch;
use tracing::{error, warn};

use crate::error::Error;
use crate::store::Store;

// One transaction takes so many: large enough for thousands of calls a second, small enough not to hold others up.
const BATCH_RECORDS: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;
// A record is below 1 KiB; so many calls may be under way at a time.
const ROOM_BYTES: u64 = 2 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Writes records. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    spool: Spool,
    store: Store,
    /// How many batches were stored or failed, so that a reader can wait for the next.
    moved: watch::Sender<u64>,
}

impl Recorder {
    pub(crate) fn new(spool: Spool, store: Store, lifecycle: &Lifecycle) -> Self {
        let (moved, _) = watch::channel(0);
        let recorder = Self { spool, store, moved };
        let worker = recorder.clone();
        let stopping = lifecycle.stopping();
        let _runs_alone = lifecycle.spawn("usage records", async move {
            loop {
                tokio::select! {
                    () = worker.work() => {}
                    () = stopping.cancelled() => break,
                }
            }
            // What the last calls still append is moved if the store is quick, and found at the next start if not.
            let _late = tokio::time::timeout(Duration::from_secs(4), worker.last_words()).await;
        });
        recorder
    }

    /// Writes a record down. Once this returns it is not lost.
    pub(crate) async fn record(&self, record: &UsageRecord) -> Result<(), Error> {
        let line = serde_json::to_vec(record).map_err(|_never| Error::Stored { what: "usage record" })?;
        self.spool.append(&line).await.map_err(|error| Error::Spool(std::sync::Arc::new(error)))
    }

    /// Whether a call that begins now can be recorded when it ends.
    ///
    /// # Errors
    /// [`Error::SpoolFull`]: the store has been away for long. A call that could not be recorded is refused, not given
    /// away.
    pub(crate) fn check_room(&self) -> Result<(), Error> {
        if self.spool.room_bytes() < ROOM_BYTES { Err(Error::SpoolFull) } else { Ok(()) }
    }

    async fn work(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.spool.wait_for_more().await;
            match self.move_one().await {
                Ok(_moved) => pause = FIRST_PAUSE,
                Err(failed) => {
                    warn!(error.detail = %causes(&failed), spool.n_waiting = self.spool.n_waiting(),
                        "usage records wait on disk for their store");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn last_words(&self) {
        // Calls that are ending may append for a moment still.
        for _moment in 0..40 {
            while self.spool.n_waiting() > 0 && self.move_one().await.is_ok() {}
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Moves the oldest records into the store. Says whether there were any.
    async fn move_one(&self) -> Result<bool, Error> {
        let moved = self.try_move().await;
        self.moved.send_modify(|n_batches| *n_batches += 1);
        crate::metrics::waiting(self.spool.n_waiting());
        moved
    }

    async fn try_move(&self) -> Result<bool, Error> {
        let spooled = |error| Error::Spool(std::sync::Arc::new(error));
        let Some(batch) = self.spool.batch(BATCH_RECORDS, BATCH_BYTES).await.map_err(spooled)? else {
            return Ok(false);
        };
        let mut records = Vec::with_capacity(batch.records.len());
        for line in &batch.records {
            match serde_json::from_slice::<UsageRecord>(line) {
                Ok(record) => records.push(record),
                // Written by another version, or by hand: said loudly, and not in the way of the others.
                Err(bad) => error!(error.detail = %bad, "a usage record on disk cannot be read and is left out"),
            }
        }
        self.store.record(&records).await?;
        // Should the process die here, the same records come again, and the store knows their ids.
        self.spool.ack(&batch).await.map_err(spooled)?;
        Ok(true)
    }

    /// The records after a place of the feed, those that wait on disk included if the store takes them within a
    /// second.
    pub(crate) async fn usage_after(&self, after: i64, limit: u32) -> Result<UsagePage, Error> {
        let mut moved = self.moved.subscribe();
        let settled = async { while self.spool.n_waiting() > 0 && moved.changed().await.is_ok() {} };
        let _late = tokio::time::timeout(Duration::from_secs(1), settled).await;
        self.store.usage_after(after, limit).await
    }
}
