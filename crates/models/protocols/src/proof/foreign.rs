//! Proofs of others in a request that is passed on untouched.

use memchr::memmem;
use serde_json::Value;

use super::Proof;
use crate::dialect::Dialect;
use crate::json::Look;

/// Whether the bytes of a request in `dialect` may hold something that [`strip_foreign`] takes out. Cheap: nothing is
/// parsed, and false positives are rare.
#[must_use]
pub fn has_foreign(dialect: Dialect, body: &[u8]) -> bool {
    let has = |word: &str| memmem::find(body, word.as_bytes()).is_some();
    match dialect {
        Dialect::Anthropic => has("\"septet:") || has("\"foreign\"") || has("\"gAAAA") || has_odd_signature(body),
        Dialect::Responses => has("\"septet:") || has("\"signature:"),
        _ => has("\"provider_items\""),
    }
}

/// Takes out what only others can have made, so that the provider that it goes to does not refuse the request: thinking
/// with a proof that is not `dialect`'s own or with none where one is needed, and the additions that we give clients of
/// `dialect` for things of other dialects. Says what, as in [`Encoded::dropped`](crate::Encoded::dropped).
///
/// Nothing else changes, but the body is no longer the client's bytes: only call it where [`has_foreign`].
pub fn strip_foreign(dialect: Dialect, body: &mut Value) -> Vec<String> {
    let mut dropped = Vec::new();
    match dialect {
        Dialect::Anthropic => messages(body, &mut dropped),
        Dialect::Responses => items(body, &mut dropped),
        _ => completions(body, &mut dropped),
    }
    dropped
}

/// Whether a signature begins otherwise than those of Anthropic's do.
fn has_odd_signature(body: &[u8]) -> bool {
    const NAME: &[u8] = b"\"signature\":";
    memmem::find_iter(body, NAME).any(|at| {
        let value = body.get(at + NAME.len()..).unwrap_or_default().trim_ascii_start();
        !matches!(value, [b'"', b'E' | b'C', ..])
    })
}

fn list<'a>(body: &'a mut Value, name: &str) -> impl Iterator<Item = (usize, &'a mut Value)> + use<'a> {
    body.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().enumerate()
}

fn messages(body: &mut Value, dropped: &mut Vec<String>) {
    for (at, message) in list(body, "messages") {
        let Some(blocks) = message.get_mut("content").and_then(Value::as_array_mut) else { continue };
        let was_empty = blocks.is_empty();
        let mut number = 0;
        blocks.retain_mut(|block| {
            let path = format!("messages[{at}].content[{number}]");
            number += 1;
            let proof = match block.text("type") {
                Some("thinking") => Some(block.string("signature")),
                Some("redacted_thinking") => Some(block.string("data")),
                Some("foreign") => {
                    dropped.push(path);
                    return false;
                }
                _ => None,
            };
            let is_own = proof.is_none_or(|proof| Proof::of(Dialect::Anthropic, &proof).by == Dialect::Anthropic);
            if !is_own {
                dropped.push(format!("{path}.signature"));
                return false;
            }
            // Where we keep the signatures of Google's calls and pictures.
            let is_ours = matches!(block.text("type"), Some("tool_use" | "image"));
            if is_ours && block.as_object_mut().and_then(|fields| fields.remove("signature")).is_some() {
                dropped.push(format!("{path}.signature"));
            }
            true
        });
        if blocks.is_empty() && !was_empty {
            *message = Value::Null;
        }
    }
    // A message must not be empty.
    if let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) {
        messages.retain(|message| !message.is_null());
    }
}

fn items(body: &mut Value, dropped: &mut Vec<String>) {
    let Some(items) = body.get_mut("input").and_then(Value::as_array_mut) else { return };
    let mut number = 0;
    items.retain_mut(|item| {
        let path = format!("messages[{number}]");
        number += 1;
        if item.text("type") != Some("reasoning") {
            return true;
        }
        let sealed = item.text("encrypted_content").unwrap_or_default();
        let is_own =
            !sealed.starts_with("signature:") && Proof::of(Dialect::Responses, sealed).by == Dialect::Responses;
        if !is_own {
            dropped.push(format!("{path}.signature"));
        }
        is_own
    });
}

fn completions(body: &mut Value, dropped: &mut Vec<String>) {
    for (at, message) in list(body, "messages") {
        let Some(fields) = message.as_object_mut() else { continue };
        if fields.remove("provider_items").is_some() {
            dropped.push(format!("messages[{at}].provider_items"));
        }
    }
}
