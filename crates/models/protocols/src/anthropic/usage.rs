//! Usage in Messages.

use serde_json::{Map, Value, json};

use crate::json::Look;
use crate::usage::Usage;

/// Reads a `usage` object; `None` when it holds no figures.
///
/// The top level counts. It leaves out what an advisor or a compaction used, which `iterations` lists with models and
/// prices of their own; they stay in [`Usage::raw`].
#[must_use]
pub fn decode(usage: &Value) -> Option<Usage> {
    let cached = usage.count("cache_read_input_tokens");
    let kept = usage.get("cache_creation").unwrap_or(&Value::Null);
    let hour = kept.count("ephemeral_1h_input_tokens");
    let cache_write =
        usage.count("cache_creation_input_tokens").max(hour.saturating_add(kept.count("ephemeral_5m_input_tokens")));
    let input = usage.count("input_tokens").saturating_add(cached).saturating_add(cache_write);
    let output = usage.count("output_tokens");
    if input == 0 && output == 0 {
        return None;
    }
    let details = usage.get("output_tokens_details").unwrap_or(&Value::Null);
    Some(Usage {
        input,
        cached,
        cache_write,
        cache_write_1h: hour,
        output,
        reasoning: details.count("thinking_tokens").min(output),
        said_cost: None,
        raw: usage.clone(),
    })
}

/// Writes a `usage` object with every figure that the SDKs know.
#[must_use]
pub fn encode(usage: &Usage) -> Value {
    let fresh = usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_write);
    let mut object = json!({
        "input_tokens": fresh,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write.saturating_sub(usage.cache_write_1h),
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
    });
    if usage.reasoning > 0 {
        object["output_tokens_details"] = json!({"thinking_tokens": usage.reasoning});
    }
    object
}

/// The figures of a stream: each event that has some overrides those before, and leaves the others alone.
pub(super) fn merge(known: &mut Map<String, Value>, usage: &Value) {
    let is_anew = usage.list("iterations").len() > 1;
    let Some(usage) = usage.as_object() else { return };
    for (name, value) in usage {
        // Totals do not shrink: a zero after a figure, as some proxies write it, means that there is no new figure.
        // Only where the answer had several iterations is all of it said anew, for the last one alone.
        let is_nothing =
            !is_anew && value.as_u64() == Some(0) && known.get(name).is_some_and(|known| crate::json::count(known) > 0);
        if !value.is_null() && !is_nothing {
            known.insert(name.clone(), value.clone());
        }
    }
    // The split is only said at the beginning; when the sum is corrected later, it no longer fits.
    if usage.contains_key("cache_creation_input_tokens") && !usage.contains_key("cache_creation") {
        let written = known.get("cache_creation_input_tokens").map_or(0, crate::json::count);
        let split = known.get("cache_creation").cloned().unwrap_or_default();
        if split.count("ephemeral_5m_input_tokens").saturating_add(split.count("ephemeral_1h_input_tokens")) > written {
            known.remove("cache_creation");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let said = json!({"input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 15}, "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 4}});
        let usage = decode(&said).unwrap();
        assert_eq!((usage.input, usage.cached, usage.cache_write, usage.cache_write_1h), (123, 100, 20, 15));
        assert_eq!((usage.output, usage.reasoning), (7, 4));
        let mut written = encode(&usage);
        assert_eq!(written["input_tokens"], 3);
        written["output_tokens"] = json!(7);
        assert_eq!(
            decode(&written).map(|again| Usage { raw: Value::Null, ..again }),
            Some(Usage { raw: Value::Null, ..usage })
        );
    }

    #[test]
    fn later_figures_override_and_missing_ones_stand() {
        let mut known = Map::new();
        merge(&mut known, &json!({"input_tokens": 43, "cache_read_input_tokens": 9, "output_tokens": 1}));
        merge(&mut known, &json!({"input_tokens": 61, "cache_read_input_tokens": null, "output_tokens": 2}));
        merge(&mut known, &json!({"input_tokens": 0}));
        let usage = decode(&Value::Object(known.clone())).unwrap();
        assert_eq!((usage.input, usage.cached, usage.output), (70, 9, 2));
        // As after a compaction, which `iterations` lists.
        let anew = json!({"input_tokens": 5, "cache_read_input_tokens": 0, "output_tokens": 3, "iterations": [{}, {}]});
        merge(&mut known, &anew);
        let usage = decode(&Value::Object(known)).unwrap();
        assert_eq!((usage.input, usage.cached, usage.output), (5, 0, 3));
    }

    #[test]
    fn no_figures_are_no_usage() {
        assert_eq!(decode(&json!({"input_tokens": 0, "output_tokens": 0})), None);
        assert_eq!(decode(&Value::Null), None);
    }
}
