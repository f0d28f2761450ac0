//! Usage in Chat Completions.

use serde_json::{Map, Value, json};

use crate::json::Look;
use crate::usage::Usage;

/// Reads a `usage` object; `None` when it holds no figures.
#[must_use]
pub fn decode(usage: &Value) -> Option<Usage> {
    // Relays of Anthropic's models keep Anthropic's names.
    let input = usage.count("prompt_tokens").max(usage.count("input_tokens"));
    let output = usage.count("completion_tokens").max(usage.count("output_tokens"));
    let total = usage.count("total_tokens");
    if input == 0 && output == 0 && total == 0 {
        return None;
    }
    let details = ["prompt_tokens_details", "prompt_token_details", "input_tokens_details"];
    let read = details.iter().find_map(|name| usage.get(*name)).unwrap_or(&Value::Null);
    let written = usage.get("completion_tokens_details").unwrap_or(&Value::Null);
    // DeepSeek, Moonshot and Together, Mistral, and relays of Anthropic's models write it elsewhere.
    let elsewhere = ["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"];
    let cached = elsewhere.iter().map(|name| usage.count(name)).fold(read.count("cached_tokens"), u64::max);
    let kept = ["cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"];
    let cache_write =
        kept.iter().map(|name| read.count(name)).fold(usage.count("cache_creation_input_tokens"), u64::max);
    let reasoning = written.count("reasoning_tokens").max(usage.count("reasoning_tokens"));
    // Some embedding endpoints only give the total.
    let input = if input == 0 { total.saturating_sub(output) } else { input };
    // What only the total counts: thinking at xAI, sound that was heard at Mistral, thinking that nothing else tells of
    // at Google.
    let rest = total.saturating_sub(input.saturating_add(output));
    let (input, output, reasoning) = match rest {
        0 => (input, output, reasoning),
        rest if rest == reasoning => (input, output.saturating_add(rest), reasoning),
        rest if rest == read.count("audio_tokens") => (input.saturating_add(rest), output, reasoning),
        rest if reasoning == 0 && output > 0 => (input, output.saturating_add(rest), rest),
        _ => (input, output, reasoning),
    };
    Some(Usage {
        input,
        // As the provider says it, also where it is more than the input (Grok on Azure).
        cached,
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
    let places = [chunk.get("usage"), chunk.pointer("/x_groq/usage")];
    let of_choices = chunk.list("choices").iter().filter_map(|choice| choice.get("usage"));
    places.into_iter().flatten().chain(of_choices).filter(|usage| usage.is_object()).find_map(decode)
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
    fn what_only_the_total_counts_is_counted() {
        let google = decode(&json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109})).unwrap();
        assert_eq!((google.input, google.output, google.reasoning), (35, 74, 62));
        let heard = json!({"prompt_tokens": 9, "completion_tokens": 248, "total_tokens": 632,
            "prompt_tokens_details": {"audio_tokens": 375}});
        let mistral = decode(&heard).unwrap();
        assert_eq!((mistral.input, mistral.output, mistral.reasoning), (384, 248, 0));
        let embedded = decode(&json!({"prompt_tokens": 8, "total_tokens": 9})).unwrap();
        assert_eq!((embedded.input, embedded.output), (8, 0));
    }

    #[test]
    fn cached_tokens_are_found_by_all_their_names() {
        for said in [
            json!({"prompt_tokens": 9, "num_cached_tokens": 4}),
            json!({"prompt_tokens": 9, "cached_tokens": 4}),
            json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}}),
            json!({"prompt_tokens": 9, "cache_read_input_tokens": 4}),
        ] {
            assert_eq!(decode(&said).map(|usage| (usage.input, usage.cached)), Some((9, 4)), "{said}");
        }
        let kept = json!({"prompt_tokens": 9, "prompt_tokens_details": {"cache_creation_input_tokens": 7}});
        assert_eq!(decode(&kept).map(|usage| usage.cache_write), Some(7));
        let mad = json!({"prompt_tokens": u64::MAX, "completion_tokens": u64::MAX, "total_tokens": u64::MAX});
        assert_eq!(decode(&mad).map(|usage| usage.total()), Some(u64::MAX));
    }

    #[test]
    fn an_empty_usage_is_none_and_costs_keep_their_digits() {
        assert_eq!(decode(&json!({"prompt_tokens": 0})), None);
        assert_eq!(decode(&json!({"total_tokens": 7})).unwrap().input, 7);
        let priced = decode(&json!({"prompt_tokens": 1, "cost": 0.00012})).unwrap();
        assert_eq!(priced.said_cost.as_deref(), Some("0.00012"));
    }
}
