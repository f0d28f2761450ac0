//! Streams of Gemini and of Bedrock into the wholes that they spell.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::fold::{Folded, append, list, push};

/// Adds up chunks of `streamGenerateContent`.
pub(crate) fn gemini(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({}), is_complete: false, ..Folded::default() };
    let mut parts = json!({"parts": []});
    let mut candidate = json!({});
    for event in events {
        if let Some(error) = event.get("error") {
            folded.error = Some(error.clone());
            break;
        }
        for name in ["usageMetadata", "promptFeedback", "responseId", "modelVersion"] {
            if let Some(value) = event.get(name) {
                folded.whole[name] = value.clone();
            }
        }
        folded.is_complete |= event.get("promptFeedback").is_some();
        let Some(chunk) = event.pointer("/candidates/0") else { continue };
        for (name, value) in chunk.as_object().into_iter().flatten() {
            if name != "content" && !value.is_null() {
                candidate[name] = value.clone();
            }
        }
        folded.is_complete |= chunk.get("finishReason").is_some_and(|reason| !reason.is_null());
        for part in list(&chunk["content"], "parts") {
            match part.get("functionCall") {
                Some(call) if is_piece(call) => piece(&mut parts, part, call),
                _ => push(&mut parts, "parts", part.clone()),
            }
        }
    }
    candidate["content"] = parts;
    folded.whole["candidates"] = json!([candidate]);
    folded
}

fn is_piece(call: &Value) -> bool {
    call.get("partialArgs").is_some() || call.get("willContinue").is_some() || call.get("name").is_none()
}

/// A call in pieces: the first has the name, the others paths into the arguments with what stands there.
fn piece(parts: &mut Value, part: &Value, call: &Value) {
    if call["name"].as_str().is_some_and(|name| !name.is_empty()) {
        let mut begun = part.clone();
        begun["functionCall"]["args"] = call.get("args").cloned().unwrap_or_else(|| json!({}));
        push(parts, "parts", begun);
    }
    let begun = parts["parts"].as_array_mut().and_then(|list| list.last_mut()).unwrap();
    for arg in list(call, "partialArgs") {
        let path = arg["jsonPath"].as_str().unwrap_or_default();
        let mut place = &mut begun["functionCall"]["args"];
        let path = path.trim_start_matches('$').replace('[', ".[");
        for step in path.split('.').filter(|step| !step.is_empty()) {
            match step.strip_prefix('[').and_then(|step| step.strip_suffix(']')) {
                Some(number) if !number.starts_with(['\'', '"']) => {
                    let number: usize = number.parse().unwrap();
                    if !place.is_array() {
                        *place = json!([]);
                    }
                    let items = place.as_array_mut().unwrap();
                    while items.len() <= number {
                        items.push(Value::Null);
                    }
                    place = &mut items[number];
                }
                quoted => place = &mut place[quoted.map_or(step, |name| name.trim_matches(['\'', '"']))],
            }
        }
        if let Some(more) = arg["stringValue"].as_str() {
            *place = format!("{}{more}", place.as_str().unwrap_or_default()).into();
        }
        for name in ["numberValue", "boolValue"] {
            if let Some(value) = arg.get(name) {
                *place = value.clone();
            }
        }
    }
}

/// Adds up events of `ConverseStream`, each an object with its type as the one field.
pub(crate) fn bedrock(events: &[Value]) -> Folded {
    let mut folded = Folded { whole: json!({"output": {"message": {"content": []}}}), ..Folded::default() };
    let mut order: Vec<u64> = Vec::new();
    for event in events {
        let Some((kind, body)) = event.as_object().and_then(|fields| fields.iter().next()) else { continue };
        match kind.as_str() {
            "messageStart" => {}
            "contentBlockStart" => {
                let at = place(&mut folded, &mut order, body);
                let block = &mut folded.whole["output"]["message"]["content"][at];
                for (name, value) in body["start"].as_object().into_iter().flatten() {
                    block[name] = value.clone();
                }
            }
            "contentBlockDelta" => {
                let at = place(&mut folded, &mut order, body);
                let block = &mut folded.whole["output"]["message"]["content"][at];
                delta(block, &body["delta"]);
            }
            "contentBlockStop" => {}
            "messageStop" => {
                folded.is_complete = true;
                folded.whole["stopReason"] = body["stopReason"].clone();
            }
            "chunk" => invoked(&mut folded, body),
            "metadata" => folded.whole["usage"] = body["usage"].clone(),
            kind if kind.ends_with("Exception") => {
                folded.error = Some(body.clone());
                break;
            }
            _ => {}
        }
    }
    if !folded.packed.is_empty() {
        return bedrock(&folded.packed);
    }
    for block in folded.whole["output"]["message"]["content"].as_array_mut().into_iter().flatten() {
        let Some(text) = block.pointer("/toolUse/partial").and_then(Value::as_str).map(str::to_owned) else { continue };
        block["toolUse"]["input"] = serde_json::from_str(&text).unwrap_or_else(|_| text.into());
    }
    folded
}

/// A piece of `InvokeModelWithResponseStream`: base64 around an event of the model's own protocol.
fn invoked(folded: &mut Folded, body: &Value) {
    let bytes = base64::engine::general_purpose::STANDARD.decode(body["bytes"].as_str().unwrap_or_default());
    let event: Value = serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default();
    if event.get("type").is_some() {
        folded.inner.push(event);
        return;
    }
    let is_converse =
        |name: &String| name.starts_with("message") || name.starts_with("contentBlock") || name.as_str() == "metadata";
    if let Some(fields) = event.as_object()
        && fields.keys().any(is_converse)
    {
        // Nova speaks Converse in here, too.
        let own = fields.iter().filter(|(name, _)| is_converse(name));
        folded.packed.push(Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect()));
        return;
    }
    if let Some(text) = event["generation"].as_str().or_else(|| event["completion"].as_str()) {
        texts(folded, &event, text);
        return;
    }
    // Titan.
    let message = &mut folded.whole["output"]["message"];
    if list(message, "content").is_empty() {
        push(message, "content", json!({"text": ""}));
    }
    append(&mut message["content"][0], "text", event["outputText"].as_str());
    if let Some(reason) = event["completionReason"].as_str() {
        folded.is_complete = true;
        folded.whole["stopReason"] = if reason == "LENGTH" { "max_tokens" } else { "end_turn" }.into();
    }
    if event["amazon-bedrock-guardrailAction"] == "INTERVENED" {
        folded.is_complete = true;
        folded.whole["stopReason"] = "guardrail_intervened".into();
    }
    let (read, written) = (&event["inputTextTokenCount"], &event["totalOutputTextTokenCount"]);
    if written.is_number() {
        let read = if read.is_number() { read } else { &folded.whole["usage"]["inputTokens"] };
        folded.whole["usage"] = json!({"inputTokens": read, "outputTokens": written});
    } else if read.is_number() {
        folded.whole["usage"] = json!({"inputTokens": read, "outputTokens": 0});
    }
}

/// Llama's pieces, and those of Claude's first protocol.
fn texts(folded: &mut Folded, event: &Value, text: &str) {
    let message = &mut folded.whole["output"]["message"];
    if list(message, "content").is_empty() {
        push(message, "content", json!({"text": ""}));
    }
    append(&mut message["content"][0], "text", Some(text));
    if let Some(read) = event["prompt_token_count"].as_u64() {
        folded.whole["usage"]["inputTokens"] = read.into();
    }
    if let Some(written) = event["generation_token_count"].as_u64() {
        folded.whole["usage"]["outputTokens"] = written.into();
    }
    if let Some(reason) = event["stop_reason"].as_str() {
        folded.is_complete = true;
        folded.whole["stopReason"] = if reason.starts_with("length") { "max_tokens" } else { "end_turn" }.into();
    }
}

fn place(folded: &mut Folded, order: &mut Vec<u64>, body: &Value) -> usize {
    let index = body["contentBlockIndex"].as_u64().unwrap_or(0);
    order.iter().position(|known| *known == index).unwrap_or_else(|| {
        order.push(index);
        push(&mut folded.whole["output"]["message"], "content", json!({}));
        order.len() - 1
    })
}

fn delta(block: &mut Value, delta: &Value) {
    append(block, "text", delta["text"].as_str());
    if let Some(more) = delta.pointer("/toolUse/input") {
        let text = more.as_str().map_or_else(|| more.to_string(), str::to_owned);
        append(&mut block["toolUse"], "partial", Some(&text));
    }
    if let Some(thought) = delta.get("reasoningContent") {
        append(&mut block["reasoningContent"]["reasoningText"], "text", thought["text"].as_str());
        append(&mut block["reasoningContent"]["reasoningText"], "signature", thought["signature"].as_str());
        append(&mut block["reasoningContent"], "redactedContent", thought["redactedContent"].as_str());
    }
    if let Some(citation) = delta.get("citation") {
        push(block, "citations", citation.clone());
    }
}
