//! What answers of Responses, Gemini and Bedrock say.

use serde_json::Value;

use crate::fold::list;
use crate::said::{Ending, Figures, Said, arguments, number, text};

/// Walks the items of Responses.
pub(crate) fn responses(whole: &Value) -> Said {
    let mut said = Said::default();
    let items = list(whole, "output");
    for (at, item) in items.iter().enumerate() {
        match text(item, "type") {
            "message" => {
                for part in list(item, "content") {
                    match text(part, "type") {
                        "output_text" => said.text.push_str(text(part, "text")),
                        "refusal" => said.refusal.push_str(text(part, "refusal")),
                        _ => said.treasures.push(part.clone()),
                    }
                    said.treasures.extend(list(part, "annotations").iter().cloned());
                    let tokens = list(part, "logprobs").iter().map(|entry| text(entry, "token").to_owned());
                    said.tokens.extend(tokens);
                }
            }
            "reasoning" => {
                for part in list(item, "summary").iter().chain(list(item, "content")) {
                    said.thinking.push_str(text(part, "text"));
                }
                said.treasures.extend(item.get("encrypted_content").filter(|data| data.is_string()).cloned());
            }
            "function_call" => {
                said.calls.push((text(item, "name").to_owned(), arguments(item.get("arguments"))));
            }
            kind => {
                // One that something follows was run by the provider.
                if kind == "custom_tool_call" && at + 1 == items.len() {
                    said.custom.push(text(item, "name").to_owned());
                    said.treasures.extend([item["name"].clone(), item["input"].clone(), item["call_id"].clone()]);
                } else {
                    said.treasures.push(item.clone());
                }
            }
        }
    }
    said.treasures.extend(list(whole, "provider_blocks").iter().cloned());
    said.ending = match (text(whole, "status"), whole.pointer("/incomplete_details/reason").and_then(Value::as_str)) {
        ("incomplete", Some("content_filter")) => Ending::Filtered,
        ("incomplete", _) => Ending::Length,
        ("completed", _) if !said.calls.is_empty() => Ending::Calls,
        ("completed", _) => Ending::Stop,
        _ => Ending::Unsaid,
    };
    said.figures = whole.get("usage").filter(|usage| usage.is_object()).map(|usage| Figures {
        input: number(usage, "input_tokens"),
        cached: Some(number(&usage["input_tokens_details"], "cached_tokens")),
        cache_write: Some(number(&usage["input_tokens_details"], "cache_write_tokens")),
        output: number(usage, "output_tokens"),
        reasoning: Some(number(&usage["output_tokens_details"], "reasoning_tokens")),
    });
    said
}

/// Walks the parts of Gemini.
pub(crate) fn gemini(whole: &Value) -> Said {
    let mut said = Said::default();
    let candidate = whole.pointer("/candidates/0").unwrap_or(&Value::Null);
    for other in list(whole, "candidates").iter().skip(1) {
        let parts = list(&other["content"], "parts").iter().filter(|part| part["thought"] != true);
        said.others.push(parts.map(|part| text(part, "text")).collect());
    }
    for part in list(&candidate["content"], "parts") {
        said.treasures.extend(part.get("thoughtSignature").filter(|proof| *proof != "").cloned());
        if let Some(more) = part["text"].as_str() {
            let into = if part["thought"] == true { &mut said.thinking } else { &mut said.text };
            into.push_str(more);
        } else if let Some(call) = part.get("functionCall") {
            said.calls.push((text(call, "name").to_owned(), arguments(call.get("args"))));
        } else if let Some(data) = part.get("inlineData") {
            said.treasures.push(data["data"].clone());
        } else if part.as_object().is_some_and(|fields| fields.keys().any(|name| name != "thoughtSignature")) {
            said.treasures.push(part.clone());
        }
    }
    for name in ["groundingMetadata", "urlContextMetadata", "citationMetadata"] {
        said.treasures.extend(candidate.get(name).cloned());
    }
    let blocked = whole.pointer("/promptFeedback/blockReason").is_some();
    let word = match candidate["finishReason"].as_u64() {
        Some(1) => "STOP",
        Some(2) => "MAX_TOKENS",
        Some(_) => "OTHER",
        None => text(candidate, "finishReason"),
    };
    said.ending = match word {
        "STOP" if !said.calls.is_empty() => Ending::Calls,
        "STOP" => Ending::Stop,
        "MAX_TOKENS" => Ending::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => Ending::Filtered,
        "" if blocked => Ending::Filtered,
        "" => Ending::Unsaid,
        _ => Ending::Other,
    };
    let usage = whole.get("usageMetadata").filter(|usage| usage.get("promptTokenCount").is_some());
    said.figures = usage.map(|usage| Figures {
        input: number(usage, "promptTokenCount") + number(usage, "toolUsePromptTokenCount"),
        cached: Some(number(usage, "cachedContentTokenCount")),
        cache_write: Some(0),
        output: number(usage, "candidatesTokenCount") + number(usage, "thoughtsTokenCount"),
        reasoning: Some(number(usage, "thoughtsTokenCount")),
    });
    said
}

/// Walks the blocks of Bedrock.
pub(crate) fn bedrock(whole: &Value) -> Said {
    let mut said = Said::default();
    for block in whole.pointer("/output/message/content").and_then(Value::as_array).into_iter().flatten() {
        if let Some(more) = block["text"].as_str() {
            said.text.push_str(more);
            said.treasures.extend(list(block, "citations").iter().cloned());
        } else if block.pointer("/toolUse/type").is_some_and(|kind| kind != "tool_use") {
            // Of a tool that the server runs.
            said.treasures.push(block.clone());
        } else if let Some(call) = block.get("toolUse") {
            said.calls.push((text(call, "name").to_owned(), arguments(call.get("input"))));
        } else if let Some(thought) = block.get("reasoningContent") {
            said.thinking.push_str(text(&thought["reasoningText"], "text"));
            let proofs = [thought.pointer("/reasoningText/signature"), thought.get("redactedContent")];
            said.treasures.extend(proofs.into_iter().flatten().filter(|proof| *proof != "").cloned());
        } else if let Some(cited) = block.get("citationsContent") {
            list(cited, "content").iter().for_each(|part| said.text.push_str(text(part, "text")));
            said.treasures.extend(list(cited, "citations").iter().cloned());
        } else if block.as_object().is_some_and(|fields| !fields.is_empty()) {
            said.treasures.push(block.clone());
        }
    }
    said.ending = match text(whole, "stopReason") {
        "" => Ending::Unsaid,
        "end_turn" | "stop_sequence" => Ending::Stop,
        "max_tokens" | "model_context_window_exceeded" => Ending::Length,
        "tool_use" => Ending::Calls,
        "guardrail_intervened" | "content_filtered" => Ending::Filtered,
        _ => Ending::Other,
    };
    said.figures = whole.get("usage").filter(|usage| usage.is_object()).map(|usage| {
        let (cached, write) = (number(usage, "cacheReadInputTokens"), number(usage, "cacheWriteInputTokens"));
        Figures {
            input: number(usage, "inputTokens") + cached + write,
            cached: Some(cached),
            cache_write: Some(write),
            output: number(usage, "outputTokens"),
            reasoning: Some(0),
        }
    });
    said
}
