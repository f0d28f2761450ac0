//! Chat Completions and embeddings: models directly, agents as if they were models.

use axum::Json as Plain;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::HeaderMap;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::models::{ChatCompletion, ChatRequest, EmbeddingReply, EmbeddingRequest};
use septet_contracts::sse::Event;
use septet_kernel::{Caller, ServiceName};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::responses::events;
use crate::chat::{ChatRun, Projection, completion, to_run};
use crate::gateway::{App, Gateway};
use crate::{Error, events as out, runs};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(chat)).routes(routes!(embed))
}

/// Asks a model, or an agent as `agent:<name>`.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "Chat", request_body = ChatRequest,
    responses((status = 200, body = ChatCompletion)))]
async fn chat(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, Refusal<Error>> {
    if body["model"].as_str().is_some_and(|model| model.starts_with("agent:")) {
        return Ok(app.chat_with_agent(caller, to_run(&body)?).await?);
    }
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let peer = app.peer(ServiceName::ModelGateway);
    let call = peer.post(&caller, "/v1/chat/completions", &body).maybe_header("idempotency-key", key);
    let answer = call.response().await.map_err(Error::from)?;
    Ok(app.bring_back(answer))
}

passes! {
    /// Turns texts into vectors.
    embed: post "/v1/embeddings" => ModelGateway.pass {
        tag = "Models", request_body = EmbeddingRequest, responses((status = 200, body = EmbeddingReply)) }
}

impl Gateway {
    async fn chat_with_agent(&self, caller: Caller, chat: ChatRun) -> Result<Response, Error> {
        let ChatRun { run, is_stream, wants_usage } = chat;
        let peer = self.peer(ServiceName::AgentCore);
        let call = peer.post(&caller, "/v1/responses", &run);
        if !is_stream {
            let response: Value = call.answer().await?;
            if response["status"] == "failed" {
                let message = response["error"]["message"].as_str().unwrap_or("the run failed");
                return Err(Error::RunFailed(message.to_owned()));
            }
            return Ok(Plain(completion(&response)).into_response());
        }
        let opened = events(call.stream().await?);
        let stopping = self.lifecycle.stopping();
        let mut events = runs::follow(self.agents.clone(), caller, opened, None, None, stopping).boxed();
        let mut projection = Projection::new(wants_usage);
        let chunks = async_stream::stream! {
            while let Some(event) = events.next().await {
                for chunk in projection.chunks(&event) {
                    yield out::data(&chunk);
                }
                if runs::is_terminal(&event.name) {
                    yield Event { data: "[DONE]".to_owned(), ..Event::default() };
                }
            }
        };
        Ok(out::answer(out::write(out::sure(chunks), self.config.keep_alive())))
    }
}
