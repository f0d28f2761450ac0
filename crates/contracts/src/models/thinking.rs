//! What a model sends beside its words and wants back with them: its thinking, with signatures.
//!
//! Kimi and DeepSeek refuse a conversation whose assistant messages come back without their `reasoning_content`, Gemini
//! one whose calls come back without their signatures, Anthropic one whose thinking blocks are missing or changed. And
//! each refuses what another has made. So it is kept as it came, and goes back marked with who made it; the model
//! gateway takes out what the provider that is asked did not make.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ChatMessage, Extra};

/// The field of an assistant's message that names the provider which made the thinking in it. It never leaves the
/// model gateway.
pub const MAKER_FIELD: &str = "septet_maker";

/// The fields of a message and of its calls that hold thinking, signatures, and other things that only their maker reads.
pub const THINKING_FIELDS: [&str; 6] =
    ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "extra_content", "provider_items"];

/// The thinking of one message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Thinking {
    /// The name of the provider that made it; empty where the gateway does not say.
    pub maker: String,
    /// Fields of the message.
    pub message: Extra,
    /// Fields of its calls, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Extra>,
}

impl Thinking {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.message.is_empty() && self.calls.iter().all(Extra::is_empty)
    }

    /// Puts it back into the message that it came with.
    pub fn put_back(&self, message: &mut ChatMessage) {
        message.extra.extend(self.message.clone());
        for (call, fields) in message.tool_calls.iter_mut().zip(&self.calls) {
            call.extra.extend(fields.clone());
        }
        // A gateway that does not say who answers does not know this field either.
        if !self.maker.is_empty() {
            message.extra.insert(MAKER_FIELD.to_owned(), Value::from(self.maker.clone()));
        }
    }
}

/// Gathers the thinking of a streamed message.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathering {
    pub(super) fields: Extra,
    /// Thinking that no signature has come for.
    unsigned: String,
}

impl Gathering {
    /// Takes in the fields of a piece.
    pub(super) fn push(&mut self, pieces: &Extra, reasoning: Option<&str>) {
        let plain = reasoning.or_else(|| pieces.get("reasoning").and_then(Value::as_str)).unwrap_or_default();
        if let Some(text) = reasoning {
            merge(&mut self.fields, "reasoning_content", &Value::from(text));
        }
        let mut details = pieces.get("reasoning_details").and_then(Value::as_array).cloned().unwrap_or_default();
        if details.is_empty() {
            self.unsigned.push_str(plain);
        }
        for detail in &mut details {
            if holds(detail, "text") || holds(detail, "summary") {
                self.unsigned.clear();
            } else if holds(detail, "signature") && !self.unsigned.is_empty() {
                // The text was said before, in pieces; the signature is for exactly that.
                detail["text"] = Value::from(std::mem::take(&mut self.unsigned));
            }
        }
        if !details.is_empty() {
            merge(&mut self.fields, "reasoning_details", &Value::Array(details));
        }
        for (name, value) in pieces {
            if THINKING_FIELDS.contains(&name.as_str()) && name != "reasoning_details" {
                merge(&mut self.fields, name, value);
            }
        }
    }
}

/// Keeps those fields of a call that are its maker's alone.
pub(super) fn gather_call(into: &mut Extra, pieces: &Extra) {
    for (name, value) in pieces.iter().filter(|(name, _)| THINKING_FIELDS.contains(&name.as_str())) {
        merge(into, name, value);
    }
}

fn holds(entry: &Value, name: &str) -> bool {
    entry.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

/// Adds a piece of a field: texts are joined, lists by the numbers of their entries, objects by their fields.
fn merge(fields: &mut Extra, name: &str, piece: &Value) {
    if piece.is_null() || piece.as_str() == Some("") {
        return;
    }
    match (fields.get_mut(name), piece) {
        (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
        (Some(Value::Array(list)), Value::Array(more)) => more.iter().for_each(|entry| add(list, entry)),
        (Some(Value::Object(known)), Value::Object(more)) => {
            known.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        (None, Value::Array(more)) => {
            let mut list = Vec::new();
            more.iter().for_each(|entry| add(&mut list, entry));
            fields.insert(name.to_owned(), Value::Array(list));
        }
        _ => {
            fields.insert(name.to_owned(), piece.clone());
        }
    }
}

/// Adds an entry of a list, or a piece of one that began before.
fn add(list: &mut Vec<Value>, entry: &Value) {
    let same = |known: &Value, name: &str| entry.get(name).is_none() || known.get(name) == entry.get(name);
    let known = if entry.get("index").is_some() {
        list.iter_mut().rev().find(|known| same(known, "index") && same(known, "type"))
    } else {
        // LiteLLM's blocks have no numbers; one is over when its signature has come.
        list.last_mut().filter(|last| last["type"] == "thinking" && same(last, "type") && !holds(last, "signature"))
    };
    match (known.and_then(Value::as_object_mut), entry.as_object()) {
        (Some(known), Some(more)) => grow(known, more),
        _ => list.push(entry.clone()),
    }
}

fn grow(known: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more.iter().filter(|(_, value)| !value.is_null()) {
        match (known.get_mut(name), value) {
            (Some(Value::String(text)), Value::String(more))
                if matches!(name.as_str(), "text" | "thinking" | "summary" | "signature" | "data") =>
            {
                text.push_str(more);
            }
            _ => {
                known.insert(name.clone(), value.clone());
            }
        }
    }
}
