//! The conversation as Converse wants it: instructions apart, alternating roles, the results of one turn in one message
//! of the user, no empty texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Maker;
use crate::anthropic::input;
use crate::dialect::Dialect;
use crate::mime;
use crate::proof::{Proof, own};
use crate::request::{Cache, Media, Part, PartKind, Request, Role, Source};

/// Writes the instructions and the messages.
pub(super) fn encode(request: &Request, maker: Maker, dropped: &mut Vec<String>) -> (Vec<Value>, Vec<Value>) {
    let (mut system, mut messages): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut writer = Writer { maker, n_documents: 0, dropped };
    for (at, message) in request.messages.iter().enumerate() {
        if message.name.is_some() {
            writer.dropped.push(format!("messages[{at}].name"));
        }
        let blocks = writer.parts(&format!("messages[{at}].content"), &message.parts);
        match message.role {
            // There is one place for them, wherever the client put them.
            Role::System | Role::Developer => system.extend(blocks),
            Role::User | Role::Tool => add(&mut messages, "user", blocks),
            Role::Assistant => {
                // It has no pictures of its own.
                let (pictures, blocks): (Vec<Value>, Vec<Value>) =
                    blocks.into_iter().partition(|block| block.get("image").is_some());
                writer.dropped.extend(pictures.iter().map(|_| format!("messages[{at}].content.image_url")));
                add(&mut messages, "assistant", blocks);
            }
        }
    }
    messages.iter_mut().for_each(tell_documents);
    (system, messages)
}

/// A marker of what should be kept.
pub(super) fn cache_point(cache: &Cache) -> Value {
    let mut point = json!({"type": "default"});
    if cache.ttl.as_deref() == Some("1h") {
        point["ttl"] = json!("1h");
    }
    json!({"cachePoint": point})
}

/// Adds blocks to the last message when it has the same role.
fn add(messages: &mut Vec<Value>, role: &str, blocks: Vec<Value>) {
    if blocks.is_empty() {
        return;
    }
    let last = messages.last_mut().filter(|last| last["role"] == role);
    match last.and_then(|last| last["content"].as_array_mut()) {
        Some(content) => content.extend(blocks),
        None => messages.push(json!({"role": role, "content": blocks})),
    }
}

/// A document is refused without a text beside it.
fn tell_documents(message: &mut Value) {
    let Some(content) = message["content"].as_array_mut() else { return };
    let name = content.iter().find_map(|block| block.pointer("/document/name")?.as_str().map(str::to_owned));
    if let Some(name) = name.filter(|_| !content.iter().any(|block| block.get("text").is_some())) {
        content.push(json!({"text": name}));
    }
}

struct Writer<'a> {
    maker: Maker,
    n_documents: usize,
    dropped: &'a mut Vec<String>,
}

impl Writer<'_> {
    fn parts(&mut self, path: &str, parts: &[Part]) -> Vec<Value> {
        let mut blocks = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let Some(block) = self.part(&format!("{path}[{at}]"), &part.kind) else { continue };
            blocks.push(block);
            blocks.extend(part.cache.as_ref().filter(|_| self.maker.keeps()).map(cache_point));
        }
        blocks
    }

    fn part(&mut self, path: &str, kind: &PartKind) -> Option<Value> {
        match kind {
            // Refused when there is nothing in it.
            PartKind::Text(text) | PartKind::Refusal(text) => (!text.trim().is_empty()).then(|| json!({"text": text})),
            PartKind::Image(media) => self.image(path, media),
            PartKind::File(media) => self.document(path, media),
            PartKind::Audio(_) => self.leave(path, "audio"),
            PartKind::Reasoning { text, signature, encrypted, .. } => {
                let makers = self.maker.proofs();
                let own = |proof: &Option<Proof>| {
                    makers.iter().find_map(|maker| own(proof.as_ref(), *maker)).map(str::to_owned)
                };
                match (own(signature), own(encrypted)) {
                    (Some(signature), _) => {
                        Some(json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}))
                    }
                    (None, Some(data)) => Some(json!({"reasoningContent": {"redactedContent": wrapped(&data)}})),
                    (None, None) if signature.is_some() || encrypted.is_some() => self.leave(path, "signature"),
                    // Text without proof is refused, and Anthropic leaves thinking of earlier turns out itself.
                    (None, None) => None,
                }
            }
            PartKind::Call { id, name, arguments, .. } => {
                Some(json!({"toolUse": {"toolUseId": id_of(id), "name": name, "input": input(arguments)}}))
            }
            PartKind::Result { call_id, parts, is_error, .. } => {
                let content = self.parts(&format!("{path}.content"), parts);
                // A marker inside of a result is refused.
                let content: Vec<Value> =
                    content.into_iter().filter(|block| block.get("cachePoint").is_none()).collect();
                let mut result = json!({"toolUseId": id_of(call_id), "content": content});
                if *is_error {
                    result["status"] = json!("error");
                }
                Some(json!({"toolResult": result}))
            }
            PartKind::Opaque { dialect: Dialect::Bedrock, value } => Some(value.clone()),
            PartKind::Opaque { .. } => {
                self.dropped.push(path.to_owned());
                None
            }
        }
    }

    fn leave(&mut self, path: &str, what: &str) -> Option<Value> {
        self.dropped.push(format!("{path}.{what}"));
        None
    }

    fn image(&mut self, path: &str, media: &Media) -> Option<Value> {
        let kind = match &media.source {
            Source::Base64(data) => media.mime.as_deref().unwrap_or_else(|| mime::sniff(data)),
            Source::Url(_) | Source::FileId(_) => media.mime.as_deref().unwrap_or("image/png"),
        };
        let format = match kind.split('/').next_back().unwrap_or("png") {
            "jpg" => "jpeg",
            other => other,
        };
        let source = source(media);
        match source {
            Some(source) => Some(json!({"image": {"format": format, "source": source}})),
            None => self.leave(path, "image_url"),
        }
    }

    fn document(&mut self, path: &str, media: &Media) -> Option<Value> {
        let ending = media.name.as_deref().and_then(|name| Some(name.rsplit_once('.')?.1.to_lowercase()));
        let format = media.mime.as_deref().and_then(mime::extension).map(str::to_owned).or(ending);
        let Some(source) = source(media) else { return self.leave(path, "file") };
        self.n_documents += 1;
        // Letters, digits, single blanks, hyphens and brackets; the same name must not come twice.
        let letters =
            |letter: char| if letter.is_ascii_alphanumeric() || "-()[]".contains(letter) { letter } else { ' ' };
        let stem = media.name.as_deref().map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem));
        let name: String = stem.unwrap_or("document").chars().map(letters).collect();
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = if name.is_empty() { "document".to_owned() } else { name };
        let name = if self.n_documents == 1 { name } else { format!("{name} {}", self.n_documents) };
        Some(
            json!({"document": {"format": format.unwrap_or_else(|| "pdf".to_owned()), "name": name, "source": source}}),
        )
    }
}

/// Only addresses in Amazon S3 are accepted.
fn source(media: &Media) -> Option<Value> {
    match &media.source {
        Source::Base64(data) => Some(json!({"bytes": data})),
        Source::Url(url) if url.starts_with("s3://") => {
            Some(Value::Object(Map::from_iter([("s3Location".to_owned(), json!({"uri": url}))])))
        }
        Source::Url(_) | Source::FileId(_) => None,
    }
}

/// Bedrock wraps Anthropic's hidden thinking, which is base64, in base64 once more. Anthropic's begins with an `E`.
fn wrapped(data: &str) -> String {
    if data.starts_with('E') { STANDARD.encode(data) } else { data.to_owned() }
}

/// At most 64 letters, digits, `_` and `-`; the end of an id is more distinctive than its beginning.
fn id_of(id: &str) -> String {
    let id: Vec<char> =
        id.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }).collect();
    id[id.len().saturating_sub(64)..].iter().collect()
}
