//! The output items of a run, in the shapes of OpenAI's Responses.
//!
//! What OpenAI has no field for travels under the extra key `septet`, which its SDKs ignore.

use serde_json::{Map, Value, json};

use super::event::{ToolCall, ToolOutput};
use super::state::Call;
use crate::tools::Tool;

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
        septet["error"] = json!(output.error);
        septet["files"] = json!(output.files);
    }
    let mut item = match Tool::named(&call.request.name) {
        Some(Tool::KnowledgeSearch) => search(&call.request, output),
        Some(tool @ (Tool::RunPython | Tool::RunSql)) => {
            septet["language"] = json!(if tool == Tool::RunSql { "sql" } else { "python" });
            code(call, output)
        }
        None => unknown(&call.request, output),
    };
    item.insert("id".to_owned(), json!(id));
    item.insert("status".to_owned(), json!(status));
    item.insert("septet".to_owned(), septet);
    Value::Object(item)
}

/// The name of the wire event that tells a call's phase, `in_progress`, a running word of its own, or `completed`.
#[must_use]
pub fn phase_event(call: &ToolCall, phase: Phase) -> &'static str {
    match (Tool::named(&call.name), phase) {
        (Some(Tool::KnowledgeSearch), Phase::Begun) => "response.file_search_call.in_progress",
        (Some(Tool::KnowledgeSearch), Phase::Running) => "response.file_search_call.searching",
        (Some(Tool::KnowledgeSearch), Phase::Done) => "response.file_search_call.completed",
        (Some(Tool::RunPython | Tool::RunSql), Phase::Begun) => "response.code_interpreter_call.in_progress",
        (Some(Tool::RunPython | Tool::RunSql), Phase::Running) => "response.code_interpreter_call.interpreting",
        (Some(Tool::RunPython | Tool::RunSql), Phase::Done) => "response.code_interpreter_call.completed",
        (None, Phase::Begun | Phase::Running) => "response.mcp_call.in_progress",
        (None, Phase::Done) => "response.mcp_call.failed",
    }
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model asked for it.
    Begun,
    /// It runs.
    Running,
    /// It has its output.
    Done,
}

fn search(request: &ToolCall, output: Option<&ToolOutput>) -> Map<String, Value> {
    let arguments: Value = serde_json::from_str(&request.arguments).unwrap_or_default();
    let results: Option<Vec<Value>> = output.map(|output| {
        output
            .passages
            .iter()
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
        let logs = [output.stdout.as_str(), output.stderr.as_str()].concat();
        if !logs.is_empty() {
            outputs.push(json!({"type": "logs", "logs": logs}));
        }
        for file in output.files.iter().filter(|file| file.mime.starts_with("image/")) {
            let url = format!("/v1/containers/{}/files/{}/content", file.container, file.id);
            outputs.push(json!({"type": "image", "url": url, "file_id": file.id, "filename": file.name}));
        }
        outputs
    });
    object(json!({
        "type": "code_interpreter_call",
        "code": code_of(&call.request),
        "container_id": call.container.map_or_else(String::new, |id| id.to_string()),
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

fn unknown(request: &ToolCall, output: Option<&ToolOutput>) -> Map<String, Value> {
    object(json!({
        "type": "mcp_call",
        "server_label": "septet",
        "name": request.name,
        "arguments": request.arguments,
        "output": null,
        "error": output.map(|output| output.text.clone()),
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}
