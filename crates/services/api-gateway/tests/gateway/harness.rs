//! A gateway with scripted peers around it, and a small client.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use septet_api_gateway::{Billing, Config};
use septet_blobs::Blobs;
use septet_chassis::{Platform, Service};
use septet_database::Database;
use septet_kernel::{Clock, ServiceName};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::peers::Peers;

pub(crate) const START_MS: i64 = 1_790_000_000_000;

pub(crate) struct Harness {
    pub(crate) folder: Arc<tempfile::TempDir>,
    pub(crate) clock: Clock,
    pub(crate) peers: Arc<Peers>,
    pub(crate) platform: Platform,
    pub(crate) database: Database,
    pub(crate) router: Router,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The stable word of an error, from either shape.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let code = if json["error"].is_object() { &json["error"]["code"] } else { &json["code"] };
        code.as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn config() -> Config {
    let mut config =
        Config { requests_per_minute: 100_000, tenant_requests_per_minute: 1_000_000, ..Config::default() };
    config.billing.feed_every_ms = 50;
    config
}

impl Harness {
    pub(crate) async fn open() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let clock = Clock::manual(START_MS);
        let peers = Arc::new(Peers::new(&clock));
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), config, clock, peers).await
    }

    /// The same folder and peers with a new process in front.
    pub(crate) async fn restarted(self, config: Config) -> Self {
        self.platform.lifecycle.finish(Duration::from_secs(5)).await;
        drop(self.router);
        Self::in_folder(self.folder, config, self.clock, self.peers).await
    }

    /// A second gateway on the same tables, with the same peers.
    pub(crate) async fn beside(&self, config: Config) -> Self {
        Self::in_folder(self.folder.clone(), config, self.clock.clone(), self.peers.clone()).await
    }

    async fn in_folder(folder: Arc<tempfile::TempDir>, mut config: Config, clock: Clock, peers: Arc<Peers>) -> Self {
        let platform = Platform::new(&"an internal secret".into(), clock.clone());
        for (name, router) in peers.clone().routers() {
            platform.directory.plug_local(name, Service::internal(name, router).into_router(&platform));
        }
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("septet.db"))).await.unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(&folder.path().join("blobs"))).unwrap();
        config.signing_key = folder.path().join("keys/gateway.pem");
        let mut service = septet_api_gateway::open(config, &platform, database.clone(), blobs).await.unwrap();
        assert_eq!(service.name, ServiceName::ApiGateway);
        platform.directory.plug_local(ServiceName::ApiGateway, service.take_inner(&platform).unwrap());
        let router = service.into_router(&platform);
        Self { folder, clock, peers, platform, database, router }
    }

    pub(crate) fn blobs(&self) -> Blobs {
        Blobs::open(&Blobs::file_uri(&self.folder.path().join("blobs"))).unwrap()
    }

    pub(crate) fn billing(&self) -> Billing {
        Billing::new(self.database.clone(), self.clock.clone(), self.platform.ids.clone(), config().billing)
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, bearer: &str, body: Option<Value>) -> Answer {
        self.send(request(method, path, bearer, body)).await
    }

    pub(crate) async fn get(&self, path: &str, bearer: &str) -> Answer {
        self.ask("GET", path, bearer, None).await
    }

    pub(crate) async fn post(&self, path: &str, bearer: &str, body: Value) -> Answer {
        self.ask("POST", path, bearer, Some(body)).await
    }

    /// Signs in and gives access and refresh token.
    pub(crate) async fn sign_in(&self, email: &str) -> (String, String) {
        let login = json!({"email": email, "password": "correct horse", "return_refresh_token": true});
        let answer = self.post("/api/auth/login", "", login).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    pub(crate) async fn token(&self, email: &str) -> String {
        self.sign_in(email).await.0
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("/api/auth/refresh", "", json!({"refresh_token": token})).await
    }

    /// Waits until something is so.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, mut check: impl FnMut() -> F) {
        for _ in 0..500 {
            if check().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came to this: {what}");
    }
}

pub(crate) fn request(method: &str, path: &str, bearer: &str, body: Option<Value>) -> Request {
    let mut builder = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if !bearer.is_empty() {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    match body {
        Some(body) => {
            builder.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
        }
        None => builder.body(Body::empty()).unwrap(),
    }
}

pub(crate) fn ok(answer: &Answer) -> bool {
    StatusCode::from_u16(answer.status).unwrap().is_success()
}
