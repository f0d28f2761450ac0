//! A sandbox runner that runs nothing and remembers everything.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Peers;

const CONTAINER: &str = "cntr_0193a5c0e8f07c4d8e1f2a3b4c5d6e7f";

/// The sandboxes and what runs in them.
#[derive(Default)]
pub(crate) struct Sandboxes {
    is_away: Mutex<bool>,
    /// The names of sandboxes that were let go.
    let_go: Mutex<Vec<String>>,
    /// Whether code may reach a network.
    is_networked: Mutex<bool>,
    /// Whether the next code that starts does not end by itself.
    next_hangs: Mutex<bool>,
    /// The executions by key.
    executions: Mutex<BTreeMap<String, Arc<Execution>>>,
    /// The code that was started, oldest first, each time it was.
    started: Mutex<Vec<String>>,
    /// The keys of executions that were stopped.
    stopped: Mutex<Vec<String>>,
    n_running: Mutex<(usize, usize)>,
    n_refused: Mutex<usize>,
}

struct Execution {
    code: String,
    /// Absent while it runs.
    outcome: watch::Sender<Option<&'static str>>,
}

impl Sandboxes {
    pub(crate) fn is_away(&self, is_away: bool) {
        *self.is_away.lock().unwrap() = is_away;
    }

    /// The names of sandboxes that were let go, oldest first.
    pub(crate) fn let_go(&self) -> Vec<String> {
        self.let_go.lock().unwrap().clone()
    }

    /// Lets code reach a network.
    pub(crate) fn reach_a_network(&self) {
        *self.is_networked.lock().unwrap() = true;
    }

    /// The next code that starts goes on for ever.
    pub(crate) fn hang_next(&self) {
        *self.next_hangs.lock().unwrap() = true;
    }

    /// The process of the sandboxes dies: what runs is known as killed, and is never started again.
    pub(crate) fn crash(&self) {
        for execution in self.executions.lock().unwrap().values() {
            execution.outcome.send_if_modified(|outcome| {
                let was_running = outcome.is_none();
                outcome.get_or_insert("killed");
                was_running
            });
        }
    }

    /// Everything that runs ends well.
    pub(crate) fn end_all(&self) {
        let mut n_running = self.n_running.lock().unwrap();
        for execution in self.executions.lock().unwrap().values() {
            execution.outcome.send_if_modified(|outcome| {
                let was_running = outcome.is_none();
                n_running.0 -= usize::from(was_running);
                outcome.get_or_insert("ok");
                was_running
            });
        }
    }

    /// Whether some code has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.executions.lock().unwrap().values().any(|execution| execution.outcome.borrow().is_some())
    }

    /// From now on so many executions are refused because the runner is on its way up.
    pub(crate) fn refuse_next(&self, n: usize) {
        *self.n_refused.lock().unwrap() = n;
    }

    /// The code that was started, oldest first, each time it was.
    pub(crate) fn started(&self) -> Vec<String> {
        self.started.lock().unwrap().clone()
    }

    /// The keys of executions that were stopped.
    pub(crate) fn stopped(&self) -> Vec<String> {
        self.stopped.lock().unwrap().clone()
    }

    /// How many executions were going on at the same time, at most.
    pub(crate) fn n_at_once(&self) -> usize {
        self.n_running.lock().unwrap().1
    }
}

pub(super) fn routes(peers: Peers) -> Router {
    let let_go = async |State(peers): State<Peers>, Path(name): Path<String>| {
        if *peers.sandbox.is_away.lock().unwrap() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        peers.sandbox.let_go.lock().unwrap().push(name);
        StatusCode::NO_CONTENT
    };
    let container = async |State(peers): State<Peers>| Json(container(&peers));
    let stop = async |State(peers): State<Peers>, headers: HeaderMap| {
        let key = key(&headers);
        if let Some(execution) = peers.sandbox.executions.lock().unwrap().get(&key) {
            execution.outcome.send_replace(Some("killed"));
        }
        peers.sandbox.stopped.lock().unwrap().push(key);
        StatusCode::NO_CONTENT
    };
    Router::new()
        .route("/internal/containers/named/{name}", delete(let_go))
        .route("/v1/containers", post(container))
        .route("/v1/containers/{id}", get(container))
        .route("/v1/containers/{id}/executions", post(execute))
        .route("/v1/containers/{id}/executions/stop", post(stop))
        .with_state(peers)
}

fn container(peers: &Peers) -> Value {
    let network = if *peers.sandbox.is_networked.lock().unwrap() {
        json!({"type": "allowlist", "allowed_domains": ["example.com"]})
    } else {
        json!({"type": "disabled"})
    };
    json!({
        "id": CONTAINER, "object": "container", "name": "c", "status": "running", "created_at": 1, "last_active_at": 1,
        "network_policy": network, "septet": {"isolation": "L3", "driver": "process"},
    })
}

fn key(headers: &HeaderMap) -> String {
    headers["idempotency-key"].to_str().unwrap().to_owned()
}

/// Starts the code, or replays what is known under its key.
async fn execute(State(peers): State<Peers>, headers: HeaderMap, Json(new): Json<Value>) -> Response {
    {
        let mut n_refused = peers.sandbox.n_refused.lock().unwrap();
        if *n_refused > 0 {
            *n_refused -= 1;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    peers.is_asked("code", "tool_started").await;
    let key = key(&headers);
    let known = peers.sandbox.executions.lock().unwrap().get(&key).cloned();
    let is_new = known.is_none();
    let execution = known.unwrap_or_else(|| start(&peers, key, &new));
    let pieces = async_stream::stream! {
        let id = "exec_0193a5c0e8f07c4d8e1f2a3b4c5d6e7f";
        yield line(&json!({"type": "started", "execution": id, "fresh": true}));
        let printed = json!({"type": "stdout", "text": format!("{} ran\n", execution.code)});
        let mut outcome = execution.outcome.subscribe();
        if is_new {
            yield line(&printed);
        }
        let ended = outcome.wait_for(Option::is_some).await.unwrap().unwrap();
        if !is_new && ended == "ok" {
            yield line(&printed);
        }
        yield line(&json!({
            "type": "done", "outcome": ended, "exit_code": 0, "duration_ms": 1, "truncated": false,
        }));
    };
    ([("content-type", "application/x-ndjson")], Body::from_stream(pieces)).into_response()
}

#[expect(clippy::disallowed_methods, reason = "it ends with the test's run-time")]
fn start(peers: &Peers, key: String, new: &Value) -> Arc<Execution> {
    let code = new["code"].as_str().unwrap().to_owned();
    let hangs = std::mem::take(&mut *peers.sandbox.next_hangs.lock().unwrap());
    let execution = Arc::new(Execution { code: code.clone(), outcome: watch::channel(None).0 });
    peers.sandbox.started.lock().unwrap().push(code);
    peers.sandbox.executions.lock().unwrap().insert(key, Arc::clone(&execution));
    {
        let mut n_running = peers.sandbox.n_running.lock().unwrap();
        n_running.0 += 1;
        n_running.1 = n_running.1.max(n_running.0);
    }
    if !hangs {
        let (peers, execution) = (peers.clone(), Arc::clone(&execution));
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let mut n_running = peers.sandbox.n_running.lock().unwrap();
            if execution.outcome.borrow().is_none() {
                n_running.0 -= 1;
            }
            execution.outcome.send_if_modified(|outcome| {
                outcome.get_or_insert("ok");
                true
            });
        });
    }
    execution
}

fn line(event: &Value) -> Result<Bytes, Infallible> {
    Ok(Bytes::from(format!("{event}\n")))
}
