//! The events of a run's journal: the one source of everything that is ever shown, resumed or billed.
//!
//! Events are deltas; a prompt is never written whole. The enum only grows: an old run must fold after an upgrade.

use std::collections::BTreeMap;

use septet_contracts::models::Thinking;
use septet_kernel::{BlobId, ContainerId, ConversationId, ResponseId, VectorStoreId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::effect::Effect;
use super::error::RunError;
use super::output::ToolOutput;
use super::shape::Shape;

/// An event with its place and time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place in the journal, gap-free from 0.
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    pub event: Event,
}

/// What can happen in a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The run exists; nothing was done yet.
    RunCreated(Box<RunCreated>),
    /// A process owns the run from here on.
    LeaseTaken {
        /// Grows with every owner; an append with an older one is refused.
        epoch: i64,
        /// The process.
        owner: String,
        /// Whether an owner before it was lost or left, so that the run is taken up again.
        #[serde(default, skip_serializing_if = "is_false")]
        again: bool,
    },
    /// The model is about to be asked. `key` makes asking again after a crash safe.
    ModelRequested {
        /// The step, from 0.
        step: u32,
        /// The idempotency key of the call.
        key: String,
    },
    /// The model is asked again and its earlier words of this step are void.
    ModelRestarted {
        /// The step.
        step: u32,
        /// The idempotency key of the new call.
        key: String,
    },
    /// The model said something.
    TextDelta {
        /// The step.
        step: u32,
        /// The new text.
        text: String,
    },
    /// The model's turn is over. Its text is the sum of the deltas.
    ModelCompleted {
        /// The step.
        step: u32,
        /// The tools it wants, in its order.
        calls: Vec<ToolCall>,
        /// What it used.
        usage: Usage,
        /// The model that really answered.
        model: String,
        /// Why it ended, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finish: Option<String>,
        /// What it wants back with its words, here or in the blob store when it is large.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thinking: Option<Spilled<Thinking>>,
    },
    /// The model could not be asked.
    ModelFailed {
        /// The step.
        step: u32,
        /// The stable word for programs.
        code: String,
        /// The sentence for a person.
        message: String,
        /// When to try again; absent when that is pointless.
        retry_at_ms: Option<i64>,
        /// Whether it only asked to be waited for, so that this does not count as a failure.
        #[serde(default, skip_serializing_if = "is_false")]
        waits: bool,
        /// What it used, when it did answer and the answer is of no use. Asking again then takes another key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// Nothing happens for a while, and why.
    RunWaits {
        /// Until when, in milliseconds since 1970.
        until_ms: i64,
        /// The stable word for programs.
        code: String,
        /// The sentence for a person.
        message: String,
    },
    /// A tool is about to run.
    ToolStarted {
        /// Which call.
        call_id: String,
        /// The idempotency key of the effect.
        key: String,
        /// The sandbox it runs in, if it runs in one.
        container: Option<ContainerId>,
        /// What it changes, and so what follows after a crash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<Effect>,
    },
    /// A tool printed something.
    ToolProgress {
        /// Which call.
        call_id: String,
        /// New text on standard output.
        #[serde(default)]
        stdout: String,
        /// New text on standard error.
        #[serde(default)]
        stderr: String,
    },
    /// A tool gave its one output.
    ToolFinished {
        /// Which call.
        call_id: String,
        /// The output, here or in the blob store when it is large.
        output: Spilled<ToolOutput>,
    },
    /// Someone asked the run to stop.
    CancelRequested,
    /// The run is over.
    RunFinished {
        /// How it ended.
        status: Status,
        /// Why, when it failed or is incomplete.
        error: Option<RunError>,
    },
}

/// What a run starts from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunCreated {
    /// The run.
    pub run: ResponseId,
    /// The agent's name.
    pub agent: String,
    /// The agent as it was at the start: prompt, tools, limits. A later edit does not change an old run.
    pub definition: BlobId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The run it goes on from.
    pub previous: Option<ResponseId>,
    /// The input items of the Responses API.
    pub input: Vec<Value>,
    /// Added to the agent's prompt.
    pub instructions: Option<String>,
    /// Where to search; empty means all knowledge bases of the tenant.
    pub knowledge_bases: Vec<VectorStoreId>,
    /// Whether somebody narrowed the search to these: the runs that follow in the conversation keep to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub narrowed: bool,
    /// The caller's own words.
    pub metadata: BTreeMap<String, String>,
}

/// A tool that the model wants.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's id for it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments: a JSON object where what the model wrote could be read as one, else as it wrote them.
    pub arguments: String,
    /// The id that the model itself gave it, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// How it looks on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

impl ToolCall {
    /// How it looks on the wire.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape.clone().unwrap_or_else(|| Shape::from_before(&self.name))
    }
}

/// What model calls used.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Usage {
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens in that came from a cache.
    pub cached_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// Of the tokens out, those spent on thinking.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// The price in nano-units, as the model gateway says it.
    pub cost_nano: i64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            cost_nano: self.cost_nano.saturating_add(other.cost_nano),
        }
    }
}

/// A value in the journal, or its place in the blob store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spilled<T> {
    /// The value itself.
    Here(Box<T>),
    /// Its JSON is this blob.
    Blob(BlobId),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// With an answer.
    Completed,
    /// Without one.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// A limit was reached; what there is by then is not all.
    Incomplete,
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Incomplete => "incomplete",
        }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}
