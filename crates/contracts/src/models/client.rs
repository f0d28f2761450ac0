//! The typed client of model-gateway.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use septet_kernel::{Caller, Kind, ServiceName, Transport};
use serde::Deserialize;

use super::{
    CancelCall, CancelledCall, ChatChunk, ChatCompletion, ChatRequest, DEPLOYMENT_HEADER, EmbeddingReply,
    EmbeddingRequest, IDEMPOTENCY_HEADER, ModelList, OutcomeReply, OutcomeReport, RUN_HEADER, StreamOptions, UsagePage,
};
use crate::call::{CallError, Client, query};
use crate::sse;

/// Calls model-gateway.
#[derive(Clone)]
pub struct Models {
    client: Client,
}

/// What a call carries besides its body.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The run it belongs to, written into the usage record.
    pub run: Option<String>,
    /// With a key, the same call again gives the same answer and is charged once, for 15 minutes; and the provider is
    /// read to the end when the caller leaves, unless it is cancelled by [`Models::cancel`]. The same key with another body is a conflict.
    pub idempotency_key: Option<String>,
}

/// A stream whose first piece is on its way.
pub struct Opened<S> {
    /// Who answers: `provider/model`; empty where another gateway stands behind the client and does not say.
    pub deployment: String,
    /// The pieces.
    pub chunks: S,
}

impl Models {
    /// A client over `transport`.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::ModelGateway, transport) }
    }

    /// Asks for a whole answer.
    ///
    /// # Errors
    /// [`CallError`]: `NotFound` for a model that is not there, `Exhausted` with a time to wait when the provider limits
    /// the rate, `Unavailable` or `Timeout` when the provider fails, `Conflict` for a key used with another body.
    pub async fn chat(
        &self,
        caller: &Caller,
        request: &ChatRequest,
        options: &CallOptions,
    ) -> Result<ChatCompletion, CallError> {
        let request = ChatRequest { stream: false, stream_options: None, ..request.clone() };
        let call = self.client.post(caller, "/v1/chat/completions", &request);
        call.maybe_header(RUN_HEADER, options.run.as_deref())
            .maybe_header(IDEMPOTENCY_HEADER, options.idempotency_key.as_deref())
            .answer()
            .await
    }

    /// Asks for an answer in pieces, the last of which carries the usage. The stream ends after its first error; one
    /// that ends without an error is complete. Dropping it cancels the call, unless it has an idempotency key.
    ///
    /// # Errors
    /// As [`Models::chat`], before the first piece.
    pub async fn chat_stream(
        &self,
        caller: &Caller,
        request: &ChatRequest,
        options: &CallOptions,
    ) -> Result<impl Stream<Item = Result<ChatChunk, CallError>> + Send + use<>, CallError> {
        Ok(self.open_chat(caller, request.clone(), options).await?.chunks)
    }

    /// The same, and who answers. The request may be megabytes, so it is dropped as soon as it is written.
    ///
    /// # Errors
    /// As [`Models::chat`], before the first piece.
    pub async fn open_chat(
        &self,
        caller: &Caller,
        mut request: ChatRequest,
        options: &CallOptions,
    ) -> Result<Opened<impl Stream<Item = Result<ChatChunk, CallError>> + Send + use<>>, CallError> {
        request.stream = true;
        request.stream_options.get_or_insert_with(StreamOptions::default).include_usage = true;
        let call = self.client.post(caller, "/v1/chat/completions", &request);
        drop(request);
        let response = call
            .maybe_header(RUN_HEADER, options.run.as_deref())
            .maybe_header(IDEMPOTENCY_HEADER, options.idempotency_key.as_deref())
            .response()
            .await?;
        let deployment = response.headers().get(DEPLOYMENT_HEADER).and_then(|value| value.to_str().ok());
        let deployment = deployment.unwrap_or_default().to_owned();
        let service = self.client.service();
        let chunks = response.into_body().into_data_stream();
        let chunks = chat_events(chunks.map(move |chunk| chunk.map_err(|error| CallError::down(service, &error))));
        Ok(Opened { deployment, chunks })
    }

    /// Cancels the call with this idempotency key: the request to the provider is dropped at once and what was used is
    /// settled. Says whether it was running. For a minute the key begins no call, so that one which is still on its way
    /// comes too late.
    ///
    /// # Errors
    /// [`CallError`] when the service is down.
    pub async fn cancel(&self, caller: &Caller, key: &str) -> Result<bool, CallError> {
        let call = CancelCall { key: key.to_owned() };
        let reply: CancelledCall = self.client.post(caller, "/internal/calls/cancel", &call).answer().await?;
        Ok(reply.cancelled)
    }

    /// Turns texts into vectors.
    ///
    /// # Errors
    /// As [`Models::chat`]; `NotFound` also when no embedding model is configured at all.
    pub async fn embed(
        &self,
        caller: &Caller,
        request: &EmbeddingRequest,
        options: &CallOptions,
    ) -> Result<EmbeddingReply, CallError> {
        let call = self.client.post(caller, "/v1/embeddings", request);
        call.maybe_header(RUN_HEADER, options.run.as_deref()).answer().await
    }

    /// The models on offer, the default one first.
    ///
    /// # Errors
    /// [`CallError`] when the service is down. A provider that is down only leaves its discovered models out.
    pub async fn list(&self, caller: &Caller) -> Result<ModelList, CallError> {
        self.client.get(caller, "/v1/models").answer().await
    }

    /// Whether the caller's tenant may begin a call to a model: whether it costs nothing, or there is money left. Says
    /// nothing about how much a call may cost.
    ///
    /// # Errors
    /// [`CallError`]: `PaymentRequired` when a prepaid tenant has nothing left for a model that costs something;
    /// `NotFound` for a model that is not there, or for another product in the place of the model gateway.
    pub async fn affords(&self, caller: &Caller, model: &str) -> Result<(), CallError> {
        let pairs = [("model", Some(model.to_owned()))];
        self.client.get(caller, &format!("/internal/affords{}", query(&pairs))).done().await
    }

    /// Tells how the caller's tenant's calls turned out, so that its routes by difficulty learn from them.
    ///
    /// # Errors
    /// [`CallError`]: `NotFound` for a call that the tenant did not make, `BadRequest` for one that no difficulty was
    /// judged of; nothing of the report is taken then.
    pub async fn report(&self, caller: &Caller, report: &OutcomeReport) -> Result<OutcomeReply, CallError> {
        self.client.post(caller, "/internal/outcomes", report).answer().await
    }

    /// Usage records of all tenants after `cursor` (0 from the beginning), oldest first, at most `limit` (1 to 1000).
    ///
    /// # Errors
    /// [`CallError`] when the service or its database is down.
    pub async fn usage_after(&self, caller: &Caller, cursor: i64, limit: u32) -> Result<UsagePage, CallError> {
        let pairs = [("after", Some(cursor.to_string())), ("limit", Some(limit.to_string()))];
        self.client.get(caller, &format!("/internal/usage{}", query(&pairs))).answer().await
    }
}

/// The error that a stream carries as its last event.
#[derive(Deserialize)]
struct Terminal {
    error: TerminalError,
}

#[derive(Deserialize)]
struct TerminalError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    code: Option<serde_json::Value>,
    #[serde(default)]
    retry_after_s: Option<u64>,
}

/// Reads the chunks of a Chat Completions stream out of its bytes.
///
/// The stream must say that it is over, with `[DONE]` or an error: one that merely stops was cut off, and says so. So does
/// one that has nothing before its `[DONE]`: that is no answer.
pub fn chat_events(
    bytes: impl Stream<Item = Result<Bytes, CallError>> + Send + 'static,
) -> impl Stream<Item = Result<ChatChunk, CallError>> + Send + 'static {
    let service = ServiceName::ModelGateway;
    async_stream::stream! {
        let events = sse::events(bytes, move |error| CallError::garbled(service, &error));
        let mut events = std::pin::pin!(events);
        let mut has_begun = false;
        while let Some(event) = events.next().await {
            let data = match event {
                Ok(event) => event.data,
                Err(error) => { yield Err(error); return }
            };
            if data == "[DONE]" {
                if !has_begun { break }
                return;
            }
            if let Ok(Terminal { error }) = serde_json::from_str(&data) {
                yield Err(broke_off(error));
                return;
            }
            match serde_json::from_str::<ChatChunk>(&data) {
                Ok(chunk) => { has_begun = true; yield Ok(chunk) }
                Err(error) => { yield Err(CallError::garbled(service, &error)); return }
            }
        }
        yield Err(CallError {
            service,
            kind: Kind::Unavailable,
            code: "stream_cut_off".to_owned(),
            detail: "the stream of the answer was cut off before its end".to_owned(),
            param: None,
            retry_after_s: None,
        });
    }
}

fn broke_off(error: TerminalError) -> CallError {
    let kind = error.kind.unwrap_or(Kind::Unavailable);
    let code = error.code.and_then(|code| code.as_str().map(str::to_owned));
    CallError {
        service: ServiceName::ModelGateway,
        kind,
        code: code.unwrap_or_else(|| kind.name().to_owned()),
        detail: error.message,
        param: None,
        retry_after_s: error.retry_after_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(wire: &'static str) -> Vec<Result<ChatChunk, CallError>> {
        chat_events(futures::stream::iter([Ok(Bytes::from(wire))])).collect().await
    }

    #[tokio::test]
    async fn a_stream_that_merely_stops_was_cut_off() {
        let events = read("data: {\"id\":\"a\",\"choices\":[]}\n\n").await;

        assert_eq!(events.len(), 2);
        assert_eq!(events[1].as_ref().unwrap_err().code, "stream_cut_off");
    }

    #[tokio::test]
    async fn a_stream_that_only_says_that_it_is_over_is_no_answer() {
        for wire in ["data: [DONE]\n\n", "", ": ping\n\ndata: [DONE]\r\n\r\n"] {
            let events = read(wire).await;
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].as_ref().unwrap_err().code, "stream_cut_off");
        }
    }

    #[tokio::test]
    async fn an_error_event_ends_the_stream_with_its_own_words() {
        let events =
            read("data: {\"error\":{\"message\":\"gone\",\"kind\":\"timeout\",\"code\":\"idle\"}}\n\ndata: [DONE]\n\n")
                .await;

        let error = events[0].as_ref().unwrap_err();
        assert_eq!((error.kind, error.code.as_str(), error.detail.as_str()), (Kind::Timeout, "idle", "gone"));
        assert_eq!(events.len(), 1);
    }

    #[tokio::test]
    async fn a_complete_stream_ends_without_an_error() {
        assert!(read("data: {\"choices\":[]}\n\ndata: [DONE]\n\n").await.iter().all(Result::is_ok));
    }
}
