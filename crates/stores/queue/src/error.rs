//! What can go wrong with a job.

use septet_database::Error as DatabaseError;
use septet_kernel::{Failure, JobId, Kind};

use crate::State;

/// What can go wrong with a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none, or it belongs to another tenant.
    #[error("job {0} does not exist")]
    NoJob(JobId),
    /// The job is past the point where this makes sense.
    #[error("job {job} is {} and cannot be {wanted}", state.as_str())]
    Finished {
        /// Which one.
        job: JobId,
        /// Where it is.
        state: State,
        /// What was asked for: `"cancelled"`, `"retried"`.
        wanted: &'static str,
    },
    /// The same key came with other work before.
    #[error("the idempotency key was used before for job {0}, with another payload")]
    KeyReused(JobId),
    /// Another worker has the job now, or nobody; stop working on it and write nothing.
    #[error("the lease on job {0} is lost")]
    LeaseLost(JobId),
    /// The database failed.
    #[error("failed to {doing}")]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: sea_orm::DbErr,
    },
    /// The table could not be prepared.
    #[error("failed to prepare the job table")]
    Migrate(#[source] DatabaseError),
    /// A row holds what no version of this program writes.
    #[error("job row {id} cannot be read: {detail}")]
    BadRow {
        /// The id as stored.
        id: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl Error {
    pub(crate) fn migrate(source: DatabaseError) -> Self {
        Self::Migrate(source)
    }

    /// For `map_err`: says what we were doing.
    pub(crate) fn doing(doing: &'static str) -> impl Fn(sea_orm::DbErr) -> Self {
        move |source| Self::Database { doing, source }
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoJob(_) => Kind::NotFound,
            Self::Finished { .. } | Self::KeyReused(_) | Self::LeaseLost(_) => Kind::Conflict,
            Self::Database { .. } | Self::Migrate(_) | Self::BadRow { .. } => Kind::Internal,
        }
    }
}
