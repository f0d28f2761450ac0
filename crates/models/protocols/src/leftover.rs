//! Fields of a request that nobody here understands.

use serde_json::Value;

use crate::json::Look;
use crate::request::{Message, PartKind, Request, Tool};

// They steer billing, storage, caching and abuse checks, not what the model says.
const HARMLESS: [&str; 20] = [
    "cache_control",
    "moderation",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "stream_options",
    "include",
    "background",
    "betas",
    "provider",
    "models",
    "route",
    "transforms",
    "usage",
    "context_management",
    "inference_geo",
    "truncation",
];

/// The names of the fields that may change the answer and are not in `taken`.
pub(crate) fn names<'a>(request: &'a Request, taken: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    let unsaid = |name: &&String| !HARMLESS.contains(&name.as_str()) && !taken.contains(&name.as_str());
    request.extra.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).filter(unsaid).cloned()
}

/// The function that a result belongs to, by the calls before it.
pub(crate) fn function_of<'a>(messages: &'a [Message], call_id: &str) -> Option<&'a str> {
    let parts = messages.iter().flat_map(|message| &message.parts);
    let mut named = parts.filter_map(|part| match &part.kind {
        PartKind::Call { id, name, .. } if id == call_id => Some(name.as_str()),
        _ => None,
    });
    // Ids such as `call_0` come again in every turn; the latest is meant.
    named.next_back()
}

/// What to call a tool that a dialect has no form for; none for a function, which all have.
pub(crate) fn tool(tool: &Tool) -> Option<String> {
    let Tool::Opaque { value, .. } = tool else { return None };
    Some(format!("tools.{}", kind(value)))
}

fn kind(value: &Value) -> &str {
    value.text("type").or_else(|| value.text("name")).unwrap_or("unknown")
}
