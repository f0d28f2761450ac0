//! A provider on loopback that does what the test tells it to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

/// What it does with one request.
pub(crate) enum Turn {
    /// Answers with these events and closes.
    Events(Vec<String>),
    /// Answers with what the test sends, until the test drops the sender.
    Feed(mpsc::UnboundedReceiver<String>),
    /// Answers with this status, headers and body.
    Status(u16, Vec<(&'static str, &'static str)>, String),
    /// Never answers.
    Hang,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Upstream {
    inner: Arc<Inner>,
    pub(crate) url: String,
}

struct Inner {
    script: Mutex<VecDeque<Turn>>,
    asked: Mutex<Vec<(HeaderMap, Value)>>,
    raw: Mutex<String>,
    arrived: Notify,
    left: Notify,
}

impl Upstream {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    pub(crate) async fn start(script: Vec<Turn>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let inner = Inner {
            script: Mutex::new(script.into()),
            asked: Mutex::default(),
            raw: Mutex::default(),
            arrived: Notify::new(),
            left: Notify::new(),
        };
        let upstream = Self { inner: Arc::new(inner), url };
        let list = || async { Json(json!({"data": [{"id": "listed-chat"}, {"id": "nomic-embed-text"}]})) };
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/messages", post(answer))
            .route("/v1/embeddings", post(answer))
            .route("/v1/models", get(list))
            .with_state(upstream.clone());
        tokio::task::spawn(async move { axum::serve(listener, router).await });
        upstream
    }

    /// Leaves out the next turns of the script.
    pub(crate) fn skip(&self, n: usize) {
        self.inner.script.lock().unwrap().drain(..n);
    }

    /// The bodies of the requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.inner.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    /// The body of the last request, as it came.
    pub(crate) fn raw(&self) -> String {
        self.inner.raw.lock().unwrap().clone()
    }

    /// The headers of the last request.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.inner.asked.lock().unwrap().last().unwrap().0.clone()
    }

    /// Ends when a request has arrived.
    pub(crate) async fn arrived(&self) {
        self.inner.arrived.notified().await;
    }

    /// Ends when the gateway has closed a connection before the end of an answer.
    pub(crate) async fn left(&self) {
        self.inner.left.notified().await;
    }
}

/// Says that the gateway left, unless the answer was over.
struct Watch {
    inner: Arc<Inner>,
    is_over: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_over {
            self.inner.left.notify_one();
        }
    }
}

async fn answer(State(upstream): State<Upstream>, headers: HeaderMap, raw: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&raw).expect("a JSON body");
    *upstream.inner.raw.lock().unwrap() = String::from_utf8(raw.to_vec()).unwrap();
    upstream.inner.asked.lock().unwrap().push((headers, body));
    upstream.inner.arrived.notify_one();
    let turn = upstream.inner.script.lock().unwrap().pop_front().expect("the script has a turn for each request");
    let mut watch = Watch { inner: Arc::clone(&upstream.inner), is_over: false };
    let stream = |body| ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response();
    match turn {
        Turn::Events(events) => {
            watch.is_over = true;
            stream(Body::from(events.concat()))
        }
        Turn::Feed(mut feed) => stream(Body::from_stream(async_stream::stream! {
            let mut watch = watch;
            while let Some(event) = feed.recv().await {
                yield Ok::<Bytes, Infallible>(Bytes::from(event));
            }
            watch.is_over = true;
        })),
        Turn::Status(status, extra, body) => {
            watch.is_over = true;
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            for (name, value) in extra {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Turn::Hang => {
            let _watch = watch;
            std::future::pending().await
        }
    }
}

/// An event of a stream.
pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A chunk that says something.
pub(crate) fn says(text: &str) -> String {
    event(
        &json!({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}),
    )
}

/// The chunk that ends an answer.
pub(crate) fn stops() -> String {
    event(&json!({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
}

/// The chunk that carries usage alone.
pub(crate) fn used(input: u64, output: u64) -> String {
    event(
        &json!({"id": "c1", "model": "m", "choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output}}),
    )
}

pub(crate) fn done() -> String {
    "data: [DONE]\n\n".to_owned()
}

/// A whole good answer in pieces.
pub(crate) fn good(text: &str) -> Turn {
    Turn::Events(vec![says(text), stops(), used(10, 5), done()])
}

/// A whole good answer in one piece.
pub(crate) fn good_whole(text: &str) -> Turn {
    let body = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "reasoning_content": "hm"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}});
    Turn::Status(200, vec![], body.to_string())
}
