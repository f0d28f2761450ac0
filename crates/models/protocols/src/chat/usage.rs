//! Usage in Chat Completions.

use serde_json::{Map, Value, json};

use crate::json::Look;
use crate::usage::Usage;

/// Reads a `usage` object; `None` when it holds no figures.
#[must_use]
pub fn decode(usage: &Value) -> Option<Usage> {
    let input = usage.count("prompt_tokens");
    let output = usage.count("completion_tokens");
    let total = usage.count("total_tokens");
    if input + output + total == 0 {
        return None;
    }
    let read = usage.get("prompt_tokens_details").unwrap_or(&Value::Null);
    let written = usage.get("completion_tokens_details").unwrap_or(&Value::Null);
    // DeepSeek and Moonshot write it elsewhere.
    let elsewhere = ["prompt_cache_hit_tokens", "cached_tokens"];
    let cached = elsewhere.iter().map(|name| usage.count(name)).chain([read.count("cached_tokens")]).max();
    let reasoning = written.count("reasoning_tokens").max(usage.count("reasoning_tokens"));
    // Some embedding endpoints only give the total; xAI leaves thinking out of completion_tokens but not of the total.
    let input = if input == 0 { total.saturating_sub(output) } else { input };
    let thinks_apart = total > 0 && input + output + reasoning == total;
    let output = if thinks_apart { output + reasoning } else { output };
    let cache_write = read.count("cache_write_tokens").max(read.count("cache_creation_tokens"));
    Some(Usage {
        input,
        // As the provider says it, also where it is more than the input (Grok on Azure).
        cached: cached.unwrap_or(0),
        cache_write,
        cache_write_1h: 0,
        output,
        reasoning: reasoning.min(output),
        said_cost: said_cost(usage),
        raw: usage.clone(),
    })
}

/// What the provider says the call cost in its currency: a number `cost` (OpenRouter), `cost.total_cost` (Perplexity), or
/// `cost_in_usd_ticks` (xAI), of which ten thousand million are a dollar.
pub(crate) fn said_cost(usage: &Value) -> Option<String> {
    const TICKS: u64 = 10_000_000_000;
    if let Some(cost) = usage.get("cost") {
        let cost = cost.get("total_cost").unwrap_or(cost);
        return cost.as_number().map(ToString::to_string);
    }
    let ticks = usage.get("cost_in_usd_ticks").and_then(Value::as_u64)?;
    let text = format!("{}.{:010}", ticks / TICKS, ticks % TICKS);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Writes a `usage` object.
#[must_use]
pub fn encode(usage: &Usage) -> Value {
    let mut read = Map::from_iter([("cached_tokens".to_owned(), json!(usage.cached))]);
    if usage.cache_write > 0 {
        read.insert("cache_write_tokens".to_owned(), json!(usage.cache_write));
    }
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": read,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}

/// The usage of a chunk, wherever a provider puts it.
#[must_use]
pub fn find(chunk: &Value) -> Option<Usage> {
    let places = [chunk.get("usage"), chunk.pointer("/choices/0/usage"), chunk.pointer("/x_groq/usage")];
    places.into_iter().flatten().filter(|usage| usage.is_object()).find_map(decode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_and_thinking_tokens_are_found_in_every_habit() {
        let openai = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}});
        let deepseek = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_cache_hit_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 3}});
        let xai = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}});
        for said in [openai, deepseek, xai] {
            let usage = decode(&said).unwrap();
            assert_eq!((usage.input, usage.cached, usage.output, usage.reasoning), (10, 4, 5, 3), "{said}");
        }
    }

    #[test]
    fn an_empty_usage_is_none_and_costs_keep_their_digits() {
        assert_eq!(decode(&json!({"prompt_tokens": 0})), None);
        assert_eq!(decode(&json!({"total_tokens": 7})).unwrap().input, 7);
        let priced = decode(&json!({"prompt_tokens": 1, "cost": 0.00012})).unwrap();
        assert_eq!(priced.said_cost.as_deref(), Some("0.00012"));
    }
}
