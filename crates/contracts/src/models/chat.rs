//! Chat Completions on the wire.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Usage;

/// Fields that these types do not name; kept, so that they pass through.
pub type Extra = BTreeMap<String, Value>;

/// A request for an answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// The model; empty for the default one.
    #[serde(default)]
    pub model: String,
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// What the model may call.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDefinition>,
    /// `auto`, `none`, `required` or a named function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Value>,
    /// Whether the answer comes as events.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// What the stream should carry besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The most tokens in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Everything else, passed on.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// Options of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct StreamOptions {
    /// Whether a last chunk without choices carries the usage.
    #[serde(default, deserialize_with = "null_is_default")]
    pub include_usage: bool,
    /// Everything else, passed on.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatMessage {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// What an assistant wants to have called.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Which call a `tool` message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Everything else: `name`, `refusal`, `reasoning_content`, ...
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl ChatMessage {
    /// A message of `role` that is text.
    #[must_use]
    pub fn text(role: &str, text: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: Some(Content::Text(text.into())), ..Self::default() }
    }

    /// Instructions.
    #[must_use]
    pub fn system(text: impl Into<String>) -> Self {
        Self::text("system", text)
    }

    /// What the person says.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::text("user", text)
    }

    /// What the model said.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::text("assistant", text)
    }

    /// What the model wanted to have called.
    #[must_use]
    pub fn calls(calls: Vec<ToolCall>) -> Self {
        Self { role: "assistant".to_owned(), tool_calls: calls, ..Self::default() }
    }

    /// What a tool gave back.
    #[must_use]
    pub fn tool(call_id: impl Into<String>, output: impl Into<String>) -> Self {
        Self { tool_call_id: Some(call_id.into()), ..Self::text("tool", output) }
    }

    /// All the text in it, parts joined by newlines; empty when it has none.
    #[must_use]
    pub fn all_text(&self) -> String {
        self.text_ref().into_owned()
    }

    /// The same, borrowed where it is one text: it may be megabytes.
    #[must_use]
    pub fn text_ref(&self) -> Cow<'_, str> {
        match &self.content {
            None => Cow::Borrowed(""),
            Some(Content::Text(text)) => Cow::Borrowed(text),
            Some(Content::Parts(parts)) => {
                joined(&parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>())
            }
        }
    }
}

/// Texts as one, joined by newlines; borrowed where there is one at most.
#[must_use]
pub fn joined<'a>(texts: &[&'a str]) -> Cow<'a, str> {
    match texts {
        [] => Cow::Borrowed(""),
        [text] => Cow::Borrowed(text),
        more => Cow::Owned(more.join("\n")),
    }
}

/// What a message says: plain text, or parts of several kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Parts such as `{"type":"text","text":".."}` or `{"type":"image_url",..}`.
    Parts(Vec<Value>),
}

/// A tool on offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolDefinition {
    /// `function`, or a kind that the provider has built in.
    #[serde(rename = "type")]
    pub kind: String,
    /// The function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDefinition>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl ToolDefinition {
    /// A function with a JSON schema for its arguments.
    #[must_use]
    pub fn function(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        Self {
            kind: "function".to_owned(),
            function: Some(FunctionDefinition {
                name: name.into(),
                description: Some(description.into()),
                parameters: Some(parameters),
                extra: Extra::new(),
            }),
            extra: Extra::new(),
        }
    }
}

/// A function on offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionDefinition {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Everything else: `strict`, ...
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A call that the model wants.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ToolCall {
    /// The id that the answer refers to.
    #[serde(default)]
    pub id: String,
    /// `function`.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What to call.
    pub function: FunctionCall,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// The function and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct FunctionCall {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// JSON, as text; a model may get it wrong.
    #[serde(default, deserialize_with = "whole_json_text")]
    pub arguments: String,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatCompletion {
    /// The provider's id.
    #[serde(default)]
    pub id: String,
    /// `chat.completion`.
    #[serde(default)]
    pub object: String,
    /// Seconds since 1970.
    #[serde(default, deserialize_with = "null_is_default")]
    pub created: i64,
    /// The model that answered.
    #[serde(default, deserialize_with = "null_is_default")]
    pub model: String,
    /// The answers, usually one.
    #[serde(deserialize_with = "null_is_empty")]
    pub choices: Vec<ChatChoice>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatChoice {
    /// Its position.
    #[serde(default)]
    pub index: u32,
    /// The message.
    pub message: ChatMessage,
    /// `stop`, `length`, `tool_calls`, ...
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatChunk {
    /// The provider's id, the same in all pieces.
    #[serde(default)]
    pub id: String,
    /// `chat.completion.chunk`.
    #[serde(default)]
    pub object: String,
    /// Seconds since 1970.
    #[serde(default, deserialize_with = "null_is_default")]
    pub created: i64,
    /// The model that answers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub model: String,
    /// What is new in each answer; empty in a chunk that only carries usage.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub choices: Vec<ChunkChoice>,
    /// What it used, in the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// What is new in one answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChunkChoice {
    /// Which answer.
    #[serde(default)]
    pub index: u32,
    /// The new piece.
    #[serde(default, deserialize_with = "null_is_default")]
    pub delta: Delta,
    /// Why it ended, in its last piece.
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Delta {
    /// `assistant`, in the first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// More text.
    #[serde(default, deserialize_with = "text_of", skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// More of the model's thinking, where a provider shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// More of its calls.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A piece of a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ToolCallDelta {
    /// Which call of the message; some providers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its id, in the first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`, in the first piece.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// More of the function.
    #[serde(default, deserialize_with = "null_is_default")]
    pub function: FunctionCallDelta,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A piece of a function and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct FunctionCallDelta {
    /// The name, in the first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// More of the JSON.
    #[serde(default, deserialize_with = "json_text", skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}

fn function() -> String {
    "function".to_owned()
}

// Mistral's thinking models say their text in parts.
fn text_of<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Content>::deserialize(d)? {
        None => None,
        Some(Content::Text(text)) => Some(text),
        Some(Content::Parts(parts)) => Some(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()),
    })
}

// Some servers write arguments as a JSON object and not as its text.
fn json_text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

fn whole_json_text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(json_text(d)?.unwrap_or_default())
}

// Providers write `null` where OpenAI leaves a field out.
pub(super) fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(d)?.unwrap_or_default())
}
