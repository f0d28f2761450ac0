//! The errors of the gateway.

use sea_orm::DbErr;
use septet_chassis::http::form::BadForm;
use septet_chassis::http::scan::Excess;
use septet_contracts::call::CallError;
use septet_contracts::management::Permission;
use septet_kernel::{BoxError, Failure, Kind, Money, ServiceName};

/// Why the gateway refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No proof of identity came along.
    #[error("sign in first: send the header `Authorization: Bearer <access token or API key>`")]
    NoCredentials,
    /// The token is not one of ours.
    #[error("the access token is not valid here; sign in again")]
    BadToken,
    /// The token was good once.
    #[error("the access token has expired; refresh it at /api/auth/refresh")]
    ExpiredToken,
    /// The session behind the token was ended.
    #[error("this session was ended; sign in again")]
    EndedSession,
    /// The key is unknown, revoked or expired.
    #[error("the API key is not valid; it may be revoked or expired")]
    BadKey,
    /// The ticket of a WebSocket is unknown, used or older than 30 s.
    #[error("the ticket is not valid; each one opens one connection within 30 seconds")]
    BadTicket,
    /// Mail address and password do not go together.
    #[error("the mail address or the password is wrong")]
    WrongPassword,
    /// Too many failed sign-ins.
    #[error("a password was wrong too often; try again in {retry_after_s} seconds")]
    LoginThrottled {
        /// When the next attempt is looked at.
        retry_after_s: u64,
    },
    /// The refresh token is unknown or expired.
    #[error("the session is over; sign in again")]
    NoSession,
    /// The refresh token was used before: somebody else may hold it.
    #[error("this refresh token was used before, so the whole session was ended; sign in again")]
    Replayed,
    /// Another tab has moved on since.
    #[error("another tab has refreshed this session already; use the token that it was given")]
    StaleRefresh,
    /// A cookie came without proof that our own page sent it.
    #[error("a request with the session cookie needs the header x-septet-csrf")]
    CrossSite,
    /// The role does not have the permission.
    #[error("this needs the permission {}, which your role does not have", .0.as_str())]
    Denied(Permission),
    /// Management is away for so long that access may have been taken back without this gateway knowing.
    #[error("whether your access still holds cannot be asked right now; try again in a few seconds")]
    RightsUnknown,
    /// Only owners of the home tenant may do this.
    #[error("only an owner of the home tenant may do this")]
    NotOperator,
    /// Too many requests.
    #[error("more than {limit} requests per minute; try again in {retry_after_s} s")]
    RateLimited {
        /// Requests per minute.
        limit: u32,
        /// When one is let in again.
        retry_after_s: u64,
    },
    /// The prepaid balance does not even let a call begin.
    #[error(
        "the balance does not cover this: the call needs at least {needed} to begin and {available} is available; top the balance up, ask for fewer output tokens, or wait for calls that are running"
    )]
    InsufficientBalance {
        /// What is left after all holds.
        available: Money,
        /// The least that lets the call begin.
        needed: Money,
    },
    /// The body is beyond the limit.
    #[error("the body is larger than {} KiB", limit_bytes >> 10)]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The body is made of too much.
    #[error(transparent)]
    TooComplex(Excess),
    /// The request makes no sense.
    #[error("{detail}")]
    BadRequest {
        /// What is wrong and what to do.
        detail: String,
        /// The field at fault.
        param: Option<String>,
    },
    /// There is no such thing here.
    #[error("{0}")]
    NotFound(String),
    /// The same name stands for something else already.
    #[error("{0}")]
    Conflict(String),
    /// No route has this path.
    #[error("there is no {path} here{}", nearest.as_ref().map(|route| format!("; did you mean {route}?")).unwrap_or_default())]
    NoRoute {
        /// What was asked for.
        path: String,
        /// The route that it most likely meant.
        nearest: Option<String>,
    },
    /// The path is known, the method is not.
    #[error("this path takes {0}")]
    WrongMethod(String),
    /// It took too long.
    #[error("no answer within {0} seconds; try again or ask for less")]
    Timeout(u64),
    /// An agent's run ended with an error.
    #[error("{0}")]
    RunFailed(String),
    /// A WebSocket was expected.
    #[error("GET here opens a WebSocket; send the upgrade headers, or POST a request")]
    NoUpgrade,
    /// Another service refused or is down.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another service broke off.
    #[error("{service} cannot be reached")]
    Unreachable {
        /// Which one.
        service: ServiceName,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The own tables failed.
    #[error("the gateway's tables failed")]
    Store(#[source] BoxError),
    /// The blob store failed.
    #[error("the file store failed")]
    Blobs(#[source] BoxError),
    /// A bug.
    #[error("{0}")]
    Bug(&'static str),
}

impl Error {
    pub(crate) fn bad_request(detail: impl Into<String>, param: &str) -> Self {
        Self::BadRequest { detail: detail.into(), param: Some(param.to_owned()).filter(|param| !param.is_empty()) }
    }

    /// The body is no JSON, or not what it should be.
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        let what = if error.is_data() { "the JSON body does not fit" } else { "the body is not valid JSON" };
        Self::bad_request(format!("{what}: {error}"), "")
    }

    pub(crate) fn store(source: impl Into<BoxError>) -> Self {
        Self::Store(source.into())
    }

    pub(crate) fn blobs(source: impl Into<BoxError>) -> Self {
        Self::Blobs(source.into())
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::store(error)
    }
}

impl From<BadForm> for Error {
    fn from(form: BadForm) -> Self {
        Self::bad_request(form.to_string(), form.param().unwrap_or_default())
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoCredentials
            | Self::BadToken
            | Self::ExpiredToken
            | Self::EndedSession
            | Self::BadKey
            | Self::BadTicket
            | Self::WrongPassword
            | Self::NoSession
            | Self::Replayed => Kind::Unauthenticated,
            Self::LoginThrottled { .. } | Self::RateLimited { .. } => Kind::Exhausted,
            Self::StaleRefresh | Self::Conflict(_) => Kind::Conflict,
            Self::CrossSite | Self::Denied(_) | Self::NotOperator => Kind::Forbidden,
            Self::InsufficientBalance { .. } => Kind::PaymentRequired,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::BadRequest { .. } | Self::NoUpgrade | Self::WrongMethod(_) => Kind::BadRequest,
            Self::NotFound(_) | Self::NoRoute { .. } => Kind::NotFound,
            Self::Timeout(_) => Kind::Timeout,
            Self::Call(error) => error.kind(),
            Self::TooComplex(excess) => excess.kind(),
            Self::Unreachable { .. } | Self::RunFailed(_) | Self::RightsUnknown => Kind::Unavailable,
            Self::Store(_) | Self::Blobs(_) | Self::Bug(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::BadToken => "invalid_token",
            Self::ExpiredToken => "token_expired",
            Self::EndedSession => "session_ended",
            Self::BadKey => "invalid_api_key",
            Self::BadTicket => "invalid_ticket",
            Self::WrongPassword => "wrong_password",
            Self::LoginThrottled { .. } => "login_throttled",
            Self::NoSession => "no_session",
            Self::Replayed => "refresh_replayed",
            Self::StaleRefresh => "refresh_stale",
            Self::CrossSite => "csrf_header_missing",
            Self::Denied(_) => "permission_denied",
            Self::NotOperator => "not_operator",
            Self::RightsUnknown => "rights_unknown",
            Self::RateLimited { .. } => "rate_limit_exceeded",
            Self::InsufficientBalance { .. } => "insufficient_balance",
            Self::NoRoute { .. } => "no_such_route",
            Self::NoUpgrade => "upgrade_required",
            Self::WrongMethod(_) => "method_not_allowed",
            Self::Unreachable { .. } => "service_down",
            Self::RunFailed(_) => "run_failed",
            Self::Call(error) => error.code(),
            Self::TooComplex(excess) => excess.code(),
            Self::TooLarge { .. }
            | Self::BadRequest { .. }
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Timeout(_)
            | Self::Store(_)
            | Self::Blobs(_)
            | Self::Bug(_) => self.kind().name(),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::BadRequest { param, .. } => param.as_deref(),
            Self::Call(error) => error.param(),
            Self::TooComplex(excess) => excess.param(),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::LoginThrottled { retry_after_s } | Self::RateLimited { retry_after_s, .. } => Some(*retry_after_s),
            Self::RightsUnknown => Some(2),
            Self::Call(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
