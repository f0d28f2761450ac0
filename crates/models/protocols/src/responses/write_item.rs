//! Messages as the items of a request.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::json::{Look, put};
use crate::proof::own;
use crate::request::{Media, Message, Part, PartKind, Role, Source};

/// Writes messages. `customs` are the tools that take free text; `wants_thinking` is for providers that take words of
/// thinking back which nobody sealed.
pub(super) fn write_all(
    messages: &[Message],
    customs: &BTreeSet<String>,
    wants_thinking: bool,
    dropped: &mut Vec<String>,
) -> Vec<Value> {
    let mut writer = Writer { customs, wants_thinking, dropped, items: Vec::new(), custom_calls: BTreeSet::new() };
    for (at, message) in messages.iter().enumerate() {
        writer.message(at, message);
    }
    writer.items
}

struct Writer<'a> {
    customs: &'a BTreeSet<String>,
    wants_thinking: bool,
    dropped: &'a mut Vec<String>,
    items: Vec<Value>,
    custom_calls: BTreeSet<String>,
}

impl Writer<'_> {
    fn message(&mut self, at: usize, message: &Message) {
        if message.name.is_some() {
            self.dropped.push(format!("messages[{at}].name"));
        }
        let role = match message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let mut content = Vec::new();
        for (number, part) in message.parts.iter().enumerate() {
            match &part.kind {
                PartKind::Call { id, name, arguments, .. } => {
                    self.flush(role, &mut content);
                    self.call(id, name, arguments);
                }
                PartKind::Result { call_id, parts, is_error, .. } => {
                    self.flush(role, &mut content);
                    self.result(at, call_id, parts, *is_error);
                }
                PartKind::Reasoning { text, signature, encrypted, id } => {
                    self.flush(role, &mut content);
                    let sealed = own(encrypted.as_ref(), Dialect::Responses);
                    if sealed.is_none() && (signature.is_some() || encrypted.is_some()) {
                        self.dropped.push(format!("messages[{at}].content[{number}].signature"));
                    }
                    self.reasoning(text, sealed, id.as_deref());
                }
                PartKind::Opaque { dialect: Dialect::Responses, value } if !is_part(value) => {
                    self.flush(role, &mut content);
                    self.items.push(value.clone());
                }
                kind => match self::content(kind, message.role == Role::Assistant) {
                    Some(part) => content.push(part),
                    None => self.dropped.push(format!("messages[{at}].content[{number}]")),
                },
            }
        }
        self.flush(role, &mut content);
    }

    /// A message of what has gathered. Text alone is written as such, which every compatible server takes; parts of
    /// the model's own messages are not taken by all, so there each text is a message.
    fn flush(&mut self, role: &str, content: &mut Vec<Value>) {
        let content = std::mem::take(content);
        let is_text = |part: &Value| matches!(part.text("type"), Some("input_text" | "output_text"));
        if (content.len() == 1 || role == "assistant") && content.iter().all(is_text) {
            let texts = content.iter().map(|part| json!({"type": "message", "role": role, "content": part["text"]}));
            self.items.extend(texts);
        } else if !content.is_empty() {
            self.items.push(json!({"type": "message", "role": role, "content": content}));
        }
    }

    /// Earlier thinking. OpenAI does not use its plain text, and an id refers to nothing where nothing is stored, so
    /// usually only encrypted thinking goes back. OpenAI's ids begin with `rs_`, and it refuses others.
    fn reasoning(&mut self, text: &str, sealed: Option<&str>, id: Option<&str>) {
        let (is_stored, mut item) = (id.is_some_and(|id| id.starts_with("rs_")), Map::new());
        if sealed.is_none() && (!self.wants_thinking || (!is_stored && text.is_empty())) {
            return;
        }
        item.insert("type".to_owned(), json!("reasoning"));
        let is_summary = sealed.is_some() || is_stored;
        let summary =
            if is_summary && !text.is_empty() { json!([{"type": "summary_text", "text": text}]) } else { json!([]) };
        item.insert("summary".to_owned(), summary);
        if !is_summary {
            item.insert("content".to_owned(), json!([{"type": "reasoning_text", "text": text}]));
        }
        put(&mut item, "encrypted_content", sealed);
        put(&mut item, "id", id.filter(|_| is_stored || sealed.is_none()));
        self.items.push(Value::Object(item));
    }

    fn call(&mut self, id: &str, name: &str, arguments: &str) {
        if self.customs.contains(name) {
            self.custom_calls.insert(id.to_owned());
            let read: Option<Value> = serde_json::from_str(arguments).ok();
            let input = read.as_ref().and_then(|read| read.text("input")).unwrap_or(arguments);
            self.items.push(json!({"type": "custom_tool_call", "call_id": id, "name": name, "input": input}));
            return;
        }
        let arguments = if arguments.is_empty() { "{}" } else { arguments };
        self.items.push(json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments}));
    }

    fn result(&mut self, at: usize, call_id: &str, parts: &[Part], is_error: bool) {
        let kind = if self.custom_calls.contains(call_id) { "custom_tool_call_output" } else { "function_call_output" };
        let texts: Option<Vec<&str>> = parts.iter().map(|part| part.kind.text()).collect();
        let output = match texts {
            Some(texts) => Value::String(marked(texts.join("\n"), is_error)),
            None => {
                let mut written: Vec<Value> = parts.iter().filter_map(|part| content(&part.kind, false)).collect();
                if written.len() < parts.len() {
                    self.dropped.push(format!("messages[{at}].content"));
                }
                if is_error {
                    written.insert(0, json!({"type": "input_text", "text": "error"}));
                }
                Value::Array(written)
            }
        };
        self.items.push(json!({"type": kind, "call_id": call_id, "output": output}));
    }
}

/// There is no field for failure, so the text says it.
fn marked(text: String, is_error: bool) -> String {
    if is_error && !text.to_lowercase().contains("error") { format!("error: {text}") } else { text }
}

/// What a message is made of, unlike an item.
fn is_part(value: &Value) -> bool {
    value.text("type").is_some_and(|kind| kind.starts_with("input_") || kind.starts_with("output_"))
}

fn content(kind: &PartKind, is_assistant: bool) -> Option<Value> {
    match kind {
        PartKind::Text(text) if is_assistant => Some(json!({"type": "output_text", "text": text, "annotations": []})),
        PartKind::Text(text) => Some(json!({"type": "input_text", "text": text})),
        PartKind::Refusal(text) => Some(json!({"type": "refusal", "refusal": text})),
        // The model's own side has neither pictures nor files.
        PartKind::Image(_) | PartKind::File(_) | PartKind::Audio(_) if is_assistant => None,
        PartKind::Image(media) => {
            let mut object = Map::from_iter([("type".to_owned(), json!("input_image"))]);
            put(&mut object, "image_url", media.url("image/png"));
            put(&mut object, "file_id", file_id(media));
            object.insert("detail".to_owned(), json!(media.detail.as_deref().unwrap_or("auto")));
            Some(Value::Object(object))
        }
        PartKind::File(media) => Some(file(media)),
        PartKind::Audio(media) => {
            let Source::Base64(data) = &media.source else { return None };
            let format = media.mime.as_deref().and_then(|mime| mime.strip_prefix("audio/")).unwrap_or("wav");
            let format = if format == "mpeg" { "mp3" } else { format };
            Some(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
        }
        PartKind::Opaque { dialect: Dialect::Responses, value } => Some(value.clone()),
        PartKind::Opaque { .. } | PartKind::Reasoning { .. } | PartKind::Call { .. } | PartKind::Result { .. } => None,
    }
}

fn file(media: &Media) -> Value {
    let mut object = Map::from_iter([("type".to_owned(), json!("input_file"))]);
    match &media.source {
        Source::Url(url) => put(&mut object, "file_url", Some(url.clone())),
        Source::FileId(id) => put(&mut object, "file_id", Some(id.clone())),
        Source::Base64(_) => {
            put(&mut object, "file_data", media.url("application/pdf"));
            // Data without a name is refused.
            put(&mut object, "filename", Some(media.name.clone().unwrap_or_else(|| "file.pdf".to_owned())));
        }
    }
    Value::Object(object)
}

fn file_id(media: &Media) -> Option<String> {
    match &media.source {
        Source::FileId(id) => Some(id.clone()),
        Source::Url(_) | Source::Base64(_) => None,
    }
}
