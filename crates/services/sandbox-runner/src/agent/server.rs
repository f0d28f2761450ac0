//! The agent's HTTP server, which offers one session.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use septet_contracts::ndjson;
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::lines::Lines;
use super::listener::EgressListener;
use super::protocol::{
    AgentError, AgentErrorKind, AgentEvent, AgentRequest, FolderChanges, Health, Look, Opening, PROTOCOL,
};
use super::token::TokenDigest;
use crate::driver::{Chunks, Error, Said, Session, Signals, Walls};
use crate::process;

const LAST_RUN_TIMEOUT: Duration = Duration::from_secs(5);

/// The one session of a container.
pub(super) struct Agent {
    session: Box<dyn Session>,
    walls: Walls,
    token: TokenDigest,
    /// One permit: runs of one session do not overlap.
    running: Semaphore,
    found: Mutex<Vec<Option<Chunks>>>,
    egress: EgressListener,
    is_fresh: AtomicBool,
    asked_at: Mutex<Instant>,
}

impl Agent {
    pub(super) fn new(session: Box<dyn Session>, walls: Walls, token: TokenDigest, egress: EgressListener) -> Self {
        Self {
            session,
            walls,
            token,
            running: Semaphore::new(1),
            found: Mutex::default(),
            egress,
            is_fresh: AtomicBool::new(true),
            asked_at: Mutex::new(Instant::now()),
        }
    }

    /// When somebody who knows the token last asked for something, and whether that is still going on.
    pub(super) fn asked_at(&self) -> Instant {
        *self.asked_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.session.is_lost()
    }

    fn is_ours(&self, request: &Request) -> bool {
        let given = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        given.strip_prefix(b"Bearer ").is_some_and(|token| self.token.is_of(token))
    }
}

type Shared = State<Arc<Agent>>;

pub(super) fn routes(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/run", post(run))
        .route("/files", put(put_file).get(get_file).delete(remove_file))
        .route("/forget", post(forget))
        .route("/changes", post(changes))
        .route("/found/{number}", get(found))
        .route("/egress", put(open_egress).post(egress))
        .layer(middleware::from_fn_with_state(Arc::clone(&agent), admit))
        .with_state(agent)
}

/// The code in the container can reach our socket too; what it does not have is the token.
async fn admit(State(agent): Shared, request: Request, next: Next) -> Response {
    if !agent.is_ours(&request) {
        return refusal(AgentErrorKind::Stranger, "the token is not this agent's");
    }
    *agent.asked_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    next.run(request).await
}

async fn health(State(agent): Shared) -> Response {
    if agent.is_lost() {
        return refusal(AgentErrorKind::Lost, "the sandbox broke down");
    }
    let health = Health {
        protocol: PROTOCOL,
        level: agent.walls.level,
        memory: agent.walls.memory,
        python: agent.walls.python.clone(),
        is_fresh: agent.is_fresh.load(Ordering::Relaxed),
    };
    Json(health).into_response()
}

async fn run(State(agent): Shared, body: Body) -> Response {
    let lines = told(agent, Lines::new(body)).map(|told| Ok::<Bytes, std::convert::Infallible>(ndjson::line(&told)));
    ([(header::CONTENT_TYPE, ndjson::CONTENT_TYPE)], Body::from_stream(lines)).into_response()
}

/// What happened in a run.
enum Happened {
    Said(Said),
    Asked(Option<AgentRequest>),
    Over(Result<crate::driver::Ended, Error>),
}

fn told(agent: Arc<Agent>, mut asks: Lines) -> impl Stream<Item = AgentEvent> + Send {
    async_stream::stream! {
        let Some(AgentRequest::Enter { keep }) = asks.next().await else {
            yield failed(AgentErrorKind::Garbled, "a run begins with enter");
            return;
        };
        // The last run may have been reported as ended just before it gave its permit back.
        let Ok(Ok(_running)) = tokio::time::timeout(LAST_RUN_TIMEOUT, agent.running.acquire()).await else {
            yield failed(AgentErrorKind::Busy, "a run of this session is going on");
            return;
        };
        agent.is_fresh.store(false, Ordering::Relaxed);
        let entered = match agent.session.enter(keep).await {
            Ok(entered) => entered,
            Err(error) => {
                yield AgentEvent::Failed(agent_error(&error));
                return;
            }
        };
        yield AgentEvent::Entered { is_fresh: entered.is_fresh() };
        let spec = match asks.next().await {
            Some(AgentRequest::Run(spec)) => spec,
            None => return,
            Some(AgentRequest::Enter { .. } | AgentRequest::Interrupt | AgentRequest::Cancel) => {
                yield failed(AgentErrorKind::Garbled, "after enter comes run");
                return;
            }
        };
        let signals = Signals::default();
        // What waits here is bounded: a run's output has a limit.
        let (tell, mut said) = mpsc::unbounded_channel();
        let mut say = move |said| {
            tell.send(said).ok();
        };
        let mut running = entered.run(&spec, &signals, &mut say);
        let over = loop {
            let happened = tokio::select! {
                Some(said) = said.recv() => Happened::Said(said),
                over = &mut running => Happened::Over(over),
                ask = asks.next() => Happened::Asked(ask),
            };
            match happened {
                Happened::Said(said) => yield AgentEvent::Said(said),
                Happened::Over(over) => break over,
                Happened::Asked(Some(AgentRequest::Interrupt)) => signals.interrupt.cancel(),
                Happened::Asked(Some(AgentRequest::Cancel)) => signals.cancel.cancel(),
                // The client has left or does not keep to the protocol: the run is dropped, which kills it.
                Happened::Asked(None | Some(AgentRequest::Enter { .. } | AgentRequest::Run(_))) => return,
            }
        };
        drop(running);
        while let Ok(said) = said.try_recv() {
            yield AgentEvent::Said(said);
        }
        match over {
            Ok(ended) => yield AgentEvent::Ended(Box::new(ended)),
            Err(error) => yield AgentEvent::Failed(agent_error(&error)),
        }
    }
}

#[derive(Deserialize)]
struct At {
    path: String,
}

impl At {
    fn inside(&self) -> Result<String, Box<Response>> {
        process::inside(&self.path)
            .ok_or_else(|| Box::new(refusal(AgentErrorKind::Garbled, "the path is not below the session folder")))
    }
}

async fn put_file(State(agent): Shared, Query(at): Query<At>, body: Body) -> Response {
    let path = match at.inside() {
        Ok(path) => path,
        Err(refusal) => return *refusal,
    };
    agent.is_fresh.store(false, Ordering::Relaxed);
    let content = body.into_data_stream().map_err(io::Error::other).boxed();
    done(agent.session.put(&path, content).await)
}

async fn get_file(State(agent): Shared, Query(at): Query<At>) -> Response {
    let path = match at.inside() {
        Ok(path) => path,
        Err(refusal) => return *refusal,
    };
    match agent.session.get(&path).await {
        Ok(content) => Body::from_stream(content).into_response(),
        Err(error) => done(Err(error)),
    }
}

async fn remove_file(State(agent): Shared, Query(at): Query<At>) -> Response {
    match at.inside() {
        Ok(path) => done(agent.session.remove(&path).await),
        Err(refusal) => *refusal,
    }
}

async fn forget(State(agent): Shared, Query(at): Query<At>) -> Response {
    agent.session.forget(&at.path).await;
    done(Ok(()))
}

async fn changes(State(agent): Shared, Json(look): Json<Look>) -> Response {
    let changes = match agent.session.changes(look.n_max).await {
        Ok(changes) => changes,
        Err(error) => return done(Err(error)),
    };
    let mut seen = FolderChanges { found: Vec::new(), gone: changes.gone, is_cut: changes.is_cut };
    let mut contents = Vec::new();
    for file in changes.found {
        seen.found.push(file.path);
        contents.push(Some(file.content));
    }
    *agent.found.lock().unwrap_or_else(PoisonError::into_inner) = contents;
    Json(seen).into_response()
}

async fn found(State(agent): Shared, Path(number): Path<usize>) -> Response {
    let content = agent.found.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number).and_then(Option::take);
    match content {
        Some(content) => Body::from_stream(content).into_response(),
        None => refusal(AgentErrorKind::Garbled, "the last look found no such file"),
    }
}

async fn open_egress(State(agent): Shared, Json(opening): Json<Opening>) -> Response {
    agent.is_fresh.store(false, Ordering::Relaxed);
    match agent.egress.open(opening).await {
        Ok(()) => done(Ok(())),
        Err(error) => refusal(error.kind, &error.detail),
    }
}

async fn egress(State(agent): Shared, request: Request) -> Response {
    match agent.egress.answer(request).await {
        Ok(response) => response,
        Err(error) => refusal(error.kind, &error.detail),
    }
}

fn done(outcome: io::Result<()>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => refusal(AgentErrorKind::Full, &error.to_string()),
        Err(error) => refusal(AgentErrorKind::Io, &error.to_string()),
    }
}

fn refusal(kind: AgentErrorKind, detail: &str) -> Response {
    let status = match kind {
        AgentErrorKind::Stranger => StatusCode::UNAUTHORIZED,
        AgentErrorKind::Garbled => StatusCode::BAD_REQUEST,
        AgentErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        AgentErrorKind::Busy => StatusCode::CONFLICT,
        AgentErrorKind::Unavailable | AgentErrorKind::Lost => StatusCode::SERVICE_UNAVAILABLE,
        AgentErrorKind::Io => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(AgentError { kind, detail: detail.to_owned() })).into_response()
}

fn failed(kind: AgentErrorKind, detail: &str) -> AgentEvent {
    AgentEvent::Failed(AgentError { kind, detail: detail.to_owned() })
}

fn agent_error(error: &Error) -> AgentError {
    let kind = match error {
        Error::Unavailable(_) => AgentErrorKind::Unavailable,
        Error::Lost => AgentErrorKind::Lost,
        Error::Io(_) => AgentErrorKind::Io,
    };
    let detail = match error {
        Error::Unavailable(why) => why.clone(),
        Error::Lost | Error::Io(_) => septet_kernel::causes(error),
    };
    AgentError { kind, detail }
}
