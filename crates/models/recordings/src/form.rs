//! The fields that clients' libraries declare as always there, and the order of their streams.

use std::collections::BTreeSet;

use septet_protocols::Dialect;
use serde_json::Value;

use crate::fold::list;

/// What a whole answer lacks.
pub fn whole(client: Dialect, body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match client {
        Dialect::Anthropic if body["type"] == "error" => {
            need(body, "error", &["error/type", "error/message"], &mut found)
        }
        Dialect::Anthropic => message(body, &mut found),
        Dialect::Responses => response(body, &mut found),
        _ if body.get("error").is_some() => need(body, "error", &["error/message"], &mut found),
        _ => {
            need(body, "completion", &["id", "object", "created", "model", "choices"], &mut found);
            for choice in list(body, "choices") {
                need(
                    choice,
                    "choice",
                    &["index", "message", "finish_reason", "message/role", "message/content"],
                    &mut found,
                );
                for call in list(&choice["message"], "tool_calls") {
                    need(call, "call", &["id", "type", "function/name", "function/arguments"], &mut found);
                }
            }
        }
    }
    found
}

/// What the events of a stream lack.
pub fn stream(client: Dialect, events: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    match client {
        Dialect::Anthropic => messages(events, &mut found),
        Dialect::Responses => responses(events, &mut found),
        _ => {
            for event in events.iter().filter(|event| event.get("error").is_none()) {
                need(event, "chunk", &["id", "object", "created", "model", "choices"], &mut found);
                for choice in list(event, "choices") {
                    need(choice, "choice", &["index", "delta"], &mut found);
                    for call in list(&choice["delta"], "tool_calls") {
                        need(call, "call", &["index"], &mut found);
                    }
                }
            }
        }
    }
    found.truncate(3);
    found
}

/// Adds the paths that are absent; null is there.
fn need(value: &Value, what: &str, paths: &[&str], found: &mut Vec<String>) {
    for path in paths {
        if value.pointer(&format!("/{path}")).is_none() {
            found.push(format!(
                "form: a {what} without {path}: {}",
                value.to_string().chars().take(120).collect::<String>()
            ));
        }
    }
}

fn message(body: &Value, found: &mut Vec<String>) {
    let fields = [
        "id",
        "type",
        "role",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "usage/input_tokens",
        "usage/output_tokens",
    ];
    need(body, "message", &fields, found);
    for block in list(body, "content") {
        anthropic_block(block, found);
    }
}

fn anthropic_block(block: &Value, found: &mut Vec<String>) {
    match block["type"].as_str() {
        Some("text") => need(block, "text", &["text"], found),
        Some("thinking") => need(block, "thinking", &["thinking", "signature"], found),
        Some("redacted_thinking") => need(block, "redacted_thinking", &["data"], found),
        Some("tool_use") => {
            need(block, "tool_use", &["id", "name", "input"], found);
            if !block["input"].is_object() {
                found.push(format!("form: an input that is no object: {}", block["input"]));
            }
        }
        Some(_) => {}
        None => found.push(format!("form: a block without type: {block}")),
    }
}

fn messages(events: &[Value], found: &mut Vec<String>) {
    let mut open = None;
    let mut next = 0;
    for (at, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or_default();
        if (at == 0) != (kind == "message_start") && kind != "error" && kind != "ping" {
            found.push(format!("form: {kind} at {at}"));
        }
        let index = event["index"].as_i64();
        match kind {
            "message_start" => message(&event["message"], found),
            "content_block_start" => {
                if open.is_some() || index != Some(next) {
                    found.push(format!("form: block {index:?} opens while {open:?} is open and {next} is next"));
                }
                (open, next) = (index, next + 1);
                anthropic_block(&event["content_block"], found);
            }
            "content_block_delta" if index != open => {
                found.push(format!("form: a delta to {index:?}, open is {open:?}"))
            }
            "content_block_stop" => {
                if index != open {
                    found.push(format!("form: {index:?} closes, open is {open:?}"));
                }
                open = None;
            }
            "message_delta" => {
                need(
                    event,
                    "message_delta",
                    &["delta/stop_reason", "delta/stop_sequence", "usage/output_tokens"],
                    found,
                );
            }
            "message_stop" if open.is_some() => found.push("form: the end while a block is open".to_owned()),
            _ => {}
        }
    }
}

const RESPONSE: [&str; 17] = [
    "id",
    "object",
    "created_at",
    "status",
    "error",
    "incomplete_details",
    "instructions",
    "metadata",
    "model",
    "output",
    "parallel_tool_calls",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "usage",
    "max_output_tokens",
];

fn response(body: &Value, found: &mut Vec<String>) {
    need(body, "response", &RESPONSE, found);
    if body["usage"].is_object() {
        let fields = [
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "input_tokens_details/cached_tokens",
            "output_tokens_details/reasoning_tokens",
        ];
        need(&body["usage"], "usage", &fields, found);
    }
    list(body, "output").iter().for_each(|item| output(item, found));
}

fn output(item: &Value, found: &mut Vec<String>) {
    match item["type"].as_str() {
        Some("message") => {
            need(item, "message", &["id", "role", "status", "content"], found);
            for part in list(item, "content").iter().filter(|part| part["type"] == "output_text") {
                need(part, "part", &["text", "annotations"], found);
            }
        }
        Some("reasoning") => need(item, "reasoning", &["id", "summary"], found),
        Some("function_call") => need(item, "function_call", &["id", "call_id", "name", "arguments"], found),
        Some(_) => {}
        None => found.push(format!("form: an item without type: {item}")),
    }
}

fn responses(events: &[Value], found: &mut Vec<String>) {
    let (mut added, mut done, mut parts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (at, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or_default();
        let (number, place) = (event["sequence_number"].as_u64(), u64::try_from(at).ok());
        // An error from the middle of nowhere is after all that was said.
        let is_last_word = kind == "error" && number > place;
        if number != place && !is_last_word {
            found.push(format!("form: {kind} has number {} at {at}", event["sequence_number"]));
        }
        if at == 0 && !["response.created", "error"].contains(&kind) {
            found.push(format!("form: begins with {kind}"));
        }
        let index = event["output_index"].as_u64();
        match kind {
            "response.created"
            | "response.in_progress"
            | "response.completed"
            | "response.incomplete"
            | "response.failed" => {
                response(&event["response"], found);
            }
            "response.output_item.added" if !added.insert(index) => {
                found.push(format!("form: item {index:?} twice"));
            }
            "response.output_item.done" => {
                if !added.contains(&index) || !done.insert(index) {
                    found.push(format!("form: item {index:?} done, not added or done before"));
                }
                output(&event["item"], found);
            }
            "response.content_part.added" => {
                need(event, kind, &["item_id", "content_index", "part/type"], found);
                parts.insert((index, event["content_index"].as_u64()));
            }
            "response.output_text.delta" | "response.refusal.delta" | "response.output_text.done" => {
                need(event, kind, &["item_id", "content_index"], found);
                if !parts.contains(&(index, event["content_index"].as_u64())) {
                    found.push(format!("form: {kind} to a part that was not added"));
                }
            }
            "response.function_call_arguments.delta"
            | "response.function_call_arguments.done"
            | "response.reasoning_summary_text.delta"
            | "response.reasoning_text.delta" => {
                need(event, kind, &["item_id"], found);
                if !added.contains(&index) || done.contains(&index) {
                    found.push(format!("form: {kind} to item {index:?} that is not open"));
                }
            }
            _ => {}
        }
    }
    if added != done && events.last().is_some_and(|event| event["type"] == "response.completed") {
        found.push("form: items that were never done".to_owned());
    }
}
