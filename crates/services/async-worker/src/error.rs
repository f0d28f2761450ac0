//! What the async worker refuses, and why.

use septet_contracts::management::Denied;
use septet_kernel::{Failure, Kind};

/// What the async worker refuses, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field does not pass.
    #[error("{param}: {detail}")]
    Invalid {
        /// Which field.
        param: &'static str,
        /// What to write instead.
        detail: String,
    },
    /// The role does not have the permission.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such job, it is past that, or the database failed.
    #[error(transparent)]
    Queue(#[from] septet_queue::Error),
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Unprocessable,
            Self::Denied(denied) => denied.kind(),
            Self::Queue(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Invalid { .. } => "invalid_field",
            Self::Queue(septet_queue::Error::KeyReused(_)) => "idempotency_key_reused",
            Self::Denied(_) | Self::Queue(_) => self.kind().name(),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid { param, .. } => Some(param),
            Self::Queue(septet_queue::Error::KeyReused(_)) => Some("idempotency_key"),
            Self::Denied(_) | Self::Queue(_) => None,
        }
    }
}
