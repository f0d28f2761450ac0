//! The six other services, scripted. Each one only knows what the tests need, and remembers who asked what.

mod blobs;
mod management;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use septet_chassis::http::Problem;
use septet_contracts::models::{UsageRecord, UsageStatus};
use septet_kernel::{
    ApiKeyId, Caller, Clock, FileId, Ids, Kind, RecordId, ResponseId, Role, ServiceName, TenantId, UserId,
};
use serde_json::{Value, json};

pub(crate) struct Peers {
    pub(crate) ids: Ids,
    pub(crate) acme: TenantId,
    pub(crate) rival: TenantId,
    pub(crate) users: Mutex<Vec<Account>>,
    pub(crate) keys: Mutex<HashMap<String, Value>>,
    /// Whose rights changed, under which number, and whether that ended sessions.
    pub(crate) changes: Mutex<Vec<(Value, i64, bool)>>,
    pub(crate) management_is_down: AtomicBool,
    pub(crate) n_key_checks: AtomicUsize,
    pub(crate) usage: Mutex<Vec<UsageRecord>>,
    /// The feed forgets its order: it gives everything again whatever cursor is asked for.
    pub(crate) repeat_usage: AtomicBool,
    /// How many pages had records in them that were before the cursor.
    pub(crate) n_pages_repeated: AtomicUsize,
    pub(crate) feed_is_down: AtomicBool,
    pub(crate) blobs: blobs::Script,
    /// The model gateway and agent-core say that the tenant's balance does not cover what is asked.
    pub(crate) has_no_money: AtomicBool,
    /// Method, path, caller and headers of whatever reached a peer other than Management.
    pub(crate) seen: Mutex<Vec<RecordedRequest>>,
    pub(crate) files: Mutex<HashMap<FileId, (TenantId, Value)>>,
    pub(crate) script: Mutex<Script>,
    pub(crate) n_dropped: Arc<AtomicUsize>,
    pub(crate) response: ResponseId,
}

#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) disabled: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct RecordedRequest {
    pub(crate) service: ServiceName,
    pub(crate) path: String,
    pub(crate) caller: Option<Caller>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// How agent-core behaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// The first stream breaks off after so many events.
    pub(crate) break_after: Option<usize>,
    /// Reading on is refused.
    pub(crate) is_lost: bool,
    /// A pause before the event with this number.
    pub(crate) pause_before: Option<(usize, Duration)>,
}

type Shared = State<Arc<Peers>>;

impl Peers {
    pub(crate) fn new(clock: &Clock) -> Self {
        let ids = Ids::new(clock.clone());
        let (acme, rival) = (ids.next(), ids.next());
        let account = |email: &str, tenant, role| Account {
            id: ids.next(),
            tenant,
            email: email.to_owned(),
            role,
            disabled: false,
        };
        let users = vec![
            account("owner@acme.test", acme, Role::Owner),
            account("admin@acme.test", acme, Role::Admin),
            account("editor@acme.test", acme, Role::Editor),
            account("member@acme.test", acme, Role::Member),
            account("viewer@acme.test", acme, Role::Viewer),
            account("owner@rival.test", rival, Role::Owner),
        ];
        Self {
            acme,
            rival,
            users: Mutex::new(users),
            keys: Mutex::default(),
            changes: Mutex::default(),
            management_is_down: AtomicBool::default(),
            n_key_checks: AtomicUsize::default(),
            usage: Mutex::default(),
            repeat_usage: AtomicBool::default(),
            n_pages_repeated: AtomicUsize::default(),
            feed_is_down: AtomicBool::default(),
            blobs: blobs::Script::default(),
            has_no_money: AtomicBool::default(),
            seen: Mutex::default(),
            files: Mutex::default(),
            script: Mutex::default(),
            n_dropped: Arc::default(),
            response: ids.next(),
            ids,
        }
    }

    pub(crate) fn routers(self: Arc<Self>) -> Vec<(ServiceName, Router)> {
        vec![
            (ServiceName::Management, management::router(self.clone())),
            (ServiceName::ModelGateway, model_gateway(self.clone())),
            (ServiceName::AgentCore, agent_core(self.clone())),
            (ServiceName::KnowledgeEngine, knowledge(self.clone())),
            (ServiceName::SandboxRunner, sandbox(self.clone())),
            (ServiceName::AsyncWorker, echo(self, ServiceName::AsyncWorker)),
        ]
    }

    pub(crate) fn user(&self, email: &str) -> Account {
        self.users.lock().unwrap().iter().find(|user| user.email == email).unwrap().clone()
    }

    /// Makes an API key and gives its text.
    pub(crate) fn add_key(&self, email: &str, role: Role, requests_per_minute: Option<u32>) -> (String, ApiKeyId) {
        use sha2::Digest;
        let user = self.user(email);
        let id: ApiKeyId = self.ids.next();
        let text = format!("sk-septet-{}", id.uuid().simple());
        let grant = json!({"key": id, "tenant": user.tenant, "user": user.id, "role": role, "name": "test",
            "requests_per_minute": requests_per_minute});
        self.keys.lock().unwrap().insert(hex::encode(sha2::Sha256::digest(&text)), grant);
        (text, id)
    }

    pub(crate) fn add_usage(&self, tenant: TenantId, cost_nano: i64) {
        let mut usage = self.usage.lock().unwrap();
        let cursor = usage.len() as i64 + 1;
        usage.push(UsageRecord {
            id: self.ids.next(),
            tenant,
            call: None,
            user: None,
            key: None,
            request: self.ids.next(),
            run: None,
            hold: None,
            reserved_nano: None,
            doubt: None,
            model: "offline-analyst".to_owned(),
            provider: "builtin".to_owned(),
            route: None,
            reason: None,
            difficulty_millionths: None,
            tier: None,
            n_attempts: 1,
            input_tokens: 10,
            cached_tokens: 2,
            cache_write_tokens: 0,
            output_tokens: 5,
            reasoning_tokens: 0,
            cost_nano,
            said_cost_nano: None,
            table_cost_nano: None,
            service_tier: None,
            estimated: false,
            started_at_ms: crate::harness::START_MS,
            first_token_ms: None,
            duration_ms: 12,
            status: UsageStatus::Completed,
            cursor,
        });
    }

    /// Adds a record that is as `change` makes it.
    pub(crate) fn add_record(
        &self,
        tenant: TenantId,
        cost_nano: i64,
        change: impl FnOnce(&mut UsageRecord),
    ) -> RecordId {
        self.add_usage(tenant, cost_nano);
        let mut usage = self.usage.lock().unwrap();
        let record = usage.last_mut().unwrap();
        change(record);
        record.id
    }

    /// How often a service was asked for a path.
    pub(crate) fn n_seen(&self, service: ServiceName, path: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.service == service && seen.path == path).count()
    }

    pub(crate) fn last_seen(&self) -> RecordedRequest {
        self.seen.lock().unwrap().last().cloned().expect("something was asked")
    }

    fn note(&self, service: ServiceName, caller: Option<&Caller>, path: &str, headers: &HeaderMap, body: Value) {
        let seen =
            RecordedRequest { service, path: path.to_owned(), caller: caller.cloned(), headers: headers.clone(), body };
        self.seen.lock().unwrap().push(seen);
    }
}

fn refuse(kind: Kind) -> Response {
    Problem::new(kind, kind.title()).into_response()
}

fn no_money() -> Response {
    let problem = Problem::new(Kind::PaymentRequired, "the balance does not cover this");
    Problem { code: "insufficient_balance".into(), ..problem }.into_response()
}

fn model_gateway(peers: Arc<Peers>) -> Router {
    async fn chat(State(peers): Shared, caller: Caller, headers: HeaderMap, Json(body): Json<Value>) -> Response {
        peers.note(ServiceName::ModelGateway, Some(&caller), "/v1/chat/completions", &headers, body.clone());
        if peers.has_no_money.load(Ordering::SeqCst) {
            return no_money();
        }
        match body["model"].as_str() {
            Some("broken") => {
                let error = json!({"error": {"message": "no such model", "type": "x", "code": "model_not_found", "param": "model"}});
                return (StatusCode::NOT_FOUND, Json(error)).into_response();
            }
            Some("panics") => panic!("on purpose"),
            Some("hangs") => std::future::pending().await,
            _ => {}
        }
        if body["stream"] != true {
            return Json(json!({"id": "c1", "object": "chat.completion", "choices": [], "provider_extra": 7}))
                .into_response();
        }
        let guard = Dropped(peers.n_dropped.clone());
        let chunks = async_stream::stream! {
            let _guard = guard;
            let mut n = 0;
            loop {
                n += 1;
                // In two pieces: chunk borders must not matter.
                yield Ok::<_, std::convert::Infallible>("data: {\"n\":".to_owned());
                yield Ok(format!("{n}}}\n\n"));
                if body["model"] == "short" && n == 3 {
                    yield Ok("data: [DONE]\n\n".to_owned());
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response()
    }
    async fn usage(State(peers): Shared, Query(query): Query<HashMap<String, String>>) -> Response {
        if peers.feed_is_down.load(Ordering::SeqCst) {
            return refuse(Kind::Unavailable);
        }
        let after: i64 = query["after"].parse().unwrap();
        let limit: usize = query["limit"].parse().unwrap();
        let usage = peers.usage.lock().unwrap();
        let is_repeating = peers.repeat_usage.load(Ordering::SeqCst);
        let wanted = usage.iter().filter(|record| is_repeating || record.cursor > after);
        let all: Vec<_> = wanted.cloned().collect();
        let page: Vec<_> = all.iter().take(limit).cloned().collect();
        let next = page.last().map_or(after, |record| record.cursor);
        let is_repeated = page.iter().any(|record| record.cursor <= after);
        peers.n_pages_repeated.fetch_add(usize::from(is_repeated), Ordering::SeqCst);
        Json(json!({"has_more": !is_repeating && all.len() > page.len(), "data": page, "next": next})).into_response()
    }
    async fn models() -> Json<Value> {
        Json(json!({"object": "list", "data": [
            {"id": "offline-analyst", "object": "model", "created": 1, "owned_by": "septet", "septet": {"offline": true, "kind": "chat"}}]}))
    }
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .route("/internal/usage", get(usage))
        .with_state(peers)
}

pub(crate) struct Dropped(pub(crate) Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The events of a run, as agent-core numbers them.
pub(crate) fn run_events(id: ResponseId, said: &str) -> Vec<(String, Value)> {
    let response = |status: &str| {
        json!({"id": id, "object": "response", "created_at": 1, "status": status, "model": "agent:analyst",
            "output": [{"type": "message", "id": "item_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": format!("echo {said}"), "annotations": []}]}],
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}, "error": null, "incomplete_details": null})
    };
    let mut events = vec![
        ("response.created".to_owned(), json!({"response": response("in_progress")})),
        ("response.in_progress".to_owned(), json!({"response": response("in_progress")})),
        (
            "response.output_item.added".to_owned(),
            json!({"output_index": 0, "item": {"type": "message", "id": "item_1"}}),
        ),
        ("response.output_text.delta".to_owned(), json!({"output_index": 0, "delta": "echo "})),
        ("response.output_text.delta".to_owned(), json!({"output_index": 0, "delta": said})),
        ("response.completed".to_owned(), json!({"response": response("completed")})),
    ];
    for (number, (name, data)) in events.iter_mut().enumerate() {
        data["type"] = json!(name);
        data["sequence_number"] = json!(number);
    }
    events
}

fn agent_core(peers: Arc<Peers>) -> Router {
    fn stream(peers: &Peers, said: String, after: Option<usize>, break_after: Option<usize>) -> Response {
        let events = run_events(peers.response, &said);
        let pause = peers.script.lock().unwrap().pause_before;
        let chunks = async_stream::stream! {
            for (number, (name, data)) in events.into_iter().enumerate() {
                if after.is_some_and(|after| number <= after) { continue }
                if break_after == Some(number) {
                    yield Err(std::io::Error::other("the process died"));
                    return;
                }
                if let Some((before, time)) = pause && before == number { tokio::time::sleep(time).await }
                yield Ok(format!("event: {name}\nid: {number}\ndata: {data}\n\n"));
            }
        };
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response()
    }
    fn said(body: &Value) -> String {
        let text = body["input"].as_str().or_else(|| body["input"][0]["content"][0]["text"].as_str());
        text.unwrap_or_default().to_owned()
    }
    async fn create(State(peers): Shared, caller: Caller, headers: HeaderMap, Json(body): Json<Value>) -> Response {
        peers.note(ServiceName::AgentCore, Some(&caller), "/v1/responses", &headers, body.clone());
        if peers.has_no_money.load(Ordering::SeqCst) {
            return no_money();
        }
        if body["model"] == "agent:nobody" {
            return Problem {
                code: "no_such_agent".into(),
                param: Some("model".into()),
                ..Problem::new(Kind::NotFound, "no agent nobody")
            }
            .into_response();
        }
        let break_after = peers.script.lock().unwrap().break_after;
        if body["stream"] == true {
            return stream(&peers, said(&body), None, break_after);
        }
        let (_, last) = run_events(peers.response, &said(&body)).pop().unwrap();
        Json(last["response"].clone()).into_response()
    }
    async fn show(
        State(peers): Shared,
        caller: Caller,
        Path(id): Path<String>,
        Query(query): Query<HashMap<String, String>>,
        headers: HeaderMap,
    ) -> Response {
        peers.note(ServiceName::AgentCore, Some(&caller), "/v1/responses/{id}", &headers, json!(query));
        if caller.tenant != peers.acme || id != peers.response.to_string() || peers.script.lock().unwrap().is_lost {
            return refuse(Kind::NotFound);
        }
        if query.get("stream").is_some_and(|stream| stream == "true") {
            let after = query.get("starting_after").map(|number| number.parse().unwrap());
            return stream(&peers, "on".to_owned(), after, None);
        }
        Json(run_events(peers.response, "it").pop().unwrap().1["response"].clone()).into_response()
    }
    Router::new()
        .route("/v1/responses", post(create))
        .route("/v1/responses/{id}", get(show))
        .with_state(peers.clone())
        .merge(blobs::late(peers))
}

fn knowledge(peers: Arc<Peers>) -> Router {
    async fn add(State(peers): Shared, caller: Caller, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
        peers.note(ServiceName::KnowledgeEngine, Some(&caller), "/v1/files", &headers, body.clone());
        let id: FileId = peers.ids.next();
        peers.files.lock().unwrap().insert(id, (caller.tenant, body.clone()));
        Json(json!({"id": id, "object": "file", "bytes": body["bytes"], "created_at": 1, "filename": body["filename"],
            "purpose": body["purpose"].as_str().unwrap_or("assistants"), "status": "uploaded"}))
    }
    async fn list(State(peers): Shared, caller: Caller) -> Json<Value> {
        let files = peers.files.lock().unwrap();
        let own: Vec<_> = files.iter().filter(|(_, (tenant, _))| *tenant == caller.tenant).map(|(id, _)| id).collect();
        Json(json!({"object": "list", "data": own, "has_more": false}))
    }
    async fn content(State(peers): Shared, caller: Caller, Path(id): Path<FileId>) -> Response {
        let files = peers.files.lock().unwrap();
        let Some((_, file)) = files.get(&id).filter(|(tenant, _)| *tenant == caller.tenant) else {
            return refuse(Kind::NotFound);
        };
        let name = file["filename"].as_str().unwrap();
        let mime = if name.ends_with(".html") { "text/html" } else { "image/png" };
        Json(json!({"blob": file["blob"], "filename": name, "mime": mime, "bytes": file["bytes"]})).into_response()
    }
    Router::new()
        .route("/v1/files", post(add).get(list))
        .route("/v1/files/{id}/content", get(content))
        .with_state(peers.clone())
        .merge(blobs::none())
        .merge(echo(peers, ServiceName::KnowledgeEngine))
}

fn sandbox(peers: Arc<Peers>) -> Router {
    async fn doctor() -> Json<Value> {
        Json(
            json!({"level": "L3", "driver": "process", "python": null, "packages": [], "fonts": [], "memory": "cgroup v2", "missing": []}),
        )
    }
    async fn add(State(peers): Shared, caller: Caller, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
        peers.note(ServiceName::SandboxRunner, Some(&caller), "/v1/containers/{id}/files", &headers, body.clone());
        let id: septet_kernel::ContainerFileId = peers.ids.next();
        let container: septet_kernel::ContainerId = peers.ids.next();
        Json(json!({"id": id, "object": "container.file", "container_id": container, "path": body["path"], "bytes": 1,
            "created_at": 1, "source": "user", "septet": {"name": "x", "mime": "y", "blob": body["blob"]}}))
    }
    Router::new()
        .route("/internal/doctor", get(doctor))
        .route("/v1/containers/{id}/files", post(add))
        .with_state(peers.clone())
        .merge(blobs::none())
        .merge(echo(peers, ServiceName::SandboxRunner))
}

/// Answers anything with what it was asked.
fn echo(peers: Arc<Peers>, service: ServiceName) -> Router {
    Router::new().fallback(move |request: Request| {
        let peers = peers.clone();
        async move {
            let (parts, body) = request.into_parts();
            let caller = parts.extensions.get::<Caller>().cloned();
            let bytes = axum::body::to_bytes(body, usize::MAX).await;
            let Ok(bytes) = bytes else { return StatusCode::BAD_REQUEST.into_response() };
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            peers.note(service, caller.as_ref(), parts.uri.path(), &parts.headers, body);
            Json(json!({"path": parts.uri.to_string(), "method": parts.method.as_str(),
                "tenant": caller.map(|caller| caller.tenant)}))
            .into_response()
        }
    })
}
