//! Thinking in the history of a run goes back to the provider that made it, and to no other.
//!
//! A run marks each assistant's message with who made it (`septet_maker`). That field is removed here. Where another
//! provider is asked, its thinking and signatures are taken out, for it would refuse them; where the same is asked, its
//! proofs are its own whatever they look like.

use std::borrow::Cow;

use memchr::memmem;
use septet_contracts::models::{MAKER_FIELD, THINKING_FIELDS};
use septet_protocols::{Dialect, Wrong};
use serde_json::{Map, Value};

use crate::asked::Asked;

/// The request as the provider of this name may read it.
///
/// # Errors
/// [`Wrong`] when the body is no JSON.
pub(super) fn sorted<'a>(asked: &'a Asked, provider: &str, dialect: Dialect) -> Result<Cow<'a, Asked>, Wrong> {
    if asked.dialect != Dialect::Chat || memmem::find(&asked.body, MAKER_FIELD.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(asked));
    }
    let mut body: Value = serde_json::from_slice(&asked.body)?;
    let messages = body.get_mut("messages").and_then(Value::as_array_mut);
    for message in messages.into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(maker) = message.remove(MAKER_FIELD) else { continue };
        if maker.as_str() == Some(&*ascii(provider)) {
            sign(message, dialect);
        } else {
            strip(message);
        }
    }
    Ok(Cow::Owned(Asked { body: body.to_string().into(), ..asked.clone() }))
}

/// A name as it stands in a header: names in the settings may be Chinese, headers may not.
pub(crate) fn ascii(text: &str) -> String {
    text.chars().map(|char| if (' '..='~').contains(&char) { char } else { '?' }).collect()
}

fn strip(message: &mut Map<String, Value>) {
    message.retain(|name, _| !THINKING_FIELDS.contains(&name.as_str()));
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
        call.retain(|name, _| !THINKING_FIELDS.contains(&name.as_str()));
    }
}

/// Writes the maker beside proofs that do not show theirs.
fn sign(message: &mut Map<String, Value>, dialect: Dialect) {
    let format = match dialect {
        Dialect::Anthropic => "anthropic-claude-v1",
        Dialect::Gemini => "google-gemini-v1",
        Dialect::Bedrock => "septet-bedrock",
        Dialect::Chat | Dialect::Responses | Dialect::Ollama | Dialect::Cohere => return,
    };
    let details = message.get_mut("reasoning_details").and_then(Value::as_array_mut);
    for detail in details.into_iter().flatten().filter_map(Value::as_object_mut) {
        detail.entry("format").or_insert_with(|| Value::from(format));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(provider: &str, dialect: Dialect) -> Value {
        let body = json!({"model": "m", "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "y", "septet_maker": "mine", "reasoning_content": "hm",
             "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}],
             "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"},
                             "extra_content": {"google": {"thought_signature": "g"}}}]},
        ]});
        let asked = Asked::read(Dialect::Chat, body.to_string().into()).unwrap();
        let sorted = sorted(&asked, provider, dialect).unwrap();
        serde_json::from_slice::<Value>(&sorted.body).unwrap()["messages"][1].take()
    }

    #[test]
    fn thinking_goes_back_to_its_maker_alone() {
        let own = sent("mine", Dialect::Anthropic);
        assert_eq!((own["reasoning_content"].as_str(), own.get("septet_maker")), (Some("hm"), None));
        assert_eq!(own["reasoning_details"][0]["format"], "anthropic-claude-v1");
        assert!(own["tool_calls"][0].get("extra_content").is_some());

        let other = sent("other", Dialect::Chat);
        assert_eq!(
            other,
            json!({"role": "assistant", "content": "y",
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
        );
    }

    #[test]
    fn a_request_without_marks_keeps_its_bytes() {
        let asked =
            Asked::read(Dialect::Chat, r#"{"messages":[{"role":"user","content":"x","odd":1.0}]}"#.into()).unwrap();
        assert!(matches!(sorted(&asked, "p", Dialect::Chat), Ok(Cow::Borrowed(_))));
    }
}
