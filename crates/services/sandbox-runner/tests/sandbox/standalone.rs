//! A sandbox runner by itself: on a port, with keys of its settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, Response};
use septet_blobs::Blobs;
use septet_chassis::{Platform, http};
use septet_database::Database;
use septet_kernel::Clock;
use septet_sandbox_runner::{Config, KeyConfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::config;

pub(crate) const ACME: &str = "sk-acme-0123456789abcdef";
pub(crate) const OTHER: &str = "sk-other-0123456789abcdef";

pub(crate) struct Standalone {
    _platform: Platform,
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
    _folder: TempDir,
}

pub(crate) async fn standalone() -> Standalone {
    standalone_with(config()).await
}

pub(crate) async fn standalone_with(config: Config) -> Standalone {
    let keys = BTreeMap::from([
        ("acme".to_owned(), KeyConfig::new(ACME, "acme")),
        ("other".to_owned(), KeyConfig::new(OTHER, "other")),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::new(&"test secret".into(), Clock::system());
    let database = Database::open(&Database::sqlite_uri(&folder.path().join("septet.db"))).await.unwrap();
    let blobs = Blobs::open(&Blobs::file_uri(&folder.path().join("blobs"))).unwrap();
    let config = Config { keys, ..config };
    let service = septet_sandbox_runner::open(config, &platform, database, blobs).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = http::serve(listener, service.into_router(&platform), &platform.lifecycle).unwrap();
    let client = http::client(std::time::Duration::from_secs(5)).unwrap();
    Standalone { _platform: platform, address, client, _folder: folder }
}

impl Standalone {
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.ask(Method::POST, path).bearer_auth(ACME).json(body)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.ask(Method::GET, path).bearer_auth(ACME)
    }

    pub(crate) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }
}

/// The JSON of an answer that must be a good one.
pub(crate) async fn good(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The status and the JSON of a refusal.
pub(crate) async fn refusal(request: RequestBuilder) -> (u16, Value) {
    let response: Response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}
