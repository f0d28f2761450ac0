//! A model gateway that answers from a script.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Peers, Turn, text};

pub(super) fn routes(peers: Peers) -> Router {
    let cancel = async |State(peers): State<Peers>, Json(call): Json<Value>| {
        peers.cancelled.lock().unwrap().push(call["key"].as_str().unwrap().to_owned());
        Json(json!({"cancelled": true}))
    };
    Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/internal/calls/cancel", post(cancel))
        .with_state(peers)
}

async fn answer(State(peers): State<Peers>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    peers.is_asked("model", "model_requested").await;
    peers.asked.lock().unwrap().push((key.clone(), body));
    peers.arrived.notify_one();
    let turn = turn(&peers, &key);
    let chunk =
        |choices: Value| json!({"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": choices});
    let event = |data: &Value| format!("data: {data}\n\n");
    let (deltas, finish, hangs) = match turn {
        Turn::Says(deltas, finish) => (deltas, finish, false),
        Turn::Hangs => (vec![json!({"content": "Well"})], None, true),
        Turn::Refuses(status, seconds, message) => {
            let status = StatusCode::from_u16(status).unwrap();
            let problem = json!({"detail": message, "code": "scripted", "retry_after_s": seconds});
            return (status, Json(problem)).into_response();
        }
    };
    let choices = |delta: &Value, finish: Option<&str>| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let mut wire: String = deltas.iter().map(|delta| event(&chunk(choices(delta, None)))).collect();
    let mut end = String::new();
    if !hangs {
        wire.push_str(&event(&chunk(choices(&json!({}), finish))));
        let mut last = chunk(json!([]));
        last["usage"] = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "completion_tokens_details": {"reasoning_tokens": 2}});
        end = event(&last) + "data: [DONE]\n\n";
    }
    let deployment = format!("{}/m", peers.provider.lock().unwrap());
    let pieces = async_stream::stream! {
        yield Ok::<_, Infallible>(Bytes::from(wire));
        if hangs {
            std::future::pending::<()>().await;
        }
        yield Ok(Bytes::from(end));
    };
    let headers = [("content-type", "text/event-stream".to_owned()), ("x-septet-deployment", deployment)];
    (headers, Body::from_stream(pieces)).into_response()
}

/// What the model says now: what it said under this key, or what comes next in the script.
fn turn(peers: &Peers, key: &str) -> Turn {
    let mut kept = peers.kept.lock().unwrap();
    if let Some(turn) = kept.get(key) {
        return turn.clone();
    }
    let next = peers.script.lock().unwrap().pop_front();
    let turn = next.unwrap_or_else(|| peers.always.lock().unwrap().map_or_else(|| text("done"), |turn| turn()));
    if *peers.are_answers_kept.lock().unwrap() {
        kept.insert(key.to_owned(), turn.clone());
    }
    turn
}
