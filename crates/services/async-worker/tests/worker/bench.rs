//! Worker processes over one database, and an owner that does what the payload says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use secrecy::SecretString;
use septet_async_worker::{Config, open};
use septet_chassis::Platform;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::jobs::{Job, JobEvent, JobState, Jobs, MovedJob, NewJob, RunJob};
use septet_contracts::management::Permission;
use septet_contracts::ndjson;
use septet_database::Database;
use septet_kernel::{Caller, Clock, Ids, JobId, Role, ServiceName, TenantId};
use septet_queue::{Backoff, Queue};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::people::People;

/// One installation: a database, a clock, an owner. Processes come and go.
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) owner: Arc<Scripted>,
    pub(crate) people: Arc<People>,
    pub(crate) tenant: TenantId,
    database: Database,
    uri: String,
    folder: tempfile::TempDir,
}

/// One worker process.
pub(crate) struct Process {
    pub(crate) jobs: Jobs,
    pub(crate) queue: Queue,
    pub(crate) platform: Platform,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = fresh_database(&folder).await;
        let database = Database::open(&uri).await.unwrap();
        let clock = Clock::manual(1_750_000_000_000);
        let ids = Ids::new(clock.clone());
        let tenant = ids.next();
        Self { clock, ids, owner: Arc::default(), people: Arc::default(), tenant, database, uri, folder }
    }

    /// Starts a worker process next to the owner.
    pub(crate) async fn start(&self, config: Config) -> Process {
        let process = self.start_alone(config).await;
        process.plug(&self.owner);
        process
    }

    /// The same with connections of its own, for a process that will be killed: what it leaves half done in a shared
    /// pool would come to the others.
    pub(crate) async fn start_apart(&self, config: Config) -> Process {
        let process = self.start_on(Database::open(&self.uri).await.unwrap(), config).await;
        process.plug(&self.owner);
        process
    }

    /// Starts a worker process whose owner is not there yet.
    pub(crate) async fn start_alone(&self, config: Config) -> Process {
        self.start_on(self.database.clone(), config).await
    }

    async fn start_on(&self, database: Database, config: Config) -> Process {
        let platform = Platform::new(&SecretString::from("a secret of the tests"), self.clock.clone());
        let backoff = Backoff { base: Duration::from_secs(4), cap: Duration::from_secs(4) };
        let queue = Queue::open(database, self.clock.clone(), self.ids.clone()).await.unwrap();
        let queue = queue.with_backoff(backoff);
        let service = open(config, &platform, queue.clone()).await.unwrap();
        let router = service.into_router(&platform);
        platform.directory.plug_local(ServiceName::AsyncWorker, router);
        let management = septet_chassis::Service::internal(ServiceName::Management, self.people.router());
        platform.directory.plug_local(ServiceName::Management, management.into_router(&platform));
        let jobs = Jobs::new(platform.directory.transport(ServiceName::AsyncWorker));
        Process { jobs, queue, platform }
    }

    /// Settings of the tests: polls quickly, because a manual clock moves without waking anybody.
    pub(crate) fn config(&self) -> Config {
        Config { poll_ms: 10, ..Config::default() }
    }

    pub(crate) fn instance_file(&self) -> Option<PathBuf> {
        Some(self.folder.path().join("worker.instance"))
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller { role: Role::Member, ..Caller::background(self.tenant, self.ids.next()) }
    }

    /// A person with this role, who is there.
    pub(crate) fn person(&self, role: Role) -> Caller {
        let user = self.ids.next();
        self.people.put(user, role);
        Caller { user: Some(user), role, ..self.caller() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Process {
    pub(crate) fn plug(&self, owner: &Arc<Scripted>) {
        let platform = &self.platform;
        let service = septet_chassis::Service::internal(ServiceName::KnowledgeEngine, owner.router());
        platform.directory.plug_local(ServiceName::KnowledgeEngine, service.into_router(platform));
    }

    /// Makes a job that does what `payload` says.
    pub(crate) async fn enqueue(&self, bench: &Bench, payload: Value) -> JobId {
        self.jobs.enqueue(&bench.caller(), &job(payload)).await.unwrap().id
    }

    /// The job, once it is as wanted.
    pub(crate) async fn until(&self, bench: &Bench, id: JobId, wanted: impl Fn(&Job) -> bool) -> Job {
        let mut last = None;
        let found = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let job = self.jobs.get(&bench.caller(), id).await.unwrap();
                if wanted(&job) {
                    return job;
                }
                last = Some(job);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        found.await.unwrap_or_else(|_elapsed| panic!("the job never got there: {last:?}"))
    }
}

pub(crate) fn job(payload: Value) -> NewJob {
    NewJob::new("test.scripted", ServiceName::KnowledgeEngine, payload)
}

/// An owner that does what the payload says and remembers what it saw.
#[derive(Default)]
pub(crate) struct Scripted {
    seen: Mutex<Seen>,
    /// Lets hanging jobs go on.
    pub(crate) gate: Notify,
    changed: Notify,
}

#[derive(Default, Clone)]
pub(crate) struct Seen {
    /// Every start: the job, its attempt, and who asked.
    pub(crate) runs: Vec<(JobId, u32, Caller)>,
    pub(crate) n_running: usize,
    pub(crate) most_running: usize,
    /// How many runs of one job were under way at the same time, at most.
    pub(crate) most_of_one: usize,
    /// Runs that were dropped before they ended.
    pub(crate) n_dropped: usize,
    /// What the owner was told about jobs that moved without it.
    pub(crate) moved: Vec<(JobId, JobState)>,
    of_one: BTreeMap<JobId, usize>,
}

impl Scripted {
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self) -> Vec<u32> {
        self.seen().runs.iter().map(|(_, attempt, _)| *attempt).collect()
    }

    /// Returns once what was seen is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Seen) -> bool) {
        let met = async {
            loop {
                let changed = self.changed.notified();
                if wanted(&self.seen()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), met).await.expect("the owner never saw it");
    }

    fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/jobs/run", post(run)).route("/jobs/moved", post(moved)).with_state(Arc::clone(self))
    }
}

async fn moved(State(owner): State<Arc<Scripted>>, Json(moved): Json<MovedJob>) -> StatusCode {
    owner.seen.lock().unwrap().moved.push((moved.job, moved.state));
    owner.changed.notify_waiters();
    StatusCode::NO_CONTENT
}

/// Notes the end of a run, however it ends.
struct Running {
    owner: Arc<Scripted>,
    job: JobId,
    is_ended: bool,
}

impl Running {
    fn begin(owner: &Arc<Scripted>, run: &RunJob, caller: Caller) -> Self {
        let mut seen = owner.seen.lock().unwrap();
        seen.runs.push((run.job, run.attempt, caller));
        seen.n_running += 1;
        seen.most_running = seen.most_running.max(seen.n_running);
        let of_one = seen.of_one.entry(run.job).or_default();
        *of_one += 1;
        let of_one = *of_one;
        seen.most_of_one = seen.most_of_one.max(of_one);
        drop(seen);
        owner.changed.notify_waiters();
        Self { owner: Arc::clone(owner), job: run.job, is_ended: false }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut seen = self.owner.seen.lock().unwrap();
        seen.n_running -= 1;
        *seen.of_one.entry(self.job).or_default() -= 1;
        seen.n_dropped += usize::from(!self.is_ended);
        drop(seen);
        self.owner.changed.notify_waiters();
    }
}

async fn run(State(owner): State<Arc<Scripted>>, caller: Caller, Json(run): Json<RunJob>) -> Response {
    let script = run.payload.clone();
    let needs = script["needs"].as_str().map(|word| Permission::ALL.iter().find(|one| one.as_str() == word).unwrap());
    let denied = needs.and_then(|permission| permission.check(&caller).err());
    let mut running = Running::begin(&owner, &run, caller);
    if let Some(denied) = denied {
        running.is_ended = true;
        return Refusal::from(denied).into_response();
    }
    if let Some(status) = script["refuse"].as_u64() {
        running.is_ended = true;
        let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
        return (status, axum::Json(json!({"detail": "refused by the script", "code": "scripted"}))).into_response();
    }
    let lines = async_stream::stream! {
        // As a whole: a flag that is copied in would leave the rest behind.
        let mut running = running;
        let progress = |done, note: &str| JobEvent::Progress { done, total: 10, note: note.to_owned() };
        if let Some(note) = script["note"].as_str() {
            yield Ok::<_, std::io::Error>(ndjson::line(&progress(3, note)));
        }
        if script["hang"] == true {
            owner.gate.notified().await;
        }
        if script["chatter"] == true {
            loop {
                yield Ok(ndjson::line(&progress(1, "still here")));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        running.is_ended = true;
        if let Some(line) = script["raw"].as_str() {
            yield Ok(bytes::Bytes::from(line.to_owned()));
        }
        let is_failing = script["fail_until"].as_u64().is_some_and(|until| u64::from(run.attempt) < until);
        if is_failing || script["fail"] == true {
            let (message, code) = ("no luck".to_owned(), "scripted".to_owned());
            yield Ok(ndjson::line(&JobEvent::Failed { message, code, retry: script["retry"] != false }));
        } else if script["break"] != true {
            yield Ok(ndjson::line(&JobEvent::Done { result: json!({"attempt": run.attempt}) }));
        }
    };
    Body::from_stream(lines).into_response()
}

async fn fresh_database(folder: &tempfile::TempDir) -> String {
    let Some(server) = postgres_server() else {
        return Database::sqlite_uri(&folder.path().join("septet.db"));
    };
    use sea_orm::ConnectionTrait;
    let name = format!("septet_worker_{}", Ids::new(Clock::system()).next::<TenantId>().uuid().simple());
    let admin = Database::open(&server).await.unwrap();
    admin.writer().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _database) = server.rsplit_once('/').expect("the URL names a database");
    format!("{base}/{name}")
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings file")]
fn postgres_server() -> Option<String> {
    std::env::var("SEPTET_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}
