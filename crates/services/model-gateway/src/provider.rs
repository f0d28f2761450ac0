//! One provider at an address: asks it, waits as long as the settings say, and turns its failures into words a person
//! can act on.
//!
//! What a provider says is passed on cut short and without the key: some echo the key in their error.

mod refusal;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderMap;
use septet_kernel::Clock;
use septet_protocols::Dialect;
use septet_providers::{Credentials, Endpoint, Operation, Policy, ProviderKind, ProviderRequest};
use serde_json::Value;

use crate::config::ProviderConfig;
use crate::error::Error;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub first_byte: Duration,
    pub idle: Duration,
    pub answer: Duration,
}

/// A provider.
pub(crate) struct Provider {
    pub name: Arc<str>,
    endpoint: Endpoint,
    credentials: Credentials,
    policy: Policy,
    client: reqwest::Client,
    pub timeouts: Timeouts,
    clock: Clock,
}

impl Provider {
    pub(crate) fn new(
        name: &str,
        config: &ProviderConfig,
        client: reqwest::Client,
        timeouts: Timeouts,
        clock: Clock,
    ) -> Result<Self, septet_providers::Error> {
        let policy = if config.allow_private.unwrap_or(true) { Policy::Private } else { Policy::Public };
        Ok(Self {
            name: name.into(),
            endpoint: config.endpoint(name)?,
            credentials: config.credentials(),
            policy,
            client,
            timeouts,
            clock,
        })
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> ProviderKind {
        self.endpoint.kind()
    }

    /// In which dialect it is asked for a client that speaks `client`: its own if the provider has it, so that nothing
    /// needs to be translated, else the one that the provider speaks best.
    pub(crate) fn dialect(&self, client: Dialect) -> Option<Dialect> {
        let dialects = self.endpoint.dialects();
        if dialects.contains(&client) { Some(client) } else { dialects.first().copied() }
    }

    /// Sends a request and waits for the head of the answer. Dropping the response closes the connection.
    pub(crate) async fn send(
        &self,
        operation: Operation,
        model: &str,
        body: Vec<u8>,
        client: Option<&HeaderMap>,
    ) -> Result<reqwest::Response, Error> {
        let call = ProviderRequest { operation, model, body: &body, client };
        let prepared = self
            .endpoint
            .prepare(&call, &self.credentials, self.clock.now())
            .map_err(|error| Error::Unaddressable { provider: self.name.to_string(), what: error.to_string() })?;
        self.policy.check(&prepared.url).map_err(|refused| self.forbidden(&refused))?;
        let request = self.client.request(prepared.method, prepared.url).headers(prepared.headers);
        let request = if body.is_empty() { request } else { request.body(body) };
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = self.read(response, 64 << 10).await.unwrap_or_default();
        let dialect = match operation {
            Operation::Chat { dialect, .. } => dialect,
            Operation::Embeddings | Operation::Rerank | Operation::Models => {
                self.kind().facts().dialects.first().copied().unwrap_or(Dialect::Chat)
            }
        };
        Err(self.refused(&septet_providers::failure(dialect, status, &headers, &bytes, self.clock.now())))
    }

    /// The result of a step, or a failure when it takes longer than this.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let silent = |_elapsed| Err(self.silent("sent nothing", limit.as_secs()));
        tokio::time::timeout(limit, step).await.unwrap_or_else(silent)
    }

    /// The whole answer to a request.
    pub(crate) async fn whole(
        &self,
        operation: Operation,
        model: &str,
        body: Vec<u8>,
        client: Option<&HeaderMap>,
        max_bytes: usize,
    ) -> Result<Bytes, Error> {
        let answer = async {
            let response = self.send(operation, model, body, client).await?;
            self.read(response, max_bytes).await
        };
        let seconds = self.timeouts.answer.as_secs();
        tokio::time::timeout(self.timeouts.answer, answer)
            .await
            .unwrap_or_else(|_elapsed| Err(self.silent("did not finish its answer", seconds)))
    }

    /// The models that the provider lists.
    pub(crate) async fn list(&self) -> Result<Vec<String>, Error> {
        if !self.kind().facts().lists {
            return Ok(self.kind().facts().models.iter().map(|&id| id.to_owned()).collect());
        }
        let answer = async {
            let response = self.send(Operation::Models, "", Vec::new(), None).await?;
            let bytes = self.read(response, 8 << 20).await?;
            let list: Value = serde_json::from_slice(&bytes).map_err(|_bad| self.garbled(&bytes))?;
            septet_providers::models_in(self.kind(), &list).ok_or_else(|| self.garbled(&bytes))
        };
        let wait = Duration::from_secs(5).min(self.timeouts.first_byte);
        tokio::time::timeout(wait, answer)
            .await
            .unwrap_or_else(|_elapsed| Err(self.silent("did not list its models", wait.as_secs())))
    }

    /// The bytes of an answer, at most so many.
    pub(crate) async fn read(&self, response: reqwest::Response, max_bytes: usize) -> Result<Bytes, Error> {
        let mut chunks = response.bytes_stream();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_broken| self.cut_off())?);
            if bytes.len() > max_bytes {
                return Err(Error::TooLong { max_bytes });
            }
        }
        Ok(bytes.freeze())
    }
}
