//! What can go wrong in Agent Core.

use sea_orm::DbErr;
use septet_contracts::call::CallError;
use septet_kernel::{ConversationId, Failure, Kind, ResponseId};

/// Why a verb of Agent Core failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such run for this tenant.
    #[error("there is no response {0}")]
    NoRun(ResponseId),
    /// There is no such conversation for this tenant.
    #[error("there is no conversation {0}")]
    NoConversation(ConversationId),
    /// The model is no agent.
    #[error("{0:?} is no agent; ask for \"agent:<name>\", the names are in GET /v1/models")]
    NoAgentName(String),
    /// The input says nothing.
    #[error("the input is empty; write a question")]
    EmptyInput,
    /// The input has an item of a kind that runs of agents do not take.
    #[error("input item {index}: {problem}")]
    BadInput {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A tool in the request is not one that agents take.
    #[error("tools[{index}]: {problem}")]
    BadTool {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// `conversation` and `previous_response_id` were both given.
    #[error("give either conversation or previous_response_id, not both")]
    TwoPasts,
    /// The conversation has a run in progress.
    #[error("the conversation has a response in progress ({0}); wait for it, or cancel it first")]
    Busy(ResponseId),
    /// So many runs of the tenant wait already.
    #[error("{0} runs of your tenant wait already; try again when some of them have ended")]
    TooManyRuns(u64),
    /// The run has not ended.
    #[error("the response is in progress; cancel it first")]
    StillRunning,
    /// Another process took the run over.
    #[error("another process owns this run now")]
    Fenced,
    /// Another service refused or is down.
    #[error("{0}")]
    Call(#[from] CallError),
    /// The database failed.
    #[error("the run journal failed")]
    Database(#[from] DbErr),
    /// The blob store failed.
    #[error("the blob store failed")]
    Blobs(#[from] septet_blobs::Error),
    /// Something stored does not read back.
    #[error("a stored {what} does not read back")]
    Garbled {
        /// What it is.
        what: &'static str,
        /// Where it does not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoRun(_) | Self::NoConversation(_) | Self::NoAgentName(_) => Kind::NotFound,
            Self::EmptyInput | Self::BadInput { .. } | Self::BadTool { .. } | Self::TwoPasts => Kind::BadRequest,
            Self::TooManyRuns(_) => Kind::Exhausted,
            Self::Busy(_) | Self::StillRunning | Self::Fenced => Kind::Conflict,
            Self::Call(error) => error.kind,
            Self::Database(_) | Self::Blobs(_) | Self::Garbled { .. } => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NoRun(_) => "response_not_found",
            Self::NoConversation(_) => "conversation_not_found",
            Self::NoAgentName(_) => "model_not_found",
            Self::EmptyInput => "empty_input",
            Self::Busy(_) => "conversation_busy",
            Self::TooManyRuns(_) => "too_many_runs",
            Self::Call(error) => &error.code,
            Self::BadInput { .. }
            | Self::BadTool { .. }
            | Self::TwoPasts
            | Self::StillRunning
            | Self::Fenced
            | Self::Database(_)
            | Self::Blobs(_)
            | Self::Garbled { .. } => self.kind().name(),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::NoAgentName(_) => Some("model"),
            Self::EmptyInput | Self::BadInput { .. } => Some("input"),
            Self::BadTool { .. } => Some("tools"),
            Self::TwoPasts => Some("previous_response_id"),
            Self::Call(error) => error.param.as_deref(),
            Self::NoRun(_)
            | Self::NoConversation(_)
            | Self::Busy(_)
            | Self::TooManyRuns(_)
            | Self::StillRunning
            | Self::Fenced
            | Self::Database(_)
            | Self::Blobs(_)
            | Self::Garbled { .. } => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyRuns(_) => Some(10),
            Self::Call(error) => error.retry_after_s,
            _ => None,
        }
    }
}
