//! The endpoints: one line each.

mod admission;
mod answer;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use bytes::Bytes;
use septet_chassis::http::{Json, Query, Refusal, read_json};
use septet_contracts::models::{
    CancelCall, CancelledCall, DeploymentList, IDEMPOTENCY_HEADER, ModelList, OFFSET_HEADER, OutcomeReply,
    OutcomeReport, RUN_HEADER, UsagePage, UsageQuery,
};
use septet_kernel::Caller;
use septet_protocols::Dialect;
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::asked::Asked;
use crate::call::{ModelCall, Posted, Work};
use crate::calls::Calls;
use crate::config::ModelKind;
use crate::error::Error;
use crate::keys::Keys;
use crate::quota::Who;
use crate::routes::admission::ClientIdentity;
use crate::routes::refused::Refused;
use crate::tokens;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub calls: Arc<Calls>,
    pub keep_alive: Duration,
}

pub(crate) fn routes(shared: Shared, keys: Keys) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/responses", post(respond))
        .route("/v1/messages", post(message))
        .route("/v1/messages/count_tokens", post(count))
        .route("/v1/embeddings", post(embed))
        .route("/v1/rerank", post(rerank))
        .route("/v1/models", get(list))
        .route("/v1/models/{*id}", get(show))
        .route("/internal/usage", get(usage))
        .route("/internal/deployments", get(deployments))
        .route("/internal/budgets", get(budgets))
        .route("/internal/affords", get(affords))
        .route("/internal/outcomes", post(outcomes))
        .route("/internal/calls/cancel", post(cancel))
        .layer(middleware::from_fn_with_state(keys, admission::admit))
        .with_state(shared)
}

type Body = Result<Bytes, BytesRejection>;

/// Answers a conversation in OpenAI's Chat Completions.
async fn chat(shared: State<Shared>, client: ClientIdentity, headers: HeaderMap, body: Body) -> Response {
    ask(Dialect::Chat, shared, client, headers, body).await
}

/// Answers a conversation in OpenAI's Responses.
async fn respond(shared: State<Shared>, client: ClientIdentity, headers: HeaderMap, body: Body) -> Response {
    ask(Dialect::Responses, shared, client, headers, body).await
}

/// Answers a conversation in Anthropic's Messages.
async fn message(shared: State<Shared>, client: ClientIdentity, headers: HeaderMap, body: Body) -> Response {
    ask(Dialect::Anthropic, shared, client, headers, body).await
}

async fn ask(
    dialect: Dialect,
    State(shared): State<Shared>,
    client: ClientIdentity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let begun = async {
        client.known()?;
        let asked = read(&shared, dialect, bytes(body)?).await?;
        let is_stream = asked.stream;
        let (caller, call) = call(client, &headers, asked.model.clone(), Work::Chat(asked))?;
        let answer = shared.calls.begin(&caller, call).await?;
        if is_stream { answer::streamed(answer, shared.keep_alive).await } else { answer::whole(answer).await }
    };
    begun.await.unwrap_or_else(|error| Refused { dialect, error }.into_response())
}

/// Turns texts into vectors.
async fn embed(shared: State<Shared>, client: ClientIdentity, headers: HeaderMap, body: Body) -> Response {
    other(shared, client, headers, body, Work::Embed).await
}

/// Puts documents in the order of a question.
async fn rerank(shared: State<Shared>, client: ClientIdentity, headers: HeaderMap, body: Body) -> Response {
    other(shared, client, headers, body, Work::Rerank).await
}

async fn other(
    State(shared): State<Shared>,
    client: ClientIdentity,
    headers: HeaderMap,
    body: Body,
    work: impl FnOnce(Posted) -> Work,
) -> Response {
    let begun = async {
        client.known()?;
        let posted = read_whole(&shared, bytes(body)?).await?;
        let model = posted.value.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (caller, call) = call(client, &headers, model, work(posted))?;
        answer::whole(shared.calls.begin(&caller, call).await?).await
    };
    begun.await.unwrap_or_else(|error| Refused { dialect: Dialect::Chat, error }.into_response())
}

/// How many tokens a request in Anthropic's shape is. Where the vocabulary of the model is not known, it is an estimate and
/// says so in `estimated`.
async fn count(State(shared): State<Shared>, client: ClientIdentity, body: Body) -> Response {
    let counted = async {
        client.known()?;
        let asked = read(&shared, Dialect::Anthropic, bytes(body)?).await?;
        let plan = shared.calls.registry.plan(&asked.model, ModelKind::Chat).await.ok();
        let first = plan.as_ref().and_then(|plan| plan.stages.first()?.members.first());
        let model = first.map_or(asked.model.as_str(), |member| member.deployment.model.upstream()).to_owned();
        let work = move || {
            let vocabulary = tokens::vocabulary(&model);
            let count =
                |text: &str| vocabulary.map_or_else(|| tokens::counted(text), |known| tokens::counted_by(known, text));
            (asked.prompt_tokens(count), vocabulary.is_none())
        };
        let (n_tokens, is_estimate) = shared.calls.cpu.run(work).await.map_err(|_panicked| Error::Uncounted)?;
        Ok(Json(json!({"input_tokens": n_tokens, "estimated": is_estimate})).into_response())
    };
    counted.await.unwrap_or_else(|error| Refused { dialect: Dialect::Anthropic, error }.into_response())
}

/// The models and routes on offer.
async fn list(State(shared): State<Shared>, client: ClientIdentity) -> Response {
    if let Err(error) = client.known() {
        return Refused { dialect: Dialect::Chat, error }.into_response();
    }
    let mut list: ModelList = shared.calls.registry.list().await;
    if let Some(key) = client.key {
        list.data.retain(|model| key.grant.opens(&model.id));
    }
    Json(list).into_response()
}

/// One model.
async fn show(
    State(shared): State<Shared>,
    client: ClientIdentity,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Response {
    if let Err(error) = client.known() {
        return Refused { dialect: Dialect::Chat, error }.into_response();
    }
    let list = shared.calls.registry.list().await;
    match list.data.into_iter().find(|model| model.id == id) {
        Some(model) => Json(model).into_response(),
        None => {
            let error = shared.calls.registry.no_model(&id).await;
            Refused { dialect: Dialect::Chat, error }.into_response()
        }
    }
}

/// Usage records after a cursor, of all tenants: for the ledger.
async fn usage(
    State(shared): State<Shared>,
    _caller: Caller,
    client: ClientIdentity,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsagePage>, Refusal<Error>> {
    inside(&client)?;
    let limit = query.limit.unwrap_or(200).clamp(1, 1000);
    Ok(Json(shared.calls.recorder.usage_after(query.after, limit).await?))
}

/// How every deployment is: its breaker, its pace, its calls.
async fn deployments(
    State(shared): State<Shared>,
    _caller: Caller,
    client: ClientIdentity,
) -> Result<Json<DeploymentList>, Refusal<Error>> {
    inside(&client)?;
    Ok(Json(shared.calls.registry.deployments()))
}

/// Where the caller's budgets stand.
async fn budgets(
    State(shared): State<Shared>,
    caller: Caller,
    client: ClientIdentity,
) -> Result<Json<Value>, Refusal<Error>> {
    let key = client.key.as_ref();
    let who = Who {
        caller: &caller,
        key: key.map(|key| key.grant.name.as_str()),
        group: key.and_then(|key| key.grant.group.as_deref()),
    };
    Ok(Json(answer::budgets(shared.calls.quota.look(&who).await?)))
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct AffordsQuery {
    model: String,
}

/// Whether the caller's tenant may begin a call to a model.
async fn affords(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<AffordsQuery>,
) -> Result<StatusCode, Refusal<Error>> {
    shared.calls.affords(&caller, &query.model).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the tenant's calls turned out.
async fn outcomes(
    State(shared): State<Shared>,
    caller: Caller,
    Json(report): Json<OutcomeReport>,
) -> Result<Json<OutcomeReply>, Refusal<Error>> {
    Ok(Json(shared.calls.learn(caller.tenant, &report).await?))
}

/// Cancels the caller's call with a key.
async fn cancel(State(shared): State<Shared>, caller: Caller, Json(call): Json<CancelCall>) -> Json<CancelledCall> {
    Json(CancelledCall { cancelled: shared.calls.cancel(&caller, call.key) })
}

/// Only peers see what concerns all tenants.
fn inside(client: &ClientIdentity) -> Result<(), Error> {
    if client.key.is_some() { Err(Error::Inside) } else { Ok(()) }
}

fn call(client: ClientIdentity, headers: &HeaderMap, model: String, work: Work) -> Result<(Caller, ModelCall), Error> {
    let ClientIdentity { caller, key } = client;
    let caller = caller.ok_or(Error::NoKey)?;
    if let Some(key) = &key
        && !key.grant.opens(&model)
    {
        return Err(Error::NotYours { name: model });
    }
    let offset = text(headers, OFFSET_HEADER).map(|offset| offset.parse().map_err(|_bad| Error::BadOffset));
    let call = ModelCall {
        work,
        model,
        run: text(headers, RUN_HEADER),
        key: idempotency_key(headers)?,
        offset: offset.transpose()?.unwrap_or(0),
        beta: headers.get("anthropic-beta").cloned(),
        service_key: key,
    };
    Ok((caller, call))
}

/// The head of a request; of a long one on the pool for CPU work.
async fn read(shared: &Shared, dialect: Dialect, body: Bytes) -> Result<Asked, Error> {
    let read = shared.calls.cpu.run_over(body.len(), move || Asked::read(dialect, body)).await;
    read.map_err(|_panicked| Error::Unwritten)?.map_err(Error::Wrong)
}

/// A body that is no conversation.
async fn read_whole(shared: &Shared, body: Bytes) -> Result<Posted, Error> {
    let (cpu, n_bytes, hashed) = (&shared.calls.cpu, body.len(), body.clone());
    let value: Value = read_json(Some(cpu), body).await.map_err(|bad| Error::Wrong(bad.into()))?;
    let digest = cpu.run_over(n_bytes, move || sha2::Sha256::digest(&hashed).into()).await;
    Ok(Posted { value: value.into(), n_bytes: n_bytes as u64, digest: digest.map_err(|_panicked| Error::Unwritten)? })
}

fn bytes(body: Body) -> Result<Bytes, Error> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge { max_bytes: crate::MAX_BODY_BYTES },
        _ => Error::Unread,
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())?;
    Some(value.chars().take(200).collect())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(IDEMPOTENCY_HEADER) else { return Ok(None) };
    let text = value.to_str().map_err(|_not_ascii| Error::BadKey)?.trim();
    if text.is_empty() || text.len() > 255 { Err(Error::BadKey) } else { Ok(Some(text.to_owned())) }
}
