//! A whole answer in Messages.

use serde_json::{Map, Value, json};

use super::{block, failure, usage};
use crate::answer::{Answer, Choice, Whole};
use crate::codec::Context;
use crate::error::Unreadable;
use crate::event::{Block, Finish, Start};
use crate::json::Look;
use crate::usage::Usage;

// What has a place of its own in an answer, or says nothing.
const OWN: [&str; 9] = [
    "id",
    "model",
    "type",
    "role",
    "content",
    "stop_reason",
    "stop_sequence",
    "usage",
    "amazon-bedrock-invocationMetrics",
];

/// Reads an answer.
///
/// # Errors
/// When it is neither an answer nor an error.
pub fn decode(body: &Value) -> Result<Answer, Unreadable> {
    if body.text("type") == Some("error") {
        return Ok(Answer { failed: Some(failure::decode(0, body)), ..Answer::default() });
    }
    let Some(content) = body.get("content").and_then(Value::as_array) else {
        return Err(Unreadable::new("an answer with content", &body.to_string()));
    };
    let mut facts = facts(body);
    callers(content, &mut facts);
    let mut blocks: Vec<Whole> = content.iter().enumerate().map(|(at, value)| block::decode(value, at)).collect();
    if let Some(words) = block::explanation(&facts) {
        blocks.push(Whole { text: words.to_owned(), ..Whole::from(Block::Refusal) });
    }
    Ok(Answer {
        start: start(body),
        choices: vec![Choice {
            blocks,
            finish: body.text("stop_reason").map(block::finish),
            stop: body.text("stop_sequence").map(str::to_owned),
        }],
        usage: body.get("usage").and_then(usage::decode),
        facts,
        failed: None,
    })
}

/// The head of a message.
pub(super) fn start(message: &Value) -> Start {
    Start { id: message.string("id"), model: message.string("model"), created: None }
}

/// What else a message says about itself.
pub(super) fn facts(message: &Value) -> Map<String, Value> {
    let fields = message.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, value)| !OWN.contains(&name.as_str()) && !value.is_null());
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Which calls a program of the model makes, by their ids.
fn callers(content: &[Value], facts: &mut Map<String, Value>) {
    let callers: Map<String, Value> =
        content.iter().filter(|value| value.text("type") == Some("tool_use")).filter_map(block::caller).collect();
    if !callers.is_empty() {
        facts.insert("tool_callers".to_owned(), Value::Object(callers));
    }
}

/// Writes an answer. Of several answers the first is written: Messages asks for one.
#[must_use]
pub fn encode(answer: &Answer, context: &Context) -> Value {
    if let Some(failed) = &answer.failed {
        return failure::encode(failed);
    }
    let none = Choice::default();
    let choice = answer.choices.first().unwrap_or(&none);
    let explained = block::explanation(&answer.facts);
    let mut content = Vec::new();
    for whole in &choice.blocks {
        // The explanation of a refusal stands in `stop_details`.
        if whole.block != Block::Refusal || explained != Some(whole.text.as_str()) {
            block::encode(whole, &mut content);
        }
    }
    let has = |wanted: fn(&Block) -> bool| choice.blocks.iter().any(|whole| wanted(&whole.block));
    let has_calls = has(|block| matches!(block, Block::Call { .. }));
    let has_refusal = has(|block| matches!(block, Block::Refusal));
    let stop = choice.stop.as_deref();
    let finish = choice.finish.as_ref().unwrap_or(&Finish::Stop);
    let mut message = head(&answer.start, context);
    message.insert("content".to_owned(), Value::Array(content));
    message.insert("stop_reason".to_owned(), json!(block::stop_reason(finish, stop, has_calls, has_refusal)));
    message.insert("stop_sequence".to_owned(), json!(stop));
    message.insert("usage".to_owned(), usage::encode(answer.usage.as_ref().unwrap_or(&Usage::default())));
    for (name, value) in &answer.facts {
        message.entry(name).or_insert_with(|| value.clone());
    }
    Value::Object(message)
}

/// The fields that a message begins with.
pub(super) fn head(start: &Start, context: &Context) -> Map<String, Value> {
    let or = |own: &str, other: &str| json!(if own.is_empty() { other } else { own });
    Map::from_iter([
        ("id".to_owned(), or(&start.id, &context.id)),
        ("type".to_owned(), json!("message")),
        ("role".to_owned(), json!("assistant")),
        ("model".to_owned(), or(&start.model, &context.model)),
    ])
}
