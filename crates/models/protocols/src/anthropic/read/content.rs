//! What messages are made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::anthropic::block;
use crate::dialect::Dialect;
use crate::error::Wrong;
use crate::json::Look;
use crate::request::{Cache, Media, Message, Part, PartKind, Role, Source};

/// Reads a message. The results of tools in a user's message become messages of their own, before and after what else
/// it says.
pub(super) fn message(param: &str, value: &Value, out: &mut Vec<Message>) -> Result<(), Wrong> {
    let role = match value.text("role") {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        // In the middle of a conversation, for models that know it.
        Some("system") => Role::System,
        Some(_) => return Err(Wrong::field(format!("{param}.role"), "must be user, assistant or system")),
        None => return Err(Wrong::field(format!("{param}.role"), "is missing")),
    };
    let content = value.get("content").ok_or_else(|| Wrong::field(format!("{param}.content"), "is missing"))?;
    let parts = parts(&format!("{param}.content"), content)?;
    if parts.is_empty() {
        out.push(Message { role, name: None, parts });
        return Ok(());
    }
    let begin = out.len();
    for part in parts {
        let role = if matches!(part.kind, PartKind::Result { .. }) { Role::Tool } else { role };
        match out[begin..].last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => out.push(Message { role, name: None, parts: vec![part] }),
        }
    }
    Ok(())
}

/// Reads a text or a list of blocks.
pub(super) fn parts(param: &str, value: &Value) -> Result<Vec<Part>, Wrong> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::from(PartKind::Text(text.clone()))]),
        Value::Array(blocks) => {
            let mut parts: Vec<Part> = Vec::with_capacity(blocks.len());
            for (at, value) in blocks.iter().enumerate() {
                let part = Part { kind: part(&format!("{param}[{at}]"), value)?, cache: cache(value) };
                if !joined(&mut parts, &part.kind) {
                    parts.push(part);
                }
            }
            Ok(parts)
        }
        _ => Err(Wrong::field(param, "must be text or a list of blocks")),
    }
}

/// The thinking of other providers, which we give out as shown text without proof and a hidden block behind it, becomes
/// one again. Anthropic's own shown thinking always has its proof.
fn joined(parts: &mut [Part], next: &PartKind) -> bool {
    let PartKind::Reasoning { encrypted: Some(data), text: nothing, .. } = next else { return false };
    match parts.last_mut().map(|part| &mut part.kind) {
        Some(PartKind::Reasoning { signature: None, encrypted, text, .. })
            if encrypted.is_none() && nothing.is_empty() && !text.is_empty() =>
        {
            *encrypted = Some(data.clone());
            true
        }
        _ => false,
    }
}

/// The marker of what should be kept.
pub(super) fn cache(value: &Value) -> Option<Cache> {
    let mark = value.get("cache_control").filter(|mark| mark.is_object())?;
    Some(Cache { ttl: mark.text("ttl").map(str::to_owned) })
}

fn part(param: &str, value: &Value) -> Result<PartKind, Wrong> {
    let own = |name: &str| value.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let needed = |name: &str| own(name).ok_or_else(|| Wrong::field(format!("{param}.{name}"), "is missing"));
    match value.text("type") {
        Some("text") => Ok(PartKind::Text(value.string("text"))),
        Some("image") => Ok(media(value).map_or_else(|| opaque(value), PartKind::Image)),
        Some("document") => Ok(media(value).map_or_else(|| opaque(value), PartKind::File)),
        Some("thinking") => Ok(PartKind::Reasoning {
            text: value.string("thinking"),
            signature: own("signature").map(|text| block::proof(&text)),
            encrypted: None,
            id: None,
        }),
        Some("redacted_thinking") => {
            let encrypted = Some(block::proof(&needed("data")?));
            Ok(PartKind::Reasoning { text: String::new(), signature: None, encrypted, id: None })
        }
        Some("tool_use") => Ok(PartKind::Call {
            id: needed("id")?,
            name: needed("name")?,
            arguments: block::arguments(value.get("input")),
            signature: block::call_signature(value),
        }),
        Some("tool_result") => Ok(PartKind::Result {
            call_id: needed("tool_use_id")?,
            name: None,
            parts: parts(&format!("{param}.content"), value.get("content").unwrap_or(&Value::Null))?,
            is_error: value.get("is_error").and_then(Value::as_bool).unwrap_or(false),
        }),
        Some("foreign") => Ok(foreign(value).unwrap_or_else(|| opaque(value))),
        Some(_) => Ok(opaque(value)),
        None => Err(Wrong::field(format!("{param}.type"), "is missing")),
    }
}

fn opaque(value: &Value) -> PartKind {
    PartKind::Opaque { dialect: Dialect::Anthropic, value: value.clone() }
}

/// What we gave out of another provider's answer, given back.
fn foreign(value: &Value) -> Option<PartKind> {
    let name = value.text("dialect")?;
    let dialect = Dialect::ALL.into_iter().find(|dialect| block::name(*dialect) == name)?;
    Some(PartKind::Opaque { dialect, value: value.get("value")?.clone() })
}

fn media(value: &Value) -> Option<Media> {
    let source = value.get("source")?;
    let own = |name: &str| source.text(name).map(str::to_owned);
    let (place, mime) = match source.text("type")? {
        "base64" => (Source::Base64(own("data")?), own("media_type")),
        "url" => (Source::Url(own("url")?), None),
        "file" => (Source::FileId(own("file_id")?), None),
        "text" => {
            let mime = own("media_type").unwrap_or_else(|| "text/plain".to_owned());
            (Source::Base64(STANDARD.encode(own("data")?)), Some(mime))
        }
        _ => return None,
    };
    let (name, signature) = (value.text("title").map(str::to_owned), block::call_signature(value));
    Some(Media { mime, name, signature, ..Media::of(place) })
}
