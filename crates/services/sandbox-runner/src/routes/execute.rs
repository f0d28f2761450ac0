//! `POST /v1/execute`, for those who only want to run code: one request in, one document or one stream out.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use septet_chassis::http::{Json, Refusal};
use septet_contracts::sandbox::{ExecuteRequest, ExecutionEvent, ExecutionReport};
use septet_contracts::{ndjson, sse};
use septet_kernel::Caller;

use super::{Shared, key, owner};
use crate::Error;
use crate::execution::Events;

/// Carries the container, which a stream has no other place for.
const CONTAINER_HEADER: &str = "x-septet-container";

// Proxies close a stream on which nothing happens for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn execute(
    State(sandbox): Shared,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<ExecuteRequest>,
) -> Result<Response, Refusal<Error>> {
    let ExecuteRequest { execution, container: wanted, stream } = request;
    let key = key(&headers);
    let lasts = wanted.is_some() || key.is_some();
    let (container, mut events) = match wanted {
        Some(container) => {
            owner::check(&sandbox, &caller, container).await?;
            (container, sandbox.execute(caller.tenant, container, execution, key).await?)
        }
        None => sandbox.execute_in_new_container(caller.tenant, caller.user, execution, key).await?,
    };
    if !stream {
        let mut report = ExecutionReport::new(container);
        while let Some(event) = events.next().await {
            report.add(event);
        }
        if !lasts && report.files.is_empty() {
            report.container = None;
        }
        return Ok(Json(report).into_response());
    }
    let mut response = match is_for_browsers(&headers) {
        true => streamed("text/event-stream", server_sent(events)),
        false => streamed(ndjson::CONTENT_TYPE, events.map(|event| ndjson::line(&event))),
    };
    if let Ok(container) = HeaderValue::try_from(container.to_string()) {
        response.headers_mut().insert(CONTAINER_HEADER, container);
    }
    Ok(response)
}

fn is_for_browsers(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/event-stream"))
}

fn streamed(content_type: &'static str, chunks: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let body = Body::from_stream(chunks.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

fn server_sent(mut events: Events) -> impl Stream<Item = Bytes> + Send {
    async_stream::stream! {
        loop {
            match tokio::time::timeout(KEEP_ALIVE, events.next()).await {
                Ok(Some(event)) => yield wire(&event),
                Ok(None) => return,
                Err(_quiet) => yield Bytes::from_static(sse::KEEP_ALIVE.as_bytes()),
            }
        }
    }
}

fn wire(event: &ExecutionEvent) -> Bytes {
    let data = serde_json::to_string(event).unwrap_or_default();
    sse::Event { name: event.name().to_owned(), id: None, data }.to_wire()
}
