//! The job this service owns: `knowledge.ingest`, and what it is told about it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::jobs::{JobEvent, MovedJob, RunJob};
use septet_contracts::knowledge::{INGEST_JOB, IngestPayload};
use septet_contracts::management::Permission;
use septet_contracts::ndjson;
use septet_kernel::{BoxError, Caller};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::Error;
use crate::engine::Engine;

/// Progress is sent to the worker at least this often.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);

/// Runs a job; the answer is a stream of events, one a line. Dropping it stops the job.
pub(crate) async fn run(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Json(job): Json<RunJob>,
) -> Result<Response, Refusal<Error>> {
    // Whoever asked for it may have lost the right since.
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    let payload = payload(&job.kind, job.payload)?;
    let is_last = job.max_attempts > 0 && job.attempt >= job.max_attempts;
    // The job outlives whatever deadline its request carries; the worker's lease is its limit.
    let lines = events(engine, caller.without_deadline(), payload, is_last);
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(ndjson::CONTENT_TYPE));
    Ok(response)
}

/// Is told that a job ended, or begins anew, without this service.
pub(crate) async fn moved(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Json(moved): Json<MovedJob>,
) -> Result<StatusCode, Refusal<Error>> {
    let payload = payload(&moved.kind, moved.payload.clone())?;
    engine.moved(&caller, &moved, payload).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn payload(kind: &str, payload: serde_json::Value) -> Result<IngestPayload, Error> {
    if kind != INGEST_JOB {
        let detail = format!("this service has no jobs of kind {kind:?}, only {INGEST_JOB}");
        return Err(Error::BadRequest { param: "kind", detail });
    }
    serde_json::from_value(payload).map_err(|error| Error::BadRequest {
        param: "payload",
        detail: format!("the payload is not understood: {error}"),
    })
}

/// The work has a task of its own, because whoever reads this stream may stop reading while it writes progress to the
/// database. Work that waited for it in the middle of a transaction would hold the one writing connection: a deadlock.
fn events(
    engine: Arc<Engine>,
    caller: Caller,
    payload: IngestPayload,
    is_last: bool,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let (send, mut receive) = mpsc::channel(8);
    let (tell, mut told) = oneshot::channel();
    let lifecycle = engine.lifecycle.clone();
    let work = lifecycle.spawn("read a file", async move {
        // Nobody listens any more when the stream was dropped, and then this task is dropped too.
        let _unheard = tell.send(engine.ingest(&caller, payload, is_last, send).await);
    });
    let work = AbortOnDropHandle::new(work);
    async_stream::stream! {
        let _dropped_with_the_stream = work;
        let mut last = JobEvent::Progress { done: 0, total: 0, note: "queued".to_owned() };
        loop {
            tokio::select! {
                biased;
                end = &mut told => {
                    match end {
                        Ok(end) => yield Ok(ndjson::line(&end)),
                        Err(_aborted) => yield Err(BoxError::from("the reading was stopped")),
                    }
                    return;
                }
                Some(event) = receive.recv() => {
                    yield Ok(ndjson::line(&event));
                    last = event;
                }
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => yield Ok(ndjson::line(&last)),
            }
        }
    }
}
