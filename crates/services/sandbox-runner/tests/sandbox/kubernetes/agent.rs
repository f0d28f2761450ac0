//! An agent that follows a script: it keeps files in a map and answers code by what it says.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures::StreamExt;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::cluster::{agent_address, in_background, serve};

/// One pod's agent.
#[derive(Clone)]
pub(crate) struct Agent(Arc<Script>);

struct Script {
    token_sha256: String,
    tokens: Mutex<Vec<String>>,
    is_broken: AtomicBool,
    codes: Mutex<Vec<String>>,
    files: Mutex<BTreeMap<String, Bytes>>,
    /// Names that the next look finds.
    fresh: Mutex<Vec<String>>,
    found: Mutex<Vec<String>>,
    /// What it was told of egress.
    openings: Mutex<Vec<Value>>,
    /// Code that wants a stream, and those that wait for such code.
    wanted: mpsc::UnboundedSender<Fetch>,
    wanting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Fetch>>,
    n_waiting: AtomicUsize,
}

/// A request for a stream that waits; gone too when whoever asked has left.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An address, and where to say what was answered.
type Fetch = (String, oneshot::Sender<String>);

impl Agent {
    /// Listens where the arguments of the pod say, at the pod's address.
    pub(crate) async fn start(ip: Ipv4Addr, pod: &Value) -> (Self, JoinHandle<()>) {
        let args: Vec<&str> =
            pod["spec"]["containers"][0]["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
        let after = |name: &str| args[args.iter().position(|arg| *arg == name).unwrap() + 1];
        assert_eq!(after("--listen"), format!("tcp:0.0.0.0:{}", agent_address(ip).port()));
        let (wanted, wanting) = mpsc::unbounded_channel();
        let agent = Self(Arc::new(Script {
            token_sha256: after("--token-sha256").to_owned(),
            tokens: Mutex::default(),
            is_broken: AtomicBool::new(false),
            codes: Mutex::default(),
            files: Mutex::default(),
            fresh: Mutex::default(),
            found: Mutex::default(),
            openings: Mutex::default(),
            wanted,
            wanting: tokio::sync::Mutex::new(wanting),
            n_waiting: AtomicUsize::new(0),
        }));
        let router = Router::new()
            .route("/health", get(health))
            .route("/run", post(run))
            .route("/files", put(put_file).get(get_file).delete(remove_file))
            .route("/forget", post(forget))
            .route("/changes", post(changes))
            .route("/found/{number}", get(found))
            .route("/egress", put(open_egress).post(egress))
            .layer(axum::middleware::from_fn_with_state(agent.clone(), admit))
            .with_state(agent.clone());
        let listener = TcpListener::bind(agent_address(ip)).await.unwrap();
        (agent, serve(listener, router))
    }

    /// The code it was given.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.0.codes.lock().unwrap().clone()
    }

    /// The tokens it was shown.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.0.tokens.lock().unwrap().clone()
    }

    /// What it was told of egress.
    pub(crate) fn openings(&self) -> Vec<Value> {
        self.0.openings.lock().unwrap().clone()
    }

    /// Requests for streams that wait.
    pub(crate) fn n_waiting(&self) -> usize {
        self.0.n_waiting.load(Ordering::SeqCst)
    }

    /// From now on it answers nothing but errors.
    pub(crate) fn break_down(&self) {
        self.0.is_broken.store(true, Ordering::SeqCst);
    }
}

type Shared = State<Agent>;

async fn admit(State(agent): Shared, request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let token = bearer(request.headers());
    if hex::encode(Sha256::digest(&token)) != agent.0.token_sha256 {
        return refusal(StatusCode::UNAUTHORIZED, "stranger");
    }
    agent.0.tokens.lock().unwrap().push(token);
    if agent.0.is_broken.load(Ordering::SeqCst) {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "lost");
    }
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> String {
    let value = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    value.strip_prefix("Bearer ").unwrap_or_default().to_owned()
}

fn refusal(status: StatusCode, kind: &str) -> Response {
    (status, axum::Json(json!({ "kind": kind, "detail": "scripted" }))).into_response()
}

async fn health() -> Response {
    axum::Json(json!({ "protocol": 3, "level": "L1", "memory": "Watchdog", "python": "3.11.2", "is_fresh": true }))
        .into_response()
}

/// `print X` says X, `write NAME` makes a file, `read NAME` says what is in one, `fetch URL` what the
/// egress answers, `sleep` never ends.
async fn run(State(agent): Shared, body: Body) -> Response {
    let lines = async_stream::stream! {
        let mut asks = body.into_data_stream();
        let mut pending = Vec::new();
        let mut job = None;
        yield line(&json!({ "entered": { "is_fresh": true } }));
        while job.is_none() {
            let Some(Ok(chunk)) = asks.next().await else { return };
            pending.extend_from_slice(&chunk);
            job = pending.split(|byte| *byte == b'\n').find_map(|line| {
                Some(serde_json::from_slice::<Value>(line).ok()?.get("run")?["code"].as_str().unwrap().to_owned())
            });
        }
        let code = job.unwrap();
        agent.0.codes.lock().unwrap().push(code.clone());
        for word in code.lines() {
            match word.split_once(' ') {
                Some(("print", text)) => yield line(&json!({ "said": { "Stdout": text } })),
                Some(("write", name)) => {
                    agent.0.files.lock().unwrap().insert(name.to_owned(), Bytes::from("written by code"));
                    agent.0.fresh.lock().unwrap().push(name.to_owned());
                }
                Some(("read", name)) => {
                    let bytes = agent.0.files.lock().unwrap().get(name).cloned().unwrap_or_default();
                    yield line(&json!({ "said": { "Stdout": String::from_utf8_lossy(&bytes) } }));
                }
                Some(("fetch", url)) => {
                    let (answer, answered) = oneshot::channel();
                    agent.0.wanted.send((url.to_owned(), answer)).unwrap();
                    yield line(&json!({ "said": { "Stdout": answered.await.unwrap() } }));
                }
                _ => {
                    yield line(&json!({ "said": { "Stdout": "asleep" } }));
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
            }
        }
        yield line(&json!({ "ended": { "cause": "Itself", "status": 0, "duration": { "secs": 0, "nanos": 1000 },
            "is_cut": false, "error": null, "result": null, "displays": [], "is_kept": false } }));
    };
    Body::from_stream(lines.map(Ok::<_, std::convert::Infallible>)).into_response()
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

async fn open_egress(State(agent): Shared, axum::Json(opening): axum::Json<Value>) -> StatusCode {
    agent.0.openings.lock().unwrap().push(opening);
    StatusCode::NO_CONTENT
}

/// Becomes a connection of code that fetches.
async fn egress(State(agent): Shared, mut request: axum::extract::Request) -> Response {
    assert_eq!(request.headers()["upgrade"], "septet-stream");
    agent.0.n_waiting.fetch_add(1, Ordering::SeqCst);
    let _waiting = Waiting(&agent.0.n_waiting);
    let upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>().unwrap();
    let Some((url, answer)) = agent.0.wanting.lock().await.recv().await else {
        return StatusCode::NO_CONTENT.into_response();
    };
    in_background(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        stream
            .write_all(format!("GET {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        answer.send(said).unwrap();
    });
    (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "septet-stream")]).into_response()
}

type At = Query<BTreeMap<String, String>>;

async fn put_file(State(agent): Shared, Query(at): At, body: Bytes) -> StatusCode {
    agent.0.files.lock().unwrap().insert(at["path"].clone(), body);
    StatusCode::NO_CONTENT
}

async fn get_file(State(agent): Shared, Query(at): At) -> Response {
    agent.0.files.lock().unwrap().get(&at["path"]).cloned().unwrap_or_default().into_response()
}

async fn remove_file(State(agent): Shared, Query(at): At) -> StatusCode {
    agent.0.files.lock().unwrap().remove(&at["path"]);
    StatusCode::NO_CONTENT
}

async fn forget(State(agent): Shared, Query(at): At) -> StatusCode {
    agent.0.fresh.lock().unwrap().push(at["path"].clone());
    StatusCode::NO_CONTENT
}

async fn changes(State(agent): Shared) -> Response {
    let found = std::mem::take(&mut *agent.0.fresh.lock().unwrap());
    agent.0.found.lock().unwrap().clone_from(&found);
    axum::Json(json!({ "found": found, "gone": [], "is_cut": false })).into_response()
}

async fn found(State(agent): Shared, Path(number): Path<usize>) -> Response {
    let name = agent.0.found.lock().unwrap()[number].clone();
    agent.0.files.lock().unwrap()[&name].clone().into_response()
}
