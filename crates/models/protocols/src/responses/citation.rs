//! Sources of the text, as annotations.

use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::json::Look;

/// The annotation that says the same, with whatever else the source says of itself; `None` when this dialect has none
/// for it. `text` is the text so far, at whose end stand sources that do not say where they belong.
pub(super) fn annotation(dialect: Dialect, value: &Value, text: &str) -> Option<Value> {
    let mut annotation = translate(dialect, value, text)?;
    if let (Some(fields), Some(said)) = (annotation.as_object_mut(), value.as_object()) {
        for (name, more) in said {
            fields.entry(name).or_insert_with(|| more.clone());
        }
    }
    Some(annotation)
}

fn translate(dialect: Dialect, value: &Value, text: &str) -> Option<Value> {
    match dialect {
        Dialect::Responses => Some(value.clone()),
        Dialect::Chat => {
            let inner = value.get("url_citation")?;
            Some(url(inner.text("url")?, inner.text("title"), span(inner, "start_index", "end_index", text)))
        }
        Dialect::Anthropic => {
            let address = value.text("url").or_else(|| value.text("source"))?;
            Some(url(address, value.text("title"), (0, text.chars().count() as u64)))
        }
        Dialect::Gemini => {
            let address = value.pointer("/web/uri").or_else(|| value.get("uri")).and_then(Value::as_str)?;
            let title = value.pointer("/web/title").and_then(Value::as_str).or_else(|| value.text("title"));
            let place = value.list("segments").first().unwrap_or(value);
            // Google counts bytes, OpenAI characters.
            let (start, end) = span(place, "startIndex", "endIndex", text);
            Some(url(address, title, (characters(text, start), characters(text, end))))
        }
        Dialect::Bedrock | Dialect::Ollama | Dialect::Cohere => None,
    }
}

fn url(address: &str, title: Option<&str>, (start, end): (u64, u64)) -> Value {
    json!({
        "type": "url_citation", "url": address, "title": title.unwrap_or_default(),
        "start_index": start, "end_index": end,
    })
}

fn characters(text: &str, bytes: u64) -> u64 {
    let within = usize::try_from(bytes).ok().and_then(|bytes| text.get(..bytes));
    within.unwrap_or(text).chars().count() as u64
}

fn span(value: &Value, start: &str, end: &str, text: &str) -> (u64, u64) {
    let length = || text.chars().count() as u64;
    (value.count(start), value.get(end).and_then(Value::as_u64).unwrap_or_else(length))
}
