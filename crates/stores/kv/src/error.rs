//! What can go wrong with counting.

use septet_kernel::{BoxError, Failure, Kind};

use crate::{Refused, What};

/// What can go wrong with counting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A limit is spent. Nothing was counted.
    #[error("the limit of {} for {} is spent: {} used, {} held, {} of {} asked for", what(.0.limit.what), .0.limit.scope, .0.used, .0.reserved, .0.wanted, .0.limit.max)]
    Refused(Box<Refused>),
    /// The hold was settled, released or ran out; it cannot be reserved again or extended.
    #[error("the hold {0} is over")]
    Over(String),
    /// There is no such hold.
    #[error("the hold {0} is not known")]
    NoHold(String),
    /// The limit makes no sense.
    #[error("a limit cannot be used: {0}")]
    BadLimit(&'static str),
    /// The id of a hold or of a correction is empty or too long.
    #[error("an id is empty or longer than 256 bytes")]
    BadId,
    /// One call takes more than a million billions (in money: a million units), or a correction a thousand times that.
    #[error("an amount is too large to be counted")]
    TooMuch,
    /// Only what lasts can be corrected.
    #[error("the last minute and what runs now cannot be corrected; correct days, months and totals")]
    NotCorrectable,
    /// The URI names no known kind of store.
    #[error("the counter store URI {uri:?} is not understood; use memory: or redis://host:6379")]
    UnknownUri {
        /// The URI, with any password cut out.
        uri: String,
    },
    /// The store cannot be reached, or does not let us. Whether something was counted is not known: the same call with
    /// the same id may be sent again.
    #[error("the counters cannot be reached: failed to {doing}")]
    Unavailable {
        /// What we were doing.
        doing: &'static str,
        /// What the store says.
        #[source]
        source: BoxError,
    },
    /// The store holds something that we did not put there.
    #[error("the counters are not readable: failed to {doing}")]
    Unreadable {
        /// What we were doing.
        doing: &'static str,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}

impl Error {
    pub(crate) fn unavailable<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Unavailable { doing, source: source.into() }
    }

    pub(crate) fn unreadable<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Unreadable { doing, source: source.into() }
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refused) => match refused.limit.what {
                What::Money => Kind::PaymentRequired,
                What::Requests | What::Tokens | What::Concurrency => Kind::Exhausted,
            },
            Self::Over(_) => Kind::Conflict,
            Self::NoHold(_) => Kind::NotFound,
            Self::BadLimit(_) | Self::BadId | Self::TooMuch | Self::NotCorrectable | Self::UnknownUri { .. } => {
                Kind::BadRequest
            }
            Self::Unavailable { .. } => Kind::Unavailable,
            Self::Unreadable { .. } => Kind::Internal,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Refused(refused) => refused.retry_after.map(|wait| wait.as_secs_f64().ceil() as u64),
            _other => None,
        }
    }
}

fn what(what: What) -> &'static str {
    match what {
        What::Requests => "requests",
        What::Tokens => "tokens",
        What::Concurrency => "concurrent calls",
        What::Money => "money",
    }
}
