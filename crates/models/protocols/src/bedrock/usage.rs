//! Usage in Converse.

use serde_json::Value;

use crate::json::Look;
use crate::usage::Usage;

/// Reads a `usage` object; `None` when it holds no figures.
#[must_use]
pub fn decode(usage: &Value) -> Option<Usage> {
    let either = |name: &str| usage.count(name).max(usage.count(&format!("{name}Count")));
    let (said, output, total) = (usage.count("inputTokens"), usage.count("outputTokens"), usage.count("totalTokens"));
    let (cached, cache_write) = (either("cacheReadInputTokens"), either("cacheWriteInputTokens"));
    // Cached tokens are counted separately. Where a model includes them in the input, the total shows it.
    let apart = cached.saturating_add(cache_write);
    let is_counted_in = total > 0 && said.saturating_add(output) == total && apart <= said;
    let input = if is_counted_in { said } else { said.saturating_add(apart) };
    if input == 0 && output == 0 {
        return None;
    }
    let hours = usage.list("cacheDetails").iter().filter(|detail| detail.text("ttl") == Some("1h"));
    Some(Usage {
        input,
        cached,
        cache_write,
        cache_write_1h: hours.map(|detail| detail.count("inputTokens")).fold(0, u64::saturating_add).min(cache_write),
        output,
        reasoning: 0,
        said_cost: None,
        raw: usage.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cached_tokens_are_added_unless_the_total_says_that_they_are_in() {
        let apart = json!({"inputTokens": 10, "outputTokens": 2, "totalTokens": 1310, "cacheWriteInputTokens": 1298,
            "cacheWriteInputTokenCount": 1298, "cacheDetails": [{"inputTokens": 1298, "ttl": "1h"}]});
        let usage = decode(&apart).unwrap();
        assert_eq!((usage.input, usage.cache_write, usage.cache_write_1h, usage.output), (1308, 1298, 1298, 2));
        let within = json!({"inputTokens": 100, "outputTokens": 2, "totalTokens": 102, "cacheReadInputTokens": 90});
        let usage = decode(&within).unwrap();
        assert_eq!((usage.input, usage.cached), (100, 90));
        assert_eq!(decode(&json!({})), None);
    }
}
