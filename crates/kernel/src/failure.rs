//! The kinds of failure, and what every error of every service says about itself.

use serde::{Deserialize, Serialize};

/// What went wrong, coarsely enough to decide what to do next.
///
/// Status, log level and "may be retried" follow from the kind, in one match each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request is malformed.
    BadRequest,
    /// Nobody, or somebody whose proof is not valid, is asking.
    Unauthenticated,
    /// The account has no money left.
    PaymentRequired,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or not for this tenant.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// The request is well formed and cannot be carried out.
    Unprocessable,
    /// The body or the document is beyond a limit.
    TooLarge,
    /// A rate limit or a quota is spent.
    Exhausted,
    /// Something that is needed is down.
    Unavailable,
    /// It took too long.
    Timeout,
    /// A bug, or a broken disk.
    Internal,
}

impl Kind {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::PaymentRequired => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Unprocessable => 422,
            Self::Exhausted => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The kind that an HTTP status of another program stands for.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            402 => Self::PaymentRequired,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            409 => Self::Conflict,
            413 => Self::TooLarge,
            422 => Self::Unprocessable,
            429 => Self::Exhausted,
            408 | 504 => Self::Timeout,
            400..=499 => Self::BadRequest,
            502 | 503 => Self::Unavailable,
            _ => Self::Internal,
        }
    }

    /// The name used as `kind` on the wire and as the default `code`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::PaymentRequired => "payment_required",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unprocessable => "unprocessable",
            Self::TooLarge => "too_large",
            Self::Exhausted => "exhausted",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// A short title for a person.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is malformed",
            Self::Unauthenticated => "Sign in first",
            Self::PaymentRequired => "The balance is spent",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::Conflict => "Conflicts with what is there",
            Self::Unprocessable => "The request cannot be carried out",
            Self::TooLarge => "Too large",
            Self::Exhausted => "A limit is reached",
            Self::Unavailable => "A service is unavailable",
            Self::Timeout => "It took too long",
            Self::Internal => "Internal error",
        }
    }

    /// Whether the same request may succeed later without a change.
    #[must_use]
    pub fn is_transient(self) -> bool {
        match self {
            Self::Exhausted | Self::Unavailable | Self::Timeout => true,
            Self::BadRequest
            | Self::Unauthenticated
            | Self::PaymentRequired
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict
            | Self::Unprocessable
            | Self::TooLarge
            | Self::Internal => false,
        }
    }
}

/// An error that knows its kind.
///
/// `Display` says what we were doing and, where the user can act, what to do. It never repeats its `source`.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// What to do about it, coarsely.
    fn kind(&self) -> Kind;

    /// A stable word for programs, such as `pdf_encrypted`. The name of the kind unless something finer is known.
    fn code(&self) -> &str {
        self.kind().name()
    }

    /// The field of the request that is at fault, where one is.
    fn param(&self) -> Option<&str> {
        None
    }

    /// After how many seconds to try again, where that is known.
    fn retry_after_s(&self) -> Option<u64> {
        None
    }
}

/// The error and all its causes on one line, for logs.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
