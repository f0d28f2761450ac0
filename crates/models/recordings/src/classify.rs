//! What a recording is, by its address and its content; never by the name of its file.

use septet_protocols::{Dialect, Framing, embeddings, rerank};
use serde_json::Value;

use crate::events;
use crate::recordings::{Body, Recording};

/// What a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingKind {
    /// A whole answer of a model.
    Whole(Dialect),
    /// A streamed one.
    Stream(Dialect, Framing),
    /// A refusal of the provider.
    Error(Dialect),
    /// Vectors.
    Embeddings(embeddings::Api),
    /// Ranks.
    Rerank(rerank::Api),
    /// Nothing that the gateway ever asks for.
    Other(&'static str),
}

/// Says what it is.
pub fn classify(recording: &Recording) -> RecordingKind {
    let url = recording.url.split(['?', '#']).next().unwrap_or_default();
    let path = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    if let Some(reason) = stranger(recording, path) {
        return RecordingKind::Other(reason);
    }
    match &recording.body {
        Body::Events(events) => stream(events, None, path),
        Body::Bytes(bytes) => {
            let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
            let head = &bytes[first..];
            let is_sse = [&b"data:"[..], b"event:", b":"].iter().any(|start| head.starts_with(start));
            // The head of a binary frame is its length, which begins with a zero.
            let is_binary = recording.content_type.contains("eventstream") || head.first() == Some(&0);
            let is_lines = || serde_json::from_slice::<Value>(bytes).is_err() && events::of_text(bytes).len() > 1;
            if is_binary || is_sse || recording.content_type.contains("ndjson") || is_lines() {
                let events = if is_binary { Vec::new() } else { events::of_text(bytes) };
                let framing = match (is_binary, is_sse) {
                    (true, _) => Framing::EventStream,
                    (false, true) => Framing::Sse,
                    (false, false) => Framing::Lines,
                };
                return stream(&events, Some(framing), path);
            }
            if head.is_empty() {
                return RecordingKind::Other("an empty body");
            }
            match serde_json::from_slice::<Value>(bytes) {
                Ok(body) => whole(&body, recording.status, path),
                Err(_) if recording.status >= 400 => RecordingKind::Other("an error that is not JSON"),
                Err(_) => RecordingKind::Other("neither JSON nor a stream"),
            }
        }
    }
}

/// Things that the gateway never asks for, by their address.
fn stranger(recording: &Recording, path: &str) -> Option<&'static str> {
    let ends = |end: &str| path.ends_with(end);
    let has = |part: &str| path.contains(part);
    if ends("/count_tokens") || ends(":countTokens") || ends("/count-tokens") || ends("/responses/input_tokens") {
        return Some("counting of tokens");
    }
    if ends("/invoke") && !recording_is_vectors(recording) {
        return Some("Bedrock's invoke, whose bodies differ by model; Converse is what we speak");
    }
    if ends("/completions") && !ends("/chat/completions") || ends("/complete") {
        return Some("completions of a text, which are no chat");
    }
    if has("/responses/resp_") {
        return Some("fetching of a stored response");
    }
    if recording.method == "GET" || recording.method == "DELETE" {
        return Some("a list or a lookup");
    }
    if has("/threads/") {
        return Some("OpenAI's assistants, replaced by Responses");
    }
    if has("/cachedContents") {
        return Some("Google's cache management");
    }
    if ends("/token") || has("oauth") {
        return Some("a sign-in");
    }
    if has("cohere") && ends("/v1/chat") {
        return Some("Cohere's first chat, replaced by the second");
    }
    has("/generation/text").then_some("watsonx text generation, which is no chat")
}

fn recording_is_vectors(recording: &Recording) -> bool {
    let Body::Bytes(bytes) = &recording.body else { return false };
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    body.get("embedding").is_some() || body.get("embeddings").is_some()
}

/// The dialect that a request is in, by its address.
pub fn asked(recording: &Recording) -> Option<Dialect> {
    spoken(recording.url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/'))
}

/// The dialect that an address speaks.
pub fn spoken(path: &str) -> Option<Dialect> {
    let ends = |end: &str| path.ends_with(end);
    if ends("/chat/completions") {
        Some(Dialect::Chat)
    } else if ends("/responses") {
        Some(Dialect::Responses)
    } else if ends("/messages") {
        Some(Dialect::Anthropic)
    } else if path.contains(":generateContent") || path.contains(":streamGenerateContent") {
        Some(Dialect::Gemini)
    } else if ends("/converse") || ends("/converse-stream") || ends("/invoke-with-response-stream") {
        Some(Dialect::Bedrock)
    } else if ends("/api/chat") || ends("/api/generate") {
        Some(Dialect::Ollama)
    } else if ends("/v2/chat") {
        Some(Dialect::Cohere)
    } else {
        None
    }
}

fn stream(events: &[Value], framing: Option<Framing>, path: &str) -> RecordingKind {
    let dialect = spoken(path).or_else(|| events.iter().find_map(by_event));
    let usual = |dialect| match dialect {
        Dialect::Bedrock => Framing::EventStream,
        Dialect::Ollama => Framing::Lines,
        _ => Framing::Sse,
    };
    match dialect {
        Some(dialect) => RecordingKind::Stream(dialect, framing.unwrap_or_else(|| usual(dialect))),
        None if events.iter().any(|event| event.get("event_type").is_some() || event.get("interaction").is_some()) => {
            RecordingKind::Other("Google's Interactions, which is not generateContent")
        }
        None if events.iter().any(|event| event["type"] == "session.created") => {
            RecordingKind::Other("a realtime session")
        }
        None => RecordingKind::Other("a stream of no dialect we know"),
    }
}

fn by_event(event: &Value) -> Option<Dialect> {
    let has = |name: &str| event.get(name).is_some();
    let kind = event["type"].as_str().unwrap_or_default();
    if kind.starts_with("response.") {
        Some(Dialect::Responses)
    } else if ["message_start", "content_block_start", "content_block_delta"].contains(&kind) {
        Some(Dialect::Anthropic)
    } else if ["message-start", "content-start", "content-delta", "tool-plan-delta"].contains(&kind) {
        Some(Dialect::Cohere)
    } else if event["choices"].is_array() {
        Some(Dialect::Chat)
    } else if has("candidates") || has("usageMetadata") || has("promptFeedback") {
        Some(Dialect::Gemini)
    } else if ["messageStart", "contentBlockStart", "contentBlockDelta", "messageStop"].iter().any(|name| has(name)) {
        Some(Dialect::Bedrock)
    } else if has("done") && (has("message") || has("response")) {
        Some(Dialect::Ollama)
    } else {
        None
    }
}

fn whole(body: &Value, status: u16, path: &str) -> RecordingKind {
    let has = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
    if status >= 400 {
        return match spoken(path) {
            Some(dialect) => RecordingKind::Error(dialect),
            // Vectors and ranks are refused in the same words.
            None if path.is_empty() || path.contains("embed") || path.contains("rerank") => {
                RecordingKind::Error(Dialect::Chat)
            }
            None => RecordingKind::Other("an error of an address that is never called"),
        };
    }
    if let Some(api) = vectors(body, path) {
        return RecordingKind::Embeddings(api);
    }
    if let Some(api) = ranks(body) {
        return RecordingKind::Rerank(api);
    }
    let object = body["object"].as_str().unwrap_or_default();
    if let Some(dialect @ Dialect::Chat) = spoken(path)
        && has("error")
        && !has("choices")
    {
        // Azure refuses a prompt so.
        return RecordingKind::Error(dialect);
    }
    if let Some(dialect) = spoken(path) {
        return RecordingKind::Whole(dialect);
    }
    if object == "chat.completion" || body.pointer("/choices/0/message").is_some() {
        RecordingKind::Whole(Dialect::Chat)
    } else if object == "response" && has("output") {
        RecordingKind::Whole(Dialect::Responses)
    } else if body["type"] == "message" && has("role") {
        RecordingKind::Whole(Dialect::Anthropic)
    } else if has("candidates") || has("promptFeedback") {
        RecordingKind::Whole(Dialect::Gemini)
    } else if body.pointer("/output/message").is_some() {
        RecordingKind::Whole(Dialect::Bedrock)
    } else if has("done") && (has("message") || has("response")) {
        RecordingKind::Whole(Dialect::Ollama)
    } else if body["message"].is_object() && has("finish_reason") {
        RecordingKind::Whole(Dialect::Cohere)
    } else if has("error") {
        RecordingKind::Error(Dialect::Chat)
    } else if object == "interaction" {
        RecordingKind::Other("Google's Interactions, which is not generateContent")
    } else if has("data") && has("created") {
        RecordingKind::Other("pictures")
    } else if has("segments") || body.pointer("/body").is_some() {
        RecordingKind::Other("speech to text")
    } else {
        RecordingKind::Other("an administration call")
    }
}

fn vectors(body: &Value, path: &str) -> Option<embeddings::Api> {
    use embeddings::Api;
    let is_list = |value: Option<&Value>| value.is_some_and(Value::is_array);
    if body.pointer("/data/0/embedding").is_some() {
        return Some(if path.contains("voyage") { Api::Voyage } else { Api::OpenAi });
    }
    if body.pointer("/predictions/0/embeddings").is_some() {
        return Some(Api::Vertex);
    }
    if body.pointer("/embeddings/0/values").is_some() || body.pointer("/embedding/values").is_some() {
        return Some(Api::Gemini);
    }
    if body.get("inputTextTokenCount").is_some() && is_list(body.get("embedding")) {
        return Some(Api::Titan);
    }
    let is_cohere = is_list(body.pointer("/embeddings/float")) || body.get("response_type").is_some();
    if is_cohere && body.get("embeddings").is_some() {
        return Some(if path.contains("/invoke") { Api::BedrockCohere } else { Api::Cohere });
    }
    (is_list(body.pointer("/embeddings/0")) || is_list(body.get("embedding"))).then_some(Api::Ollama)
}

fn ranks(body: &Value) -> Option<rerank::Api> {
    use rerank::Api;
    if body.pointer("/results/0/relevance_score").is_some() {
        return Some(if body.get("meta").is_some() { Api::Cohere } else { Api::Jina });
    }
    if body.pointer("/data/0/relevance_score").is_some() {
        return Some(Api::Voyage);
    }
    if body.pointer("/output/results/0/relevance_score").is_some() {
        return Some(Api::DashScope);
    }
    (body.pointer("/0/index").is_some() && body.pointer("/0/score").is_some()).then_some(Api::Texts)
}
