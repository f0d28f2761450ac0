//! The output items of a run, in the shapes of OpenAI's Responses.
//!
//! What OpenAI has no field for travels under the extra key `septet`, which its SDKs ignore.

use serde_json::{Map, Value, json};

use crate::run::event::ToolCall;
use crate::run::output::{Artifact, ToolOutput};
use crate::run::shape::Shape;
use crate::run::state::Call;

/// A message of the assistant.
#[must_use]
pub fn message(id: &str, status: &str, text: &str, annotations: &[Value], timing: Value) -> Value {
    json!({
        "id": id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": if status == "in_progress" { json!([]) } else { json!([text_part(text, annotations)]) },
        "septet": timing,
    })
}

/// The text part of a message.
#[must_use]
pub fn text_part(text: &str, annotations: &[Value]) -> Value {
    json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": []})
}

/// When something started and how long it took, in milliseconds.
#[must_use]
pub fn timing(started_at_ms: i64, ended_at_ms: Option<i64>) -> Value {
    json!({"started_at_ms": started_at_ms, "duration_ms": ended_at_ms.map(|ended| ended - started_at_ms)})
}

/// The item of a tool call while it runs, or with its output.
#[must_use]
pub fn call(id: &str, call: &Call, started_at_ms: i64, ended_at_ms: Option<i64>) -> Value {
    let output = call.output.as_ref();
    let status = match output {
        None => "in_progress",
        Some(output) if output.ok => "completed",
        Some(_) => "failed",
    };
    let mut septet = timing(started_at_ms, ended_at_ms);
    septet["tool"] = json!(call.request.name);
    if let Some(output) = output {
        septet["error"] = json!(output.error());
        septet["files"] = json!(output.files().collect::<Vec<&Artifact>>());
    }
    let mut item = match call.request.shape() {
        Shape::FileSearch => search(&call.request, output),
        Shape::CodeInterpreter { language } => {
            septet["language"] = json!(language);
            code(call, output)
        }
        Shape::Mcp { server } => mcp(&server, &call.request, output),
    };
    item.insert("id".to_owned(), json!(id));
    item.insert("status".to_owned(), json!(status));
    item.insert("septet".to_owned(), septet);
    Value::Object(item)
}

/// The name of the wire event that tells where a call stands.
#[must_use]
pub fn phase_event(shape: &Shape, phase: Phase) -> &'static str {
    match (shape, phase) {
        (Shape::FileSearch, Phase::Begun) => "response.file_search_call.in_progress",
        (Shape::FileSearch, Phase::Running) => "response.file_search_call.searching",
        (Shape::FileSearch, Phase::Done | Phase::Failed) => "response.file_search_call.completed",
        (Shape::CodeInterpreter { .. }, Phase::Begun) => "response.code_interpreter_call.in_progress",
        (Shape::CodeInterpreter { .. }, Phase::Running) => "response.code_interpreter_call.interpreting",
        (Shape::CodeInterpreter { .. }, Phase::Done | Phase::Failed) => "response.code_interpreter_call.completed",
        (Shape::Mcp { .. }, Phase::Begun | Phase::Running) => "response.mcp_call.in_progress",
        (Shape::Mcp { .. }, Phase::Done) => "response.mcp_call.completed",
        (Shape::Mcp { .. }, Phase::Failed) => "response.mcp_call.failed",
    }
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model asked for it.
    Begun,
    /// It runs.
    Running,
    /// It did what it should.
    Done,
    /// It has an output that says why not.
    Failed,
}

fn search(request: &ToolCall, output: Option<&ToolOutput>) -> Map<String, Value> {
    let arguments: Value = serde_json::from_str(&request.arguments).unwrap_or_default();
    let results: Option<Vec<Value>> = output.map(|output| {
        output
            .passages()
            .map(|passage| {
                json!({
                    "file_id": passage.file,
                    "filename": passage.filename,
                    "score": passage.score,
                    "text": passage.text,
                    "attributes": {
                        "number": passage.number,
                        "page": passage.page,
                        "page_end": passage.page_end,
                        "heading": passage.heading,
                    },
                })
            })
            .collect()
    });
    object(json!({"type": "file_search_call", "queries": arguments["queries"], "results": results}))
}

fn code(call: &Call, output: Option<&ToolOutput>) -> Map<String, Value> {
    let outputs: Option<Vec<Value>> = output.map(|output| {
        let mut outputs = Vec::new();
        let logs = output.logs();
        if !logs.is_empty() {
            outputs.push(json!({"type": "logs", "logs": logs}));
        }
        for file in output.files().filter(|file| file.mime.starts_with("image/")) {
            let url = format!("/v1/containers/{}/files/{}/content", file.container, file.id);
            outputs.push(json!({"type": "image", "url": url, "file_id": file.id, "filename": file.name}));
        }
        outputs
    });
    object(json!({
        "type": "code_interpreter_call",
        "code": code_of(&call.request),
        "container_id": call.container().map_or_else(String::new, |id| id.to_string()),
        "outputs": outputs,
    }))
}

/// The code that a call asks to run; what the model wrote as it is, when that is no JSON.
#[must_use]
pub fn code_of(request: &ToolCall) -> String {
    match serde_json::from_str::<Value>(&request.arguments) {
        Ok(arguments) => arguments["code"].as_str().unwrap_or_default().to_owned(),
        Err(_not_json) => request.arguments.clone(),
    }
}

fn mcp(server: &str, request: &ToolCall, output: Option<&ToolOutput>) -> Map<String, Value> {
    let told = |wanted: bool| output.filter(|output| output.ok == wanted).map(ToolOutput::texts);
    object(json!({
        "type": "mcp_call",
        "server_label": server,
        "name": request.name,
        "arguments": request.arguments,
        "output": told(true),
        "error": told(false),
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}
