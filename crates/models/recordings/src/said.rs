//! What a whole answer says, found by walking its JSON by hand.

mod items;

use septet_protocols::Dialect;
use serde_json::{Value, json};

use crate::fold::list;

/// What an answer says, whatever the dialect.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// All its text.
    pub text: String,
    /// All its thinking.
    pub thinking: String,
    /// All its refusals.
    pub refusal: String,
    /// The texts of the second answer and those after it, of several.
    pub others: Vec<String>,
    /// Functions for the client to call, with their arguments.
    pub calls: Vec<(String, Value)>,
    /// Other tools for the client to call, which some clients only know as functions.
    pub custom: Vec<String>,
    /// Why it ended.
    pub ending: Ending,
    /// What it used.
    pub figures: Option<Figures>,
    /// What must be somewhere in every form of the answer: signatures, sources, blocks of server-side tools.
    pub treasures: Vec<Value>,
    /// Log probabilities: the tokens.
    pub tokens: Vec<String>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Nothing is said.
    #[default]
    Unsaid,
    /// It was over.
    Stop,
    /// Too long.
    Length,
    /// Calls are to be made.
    Calls,
    /// Held back or refused.
    Filtered,
    /// To be continued.
    Paused,
    /// Another reason.
    Other,
}

/// What an answer used. `input` and `output` hold everything; a figure that the dialect cannot say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Read.
    pub input: u64,
    /// Of it, from the cache.
    pub cached: Option<u64>,
    /// Of it, into the cache.
    pub cache_write: Option<u64>,
    /// Written.
    pub output: u64,
    /// Of it, thinking.
    pub reasoning: Option<u64>,
}

/// Walks a whole answer.
pub fn said(dialect: Dialect, whole: &Value) -> Said {
    match dialect {
        Dialect::Chat => chat(whole),
        Dialect::Responses => items::responses(whole),
        Dialect::Anthropic => anthropic(whole),
        Dialect::Gemini => items::gemini(whole),
        Dialect::Bedrock => items::bedrock(whole),
        Dialect::Ollama => ollama(whole),
        Dialect::Cohere => cohere(whole),
    }
}

/// The text of a field, or nothing.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The number of a field, or 0.
pub fn number(value: &Value, name: &str) -> u64 {
    let found = value.get(name);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of tokens")]
    found.and_then(|found| found.as_u64().or_else(|| found.as_f64().map(|n| n as u64))).unwrap_or(0)
}

/// Arguments as the object that they spell; none are an empty object.
pub fn arguments(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => json!({}),
        Some(Value::String(text)) if matches!(text.trim(), "" | "null") => json!({}),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()),
        Some(other) => other.clone(),
    }
}

fn chat(whole: &Value) -> Said {
    let mut said = Said::default();
    let others = list(whole, "choices").iter().skip(1);
    said.others = others.map(|choice| text(&choice["message"], "content").to_owned()).collect();
    let choice = whole.pointer("/choices/0").unwrap_or(&Value::Null);
    let message = &choice["message"];
    said.text.push_str(text(message, "content"));
    let thought = [&message["reasoning_content"], &message["reasoning"]];
    let thought = thought.into_iter().filter_map(Value::as_str).find(|text| !text.is_empty());
    said.thinking.push_str(thought.unwrap_or_default());
    for part in list(message, "content") {
        match text(part, "type") {
            "text" => said.text.push_str(text(part, "text")),
            "thinking" => {
                said.thinking.push_str(text(part, "thinking"));
                list(part, "thinking").iter().for_each(|inner| said.thinking.push_str(text(inner, "text")));
            }
            _ => said.treasures.push(part.clone()),
        }
    }
    for detail in list(message, "reasoning_details") {
        if thought.is_none_or(str::is_empty) {
            said.thinking.push_str(text(detail, "text"));
            said.thinking.push_str(text(detail, "summary"));
        }
        said.treasures.extend([&detail["signature"], &detail["data"]].into_iter().filter(|v| v.is_string()).cloned());
    }
    said.refusal.push_str(text(message, "refusal"));
    for call in list(message, "tool_calls") {
        let function = &call["function"];
        said.calls.push((text(function, "name").to_owned(), arguments(function.get("arguments"))));
        said.treasures.extend(call.pointer("/extra_content/google/thought_signature").cloned());
    }
    if let Some(call) = message.get("function_call").filter(|call| !text(call, "name").is_empty()) {
        said.calls.push((text(call, "name").to_owned(), arguments(call.get("arguments"))));
    }
    said.treasures.extend(message.pointer("/extra_content/google/thought_signature").cloned());
    for name in ["annotations", "images", "provider_items", "executed_tools"] {
        said.treasures.extend(list(message, name).iter().cloned());
    }
    for name in ["citations", "search_results"] {
        said.treasures.extend(list(whole, name).iter().cloned());
    }
    let entries =
        choice.pointer("/logprobs/content").and_then(Value::as_array).map_or(list(choice, "tokens"), Vec::as_slice);
    said.tokens = entries.iter().map(|entry| text(entry, "token").to_owned()).collect();
    said.ending = match text(choice, "finish_reason") {
        "" => Ending::Unsaid,
        "stop" | "end_turn" | "eos" if !said.calls.is_empty() => Ending::Calls,
        "stop" | "end_turn" | "eos" => Ending::Stop,
        "length" => Ending::Length,
        "tool_calls" | "tool_use" | "function_call" => Ending::Calls,
        "content_filter" => Ending::Filtered,
        _ => Ending::Other,
    };
    let nested = [whole.get("usage"), whole.pointer("/x_groq/usage")];
    said.figures = nested.into_iter().flatten().find(|usage| usage.is_object()).and_then(chat_figures);
    said
}

/// The figures of Chat Completions; `None` when all are 0.
pub fn chat_figures(usage: &Value) -> Option<Figures> {
    let (input, output) = (number(usage, "prompt_tokens"), number(usage, "completion_tokens"));
    let total = number(usage, "total_tokens");
    let (read, written) = (&usage["prompt_tokens_details"], &usage["completion_tokens_details"]);
    let reasoning = number(written, "reasoning_tokens").max(number(usage, "reasoning_tokens"));
    // xAI counts thinking apart and Mistral sound, and only the total tells; Google tells of thinking nowhere else.
    let rest = total.saturating_sub(input + output);
    let is_heard = rest > 0 && rest != reasoning && rest == number(read, "audio_tokens");
    let input = if is_heard { input + rest } else { input };
    let is_thought = rest > 0 && !is_heard && (rest == reasoning || reasoning == 0 && output > 0);
    let (output, reasoning) = if is_thought { (output + rest, rest) } else { (output, reasoning) };
    let names = ["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"];
    let cached = names.iter().map(|name| number(usage, name)).chain([number(read, "cached_tokens")]);
    let writes = ["cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"];
    let write = writes.iter().map(|name| number(read, name)).max().unwrap_or(0);
    (input + output > 0).then_some(Figures {
        input,
        cached: cached.max(),
        cache_write: Some(write),
        output,
        reasoning: Some(reasoning.min(output)),
    })
}

fn anthropic(whole: &Value) -> Said {
    let mut said = Said::default();
    for block in list(whole, "content") {
        match text(block, "type") {
            "text" => {
                said.text.push_str(text(block, "text"));
                said.treasures.extend(list(block, "citations").iter().cloned());
            }
            "thinking" => {
                said.thinking.push_str(text(block, "thinking"));
                said.treasures.extend(block.get("signature").filter(|signature| *signature != "").cloned());
            }
            "redacted_thinking" => said.treasures.push(block["data"].clone()),
            "tool_use" => said.calls.push((text(block, "name").to_owned(), arguments(block.get("input")))),
            _ => said.treasures.push(block.clone()),
        }
    }
    said.ending = match text(whole, "stop_reason") {
        "" => Ending::Unsaid,
        "end_turn" | "stop_sequence" => Ending::Stop,
        "max_tokens" | "model_context_window_exceeded" => Ending::Length,
        "tool_use" => Ending::Calls,
        "refusal" => Ending::Filtered,
        "pause_turn" => Ending::Paused,
        _ => Ending::Other,
    };
    said.refusal = whole.pointer("/stop_details/explanation").and_then(Value::as_str).unwrap_or_default().to_owned();
    said.figures = whole.get("usage").filter(|usage| usage.get("output_tokens").is_some()).map(|usage| {
        let (cached, write) = (number(usage, "cache_read_input_tokens"), number(usage, "cache_creation_input_tokens"));
        let thought = usage.pointer("/output_tokens_details/thinking_tokens").and_then(Value::as_u64);
        Figures {
            input: number(usage, "input_tokens") + cached + write,
            cached: Some(cached),
            cache_write: Some(write),
            output: number(usage, "output_tokens"),
            reasoning: thought,
        }
    });
    said
}

fn ollama(whole: &Value) -> Said {
    let message = whole.get("message").unwrap_or(whole);
    let mut said = Said::default();
    said.text.push_str(message["content"].as_str().unwrap_or_else(|| text(message, "response")));
    said.thinking.push_str(text(message, "thinking"));
    for call in list(message, "tool_calls") {
        said.calls.push((text(&call["function"], "name").to_owned(), arguments(call["function"].get("arguments"))));
    }
    said.ending = match text(whole, "done_reason") {
        "length" => Ending::Length,
        _ if said.calls.is_empty() => Ending::Stop,
        _ => Ending::Calls,
    };
    said.figures = whole.get("eval_count").is_some().then(|| plain(whole, "prompt_eval_count", "eval_count"));
    said
}

/// Figures of a dialect that knows no more than two.
fn plain(value: &Value, input: &str, output: &str) -> Figures {
    Figures {
        input: number(value, input),
        cached: Some(0),
        cache_write: Some(0),
        output: number(value, output),
        reasoning: Some(0),
    }
}

fn cohere(whole: &Value) -> Said {
    let message = &whole["message"];
    let mut said = Said::default();
    said.text.push_str(text(message, "content"));
    for part in list(message, "content") {
        said.text.push_str(text(part, "text"));
        said.thinking.push_str(text(part, "thinking"));
    }
    said.thinking.push_str(text(message, "tool_plan"));
    for call in list(message, "tool_calls") {
        said.calls.push((text(&call["function"], "name").to_owned(), arguments(call["function"].get("arguments"))));
    }
    said.treasures.extend(list(message, "citations").iter().cloned());
    said.ending = match text(whole, "finish_reason") {
        "COMPLETE" | "STOP_SEQUENCE" => Ending::Stop,
        "MAX_TOKENS" => Ending::Length,
        "TOOL_CALL" => Ending::Calls,
        "" => Ending::Unsaid,
        _ => Ending::Other,
    };
    if let Some(tokens) = whole.pointer("/usage/tokens") {
        let cached = Some(number(&whole["usage"], "cached_tokens"));
        let reasoning = Some(number(tokens, "reasoning_tokens"));
        said.figures = Some(Figures { cached, reasoning, ..plain(tokens, "input_tokens", "output_tokens") });
    }
    said
}
