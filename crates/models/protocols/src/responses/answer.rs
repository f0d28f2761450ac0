//! Whole answers in Responses.

use serde_json::Value;

use super::decode::ResponsesDecoder;
use super::encode::ResponsesEncoder;
use crate::answer::Answer;
use crate::codec::{Context, Encoder};
use crate::error::Unreadable;

/// Reads a whole answer.
///
/// # Errors
/// When it is none.
pub fn decode(body: &Value) -> Result<Answer, Unreadable> {
    let is_answer = body.get("output").is_some_and(Value::is_array) || body.get("status").is_some();
    if !is_answer && !body.get("error").is_some_and(Value::is_object) {
        return Err(Unreadable::new("an answer of Responses with output", &body.to_string()));
    }
    let mut events = Vec::new();
    ResponsesDecoder::default().finish(body, &mut events);
    Ok(Answer::of(&events))
}

/// Writes a whole answer: what the last event of its stream would hold.
#[must_use]
pub fn encode(answer: &Answer, context: &Context) -> Value {
    let (mut encoder, mut frames) = (ResponsesEncoder::whole(context.clone()), Vec::new());
    for event in answer.events() {
        encoder.event(&event, &mut frames);
    }
    encoder.end(&mut frames);
    encoder.into_response()
}
