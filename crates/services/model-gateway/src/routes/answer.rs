//! Answers on the wire.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use septet_contracts::models::{CALL_HEADER, DEPLOYMENT_HEADER, DROPPED_HEADER, REASON_HEADER, REPLAY_HEADER};
use septet_contracts::sse::KEEP_ALIVE;
use septet_kv::{Counter, What};
use serde_json::{Value, json};

use crate::calls::Answer;
use crate::calls::makers::ascii;
use crate::error::Error;
use crate::recording::{Head, Piece};

/// A whole body.
pub(super) async fn whole(mut answer: Answer) -> Result<Response, Error> {
    let (mut head, mut body) = (Head::default(), BytesMut::new());
    while let Some(piece) = answer.next().await {
        match piece? {
            Piece::Head(found) => head = found,
            Piece::Bytes(bytes) => body.extend_from_slice(&bytes),
        }
    }
    Ok(response(&head, "application/json", Body::from(body.freeze())))
}

/// A stream of events, from the moment that its first one is there.
pub(super) async fn streamed(mut answer: Answer, keep_alive: Duration) -> Result<Response, Error> {
    let mut head = Head::default();
    let first = loop {
        match answer.next().await.transpose()? {
            Some(Piece::Head(found)) => head = found,
            Some(Piece::Bytes(bytes)) => break bytes,
            None => break Bytes::new(),
        }
    };
    let body = futures::stream::unfold((answer, Some(first)), move |(mut answer, first)| async move {
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            return Some((Ok::<Bytes, Infallible>(first), (answer, None)));
        }
        let bytes = match tokio::time::timeout(keep_alive, answer.bytes()).await {
            Err(_quiet) => Bytes::from_static(KEEP_ALIVE.as_bytes()),
            Ok(bytes) => bytes?,
        };
        Some((Ok(bytes), (answer, None)))
    });
    let mut response = response(&head, "text/event-stream", Body::from_stream(body));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

fn response(head: &Head, content_type: &'static str, body: Body) -> Response {
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], body).into_response();
    let headers = response.headers_mut();
    put(headers, CALL_HEADER, &head.call);
    put(headers, DEPLOYMENT_HEADER, &head.deployment);
    put(headers, REASON_HEADER, &head.reason);
    put(headers, DROPPED_HEADER, &head.dropped.join(", "));
    put(headers, REPLAY_HEADER, head.replayed.unwrap_or_default());
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Some(value) = HeaderValue::try_from(ascii(value)).ok().filter(|value| !value.is_empty()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Where budgets stand.
pub(super) fn budgets(counters: Vec<Counter>) -> Value {
    let shown = |counter: Counter| {
        let what = match counter.limit.what {
            What::Requests => "requests",
            What::Tokens => "tokens",
            What::Concurrency => "concurrency",
            What::Money => "money_nano",
        };
        json!({"scope": &*counter.limit.scope, "what": what, "max": counter.limit.max, "used": counter.used,
            "held": counter.reserved, "resets_at_ms": counter.resets_at_ms})
    };
    json!({"data": counters.into_iter().map(shown).collect::<Vec<Value>>()})
}
