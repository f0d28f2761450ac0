//! Streams of Responses and of Cohere into the wholes that they spell.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fold::{Folded, append, list, push};

/// Adds up events of Responses: the items as they were when done, and the head as it was at the end.
pub(crate) fn responses(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({"output": []}), ..Folded::default() };
    let mut items: Vec<(u64, Value)> = Vec::new();
    // Those that are not done yet, with what their deltas spell.
    let mut open: BTreeMap<u64, (Value, String)> = BTreeMap::new();
    // The deltas must spell the same as the items.
    let mut spelled = json!({});
    let mut last = -1;
    for event in events {
        if let Some(number) = event["sequence_number"].as_i64() {
            if number <= last {
                folded.wrongs.push(format!("sequence number {number} after {last}"));
            }
            last = number;
        }
        let index = event["output_index"].as_u64().unwrap_or(0);
        if let (Some((_, said)), Some(delta)) = (open.get_mut(&index), event["delta"].as_str()) {
            said.push_str(delta);
        }
        match event["type"].as_str().unwrap_or_default() {
            "response.created" | "response.in_progress" | "response.queued" => {
                folded.whole["id"] = event["response"]["id"].clone();
            }
            "response.output_item.added" => {
                open.insert(index, (event["item"].clone(), String::new()));
            }
            "response.output_item.done" => {
                open.remove(&index);
                items.retain(|(at, _)| *at != index);
                items.push((index, event["item"].clone()));
            }
            "response.output_text.delta" => append(&mut spelled, "text", event["delta"].as_str()),
            "response.function_call_arguments.delta" => append(&mut spelled, "arguments", event["delta"].as_str()),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                append(&mut spelled, "thinking", event["delta"].as_str());
            }
            kind @ ("response.completed" | "response.incomplete" | "response.failed") => {
                folded.is_complete = true;
                for (name, value) in event["response"].as_object().into_iter().flatten() {
                    folded.whole[name] = value.clone();
                }
                if kind == "response.failed" {
                    folded.error = Some(event["response"]["error"].clone());
                }
            }
            "error" => {
                folded.error = Some(event.get("error").filter(|error| error.is_object()).unwrap_or(event).clone());
                break;
            }
            _ => {}
        }
    }
    if folded.error.is_some() {
        items.extend(open.into_iter().map(|(index, (item, said))| (index, broken_off(item, &said))));
    }
    items.sort_by_key(|(index, _)| *index);
    if !items.is_empty() {
        folded.whole["output"] = items.into_iter().map(|(_, item)| item).collect();
    } else if list(&folded.whole, "output").is_empty() && spelled.get("text").is_some() {
        // A provider that never says that an item is done.
        let content = json!([{"type": "output_text", "text": spelled["text"]}]);
        folded.whole["output"] = json!([{"type": "message", "content": content}]);
    }
    folded.whole["spelled"] = spelled;
    folded
}

/// An item as a client has it when the stream ends before the item is done.
fn broken_off(mut item: Value, said: &str) -> Value {
    match item["type"].as_str() {
        Some("message") => item["content"] = json!([{"type": "output_text", "text": said}]),
        Some("function_call") => item["arguments"] = said.into(),
        Some("reasoning") => item["summary"] = json!([{"type": "summary_text", "text": said}]),
        _ => {}
    }
    item
}

/// Adds up events of Cohere.
pub(crate) fn cohere(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({"message": {"content": []}}), ..Folded::default() };
    for event in events {
        let delta = &event["delta"]["message"];
        let message = &mut folded.whole["message"];
        match event["type"].as_str().unwrap_or_default() {
            "content-start" => push(message, "content", delta["content"].clone()),
            "content-delta" => {
                let blocks = message["content"].as_array_mut().unwrap();
                if blocks.is_empty() {
                    blocks.push(json!({"type": "text"}));
                }
                let block = blocks.last_mut().unwrap();
                append(block, "text", delta["content"]["text"].as_str());
                append(block, "thinking", delta["content"]["thinking"].as_str());
            }
            "tool-plan-delta" => append(message, "tool_plan", delta["tool_plan"].as_str()),
            "tool-call-start" => push(message, "tool_calls", delta["tool_calls"].clone()),
            "tool-call-delta" => {
                let call = message["tool_calls"].as_array_mut().and_then(|calls| calls.last_mut()).unwrap();
                append(&mut call["function"], "arguments", delta["tool_calls"]["function"]["arguments"].as_str());
            }
            "citation-start" => push(message, "citations", delta["citations"].clone()),
            "message-end" => {
                folded.is_complete = true;
                for (name, value) in event["delta"].as_object().into_iter().flatten() {
                    folded.whole[name] = value.clone();
                }
            }
            _ => {}
        }
    }
    folded
}
