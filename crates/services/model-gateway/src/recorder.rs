//! Usage records on their way to the store.
//!
//! A record is appended to a spool on disk before the end of its answer is shown, which takes microseconds and needs no
//! store; a task moves it into the store right after. So a store that is away delays records and loses none, and a
//! process that is killed finds them at its next start. Each has an id, and the store takes each id once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use septet_chassis::Lifecycle;
use septet_contracts::models::{UsagePage, UsageRecord};
use septet_spool::{Drain, Pace, Spool};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::error::Error;
use crate::store::Store;

// Enough for thousands of calls a second in small batches: a large batch delays the calls in flight, and one record at
// a time would make SQLite the most expensive part of a call.
const PACE: Pace = Pace {
    max_records: 256,
    max_bytes: 1 << 20,
    gather: Duration::from_millis(10),
    first_wait: Duration::from_millis(100),
    longest_wait: Duration::from_secs(10),
};
// A record is below 1 KiB; so many calls may be under way at a time.
const ROOM_BYTES: u64 = 2 << 20;

/// Writes records. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    spool: Spool,
    store: Store,
    /// No call is under way any more: what waits is stored once more, and the task ends.
    is_last: CancellationToken,
}

impl Recorder {
    pub(crate) fn new(spool: Spool, store: Store, lifecycle: &Lifecycle) -> Self {
        let recorder = Self { spool, store, is_last: CancellationToken::new() };
        let (worker, is_last) = (recorder.clone(), recorder.is_last.clone());
        let drain = Drain::new(recorder.spool.clone(), PACE);
        let _runs_alone = lifecycle.spawn("usage records", async move {
            drain.run(|lines| worker.store(lines), is_last).await;
        });
        recorder
    }

    /// Writes a record down. Once this returns it is not lost.
    pub(crate) async fn record(&self, record: &UsageRecord) -> Result<(), Error> {
        let line = serde_json::to_vec(record).map_err(|_never| Error::Stored { what: "usage record" })?;
        self.spool.append(&line).await.map_err(|error| Error::Spool(Arc::new(error)))
    }

    /// Whether a call that begins now can be recorded when it ends.
    ///
    /// # Errors
    /// [`Error::SpoolFull`]: the store has been away for long. A call that could not be recorded is refused, not given
    /// away.
    pub(crate) fn check_room(&self) -> Result<(), Error> {
        if self.spool.room_bytes() < ROOM_BYTES { Err(Error::SpoolFull) } else { Ok(()) }
    }

    /// There will be no more records: those that wait are stored if the store is there, and found at the next start if
    /// not.
    pub(crate) fn finish(&self) {
        self.is_last.cancel();
    }

    async fn store(&self, lines: Vec<Bytes>) -> Result<(), Error> {
        let mut records = Vec::with_capacity(lines.len());
        for line in &lines {
            match serde_json::from_slice::<UsageRecord>(line) {
                Ok(record) => records.push(record),
                // Written by another version, or by hand: logged as an error, without holding up the others.
                Err(bad) => error!(error.detail = %bad, "a usage record on disk cannot be read and is left out"),
            }
        }
        let stored = self.store.record(&records).await;
        let n_done = if stored.is_ok() { lines.len() as u64 } else { 0 };
        crate::metrics::waiting(self.spool.n_waiting().saturating_sub(n_done));
        stored
    }

    /// Waits until the store has what was recorded so far, for a second at most: it may be away.
    pub(crate) async fn wait_until_stored(&self) {
        let _late = tokio::time::timeout(Duration::from_secs(1), self.spool.wait_until_stored()).await;
    }

    /// The records after a place of the feed, those that wait on disk included if the store takes them within a
    /// second.
    pub(crate) async fn usage_after(&self, after: i64, limit: u32) -> Result<UsagePage, Error> {
        self.wait_until_stored().await;
        self.store.usage_after(after, limit).await
    }
}
