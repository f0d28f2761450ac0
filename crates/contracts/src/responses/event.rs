//! The events of a stream, numbered from 0 without gaps. The last one is `response.completed`, `response.failed` or
//! `response.incomplete`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Annotation, MessagePart, ResponseItem, ResponseObject};

/// An event of the stream of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum ResponseEvent {
    /// The first one.
    #[serde(rename = "response.created")]
    Created(ResponseState),
    /// It goes on. Again when it waits, or was taken up by another process: see `response.septet`.
    #[serde(rename = "response.in_progress")]
    InProgress(ResponseState),
    /// It has an answer. No event follows.
    #[serde(rename = "response.completed")]
    Completed(ResponseState),
    /// It has none. No event follows.
    #[serde(rename = "response.failed")]
    Failed(ResponseState),
    /// It was stopped or reached a limit. No event follows.
    #[serde(rename = "response.incomplete")]
    Incomplete(ResponseState),
    /// An item begins.
    #[serde(rename = "response.output_item.added")]
    OutputItemAdded(OutputItemEvent),
    /// An item is whole.
    #[serde(rename = "response.output_item.done")]
    OutputItemDone(OutputItemEvent),
    /// A part of a message begins.
    #[serde(rename = "response.content_part.added")]
    ContentPartAdded(ContentPartEvent),
    /// A part of a message is whole.
    #[serde(rename = "response.content_part.done")]
    ContentPartDone(ContentPartEvent),
    /// More text.
    #[serde(rename = "response.output_text.delta")]
    OutputTextDelta(OutputTextDelta),
    /// The text is whole.
    #[serde(rename = "response.output_text.done")]
    OutputTextDone(OutputTextDone),
    /// The text cites something.
    #[serde(rename = "response.output_text.annotation.added")]
    OutputTextAnnotationAdded(AnnotationAdded),
    /// The model wants to search.
    #[serde(rename = "response.file_search_call.in_progress")]
    FileSearchCallInProgress(CallPhase),
    /// It is searched.
    #[serde(rename = "response.file_search_call.searching")]
    FileSearchCallSearching(CallPhase),
    /// The search has ended.
    #[serde(rename = "response.file_search_call.completed")]
    FileSearchCallCompleted(CallPhase),
    /// The model wants to run code.
    #[serde(rename = "response.code_interpreter_call.in_progress")]
    CodeInterpreterCallInProgress(CallPhase),
    /// The code runs; again when it printed something, which is under `septet`.
    #[serde(rename = "response.code_interpreter_call.interpreting")]
    CodeInterpreterCallInterpreting(CallPhase),
    /// The code has ended.
    #[serde(rename = "response.code_interpreter_call.completed")]
    CodeInterpreterCallCompleted(CallPhase),
    /// More code.
    #[serde(rename = "response.code_interpreter_call_code.delta")]
    CodeInterpreterCallCodeDelta(CallCodeDelta),
    /// The code is whole.
    #[serde(rename = "response.code_interpreter_call_code.done")]
    CodeInterpreterCallCodeDone(CallCode),
    /// The model wants to call another tool, or it runs.
    #[serde(rename = "response.mcp_call.in_progress")]
    McpCallInProgress(CallPhase),
    /// It did what it should.
    #[serde(rename = "response.mcp_call.completed")]
    McpCallCompleted(CallPhase),
    /// It did not.
    #[serde(rename = "response.mcp_call.failed")]
    McpCallFailed(CallPhase),
    /// An event of another type, as it came.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(Value),
}

/// Says of every variant what all have.
macro_rules! events {
    ($($variant:ident = $name:literal,)*) => {
        impl ResponseEvent {
            /// Its type.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Other(value) => value["type"].as_str().unwrap_or_default(),
                }
            }

            /// Its number; 0 for one of an unknown type that has none.
            #[must_use]
            pub fn sequence_number(&self) -> u64 {
                match self {
                    $(Self::$variant(body) => body.sequence_number,)*
                    Self::Other(value) => value["sequence_number"].as_u64().unwrap_or_default(),
                }
            }

            /// Gives it its number.
            pub fn set_sequence_number(&mut self, number: u64) {
                match self {
                    $(Self::$variant(body) => body.sequence_number = number,)*
                    Self::Other(value) => value["sequence_number"] = number.into(),
                }
            }
        }
    };
}

events! {
    Created = "response.created",
    InProgress = "response.in_progress",
    Completed = "response.completed",
    Failed = "response.failed",
    Incomplete = "response.incomplete",
    OutputItemAdded = "response.output_item.added",
    OutputItemDone = "response.output_item.done",
    ContentPartAdded = "response.content_part.added",
    ContentPartDone = "response.content_part.done",
    OutputTextDelta = "response.output_text.delta",
    OutputTextDone = "response.output_text.done",
    OutputTextAnnotationAdded = "response.output_text.annotation.added",
    FileSearchCallInProgress = "response.file_search_call.in_progress",
    FileSearchCallSearching = "response.file_search_call.searching",
    FileSearchCallCompleted = "response.file_search_call.completed",
    CodeInterpreterCallInProgress = "response.code_interpreter_call.in_progress",
    CodeInterpreterCallInterpreting = "response.code_interpreter_call.interpreting",
    CodeInterpreterCallCompleted = "response.code_interpreter_call.completed",
    CodeInterpreterCallCodeDelta = "response.code_interpreter_call_code.delta",
    CodeInterpreterCallCodeDone = "response.code_interpreter_call_code.done",
    McpCallInProgress = "response.mcp_call.in_progress",
    McpCallCompleted = "response.mcp_call.completed",
    McpCallFailed = "response.mcp_call.failed",
}

/// The run as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResponseState {
    /// The number of the event.
    pub sequence_number: u64,
    /// The run.
    pub response: Box<ResponseObject>,
}

/// An item as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputItemEvent {
    /// The number of the event.
    pub sequence_number: u64,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The item.
    pub item: ResponseItem,
}

/// A part of a message as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContentPartEvent {
    /// The number of the event.
    pub sequence_number: u64,
    /// The message.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The place of the part in it, from 0.
    pub content_index: usize,
    /// The part.
    pub part: MessagePart,
}

/// More text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputTextDelta {
    /// The number of the event.
    pub sequence_number: u64,
    /// The message.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The place of the part in it, from 0.
    pub content_index: usize,
    /// The new text.
    pub delta: String,
    /// Always empty.
    #[serde(default)]
    pub logprobs: Vec<Value>,
}

/// The whole text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputTextDone {
    /// The number of the event.
    pub sequence_number: u64,
    /// The message.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The place of the part in it, from 0.
    pub content_index: usize,
    /// The text.
    pub text: String,
    /// Always empty.
    #[serde(default)]
    pub logprobs: Vec<Value>,
}

/// What a text cites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnnotationAdded {
    /// The number of the event.
    pub sequence_number: u64,
    /// The message.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The place of the part in it, from 0.
    pub content_index: usize,
    /// The place of the annotation in the part, from 0.
    pub annotation_index: usize,
    /// The annotation.
    pub annotation: Annotation,
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallPhase {
    /// The number of the event.
    pub sequence_number: u64,
    /// The call.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// What it printed since the event before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub septet: Option<CallPrinted>,
}

/// What a call printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallPrinted {
    /// On standard output.
    pub stdout: String,
    /// On standard error.
    pub stderr: String,
}

/// More code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallCodeDelta {
    /// The number of the event.
    pub sequence_number: u64,
    /// The call.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The new code.
    pub delta: String,
}

/// The whole code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallCode {
    /// The number of the event.
    pub sequence_number: u64,
    /// The call.
    pub item_id: String,
    /// Its place in `output`, from 0.
    pub output_index: usize,
    /// The code.
    pub code: String,
}

impl ResponseEvent {
    /// Whether no event follows.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.name(), "response.completed" | "response.failed" | "response.incomplete")
    }
}
