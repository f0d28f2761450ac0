//! A client of the public surface for tests: every answer is given as it came, refusals included.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{Stream, StreamExt};
use septet_contracts::sse;
use serde_json::{Value, json};

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when it is no JSON.
    pub body: Value,
}

/// A client with one API key or access token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    /// The key or token.
    pub key: String,
}

impl Client {
    /// A client of the platform at `address`.
    ///
    /// # Panics
    /// When no HTTP client can be made.
    #[must_use]
    pub fn new(address: SocketAddr, key: &str) -> Self {
        let http = septet_chassis::http::client(Duration::from_secs(5)).expect("an HTTP client");
        Self { http, base: format!("http://{address}"), key: key.to_owned() }
    }

    /// The same client with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.http.get(self.at(path))).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.http.delete(self.at(path))).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.http.post(self.at(path)).json(&body)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(self.http.patch(self.at(path)).json(&body)).await
    }

    /// GET of bytes.
    ///
    /// # Panics
    /// When the platform does not answer.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.http.get(self.at(path)).bearer_auth(&self.key).send().await.expect("an answer");
        response.bytes().await.expect("a body").to_vec()
    }

    /// Uploads a file; the reply is the File object.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Reply {
        let part = reqwest::multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().text("purpose", "user_data").part("file", part);
        self.send(self.http.post(self.at("/v1/files")).multipart(form)).await
    }

    /// POST whose answer is a stream of events. The stream ends when the platform ends it or this is dropped.
    ///
    /// # Panics
    /// When the platform refuses; use [`Client::post`] to see why.
    pub async fn events(&self, path: &str, body: Value) -> impl Stream<Item = (String, Value)> + Send + use<> {
        self.event_stream(self.http.post(self.at(path)).json(&body)).await
    }

    /// GET whose answer is a stream of events.
    ///
    /// # Panics
    /// As [`Client::events`].
    pub async fn get_events(&self, path: &str) -> impl Stream<Item = (String, Value)> + Send + use<> {
        self.event_stream(self.http.get(self.at(path))).await
    }

    async fn event_stream(
        &self,
        request: reqwest::RequestBuilder,
    ) -> impl Stream<Item = (String, Value)> + Send + use<> {
        let response = request.bearer_auth(&self.key).send().await.expect("an answer");
        assert!(response.status().is_success(), "refused with {}", response.status());
        let chunks = response.bytes_stream().map(|chunk| chunk.map_err(|error| error.to_string()));
        let events = sse::events(chunks, |error| error.to_string());
        // A connection that breaks ends the stream like one that is closed: what was seen counts.
        events.take_while(|event| std::future::ready(event.is_ok())).filter_map(|event| async move {
            let event = event.ok()?;
            Some((event.name, serde_json::from_str(&event.data).ok()?))
        })
    }

    /// Makes a knowledge base with one document in it and waits until that can be searched, or has failed.
    ///
    /// Gives the knowledge base and the state of the document in it.
    ///
    /// # Panics
    /// When the platform refuses, or takes longer than two minutes.
    pub async fn add_document(&self, name: &str, bytes: Vec<u8>) -> (String, Value) {
        let store = self.post("/v1/vector_stores", json!({"name": "tests"})).await.ok();
        let store = store["id"].as_str().expect("an id").to_owned();
        let file = self.upload(name, bytes).await.ok();
        let file = file["id"].as_str().expect("an id").to_owned();
        self.post(&format!("/v1/vector_stores/{store}/files"), json!({"file_id": file})).await.ok();
        for _ in 0..1200 {
            let state = self.get(&format!("/v1/vector_stores/{store}/files/{file}")).await.ok();
            if state["status"] != "in_progress" {
                return (store, state);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the document is still being read after two minutes");
    }

    /// The status of a GET, or nothing when nobody answers.
    pub async fn try_get(address: SocketAddr, path: &str) -> Option<u16> {
        let client = Self::new(address, "");
        Some(client.http.get(client.at(path)).send().await.ok()?.status().as_u16())
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.bearer_auth(&self.key).send().await.expect("an answer");
        let status = response.status().as_u16();
        Reply { status, body: response.json().await.unwrap_or_default() }
    }
}

impl Reply {
    /// The body of a success.
    ///
    /// # Panics
    /// When it was refused.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "refused with {}: {}", self.status, self.body);
        self.body
    }

    /// The status and the `code` of a refusal, in either of the two error shapes.
    #[must_use]
    pub fn refusal(&self) -> (u16, &str) {
        let code = self.body["error"]["code"].as_str().or(self.body["code"].as_str());
        (self.status, code.unwrap_or_default())
    }

    /// The sentence of a refusal.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.body["error"]["message"].as_str().or(self.body["detail"].as_str()).unwrap_or_default()
    }
}
