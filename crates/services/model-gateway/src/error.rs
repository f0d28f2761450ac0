//! Why a model gave no answer.

use std::sync::Arc;

use sea_orm::DbErr;
use septet_kernel::{Failure, Kind, Money};
use septet_kv::What;
use septet_protocols::Wrong;
use septet_routing::{Fault, FaultKind};

/// Why a call failed. Cloned to everyone who waits for the same answer. Holds no keys: what a provider says is cleaned
/// before it comes here.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such model.
    #[error("there is no model {name:?}{hint}")]
    NoModel {
        /// What was asked for.
        name: String,
        /// The nearest names, or what to configure.
        hint: String,
    },
    /// The model does something else.
    #[error("{name:?} is no {wanted} model")]
    WrongKind {
        /// The model.
        name: String,
        /// `chat` or `embedding`.
        wanted: &'static str,
    },
    /// The provider does not know who is calling.
    #[error(
        "provider {provider} refused the key: check models.providers.{provider}.api_key or the variable that it came from"
    )]
    KeyRefused {
        /// The provider.
        provider: String,
    },
    /// The account at the provider has no money.
    #[error("provider {provider} wants to be paid first: the balance of its account is spent")]
    ProviderUnpaid {
        /// The provider.
        provider: String,
    },
    /// Nobody answers at the provider's address.
    #[error(
        "provider {provider} cannot be reached at {url}: check that the address is right, that a server runs there, and that this machine may reach it"
    )]
    Unreachable {
        /// The provider.
        provider: String,
        /// The address, without credentials.
        url: String,
        /// What the network says.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The provider limits the rate.
    #[error("provider {provider} limits the rate{message}")]
    RateLimited {
        /// The provider.
        provider: String,
        /// What it says, after ": ".
        message: String,
        /// When to try again, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The provider does not have the model.
    #[error("provider {provider} does not have this model{message}")]
    NoUpstream {
        /// The provider.
        provider: String,
        /// What it says, after ": ".
        message: String,
    },
    /// The provider cannot be addressed as its settings say.
    #[error("provider {provider} cannot be asked this: {what}")]
    Unaddressable {
        /// The provider.
        provider: String,
        /// Why.
        what: String,
    },
    /// The provider's address is one that must not be called.
    #[error(
        "provider {provider} is at an address that may not be called: {what}; set models.providers.{provider}.allow_private = true if it may"
    )]
    Forbidden {
        /// The provider.
        provider: String,
        /// Which address and why.
        what: String,
    },
    /// The provider refused the request.
    #[error("provider {provider} refused the request with status {status}{message}")]
    Refused {
        /// The provider.
        provider: String,
        /// The HTTP status.
        status: u16,
        /// What it says, after ": ".
        message: String,
    },
    /// The provider failed.
    #[error("provider {provider} failed with status {status}{message}")]
    Broken {
        /// The provider.
        provider: String,
        /// The HTTP status.
        status: u16,
        /// What it says, after ": ".
        message: String,
        /// When to try again, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The provider took too long.
    #[error("provider {provider} {what} for {seconds} s")]
    Silent {
        /// The provider.
        provider: String,
        /// "sent nothing", "fell silent in the middle of the answer".
        what: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The provider says something that is not the protocol.
    #[error(
        "provider {provider} answered something that is not its protocol: {what}; check models.providers.{provider}.base_url and kind"
    )]
    Garbled {
        /// The provider.
        provider: String,
        /// What came, cut short.
        what: String,
    },
    /// The stream ended before the answer did.
    #[error("provider {provider} broke off in the middle of the answer")]
    CutOff {
        /// The provider.
        provider: String,
    },
    /// The provider reported an error in the middle of the stream.
    #[error("provider {provider} reported an error in the middle of the answer{message}")]
    MidStream {
        /// The provider.
        provider: String,
        /// What it says, after ": ".
        message: String,
    },
    /// The answer is beyond the limit.
    #[error("the answer is longer than {max_bytes} bytes (models.max_answer_bytes)")]
    TooLong {
        /// The limit.
        max_bytes: usize,
    },
    /// The key was used with another request.
    #[error("this idempotency key was used with another request; take a new key for a new request")]
    KeyReused,
    /// The key is not usable.
    #[error("an idempotency key has 1 to 255 printable ASCII characters")]
    BadKey,
    /// The request cannot be read.
    #[error(transparent)]
    Wrong(Wrong),
    /// The body is larger than may be.
    #[error("the body is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// The body could not be received.
    #[error("the body could not be received; send it again")]
    Unread,
    /// The offset is no number.
    #[error("x-septet-offset is the number of bytes of the answer that you have")]
    BadOffset,
    /// There is neither identity nor key.
    #[error("no valid key: send one of models.keys as \"Authorization: Bearer <key>\" or \"x-api-key: <key>\"")]
    NoKey,
    /// The key does not open this model.
    #[error("this key may not use the model {name:?}")]
    NotYours {
        /// What was asked for.
        name: String,
    },
    /// Only peers see this.
    #[error("this is for the other services of the platform only")]
    Inside,
    /// The provider's dialect has no words for what was asked.
    #[error("model {deployment} does not know {names}; leave it out, or set unsupported = \"drop\" for the route")]
    Unsupported {
        /// Who was to be asked.
        deployment: String,
        /// The parameters.
        names: String,
        /// The first of them.
        param: String,
    },
    /// The provider offers nothing of this kind.
    #[error("provider {provider} offers no {what}")]
    NotOffered {
        /// The provider.
        provider: String,
        /// "chat", "embeddings", "reranking".
        what: &'static str,
    },
    /// All deployments are resting after failures.
    #[error("no deployment of {name:?} takes calls now, since they failed before{last}")]
    AllOpen {
        /// The route or model.
        name: String,
        /// What the last failure was, after ": ".
        last: String,
        /// When the first one takes calls again.
        retry_after_ms: Option<u64>,
    },
    /// A budget or rate limit is spent.
    #[error("{}", spent(.0))]
    Spent(Arc<septet_kv::Refused>),
    /// Budgets cannot be counted.
    #[error("budgets cannot be counted now, so nothing is spent; try again in a moment")]
    Counters(#[source] Arc<septet_kv::Error>),
    /// Usage cannot be recorded.
    #[error("usage cannot be recorded on disk, so no call is made; look at the space and the rights of models.spool")]
    Spool(#[source] Arc<septet_spool::Error>),
    /// Too many usage records wait.
    #[error(
        "usage records have waited for the database so long that models.spool is full; no call is made until it is back"
    )]
    SpoolFull,
    /// The local embedding model failed.
    #[error("the local embedding model failed: {0}")]
    Embedder(String),
    /// The caller of a call without a key left; nobody is there to read this.
    #[error("the caller left")]
    CallerLeft,
    /// Shutdown.
    #[error("the model gateway is stopping; try again in a moment")]
    Stopping,
    /// A bug in the analyst.
    #[error("the offline analyst failed")]
    Analyst,
    /// The database failed.
    #[error("the database of the model gateway failed")]
    Database(#[source] Arc<DbErr>),
    /// A row of the database cannot be read.
    #[error("a stored {what} cannot be read")]
    Stored {
        /// What it is.
        what: &'static str,
    },
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoModel { .. } | Self::NoUpstream { .. } => Kind::NotFound,
            Self::WrongKind { .. }
            | Self::BadKey
            | Self::Wrong(_)
            | Self::Unread
            | Self::BadOffset
            | Self::Unsupported { .. }
            | Self::NotOffered { .. } => Kind::BadRequest,
            Self::Refused { status: 413, .. } => Kind::TooLarge,
            Self::Refused { status: 422, .. } => Kind::Unprocessable,
            Self::Refused { .. } => Kind::BadRequest,
            Self::RateLimited { .. } => Kind::Exhausted,
            Self::Silent { .. } => Kind::Timeout,
            Self::KeyReused => Kind::Conflict,
            Self::TooLong { .. } | Self::TooLarge { .. } => Kind::TooLarge,
            Self::NoKey => Kind::Unauthenticated,
            Self::NotYours { .. } | Self::Inside => Kind::Forbidden,
            Self::Spent(refused) => match refused.limit.what {
                What::Money => Kind::PaymentRequired,
                What::Requests | What::Tokens | What::Concurrency => Kind::Exhausted,
            },
            Self::KeyRefused { .. }
            | Self::ProviderUnpaid { .. }
            | Self::Unreachable { .. }
            | Self::Unaddressable { .. }
            | Self::Forbidden { .. }
            | Self::Broken { .. }
            | Self::Garbled { .. }
            | Self::CutOff { .. }
            | Self::MidStream { .. }
            | Self::AllOpen { .. }
            | Self::Counters(_)
            | Self::Spool(_)
            | Self::SpoolFull
            | Self::CallerLeft
            | Self::Stopping => Kind::Unavailable,
            Self::Analyst | Self::Embedder(_) | Self::Database(_) | Self::Stored { .. } => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NoModel { .. } => "model_not_found",
            Self::WrongKind { .. } => "wrong_model_kind",
            Self::KeyRefused { .. } => "provider_key_refused",
            Self::ProviderUnpaid { .. } => "provider_unpaid",
            Self::Unreachable { .. } => "provider_unreachable",
            Self::RateLimited { .. } => "provider_rate_limit",
            Self::NoUpstream { .. } => "provider_has_no_such_model",
            Self::Unaddressable { .. } => "provider_misconfigured",
            Self::Forbidden { .. } => "provider_address_forbidden",
            Self::Refused { .. } => "provider_refused",
            Self::Broken { .. } => "provider_failed",
            Self::Silent { .. } => "provider_silent",
            Self::Garbled { .. } => "provider_garbled",
            Self::CutOff { .. } => "provider_cut_off",
            Self::MidStream { .. } => "provider_error",
            Self::TooLong { .. } => "answer_too_long",
            Self::KeyReused => "idempotency_key_reused",
            Self::BadKey => "bad_idempotency_key",
            Self::Wrong(Wrong::Json { .. }) => "invalid_json",
            Self::Wrong(Wrong::Field { .. }) => "invalid_request",
            Self::TooLarge { .. } => "too_large",
            Self::Unread => "body_not_received",
            Self::BadOffset => "bad_offset",
            Self::NoKey => "invalid_api_key",
            Self::NotYours { .. } => "model_not_allowed",
            Self::Inside => "forbidden",
            Self::Unsupported { .. } => "unsupported_parameter",
            Self::NotOffered { .. } => "not_offered",
            Self::AllOpen { .. } => "all_deployments_resting",
            Self::Spent(refused) => match refused.limit.what {
                What::Money => "budget_spent",
                What::Requests => "request_limit",
                What::Tokens => "token_limit",
                What::Concurrency => "concurrency_limit",
            },
            Self::Counters(_) => "budgets_unavailable",
            Self::Spool(_) | Self::SpoolFull => "usage_not_recordable",
            Self::CallerLeft => "caller_left",
            Self::Stopping => "stopping",
            Self::Analyst | Self::Embedder(_) | Self::Database(_) | Self::Stored { .. } => "internal",
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::NoModel { .. } | Self::WrongKind { .. } | Self::NotYours { .. } => Some("model"),
            Self::Wrong(Wrong::Field { param, .. }) | Self::Unsupported { param, .. } => Some(param),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        let ms = match self {
            Self::RateLimited { retry_after_ms, .. }
            | Self::Broken { retry_after_ms, .. }
            | Self::AllOpen { retry_after_ms, .. } => *retry_after_ms,
            Self::Spent(refused) => refused.retry_after.and_then(|wait| u64::try_from(wait.as_millis()).ok()),
            _ => None,
        };
        ms.map(|ms| ms.div_ceil(1_000))
    }
}

impl Error {
    /// Whether the provider may have worked, and charged, all the same.
    pub(crate) fn may_have_cost(&self) -> bool {
        matches!(
            self,
            Self::Silent { .. }
                | Self::Garbled { .. }
                | Self::CutOff { .. }
                | Self::MidStream { .. }
                | Self::TooLong { .. }
                | Self::CallerLeft
                | Self::Stopping
        )
    }

    /// What it is to a client, in the form that dialects write.
    pub(crate) fn failure(&self) -> septet_protocols::Failure {
        septet_protocols::Failure {
            status: self.kind().status(),
            code: self.code().to_owned(),
            message: self.to_string(),
            retry_after_ms: self.retry_after_s().map(|seconds| seconds.saturating_mul(1_000)),
            rest: None,
        }
    }

    /// What it is to routing.
    pub(crate) fn fault(&self) -> Fault {
        let (kind, retry_after_ms) = match self {
            Self::RateLimited { retry_after_ms, .. } => (FaultKind::RateLimited, *retry_after_ms),
            Self::Broken { retry_after_ms, .. } => (FaultKind::Overloaded, *retry_after_ms),
            Self::KeyRefused { .. } | Self::Unaddressable { .. } | Self::Forbidden { .. } => (FaultKind::Auth, None),
            Self::ProviderUnpaid { .. } => (FaultKind::Unpaid, None),
            Self::NoUpstream { .. } => (FaultKind::NoModel, None),
            Self::Unreachable { .. } => (FaultKind::Connect, None),
            Self::Silent { .. } => (FaultKind::Timeout, None),
            Self::Garbled { .. } | Self::CutOff { .. } | Self::MidStream { .. } => (FaultKind::Broken, None),
            Self::CallerLeft | Self::Stopping => (FaultKind::Cancelled, None),
            // Another model may do what this one's provider has no word for.
            Self::AllOpen { .. } | Self::Unsupported { .. } | Self::NotOffered { .. } => (FaultKind::Shut, None),
            _ => (FaultKind::Refused, None),
        };
        Fault { kind, retry_after_ms }
    }
}

/// A spent limit in words.
fn spent(refused: &septet_kv::Refused) -> String {
    let limit = &refused.limit;
    let (name, used, max) = match limit.what {
        What::Money => ("budget", money(refused.used), money(limit.max)),
        What::Requests => ("limit of requests", refused.used.to_string(), limit.max.to_string()),
        What::Tokens => ("limit of tokens", refused.used.to_string(), limit.max.to_string()),
        What::Concurrency => ("limit of calls at the same time", refused.reserved.to_string(), limit.max.to_string()),
    };
    let when = match limit.window {
        _ if limit.what == What::Concurrency => "",
        septet_kv::Window::Minute => " for this minute",
        septet_kv::Window::Day { .. } => " for today",
        septet_kv::Window::Month { .. } => " for this month",
        septet_kv::Window::Total => "",
    };
    format!(
        "the {name} of {}{when} is spent: {used} of {max} used, and this call may need more than is left",
        limit.scope
    )
}

fn money(nano: u64) -> String {
    Money(i64::try_from(nano).unwrap_or(i64::MAX)).to_string()
}
