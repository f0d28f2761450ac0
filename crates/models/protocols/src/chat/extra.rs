//! What of a message has no place in the common form: searches that Groq's models made, audio of OpenAI's models, and
//! the fields that we add for blocks of other dialects.
//!
//! Our own stands in `provider_items`: `{"index": 0, "provider": "anthropic", "item": {..}}`. The number is there since
//! clients' libraries add up the lists of a stream by it.

use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::event::Block;
use crate::json::Look;
use crate::proof::{Proof, own};

const KNOWN: [&str; 13] = [
    "role",
    "name",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "annotations",
    "images",
    "extra_content",
    "provider_items",
];

const WORDS: [(Dialect, &str); 7] = [
    (Dialect::Chat, "chat"),
    (Dialect::Responses, "responses"),
    (Dialect::Anthropic, "anthropic"),
    (Dialect::Gemini, "gemini"),
    (Dialect::Bedrock, "bedrock"),
    (Dialect::Ollama, "ollama"),
    (Dialect::Cohere, "cohere"),
];

/// Google's thought signature, where its own OpenAI surface puts it: at a call, a message, or a picture.
pub(super) fn signature(holder: &Value) -> Option<Proof> {
    let text = holder.pointer("/extra_content/google/thought_signature")?.as_str()?;
    (!text.is_empty()).then(|| match Proof::of(Dialect::Chat, text) {
        // Whatever its form: Google accepts placeholder words in place of a signature.
        Proof { by: Dialect::Chat, text } => Proof::made_by(Dialect::Gemini, text),
        known => known,
    })
}

/// Puts it there.
pub(super) fn sign(holder: &mut Value, proof: Option<&Proof>) {
    if let Some(text) = own(proof, Dialect::Gemini) {
        holder["extra_content"] = json!({"google": {"thought_signature": text}});
    }
}

/// A proof in an entry of `reasoning_details`, where its maker stands beside it.
pub(super) fn proof(detail: &Value, name: &str) -> Option<Proof> {
    let text = detail.text(name).filter(|text| !text.is_empty())?;
    Some(Proof::with_format(detail.text("format"), text))
}

/// One entry of `provider_items`.
pub(super) fn item(index: usize, dialect: Dialect, value: &Value) -> Value {
    let word = WORDS.iter().find(|(known, _)| *known == dialect).map_or("", |(_, word)| word);
    json!({"index": index, "provider": word, "item": value})
}

/// The entries of `provider_items`, with their dialects.
pub(super) fn items(message: &Value) -> impl Iterator<Item = (Dialect, Value)> {
    message.list("provider_items").iter().filter_map(|item| {
        let word = item.text("provider").unwrap_or_default();
        let (dialect, _) = WORDS.iter().find(|(_, known)| *known == word)?;
        Some((*dialect, item.get("item")?.clone()))
    })
}

/// The fields that nobody else reads and that hold something.
pub(super) fn unknown(message: &Value) -> Map<String, Value> {
    // Switches and marks say nothing of their own.
    let may_hold = |value: &Value| (value.is_array() || value.is_object()) && holds(value);
    let fields = message.as_object().into_iter().flatten();
    let rest = fields.filter(|(name, value)| !KNOWN.contains(&name.as_str()) && may_hold(value));
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether there is anything in a value. Some servers write every field that they know, with nothing in it.
fn holds(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(holds),
        Value::Object(fields) => fields.values().any(holds),
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(_) => true,
        Value::Null => false,
    }
}

/// The blocks that they are.
pub(super) fn blocks(fields: Map<String, Value>) -> impl Iterator<Item = Block> {
    fields.into_iter().map(|(name, value)| Block::Opaque { dialect: Dialect::Chat, value: json!({ name: value }) })
}

/// Adds a piece of such fields to what came before: lists by the numbers of their entries, sound and its words by their
/// ends, all else by its last value.
pub(super) fn merge(into: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        let Some(before) = into.get_mut(&name) else {
            into.insert(name, value);
            continue;
        };
        match (before, value) {
            (Value::Array(list), Value::Array(more)) => {
                for entry in more {
                    let number = entry.get("index").cloned();
                    let known = list.iter_mut().find(|known| number.is_some() && known.get("index") == number.as_ref());
                    match (known.and_then(Value::as_object_mut), entry) {
                        (Some(known), Value::Object(fields)) => known.extend(fields),
                        (_, entry) => list.push(entry),
                    }
                }
            }
            (Value::Object(fields), Value::Object(more)) => merge(fields, more),
            (Value::String(text), Value::String(more)) if name == "data" || name == "transcript" => {
                text.push_str(&more)
            }
            (before, value) => *before = value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_lists_and_of_sound_are_added_up() {
        let mut fields = Map::new();
        for piece in [
            json!({"executed_tools": [{"index": 0, "arguments": "{}"}], "audio": {"id": "a", "data": "AA"}}),
            json!({"executed_tools": [{"index": 0, "output": "4"}, {"index": 1}], "audio": {"data": "BB"}, "prefix": true}),
            json!({"audio": {"id": "", "data": "", "expires_at": 0}, "citations": [], "graph_data": {"sources": null}}),
        ] {
            merge(&mut fields, unknown(&piece));
        }
        assert_eq!(
            Value::Object(fields),
            json!({"executed_tools": [{"index": 0, "arguments": "{}", "output": "4"}, {"index": 1}],
                "audio": {"id": "a", "data": "AABB"}})
        );
    }

    #[test]
    fn items_of_other_dialects_come_back_as_they_were() {
        let value = json!({"type": "server_tool_use"});
        let message = json!({"provider_items": [item(0, Dialect::Anthropic, &value), {"odd": 1}]});
        assert_eq!(items(&message).collect::<Vec<_>>(), [(Dialect::Anthropic, value)]);
    }
}
