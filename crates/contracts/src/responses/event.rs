//! The events of a stream, numbered from 0 without gaps. The last one is `response.completed`, `response.failed` or
//! `response.incomplete`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Annotation, MessagePart, ResponseItem, ResponseObject};

/// Names every variant of an enum after its event, and tells which variants end a stream.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($body:ident) = $name:literal,)*) => {
        /// An event of the stream of a run.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(tag = "type")]
        pub enum ResponseEvent {
            $($(#[$doc])* #[serde(rename = $name)] $variant($body),)*
            /// An event of another type, as it came.
            #[serde(untagged)]
            #[schema(value_type = Object)]
            Other(Value),
        }

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
    /// The first one.
    Created(ResponseState) = "response.created",
    /// It goes on. Again when it waits, or was taken up by another process: see `response.septet`.
    InProgress(ResponseState) = "response.in_progress",
    /// It has an answer. No event follows.
    Completed(ResponseState) = "response.completed",
    /// It has none. No event follows.
    Failed(ResponseState) = "response.failed",
    /// It was stopped or reached a limit. No event follows.
    Incomplete(ResponseState) = "response.incomplete",
    /// An item begins.
    OutputItemAdded(OutputItemEvent) = "response.output_item.added",
    /// An item is whole.
    OutputItemDone(OutputItemEvent) = "response.output_item.done",
    /// A part of a message begins.
    ContentPartAdded(ContentPartEvent) = "response.content_part.added",
    /// A part of a message is whole.
    ContentPartDone(ContentPartEvent) = "response.content_part.done",
    /// More text.
    OutputTextDelta(OutputTextDelta) = "response.output_text.delta",
    /// The text is whole.
    OutputTextDone(OutputTextDone) = "response.output_text.done",
    /// The text cites something.
    OutputTextAnnotationAdded(AnnotationAdded) = "response.output_text.annotation.added",
    /// The model wants to search.
    FileSearchCallInProgress(CallPhase) = "response.file_search_call.in_progress",
    /// It is searched.
    FileSearchCallSearching(CallPhase) = "response.file_search_call.searching",
    /// The search has ended.
    FileSearchCallCompleted(CallPhase) = "response.file_search_call.completed",
    /// The model wants to run code.
    CodeInterpreterCallInProgress(CallPhase) = "response.code_interpreter_call.in_progress",
    /// The code runs; again when it printed something, which is under `septet`.
    CodeInterpreterCallInterpreting(CallPhase) = "response.code_interpreter_call.interpreting",
    /// The code has ended.
    CodeInterpreterCallCompleted(CallPhase) = "response.code_interpreter_call.completed",
    /// More code.
    CodeInterpreterCallCodeDelta(CallCodeDelta) = "response.code_interpreter_call_code.delta",
    /// The code is whole.
    CodeInterpreterCallCodeDone(CallCode) = "response.code_interpreter_call_code.done",
    /// The model wants to call another tool, or it runs.
    McpCallInProgress(CallPhase) = "response.mcp_call.in_progress",
    /// It did what it should.
    McpCallCompleted(CallPhase) = "response.mcp_call.completed",
    /// It did not.
    McpCallFailed(CallPhase) = "response.mcp_call.failed",
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
        matches!(self, Self::Completed(_) | Self::Failed(_) | Self::Incomplete(_))
    }
}
