//! Why a model gave no answer.

mod fault;
mod kind;
mod spent;

use std::sync::Arc;

use sea_orm::DbErr;
use septet_contracts::call::CallError;
use septet_protocols::Wrong;

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
    /// The prompt is longer than the model's context window.
    #[error("the prompt is too long for the context of the model at provider {provider}{message}")]
    ContextTooLong {
        /// The provider.
        provider: String,
        /// What it says, after ": ".
        message: String,
    },
    /// The provider's server has started and is still loading its model.
    #[error("provider {provider} is still loading the model; it can be asked in a moment")]
    Loading {
        /// The provider.
        provider: String,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
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
    /// The answer announces calls and has none.
    #[error("provider {provider} says that the model calls tools, and there is no call in its answer")]
    CallsMissing {
        /// The provider.
        provider: String,
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
    /// The provider's dialect cannot express what was asked.
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
        /// The code of the last failure, where that persists until an operator fixes it.
        stays: Option<String>,
        /// When the first one takes calls again.
        retry_after_ms: Option<u64>,
    },
    /// A budget or rate limit is spent.
    #[error("{}", spent::spent(.0))]
    Spent(Arc<septet_kv::Refused>),
    /// The tenant's prepaid account does not cover the call.
    #[error("{said}")]
    InsufficientBalance {
        /// What the account says.
        said: String,
    },
    /// The tenant's account cannot be asked.
    #[error("the tenant's account cannot be asked now, so nothing is spent; try again in a moment")]
    Accounts(#[source] Arc<CallError>),
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
    /// The tenant made no such call.
    #[error("there is no call {id:?}; write what the header x-septet-call of the answer said")]
    NoCall {
        /// What was asked for.
        id: String,
    },
    /// Nothing was judged of the call.
    #[error("no difficulty was judged of call {id:?}: only calls to a route by difficulty or blend teach anything")]
    NotJudged {
        /// Which call.
        id: String,
    },
    /// A report without outcomes, or with too many.
    #[error("a report has 1 to {most} outcomes")]
    BadReport {
        /// The most.
        most: usize,
    },
    /// The local embedding model failed.
    #[error("the local embedding model failed: {0}")]
    Embedder(String),
    /// The caller of a call without a key disconnected; nobody reads this.
    #[error("the caller left")]
    CallerLeft,
    /// A call with a key was cancelled; readers that are still attached get this.
    #[error("the call was cancelled")]
    Cancelled,
    /// Shutdown.
    #[error("the model gateway is stopping; try again in a moment")]
    Stopping,
    /// A bug in the counting of tokens.
    #[error("the tokens of this request could not be counted")]
    Uncounted,
    /// A bug while the request was read.
    #[error("the request could not be read; the log has the details")]
    Unwritten,
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
