//! The response object: a run at a glance.

use std::collections::BTreeMap;

use septet_kernel::{ConversationId, ResponseId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::ResponseItem;

/// A run, as OpenAI writes a Response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "id": "resp_0193a5c0e8f07c4d8e1f2a3b4c5d6e7f",
    "object": "response",
    "created_at": 1_764_500_000,
    "status": "completed",
    "model": "agent:analyst",
    "output": [{
        "type": "message",
        "id": "msg_0193a5c0e8f07c4d8e1f2a3b4c5d6e7f000",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Net sales were 12 billion.", "annotations": [], "logprobs": []}],
    }],
    "metadata": {},
}))]
pub struct ResponseObject {
    /// The run.
    pub id: ResponseId,
    /// Always `response`.
    pub object: String,
    /// Seconds since 1970.
    pub created_at: i64,
    /// How it stands.
    pub status: ResponseStatus,
    /// `agent:<name>`.
    #[schema(example = "agent:analyst")]
    pub model: String,
    /// The items so far: searches, code, messages.
    pub output: Vec<ResponseItem>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ResponseError>,
    /// Why it is not whole.
    #[serde(default)]
    pub incomplete_details: Option<IncompleteDetails>,
    /// What was added to the agent's prompt.
    #[serde(default)]
    pub instructions: Option<String>,
    /// The run that it goes on from.
    #[serde(default)]
    pub previous_response_id: Option<ResponseId>,
    /// The conversation that it belongs to; absent for an answer of a model, which belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ResponseConversation>,
    /// The caller's own words about it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What its model calls used; null before its end.
    #[serde(default)]
    pub usage: Option<ResponseUsage>,
    /// What OpenAI has no field for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub septet: Option<ResponseFacts>,
    /// Parameters of the OpenAI API that are always the same here, and fields that are not known here.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// It waits for a place.
    Queued,
    /// It goes on.
    InProgress,
    /// It has an answer.
    Completed,
    /// It has none.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// A limit was reached.
    Incomplete,
}

/// Why a run or a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseError {
    /// The stable word for programs.
    #[schema(example = "model_unavailable")]
    pub code: String,
    /// The sentence for a person, with what to do.
    pub message: String,
}

/// Why a run is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncompleteDetails {
    /// One of OpenAI's (`max_output_tokens`, `content_filter`) or of ours (`max_steps`, `max_tool_calls`, `time_limit`,
    /// `cancelled`).
    #[schema(example = "max_steps")]
    pub reason: String,
    /// The sentence for a person, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The conversation that a run belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseConversation {
    /// The conversation.
    pub id: ConversationId,
}

/// What the model calls of a run used together, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseUsage {
    /// Tokens in.
    pub input_tokens: u64,
    /// Of these, which came from where.
    #[serde(default)]
    pub input_tokens_details: InputTokensDetails,
    /// Tokens out.
    pub output_tokens: u64,
    /// Of these, what for.
    #[serde(default)]
    pub output_tokens_details: OutputTokensDetails,
    /// Both together.
    pub total_tokens: u64,
}

/// Where tokens in came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputTokensDetails {
    /// Those that the provider had in its cache.
    #[serde(default)]
    pub cached_tokens: u64,
}

/// What tokens out were for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputTokensDetails {
    /// Thinking.
    #[serde(default)]
    pub reasoning_tokens: u64,
}

/// What OpenAI has no field for in a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseFacts {
    /// What it cost, in nano-units of the currency of the prices.
    pub cost_nano: i64,
    /// How many turns the model took.
    pub steps: usize,
    /// How many tools were called.
    pub tool_calls: usize,
    /// How long it took; null before its end.
    pub duration_ms: Option<i64>,
    /// The model that answered last; null before any did.
    pub model: Option<String>,
    /// Whether the built-in analyst answered because no model is set up.
    pub offline: bool,
    /// What it waits for, while it does nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ResponseWait>,
    /// How often it was taken up again after its process was lost; absent when it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recoveries: Option<u32>,
}

/// Why a run does nothing for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseWait {
    /// The stable word for programs.
    #[schema(example = "provider_rate_limit")]
    pub code: String,
    /// The sentence for a person.
    pub message: String,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
    /// For how many seconds, rounded up, counted from when it began.
    pub seconds: i64,
}

impl ResponseStatus {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Incomplete => "incomplete",
        }
    }
}

impl ResponseObject {
    /// The text of all messages of the run.
    #[must_use]
    pub fn output_text(&self) -> String {
        let messages = self.output.iter().filter_map(|item| match item {
            ResponseItem::Message(message) => Some(message.text()),
            _ => None,
        });
        messages.collect()
    }
}
