//! A request to Cohere.

use serde_json::{Map, Value, json};

use crate::codec::Encoded;
use crate::dialect::Quirks;
use crate::json::put;
use crate::leftover;
use crate::request::{Format, Message, Part, PartKind, Request, Role, Tool, ToolChoice};

// Cohere's own, which a client of another dialect may send along.
const OWN: [&str; 5] = ["documents", "citation_options", "safety_mode", "priority", "strict_tools"];

/// Writes a request.
#[must_use]
pub fn encode(request: &Request, _quirks: &Quirks) -> Encoded {
    let mut dropped: Vec<String> = leftover::names(request, &OWN).collect();
    let mut body = Map::new();
    body.insert("model".to_owned(), request.model.clone().into());
    let mut messages = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        self::message(&format!("messages[{at}]"), message, &mut messages, &mut dropped);
    }
    body.insert("messages".to_owned(), messages.into());
    body.insert("stream".to_owned(), request.stream.into());
    tools(request, &mut body, &mut dropped);
    put(&mut body, "max_tokens", request.max_output);
    put(&mut body, "temperature", request.temperature);
    put(&mut body, "p", request.top_p);
    put(&mut body, "k", request.top_k);
    put(&mut body, "seed", request.seed);
    put(&mut body, "stop_sequences", Some(request.stop.clone()).filter(|stop| !stop.is_empty()));
    put(&mut body, "frequency_penalty", request.frequency_penalty);
    put(&mut body, "presence_penalty", request.presence_penalty);
    if let Some(top) = request.logprobs {
        body.insert("logprobs".to_owned(), true.into());
        if top > 0 {
            dropped.push("top_logprobs".to_owned());
        }
    }
    if request.n.is_some_and(|n| n > 1) {
        dropped.push("n".to_owned());
    }
    if request.parallel_calls == Some(false) && !request.tools.is_empty() {
        dropped.push("parallel_tool_calls".to_owned());
    }
    match &request.format {
        None | Some(Format::Text) => {}
        Some(Format::Json) => put(&mut body, "response_format", Some(json!({"type": "json_object"}))),
        Some(Format::Schema { schema, .. }) => {
            put(&mut body, "response_format", Some(json!({"type": "json_object", "schema": schema})));
        }
    }
    put(&mut body, "thinking", thinking(request));
    for name in OWN {
        put(&mut body, name, request.extra.get(name).cloned());
    }
    Encoded { body: body.into(), dropped }
}

fn thinking(request: &Request) -> Option<Value> {
    let reasoning = request.reasoning.as_ref()?;
    if reasoning.is_off() {
        return Some(json!({"type": "disabled"}));
    }
    if !reasoning.is_asked() {
        return None;
    }
    let budget = reasoning.budget.or_else(|| reasoning.effort.map(|effort| effort.budget(request.max_output)));
    let mut thinking = Map::new();
    thinking.insert("type".to_owned(), "enabled".into());
    put(&mut thinking, "token_budget", budget);
    Some(thinking.into())
}

fn tools(request: &Request, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    // Cohere cannot name the function that must be called; offering only that one has the same effect.
    let only = match &request.tool_choice {
        Some(ToolChoice::Named(name)) => Some(name),
        _ => None,
    };
    let (mut tools, mut is_strict) = (Vec::new(), false);
    for (at, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, .. } if only.is_some_and(|only| only != name) => {}
            Tool::Function { name, description, parameters, strict, .. } => {
                is_strict |= *strict == Some(true);
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
    if tools.is_empty() {
        return;
    }
    body.insert("tools".to_owned(), tools.into());
    put(body, "strict_tools", Some(true).filter(|_| is_strict));
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => put(body, "tool_choice", Some("NONE")),
        Some(ToolChoice::Required | ToolChoice::Named(_)) => put(body, "tool_choice", Some("REQUIRED")),
    }
}

fn message(path: &str, message: &Message, out: &mut Vec<Value>, dropped: &mut Vec<String>) {
    if message.name.is_some() {
        dropped.push(format!("{path}.name"));
    }
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => return assistant(path, message, out, dropped),
        Role::Tool => {
            for part in &message.parts {
                result(path, part, out, dropped);
            }
            return;
        }
    };
    let parts: Vec<Value> = message.parts.iter().filter_map(|part| content(path, part, dropped)).collect();
    let content = match parts.as_slice() {
        [part] if part["type"] == "text" => part["text"].clone(),
        _ => parts.into(),
    };
    out.push(json!({"role": role, "content": content}));
}

fn assistant(path: &str, message: &Message, out: &mut Vec<Value>, dropped: &mut Vec<String>) {
    let (mut parts, mut calls, mut plan) = (Vec::new(), Vec::new(), Vec::new());
    let has_calls = message.parts.iter().any(|part| matches!(part.kind, PartKind::Call { .. }));
    for part in &message.parts {
        match &part.kind {
            PartKind::Reasoning { text, .. } if text.is_empty() => {}
            // Every model of theirs takes the plan before calls; parts of thinking only those that think.
            PartKind::Reasoning { text, .. } if has_calls => plan.push(text.as_str()),
            PartKind::Reasoning { text, .. } => parts.push(json!({"type": "thinking", "thinking": text})),
            PartKind::Call { id, name, arguments, .. } => {
                let arguments = if arguments.is_empty() { "{}" } else { arguments };
                let function = json!({"name": name, "arguments": arguments});
                calls.push(json!({"id": id, "type": "function", "function": function}));
            }
            _ => parts.extend(content(path, part, dropped)),
        }
    }
    let mut object = Map::new();
    object.insert("role".to_owned(), "assistant".into());
    let content: Option<Value> = match parts.as_slice() {
        [] => None,
        [part] if part["type"] == "text" => Some(part["text"].clone()),
        _ => Some(parts.into()),
    };
    put(&mut object, "content", content);
    put(&mut object, "tool_plan", Some(plan.join("\n")).filter(|plan| !plan.is_empty()));
    put(&mut object, "tool_calls", Some(calls).filter(|calls| !calls.is_empty()));
    if object.len() == 1 {
        object.insert("content".to_owned(), "".into());
    }
    out.push(object.into());
}

fn result(path: &str, part: &Part, out: &mut Vec<Value>, dropped: &mut Vec<String>) {
    let PartKind::Result { call_id, parts, .. } = &part.kind else { return };
    let mut texts = Vec::new();
    for part in parts {
        match &part.kind {
            PartKind::Text(text) => texts.push(text.as_str()),
            PartKind::Image(_) => dropped.push(format!("{path}.image_url")),
            _ => dropped.push(format!("{path}.content")),
        }
    }
    out.push(json!({"role": "tool", "tool_call_id": call_id, "content": texts.join("\n")}));
}

fn content(path: &str, part: &Part, dropped: &mut Vec<String>) -> Option<Value> {
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => return Some(json!({"type": "text", "text": text})),
        PartKind::Image(media) => {
            if let Some(url) = media.url("image/png") {
                let mut image = Map::new();
                image.insert("url".to_owned(), url.into());
                put(&mut image, "detail", media.detail.clone());
                return Some(json!({"type": "image_url", "image_url": image}));
            }
            dropped.push(format!("{path}.image_url"));
        }
        PartKind::File(_) => dropped.push(format!("{path}.file")),
        PartKind::Audio(_) => dropped.push(format!("{path}.audio")),
        PartKind::Opaque { value, .. } => {
            let kind = value.get("type").and_then(Value::as_str).unwrap_or("content");
            dropped.push(format!("{path}.{kind}"));
        }
        // Only in messages of the model and of tools, which are written elsewhere.
        PartKind::Reasoning { .. } | PartKind::Call { .. } | PartKind::Result { .. } => {}
    }
    None
}
