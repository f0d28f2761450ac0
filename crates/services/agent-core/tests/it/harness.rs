//! An Agent Core with stand-ins for Management, the model gateway and the knowledge engine.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use futures::StreamExt;
use secrecy::SecretString;
use septet_agent_core::Config;
use septet_blobs::Blobs;
use septet_chassis::{Platform, Service};
use septet_contracts::agents::{Agents, ConversationRef, CreateResponse, Input, ResponseObject};
use septet_database::Database;
use septet_kernel::{Caller, Clock, ConversationId, ResponseId, Role, ServiceName, VectorStoreId};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

/// What the model does when it is asked next.
pub(crate) enum Turn {
    /// Answers with these deltas and ends for this reason; it used 10 tokens in and 5 out, 2 of them for thinking.
    Says(Vec<Value>, Option<&'static str>),
    /// Refuses with this status, these seconds to wait, and this sentence.
    Refuses(u16, Option<u64>, &'static str),
    /// Begins to answer and never ends.
    Hangs,
}

/// A turn that is text.
pub(crate) fn text(text: &str) -> Turn {
    Turn::Says(vec![json!({"content": text})], Some("stop"))
}

/// A turn that calls a tool several times, each time with these arguments.
pub(crate) fn calls(name: &str, arguments: &[&str]) -> Turn {
    let delta = |(index, arguments): (usize, &&str)| {
        json!({"tool_calls": [{"index": index, "id": format!("c{index}"), "type": "function",
            "function": {"name": name, "arguments": arguments}}]})
    };
    Turn::Says(arguments.iter().enumerate().map(delta).collect(), Some("tool_calls"))
}

/// A search, with good arguments.
pub(crate) fn searches(n: usize) -> Turn {
    calls("knowledge_search", &vec![r#"{"queries":["net sales"]}"#; n])
}

/// The name under which a process owned runs that is there no more.
pub(crate) fn name_of_a_dead_process() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap().display().to_string();
    let namespace: String = namespace.chars().filter(char::is_ascii_digit).collect();
    // Beyond the highest number that a process can have.
    format!("agent-core-x@{}.{namespace}/4194305/1", boot.trim())
}

/// What the stand-ins do and remember.
#[derive(Clone, Default)]
pub(crate) struct Peers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    agent: Mutex<Value>,
    script: Mutex<VecDeque<Turn>>,
    /// Said once the script is over; "done" unless told.
    always: Mutex<Option<fn() -> Turn>>,
    provider: Mutex<String>,
    asked: Mutex<Vec<(String, Value)>>,
    cancelled: Mutex<Vec<String>>,
    arrived: Notify,
    n_searches: Mutex<usize>,
    /// The knowledge bases that there are.
    bases: Mutex<Vec<VectorStoreId>>,
    /// Where was searched, oldest first.
    searched: Mutex<Vec<Value>>,
    /// Which agents were asked for.
    named: Mutex<Vec<String>>,
    is_sandbox_away: Mutex<bool>,
    /// The names of sandboxes that were let go.
    let_go: Mutex<Vec<String>>,
}

impl Peers {
    /// The bodies of the requests to the model so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.0.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    /// Their idempotency keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.asked.lock().unwrap().iter().map(|(key, _)| key.clone()).collect()
    }

    /// The keys of the calls that were cancelled.
    pub(crate) fn cancelled(&self) -> Vec<String> {
        self.0.cancelled.lock().unwrap().clone()
    }

    /// Makes a knowledge base.
    pub(crate) fn add_base(&self, id: VectorStoreId) -> VectorStoreId {
        self.0.bases.lock().unwrap().push(id);
        id
    }

    /// Where was searched so far, oldest first.
    pub(crate) fn searched(&self) -> Vec<Value> {
        self.0.searched.lock().unwrap().clone()
    }

    /// Which agents were asked for, oldest first.
    pub(crate) fn named(&self) -> Vec<String> {
        self.0.named.lock().unwrap().clone()
    }

    pub(crate) fn sandbox_is_away(&self, is_away: bool) {
        *self.0.is_sandbox_away.lock().unwrap() = is_away;
    }

    /// The names of sandboxes that were let go, oldest first.
    pub(crate) fn let_go(&self) -> Vec<String> {
        self.0.let_go.lock().unwrap().clone()
    }

    pub(crate) fn n_searches(&self) -> usize {
        *self.0.n_searches.lock().unwrap()
    }

    pub(crate) fn script(&self, turns: impl IntoIterator<Item = Turn>) {
        self.0.script.lock().unwrap().extend(turns);
    }

    pub(crate) fn always(&self, turn: fn() -> Turn) {
        *self.0.always.lock().unwrap() = Some(turn);
    }

    /// Who answers from now on.
    pub(crate) fn provider(&self, name: &str) {
        name.clone_into(&mut self.0.provider.lock().unwrap());
    }

    /// Ends when the model was asked so often.
    pub(crate) async fn n_asked(&self, n: usize) {
        while self.asked().len() < n {
            self.arrived().await;
        }
    }

    /// Ends when the model is asked.
    pub(crate) async fn arrived(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.0.arrived.notified()).await.expect("the model is asked");
    }
}

/// A running Agent Core.
pub(crate) struct Harness {
    pub(crate) platform: Platform,
    pub(crate) agents: Agents,
    pub(crate) peers: Peers,
    pub(crate) caller: Caller,
    folder: TempDir,
    config: Config,
}

impl Harness {
    /// With an agent that has the tools `knowledge_search` and `run_python`, these limits, and a model with this script.
    pub(crate) async fn start(limits: Value, script: impl IntoIterator<Item = Turn>) -> Self {
        Self::start_with(limits, script, |_config| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(
        limits: Value,
        script: impl IntoIterator<Item = Turn>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let platform = platform();
        let peers = Peers::default();
        peers.provider("compat");
        peers.script(script);
        *peers.0.agent.lock().unwrap() = json!({
            "id": platform.ids.next::<septet_kernel::AgentId>(),
            "name": "analyst",
            "model": "m",
            "prompt": {"id": platform.ids.next::<septet_kernel::PromptId>(), "version": 1, "text": "You help."},
            "tools": ["knowledge_search", "run_python"],
            "limits": limits,
        });
        let caller = Caller { role: Role::Editor, ..Caller::background(platform.ids.next(), platform.ids.next()) };
        let mut config = Config { lease_s: 600, model_retries: 1, ..Config::default() };
        change(&mut config);
        Self::open(platform, tempfile::tempdir().unwrap(), config, peers, caller).await
    }

    /// The same data and peers, a new process. `between` sees the database while nobody runs.
    pub(crate) async fn restart(self, between: impl AsyncFnOnce(&Database)) -> Self {
        self.platform.lifecycle.finish(Duration::from_secs(5)).await;
        let Self { folder, config, peers, caller, .. } = self;
        between(&Database::open(&database_uri(&folder)).await.unwrap()).await;
        Self::open(platform(), folder, config, peers, caller).await
    }

    async fn open(platform: Platform, folder: TempDir, config: Config, peers: Peers, caller: Caller) -> Self {
        let database = Database::open(&database_uri(&folder)).await.unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(&folder.path().join("blobs"))).unwrap();
        for (name, router) in [
            (ServiceName::Management, management(peers.clone())),
            (ServiceName::ModelGateway, models(peers.clone())),
            (ServiceName::KnowledgeEngine, knowledge(peers.clone())),
            (ServiceName::SandboxRunner, sandbox(peers.clone())),
        ] {
            platform.directory.plug_local(name, Service::internal(name, router).into_router(&platform));
        }
        let service = septet_agent_core::open(config.clone(), &platform, database, blobs).await.unwrap();
        platform.directory.plug_local(ServiceName::AgentCore, service.into_router(&platform));
        platform.lifecycle.begin();
        let agents = Agents::new(platform.directory.transport(ServiceName::AgentCore));
        Self { platform, agents, peers, caller, folder, config }
    }

    /// The folder of the blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    /// Asks and waits for the end of the run.
    pub(crate) async fn ask(&self, question: &str) -> ResponseObject {
        bounded(self.agents.create(&self.caller, &request(question))).await.unwrap()
    }

    /// Asks on in the conversation of a run.
    pub(crate) async fn ask_on(&self, before: &ResponseObject, question: &str) -> ResponseObject {
        let conversation: ConversationId = before.extra["conversation"]["id"].as_str().unwrap().parse().unwrap();
        let conversation = Some(ConversationRef::Id(conversation));
        bounded(self.agents.create(&self.caller, &CreateResponse { conversation, ..request(question) })).await.unwrap()
    }

    /// Asks and does not wait.
    pub(crate) async fn begin(&self, question: &str) -> ResponseId {
        let wanted = CreateResponse { background: Some(true), ..request(question) };
        self.agents.create(&self.caller, &wanted).await.unwrap().id
    }

    /// All events of a run up to its end.
    pub(crate) async fn events(&self, run: ResponseId) -> Vec<(String, Value)> {
        let events = self.agents.events(&self.caller, run, None).await.unwrap();
        let read = events.map(|event| event.unwrap());
        let read = read.map(|event| (event.name, serde_json::from_str(&event.data).unwrap()));
        bounded(read.collect()).await
    }
}

/// A run that hangs fails its test instead of hanging it.
async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the run ends")
}

pub(crate) fn request(question: &str) -> CreateResponse {
    CreateResponse {
        model: "agent:analyst".to_owned(),
        default_model: None,
        input: Input::Text(question.to_owned()),
        stream: false,
        conversation: None,
        previous_response_id: None,
        background: None,
        tools: Vec::new(),
        metadata: None,
        instructions: None,
        extra: Map::new(),
    }
}

fn platform() -> Platform {
    Platform::new(&SecretString::from("a secret of the tests only, 32 bytes"), Clock::system())
}

fn database_uri(folder: &TempDir) -> String {
    Database::sqlite_uri(&folder.path().join("septet.db"))
}

fn management(peers: Peers) -> Router {
    let agent = async |State(peers): State<Peers>, Path(name): Path<String>| {
        let mut agent = peers.0.agent.lock().unwrap().clone();
        agent["name"] = json!(name);
        peers.0.named.lock().unwrap().push(name);
        Json(agent)
    };
    let base = async |State(peers): State<Peers>, Path(id): Path<VectorStoreId>| {
        let is_there = peers.0.bases.lock().unwrap().contains(&id);
        let base = json!({"id": id, "created_at": 1, "last_active_at": 1});
        is_there.then_some(Json(base)).ok_or(StatusCode::NOT_FOUND)
    };
    Router::new()
        .route("/internal/agents/{name}", get(agent))
        .route("/knowledge-bases/{id}", get(base))
        .with_state(peers)
}

fn knowledge(peers: Peers) -> Router {
    let search = async |State(peers): State<Peers>, Json(query): Json<Value>| {
        *peers.0.n_searches.lock().unwrap() += 1;
        peers.0.searched.lock().unwrap().push(query["vector_stores"].clone());
        let id = |prefix: &str| format!("{prefix}0193a5c0e8f07c4d8e1f2a3b4c5d6e7f");
        Json(json!({"passages": [{
            "id": id("psg_"), "vector_store": id("vs_"), "file": id("file-"), "filename": "report.pdf",
            "page": 3, "page_end": 3, "heading": "Sales", "text": "Net sales were 12 billion.", "score": 0.5,
        }]}))
    };
    Router::new().route("/internal/search", post(search)).with_state(peers)
}

fn sandbox(peers: Peers) -> Router {
    let let_go = async |State(peers): State<Peers>, Path(name): Path<String>| {
        if *peers.0.is_sandbox_away.lock().unwrap() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        peers.0.let_go.lock().unwrap().push(name);
        StatusCode::NO_CONTENT
    };
    Router::new().route("/internal/containers/named/{name}", delete(let_go)).with_state(peers)
}

fn models(peers: Peers) -> Router {
    let cancel = async |State(peers): State<Peers>, Json(call): Json<Value>| {
        peers.0.cancelled.lock().unwrap().push(call["key"].as_str().unwrap().to_owned());
        Json(json!({"cancelled": true}))
    };
    Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/internal/calls/cancel", post(cancel))
        .with_state(peers)
}

async fn answer(State(peers): State<Peers>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    peers.0.asked.lock().unwrap().push((key, body));
    peers.0.arrived.notify_one();
    let next = peers.0.script.lock().unwrap().pop_front();
    let turn = next.unwrap_or_else(|| peers.0.always.lock().unwrap().map_or_else(|| text("done"), |turn| turn()));
    let chunk =
        |choices: Value| json!({"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": choices});
    let event = |data: &Value| format!("data: {data}\n\n");
    let (deltas, finish, hangs) = match turn {
        Turn::Says(deltas, finish) => (deltas, finish, false),
        Turn::Hangs => (vec![json!({"content": "Well"})], None, true),
        Turn::Refuses(status, seconds, message) => {
            let status = StatusCode::from_u16(status).unwrap();
            let problem = json!({"detail": message, "code": "scripted", "retry_after_s": seconds});
            return (status, Json(problem)).into_response();
        }
    };
    let choices = |delta: &Value, finish: Option<&str>| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let mut wire: String = deltas.iter().map(|delta| event(&chunk(choices(delta, None)))).collect();
    let mut end = String::new();
    if !hangs {
        wire.push_str(&event(&chunk(choices(&json!({}), finish))));
        let mut last = chunk(json!([]));
        last["usage"] = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "completion_tokens_details": {"reasoning_tokens": 2}});
        end = event(&last) + "data: [DONE]\n\n";
    }
    let deployment = format!("{}/m", peers.0.provider.lock().unwrap());
    let pieces = async_stream::stream! {
        yield Ok::<_, Infallible>(Bytes::from(wire));
        if hangs {
            std::future::pending::<()>().await;
        }
        yield Ok(Bytes::from(end));
    };
    let headers = [("content-type", "text/event-stream".to_owned()), ("x-septet-deployment", deployment)];
    (headers, Body::from_stream(pieces)).into_response()
}
