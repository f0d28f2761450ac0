//! OpenAI's Responses as they are read and written here: the request, the response object, its items, the events of its
//! stream.
//!
//! What a newer version of the API adds is kept: requests, responses, messages and what stands under `septet` of an item keep
//! the fields that they do not know in `extra`, and items, parts, annotations and events of unknown types stay as they came. What OpenAI has no field for stands under
//! `septet`, which its SDKs ignore; only event types that its SDKs know are sent.

mod content;
mod event;
mod item;
mod request;
mod response;

pub use content::{Annotation, ContainerFileCitation, FileCitation, MessagePart, OutputText};
pub use event::{
    AnnotationAdded, CallCode, CallCodeDelta, CallPhase, CallPrinted, ContentPartEvent, OutputItemEvent,
    OutputTextDelta, OutputTextDone, ResponseEvent, ResponseState,
};
pub use item::{
    CodeInterpreterCall, CodeOutput, FileSearchAttributes, FileSearchCall, FileSearchResult, ItemFacts, McpCall,
    MessageItem, OutputFile, ResponseItem,
};
pub use request::{ConversationRef, CreateResponse, InputContent, InputMessage, RequestTool, ResponseInput};
pub use response::{
    IncompleteDetails, InputTokensDetails, OutputTokensDetails, ResponseConversation, ResponseError, ResponseFacts,
    ResponseObject, ResponseStatus, ResponseUsage, ResponseWait,
};
