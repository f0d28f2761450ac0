//! Whole answers in Chat Completions, read and written, and errors.

use serde_json::{Map, Value, json};

use super::ask::detail;
use super::{extent, extra, usage};
use crate::answer::{Answer, Choice, Whole};
use crate::codec::Context;
use crate::dialect::Dialect;
use crate::error::{Failure, Unreadable};
use crate::event::{Block, Finish, Start};
use crate::json::Look;

/// Fields of an answer that have a place of their own in [`Answer`].
const KNOWN: [&str; 7] = ["id", "object", "created", "model", "choices", "usage", "error"];

/// Reads a provider's whole answer.
///
/// # Errors
/// When it has no `choices` and no error.
pub fn decode(body: &Value) -> Result<Answer, Unreadable> {
    let mut answer = Answer { start: start(body), usage: usage::find(body), facts: facts(body), ..Answer::default() };
    if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
        answer.failed = Some(failure(0, error));
    }
    if body.get("choices").is_none() && answer.failed.is_none() {
        return Err(Unreadable::new("a chat completion", &body.to_string()));
    }
    for value in body.list("choices") {
        let message = value.get("message").unwrap_or(&Value::Null);
        let mut choice = Choice { blocks: blocks(message, value), ..Choice::default() };
        // Without a finish reason it has finished all the same: this is a whole answer.
        choice.finish = Some(finish(&value.string("finish_reason"), !message.list("tool_calls").is_empty()));
        choice.stop = stop(value);
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            answer.failed = Some(failure(0, error));
        }
        answer.choices.push(choice);
    }
    // Perplexity puts its sources beside the choices.
    if let Some(first) = answer.choices.first_mut().and_then(|choice| choice.blocks.last_mut()) {
        let sources = ["citations", "search_results"].iter().find(|name| !body.list(name).is_empty());
        let values = sources.map_or(&[][..], |name| body.list(name));
        first.citations.extend(values.iter().map(|value| (Dialect::Chat, value.clone())));
    }
    Ok(answer)
}

pub(super) fn start(body: &Value) -> Start {
    Start { id: body.string("id"), model: body.string("model"), created: body.get("created").and_then(Value::as_i64) }
}

pub(super) fn facts(body: &Value) -> Map<String, Value> {
    let others = body.as_object().into_iter().flatten();
    let others = others.filter(|(name, value)| !KNOWN.contains(&name.as_str()) && !value.is_null());
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn blocks(message: &Value, choice: &Value) -> Vec<Whole> {
    let mut blocks = Vec::new();
    let details = message.list("reasoning_details");
    blocks.extend(details.iter().map(thinking));
    let thought = thought(message);
    if details.is_empty() && !thought.is_empty() {
        blocks.push(Whole::reasoning(thought));
    }
    let ours = extra::items(message).map(|(dialect, value)| Block::Opaque { dialect, value });
    blocks.extend(extra::blocks(extra::unknown(message)).chain(ours).map(Whole::from));
    match message.get("content") {
        Some(Value::String(text)) if !text.is_empty() => blocks.push(Whole::text(text)),
        Some(Value::Array(parts)) => blocks.extend(parts.iter().map(part)),
        _ => {}
    }
    if let Some(text) = blocks.iter_mut().rev().find(|block| block.block == Block::Text) {
        text.citations.extend(message.list("annotations").iter().map(|source| (Dialect::Chat, source.clone())));
        text.logprobs = choice.get("logprobs").map_or_else(Vec::new, |found| found.list("content").to_vec());
    }
    if let Some(text) = message.text("refusal").filter(|text| !text.is_empty()) {
        blocks.push(Whole { text: text.to_owned(), ..Whole::from(Block::Refusal) });
    }
    blocks.extend(message.list("images").iter().map(picture));
    blocks.extend(extra::signature(message).map(|proof| Whole { signature: Some(proof), ..Whole::reasoning("") }));
    for (at, call) in message.list("tool_calls").iter().chain(old_call(message).as_ref()).enumerate() {
        blocks.extend(self::calls(at, call));
    }
    blocks
}

/// A call in the older form `function_call`, of which there is only one.
pub(super) fn old_call(message: &Value) -> Option<Value> {
    let call = message.get("function_call")?;
    let says = ["name", "arguments"].iter().any(|name| call.text(name).is_some_and(|text| !text.is_empty()));
    says.then(|| json!({"function": call}))
}

pub(super) fn thought(delta: &Value) -> &str {
    let names = ["reasoning_content", "reasoning"];
    // Some write both, and leave one empty.
    names.iter().find_map(|name| delta.text(name).filter(|text| !text.is_empty())).unwrap_or_default()
}

fn thinking(detail: &Value) -> Whole {
    let text = detail.text("text").or_else(|| detail.text("summary")).unwrap_or_default().to_owned();
    Whole {
        text,
        signature: extra::proof(detail, "signature"),
        encrypted: extra::proof(detail, "data"),
        ..Whole::from(Block::Reasoning { id: detail.text("id").map(str::to_owned) })
    }
}

/// A part of the content; Mistral writes its thinking there.
pub(super) fn part(value: &Value) -> Whole {
    match value.text("type") {
        Some("text") | None => Whole::text(value.text("text").or_else(|| value.as_str()).unwrap_or_default()),
        Some("refusal") => Whole { text: value.string("refusal"), ..Whole::from(Block::Refusal) },
        Some("thinking") => {
            let texts: String = match value.get("thinking") {
                Some(Value::String(text)) => text.clone(),
                _ => value.list("thinking").iter().filter_map(|part| part.text("text")).collect(),
            };
            Whole::reasoning(texts)
        }
        // Databricks writes its thinking like an item of Responses.
        Some("reasoning") => {
            let parts = value.list("summary").iter().chain(value.list("content"));
            let texts: String =
                value.text("text").into_iter().chain(parts.filter_map(|part| part.text("text"))).collect();
            Whole::reasoning(texts)
        }
        Some(_) => picture(value),
    }
}

/// A picture that the model made, given as a `data:` address (OpenRouter). What stands elsewhere is kept as it is.
pub(super) fn picture(value: &Value) -> Whole {
    let url = value.pointer("/image_url/url").and_then(Value::as_str).unwrap_or_default();
    let Some((head, data)) = url.strip_prefix("data:").and_then(|rest| rest.split_once(',')) else {
        return Whole::from(Block::Opaque { dialect: Dialect::Chat, value: value.clone() });
    };
    let mime = head.split(';').next().unwrap_or("image/png").to_owned();
    let block = Block::Media { mime, data: data.to_owned() };
    Whole { signature: extra::signature(value), ..Whole::from(block) }
}

/// The stop text that ended it, which vLLM and SGLang say; they write the number of a token there, too.
pub(super) fn stop(choice: &Value) -> Option<String> {
    let names = ["stop_reason", "matched_stop"];
    let is_stop = choice.text("finish_reason") == Some("stop");
    names.iter().find_map(|name| choice.text(name)).filter(|_| is_stop).map(str::to_owned)
}

/// The calls of one entry: several where whole objects stand one after the other in its arguments.
fn calls(at: usize, call: &Value) -> Vec<Whole> {
    let function = call.get("function").unwrap_or(&Value::Null);
    let id = call.text("id").filter(|id| !id.is_empty()).map_or_else(|| format!("call_{at}"), str::to_owned);
    let (name, arguments) = (function.string("name"), arguments(function));
    let mut objects = extent::objects(&arguments);
    objects.dedup_by(|one, before| one.trim() == before.trim());
    let wholes = objects.into_iter().enumerate().map(|(number, object)| {
        let id = if number == 0 { id.clone() } else { format!("{id}_{number}") };
        Whole::call(id, name.clone(), object)
    });
    let mut wholes: Vec<Whole> = wholes.collect();
    if let Some(first) = wholes.first_mut() {
        first.signature = extra::signature(call);
    }
    wholes
}

/// The arguments as text, also where a server sends the object itself.
pub(super) fn arguments(function: &Value) -> String {
    match function.get("arguments") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(object) => object.to_string(),
    }
}

/// Why it ended, in the words of OpenAI and of those who kept their own. Some write `stop` for an answer with calls.
pub(super) fn finish(word: &str, has_calls: bool) -> Finish {
    match word.to_ascii_lowercase().as_str() {
        // The same words as in `septet_contracts::models::Finish`, which reads answers that were passed on untouched.
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" | "" => {
            if has_calls {
                Finish::Calls
            } else {
                Finish::Stop
            }
        }
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "model_length"
        | "max_length"
        | "model_context_window_exceeded" => Finish::Length,
        "tool_calls" | "tool_call" | "function_call" | "tool_use" => Finish::Calls,
        "content_filter"
        | "content_filtered"
        | "sensitive"
        | "safety"
        | "refusal"
        | "recitation"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "guardrail_intervened" => Finish::Filtered,
        _ => Finish::Other(word.to_owned()),
    }
}

/// The word of Chat Completions.
pub(super) fn finish_word(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::Paused => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filtered | Finish::Refused => "content_filter",
        // The SDKs know five values and enforce none.
        Finish::Other(word) => word,
    }
}

/// Reads an error body or the `error` of a chunk.
#[must_use]
pub fn decode_failure(status: u16, body: &Value) -> Failure {
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let mut failure = failure(status, error);
    if failure.code.is_empty() {
        // Where the error is a text, its kind stands beside it (xAI, Hugging Face).
        let beside = ["code", "type", "error_type"].iter().find_map(|name| body.text(name));
        failure.code = beside.unwrap_or_default().to_owned();
    }
    failure
}

pub(super) fn failure(status: u16, error: &Value) -> Failure {
    let words = ["message", "msg", "detail", "error", "title"];
    let message = error.as_str().or_else(|| words.iter().find_map(|name| error.text(name)));
    let message =
        message.map_or_else(|| if error.is_null() { String::new() } else { error.to_string() }, str::to_owned);
    let code = match error.get("code") {
        Some(Value::String(code)) => code.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => error.string("type"),
    };
    // OpenRouter and Groq put the status into the event.
    let said = [error.get("status_code"), error.get("code"), error.get("status")];
    let said = said.into_iter().flatten().find_map(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let said = said.filter(|code| (400..600).contains(code));
    Failure {
        status: if status == 0 { said.unwrap_or(0) } else { status },
        code,
        message,
        retry_after_ms: None,
        rest: error.get("failed_generation").cloned(),
    }
}

/// Writes an error in OpenAI's shape.
#[must_use]
pub fn encode_failure(failure: &Failure) -> Value {
    let kind = match failure.status {
        401 | 403 => "authentication_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let code = if failure.code.is_empty() { Value::Null } else { json!(failure.code) };
    json!({"error": {"message": failure.message, "type": kind, "param": null, "code": code}})
}

/// Writes a whole answer for a client.
#[must_use]
pub fn encode(answer: &Answer, context: &Context) -> Value {
    let mut body = answer.facts.clone();
    let id = if answer.start.id.is_empty() { &context.id } else { &answer.start.id };
    let model = if answer.start.model.is_empty() { &context.model } else { &answer.start.model };
    body.insert("id".to_owned(), json!(id));
    body.insert("object".to_owned(), json!("chat.completion"));
    body.insert("created".to_owned(), json!(answer.start.created.unwrap_or(context.created)));
    body.insert("model".to_owned(), json!(model));
    let choices: Vec<Value> = answer.choices.iter().enumerate().map(|(index, choice)| written(index, choice)).collect();
    body.insert("choices".to_owned(), Value::Array(choices));
    if let Some(used) = &answer.usage {
        body.insert("usage".to_owned(), usage::encode(used));
    }
    if let Some(failed) = &answer.failed {
        body.extend(encode_failure(failed).as_object().cloned().unwrap_or_default());
    }
    Value::Object(body)
}

fn written(index: usize, choice: &Choice) -> Value {
    let (mut text, mut thought, mut refusal) = (String::new(), String::new(), String::new());
    let (mut calls, mut details, mut sources, mut images) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut logprobs, mut others) = (Vec::new(), Vec::new());
    for whole in &choice.blocks {
        match &whole.block {
            Block::Text => {
                text.push_str(&whole.text);
                logprobs.extend(whole.logprobs.iter().cloned());
                sources.extend(whole.citations.iter().map(|(dialect, value)| citation(*dialect, value)));
            }
            Block::Reasoning { id } => {
                thought.push_str(&whole.text);
                if whole.signature.is_some() || whole.encrypted.is_some() {
                    let (signature, encrypted) = (whole.signature.as_ref(), whole.encrypted.as_ref());
                    details.push(detail(&whole.text, signature, encrypted, id.as_ref()));
                }
            }
            Block::Call { id, name } => {
                let mut call = json!({"id": id, "type": "function",
                    "function": {"name": name, "arguments": whole.text}});
                extra::sign(&mut call, whole.signature.as_ref());
                calls.push(call);
            }
            Block::Refusal => refusal.push_str(&whole.text),
            Block::Media { mime, data } => {
                let mut image = image(images.len(), mime, data);
                extra::sign(&mut image, whole.signature.as_ref());
                images.push(image);
            }
            Block::Opaque { dialect, value } => others.push(extra::item(others.len(), *dialect, value)),
        }
    }
    let mut message = Map::from_iter([("role".to_owned(), json!("assistant"))]);
    let is_silent = text.is_empty() && (!calls.is_empty() || !refusal.is_empty());
    message.insert("content".to_owned(), if is_silent { Value::Null } else { json!(text) });
    message.insert("refusal".to_owned(), if refusal.is_empty() { Value::Null } else { json!(refusal) });
    let lists = [
        ("tool_calls", calls),
        ("reasoning_details", details),
        ("annotations", sources),
        ("images", images),
        ("provider_items", others),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            message.insert(name.to_owned(), Value::Array(list));
        }
    }
    if !thought.is_empty() {
        message.insert("reasoning_content".to_owned(), json!(thought));
    }
    let logprobs = if logprobs.is_empty() { Value::Null } else { json!({"content": logprobs, "refusal": null}) };
    json!({"index": index, "message": message, "logprobs": logprobs,
        "finish_reason": choice.finish.as_ref().map(finish_word)})
}

pub(super) fn image(index: usize, mime: &str, data: &str) -> Value {
    json!({"type": "image_url", "index": index, "image_url": {"url": format!("data:{mime};base64,{data}")}})
}

/// A source of the text. Only `url_citation` is in OpenAI's shape; those of others stand as they came.
pub(super) fn citation(dialect: Dialect, value: &Value) -> Value {
    if dialect == Dialect::Responses && value.text("type") == Some("url_citation") {
        let mut inner = value.clone();
        if let Some(fields) = inner.as_object_mut() {
            fields.remove("type");
        }
        return json!({"type": "url_citation", "url_citation": inner});
    }
    // Perplexity gives addresses alone.
    match value {
        Value::String(url) => json!({"type": "url_citation",
            "url_citation": {"url": url, "title": url, "start_index": 0, "end_index": 0}}),
        _ => value.clone(),
    }
}
