//! How a call to a deployment can fail, as far as routing cares.

use serde::Serialize;

/// A failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// How long the provider asked to wait (`Retry-After`, `RetryInfo`), in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The provider understood and said no to this request: 400, 413, 422. Also 403 and 404 when they are about the
    /// request's content (moderation, an unknown file), not about the key or the model; only who read the body knows.
    Refused,
    /// Key unknown or not allowed: 401, 403.
    Auth,
    /// No money left: 402, or a 429 that says so.
    Unpaid,
    /// The deployment's model does not exist: 404.
    NoModel,
    /// Too many requests or tokens: 429.
    RateLimited,
    /// The provider is temporarily unable to answer: 408, 409, 425, 5xx, 529.
    Overloaded,
    /// No connection, no first byte or no further byte in time.
    Timeout,
    /// No connection: refused, reset, no such host, bad certificate.
    Connect,
    /// The answer was cut off or cannot be read.
    Broken,
    /// The client left.
    Cancelled,
    /// It was not called at all: the breaker is open or the deployment's own limit is used up.
    #[serde(rename = "shut")]
    NotCalled,
}

/// Whether a failed call is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// On the same deployment after a pause, or on another.
    Here,
    /// Only on another.
    Elsewhere,
    /// On none: each would give the same answer, or nobody is waiting for one.
    Never,
}

impl Fault {
    /// A fault without a time to wait.
    #[must_use]
    pub const fn new(kind: FaultKind) -> Self {
        Self { kind, retry_after_ms: None }
    }

    /// A fault whose provider asked to wait for `retry_after_ms`.
    #[must_use]
    pub const fn after(kind: FaultKind, retry_after_ms: u64) -> Self {
        Self { kind, retry_after_ms: Some(retry_after_ms) }
    }

    /// What an HTTP status of a provider means, when its body says nothing more exact. `None` below 400.
    #[must_use]
    pub const fn of_status(status: u16, retry_after_ms: Option<u64>) -> Option<Self> {
        let kind = match status {
            0..400 => return None,
            401 | 403 => FaultKind::Auth,
            402 => FaultKind::Unpaid,
            404 => FaultKind::NoModel,
            // 409 is how OpenAI answers when a lock was not free in time; its own clients try again.
            408 | 409 | 425 => FaultKind::Overloaded,
            429 => FaultKind::RateLimited,
            400..500 => FaultKind::Refused,
            500.. => FaultKind::Overloaded,
        };
        Some(Self { kind, retry_after_ms })
    }

    /// Whether another try is worth it, when the longest pause we would make is `longest_ms`.
    #[must_use]
    pub const fn again(&self, longest_ms: u64) -> Again {
        match self.kind {
            FaultKind::Refused | FaultKind::Cancelled => Again::Never,
            FaultKind::Auth | FaultKind::Unpaid | FaultKind::NoModel | FaultKind::NotCalled => Again::Elsewhere,
            // The call has waited long enough once.
            FaultKind::Timeout => Again::Elsewhere,
            FaultKind::RateLimited | FaultKind::Overloaded | FaultKind::Connect | FaultKind::Broken => {
                match self.retry_after_ms {
                    Some(told) if told > longest_ms => Again::Elsewhere,
                    Some(_) | None => Again::Here,
                }
            }
        }
    }
}

impl FaultKind {
    /// Whether it says anything against the deployment.
    #[must_use]
    pub const fn counts_against_deployment(self) -> bool {
        match self {
            Self::Refused | Self::Cancelled | Self::NotCalled => false,
            Self::Auth
            | Self::Unpaid
            | Self::NoModel
            | Self::RateLimited
            | Self::Overloaded
            | Self::Timeout
            | Self::Connect
            | Self::Broken => true,
        }
    }

    /// Whether it persists until an operator fixes it.
    #[must_use]
    pub const fn is_persistent(self) -> bool {
        matches!(self, Self::Auth | Self::Unpaid | Self::NoModel)
    }

    /// As it is written in metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Auth => "auth",
            Self::Unpaid => "unpaid",
            Self::NoModel => "no_model",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
            Self::NotCalled => "shut",
        }
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self::new(kind)
    }
}
