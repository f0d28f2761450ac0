//! What model-gateway understands: OpenAI Chat Completions, embeddings, the list of models, and the usage feed.
//!
//! The shapes are OpenAI's own, so that another gateway could stand behind the same client. Every type keeps the fields
//! it does not know in `extra`: providers add their own (`reasoning_content`, `top_k`, ...) and those must pass through
//! in both directions.

mod assembly;
mod cancel;
mod chat;
mod client;
mod deployment;
mod finish;
mod outcome;
mod thinking;
mod usage;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use assembly::Assembly;
pub use cancel::{CancelCall, CancelledCall};
pub use chat::{
    ChatChoice, ChatChunk, ChatCompletion, ChatMessage, ChatRequest, ChunkChoice, Content, Delta, Extra, FunctionCall,
    FunctionCallDelta, FunctionDefinition, StreamOptions, ToolCall, ToolCallDelta, ToolDefinition, joined,
};
pub use client::{CallOptions, Models, Opened, chat_events};
pub use deployment::{Deployment, DeploymentList};
pub use finish::Finish;
pub use outcome::{Outcome, OutcomeReply, OutcomeReport, RouteOutcomes};
pub use thinking::{MAKER_FIELD, THINKING_FIELDS, Thinking};
pub use usage::{
    CompletionDetails, MOST_COST_NANO, MOST_TOKENS, PromptDetails, Usage, UsagePage, UsageQuery, UsageRecord,
    UsageStatus,
};

/// The request header that names the run a call belongs to.
pub const RUN_HEADER: &str = "x-septet-run";

/// The request header under which an answer is kept and given again.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";

/// The answer header that says that the answer was not made anew: `attached` to a running call or `stored`.
pub const REPLAY_HEADER: &str = "x-septet-replayed";

/// The request header with the number of bytes of a keyed answer that the caller has already: it gets the rest.
pub const OFFSET_HEADER: &str = "x-septet-offset";

/// The answer header that names who answered: `provider/model`.
pub const DEPLOYMENT_HEADER: &str = "x-septet-deployment";

/// The answer header with the id of the call: that of its usage record.
pub const CALL_HEADER: &str = "x-septet-call";

/// The answer header that says why that one.
pub const REASON_HEADER: &str = "x-septet-reason";

/// The answer header that names the parameters which the provider was not told.
pub const DROPPED_HEADER: &str = "x-septet-dropped";

/// One model in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// What to write into `model`.
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// Seconds since 1970; 0 when nobody knows.
    #[serde(default)]
    pub created: i64,
    /// The name of the provider.
    #[serde(default)]
    pub owned_by: String,
    /// What Septet adds.
    #[serde(default)]
    pub septet: ModelFacts,
}

/// What Septet knows of a model beyond OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct ModelFacts {
    /// Whether it is the built-in rule-based stand-in, which is no language model.
    pub offline: bool,
    /// `chat`, `embedding` or `rerank`; `route` for a name that stands for several.
    pub kind: String,
    /// Whether a request that names no model gets this one.
    pub default: bool,
    /// How a route chooses among its models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
}

/// The list of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// Always `list`.
    pub object: String,
    /// The models, the default one first.
    pub data: Vec<Model>,
}

/// What is to be embedded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingRequest {
    /// The model; empty for the default embedding model.
    #[serde(default)]
    pub model: String,
    /// The texts. OpenAI's shape with a single string is accepted as well.
    pub input: EmbeddingInput,
    /// How long the vectors should be, where the model can shorten them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// Everything else, passed on.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EmbeddingInput {
    /// One text.
    One(String),
    /// Several texts, embedded in this order.
    Many(Vec<String>),
}

/// The vectors, in the order of the texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingReply {
    /// Always `list`.
    #[serde(default)]
    pub object: String,
    /// One for each text.
    pub data: Vec<Embedding>,
    /// The model that made them.
    #[serde(default)]
    pub model: String,
    /// What it cost in tokens.
    #[serde(default)]
    pub usage: Usage,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// One vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Embedding {
    /// Always `embedding`.
    #[serde(default)]
    pub object: String,
    /// The position of its text.
    #[serde(default)]
    pub index: usize,
    /// The numbers.
    pub embedding: Vec<f32>,
}
