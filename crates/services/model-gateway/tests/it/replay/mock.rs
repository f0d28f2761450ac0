//! A provider on loopback that gives a recording again: the first part of the path says which.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use septet_protocols::{Dialect, Framing};
use septet_recordings::classify::spoken;

/// What it answers with.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
    /// The dialect that it must be asked in; any where the answer is no conversation.
    pub(super) dialect: Option<Dialect>,
}

// Chunks as the network might cut them.
const CHUNKS: [usize; 6] = [7, 1, 1_000, 64, 13, 4_096];

/// Starts it and gives its address; it ends with the test's run-time.
#[expect(clippy::disallowed_methods, reason = "it ends with the test's run-time")]
pub(super) async fn start(answers: Vec<Arc<Answer>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::new(answers));
    tokio::task::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn answer(State(answers): State<Arc<Vec<Arc<Answer>>>>, uri: Uri) -> Response {
    let number: usize = uri.path().split('/').nth(1).unwrap().parse().unwrap();
    let answer = &answers[number];
    if answer.dialect.is_some() && answer.dialect != spoken(uri.path()) {
        let words = format!("{:?} is spoken here, and not at {}", answer.dialect, uri.path());
        return (StatusCode::NOT_IMPLEMENTED, words).into_response();
    }
    let mut rest = Bytes::copy_from_slice(&answer.bytes);
    let mut sizes = CHUNKS.iter().cycle();
    let pieces = std::iter::from_fn(move || {
        let size = rest.len().min(*sizes.next()?);
        (size > 0).then(|| Ok::<_, Infallible>(rest.split_to(size)))
    });
    let body = Body::from_stream(futures::stream::iter(pieces));
    let status = StatusCode::from_u16(answer.status).unwrap();
    (status, [(header::CONTENT_TYPE, answer.content_type.clone())], body).into_response()
}

/// The type of a stream's bytes.
pub(super) fn content_type(framing: Framing) -> &'static str {
    match framing {
        Framing::Sse => "text/event-stream",
        Framing::Lines => "application/x-ndjson",
        Framing::EventStream => "application/vnd.amazon.eventstream",
    }
}
