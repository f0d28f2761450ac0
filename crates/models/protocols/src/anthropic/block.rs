//! Blocks of an answer in Messages, whole.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::answer::Whole;
use crate::dialect::Dialect;
use crate::event::{Block, Finish};
use crate::json::Look;
use crate::proof::Proof;

/// Under this key a call carries the proof of a provider that signs calls (Gemini); clients give blocks back whole.
pub(super) const CALL_SIGNATURE: &str = "signature";

/// Reads a block.
pub(super) fn decode(value: &Value, number: usize) -> Whole {
    match value.text("type") {
        Some("text") => {
            let citations = value.list("citations").iter().map(|source| (Dialect::Anthropic, source.clone()));
            Whole { citations: citations.collect(), ..Whole::text(value.string("text")) }
        }
        Some("thinking") => Whole {
            signature: value.text("signature").filter(|proof| !proof.is_empty()).map(proof),
            ..Whole::reasoning(value.string("thinking"))
        },
        Some("redacted_thinking") => {
            let encrypted = value.text("data").map(proof);
            Whole { encrypted, ..Whole::from(Block::Reasoning { id: None }) }
        }
        Some("tool_use") => {
            let arguments = arguments(value.get("input"));
            let (id, name) = (call_id(value, number), value.string("name"));
            Whole { signature: call_signature(value), ..Whole::call(id, name, arguments) }
        }
        Some(_) | None => Whole::from(Block::Opaque { dialect: Dialect::Anthropic, value: value.clone() }),
    }
}

/// A proof in Anthropic's words.
pub(super) fn proof(text: &str) -> Proof {
    Proof::of(Dialect::Anthropic, text)
}

/// A proof for a client.
pub(super) fn said(proof: &Proof) -> Cow<'_, str> {
    proof.for_client(Dialect::Anthropic)
}

/// The proof of a call or a picture, which only Google's have.
pub(super) fn call_signature(value: &Value) -> Option<Proof> {
    let text = value.text(CALL_SIGNATURE).filter(|proof| !proof.is_empty())?;
    Some(Proof::made_by(Dialect::Gemini, proof(text).text))
}

/// Puts it there. It always has the mark, by which requests are found that Anthropic would refuse for this field.
pub(super) fn sign(block: &mut Value, proof: Option<&Proof>) {
    if let Some(proof) = proof.filter(|proof| proof.by == Dialect::Gemini) {
        block[CALL_SIGNATURE] = json!(said(proof));
    }
}

/// The id of a call, made up where there is none.
pub(super) fn call_id(value: &Value, number: usize) -> String {
    value.text("id").filter(|id| !id.is_empty()).map_or_else(|| format!("call_{number}"), str::to_owned)
}

/// The arguments of a call as text.
pub(super) fn arguments(input: Option<&Value>) -> String {
    match input {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) if text.trim().is_empty() => "{}".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(input) => input.to_string(),
    }
}

/// The arguments of a call as the object that Messages wants; what is no object is kept under `arguments`.
pub(crate) fn input(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => Value::Object(object),
        Ok(Value::Null) => json!({}),
        Ok(_) | Err(_) => json!({"arguments": arguments}),
    }
}

/// Who calls a tool when it is not the model itself but a program of it.
pub(super) fn caller(value: &Value) -> Option<(String, Value)> {
    let caller = value.get("caller").filter(|caller| caller.text("type") != Some("direct") && caller.is_object())?;
    Some((value.string("id"), caller.clone()))
}

/// Writes a block. Thinking may need two, and none when nothing of it is shown.
pub(super) fn encode(whole: &Whole, out: &mut Vec<Value>) {
    match &whole.block {
        Block::Text | Block::Refusal => {
            let citations: Vec<Value> =
                whole.citations.iter().map(|(dialect, source)| citation(*dialect, source)).collect();
            let citations = if citations.is_empty() { Value::Null } else { Value::Array(citations) };
            out.push(json!({"type": "text", "text": whole.text, "citations": citations}));
        }
        Block::Reasoning { .. } => {
            if !whole.text.is_empty() || whole.signature.is_some() {
                let signature = whole.signature.as_ref().map(said).unwrap_or_default();
                out.push(json!({"type": "thinking", "thinking": whole.text, "signature": signature}));
            }
            if let Some(data) = &whole.encrypted {
                out.push(json!({"type": "redacted_thinking", "data": said(data)}));
            }
        }
        Block::Call { id, name } => {
            let mut call = json!({"type": "tool_use", "id": id, "name": name, "input": input(&whole.text)});
            sign(&mut call, whole.signature.as_ref());
            out.push(call);
        }
        Block::Media { .. } | Block::Opaque { .. } => {
            let mut block = foreign(&whole.block).unwrap_or_default();
            if matches!(whole.block, Block::Media { .. }) {
                sign(&mut block, whole.signature.as_ref());
            }
            out.push(block);
        }
    }
}

/// Writes a block that comes whole and is neither text nor call.
pub(super) fn foreign(block: &Block) -> Option<Value> {
    match block {
        Block::Media { mime, data } => {
            Some(json!({"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}))
        }
        Block::Opaque { dialect: Dialect::Anthropic, value } => Some(value.clone()),
        Block::Opaque { dialect, value } => Some(json!({"type": "foreign", "dialect": name(*dialect), "value": value})),
        Block::Text | Block::Reasoning { .. } | Block::Call { .. } | Block::Refusal => None,
    }
}

/// The name of a dialect, in its blocks that are given to a client of this one.
pub(super) fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "chat",
        Dialect::Responses => "responses",
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gemini",
        Dialect::Bedrock => "bedrock",
        Dialect::Ollama => "ollama",
        Dialect::Cohere => "cohere",
    }
}

/// Writes a source of a text. Addresses become what Anthropic's own search cites; the rest stands as it came.
pub(super) fn citation(dialect: Dialect, source: &Value) -> Value {
    if dialect == Dialect::Anthropic {
        return source.clone();
    }
    let inner = source.get("url_citation").or_else(|| source.get("web")).unwrap_or(source);
    let Some(url) = inner.text("url").or_else(|| inner.text("uri")) else { return source.clone() };
    let cited = inner.text("cited_text").or_else(|| inner.text("content")).unwrap_or_default();
    json!({"type": "web_search_result_location", "url": url, "title": inner.text("title"), "cited_text": cited,
        "encrypted_index": ""})
}

/// Reads why an answer ended. `details` is `stop_details`.
pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::Calls,
        "refusal" => Finish::Refused,
        "pause_turn" => Finish::Paused,
        other => Finish::Other(other.to_owned()),
    }
}

/// Writes why an answer ended. `has_calls` and `has_refusal` say what came before, since some providers end an answer
/// with calls, or a refusal in words, like any other.
pub(super) fn stop_reason<'a>(finish: &'a Finish, stop: Option<&str>, has_calls: bool, has_refusal: bool) -> &'a str {
    match finish {
        Finish::Stop if has_calls => "tool_use",
        Finish::Stop if has_refusal => "refusal",
        Finish::Stop if stop.is_some() => "stop_sequence",
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filtered | Finish::Refused => "refusal",
        Finish::Paused => "pause_turn",
        Finish::Other(word) => word,
    }
}

/// The explanation of a refusal, for clients that know refusals in words.
pub(super) fn explanation(facts: &Map<String, Value>) -> Option<&str> {
    let details = facts.get("stop_details")?;
    details.text("explanation").filter(|words| details.text("type") == Some("refusal") && !words.is_empty())
}
