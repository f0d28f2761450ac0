//! Responses: runs of agents.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::agents::{Deleted, ItemQuery};
use septet_contracts::page::Page;
use septet_contracts::responses::{CreateResponse, ResponseEvent, ResponseItem, ResponseObject};
use septet_contracts::sse;
use septet_kernel::{Caller, ResponseId, causes};
use serde::Deserialize;
use tracing::warn;

use crate::error::Error;
use crate::runs::Runs;

type Answer<T> = Result<T, Refusal<Error>>;

// Proxies close streams that are silent for a minute, and a model may think for longer.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Follow {
    stream: bool,
    starting_after: Option<u64>,
}

/// Starts a run: answers with its events, with the run when it has ended, or at once.
pub(super) async fn create(
    State(runs): State<Runs>,
    caller: Caller,
    Json(request): Json<CreateResponse>,
) -> Answer<Response> {
    let (is_stream, is_background) = (request.stream, request.background == Some(true));
    let id = runs.start(&caller, request).await?;
    if is_stream {
        return Ok(event_stream(runs.follow(&caller, id, None).await?));
    }
    let response = if is_background { runs.show(&caller, id).await? } else { runs.finished(id).await? };
    Ok(Json(response).into_response())
}

/// Shows a run, or goes on with its events.
pub(super) async fn show(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ResponseId>,
    Query(follow): Query<Follow>,
) -> Answer<Response> {
    if follow.stream {
        return Ok(event_stream(runs.follow(&caller, id, follow.starting_after).await?));
    }
    Ok(Json(runs.show(&caller, id).await?).into_response())
}

/// Stops a run.
pub(super) async fn cancel(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ResponseId>,
) -> Answer<Json<ResponseObject>> {
    Ok(Json(runs.cancel(&caller, id).await?))
}

/// Deletes a run.
pub(super) async fn delete(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ResponseId>,
) -> Answer<Json<Deleted>> {
    runs.delete(&caller, id).await?;
    Ok(Json(Deleted { id: id.to_string(), object: "response.deleted".to_owned(), deleted: true }))
}

/// Lists what the user said in a run.
pub(super) async fn input_items(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ResponseId>,
    Query(wanted): Query<ItemQuery>,
) -> Answer<Json<Page<ResponseItem>>> {
    let items = runs.input_items(&caller, id).await?;
    Ok(Json(wanted.page(items)))
}

fn event_stream(events: impl Stream<Item = Result<ResponseEvent, Error>> + Send + 'static) -> Response {
    let chunks = async_stream::stream! {
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(KEEP_ALIVE_EVERY, events.next()).await {
                Err(_silence) => yield Ok::<_, Infallible>(Bytes::from_static(sse::KEEP_ALIVE.as_bytes())),
                Ok(None) => return,
                Ok(Some(Ok(event))) => yield Ok(to_event(&event).to_wire()),
                Ok(Some(Err(error))) => {
                    // The client sees an end without a terminal event and asks for what follows.
                    warn!(error.detail = %causes(&error), "event stream broke off");
                    return;
                }
            }
        }
    };
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(chunks)).into_response()
}

fn to_event(event: &ResponseEvent) -> sse::Event {
    // By way of a value, whose fields have one order: an event is the same byte for byte whatever the order in its type.
    let data = serde_json::to_value(event).unwrap_or_default().to_string();
    sse::Event { name: event.name().to_owned(), id: Some(event.sequence_number().to_string()), data }
}
