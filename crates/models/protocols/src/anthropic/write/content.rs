//! The conversation as Anthropic wants it: instructions apart, alternating roles, the results of one turn first in one
//! message of the user, no empty texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::mark;
use crate::anthropic::block;
use crate::dialect::Dialect;
use crate::json::put;
use crate::mime;
use crate::proof::{Proof, own};
use crate::request::{Media, Message, Part, PartKind, Request, Role, Source};

/// Writes the instructions and the messages.
pub(super) fn encode(request: &Request, dropped: &mut Vec<String>) -> (Vec<Value>, Vec<Value>) {
    let (mut system, mut messages): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for (at, message) in request.messages.iter().enumerate() {
        if message.name.is_some() {
            dropped.push(format!("messages[{at}].name"));
        }
        let mut blocks = Vec::new();
        for (number, part) in message.parts.iter().enumerate() {
            let path = format!("messages[{at}].content[{number}]");
            // The model has no pictures of its own.
            if message.role == Role::Assistant && matches!(part.kind, PartKind::Image(_)) {
                dropped.push(format!("{path}.image"));
                continue;
            }
            blocks.extend(self::part(&path, part, request.origin, dropped));
        }
        let role = match message.role {
            // Clients that speak Anthropic's words know whether the model takes instructions in the middle. Those of
            // others do not, so theirs go with the first, where every model takes them.
            Role::System | Role::Developer if request.origin == Dialect::Anthropic && !messages.is_empty() => "system",
            Role::System | Role::Developer => {
                system.extend(blocks);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        add(&mut messages, role, blocks);
    }
    trim_last(&mut messages);
    (system, messages)
}

/// Adds blocks to the last message when it has the same role.
fn add(messages: &mut Vec<Value>, role: &str, blocks: Vec<Value>) {
    if blocks.is_empty() {
        return;
    }
    let last = messages.last_mut().filter(|last| last["role"] == role);
    let Some(content) = last.and_then(|last| last["content"].as_array_mut()) else {
        messages.push(json!({"role": role, "content": blocks}));
        return;
    };
    let is_result = |block: &Value| block["type"] == "tool_result";
    for block in blocks {
        // Results come first, or they do not count as given at once.
        let place =
            if is_result(&block) { content.iter().filter(|block| is_result(block)).count() } else { content.len() };
        content.insert(place, block);
    }
}

/// A prefilled beginning of the answer may not end in white space.
fn trim_last(messages: &mut [Value]) {
    let Some(last) = messages.last_mut().filter(|last| last["role"] == "assistant") else { return };
    let text = last["content"].as_array_mut().and_then(|content| content.last_mut()?.get_mut("text"));
    if let Some(Value::String(text)) = text {
        text.truncate(text.trim_end().len());
    }
}

/// The tools that the history calls.
pub(crate) fn called(request: &Request) -> Vec<&str> {
    let mut names = Vec::new();
    for part in request.messages.iter().flat_map(|message: &Message| &message.parts) {
        if let PartKind::Call { name, .. } = &part.kind
            && !names.contains(&name.as_str())
        {
            names.push(name);
        }
    }
    names
}

fn part(path: &str, part: &Part, origin: Dialect, dropped: &mut Vec<String>) -> Option<Value> {
    let mut can_be_kept = true;
    let mut value = match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => {
            // Refused when there is nothing in it.
            if text.trim().is_empty() {
                return None;
            }
            json!({"type": "text", "text": text})
        }
        PartKind::Image(media) => json!({"type": "image", "source": source(path, media, origin, dropped)?}),
        PartKind::File(media) => {
            let mut document = json!({"type": "document", "source": source(path, media, origin, dropped)?});
            if let Some(title) = &media.name {
                document["title"] = json!(title);
            }
            document
        }
        PartKind::Audio(_) => {
            dropped.push(format!("{path}.audio"));
            return None;
        }
        PartKind::Reasoning { text, signature, encrypted, .. } => {
            can_be_kept = false;
            let own = |proof: &Option<Proof>| own(proof.as_ref(), Dialect::Anthropic).map(str::to_owned);
            match (own(signature), own(encrypted)) {
                (Some(signature), _) => json!({"type": "thinking", "thinking": text, "signature": signature}),
                (None, Some(data)) => json!({"type": "redacted_thinking", "data": unwrapped(&data)}),
                (None, None) => {
                    // Text without proof is refused; Anthropic leaves thinking of earlier turns out itself, so nothing
                    // is missed.
                    if signature.is_some() || encrypted.is_some() {
                        dropped.push(format!("{path}.signature"));
                    }
                    return None;
                }
            }
        }
        PartKind::Call { id, name, arguments, .. } => {
            json!({"type": "tool_use", "id": id_of(id), "name": name, "input": block::input(arguments)})
        }
        PartKind::Result { call_id, parts, is_error, .. } => {
            let inner =
                |(at, part): (usize, &Part)| self::part(&format!("{path}.content[{at}]"), part, origin, dropped);
            let content: Vec<Value> = parts.iter().enumerate().filter_map(inner).collect();
            let mut result = Map::from_iter([
                ("type".to_owned(), json!("tool_result")),
                ("tool_use_id".to_owned(), json!(id_of(call_id))),
            ]);
            put(&mut result, "content", (!content.is_empty()).then_some(content));
            put(&mut result, "is_error", is_error.then_some(true));
            Value::Object(result)
        }
        PartKind::Opaque { dialect: Dialect::Anthropic, value } => value.clone(),
        PartKind::Opaque { .. } => {
            dropped.push(path.to_owned());
            return None;
        }
    };
    if let Some(cache) = part.cache.as_ref().filter(|_| can_be_kept) {
        value["cache_control"] = mark(cache);
    }
    Some(value)
}

/// Bedrock wraps this in base64 once more. Anthropic's own, which is base64 too, begins with an `E`.
fn unwrapped(data: &str) -> String {
    let inner = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    inner.filter(|inner| inner.starts_with('E') && inner.is_ascii()).unwrap_or_else(|| data.to_owned())
}

/// Anthropic takes letters, digits, `_` and `-`; other providers' ids may have more.
fn id_of(id: &str) -> String {
    id.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' { letter } else { '_' })
        .collect()
}

fn source(path: &str, media: &Media, origin: Dialect, dropped: &mut Vec<String>) -> Option<Value> {
    match &media.source {
        Source::Url(url) => Some(json!({"type": "url", "url": url})),
        Source::FileId(id) if origin == Dialect::Anthropic => Some(json!({"type": "file", "file_id": id})),
        Source::FileId(_) => {
            dropped.push(format!("{path}.file_id"));
            None
        }
        Source::Base64(data) => {
            let kind = media.mime.as_deref().filter(|mime| *mime != "image/jpg").unwrap_or_else(|| mime::sniff(data));
            if kind.starts_with("text/")
                && let Ok(text) = STANDARD.decode(data)
            {
                let text = String::from_utf8_lossy(&text);
                return Some(json!({"type": "text", "media_type": "text/plain", "data": text}));
            }
            Some(json!({"type": "base64", "media_type": kind, "data": data}))
        }
    }
}
