//! Chat Completions and embeddings: models directly, agents as if they were models.

use axum::Json as Plain;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use septet_chassis::http::Refusal;
use septet_contracts::management::Permission::UseAgents;
use septet_contracts::models::{ChatCompletion, ChatRequest, EmbeddingReply, EmbeddingRequest};
use septet_contracts::sse::Event;
use septet_kernel::{Caller, ServiceName};
use serde_json::Value;
use utoipa_axum::routes;

use crate::access::needs;
use crate::body::Head;
use crate::chat::{ChatRun, Projection, completion, to_run};
use crate::gateway::{App, Gateway};
use crate::route::Routes;
use crate::{Error, events as out, runs};

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(chat), needs(UseAgents).long())
        .route(routes!(embed), needs(UseAgents).long())
        .route(routes!(rerank), needs(UseAgents).long())
        .route(routes!(message), needs(UseAgents).long())
        .route(routes!(count), needs(UseAgents))
}

/// Asks a model, or an agent as `agent:<name>`.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "Chat", request_body = ChatRequest,
    responses((status = 200, body = ChatCompletion)))]
async fn chat(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal<Error>> {
    let n_bytes = body.len();
    if !Head::read(&app, &body).await?.names_an_agent() {
        return Ok(app.pass_body(ServiceName::ModelGateway, "/v1/chat/completions", caller, &headers, body).await?);
    }
    let read = move || to_run(&serde_json::from_slice(&body).map_err(|bad| Error::not_json(&bad))?);
    let run = app.cpu.run_over(n_bytes, read).await.map_err(|_panicked| Error::Bug("a chat could not be read"))?;
    Ok(app.chat_with_agent(caller, run?).await?)
}

passes! {
    /// Turns texts into vectors.
    embed: post "/v1/embeddings" => ModelGateway.pass {
        tag = "Models", request_body = EmbeddingRequest, responses((status = 200, body = EmbeddingReply)) }

    /// Puts documents in the order of a question, in the shape of Cohere and Jina.
    rerank: post "/v1/rerank" => ModelGateway.pass {
        tag = "Models", request_body = Value, responses((status = 200, body = Value)) }

    /// Asks a model in the shape of Anthropic's Messages.
    message: post "/v1/messages" => ModelGateway.pass {
        tag = "Models", request_body = Value, responses((status = 200, body = Value)) }

    /// About how many tokens a request in that shape is.
    count: post "/v1/messages/count_tokens" => ModelGateway.pass {
        tag = "Models", request_body = Value, responses((status = 200, body = Value)) }
}

impl Gateway {
    async fn chat_with_agent(&self, caller: Caller, chat: ChatRun) -> Result<Response, Error> {
        let ChatRun { run, is_stream, wants_usage } = chat;
        let peer = self.peer(ServiceName::AgentCore);
        let call = peer.post(&caller, "/v1/responses", &run);
        drop(run);
        if !is_stream {
            let response: Value = call.answer().await?;
            if response["status"] == "failed" {
                let message = response["error"]["message"].as_str().unwrap_or("the run failed");
                return Err(Error::RunFailed(message.to_owned()));
            }
            return Ok(Plain(completion(&response)).into_response());
        }
        let opened = runs::events(call.stream().await?);
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
