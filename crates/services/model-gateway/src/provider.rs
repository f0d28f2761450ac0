//! One OpenAI-compatible endpoint: asks it, reads its streams, and turns its failures into words a person can act on.
//!
//! What a provider says is passed on cut short and without the key: some echo the key in their error.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{StatusCode, header};
use septet_contracts::sse;
use serde_json::Value;

use crate::config::{ProviderConfig, Secret};
use crate::error::Error;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub first_byte: Duration,
    pub idle: Duration,
    pub answer: Duration,
}

/// A provider. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provider {
    pub name: Arc<str>,
    base_url: Arc<str>,
    key: Option<Secret>,
    client: reqwest::Client,
    patience: Patience,
}

impl Provider {
    pub(crate) fn new(name: &str, config: &ProviderConfig, client: reqwest::Client, patience: Patience) -> Self {
        let base_url = config.base_url.trim_end_matches('/').into();
        Self { name: name.into(), base_url, key: config.api_key.clone(), client, patience }
    }

    /// The whole answer to a request.
    pub(crate) async fn whole(&self, path: &str, body: &Value, max_bytes: usize) -> Result<Value, Error> {
        let answer = async {
            let response = self.send(self.client.post(self.url(path)).json(body)).await?;
            let bytes = self.read(response, max_bytes).await?;
            self.json(&bytes)
        };
        let seconds = self.patience.answer.as_secs();
        tokio::time::timeout(self.patience.answer, answer)
            .await
            .unwrap_or_else(|_elapsed| Err(self.silent("did not finish its answer", seconds)))
    }

    /// The `data` of the events of a streamed answer, up to and without `[DONE]`. It ends with an error when the
    /// provider stops without saying so; dropping it closes the connection.
    pub(crate) async fn stream(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<impl Stream<Item = Result<String, Error>> + Send + use<>, Error> {
        let first = self.patience.first_byte;
        let sent = self.send(self.client.post(self.url(path)).json(body));
        let response = tokio::time::timeout(first, sent)
            .await
            .map_err(|_elapsed| self.silent("sent nothing", first.as_secs()))??;
        let kind = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_lowercase();
        if kind.contains("json") && !kind.contains("ndjson") || kind.contains("html") {
            let bytes = self.read(response, 1 << 20).await?;
            return Err(self.no_stream(&bytes));
        }
        Ok(events(self.clone(), response.bytes_stream()))
    }

    /// The models that the provider lists.
    pub(crate) async fn list(&self) -> Result<Vec<String>, Error> {
        let answer = async {
            let response = self.send(self.client.get(self.url("/models"))).await?;
            let bytes = self.read(response, 8 << 20).await?;
            let list = self.json(&bytes)?;
            let models = list.get("data").and_then(Value::as_array).ok_or_else(|| self.garbled(&bytes))?;
            Ok(models.iter().filter_map(|model| Some(model.get("id")?.as_str()?.to_owned())).collect())
        };
        let wait = Duration::from_secs(5).min(self.patience.first_byte);
        tokio::time::timeout(wait, answer)
            .await
            .unwrap_or_else(|_elapsed| Err(self.silent("did not list its models", wait.as_secs())))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Error> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let retry_after_s = retry_after(response.headers());
        let bytes = self.read(response, 64 << 10).await.unwrap_or_default();
        Err(self.refusal(status, retry_after_s, &bytes))
    }

    async fn read(&self, response: reqwest::Response, max_bytes: usize) -> Result<Bytes, Error> {
        let mut chunks = response.bytes_stream();
        let mut bytes = bytes::BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_broken| Error::CutOff { provider: self.name.to_string() })?);
            if bytes.len() > max_bytes {
                return Err(Error::TooLong { max_bytes });
            }
        }
        Ok(bytes.freeze())
    }

    fn json(&self, bytes: &[u8]) -> Result<Value, Error> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_bad| self.garbled(bytes))?;
        match value.get("error").filter(|error| !error.is_null()) {
            Some(error) => Err(Error::MidStream { provider: self.name.to_string(), message: self.message(error) }),
            None => Ok(value),
        }
    }

    fn no_stream(&self, bytes: &[u8]) -> Error {
        match self.json(bytes) {
            Err(error) => error,
            Ok(_) => Error::Garbled {
                provider: self.name.to_string(),
                what: "a whole answer where a stream was asked for".to_owned(),
            },
        }
    }

    fn refusal(&self, status: StatusCode, retry_after_s: Option<u64>, bytes: &[u8]) -> Error {
        let provider = self.name.to_string();
        let body: Value = serde_json::from_slice(bytes).unwrap_or_else(|_text| {
            // A page of HTML helps nobody.
            let text = String::from_utf8_lossy(bytes);
            if text.trim_start().starts_with('<') { Value::Null } else { Value::String(text.into_owned()) }
        });
        let message = self.message(body.get("error").unwrap_or(&body));
        let status = status.as_u16();
        match status {
            401 | 403 => Error::KeyRefused { provider },
            402 => Error::ProviderUnpaid { provider },
            429 => Error::RateLimited { provider, message, retry_after_s },
            408 | 500..=599 => Error::Broken { provider, status, message },
            _ => Error::Refused { provider, status, message },
        }
    }

    /// The message of an error in any of the shapes that providers use, cleaned, after ": "; empty when there is none.
    fn message(&self, error: &Value) -> String {
        let fields = ["message", "msg", "detail", "error"];
        let text =
            error.as_str().or_else(|| fields.iter().find_map(|field| error.get(field)?.as_str())).unwrap_or_default();
        let clean = self.clean(text);
        if clean.is_empty() { String::new() } else { format!(": {clean}") }
    }

    /// Without the key, without line breaks, at most 300 characters.
    fn clean(&self, text: &str) -> String {
        let hidden = match &self.key {
            Some(key) if !key.expose().is_empty() => text.replace(key.expose(), "[key]"),
            _ => text.to_owned(),
        };
        hidden.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let provider = self.name.to_string();
        if error.is_builder() || error.is_connect() || error.is_request() {
            return Error::Unreachable { provider, url: self.public_url(), source: Arc::new(error.without_url()) };
        }
        Error::CutOff { provider }
    }

    /// The address without user, password and query, which may hold a key.
    fn public_url(&self) -> String {
        reqwest::Url::parse(&self.base_url).map_or_else(
            |_bad| "its address".to_owned(),
            |mut url| {
                // Both only fail for addresses that have no host, and then there is nothing to hide.
                let _no_host = url.set_username("").and_then(|()| url.set_password(None));
                url.set_query(None);
                url.to_string()
            },
        )
    }

    fn silent(&self, what: &'static str, seconds: u64) -> Error {
        Error::Silent { provider: self.name.to_string(), what, seconds }
    }

    fn garbled(&self, bytes: &[u8]) -> Error {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
        Error::Garbled {
            provider: self.name.to_string(),
            what: format!("{:?}", self.clean(&text).chars().take(80).collect::<String>()),
        }
    }
}

fn events(
    provider: Provider,
    chunks: impl Stream<Item = Result<Bytes, reqwest::Error>> + Send + 'static,
) -> impl Stream<Item = Result<String, Error>> + Send {
    async_stream::stream! {
        let mut chunks = std::pin::pin!(chunks);
        let mut parser = sse::Parser::default();
        let mut has_finished = false;
        let mut n_events = 0_usize;
        loop {
            // Only real pieces prove that the provider is at work on the answer; a comment keeps the line open too.
            let (wait, what) = if n_events == 0 { (provider.patience.first_byte, "sent nothing") } else { (provider.patience.idle, "fell silent in the middle of the answer") };
            let chunk = match tokio::time::timeout(wait, chunks.next()).await {
                Err(_elapsed) => { yield Err(provider.silent(what, wait.as_secs())); return }
                Ok(chunk) => chunk,
            };
            let (found, is_end) = match chunk {
                Some(Ok(chunk)) => match parser.push(&chunk) {
                    Ok(found) => (found, false),
                    Err(_too_long) => { yield Err(provider.garbled(b"a line without end")); return }
                },
                // Some servers close the connection rudely after a complete answer.
                Some(Err(_)) | None => (parser.finish().into_iter().collect(), true),
            };
            for event in found {
                if event.data.trim() == "[DONE]" { return }
                if event.data.trim().is_empty() { continue }
                n_events += 1;
                match provider.chunk(&event.data) {
                    Ok(chunk) => {
                        has_finished |= chunk.pointer("/choices/0/finish_reason").is_some_and(Value::is_string);
                        yield Ok(event.data);
                    }
                    Err(error) => { yield Err(error); return }
                }
            }
            if is_end {
                if !has_finished {
                    yield Err(Error::CutOff { provider: provider.name.to_string() });
                }
                return;
            }
        }
    }
}

impl Provider {
    fn chunk(&self, data: &str) -> Result<Value, Error> {
        let chunk = self.json(data.as_bytes())?;
        if chunk.is_object() { Ok(chunk) } else { Err(self.garbled(data.as_bytes())) }
    }
}

fn retry_after(headers: &header::HeaderMap) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds: f64 = text.parse().ok()?;
    // A date is possible too; nobody was seen to send one.
    (seconds.is_finite() && seconds >= 0.0)
        .then(|| seconds.ceil().min(86_400.0))
        .and_then(|seconds| format!("{seconds:.0}").parse().ok())
}
