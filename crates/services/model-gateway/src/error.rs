//! Why a model gave no answer.

use std::sync::Arc;

use sea_orm::DbErr;
use septet_kernel::{Failure, Kind};

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
        /// When to try again.
        retry_after_s: Option<u64>,
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
        "provider {provider} answered something that is not OpenAI's protocol: {what}; check models.providers.{provider}.base_url"
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
    /// A list of messages is empty.
    #[error("messages is empty; write at least one")]
    NoMessages,
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
            Self::NoModel { .. } => Kind::NotFound,
            Self::WrongKind { .. } | Self::BadKey | Self::NoMessages => Kind::BadRequest,
            Self::Refused { status: 413, .. } => Kind::TooLarge,
            Self::Refused { .. } => Kind::BadRequest,
            Self::RateLimited { .. } => Kind::Exhausted,
            Self::Silent { .. } => Kind::Timeout,
            Self::KeyReused => Kind::Conflict,
            Self::TooLong { .. } => Kind::TooLarge,
            Self::KeyRefused { .. }
            | Self::ProviderUnpaid { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Garbled { .. }
            | Self::CutOff { .. }
            | Self::MidStream { .. }
            | Self::CallerLeft
            | Self::Stopping => Kind::Unavailable,
            Self::Analyst | Self::Database(_) | Self::Stored { .. } => Kind::Internal,
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
            Self::Refused { .. } => "provider_refused",
            Self::Broken { .. } => "provider_failed",
            Self::Silent { .. } => "provider_silent",
            Self::Garbled { .. } => "provider_garbled",
            Self::CutOff { .. } => "provider_cut_off",
            Self::MidStream { .. } => "provider_error",
            Self::TooLong { .. } => "answer_too_long",
            Self::KeyReused => "idempotency_key_reused",
            Self::BadKey => "bad_idempotency_key",
            Self::NoMessages => "no_messages",
            Self::CallerLeft => "caller_left",
            Self::Stopping => "stopping",
            Self::Analyst | Self::Database(_) | Self::Stored { .. } => "internal",
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::NoModel { .. } | Self::WrongKind { .. } => Some("model"),
            Self::NoMessages => Some("messages"),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_s, .. } => *retry_after_s,
            _ => None,
        }
    }
}

impl Error {
    /// Whether the provider may have worked, and charged, all the same.
    pub(crate) fn may_have_cost(&self) -> bool {
        match self {
            Self::Silent { .. }
            | Self::Garbled { .. }
            | Self::CutOff { .. }
            | Self::MidStream { .. }
            | Self::TooLong { .. }
            | Self::CallerLeft
            | Self::Stopping => true,
            Self::NoModel { .. }
            | Self::WrongKind { .. }
            | Self::KeyRefused { .. }
            | Self::ProviderUnpaid { .. }
            | Self::Unreachable { .. }
            | Self::RateLimited { .. }
            | Self::Refused { .. }
            | Self::Broken { .. }
            | Self::KeyReused
            | Self::BadKey
            | Self::NoMessages
            | Self::Analyst
            | Self::Database(_)
            | Self::Stored { .. } => false,
        }
    }
}
