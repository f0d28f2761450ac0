//! A provider that speaks slowly: it ends an answer when the test lets it, and says what it was.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the prompt is, whatever was asked.
const INPUT: u64 = 37;
/// What an answer is at least; each is a token longer than the one before.
const OUTPUT: u64 = 610;

/// The provider.
#[derive(Clone)]
pub(super) struct Provider {
    pub(super) url: String,
    inner: Arc<Mutex<Inner>>,
    /// How many answers for each key may end.
    ends: watch::Sender<BTreeMap<String, usize>>,
    /// How many were asked for by somebody who is gone.
    left: watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    /// How many answers were begun for each key.
    begun: BTreeMap<String, usize>,
    /// What was said of those that came to their end: read and written.
    used: Vec<(u64, u64)>,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let provider =
            Self { url, inner: Arc::default(), ends: watch::Sender::default(), left: watch::Sender::default() };
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(provider.clone());
        septet_chassis::http::serve(listener, router, &septet_chassis::Lifecycle::default()).unwrap();
        provider
    }

    /// How many answers were begun.
    pub(super) fn n_begun(&self) -> usize {
        self.inner.lock().unwrap().begun.values().sum()
    }

    /// Lets so many more answers for a key end, the oldest first.
    pub(super) fn end(&self, key: &str, n_answers: usize) {
        self.ends.send_modify(|ends| *ends.entry(key.to_owned()).or_default() += n_answers);
    }

    /// Ends when so many answers have nobody to read them.
    pub(super) async fn left(&self, n_answers: usize) {
        self.left.subscribe().wait_for(|left| *left == n_answers).await.unwrap();
    }

    /// What the answers that ended were.
    pub(super) fn used(&self) -> Vec<(u64, u64)> {
        self.inner.lock().unwrap().used.clone()
    }
}

/// Notices when an answer is dropped before its end.
struct Watch {
    left: watch::Sender<usize>,
    is_over: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_over {
            self.left.send_modify(|left| *left += 1);
        }
    }
}

async fn answer(State(provider): State<Provider>, headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    assert_eq!((&asked["stream"], &asked["max_tokens"]), (&json!(true), &json!(super::MOST_TOKENS)));
    let key = headers[header::AUTHORIZATION].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    let (place, output) = {
        let mut inner = provider.inner.lock().unwrap();
        let total: usize = inner.begun.values().sum();
        let place = inner.begun.entry(key.clone()).or_default();
        *place += 1;
        (*place, OUTPUT + u64::try_from(total).unwrap())
    };
    let mut ends = provider.ends.subscribe();
    let watch = Watch { left: provider.left.clone(), is_over: false };
    let body = async_stream::stream! {
        // All of it, so that it goes when this goes.
        let mut watch = watch;
        for word in ["It ", "takes ", "its ", "time"] {
            yield event(&json!({"content": word}), &Value::Null);
            // Slowly, so that the processes have streams in every state when one of them dies.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if ends.wait_for(|ends| ends.get(&key).is_some_and(|n| *n >= place)).await.is_err() {
            return;
        }
        watch.is_over = true;
        provider.inner.lock().unwrap().used.push((INPUT, output));
        let mut last = chunk(&json!({"content": "."}), &json!("stop"));
        last["usage"] = json!({"prompt_tokens": INPUT, "completion_tokens": output, "total_tokens": INPUT + output});
        yield Ok(Bytes::from(format!("data: {last}\n\ndata: [DONE]\n\n")));
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

fn event(delta: &Value, finish_reason: &Value) -> Result<Bytes, Infallible> {
    Ok(Bytes::from(format!("data: {}\n\n", chunk(delta, finish_reason))))
}

fn chunk(delta: &Value, finish_reason: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
}
