//! The output items of a run.

use septet_contracts::responses::{
    CodeInterpreterCall, CodeOutput, FileSearchAttributes, FileSearchCall, FileSearchResult, ItemFacts, McpCall,
    MessageItem, MessagePart, OutputFile, ResponseItem,
};
use serde_json::{Map, Value};

use super::response::error;
use crate::run::event::ToolCall;
use crate::run::output::{Artifact, Passage, ToolOutput};
use crate::run::shape::Shape;
use crate::run::state::Call;

/// When an item began and how long it took, in milliseconds.
#[must_use]
pub fn timing(started_at_ms: i64, ended_at_ms: Option<i64>) -> ItemFacts {
    let duration_ms = ended_at_ms.map(|ended| ended - started_at_ms);
    ItemFacts { started_at_ms: Some(started_at_ms), duration_ms: Some(duration_ms), ..ItemFacts::default() }
}

/// A message of the assistant.
#[must_use]
pub fn message(id: &str, status: &str, content: Vec<MessagePart>, timing: ItemFacts) -> ResponseItem {
    ResponseItem::Message(MessageItem {
        id: id.to_owned(),
        role: "assistant".to_owned(),
        status: status.to_owned(),
        content,
        septet: Some(timing),
        extra: Map::new(),
    })
}

/// The item of a tool call while it runs, or with its output.
#[must_use]
pub fn call(id: &str, call: &Call, timing: ItemFacts) -> ResponseItem {
    let (request, output) = (&call.request, call.output.as_ref());
    let status = match output {
        None => "in_progress",
        Some(output) if output.ok => "completed",
        Some(_) => "failed",
    };
    let (id, status) = (id.to_owned(), status.to_owned());
    let facts = ItemFacts {
        tool: Some(request.name.clone()),
        error: output.map(|output| output.error().map(error)),
        files: output.map(|output| output.files().map(file).collect()),
        ..timing
    };
    match request.shape() {
        Shape::FileSearch => {
            let arguments: Value = serde_json::from_str(&request.arguments).unwrap_or_default();
            ResponseItem::FileSearchCall(FileSearchCall {
                id,
                status,
                queries: arguments["queries"].clone(),
                results: output.map(|output| output.passages().map(result).collect()),
                septet: Some(facts),
            })
        }
        Shape::CodeInterpreter { language } => ResponseItem::CodeInterpreterCall(CodeInterpreterCall {
            id,
            status,
            code: code_of(request),
            container_id: call.container().map_or_else(String::new, |id| id.to_string()),
            outputs: output.map(code_outputs),
            septet: Some(ItemFacts { language: Some(language), ..facts }),
        }),
        Shape::Mcp { server } => {
            let told = |wanted: bool| output.filter(|output| output.ok == wanted).map(ToolOutput::texts);
            ResponseItem::McpCall(McpCall {
                id,
                status,
                server_label: server,
                name: request.name.clone(),
                arguments: request.arguments.clone(),
                output: told(true),
                error: told(false),
                septet: Some(facts),
            })
        }
    }
}

/// The code that a call asks to run; what the model wrote as it is, when that is no JSON.
#[must_use]
pub fn code_of(request: &ToolCall) -> String {
    match serde_json::from_str::<Value>(&request.arguments) {
        Ok(arguments) => arguments["code"].as_str().unwrap_or_default().to_owned(),
        Err(_not_json) => request.arguments.clone(),
    }
}

fn result(passage: &Passage) -> FileSearchResult {
    FileSearchResult {
        file_id: passage.file.clone(),
        filename: passage.filename.clone(),
        score: passage.score,
        text: passage.text.clone(),
        attributes: FileSearchAttributes {
            number: passage.number,
            page: passage.page,
            page_end: passage.page_end,
            heading: passage.heading.clone(),
        },
    }
}

fn code_outputs(output: &ToolOutput) -> Vec<CodeOutput> {
    let logs = Some(output.logs()).filter(|logs| !logs.is_empty()).map(|logs| CodeOutput::Logs { logs });
    let images = output.files().filter(|file| file.mime.starts_with("image/")).map(|file| CodeOutput::Image {
        url: format!("/v1/containers/{}/files/{}/content", file.container, file.id),
        file_id: file.id.clone(),
        filename: file.name.clone(),
    });
    logs.into_iter().chain(images).collect()
}

fn file(file: &Artifact) -> OutputFile {
    OutputFile {
        id: file.id.clone(),
        container: file.container.to_string(),
        name: file.name.clone(),
        mime: file.mime.clone(),
        bytes: file.bytes,
    }
}
