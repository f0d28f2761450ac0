//! A stream's events into the whole answer that they spell, by hand.

mod google;
mod items;

use septet_protocols::Dialect;
use serde_json::{Map, Value, json};

/// What a stream spells.
#[derive(Debug, Default)]
pub struct Folded {
    /// A whole answer in the dialect.
    pub whole: Value,
    /// Whether the event came that ends a stream.
    pub is_complete: bool,
    /// The error event that came.
    pub error: Option<Value>,
    /// The events of another dialect that were packed into these.
    pub inner: Vec<Value>,
    /// The events of the same dialect that were packed into these.
    pub packed: Vec<Value>,
    /// Breaches of the protocol.
    pub wrongs: Vec<String>,
}

/// Adds the events up. Gives the dialect of the whole, too: Bedrock passes Anthropic's through.
pub fn fold(dialect: Dialect, events: &[Value]) -> (Dialect, Folded) {
    let folded = match dialect {
        Dialect::Chat => chat(events),
        Dialect::Responses => items::responses(events),
        Dialect::Anthropic => anthropic(events),
        Dialect::Gemini => google::gemini(events),
        Dialect::Bedrock => google::bedrock(events),
        Dialect::Ollama => ollama(events),
        Dialect::Cohere => items::cohere(events),
    };
    if folded.inner.is_empty() { (dialect, folded) } else { (Dialect::Anthropic, anthropic(&folded.inner)) }
}

/// Adds text to a field that holds text.
pub fn append(object: &mut Value, name: &str, more: Option<&str>) {
    let Some(more) = more else { return };
    let before = object[name].as_str().unwrap_or_default();
    object[name] = format!("{before}{more}").into();
}

/// Adds an element to a field that holds a list.
pub fn push(object: &mut Value, name: &str, more: Value) {
    match object.get_mut(name).and_then(Value::as_array_mut) {
        Some(list) => list.push(more),
        None => object[name] = json!([more]),
    }
}

/// The elements of a field that holds a list.
pub fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn chat(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({"choices": []}), is_complete: true, ..Folded::default() };
    for event in events {
        let inner = event.pointer("/choices/0/error");
        if let Some(error) = event.get("error").or(inner).filter(|error| !error.is_null()) {
            folded.error = Some(error.clone());
            break;
        }
        for name in ["id", "model"] {
            if folded.whole.get(name).is_none() && event[name].as_str().is_some_and(|text| !text.is_empty()) {
                folded.whole[name] = event[name].clone();
            }
        }
        let places = [event.get("usage"), event.pointer("/x_groq/usage"), event.pointer("/choices/0/usage")];
        if let Some(usage) = places.into_iter().flatten().find(|usage| usage.is_object()) {
            folded.whole["usage"] = usage.clone();
        }
        for (name, value) in event.as_object().into_iter().flatten() {
            let own = ["id", "object", "created", "model", "choices", "usage"];
            if !own.contains(&name.as_str()) && !value.is_null() {
                folded.whole[name] = value.clone();
            }
        }
        for choice in list(event, "choices") {
            let index = usize::try_from(choice["index"].as_u64().unwrap_or(0)).unwrap();
            let choices = folded.whole["choices"].as_array_mut().unwrap();
            while choices.len() <= index {
                choices.push(json!({"message": {"content": ""}, "finish_reason": null}));
            }
            let into = &mut choices[index];
            if choice["finish_reason"].as_str().is_some_and(|word| !word.is_empty()) {
                into["finish_reason"] = choice["finish_reason"].clone();
            }
            for entry in choice.pointer("/logprobs/content").and_then(Value::as_array).into_iter().flatten() {
                push(into, "tokens", entry.clone());
            }
            let delta = choice.get("delta").filter(|delta| delta.is_object()).or_else(|| choice.get("message"));
            if let Some(delta) = delta {
                chat_delta(&mut into["message"], delta);
            }
        }
    }
    folded
}

fn chat_delta(message: &mut Value, delta: &Value) {
    append(message, "content", delta["content"].as_str());
    for part in list(delta, "content") {
        let text = part["text"].as_str();
        match part["type"].as_str() {
            Some("thinking") => {
                append(message, "reasoning_content", part["thinking"].as_str());
                for inner in list(part, "thinking") {
                    append(message, "reasoning_content", inner["text"].as_str());
                }
            }
            Some("text") | None => append(message, "content", text),
            Some(_) => push(message, "provider_items", part.clone()),
        }
    }
    let thought = [&delta["reasoning_content"], &delta["reasoning"]];
    let thought = thought.into_iter().filter_map(Value::as_str).find(|text| !text.is_empty());
    append(message, "reasoning_content", thought);
    append(message, "refusal", delta["refusal"].as_str());
    for detail in list(delta, "reasoning_details") {
        if thought.is_none_or(str::is_empty) {
            append(message, "reasoning_content", detail["text"].as_str().or_else(|| detail["summary"].as_str()));
        }
        push(message, "reasoning_details", detail.clone());
    }
    for name in ["annotations", "images", "provider_items", "executed_tools"] {
        for item in list(delta, name) {
            push(message, name, item.clone());
        }
    }
    if let Some(more) = delta.get("extra_content") {
        message["extra_content"] = more.clone();
    }
    if let Some(call) = delta.get("function_call").filter(|call| call.is_object()) {
        let call = call.clone();
        let before = &mut message["function_call"];
        append(before, "name", call["name"].as_str());
        append(before, "arguments", call["arguments"].as_str());
    }
    for piece in list(delta, "tool_calls") {
        let (id, name) = (piece["id"].as_str().unwrap_or(""), piece["function"]["name"].as_str().unwrap_or(""));
        let calls = list(message, "tool_calls");
        let at = calls.iter().rposition(|call| {
            let same = call["index"] == piece["index"];
            same && (id.is_empty() || call["id"] == id || name.is_empty())
        });
        let n = calls.len();
        let at = at.unwrap_or_else(|| {
            push(message, "tool_calls", json!({"index": piece["index"], "id": id, "function": {"arguments": ""}}));
            n
        });
        let call = &mut message["tool_calls"][at];
        if !name.is_empty() {
            call["function"]["name"] = name.into();
        }
        match &piece["function"]["arguments"] {
            Value::String(more) => append(&mut call["function"], "arguments", Some(more)),
            Value::Null => {}
            object => call["function"]["arguments"] = object.clone(),
        }
        if let Some(more) = piece.get("extra_content") {
            call["extra_content"] = more.clone();
        }
    }
}

fn anthropic(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({"content": [], "usage": {}}), ..Folded::default() };
    let mut first = 0;
    for event in events {
        let index = usize::try_from(event["index"].as_u64().unwrap_or(0)).unwrap() + first;
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                // The same one may come twice; another before the end means that two streams were mixed up.
                let known = folded.whole.get("id").filter(|_| !folded.is_complete);
                if known.is_some_and(|known| *known != event["message"]["id"]) {
                    break;
                }
                first = list(&folded.whole, "content").len();
                for (name, value) in event["message"].as_object().into_iter().flatten() {
                    match name.as_str() {
                        "content" => list(&event["message"], "content")
                            .iter()
                            .for_each(|block| push(&mut folded.whole, "content", block.clone())),
                        "usage" => update(&mut folded.whole["usage"], value),
                        _ => folded.whole[name] = value.clone(),
                    }
                }
            }
            "content_block_start" => {
                let blocks = folded.whole["content"].as_array_mut().unwrap();
                if blocks.len() != index {
                    folded.wrongs.push(format!("block {index} opens where {} is next", blocks.len()));
                }
                while blocks.len() <= index {
                    blocks.push(Value::Null);
                }
                blocks[index] = event["content_block"].clone();
            }
            "content_block_delta" => {
                let Some(block) = folded.whole["content"].get_mut(index) else {
                    folded.wrongs.push(format!("a delta to block {index} that is not open"));
                    continue;
                };
                anthropic_delta(block, &event["delta"]);
            }
            "content_block_stop" => {
                let Some(block) = folded.whole["content"].get_mut(index) else { continue };
                close(block);
            }
            "message_delta" => {
                for (name, value) in event["delta"].as_object().into_iter().flatten() {
                    folded.whole[name] = value.clone();
                }
                for (name, value) in event.as_object().into_iter().flatten() {
                    if !["type", "delta", "usage"].contains(&name.as_str()) {
                        folded.whole[name] = value.clone();
                    }
                }
                update(&mut folded.whole["usage"], &event["usage"]);
            }
            "message_stop" => folded.is_complete = true,
            "error" => {
                folded.error = Some(event["error"].clone());
                break;
            }
            _ => {}
        }
    }
    for block in folded.whole["content"].as_array_mut().into_iter().flatten() {
        close(block);
    }
    folded
}

fn anthropic_delta(block: &mut Value, delta: &Value) {
    match delta["type"].as_str().unwrap_or_default() {
        "text_delta" => append(block, "text", delta["text"].as_str()),
        "thinking_delta" => append(block, "thinking", delta["thinking"].as_str()),
        "signature_delta" => append(block, "signature", delta["signature"].as_str()),
        "input_json_delta" => append(block, "partial", delta["partial_json"].as_str()),
        "citations_delta" => push(block, "citations", delta["citation"].clone()),
        "compaction_delta" => append(block, "content", delta["content"].as_str()),
        _ => push(block, "deltas", delta.clone()),
    }
}

/// The arguments, which are JSON only when they are all there.
fn close(block: &mut Value) {
    let Some(partial) = block.get("partial").and_then(Value::as_str).map(str::to_owned) else { return };
    if !partial.is_empty() {
        block["input"] = serde_json::from_str(&partial).unwrap_or_else(|_| partial.into());
    }
    block.as_object_mut().unwrap().remove("partial");
}

/// Later figures replace earlier ones, except by nothing.
fn update(into: &mut Value, from: &Value) {
    let into = into.as_object_mut().unwrap();
    for (name, value) in from.as_object().unwrap_or(&Map::new()) {
        if !value.is_null() {
            into.insert(name.clone(), value.clone());
        }
    }
}

fn ollama(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({"message": {"content": "", "thinking": ""}}), ..Folded::default() };
    for event in events {
        if let Some(error) = event.get("error") {
            folded.error = Some(error.clone());
            break;
        }
        let message = event.get("message").unwrap_or(event);
        let into = &mut folded.whole["message"];
        append(into, "content", message["content"].as_str().or_else(|| message["response"].as_str()));
        append(into, "thinking", message["thinking"].as_str());
        for call in list(message, "tool_calls") {
            push(into, "tool_calls", call.clone());
        }
        if event["done"] == true {
            folded.is_complete = true;
            for name in ["model", "done_reason", "prompt_eval_count", "eval_count"] {
                folded.whole[name] = event[name].clone();
            }
        }
    }
    folded
}
