//! Usage in Responses.

use serde_json::{Value, json};

use crate::json::Look;
use crate::usage::Usage;

/// Reads a `usage` object; `None` when it holds no figures. Zeros are figures where all fields are present.
#[must_use]
pub fn decode(usage: &Value) -> Option<Usage> {
    let (input, output, total) =
        (usage.count("input_tokens"), usage.count("output_tokens"), usage.count("total_tokens"));
    let is_said = ["input_tokens", "output_tokens"].iter().all(|name| usage.get(*name).is_some_and(Value::is_number));
    if input == 0 && output == 0 && total == 0 && !is_said {
        return None;
    }
    let read = usage.get("input_tokens_details").unwrap_or(&Value::Null);
    let written = usage.get("output_tokens_details").unwrap_or(&Value::Null);
    let reasoning = written.count("reasoning_tokens");
    // xAI leaves thinking out of the output in Chat Completions; only the total tells.
    let apart = output.saturating_add(reasoning);
    let thinks_apart = reasoning > 0 && input.saturating_add(apart) == total;
    let output = if thinks_apart { apart } else { output };
    let cache_write = read.count("cache_write_tokens").max(read.count("cache_creation_tokens"));
    Some(Usage {
        input,
        cached: read.count("cached_tokens").min(input),
        cache_write: cache_write.min(input),
        cache_write_1h: 0,
        output,
        reasoning: reasoning.min(output),
        said_cost: said_cost(usage),
        raw: usage.clone(),
    })
}

/// `cost` in dollars (OpenRouter), or xAI's `cost_in_usd_ticks`, of which ten thousand million are a dollar.
fn said_cost(usage: &Value) -> Option<String> {
    if let Some(cost) = usage.get("cost").and_then(Value::as_number) {
        return Some(cost.to_string());
    }
    let ticks = usage.get("cost_in_usd_ticks").and_then(Value::as_u64)?;
    const TICKS: u64 = 10_000_000_000;
    let text = format!("{}.{:010}", ticks / TICKS, ticks % TICKS);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Writes a `usage` object.
#[must_use]
pub fn encode(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    })
}
