//! What an answer says of itself beside its items.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::failure;
use crate::error::Failure;
use crate::json::Look;

/// The names of tools for free text, those in namespaces too.
pub(super) fn customs(tools: &[Value]) -> BTreeSet<String> {
    let named = tools.iter().filter(|tool| tool.text("type") == Some("custom"));
    let mut names: BTreeSet<String> = named.map(|tool| tool.string("name")).collect();
    names.extend(tools.iter().flat_map(|tool| customs(tool.list("tools"))));
    names
}

pub(super) fn failed(response: &Value) -> Failure {
    let failure = failure::decode(0, response);
    if failure.message.is_empty() && failure.code.is_empty() {
        return Failure { status: 500, code: "server_error".to_owned(), ..failure };
    }
    failure
}

/// What the answer says of itself and no other field has, without the echo of the request.
pub(super) fn facts(response: &Value) -> Map<String, Value> {
    const KNOWN: [&str; 37] = [
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "background",
        "error",
        "incomplete_details",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "model",
        "output",
        "output_text",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "usage",
        "user",
        "metadata",
        "frequency_penalty",
        "presence_penalty",
        "top_k",
        "seed",
        "include",
        "conversation",
    ];
    let fields = response.as_object().into_iter().flatten();
    let unknown = fields.filter(|(name, value)| !value.is_null() && !KNOWN.contains(&name.as_str()));
    unknown.map(|(name, value)| (name.clone(), value.clone())).collect()
}
