//! A provider on loopback that has the interfaces of all of them; the address says which one is meant.
//!
//! It insists on the key and refuses, as the real ones do, what is not in their dialect.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::answers::{self, Dialect, Say};

/// The key that it wants.
pub(super) const KEY: &str = "the key of the mock provider";

/// What it answers with status 400 to.
pub(super) const FORBIDDEN: &str = "Say what must not be said.";

/// Starts it; it ends with the test.
pub(super) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    septet_chassis::http::serve(listener, router, &septet_chassis::Lifecycle::default()).unwrap();
    address
}

async fn answer(uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if !has_key(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "no key");
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "not JSON");
    };
    let path = uri.path();
    if let Some(vectors) = embed(path, &request) {
        return axum::Json(vectors).into_response();
    }
    let Some(dialect) = dialect(path) else {
        return refused(StatusCode::NOT_FOUND, &format!("nothing is at {path}"));
    };
    if let Some(what) = what_is_wrong(dialect, &request) {
        return refused(StatusCode::BAD_REQUEST, what);
    }
    let text = request.to_string();
    if text.contains(FORBIDDEN) {
        return refused(StatusCode::BAD_REQUEST, "that must not be said");
    }
    let has_tools = !request["tools"].is_null() || !request["toolConfig"].is_null();
    let say = if text.contains("18 degrees") {
        Say::Text("It is 18 ", "degrees.")
    } else if has_tools {
        Say::Call
    } else {
        Say::Text("It is sunny ", "in Paris. ☀")
    };
    let is_stream = match dialect {
        Dialect::Gemini => path.ends_with(":streamGenerateContent"),
        Dialect::Bedrock => path.ends_with("/converse-stream"),
        // Ollama streams unless told not to.
        Dialect::Ollama => request["stream"] != json!(false),
        Dialect::Chat | Dialect::Responses | Dialect::Anthropic | Dialect::Cohere => request["stream"] == json!(true),
    };
    if !is_stream {
        return axum::Json(answers::whole(dialect, say)).into_response();
    }
    let counts = request["stream_options"]["include_usage"] == json!(true);
    stream(dialect, &answers::pieces(dialect, say, counts))
}

fn has_key(headers: &HeaderMap) -> bool {
    ["authorization", "x-api-key", "api-key", "x-goog-api-key"].iter().any(|name| {
        let value = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.strip_prefix("Bearer ").unwrap_or(value) == KEY
    })
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({"error": {"message": message, "code": "mock"}, "message": message}))).into_response()
}

fn dialect(path: &str) -> Option<Dialect> {
    let all = [
        ("/chat/completions", Dialect::Chat),
        ("/responses", Dialect::Responses),
        ("/v1/messages", Dialect::Anthropic),
        (":generateContent", Dialect::Gemini),
        (":streamGenerateContent", Dialect::Gemini),
        ("/converse", Dialect::Bedrock),
        ("/converse-stream", Dialect::Bedrock),
        ("/api/chat", Dialect::Ollama),
        ("/v2/chat", Dialect::Cohere),
    ];
    all.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, dialect)| dialect)
}

/// What the real provider would refuse in a request.
fn what_is_wrong(dialect: Dialect, request: &Value) -> Option<&'static str> {
    let missing = |name: &str| request[name].is_null();
    match dialect {
        Dialect::Anthropic if missing("max_tokens") => Some("max_tokens: field required"),
        Dialect::Gemini if missing("contents") => Some("contents is not specified"),
        Dialect::Bedrock | Dialect::Gemini if !missing("model") => Some("model: the address names it"),
        Dialect::Responses if missing("input") => Some("input: field required"),
        Dialect::Chat | Dialect::Anthropic | Dialect::Bedrock | Dialect::Ollama | Dialect::Cohere
            if missing("messages") =>
        {
            Some("messages: field required")
        }
        _ => None,
    }
}

/// Two-dimensional vectors: the length of the text and a half.
fn embed(path: &str, request: &Value) -> Option<Value> {
    let vector = |text: &Value| {
        let length = u16::try_from(text.as_str().unwrap_or_default().len()).unwrap_or_default();
        [f32::from(length), 0.5]
    };
    let texts = |name: &str| request[name].as_array().cloned().unwrap_or_else(|| vec![request[name].clone()]);
    let plain = |name: &str| texts(name).iter().map(vector).collect::<Vec<_>>();
    if path.ends_with("/embeddings") {
        let is_base64 = request["encoding_format"] == json!("base64");
        let data = plain("input").into_iter().enumerate().map(|(index, vector)| {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let embedding = if is_base64 { json!(STANDARD.encode(bytes)) } else { json!(vector) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        });
        return Some(json!({"object": "list", "model": "text-embedding", "data": data.collect::<Vec<_>>(),
            "usage": {"prompt_tokens": 5, "total_tokens": 5}}));
    }
    if path.ends_with("/v2/embed") {
        return Some(json!({"id": "e1", "texts": request["texts"], "embeddings": {"float": plain("texts")},
            "meta": {"billed_units": {"input_tokens": 5}}}));
    }
    if path.ends_with(":batchEmbedContents") {
        let requests = request["requests"].as_array()?;
        let vectors: Vec<Value> =
            requests.iter().map(|one| json!({"values": vector(&one["content"]["parts"][0]["text"])})).collect();
        return Some(json!({"embeddings": vectors}));
    }
    if path.ends_with("/api/embed") {
        return Some(json!({"model": "text-embedding", "embeddings": plain("input"), "prompt_eval_count": 5}));
    }
    path.ends_with("/invoke").then(|| json!({"embedding": vector(&request["inputText"]), "inputTextTokenCount": 3}))
}

fn stream(dialect: Dialect, events: &[(&'static str, Value)]) -> Response {
    let mut body = Vec::new();
    for (name, data) in events {
        match dialect {
            Dialect::Bedrock => body.extend(frame(name, data)),
            Dialect::Ollama => body.extend(format!("{data}\n").into_bytes()),
            _ if name.is_empty() => body.extend(format!("data: {data}\n\n").into_bytes()),
            _ => body.extend(format!("event: {name}\ndata: {data}\n\n").into_bytes()),
        }
    }
    if matches!(dialect, Dialect::Chat | Dialect::Cohere) {
        body.extend_from_slice(b"data: [DONE]\n\n");
    }
    let kind = match dialect {
        Dialect::Bedrock => "application/vnd.amazon.eventstream",
        Dialect::Ollama => "application/x-ndjson",
        _ => "text/event-stream",
    };
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// A message of Amazon's event stream: a prelude of two lengths with its sum, headers, the payload, the sum of all.
fn frame(name: &str, data: &Value) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")] {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        // The type of a text.
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = data.to_string().into_bytes();
    let total = 16 + length(&headers) + length(&payload);
    let mut message = [total.to_be_bytes(), length(&headers).to_be_bytes()].concat();
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload);
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}
