//! The endpoints, one line each.

mod authentication;
mod blobs;
mod execute;
mod files;
mod owner;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{self, get, post};
use axum::{Router, middleware};
use futures::StreamExt;
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::ndjson;
use septet_contracts::page::{Page, PageQuery};
use septet_contracts::sandbox as api;
use septet_kernel::{Caller, ContainerFileId, ContainerId};

use crate::keys;
use crate::sandbox::Sandbox;
use crate::wire::{self, Walls};
use crate::{Error, doctor, mcp};

type Shared = State<Arc<Sandbox>>;
type Answer<T> = Result<Json<T>, Refusal<Error>>;

pub(crate) fn routes(sandbox: Arc<Sandbox>) -> Router {
    let keys = keys::keys(&sandbox.config.keys, sandbox.ids.clone());
    // Forms are read in pieces and have a limit of their own.
    let files = post(files::add).get(list_files).layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/v1/execute", post(execute::execute))
        .route_service("/mcp", mcp::service(Arc::clone(&sandbox)))
        .route("/v1/containers", post(create).get(list))
        .route("/v1/containers/{container}", get(show).delete(delete))
        .route("/v1/containers/{container}/fork", post(fork))
        .route("/v1/containers/{container}/files", files)
        .route("/v1/containers/{container}/files/{file}", get(file).delete(delete_file))
        .route("/v1/containers/{container}/files/{file}/content", get(files::content))
        .route("/v1/containers/{container}/executions", post(execute))
        .route("/v1/containers/{container}/executions/stop", post(stop))
        .route("/v1/containers/{container}/executions/interrupt", post(interrupt))
        .route("/internal/doctor", get(examine))
        .layer(middleware::from_fn_with_state(Arc::clone(&sandbox), owner::only))
        .route("/internal/containers/named/{name}", routing::delete(blobs::delete_named))
        .route(septet_contracts::blobs::HELD, post(blobs::held))
        .layer(middleware::from_fn_with_state(keys, authentication::require))
        .with_state(sandbox)
}

async fn create(State(sandbox): Shared, caller: Caller, Json(new): Json<api::NewContainer>) -> Answer<api::Container> {
    let container = sandbox.create(caller.tenant, caller.user, new).await?;
    Ok(Json(wire::container(&container, sandbox.clock.now_ms(), &walls(&sandbox).await)))
}

async fn list(State(sandbox): Shared, caller: Caller, Query(page): Query<PageQuery>) -> Answer<Page<api::Container>> {
    let (containers, has_more) = sandbox.containers(caller.tenant, caller.user, &page).await?;
    let (now_ms, walls) = (sandbox.clock.now_ms(), walls(&sandbox).await);
    let data = containers.iter().map(|container| wire::container(container, now_ms, &walls)).collect();
    Ok(Json(Page::new(data, has_more, |container: &api::Container| container.id.to_string())))
}

async fn show(State(sandbox): Shared, caller: Caller, Path(container): Path<String>) -> Answer<api::Container> {
    let container = sandbox.container(caller.tenant, id(&container)?).await?;
    Ok(Json(wire::container(&container, sandbox.clock.now_ms(), &walls(&sandbox).await)))
}

async fn delete(State(sandbox): Shared, caller: Caller, Path(container): Path<String>) -> Answer<serde_json::Value> {
    let container = id(&container)?;
    sandbox.delete(caller.tenant, container).await?;
    Ok(deleted("container.deleted", container))
}

async fn fork(State(sandbox): Shared, caller: Caller, Path(container): Path<String>) -> Answer<api::Container> {
    let forked = sandbox.fork(caller.tenant, caller.user, id(&container)?).await?;
    let mut answer = wire::container(&forked.container, sandbox.clock.now_ms(), &walls(&sandbox).await);
    answer.septet.left_behind = forked.left_behind;
    Ok(Json(answer))
}

async fn list_files(
    State(sandbox): Shared,
    caller: Caller,
    Path(container): Path<String>,
    Query(page): Query<PageQuery>,
) -> Answer<Page<api::ContainerFile>> {
    let (files, has_more) = sandbox.files(caller.tenant, id(&container)?, &page).await?;
    let data = files.iter().map(wire::file).collect();
    Ok(Json(Page::new(data, has_more, |file: &api::ContainerFile| file.id.to_string())))
}

async fn file(
    State(sandbox): Shared,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> Answer<api::ContainerFile> {
    let (container, file) = ids(&path)?;
    Ok(Json(wire::file(&sandbox.file(caller.tenant, container, file).await?)))
}

async fn delete_file(
    State(sandbox): Shared,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> Answer<serde_json::Value> {
    let (container, file) = ids(&path)?;
    sandbox.delete_file(caller.tenant, container, file).await?;
    Ok(deleted("container.file.deleted", file))
}

async fn execute(
    State(sandbox): Shared,
    caller: Caller,
    Path(container): Path<String>,
    headers: HeaderMap,
    Json(new): Json<api::NewExecution>,
) -> Result<Response<Body>, Refusal<Error>> {
    let events = sandbox.execute(caller.tenant, id(&container)?, new, key(&headers)).await?;
    let lines = events.map(|event| Ok::<_, std::convert::Infallible>(ndjson::line(&event)));
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, ndjson::CONTENT_TYPE)], Body::from_stream(lines)).into_response())
}

async fn stop(
    State(sandbox): Shared,
    caller: Caller,
    Path(container): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal<Error>> {
    sandbox.stop(caller.tenant, id(&container)?, key(&headers).unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn interrupt(
    State(sandbox): Shared,
    caller: Caller,
    Path(container): Path<String>,
) -> Result<StatusCode, Refusal<Error>> {
    sandbox.interrupt(caller.tenant, id(&container)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn key(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("idempotency-key")?.to_str().ok()?;
    Some(key.to_owned()).filter(|key| !key.is_empty())
}

async fn examine(State(sandbox): Shared) -> Json<api::Doctor> {
    Json(doctor::examine(&sandbox.config, sandbox.driver.as_ref()).await)
}

async fn walls(sandbox: &Sandbox) -> Walls {
    let walls = sandbox.driver.walls().await;
    Walls {
        isolation: walls.map_or("none", |walls| walls.level.name()).to_owned(),
        driver: sandbox.driver.name().to_owned(),
    }
}

fn id(text: &str) -> Result<ContainerId, Error> {
    Ok(text.parse()?)
}

fn ids((container, file): &(String, String)) -> Result<(ContainerId, ContainerFileId), Error> {
    Ok((container.parse()?, file.parse()?))
}

fn deleted(object: &str, id: impl std::fmt::Display) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "id": id.to_string(), "object": object, "deleted": true }))
}
