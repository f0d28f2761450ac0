//! What a run is asked for with.

use std::collections::BTreeMap;

use septet_kernel::{ConversationId, ResponseId, VectorStoreId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::MessagePart;

/// Asks for a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"model": "agent:analyst", "input": "帮我分析财报", "stream": true}))]
pub struct CreateResponse {
    /// `agent:<name>`; that of the conversation so far unless told.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: String,
    /// The model of a conversation that has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
    /// What the user says.
    pub input: ResponseInput,
    /// Whether the answer is a stream of events. Default false: one JSON object when the run has ended.
    #[serde(default)]
    pub stream: bool,
    /// The conversation to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationRef>,
    /// The run to go on from. It may be one in the middle of a conversation: that starts a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_response_id: Option<ResponseId>,
    /// With `true` the call returns at once and the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<bool>,
    /// `{"type":"file_search","vector_store_ids":[...]}` narrows the search to these knowledge bases, for this run and
    /// for those that follow it in the conversation without a `file_search` of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<RequestTool>,
    /// The caller's own words about the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Added to the agent's own prompt for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Parameters of the OpenAI API that agents do not use.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What the user says: a text, or messages.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ResponseInput {
    /// A plain question.
    Text(String),
    /// Messages.
    #[schema(value_type = Vec<InputMessage>)]
    Items(Vec<Value>),
}

/// A message as a request says it. Agents take messages only; their tools run on the server.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InputMessage {
    /// `message`, or absent.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `user`, `assistant`, `system` or `developer`. Default `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is said.
    pub content: InputContent,
}

/// What is said: a text, or parts with a `text` each.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum InputContent {
    /// In one piece.
    Text(String),
    /// In parts.
    Parts(Vec<MessagePart>),
}

/// A tool as a request names it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RequestTool {
    /// Narrows where the agent searches.
    FileSearch {
        /// The knowledge bases; an empty list narrows nothing.
        vector_store_ids: Vec<VectorStoreId>,
        /// Parameters of the OpenAI API that agents do not use.
        #[serde(flatten)]
        extra: Map<String, Value>,
    },
    /// Says that code may run, which an agent decides by itself.
    CodeInterpreter {
        /// Parameters of the OpenAI API that agents do not use.
        #[serde(flatten)]
        extra: Map<String, Value>,
    },
    /// A tool of another type. Models take some of these, agents none.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(Value),
}

/// A conversation by id, in either of the two forms that the SDKs send.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ConversationRef {
    /// The id.
    Id(ConversationId),
    /// The id in an object.
    Object {
        /// The id.
        id: ConversationId,
    },
}

impl ConversationRef {
    /// The id.
    #[must_use]
    pub fn id(&self) -> ConversationId {
        match self {
            Self::Id(id) | Self::Object { id } => *id,
        }
    }
}
