//! A request to Ollama.

use serde_json::{Map, Value, json};

use crate::codec::Encoded;
use crate::dialect::Quirks;
use crate::json::put;
use crate::leftover;
use crate::request::{Effort, Format, Message, Part, PartKind, Request, Role, Source, Tool, ToolChoice};

// Of Ollama's own, which clients send along in other dialects too.
const OPTIONS: [&str; 7] = ["min_p", "typical_p", "repeat_penalty", "repeat_last_n", "num_ctx", "num_keep", "mirostat"];
const TAKEN: [&str; 9] = [
    "keep_alive",
    "options",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "num_ctx",
    "num_keep",
    "mirostat",
];

/// Writes a request. Tool choice beyond "as you like" and "not at all" cannot be said.
#[must_use]
pub fn encode(request: &Request, _quirks: &Quirks) -> Encoded {
    let mut dropped: Vec<String> = leftover::names(request, &TAKEN).collect();
    let mut body = Map::new();
    body.insert("model".to_owned(), request.model.clone().into());
    let mut messages = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        self::message(request, at, message, &mut messages, &mut dropped);
    }
    body.insert("messages".to_owned(), messages.into());
    // Always said: Ollama streams unless told otherwise.
    body.insert("stream".to_owned(), request.stream.into());

    let tools = tools(request, &mut dropped);
    match &request.tool_choice {
        // Without tools it cannot call any.
        Some(ToolChoice::None) => {}
        choice => {
            if matches!(choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
                dropped.push("tool_choice".to_owned());
            }
            put(&mut body, "tools", Some(tools).filter(|tools| !tools.is_empty()));
        }
    }
    if request.parallel_calls == Some(false) && !request.tools.is_empty() {
        dropped.push("parallel_tool_calls".to_owned());
    }
    match &request.format {
        None | Some(Format::Text) => {}
        Some(Format::Json) => put(&mut body, "format", Some("json")),
        Some(Format::Schema { schema, .. }) => put(&mut body, "format", Some(schema.clone())),
    }
    put(&mut body, "think", think(request));
    if let Some(top) = request.logprobs {
        body.insert("logprobs".to_owned(), true.into());
        put(&mut body, "top_logprobs", Some(top).filter(|top| *top > 0));
    }
    if request.n.is_some_and(|n| n > 1) {
        dropped.push("n".to_owned());
    }
    put(&mut body, "keep_alive", request.extra.get("keep_alive").cloned());
    put(&mut body, "options", Some(options(request)).filter(|options| !options.is_empty()));
    Encoded { body: body.into(), dropped }
}

fn options(request: &Request) -> Map<String, Value> {
    let mut options = request.extra.get("options").and_then(Value::as_object).cloned().unwrap_or_default();
    for name in OPTIONS {
        put(&mut options, name, request.extra.get(name).cloned());
    }
    put(&mut options, "num_predict", request.max_output);
    put(&mut options, "temperature", request.temperature);
    put(&mut options, "top_p", request.top_p);
    put(&mut options, "top_k", request.top_k);
    put(&mut options, "seed", request.seed);
    put(&mut options, "presence_penalty", request.presence_penalty);
    put(&mut options, "frequency_penalty", request.frequency_penalty);
    put(&mut options, "stop", Some(request.stop.clone()).filter(|stop| !stop.is_empty()));
    options
}

/// On or off, and for gpt-oss how much: other models refuse the words.
fn think(request: &Request) -> Option<Value> {
    let reasoning = request.reasoning.as_ref()?;
    if reasoning.is_off() {
        return Some(false.into());
    }
    if !reasoning.is_asked() {
        return None;
    }
    if !request.model.contains("gpt-oss") {
        return Some(true.into());
    }
    Some(match reasoning.word() {
        Some(Effort::None | Effort::Minimal | Effort::Low) => "low".into(),
        Some(Effort::High | Effort::Extreme) => "high".into(),
        Some(Effort::Medium) | None => "medium".into(),
    })
}

fn tools(request: &Request, dropped: &mut Vec<String>) -> Vec<Value> {
    let mut tools = Vec::new();
    for (at, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, .. } => {
                let mut function = Map::new();
                function.insert("name".to_owned(), name.clone().into());
                put(&mut function, "description", description.clone());
                let none = || json!({"type": "object", "properties": {}});
                function.insert("parameters".to_owned(), parameters.clone().unwrap_or_else(none));
                tools.push(json!({"type": "function", "function": function}));
            }
            Tool::Opaque { .. } => dropped.push(format!("tools[{at}]")),
        }
    }
    tools
}

fn message(request: &Request, at: usize, message: &Message, out: &mut Vec<Value>, dropped: &mut Vec<String>) {
    let mut said = Said::default();
    let path = format!("messages[{at}]");
    if message.name.is_some() {
        dropped.push(format!("{path}.name"));
    }
    for part in &message.parts {
        if let PartKind::Result { call_id, name, parts, .. } = &part.kind {
            let mut result = Said::default();
            for part in parts {
                result.add(&path, part, dropped);
            }
            let known = name.as_deref().or_else(|| leftover::function_of(&request.messages[..at], call_id));
            let mut object = result.object("tool");
            put(&mut object, "tool_name", known);
            put(&mut object, "tool_call_id", Some(call_id.as_str()).filter(|id| !id.is_empty()));
            out.push(object.into());
        } else {
            said.add(&path, part, dropped);
        }
    }
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        // Its results have been written.
        Role::Tool => return,
    };
    out.push(said.object(role).into());
}

/// What a message holds, gathered by kind: Ollama has one place for each.
#[derive(Default)]
struct Said {
    texts: Vec<String>,
    thinking: Vec<String>,
    images: Vec<Value>,
    calls: Vec<Value>,
}

impl Said {
    fn add(&mut self, path: &str, part: &Part, dropped: &mut Vec<String>) {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => self.texts.push(text.clone()),
            PartKind::Reasoning { text, .. } if text.is_empty() => {}
            PartKind::Reasoning { text, .. } => self.thinking.push(text.clone()),
            PartKind::Image(media) => match &media.source {
                Source::Base64(data) => self.images.push(data.clone().into()),
                Source::Url(_) | Source::FileId(_) => dropped.push(format!("{path}.image_url")),
            },
            PartKind::File(_) => dropped.push(format!("{path}.file")),
            PartKind::Audio(_) => dropped.push(format!("{path}.audio")),
            PartKind::Call { id, name, arguments, .. } => {
                let mut call = Map::new();
                put(&mut call, "id", Some(id.as_str()).filter(|id| !id.is_empty()));
                call.insert("function".to_owned(), json!({"name": name, "arguments": object(arguments)}));
                self.calls.push(call.into());
            }
            PartKind::Opaque { value, .. } => {
                let kind = value.get("type").and_then(Value::as_str).unwrap_or("content");
                dropped.push(format!("{path}.{kind}"));
            }
            // A result within a result does not exist.
            PartKind::Result { .. } => {}
        }
    }

    fn object(self, role: &str) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("role".to_owned(), role.into());
        object.insert("content".to_owned(), self.texts.join("\n").into());
        put(&mut object, "thinking", Some(self.thinking.join("\n")).filter(|text| !text.is_empty()));
        put(&mut object, "images", Some(self.images).filter(|images| !images.is_empty()));
        put(&mut object, "tool_calls", Some(self.calls).filter(|calls| !calls.is_empty()));
        object
    }
}

/// Ollama takes an object and nothing else; what a model got wrong is kept as a text inside of one.
fn object(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => object.into(),
        Ok(_) | Err(_) => json!({"arguments": arguments}),
    }
}
