//! The items of a run or a conversation.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{MessagePart, ResponseError};

/// Something that was said or done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseItem {
    /// What somebody said.
    Message(MessageItem),
    /// A search in the knowledge bases.
    FileSearchCall(FileSearchCall),
    /// Code that ran in the sandbox.
    CodeInterpreterCall(CodeInterpreterCall),
    /// A call of another tool that runs on the server.
    McpCall(McpCall),
    /// An item of another type, as it came.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(Value),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageItem {
    /// The message.
    #[serde(default)]
    #[schema(example = "msg_0193a5c0e8f07c4d8e1f2a3b4c5d6e7f")]
    pub id: String,
    /// `user`, `assistant`, `system` or `developer`.
    pub role: String,
    /// `in_progress`, `completed` or `incomplete`.
    #[serde(default)]
    pub status: String,
    /// What it says.
    pub content: Vec<MessagePart>,
    /// What OpenAI has no field for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub septet: Option<ItemFacts>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A search in the knowledge bases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileSearchCall {
    /// The call.
    pub id: String,
    /// `in_progress`, `completed` or `failed`.
    pub status: String,
    /// What was searched for: a list of questions, or what the model wrote in its place.
    #[schema(value_type = Vec<String>)]
    pub queries: Value,
    /// What was found; null while it is searched.
    pub results: Option<Vec<FileSearchResult>>,
    /// What OpenAI has no field for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub septet: Option<ItemFacts>,
}

/// A passage that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileSearchResult {
    /// The document.
    pub file_id: String,
    /// Its name.
    pub filename: String,
    /// How well it fits, comparable within one search.
    pub score: f64,
    /// The passage.
    pub text: String,
    /// Where it stands.
    pub attributes: FileSearchAttributes,
}

/// Where a passage stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileSearchAttributes {
    /// Its number in this run, from 1, by which the answer cites it.
    pub number: u32,
    /// The page that it starts on, from 1; 0 when the document has no pages.
    pub page: u32,
    /// The page that it ends on.
    pub page_end: u32,
    /// The headings above it.
    pub heading: String,
}

/// Code that ran in the sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CodeInterpreterCall {
    /// The call.
    pub id: String,
    /// `in_progress`, `completed` or `failed`.
    pub status: String,
    /// The code. Its language is `septet.language`.
    pub code: String,
    /// The sandbox; empty before it has one.
    pub container_id: String,
    /// What it printed and the images that it wrote; null while it runs.
    pub outputs: Option<Vec<CodeOutput>>,
    /// What OpenAI has no field for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub septet: Option<ItemFacts>,
}

/// An output of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CodeOutput {
    /// What it printed.
    Logs {
        /// Standard output, then standard error.
        logs: String,
    },
    /// An image that it wrote.
    Image {
        /// Where it can be fetched, on this server.
        url: String,
        /// The file.
        file_id: String,
        /// Its path in the sandbox.
        filename: String,
    },
}

/// A call of another tool that runs on the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct McpCall {
    /// The call.
    pub id: String,
    /// `in_progress`, `completed` or `failed`.
    pub status: String,
    /// Whose tool it is: `septet` for the platform's own.
    #[schema(example = "septet")]
    pub server_label: String,
    /// The tool.
    #[schema(example = "current_time")]
    pub name: String,
    /// The arguments: JSON, or what the model wrote in its place.
    #[schema(example = r#"{"time_zone":"Asia/Shanghai"}"#)]
    pub arguments: String,
    /// What it gave; null while it runs and when it failed.
    pub output: Option<String>,
    /// What went wrong; null when nothing did.
    pub error: Option<String>,
    /// What OpenAI has no field for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub septet: Option<ItemFacts>,
}

/// What OpenAI has no field for in an item. In a conversation also `response_id`, `response_status` and `response_error` of
/// the run that the item belongs to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ItemFacts {
    /// When it began, in milliseconds since 1970; absent of what somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<i64>,
    /// How long it took in milliseconds; null while it goes on, absent of what somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    pub duration_ms: Option<Option<i64>>,
    /// The tool, of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The language, of code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What went wrong; null when nothing did, absent before the end of a call.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<ResponseError>)]
    pub error: Option<Option<ResponseError>>,
    /// The files that a call wrote; absent before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<OutputFile>>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Tells a null from an absence.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A file that a call wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputFile {
    /// The file.
    pub id: String,
    /// The sandbox that it lies in.
    pub container: String,
    /// Its path there.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Its size.
    pub bytes: u64,
}

impl ResponseItem {
    /// Its id; empty for one of an unknown type that has none.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Message(item) => &item.id,
            Self::FileSearchCall(item) => &item.id,
            Self::CodeInterpreterCall(item) => &item.id,
            Self::McpCall(item) => &item.id,
            Self::Other(item) => item["id"].as_str().unwrap_or_default(),
        }
    }

    /// Says something of it that OpenAI has no field for, under `septet`.
    pub fn set_fact(&mut self, name: &str, value: Value) {
        let septet = match self {
            Self::Message(item) => &mut item.septet,
            Self::FileSearchCall(item) => &mut item.septet,
            Self::CodeInterpreterCall(item) => &mut item.septet,
            Self::McpCall(item) => &mut item.septet,
            Self::Other(item) => {
                if item.is_object() {
                    item["septet"][name] = value;
                }
                return;
            }
        };
        septet.get_or_insert_default().extra.insert(name.to_owned(), value);
    }
}

impl MessageItem {
    /// Its text, the parts one behind the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter_map(MessagePart::text).collect()
    }
}
