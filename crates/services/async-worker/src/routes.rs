//! The table of contents of the async worker.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::jobs::{Job, JobFilter, NewJob};
use septet_contracts::page::Page;
use septet_kernel::{Caller, JobId};

use crate::Error;
use crate::jobs::Jobs;

type Answer<T> = Result<Json<T>, Refusal<Error>>;

/// Every endpoint.
pub(crate) fn routes(jobs: Jobs) -> Router {
    Router::new()
        .route("/jobs", post(enqueue).get(list))
        .route("/jobs/{id}", get(show))
        .route("/jobs/{id}/cancel", post(cancel))
        .route("/jobs/{id}/retry", post(retry))
        .with_state(jobs)
}

async fn enqueue(
    State(jobs): State<Jobs>,
    caller: Caller,
    Json(new): Json<NewJob>,
) -> Result<(StatusCode, Json<Job>), Refusal<Error>> {
    Ok((StatusCode::CREATED, Json(jobs.enqueue(&caller, new).await?)))
}

async fn list(State(jobs): State<Jobs>, caller: Caller, Query(filter): Query<JobFilter>) -> Answer<Page<Job>> {
    Ok(Json(jobs.list(&caller, &filter).await?))
}

async fn show(State(jobs): State<Jobs>, caller: Caller, Path(text): Path<String>) -> Answer<Job> {
    Ok(Json(jobs.get(&caller, id(&text)?).await?))
}

async fn cancel(State(jobs): State<Jobs>, caller: Caller, Path(text): Path<String>) -> Answer<Job> {
    Ok(Json(jobs.cancel(&caller, id(&text)?).await?))
}

async fn retry(State(jobs): State<Jobs>, caller: Caller, Path(text): Path<String>) -> Answer<Job> {
    Ok(Json(jobs.retry(&caller, id(&text)?).await?))
}

fn id(text: &str) -> Result<JobId, Error> {
    text.parse().map_err(|error: septet_kernel::BadId| Error::Invalid { param: "id", detail: error.to_string() })
}
