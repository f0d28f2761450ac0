//! Usage at Gemini.

use serde_json::Value;

use crate::json::Look;
use crate::usage::Usage;

/// Reads `usageMetadata`; `None` when it holds no figures, as in Vertex AI's chunks before the last.
#[must_use]
pub fn decode(usage: &Value) -> Option<Usage> {
    let input = usage.count("promptTokenCount").saturating_add(usage.count("toolUsePromptTokenCount"));
    let thoughts = usage.count("thoughtsTokenCount");
    let output = usage.count("candidatesTokenCount").saturating_add(thoughts);
    if input == 0 && output == 0 {
        return None;
    }
    Some(Usage {
        input,
        cached: usage.count("cachedContentTokenCount").min(input),
        cache_write: 0,
        cache_write_1h: 0,
        output,
        reasoning: thoughts,
        said_cost: None,
        raw: usage.clone(),
    })
}
