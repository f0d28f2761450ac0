//! What can go wrong with a spool.

use std::io;

use septet_kernel::{Failure, Kind};

/// The spool failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As much waits as may wait.
    #[error(
        "the spool is full: {n_waiting} records wait in {n_bytes} of {max_bytes} bytes; bring their store back or \
         allow more bytes"
    )]
    Full {
        /// How many wait.
        n_waiting: u64,
        /// In how many bytes.
        n_bytes: u64,
        /// How many are allowed.
        max_bytes: u64,
    },
    /// One record is larger than a segment.
    #[error("a record of {n_bytes} bytes is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// Its size.
        n_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// Another process has the folder.
    #[error("the spool folder {folder} is used by another process; give each process its own")]
    InUse {
        /// Which folder.
        folder: String,
    },
    /// The folder cannot be used.
    #[error("cannot use the spool folder {folder}; check that it exists and is writable")]
    Folder {
        /// Which folder.
        folder: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A record, or the place up to which the store has everything, could not be written.
    #[error("failed to write to the spool; is the disk full?")]
    Write(#[source] io::Error),
    /// What waits cannot be read.
    #[error("failed to read what waits in the spool")]
    Read(#[source] io::Error),
    /// The batch does not begin with the oldest record that waits.
    #[error("this batch was acknowledged before")]
    NotTheOldest,
    /// The run-time stopped while the disk was asked.
    #[error("the run-time stopped while the spool was at work")]
    Stopped(#[source] tokio::task::JoinError),
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Full { .. } | Self::Stopped(_) => Kind::Unavailable,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::InUse { .. } | Self::NotTheOldest => Kind::Conflict,
            Self::Folder { .. } | Self::Write(_) | Self::Read(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Full { .. } => "spool_full",
            other => other.kind().name(),
        }
    }
}
