//! A whole answer in Converse.

use serde_json::{Map, Value};

use super::{invoke, usage};
use crate::answer::{Answer, Choice, Whole};
use crate::dialect::Dialect;
use crate::error::Unreadable;
use crate::event::{Block, Finish, Start};
use crate::json::Look;
use crate::proof::Proof;

/// Reads an answer. Those that `InvokeModel` gives in some models' own protocols are read too.
///
/// # Errors
/// When it holds no message.
pub fn decode(body: &Value) -> Result<Answer, Unreadable> {
    if body.text("type") == Some("message") {
        return crate::anthropic::decode_answer(body);
    }
    let Some(message) = body.pointer("/output/message").filter(|message| message.is_object()) else {
        return invoke::whole(body).ok_or_else(|| Unreadable::new("an answer with a message", &body.to_string()));
    };
    let blocks = message.list("content").iter().enumerate().flat_map(|(at, value)| block(value, at)).collect();
    Ok(Answer {
        start: Start::default(),
        choices: vec![Choice { blocks, finish: body.text("stopReason").map(finish), stop: stop(body) }],
        usage: body.get("usage").and_then(usage::decode),
        facts: facts(body),
        failed: None,
    })
}

/// Reads a piece of a message.
pub(super) fn block(value: &Value, number: usize) -> Option<Whole> {
    let fields = value.as_object()?;
    // Some write the kind beside it.
    let (name, inner) = fields.iter().find(|(name, _)| *name != "type")?;
    Some(match name.as_str() {
        "text" => Whole::text(inner.as_str().unwrap_or_default()),
        "toolUse" if !is_of_server(inner) => {
            let arguments = match inner.get("input") {
                None | Some(Value::Null) => "{}".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(input) => input.to_string(),
            };
            Whole::call(call_id(inner, number), inner.string("name"), arguments)
        }
        "reasoningContent" => {
            let shown = inner.get("reasoningText").unwrap_or(&Value::Null);
            Whole {
                signature: shown.text("signature").filter(|proof| !proof.is_empty()).map(proof),
                encrypted: inner.text("redactedContent").map(proof),
                ..Whole::reasoning(shown.string("text"))
            }
        }
        "citationsContent" => {
            let texts: String = inner.list("content").iter().filter_map(|part| part.text("text")).collect();
            let citations = inner.list("citations").iter().map(|source| (Dialect::Bedrock, source.clone()));
            Whole { citations: citations.collect(), ..Whole::text(texts) }
        }
        "image" => match inner.pointer("/source/bytes").and_then(Value::as_str) {
            Some(data) => Whole::from(Block::Media { mime: mime(inner), data: data.to_owned() }),
            None => opaque(value),
        },
        _ => opaque(value),
    })
}

/// Anthropic's models have Anthropic's.
pub(super) fn proof(text: &str) -> Proof {
    Proof::of(Dialect::Bedrock, text)
}

/// Whether a call is one that the server makes itself.
pub(super) fn is_of_server(call: &Value) -> bool {
    call.text("type").is_some_and(|kind| kind != "tool_use")
}

pub(super) fn opaque(value: &Value) -> Whole {
    Whole::from(Block::Opaque { dialect: Dialect::Bedrock, value: value.clone() })
}

/// The id of a call, made up where there is none.
pub(super) fn call_id(call: &Value, number: usize) -> String {
    call.text("toolUseId").filter(|id| !id.is_empty()).map_or_else(|| format!("call_{number}"), str::to_owned)
}

pub(super) fn mime(image: &Value) -> String {
    format!("image/{}", image.text("format").unwrap_or("png"))
}

/// Reads why an answer ended.
pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::Calls,
        "guardrail_intervened" | "content_filtered" => Finish::Filtered,
        "refusal" => Finish::Refused,
        other => Finish::Other(other.to_owned()),
    }
}

/// The stop text, which only comes when it was asked for by its path.
pub(super) fn stop(said: &Value) -> Option<String> {
    let fields = said.get("additionalModelResponseFields")?;
    let place = fields.pointer("/delta/stop_sequence").or_else(|| fields.get("stop_sequence"))?;
    place.as_str().map(str::to_owned)
}

/// What else is said about the answer.
pub(super) fn facts(said: &Value) -> Map<String, Value> {
    let names = ["metrics", "trace", "performanceConfig", "serviceTier", "additionalModelResponseFields"];
    let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), said.get(name)?.clone())));
    kept.filter(|(_, value)| !value.is_null()).collect()
}
