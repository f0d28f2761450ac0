//! A provider that answers what its models are for: honestly, without figures, with too many, or not at all.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How many times the tokens that it wrote the model `liar` says.
const LIE: u64 = 3;

/// What the provider said of each answer that it gave to its end, by the text that it was asked: read and written.
type Said = Arc<Mutex<HashMap<String, Vec<(u64, u64)>>>>;

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) url: String,
    said: Said,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self { url: format!("http://{}/v1", listener.local_addr().unwrap()), said: Said::default() };
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/embeddings", post(embed))
            .with_state(provider.clone());
        septet_chassis::http::serve(listener, router, &septet_chassis::Lifecycle::default()).unwrap();
        provider
    }

    /// What was said of answers to a text.
    pub(crate) fn said(&self, text: &str) -> Vec<(u64, u64)> {
        self.said.lock().unwrap().get(text).cloned().unwrap_or_default()
    }

    fn say(&self, text: &str, read: u64, written: u64) -> Value {
        self.said.lock().unwrap().entry(text.to_owned()).or_default().push((read, written));
        json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written})
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

async fn answer(State(provider): State<Provider>, Json(asked): Json<Value>) -> Response {
    let text = asked["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    let most = asked["max_tokens"].as_u64().or(asked["max_completion_tokens"].as_u64()).unwrap_or(1_000);
    let chance = hash(&text);
    let (read, written) = (text.len() as u64 / 4 + 5, chance % most.max(1) + 1);
    let model = asked["model"].as_str().unwrap_or_default();
    let is_stream = asked["stream"] == true;
    match model {
        "flaky" if !chance.is_multiple_of(3) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": {"message": "flaky"}}))).into_response();
        }
        _ => {}
    }
    let written_said = if model == "liar" { written * LIE } else { written };
    let words = " a".repeat(usize::try_from(written).unwrap());
    if !is_stream {
        let mut whole = json!({"id": "c", "object": "chat.completion", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"}]});
        if model != "mute" {
            whole["usage"] = provider.say(&text, read, written_said);
        }
        return Json(whole).into_response();
    }
    let breaks_off = model == "costly" && chance.is_multiple_of(2);
    let is_mute = model == "mute";
    let chunk = |delta: Value, reason: Value| {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
        format!("data: {}\n\n", json!({"id": "c", "object": "chat.completion.chunk", "choices": choices}))
    };
    let pieces: Vec<String> = (0..4)
        .map(|piece| {
            let of = |piece: usize| words.len() / 2 * piece / 4 * 2;
            chunk(json!({"content": &words[of(piece)..of(piece + 1)]}), Value::Null)
        })
        .collect();
    let end = chunk(json!({}), json!("stop"));
    let body = async_stream::stream! {
        for piece in pieces {
            yield Ok::<String, Infallible>(piece);
            tokio::time::sleep(Duration::from_millis(chance % 3)).await;
        }
        if breaks_off {
            // Its figures come first, and then there is no end.
            let usage = provider.say(&text, read, written);
            yield Ok(format!("data: {}\n\n", json!({"id": "c", "choices": [], "usage": usage})));
            yield Ok(format!("data: {}\n\n", json!({"error": {"message": "broke", "code": "server_error"}})));
            return;
        }
        yield Ok(end);
        if !is_mute {
            let usage = provider.say(&text, read, written_said);
            yield Ok(format!("data: {}\n\n", json!({"id": "c", "choices": [], "usage": usage})));
        }
        yield Ok("data: [DONE]\n\n".to_owned());
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

async fn embed(State(provider): State<Provider>, Json(asked): Json<Value>) -> Response {
    let text = asked["input"][0].as_str().or(asked["input"].as_str()).unwrap_or_default().to_owned();
    let read = text.len() as u64 / 3 + 1;
    let usage = provider.say(&text, read, 0);
    Json(json!({"object": "list", "model": "vectors", "usage": usage,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}]}))
    .into_response()
}
