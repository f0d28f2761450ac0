//! Records wait on disk until their store has them.
//!
//! What was appended survives `kill -9` of the process, and with [`Options::fsync`] the loss of power. The store gets
//! every record at least once and in the order of appending; a record carries its own unique id, by which the store
//! recognises one that comes again. When the spool is full it says so: the caller refuses new work, and nothing is
//! lost in silence. Memory does not grow with what waits.
//!
//! A folder belongs to one process at a time. It holds segments (`00000000000000000001.records`, ..), each a row of
//! frames, and `position`, the place up to which the store has everything. The spool looks into no record.

mod drain;
mod error;
mod frame;
mod inner;
mod open;
mod position;
mod segment;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use septet_kernel::Clock;

pub use drain::{Counts, Drain, Pace};
pub use error::Error;

use inner::Inner;
use position::Position;

/// How much may wait, and how sure an append is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The most bytes that may wait; the disk holds up to one segment more.
    pub max_bytes: u64,
    /// How large a segment grows before the next one is begun; also the limit of one record. A quarter of
    /// `max_bytes` where that is less.
    pub segment_bytes: u64,
    /// Whether [`Spool::append`] waits until the disk itself has the record. Appends that wait at the same time share
    /// one flush.
    pub fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, segment_bytes: 8 << 20, fsync: false }
    }
}

/// A folder in which records wait. Cheap to clone; all clones are one spool.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

/// The oldest records that the store does not have yet, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The records; at least one.
    pub records: Vec<Bytes>,
    from: Position,
    to: Position,
}

impl Spool {
    /// Opens a folder and makes it when it is missing. Blocks while it reads what still waits there, once.
    ///
    /// A record that a crash left unfinished at the end is cut off with a warning: it was never confirmed. A record
    /// that is damaged in the middle is left out and counted in an error log.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has the folder; [`Error::Folder`] when it cannot be read or written.
    pub fn open(folder: impl Into<PathBuf>, options: Options, clock: Clock) -> Result<Self, Error> {
        Ok(Self(Arc::new(open::open(folder.into(), options, clock)?)))
    }

    /// Appends a record. Once this returns, the record will come in a batch, now or after a restart.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::TooLarge`], [`Error::Write`]. The record is not there then, except that after a
    /// failed flush it may be.
    pub async fn append(&self, record: &[u8]) -> Result<(), Error> {
        let ticket = self.0.write(record)?;
        if self.0.options.fsync { self.0.flush(ticket).await } else { Ok(()) }
    }

    /// Appends a record without waiting for anything, for places that cannot, such as `Drop`. It survives the end of
    /// the process; with [`Options::fsync`] the disk has it with the next flush.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::TooLarge`], [`Error::Write`]; the record is not there then.
    pub fn append_now(&self, record: &[u8]) -> Result<(), Error> {
        self.0.write(record).map(|_| ())
    }

    /// The oldest records that were not acknowledged, at most `max_records` of together at most `max_bytes`, but
    /// always one; `None` when nothing waits. The same ones come again until [`Spool::ack`]. Fewer come at the end of
    /// a segment.
    ///
    /// # Errors
    /// [`Error::Read`]; nothing is skipped by it.
    pub async fn batch(&self, max_records: usize, max_bytes: usize) -> Result<Option<Batch>, Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.batch(max_records, max_bytes)).await
    }

    /// Says that the store has this batch: it does not come again, also not after a restart. Segments that are done
    /// are deleted.
    ///
    /// # Errors
    /// [`Error::NotTheOldest`] when the batch was acknowledged before; [`Error::Write`] when the place cannot be
    /// noted: the batch comes again.
    pub async fn ack(&self, batch: &Batch) -> Result<(), Error> {
        let (inner, from, to, n_records) = (Arc::clone(&self.0), batch.from, batch.to, batch.records.len() as u64);
        blocking(move || inner.advance(from, to, n_records)).await
    }

    /// How many records wait.
    #[must_use]
    pub fn n_waiting(&self) -> u64 {
        self.0.state().n_waiting()
    }

    /// How many bytes wait, frames included.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.0.state().n_bytes()
    }

    /// How many bytes may still be appended, a frame of 20 for each record included. Who does work that will have a
    /// record looks here before it begins, and leaves room for the records of all work that is under way.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        self.0.options.max_bytes.saturating_sub(self.n_bytes())
    }

    /// How many places were found damaged since the folder was opened; each stands for one record or more.
    #[must_use]
    pub fn n_damaged(&self) -> u64 {
        self.0.n_damaged.load(Ordering::Relaxed)
    }

    /// How long the oldest record has waited; `None` when none does.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn oldest_age(&self) -> Result<Option<Duration>, Error> {
        self.0.oldest_age()
    }

    /// Waits until at least one record waits; at once when one does.
    pub async fn wait_for_more(&self) {
        loop {
            let mut more = std::pin::pin!(self.0.more.notified());
            more.as_mut().enable();
            if self.n_waiting() > 0 {
                return;
            }
            more.await;
        }
    }

    /// Waits until the store has everything that waits now; what is appended meanwhile may wait on.
    pub async fn wait_until_stored(&self) {
        let goal = self.0.state().n_appended;
        loop {
            let mut fewer = std::pin::pin!(self.0.fewer.notified());
            fewer.as_mut().enable();
            {
                // Records are stored in their order, so those that wait are the last ones. What waited when the folder
                // was opened was not appended here and comes first.
                let state = self.0.state();
                if state.n_waiting() <= state.n_appended - goal {
                    return;
                }
            }
            fewer.await;
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::Stopped(error)),
    }
}
