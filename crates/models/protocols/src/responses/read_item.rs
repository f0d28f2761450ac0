//! The items of a request.

use serde_json::{Value, json};

use super::{SIGNED, call_signature};
use crate::dialect::Dialect;
use crate::error::Wrong;
use crate::json::Look;
use crate::proof::Proof;
use crate::request::{Media, Message, Part, PartKind, Role, Source};

/// Reads the input, which is a text or a list of items, and adds its messages.
pub(super) fn read_all(input: &Value, messages: &mut Vec<Message>) -> Result<(), Wrong> {
    match input {
        Value::String(text) => {
            messages.push(Message::of(Role::User, PartKind::Text(text.clone())));
            Ok(())
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let (role, parts) = read(&format!("input[{at}]"), item)?;
                add(messages, role, parts);
            }
            Ok(())
        }
        _ => Err(Wrong::field("input", "must be text or a list of items")),
    }
}

/// What the model said, thought and called in a row is one message of it.
fn add(messages: &mut Vec<Message>, role: Role, parts: Vec<Part>) {
    if role == Role::Assistant
        && let Some(last) = messages.last_mut()
        && last.role == Role::Assistant
    {
        last.parts.extend(parts);
        return;
    }
    messages.push(Message { role, name: None, parts });
}

fn read(param: &str, item: &Value) -> Result<(Role, Vec<Part>), Wrong> {
    let one = |role: Role, kind: PartKind| Ok((role, vec![Part::from(kind)]));
    if !item.is_object() {
        return Err(Wrong::field(param, "must be an object"));
    }
    match item.text("type").unwrap_or("message") {
        "message" => message(param, item),
        "function_call" => {
            let arguments = match item.get("arguments") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                // Some clients send the object itself.
                Some(object) => object.to_string(),
            };
            one(Role::Assistant, call(param, item, arguments)?)
        }
        "custom_tool_call" => {
            let arguments = json!({"input": item.string("input")}).to_string();
            one(Role::Assistant, call(param, item, arguments)?)
        }
        "function_call_output" | "custom_tool_call_output" => {
            let call_id = required(param, item, "call_id")?;
            let output = item.get("output").unwrap_or(&Value::Null);
            let parts = content(&format!("{param}.output"), output)?;
            one(Role::Tool, PartKind::Result { call_id, name: None, parts, is_error: false })
        }
        "reasoning" => one(Role::Assistant, reasoning(item)),
        "item_reference" => {
            let what = "refers to a stored item; a model gets the item itself, only agents keep conversations";
            Err(Wrong::field(param, what))
        }
        kind => {
            let is_ours = !kind.ends_with("_output") && !kind.ends_with("_response");
            let role = if is_ours { Role::Assistant } else { Role::User };
            one(role, PartKind::Opaque { dialect: Dialect::Responses, value: item.clone() })
        }
    }
}

fn required(param: &str, item: &Value, name: &str) -> Result<String, Wrong> {
    let found = item.text(name).filter(|text| !text.is_empty());
    found.map(str::to_owned).ok_or_else(|| Wrong::field(format!("{param}.{name}"), "is missing"))
}

fn call(param: &str, item: &Value, arguments: String) -> Result<PartKind, Wrong> {
    Ok(PartKind::Call {
        id: required(param, item, "call_id")?,
        name: required(param, item, "name")?,
        arguments,
        signature: call_signature(item),
    })
}

fn reasoning(item: &Value) -> PartKind {
    let texts = |name: &str| -> String {
        let texts: Vec<&str> = item.list(name).iter().filter_map(|part| part.text("text")).collect();
        texts.join("\n\n")
    };
    let (content, summary) = (texts("content"), texts("summary"));
    let sealed = item.text("encrypted_content");
    let signature = sealed.and_then(|sealed| sealed.strip_prefix(SIGNED));
    PartKind::Reasoning {
        text: if content.is_empty() { summary } else { content },
        // Those of earlier times have no mark of their maker.
        signature: signature.map(|text| Proof::of(Dialect::Chat, text)),
        encrypted: sealed.filter(|_| signature.is_none()).map(|text| Proof::of(Dialect::Responses, text)),
        id: item.text("id").map(str::to_owned),
    }
}

fn message(param: &str, item: &Value) -> Result<(Role, Vec<Part>), Wrong> {
    let role = match item.text("role") {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some(_) => {
            return Err(Wrong::field(format!("{param}.role"), "must be user, assistant, system or developer"));
        }
        None => return Err(Wrong::field(format!("{param}.role"), "is missing")),
    };
    Ok((role, content(&format!("{param}.content"), item.get("content").unwrap_or(&Value::Null))?))
}

fn content(param: &str, value: &Value) -> Result<Vec<Part>, Wrong> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::from(PartKind::Text(text.clone()))]),
        Value::Array(parts) => {
            let read = |(at, value): (usize, &Value)| part(&format!("{param}[{at}]"), value).map(Part::from);
            parts.iter().enumerate().map(read).collect()
        }
        _ => Err(Wrong::field(param, "must be text or a list of parts")),
    }
}

fn part(param: &str, value: &Value) -> Result<PartKind, Wrong> {
    match value.text("type") {
        Some("input_text" | "output_text" | "text") => Ok(PartKind::Text(value.string("text"))),
        Some("refusal") => Ok(PartKind::Refusal(value.string("refusal"))),
        Some("input_image") => {
            let detail = value.text("detail").map(str::to_owned);
            let media = match (value.text("image_url"), value.text("file_id")) {
                (Some(url), _) => Media::at(url),
                (None, Some(id)) => Media::of(Source::FileId(id.to_owned())),
                (None, None) => return Err(Wrong::field(param, "needs image_url or file_id")),
            };
            Ok(PartKind::Image(Media { detail, ..media }))
        }
        Some("input_file") => {
            let name = value.text("filename").map(str::to_owned);
            let media = match (value.text("file_data"), value.text("file_url"), value.text("file_id")) {
                (Some(data), ..) if data.starts_with("data:") => Media::at(data),
                (Some(data), ..) => Media::base64(data.to_owned()),
                (None, Some(url), _) => Media::at(url),
                (None, None, Some(id)) => Media::of(Source::FileId(id.to_owned())),
                (None, None, None) => return Err(Wrong::field(param, "needs file_data, file_url or file_id")),
            };
            Ok(PartKind::File(Media { name, ..media }))
        }
        Some("input_audio") => {
            let audio = value.get("input_audio").unwrap_or(&Value::Null);
            let mime = audio.text("format").map(|format| format!("audio/{format}"));
            Ok(PartKind::Audio(Media { mime, ..Media::base64(audio.string("data")) }))
        }
        Some(_) => Ok(PartKind::Opaque { dialect: Dialect::Responses, value: value.clone() }),
        None => Err(Wrong::field(format!("{param}.type"), "is missing")),
    }
}
