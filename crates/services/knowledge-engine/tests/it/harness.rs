//! A knowledge engine with stand-ins for Management, the async worker and the model gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use secrecy::SecretString;
use septet_blobs::Blobs;
use septet_chassis::{Platform, Service};
use septet_contracts::jobs::{Job, JobError, JobEvent, JobState, MovedJob, NewJob, Owner, Progress, RunJob};
use septet_contracts::knowledge::{
    File, Knowledge, NewFile, NewVectorStore, NewVectorStoreFile, Passage, PassageQuery, VectorStore, VectorStoreFile,
};
use septet_contracts::management::{KnowledgeBase, KnowledgeBaseChange, NewKnowledgeBase};
use septet_contracts::models::{Embedding, EmbeddingInput, EmbeddingReply, EmbeddingRequest};
use septet_contracts::page::Page;
use septet_database::Database;
use septet_kernel::{Caller, Clock, FileId, Ids, JobId, Role, ServiceName, TenantId, VectorStoreId};
use septet_knowledge_engine::Config;
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) struct Harness {
    pub(crate) folder: TempDir,
    uri: String,
    pub(crate) platform: Platform,
    pub(crate) knowledge: Knowledge,
    pub(crate) blobs: Blobs,
    pub(crate) ids: Ids,
    pub(crate) peers: Peers,
    pub(crate) config: Config,
    owner: Owner,
}

/// What the stand-ins remember.
#[derive(Clone, Default)]
pub(crate) struct Peers {
    bases: Arc<Mutex<Vec<(TenantId, KnowledgeBase)>>>,
    jobs: Arc<Mutex<Vec<(TenantId, Job)>>>,
    ids: Option<Ids>,
    /// What the embedding model answers instead of vectors.
    embedding_fails: Arc<Mutex<Option<StatusCode>>>,
    /// The embedding model answers the next question when this does, with its status.
    embedding_waits: Arc<Mutex<Option<oneshot::Receiver<StatusCode>>>>,
    /// Texts that the embedding model was asked about.
    embedded: Arc<Mutex<Vec<String>>>,
    /// The worker takes no job for it.
    refused: Arc<Mutex<Option<FileId>>>,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with(|_config| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            index_folder: folder.path().join("index"),
            parse_command: vec![env!("CARGO_BIN_EXE_septet-parse").to_owned()],
            ..Config::default()
        };
        change(&mut config);
        let uri = Database::sqlite_uri(&folder.path().join("septet.db"));
        Self::open(folder, uri, config, Peers::default(), Clock::system()).await
    }

    /// A data folder that an earlier version left, with one knowledge base in it.
    pub(crate) async fn upgraded(
        folder: TempDir,
        uri: String,
        tenant: TenantId,
        store: VectorStoreId,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            index_folder: folder.path().join("index"),
            parse_command: vec![env!("CARGO_BIN_EXE_septet-parse").to_owned()],
            ..Config::default()
        };
        change(&mut config);
        let peers = Peers::default();
        peers.remember(tenant, store);
        Self::open(folder, uri, config, peers, Clock::system()).await
    }

    /// The same data folder and peers, a new process a minute later.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(Duration::from_secs(60)).await
    }

    /// Time stands still in the new process.
    pub(crate) async fn restart_after(self, pause: Duration) -> Self {
        self.platform.lifecycle.finish(Duration::from_secs(5)).await;
        // A process ends when its threads have.
        self.platform.cpu.idle().await;
        let Self { folder, uri, config, peers, platform, .. } = self;
        let clock = Clock::manual(platform.clock.now_ms());
        clock.advance(pause);
        Self::open(folder, uri, config, peers, clock).await
    }

    async fn open(folder: TempDir, uri: String, config: Config, mut peers: Peers, clock: Clock) -> Self {
        let platform = Platform::new(&SecretString::from("a secret of the tests only, 32 bytes"), clock);
        peers.ids = Some(platform.ids.clone());
        let database = Database::open(&uri).await.unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(&folder.path().join("blobs"))).unwrap();
        let service = septet_knowledge_engine::open(config.clone(), &platform, database, blobs.clone()).await.unwrap();
        platform.directory.plug_local(ServiceName::KnowledgeEngine, service.into_router(&platform));
        for (name, router) in [
            (ServiceName::Management, management(peers.clone())),
            (ServiceName::AsyncWorker, worker(peers.clone())),
            (ServiceName::ModelGateway, models(peers.clone())),
        ] {
            platform.directory.plug_local(name, Service::internal(name, router).into_router(&platform));
        }
        let transport = platform.directory.transport(ServiceName::KnowledgeEngine);
        Self {
            knowledge: Knowledge::new(transport.clone()),
            owner: Owner::new(ServiceName::KnowledgeEngine, transport),
            ids: platform.ids.clone(),
            folder,
            uri,
            platform,
            blobs,
            peers,
            config,
        }
    }

    /// Somebody of a tenant of their own.
    pub(crate) fn somebody(&self) -> Caller {
        Caller { role: Role::Editor, ..Caller::background(self.ids.next(), self.ids.next()) }
    }

    pub(crate) async fn upload(&self, caller: &Caller, filename: &str, bytes: impl Into<Vec<u8>>) -> File {
        let stored = self.blobs.put(bytes.into()).await.unwrap();
        let new = NewFile { blob: stored.id, filename: filename.to_owned(), bytes: stored.bytes, purpose: None };
        self.knowledge.add_file(caller, &new).await.unwrap()
    }

    pub(crate) async fn store(&self, caller: &Caller, name: &str) -> VectorStore {
        self.knowledge
            .create_store(caller, &NewVectorStore { name: Some(name.to_owned()), ..NewVectorStore::default() })
            .await
            .unwrap()
    }

    /// Uploads, attaches and reads a file.
    pub(crate) async fn ingest(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        filename: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> VectorStoreFile {
        let file = self.upload(caller, filename, bytes).await;
        self.attach(caller, store, file.id).await;
        self.work().await;
        self.knowledge.attachment(caller, store, file.id).await.unwrap()
    }

    pub(crate) async fn attach(&self, caller: &Caller, store: VectorStoreId, file: FileId) -> VectorStoreFile {
        let new = NewVectorStoreFile { file_id: file, attributes: None, chunking_strategy: None };
        self.knowledge.attach(caller, store, &new).await.unwrap()
    }

    pub(crate) async fn search(&self, caller: &Caller, query: &str) -> Vec<Passage> {
        let query = PassageQuery { queries: vec![query.to_owned()], ..PassageQuery::default() };
        self.knowledge.search(caller, &query).await.unwrap().passages
    }

    /// Runs every job that waits, as the worker would; the last event of each.
    pub(crate) async fn work(&self) -> Vec<JobEvent> {
        let mut ends = Vec::new();
        while let Some((tenant, job)) = self.peers.take_job() {
            ends.push(self.run(tenant, &job).await);
        }
        ends
    }

    async fn run(&self, tenant: TenantId, job: &Job) -> JobEvent {
        let mut events = self.start_job(tenant, job).await;
        let mut last = None;
        while let Some(event) = events.next().await {
            last = Some(event);
        }
        last.unwrap()
    }

    /// Starts a job; dropping the stream stops it.
    pub(crate) async fn start_job(
        &self,
        tenant: TenantId,
        job: &Job,
    ) -> std::pin::Pin<Box<dyn futures::Stream<Item = JobEvent> + Send>> {
        self.start_attempt(tenant, job, 1).await
    }

    /// Starts one of the 25 attempts of a job.
    pub(crate) async fn start_attempt(
        &self,
        tenant: TenantId,
        job: &Job,
        attempt: u32,
    ) -> std::pin::Pin<Box<dyn futures::Stream<Item = JobEvent> + Send>> {
        let (kind, payload) = (job.kind.clone(), job.payload.clone());
        let run = RunJob { job: job.id, kind, attempt, max_attempts: 25, payload };
        let caller = Caller::background(tenant, self.ids.next());
        let events = self.owner.run(&caller, &run).await.unwrap();
        Box::pin(events.map(|event| event.unwrap()))
    }
}

impl Harness {
    /// Tells the engine where a job is now, as the worker does, after the worker's own table says so.
    pub(crate) async fn move_job(&self, tenant: TenantId, job: &Job, state: JobState, tell: bool) {
        let error = JobError { code: "worker_lost".to_owned(), message: "the worker disappeared".to_owned() };
        let error = (state == JobState::Dead).then_some(error);
        for (_, row) in self.peers.jobs.lock().unwrap().iter_mut().filter(|(_, row)| row.id == job.id) {
            row.state = state;
            row.error.clone_from(&error);
        }
        if tell {
            self.tell(tenant, job, state, error).await;
        }
    }

    /// Tells the engine that a job moved, whatever the worker's own table says.
    pub(crate) async fn tell(&self, tenant: TenantId, job: &Job, state: JobState, error: Option<JobError>) {
        let (kind, payload) = (job.kind.clone(), job.payload.clone());
        let moved = MovedJob { job: job.id, kind, payload, state, error };
        self.owner.moved(&Caller::background(tenant, self.ids.next()), &moved).await.unwrap();
    }
}

impl Peers {
    /// From now on the embedding model answers with this status, or works again.
    pub(crate) fn fail_embedding(&self, status: Option<StatusCode>) {
        *self.embedding_fails.lock().unwrap() = status;
    }

    /// The next question to the embedding model fails with the status that is sent here, and not before.
    pub(crate) fn hold_embedding(&self) -> oneshot::Sender<StatusCode> {
        let (fail, waits) = oneshot::channel();
        *self.embedding_waits.lock().unwrap() = Some(waits);
        fail
    }

    /// Whether that question is still to come.
    pub(crate) fn is_embedding_idle(&self) -> bool {
        self.embedding_waits.lock().unwrap().is_some()
    }

    /// What the embedding model was asked about since the last time.
    pub(crate) fn take_embedded(&self) -> Vec<String> {
        std::mem::take(&mut self.embedded.lock().unwrap())
    }

    /// A knowledge base that somebody made earlier.
    fn remember(&self, tenant: TenantId, store: VectorStoreId) {
        let base = KnowledgeBase {
            id: store,
            name: "earlier".to_owned(),
            description: String::new(),
            metadata: BTreeMap::new(),
            created_by: None,
            private: false,
            created_at: 1,
            last_active_at: 1,
        };
        self.bases.lock().unwrap().push((tenant, base));
    }

    /// From now on the worker takes no job for this file.
    pub(crate) fn refuse(&self, file: FileId) {
        *self.refused.lock().unwrap() = Some(file);
    }

    pub(crate) fn take_job(&self) -> Option<(TenantId, Job)> {
        let mut jobs = self.jobs.lock().unwrap();
        let waiting = jobs.iter_mut().find(|(_, job)| job.state == JobState::Ready)?;
        waiting.1.state = JobState::Running;
        Some(waiting.clone())
    }

    pub(crate) fn n_jobs(&self) -> usize {
        self.jobs.lock().unwrap().len()
    }
}

fn management(peers: Peers) -> Router {
    Router::new()
        .route("/knowledge-bases", post(make_base).get(list_bases))
        .route("/knowledge-bases/{id}", get(show_base).patch(change_base).delete(delete_base))
        .with_state(peers)
}

async fn make_base(
    State(peers): State<Peers>,
    caller: Caller,
    Json(new): Json<NewKnowledgeBase>,
) -> Json<KnowledgeBase> {
    let base = KnowledgeBase {
        id: peers.ids.clone().unwrap().next(),
        name: new.name,
        description: new.description,
        metadata: new.metadata,
        created_by: caller.user,
        private: new.private,
        created_at: 1,
        last_active_at: 1,
    };
    peers.bases.lock().unwrap().push((caller.tenant, base.clone()));
    Json(base)
}

/// A private one is there for who made it, and for services.
fn sees(caller: &Caller, tenant: TenantId, base: &KnowledgeBase) -> bool {
    tenant == caller.tenant && (!base.private || caller.user.is_none() || base.created_by == caller.user)
}

async fn list_bases(State(peers): State<Peers>, caller: Caller) -> Json<Page<KnowledgeBase>> {
    let bases = peers.bases.lock().unwrap();
    let own =
        bases.iter().filter(|(tenant, base)| sees(&caller, *tenant, base)).map(|(_, base)| base.clone()).collect();
    Json(Page::new(own, false, |base: &KnowledgeBase| base.id.to_string()))
}

async fn show_base(
    State(peers): State<Peers>,
    caller: Caller,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<KnowledgeBase>, StatusCode> {
    let bases = peers.bases.lock().unwrap();
    let found = bases.iter().find(|(tenant, base)| sees(&caller, *tenant, base) && base.id.to_string() == id);
    found.map(|(_, base)| Json(base.clone())).ok_or(StatusCode::NOT_FOUND)
}

async fn change_base(
    State(peers): State<Peers>,
    caller: Caller,
    UrlPath(id): UrlPath<String>,
    Json(change): Json<KnowledgeBaseChange>,
) -> Result<Json<KnowledgeBase>, StatusCode> {
    let mut bases = peers.bases.lock().unwrap();
    let found = bases.iter_mut().find(|(tenant, base)| *tenant == caller.tenant && base.id.to_string() == id);
    let (_, base) = found.ok_or(StatusCode::NOT_FOUND)?;
    base.name = change.name.unwrap_or_else(|| base.name.clone());
    base.metadata = change.metadata.unwrap_or_else(|| base.metadata.clone());
    Ok(Json(base.clone()))
}

async fn delete_base(State(peers): State<Peers>, caller: Caller, UrlPath(id): UrlPath<String>) -> StatusCode {
    let mut bases = peers.bases.lock().unwrap();
    let before = bases.len();
    bases.retain(|(tenant, base)| !sees(&caller, *tenant, base) || base.id.to_string() != id);
    if bases.len() < before { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

fn worker(peers: Peers) -> Router {
    Router::new().route("/jobs", post(enqueue)).with_state(peers)
}

async fn enqueue(State(peers): State<Peers>, caller: Caller, Json(new): Json<NewJob>) -> Result<Json<Job>, StatusCode> {
    if peers.refused.lock().unwrap().is_some_and(|file| new.payload["file"] == file.to_string()) {
        return Err(StatusCode::CONFLICT);
    }
    let mut jobs = peers.jobs.lock().unwrap();
    let key = serde_json::json!(new.idempotency_key);
    if let Some((_, job)) = jobs.iter().find(|(_, job)| job.result.as_ref() == Some(&key) && !key.is_null()) {
        return Ok(Json(job.clone()));
    }
    let job = Job {
        id: peers.ids.clone().unwrap().next::<JobId>(),
        tenant: caller.tenant,
        created_by: None,
        kind: new.kind,
        owner: new.owner,
        state: JobState::Ready,
        payload: new.payload,
        attempt: 0,
        max_attempts: 5,
        priority: 0,
        progress: Progress::default(),
        cancel_requested: false,
        error: None,
        // The stand-in keeps the key here.
        result: Some(key),
        created_at: 0,
        run_at: 0,
        started_at: None,
        finished_at: None,
    };
    jobs.push((caller.tenant, job.clone()));
    Ok(Json(job))
}

/// An "embedding model" that knows a few synonyms: one dimension for each meaning.
fn models(peers: Peers) -> Router {
    Router::new().route("/v1/embeddings", post(embed)).with_state(peers)
}

async fn embed(
    State(peers): State<Peers>,
    Json(request): Json<EmbeddingRequest>,
) -> Result<Json<EmbeddingReply>, (StatusCode, Json<serde_json::Value>)> {
    let held = peers.embedding_waits.lock().unwrap().take();
    let failure = match held {
        Some(held) => Some(held.await.unwrap()),
        None => *peers.embedding_fails.lock().unwrap(),
    };
    if let Some(status) = failure {
        return Err((status, Json(serde_json::json!({"detail": "no vectors today", "code": "scripted"}))));
    }
    if let EmbeddingInput::Many(texts) = &request.input {
        peers.embedded.lock().unwrap().extend(texts.iter().cloned());
    }
    const MEANINGS: [&[&str]; 3] = [&["dog", "hound", "puppy"], &["cat", "feline"], &["boat", "ship", "vessel"]];
    let EmbeddingInput::Many(texts) = request.input else { panic!("the engine asks in batches") };
    let vector = |text: &String| -> Vec<f32> {
        let lower = text.to_lowercase();
        let count = |words: &[&str]| words.iter().filter(|word| lower.contains(**word)).count();
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        MEANINGS.iter().map(|words| count(words) as f32 + 0.01).collect()
    };
    let data = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Embedding { object: "embedding".to_owned(), index, embedding: vector(text) })
        .collect();
    Ok(Json(EmbeddingReply {
        object: "list".to_owned(),
        data,
        model: request.model,
        usage: Default::default(),
        extra: BTreeMap::new(),
    }))
}

/// The sample report of the project.
pub(crate) fn sample_report() -> Vec<u8> {
    std::fs::read(septet_fixtures::repository().join("examples/annual-report-2025.pdf")).unwrap()
}

/// True when PDFs are read through libpdfium here; otherwise says aloud that a test is skipped.
pub(crate) fn has_pdfium(config: &Config) -> bool {
    let has = config.pdfium_found().is_some();
    if !has {
        septet_fixtures::skipped("libpdfium is not installed; run runtime/pdfium.sh");
    }
    has
}
