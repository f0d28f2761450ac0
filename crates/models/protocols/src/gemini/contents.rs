//! Messages as Gemini's contents.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::json::put;
use crate::proof::own;
use crate::request::{Media, Message, Part, PartKind, Role, Source};

// Gemini 3 refuses calls of the running turn without a signature; Google gives this word for histories that were made
// elsewhere and have none.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// Writes messages, of which the first stands at `first` in the request. `wants_signatures` is for models that refuse
/// calls without one.
pub(super) fn write_all(
    messages: &[Message],
    first: usize,
    wants_signatures: bool,
    dropped: &mut Vec<String>,
) -> Vec<Value> {
    let mut writer = Writer { wants_signatures, dropped, calls: BTreeMap::new(), n_calls: 0, contents: Vec::new() };
    for (at, message) in (first..).zip(messages) {
        writer.message(at, message);
    }
    let contents = writer.contents;
    contents.into_iter().map(Content::into_value).collect()
}

struct Writer<'a> {
    wants_signatures: bool,
    dropped: &'a mut Vec<String>,
    // The function of each call, and which call it was.
    calls: BTreeMap<String, (String, usize)>,
    n_calls: usize,
    contents: Vec<Content>,
}

struct Content {
    is_model: bool,
    is_results: bool,
    // With each part, which call it is the result of.
    parts: Vec<(usize, Value)>,
}

impl Content {
    fn into_value(mut self) -> Value {
        // Results are matched by order where the same function was called twice. The sort is stable, so that what
        // belongs to a result stays behind it.
        if self.is_results {
            self.parts.sort_by_key(|(call, _)| *call);
        }
        let parts: Vec<Value> = self.parts.into_iter().map(|(_, part)| part).collect();
        json!({"role": if self.is_model { "model" } else { "user" }, "parts": parts})
    }
}

impl Writer<'_> {
    fn message(&mut self, at: usize, message: &Message) {
        let (is_model, is_results) = (message.role == Role::Assistant, message.role == Role::Tool);
        let mut parts = Vec::new();
        for (number, part) in message.parts.iter().enumerate() {
            let path = format!("messages[{at}].content[{number}]");
            if has_foreign_proof(&part.kind) {
                self.dropped.push(format!("{path}.signature"));
            }
            if !self.part(&part.kind, &mut parts) {
                self.dropped.push(path);
            }
        }
        if message.name.is_some() && !is_results {
            self.dropped.push(format!("messages[{at}].name"));
        }
        if is_model && self.wants_signatures {
            sign(&mut parts);
        }
        if parts.is_empty() {
            return;
        }
        // All results of one turn belong into one content, and neighbours of one role are one.
        match self.contents.last_mut() {
            Some(last) if last.is_model == is_model && last.is_results == is_results => last.parts.extend(parts),
            _ => self.contents.push(Content { is_model, is_results, parts }),
        }
    }

    /// Writes a part; says whether there is a form for it.
    fn part(&mut self, kind: &PartKind, out: &mut Vec<(usize, Value)>) -> bool {
        let written = match kind {
            PartKind::Text(text) | PartKind::Refusal(text) if text.is_empty() => return true,
            PartKind::Text(text) | PartKind::Refusal(text) => json!({"text": text}),
            PartKind::Image(media) => return add_media(media, "image/png", out),
            PartKind::File(media) => return add_media(media, "application/pdf", out),
            PartKind::Audio(media) => return add_media(media, "audio/wav", out),
            PartKind::Reasoning { text, signature, .. } => match own(signature.as_ref(), Dialect::Gemini) {
                Some(signature) if text.is_empty() => json!({"text": "", "thoughtSignature": signature}),
                Some(signature) => json!({"text": text, "thought": true, "thoughtSignature": signature}),
                // The model does not read summaries of its thoughts again.
                None => return true,
            },
            PartKind::Call { id, name, arguments, signature } => {
                self.calls.insert(id.clone(), (name.clone(), self.n_calls));
                self.n_calls += 1;
                let mut part = json!({"functionCall": {"name": name, "args": object(arguments)}});
                if let Some(signature) = own(signature.as_ref(), Dialect::Gemini) {
                    part["thoughtSignature"] = json!(signature);
                }
                part
            }
            PartKind::Result { call_id, name, parts, is_error } => {
                return self.result(call_id, name.as_deref(), parts, *is_error, out);
            }
            PartKind::Opaque { dialect: Dialect::Gemini, value } => value.clone(),
            PartKind::Opaque { .. } => return false,
        };
        out.push((0, written));
        true
    }

    fn result(
        &mut self,
        call_id: &str,
        name: Option<&str>,
        parts: &[Part],
        is_error: bool,
        out: &mut Vec<(usize, Value)>,
    ) -> bool {
        let called = self.calls.get(call_id);
        let name = called.map(|(name, _)| name.as_str()).or(name).unwrap_or(call_id);
        let call = called.map_or(self.n_calls, |(_, call)| *call);
        let texts: Vec<&str> = parts.iter().filter_map(|part| part.kind.text()).collect();
        let text = texts.join("\n");
        let response = match serde_json::from_str(&text) {
            _ if is_error => json!({"error": text}),
            Ok(Value::Object(object)) => Value::Object(object),
            _ => json!({"output": text}),
        };
        out.push((call, json!({"functionResponse": {"name": name, "response": response}})));
        let mut is_all = true;
        for part in parts.iter().filter(|part| part.kind.text().is_none()) {
            let mut others = Vec::new();
            is_all &= self.part(&part.kind, &mut others);
            out.extend(others.into_iter().map(|(_, part)| (call, part)));
        }
        is_all
    }
}

/// Whether a part has proofs, and none of Google's.
fn has_foreign_proof(kind: &PartKind) -> bool {
    let proofs = match kind {
        PartKind::Reasoning { signature, encrypted, .. } => [signature.as_ref(), encrypted.as_ref()],
        PartKind::Call { signature, .. } => [signature.as_ref(), None],
        _ => [None, None],
    };
    let mut proofs = proofs.into_iter().flatten().peekable();
    proofs.peek().is_some() && !proofs.any(|proof| proof.by == Dialect::Gemini)
}

/// Of calls that come together, the first one carries the signature.
fn sign(parts: &mut [(usize, Value)]) {
    let is_call = |part: &Value| part.get("functionCall").is_some();
    let is_signed = parts.iter().any(|(_, part)| is_call(part) && part.get("thoughtSignature").is_some());
    if let Some((_, call)) = parts.iter_mut().find(|(_, part)| is_call(part))
        && !is_signed
    {
        call["thoughtSignature"] = json!(UNSIGNED);
    }
}

/// Arguments must be an object; others are put into one.
fn object(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({"arguments": arguments}),
    }
}

fn add_media(media: &Media, default_mime: &str, out: &mut Vec<(usize, Value)>) -> bool {
    let part = match &media.source {
        Source::Base64(data) => {
            let mime = media.mime.as_deref().or_else(|| sniff(data)).unwrap_or(default_mime);
            let mut part = json!({"inlineData": {"mimeType": mime, "data": data}});
            if let Some(signature) = own(media.signature.as_ref(), Dialect::Gemini) {
                part["thoughtSignature"] = json!(signature);
            }
            part
        }
        Source::Url(url) => {
            let mut file = Map::from_iter([("fileUri".to_owned(), json!(url))]);
            put(&mut file, "mimeType", media.mime.as_deref().or_else(|| by_name(url)));
            json!({"fileData": file})
        }
        // Google's uploaded files are addresses; ids of other providers mean nothing to it.
        Source::FileId(id) if id.starts_with("https://") || id.starts_with("gs://") => {
            let mut file = Map::from_iter([("fileUri".to_owned(), json!(id))]);
            put(&mut file, "mimeType", media.mime.as_deref());
            json!({"fileData": file})
        }
        Source::FileId(_) => return false,
    };
    out.push((0, part));
    true
}

/// What base64 data begins with tells its kind.
fn sniff(data: &str) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 6] = [
        ("iVBORw", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi", "application/pdf"),
        ("SUQz", "audio/mpeg"),
    ];
    SIGNS.into_iter().find(|(sign, _)| data.starts_with(sign)).map(|(_, mime)| mime)
}

fn by_name(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}
