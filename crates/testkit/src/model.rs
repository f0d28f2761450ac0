//! A model that says what the test tells it to: an OpenAI-compatible endpoint on loopback.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What the model does when it is asked next.
#[derive(Debug, Clone)]
pub enum Turn {
    /// It says this, in a few pieces.
    Say(String),
    /// It says this, with a pause between the words.
    SaySlowly(String, Duration),
    /// It calls a tool with these arguments.
    Call(String, Value),
    /// It answers with this status.
    Fail(u16),
    /// It never answers.
    Hang,
    /// It says something and then the connection breaks.
    BreakOff(String),
}

/// The model. When its script is over it says "done".
#[derive(Clone, Default)]
pub struct ScriptedModel {
    script: Arc<Mutex<VecDeque<Turn>>>,
    asked: Arc<Mutex<Vec<Value>>>,
    left: Arc<Notify>,
    address: Option<SocketAddr>,
}

impl ScriptedModel {
    /// Starts a model with a script.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(script: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().ok();
        let model = Self { script: Arc::new(Mutex::new(script.into_iter().collect())), address, ..Self::default() };
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route(
                "/v1/models",
                get(|| async { Json(json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]})) }),
            )
            .with_state(model.clone());
        // It ends with the test.
        septet_chassis::http::serve(listener, router, &septet_chassis::Lifecycle::default()).expect("an address");
        model
    }

    /// The base URL for a provider's settings.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.address.map_or_else(String::new, |address| format!("http://{address}/v1"))
    }

    /// What the model was asked, oldest first.
    #[must_use]
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when a caller has left before the end of an answer.
    pub async fn left(&self) {
        self.left.notified().await;
    }

    /// How often the model was asked.
    #[must_use]
    pub fn n_calls(&self) -> usize {
        self.asked().len()
    }
}

async fn answer(State(model): State<ScriptedModel>, Json(request): Json<Value>) -> Response {
    model.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let turn = model.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    match turn.unwrap_or_else(|| Turn::Say("done".to_owned())) {
        Turn::Say(text) => words(&model, &text, Duration::ZERO, true),
        Turn::SaySlowly(text, pause) => words(&model, &text, pause, true),
        Turn::BreakOff(text) => words(&model, &text, Duration::from_millis(20), false),
        Turn::Call(name, arguments) => {
            events(&model, vec![call(&name, &arguments), end("tool_calls")], Duration::ZERO, true)
        }
        Turn::Fail(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(json!({"error": {"message": "scripted failure", "type": "scripted"}}))).into_response()
        }
        Turn::Hang => std::future::pending().await,
    }
}

fn words(model: &ScriptedModel, text: &str, pause: Duration, ends: bool) -> Response {
    let mut chunks: Vec<Value> =
        text.split_inclusive(' ').map(|word| chunk(&json!({"content": word}), &Value::Null)).collect();
    if ends {
        chunks.push(end("stop"));
    }
    events(model, chunks, pause, ends)
}

fn call(name: &str, arguments: &Value) -> Value {
    let function = json!({"name": name, "arguments": arguments.to_string()});
    chunk(
        &json!({"tool_calls": [{"index": 0, "id": "call_scripted", "type": "function", "function": function}]}),
        &Value::Null,
    )
}

fn end(reason: &str) -> Value {
    let mut last = chunk(&json!({}), &json!(reason));
    last["usage"] = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    last
}

fn chunk(delta: &Value, finish_reason: &Value) -> Value {
    json!({
        "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    })
}

fn events(model: &ScriptedModel, chunks: Vec<Value>, pause: Duration, ends: bool) -> Response {
    let mut lines: Vec<Result<String, std::io::Error>> =
        chunks.into_iter().map(|chunk| Ok(format!("data: {chunk}\n\n"))).collect();
    lines.push(if ends { Ok("data: [DONE]\n\n".to_owned()) } else { Err(std::io::Error::other("scripted break")) });
    let watch = Watch { left: Arc::clone(&model.left), is_over: false };
    let paced = stream::unfold((lines.into_iter(), watch), move |(mut lines, watch)| async move {
        let Some(line) = lines.next() else {
            watch.ended();
            return None;
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Some((line.map(Bytes::from), (lines, watch)))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(paced)).into_response()
}

/// Notices when an answer is dropped before its end.
struct Watch {
    left: Arc<Notify>,
    is_over: bool,
}

impl Watch {
    fn ended(mut self) {
        self.is_over = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_over {
            self.left.notify_one();
        }
    }
}
