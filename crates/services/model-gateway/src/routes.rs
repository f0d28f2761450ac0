//! The endpoints: one line each.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::models::{
    ChatRequest, EmbeddingRequest, IDEMPOTENCY_HEADER, ModelList, REPLAY_HEADER, RUN_HEADER, UsagePage, UsageQuery,
};
use septet_contracts::sse::{Event, KEEP_ALIVE};
use septet_kernel::{Caller, Failure};
use serde_json::{Value, json};

use crate::calls::{Answer, Call, Calls, Work};
use crate::error::Error;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub calls: Arc<Calls>,
    pub keep_alive: Duration,
}

pub(crate) fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embed))
        .route("/v1/models", get(list))
        .route("/internal/usage", get(usage))
        .with_state(shared)
}

/// Answers a conversation, whole or in pieces.
async fn chat(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<ChatRequest>,
) -> Result<Response, Refusal<Error>> {
    let include_usage = request.stream_options.as_ref().is_some_and(|options| options.include_usage);
    let is_stream = request.stream;
    if request.messages.is_empty() {
        return Err(Error::NoMessages.into());
    }
    let model = request.model.clone();
    let call =
        Call { work: Work::Chat(Box::new(request)), model, run: text(&headers, RUN_HEADER), key: key(&headers)? };
    let answer = shared.calls.begin(&caller, call).await?;
    let replayed = answer.replayed;
    let mut response =
        if is_stream { streamed(answer, include_usage, shared.keep_alive) } else { whole(answer).await? };
    if let Some(how) = replayed {
        response.headers_mut().insert(REPLAY_HEADER, HeaderValue::from_static(how));
    }
    Ok(response)
}

/// Turns texts into vectors.
async fn embed(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<EmbeddingRequest>,
) -> Result<Response, Refusal<Error>> {
    let body = serde_json::to_value(&request).unwrap_or_default();
    let call = Call {
        work: Work::Embedding(body),
        model: request.model,
        run: text(&headers, RUN_HEADER),
        key: key(&headers)?,
    };
    Ok(whole(shared.calls.begin(&caller, call).await?).await?)
}

/// The models on offer.
async fn list(State(shared): State<Shared>, _caller: Caller) -> Json<ModelList> {
    Json(shared.calls.registry.list().await)
}

/// Usage records after a cursor, of all tenants: for the ledger.
async fn usage(
    State(shared): State<Shared>,
    _caller: Caller,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsagePage>, Refusal<Error>> {
    let limit = query.limit.unwrap_or(200).clamp(1, 1000);
    Ok(Json(shared.calls.store.usage_after(query.after, limit).await?))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(|text| text.chars().take(200).collect())
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(IDEMPOTENCY_HEADER) else { return Ok(None) };
    let text = value.to_str().map_err(|_not_ascii| Error::BadKey)?.trim();
    if text.is_empty() || text.len() > 255 { Err(Error::BadKey) } else { Ok(Some(text.to_owned())) }
}

async fn whole(mut answer: Answer) -> Result<Response, Error> {
    let mut last = None;
    while let Some(piece) = answer.next().await {
        last = Some(piece?);
    }
    let body = last.map(|piece| piece.data.to_string()).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

fn streamed(mut answer: Answer, include_usage: bool, keep_alive: Duration) -> Response {
    let body = async_stream::stream! {
        loop {
            let bytes = match tokio::time::timeout(keep_alive, answer.next()).await {
                Err(_quiet) => Bytes::from_static(KEEP_ALIVE.as_bytes()),
                Ok(Some(Ok(piece))) if piece.is_usage && !include_usage => continue,
                Ok(Some(Ok(piece))) => data(piece.data.to_string()),
                Ok(Some(Err(error))) => {
                    yield Ok(data(terminal(&error).to_string()));
                    return;
                }
                Ok(None) => {
                    yield Ok(data("[DONE]".to_owned()));
                    return;
                }
            };
            yield Ok::<Bytes, std::convert::Infallible>(bytes);
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

fn data(data: String) -> Bytes {
    Event { data, ..Event::default() }.to_wire()
}

/// The last event of a stream that failed.
fn terminal(error: &Error) -> Value {
    let kind = error.kind();
    json!({"error": {"message": error.to_string(), "type": kind.name(), "kind": kind, "code": error.code(), "param": error.param(),
        "retry_after_s": error.retry_after_s()}})
}
