//! An Agent Core with stand-ins for Management, the model gateway, the knowledge engine and the sandbox runner.

mod models;
mod sandbox;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use secrecy::SecretString;
use septet_agent_core::Config;
use septet_blobs::Blobs;
use septet_chassis::{Platform, Service};
use septet_contracts::agents::Agents;
use septet_contracts::responses::{ConversationRef, CreateResponse, ResponseInput, ResponseObject};
use septet_database::Database;
use septet_kernel::{Caller, Clock, ConversationId, ResponseId, Role, ServiceName, VectorStoreId};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

pub(crate) use self::sandbox::Sandboxes;

/// What the model does when it is asked next.
#[derive(Clone)]
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

impl std::ops::Deref for Peers {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

#[derive(Default)]
pub(super) struct Inner {
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
    /// The sandboxes and what runs in them.
    pub(crate) sandbox: Sandboxes,
    /// Whether an answer is kept under its key, as the model gateway keeps it.
    are_answers_kept: Mutex<bool>,
    kept: Mutex<BTreeMap<String, Turn>>,
    /// The database of the agent, while what is asked is held against its journal.
    journal: Mutex<Option<String>>,
    /// Who was asked, and whether the journal already said so.
    intents: Mutex<Vec<(&'static str, bool)>>,
    /// How many searches are answered together, in the order opposite to that in which they came.
    n_together: Mutex<usize>,
    together: Notify,
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

    /// Notes that somebody is asked for something, and whether the journal has as many events of the kind as it was asked for.
    async fn is_asked(&self, whom: &'static str, kind: &str) {
        let Some(database) = self.journal.lock().unwrap().clone() else { return };
        let sql = format!("SELECT event FROM agent_journal WHERE json_extract(event, '$.kind') = '{kind}'");
        let n_journaled = first_column(&database, &sql).await.len();
        let mut intents = self.intents.lock().unwrap();
        let n_asked = intents.iter().filter(|(earlier, _)| *earlier == whom).count() + 1;
        intents.push((whom, n_journaled >= n_asked));
    }

    /// From now on each key has one answer, however often it is asked for.
    pub(crate) fn keep_answers(&self) {
        *self.0.are_answers_kept.lock().unwrap() = true;
    }

    /// From now on searches are answered when so many have come, the last one first.
    pub(crate) fn answer_together(&self, n: usize) {
        *self.0.n_together.lock().unwrap() = n;
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

/// A run as a client reads it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) output: Vec<Value>,
    /// All of it.
    pub(crate) extra: Value,
    text: String,
}

impl Answer {
    pub(crate) fn output_text(&self) -> &str {
        &self.text
    }
}

impl From<ResponseObject> for Answer {
    fn from(response: ResponseObject) -> Self {
        let extra = serde_json::to_value(&response).unwrap();
        Self {
            status: response.status.as_str().to_owned(),
            output: extra["output"].as_array().unwrap().clone(),
            text: response.output_text(),
            extra,
        }
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
    /// With an agent that has every tool, these limits, and a model with this script.
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
        *peers.agent.lock().unwrap() = json!({
            "id": platform.ids.next::<septet_kernel::AgentId>(),
            "name": "analyst",
            "model": "m",
            "prompt": {"id": platform.ids.next::<septet_kernel::PromptId>(), "version": 1, "text": "You help."},
            "tools": ["knowledge_search", "run_python", "run_sql", "current_time"],
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
            (ServiceName::ModelGateway, models::routes(peers.clone())),
            (ServiceName::KnowledgeEngine, knowledge(peers.clone())),
            (ServiceName::SandboxRunner, sandbox::routes(peers.clone())),
        ] {
            platform.directory.plug_local(name, Service::internal(name, router).into_router(&platform));
        }
        let service = septet_agent_core::open(config.clone(), &platform, database, blobs).await.unwrap();
        platform.directory.plug_local(ServiceName::AgentCore, service.into_router(&platform));
        platform.lifecycle.begin();
        let agents = Agents::new(platform.directory.transport(ServiceName::AgentCore));
        Self { platform, agents, peers, caller, folder, config }
    }

    /// Does something to the tables while the process runs.
    pub(crate) async fn sql(&self, sql: &str) {
        let database = Database::open(&database_uri(&self.folder)).await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(database.writer(), sql).await.unwrap();
    }

    /// The rows that a query gives, each with its first column as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        first_column(&database_uri(&self.folder), sql).await
    }

    /// From now on whoever is asked for something looks whether the journal says so already.
    pub(crate) fn hold_against_the_journal(&self) {
        *self.peers.journal.lock().unwrap() = Some(database_uri(&self.folder));
    }

    /// Who was asked since, and whether the journal said so by then.
    pub(crate) fn intents(&self) -> Vec<(&'static str, bool)> {
        self.peers.intents.lock().unwrap().clone()
    }

    /// The folder of the blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    /// Asks and waits for the end of the run.
    pub(crate) async fn ask(&self, question: &str) -> Answer {
        bounded(self.agents.create(&self.caller, &request(question))).await.unwrap().into()
    }

    /// Asks on in the conversation of a run.
    pub(crate) async fn ask_on(&self, before: &Answer, question: &str) -> Answer {
        let conversation: ConversationId = before.extra["conversation"]["id"].as_str().unwrap().parse().unwrap();
        let conversation = Some(ConversationRef::Id(conversation));
        bounded(self.agents.create(&self.caller, &CreateResponse { conversation, ..request(question) }))
            .await
            .unwrap()
            .into()
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
        input: ResponseInput::Text(question.to_owned()),
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

/// Waits until as many searches have come as are answered together; then the last one is answered first.
async fn in_reverse(peers: &Peers, number: usize) {
    let n_together = *peers.n_together.lock().unwrap();
    while *peers.n_searches.lock().unwrap() < n_together {
        peers.together.notified().await;
    }
    peers.together.notify_waiters();
    let n_behind = n_together.saturating_sub(number);
    tokio::time::sleep(Duration::from_millis(30 * u64::try_from(n_behind).unwrap())).await;
}

fn platform() -> Platform {
    Platform::new(&SecretString::from("a secret of the tests only, 32 bytes"), Clock::system())
}

fn database_uri(folder: &TempDir) -> String {
    Database::sqlite_uri(&folder.path().join("septet.db"))
}

fn management(peers: Peers) -> Router {
    let agent = async |State(peers): State<Peers>, Path(name): Path<String>| {
        let mut agent = peers.agent.lock().unwrap().clone();
        agent["name"] = json!(name);
        peers.named.lock().unwrap().push(name);
        Json(agent)
    };
    let base = async |State(peers): State<Peers>, Path(id): Path<VectorStoreId>| {
        let is_there = peers.bases.lock().unwrap().contains(&id);
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
        let number = {
            let mut n_searches = peers.n_searches.lock().unwrap();
            *n_searches += 1;
            *n_searches
        };
        peers.searched.lock().unwrap().push(query["vector_stores"].clone());
        in_reverse(&peers, number).await;
        // Each question finds one passage of its own.
        let question = query["queries"][0].as_str().unwrap_or_default().to_owned();
        let psg = format!("psg_0193a5c0e8f07c4d8e1f2a3b4c5d{:04x}", question.len());
        let id = |prefix: &str| format!("{prefix}0193a5c0e8f07c4d8e1f2a3b4c5d6e7f");
        Json(json!({"passages": [{
            "id": psg, "vector_store": id("vs_"), "file": id("file-"), "filename": "report.pdf",
            "page": 3, "page_end": 3, "heading": "Sales", "text": format!("Net sales were 12 billion. About {question}."), "score": 0.5,
        }]}))
    };
    Router::new().route("/internal/search", post(search)).with_state(peers)
}

async fn first_column(database: &str, sql: &str) -> Vec<String> {
    let database = Database::open(database).await.unwrap();
    let rows = sea_orm::ConnectionTrait::query_all_raw(
        database.reader(),
        sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql.to_owned()),
    );
    rows.await.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
