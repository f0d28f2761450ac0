//! A provider that answers at once: what a gateway costs is what is measured, not a model.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};

/// Pieces of content in a streamed answer.
const N_PIECES: usize = 60;
/// Events in a streamed answer: the role, the pieces, the reason to stop, the usage, and the end.
pub(crate) const N_EVENTS: u64 = N_PIECES as u64 + 4;

struct Answers {
    whole: Bytes,
    events: Vec<Bytes>,
    gap: Duration,
}

/// Serves Chat Completions on a free port of loopback: below `/v1` all at once, below `/slow/v1` with a pause of 50 ms
/// between the pieces.
pub(crate) async fn serve() -> anyhow::Result<SocketAddr> {
    let router = Router::new()
        .route("/v1/chat/completions", post(answer).with_state(Arc::new(Answers::new(Duration::ZERO))))
        .route("/slow/v1/chat/completions", post(answer).with_state(Arc::new(Answers::new(Duration::from_millis(50)))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _slower = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer(State(answers): State<Arc<Answers>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    if asked["stream"] != true {
        return ([(CONTENT_TYPE, "application/json")], answers.whole.clone()).into_response();
    }
    let gap = answers.gap;
    // Every event is a frame of its own, as a model sends them.
    let events = futures::stream::iter(0..answers.events.len()).then(move |index| {
        let answers = Arc::clone(&answers);
        async move {
            if !gap.is_zero() {
                tokio::time::sleep(gap).await;
            }
            Ok::<_, Infallible>(answers.events[index].clone())
        }
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

impl Answers {
    fn new(gap: Duration) -> Self {
        let text: String = (0..N_PIECES).map(|number| format!(" tok{number:02}")).collect();
        let usage = json!({"prompt_tokens": 40, "completion_tokens": N_PIECES, "total_tokens": 40 + N_PIECES,
            "prompt_tokens_details": {"cached_tokens": 8}});
        let whole = json!({"id": "chatcmpl-0123456789", "object": "chat.completion", "created": 1_700_000_000, "model": "mock",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": usage});
        let chunk = |choices: Value, usage: &Value| {
            let chunk = json!({"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1_700_000_000,
                "model": "mock", "choices": choices, "usage": usage});
            Bytes::from(format!("data: {chunk}\n\n"))
        };
        let delta = |delta: Value, finish: Value| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), &Value::Null)
        };
        let mut events = vec![delta(json!({"role": "assistant", "content": ""}), Value::Null)];
        events.extend((0..N_PIECES).map(|number| delta(json!({"content": format!(" tok{number:02}")}), Value::Null)));
        events.push(delta(json!({}), json!("stop")));
        events.push(chunk(json!([]), &usage));
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        Self { whole: Bytes::from(whole.to_string()), events, gap }
    }
}
