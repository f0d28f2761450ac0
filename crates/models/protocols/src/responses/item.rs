//! The items of an answer.

use serde_json::{Map, Value, json};

use super::{SIGNED, citation};
use crate::answer::Whole;
use crate::dialect::Dialect;
use crate::event::Block;
use crate::json::Look;
use crate::proof::own;

/// A message.
pub(super) fn message(id: &str, status: &str, parts: &[Value]) -> Value {
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": parts})
}

/// Text or a refusal, as a part of a message. Sources that have no form here are kept under `citations`, a signature
/// under `extra_content`.
pub(super) fn part(whole: &Whole) -> Value {
    if whole.block == Block::Refusal {
        return json!({"type": "refusal", "refusal": whole.text});
    }
    let (mut annotations, mut others) = (Vec::new(), Vec::new());
    for (dialect, value) in &whole.citations {
        match citation::annotation(*dialect, value, &whole.text) {
            Some(annotation) => annotations.push(annotation),
            None => others.push(value.clone()),
        }
    }
    let mut part = json!({
        "type": "output_text", "text": whole.text, "annotations": annotations,
        "logprobs": logprobs(&whole.logprobs),
    });
    if !others.is_empty() {
        part["citations"] = json!(others);
    }
    sign(&mut part, whole);
    part
}

/// Log probabilities. A token's bytes are required here, and left out by many.
pub(super) fn logprobs(values: &[Value]) -> Vec<Value> {
    let with_bytes = |value: &Value| -> Value {
        let mut value = value.clone();
        let token = value.string("token");
        if let Some(fields) = value.as_object_mut().filter(|fields| !fields.get("bytes").is_some_and(Value::is_array)) {
            fields.insert("bytes".to_owned(), json!(token.as_bytes()));
        }
        value
    };
    let write = |value: &Value| -> Value {
        let mut written = with_bytes(value);
        written["top_logprobs"] = value.list("top_logprobs").iter().map(with_bytes).collect();
        written
    };
    values.iter().filter(|value| value.is_object()).map(write).collect()
}

/// Thinking. Its parts in the summary are one.
pub(super) fn reasoning(id: &str, status: &str, whole: &Whole) -> Value {
    let summary = if whole.text.is_empty() { json!([]) } else { json!([summary(&whole.text)]) };
    let sealed = match (&whole.encrypted, &whole.signature) {
        (Some(sealed), _) => Some(sealed.for_client(Dialect::Responses).into_owned()),
        (None, Some(signature)) => Some(format!("{SIGNED}{}", signature.for_client(Dialect::Responses))),
        (None, None) => None,
    };
    let mut item = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("type".to_owned(), json!("reasoning")),
        ("status".to_owned(), json!(status)),
        ("summary".to_owned(), summary),
    ]);
    if let Some(sealed) = sealed {
        item.insert("encrypted_content".to_owned(), json!(sealed));
    }
    Value::Object(item)
}

/// A part of the summary of thinking.
pub(super) fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

/// A call.
pub(super) fn call(id: &str, status: &str, call_id: &str, name: &str, whole: &Whole) -> Value {
    let mut item = json!({
        "id": id, "type": "function_call", "status": status, "call_id": call_id, "name": name,
        "arguments": whole.text,
    });
    sign(&mut item, whole);
    item
}

/// A picture that the model made.
pub(super) fn picture(id: &str, mime: &str, data: &str, whole: &Whole) -> Value {
    let format = mime.strip_prefix("image/").unwrap_or(mime);
    let mut item = json!({
        "id": id, "type": "image_generation_call", "status": "completed", "result": data, "output_format": format,
    });
    sign(&mut item, whole);
    item
}

/// Google's signature, in the place where Google's own OpenAI surface has it.
fn sign(item: &mut Value, whole: &Whole) {
    if let Some(signature) = own(whole.signature.as_ref(), Dialect::Gemini) {
        item["extra_content"] = json!({"google": {"thought_signature": signature}});
    }
}
