//! What Cohere answers as a whole.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::blocks::Blocks;
use crate::dialect::Dialect;
use crate::error::{Failure, Unreadable};
use crate::event::{Block, Delta, Event, Finish, Start};
use crate::json::Look;
use crate::usage::Usage;

/// Reads a whole answer.
///
/// # Errors
/// When it has no message.
pub fn answer(body: &Value) -> Result<Answer, Unreadable> {
    let message = body.get("message").filter(|message| message.is_object());
    let message = message.ok_or_else(|| Unreadable::new("an answer of Cohere", &body.to_string()))?;
    let mut out = vec![Event::Start(Start { id: body.string("id"), ..Start::default() })];
    let mut blocks = Blocks::default();
    // Which text the citations mean, by their `content_index`.
    let mut places = Vec::new();
    if let Some(text) = message.text("content") {
        blocks.text(text, &mut out);
        places.push(blocks.current());
    }
    for part in message.list("content") {
        let kind = match part.text("type") {
            Some("thinking") => Block::Reasoning { id: None },
            Some("text") => Block::Text,
            _ => Block::Opaque { dialect: Dialect::Cohere, value: part.clone() },
        };
        let text = part.text("thinking").or_else(|| part.text("text")).unwrap_or_default();
        let place = blocks.open(kind.clone(), &mut out);
        if !text.is_empty() && !matches!(kind, Block::Opaque { .. }) {
            out.push(Event::Delta(place, Delta::Text(text.to_owned())));
        }
        cite(message, places.len(), place, &mut out);
        places.push(Some(place));
    }
    let plan = message.text("tool_plan").unwrap_or_default();
    if !plan.is_empty() {
        let place = blocks.open(Block::Reasoning { id: None }, &mut out);
        out.push(Event::Delta(place, Delta::Text(plan.to_owned())));
    }
    let logprobs: Vec<Value> = body.list("logprobs").iter().flat_map(logprobs).collect();
    if let Some(place) = places.iter().flatten().last().filter(|_| !logprobs.is_empty()) {
        out.push(Event::Delta(*place, Delta::Logprobs(logprobs)));
    }
    let calls = message.list("tool_calls");
    for (at, call) in calls.iter().enumerate() {
        let place = blocks.open(self::call(call, at), &mut out);
        let arguments = call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default();
        // Absent, empty or null where the function takes none.
        let arguments = if matches!(arguments, "" | "null") { "{}" } else { arguments };
        out.push(Event::Delta(place, Delta::Arguments(arguments.to_owned())));
    }
    blocks.close(&mut out);
    finish(body, !calls.is_empty(), &mut out);
    Ok(Answer::of(&out))
}

/// Citations of the `at`-th part. One without an index means the first text.
fn cite(message: &Value, at: usize, place: crate::Place, out: &mut Vec<Event>) {
    let first_text = message.list("content").iter().position(|part| part.text("type") == Some("text")).unwrap_or(0);
    for citation in message.list("citations") {
        let of = citation.get("content_index").and_then(Value::as_u64);
        let of = of.and_then(|of| usize::try_from(of).ok()).unwrap_or(first_text);
        if of == at {
            out.push(Event::Delta(place, Delta::Citation { dialect: Dialect::Cohere, value: citation.clone() }));
        }
    }
}

/// The call's head.
pub(super) fn call(call: &Value, at: usize) -> Block {
    let id = call.text("id").filter(|id| !id.is_empty()).map_or_else(|| format!("call_{at}"), str::to_owned);
    Block::Call { id, name: call.get("function").map(|function| function.string("name")).unwrap_or_default() }
}

/// The end of an answer: its reason and figures, or what went wrong. `holder` has `finish_reason` and `usage`.
pub(super) fn finish(holder: &Value, has_calls: bool, out: &mut Vec<Event>) {
    let usage = holder.get("usage").and_then(usage).map(Event::Usage);
    let reason = match holder.text("finish_reason").unwrap_or_default() {
        word @ ("ERROR" | "TIMEOUT") => {
            let message = holder.text("error").or_else(|| holder.text("message")).unwrap_or(word).to_owned();
            let status = if word == "TIMEOUT" { 504 } else { 500 };
            out.extend(usage);
            out.push(Event::Failed(Failure { status, code: word.to_owned(), message, ..Failure::default() }));
            return;
        }
        "MAX_TOKENS" | "ERROR_LIMIT" => Finish::Length,
        "TOOL_CALL" => Finish::Calls,
        "ERROR_TOXIC" => Finish::Filtered,
        "" if has_calls => Finish::Calls,
        "COMPLETE" | "STOP_SEQUENCE" | "" => Finish::Stop,
        other => Finish::Other(other.to_owned()),
    };
    out.push(Event::Finish { choice: 0, reason, stop: None });
    out.extend(usage);
}

/// Reads the object `usage`; `None` when it has no figures.
#[must_use]
pub fn usage(said: &Value) -> Option<Usage> {
    let has = |name: &str| said.get(name).is_some_and(|figures| figures.get("input_tokens").is_some());
    let figures = match (has("tokens"), has("billed_units")) {
        (true, _) => &said["tokens"],
        (false, true) => &said["billed_units"],
        (false, false) => return None,
    };
    Some(Usage {
        input: figures.count("input_tokens"),
        cached: said.count("cached_tokens").max(figures.count("cached_tokens")),
        output: figures.count("output_tokens"),
        reasoning: figures.count("reasoning_tokens"),
        raw: said.clone(),
        ..Usage::default()
    })
}

/// Reads `{"message": ..}`.
#[must_use]
pub fn failure(status: u16, body: &Value) -> Failure {
    let inner = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
    let message = inner.text("message").or_else(|| body.text("error")).or_else(|| body.text("detail"));
    Failure {
        status,
        code: inner.text("code").or_else(|| inner.text("type")).unwrap_or_default().to_owned(),
        message: message.map_or_else(|| body.to_string(), str::to_owned),
        ..Failure::default()
    }
}

/// Cohere gives the figures of a run of tokens with the text of the whole run, which is given at its first token.
pub(super) fn logprobs(run: &Value) -> Vec<Value> {
    let entry = |(at, logprob): (usize, &Value)| {
        let token = if at == 0 { run.string("text") } else { String::new() };
        json!({"token": token, "logprob": logprob, "bytes": null, "top_logprobs": []})
    };
    run.list("logprobs").iter().enumerate().map(entry).collect()
}
