//! Runs of agents: the Responses API, conversations, and the WebSocket.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, Uri};
use septet_chassis::http::{Query, Refusal};
use septet_contracts::agents::{Conversation, ConversationQuery, CreateConversation, Deleted, ItemQuery};
use septet_contracts::call::CallError;
use septet_contracts::management::Permission;
use septet_contracts::management::Permission::{ReadRuns, UseAgents};
use septet_contracts::page::Page;
use septet_contracts::responses::{CreateResponse, ResponseItem, ResponseObject};
use septet_contracts::sse;
use septet_kernel::{Caller, ResponseId, ServiceName};
use serde::Deserialize;
use utoipa_axum::routes;

use crate::access::needs;
use crate::admission::query_value;
use crate::auth::identity::Identity;
use crate::body::{Head, for_agent};
use crate::gateway::{App, Gateway};
use crate::route::Routes;
use crate::socket::{self, Resume};
use crate::{Error, events as out, runs};

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(create), needs(UseAgents).long())
        .route(routes!(connect), needs(UseAgents).or_ticket())
        .route(routes!(show), needs(ReadRuns).long())
        .route(routes!(delete), needs(UseAgents))
        .route(routes!(cancel), needs(UseAgents))
        .route(routes!(input_items), needs(ReadRuns))
        .route(routes!(create_conversation), needs(UseAgents))
        .route(routes!(conversation), needs(ReadRuns))
        .route(routes!(delete_conversation), needs(UseAgents))
        .route(routes!(conversation_items), needs(ReadRuns))
        .route(routes!(conversations), needs(ReadRuns))
}

/// Runs an agent, or asks a model directly. With `stream: true` the answer is a stream of events; those of a run have
/// their number as `id:`. Answers of models are not kept: `previous_response_id` is for agents.
#[utoipa::path(post, path = "/v1/responses", tag = "Responses", request_body = CreateResponse,
    responses((status = 200, body = ResponseObject),
        (status = 402, description = "The balance is used up."),
        (status = 404, description = "There is no such agent, model, conversation, run or knowledge base."),
        (status = 409, description = "The conversation has a run in progress."),
        (status = 429, description = "Too many requests, or too many runs of the tenant wait already.")))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal<Error>> {
    let head = Head::read(&app, &body).await?;
    if head.names_a_model() {
        return Ok(app.pass_body(ServiceName::ModelGateway, "/v1/responses", caller, &headers, body).await?);
    }
    let body = for_agent(&app, body, &[], &[]).await?;
    let peer = app.peer(ServiceName::AgentCore);
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let call = peer.post(&caller, "/v1/responses", &body).maybe_header("idempotency-key", key);
    drop(body);
    if head.is_stream() {
        let opened = runs::events(call.stream().await.map_err(Error::from)?);
        return Ok(app.stream_run(caller, opened, None, None));
    }
    let answer = call.response().await.map_err(Error::from)?;
    Ok(app.bring_back(answer))
}

/// Opens a WebSocket on which many runs go side by side.
///
/// The client sends `response.create` events. `?ticket=` is a way in for browsers, `?resume=<response>:<number>` reads
/// on after that event.
#[utoipa::path(get, path = "/v1/responses", tag = "Responses",
    params(("ticket" = Option<String>, Query), ("resume" = Option<String>, Query)),
    responses((status = 101, description = "The connection is a WebSocket now.")))]
async fn connect(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Extension(permission): Extension<Permission>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal<Error>> {
    let upgrade = upgrade.map_err(|_| Error::NoUpgrade)?;
    let resume = query_value(uri.query().unwrap_or_default(), "resume").unwrap_or_default();
    let resumes = Resume::parse(&resume)?;
    let limit = usize::try_from(app.config.json_limit_bytes()).unwrap_or(usize::MAX);
    Ok(upgrade
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| socket::serve(app, identity, permission, socket, resumes)))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Reading {
    /// Whether the events are wanted instead of the object.
    stream: bool,
    /// Only events after the one with this number.
    starting_after: Option<u64>,
}

/// A run as it stands, or its events: those that were and those to come.
#[utoipa::path(get, path = "/v1/responses/{response_id}", tag = "Responses", params(Reading),
    responses((status = 200, body = ResponseObject)))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    Query(reading): Query<Reading>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Error>> {
    let id = response_id(&id)?;
    if !reading.stream {
        // include[] and what else the SDKs send goes along.
        let path = format!("/v1/responses/{id}{}", raw.map(|raw| format!("?{raw}")).unwrap_or_default());
        let answer = app.peer(ServiceName::AgentCore).get(&caller, &path).response().await.map_err(Error::from)?;
        return Ok(app.bring_back(answer));
    }
    // A browser's EventSource tells the number in this header when it comes back.
    let last_seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let after = reading.starting_after.or(last_seen);
    let opened = app.agents.events(&caller, id, after).await.map_err(Error::from)?;
    Ok(app.stream_run(caller, opened, Some(id), after))
}

passes! {
    /// Deletes a run that has ended.
    delete: delete "/v1/responses/{response_id}" => AgentCore.pass {
        tag = "Responses", responses((status = 200, body = Deleted),
            (status = 409, description = "The run has not ended; cancel it first.")) }

    /// Asks a run to stop.
    cancel: post "/v1/responses/{response_id}/cancel" => AgentCore.pass {
        tag = "Responses", responses((status = 200, body = ResponseObject)) }

    /// What the user said in a run.
    input_items: get "/v1/responses/{response_id}/input_items" => AgentCore.pass {
        tag = "Responses", params(ItemQuery), responses((status = 200, body = Page<ResponseItem>)) }

    /// Makes a conversation.
    create_conversation: post "/v1/conversations" => AgentCore.pass {
        tag = "Conversations", request_body = CreateConversation, responses((status = 200, body = Conversation)) }

    /// A conversation.
    conversation: get "/v1/conversations/{conversation_id}" => AgentCore.pass {
        tag = "Conversations", responses((status = 200, body = Conversation)) }

    /// Deletes a conversation with its runs.
    delete_conversation: delete "/v1/conversations/{conversation_id}" => AgentCore.pass {
        tag = "Conversations", responses((status = 200, body = Deleted),
            (status = 409, description = "A run of it has not ended; cancel it first.")) }

    /// Everything said in a conversation, oldest first.
    conversation_items: get "/v1/conversations/{conversation_id}/items" => AgentCore.pass {
        tag = "Conversations", params(ItemQuery), responses((status = 200, body = Page<ResponseItem>)) }

    /// Conversations, the one used last first.
    conversations: get "/api/conversations" => AgentCore.pass {
        tag = "Conversations", params(ConversationQuery), responses((status = 200, body = Page<Conversation>)) }
}

impl Gateway {
    /// The events of a run as an answer.
    fn stream_run(
        &self,
        caller: Caller,
        opened: impl Stream<Item = Result<sse::Event, CallError>> + Send + 'static,
        response: Option<ResponseId>,
        after: Option<u64>,
    ) -> Response {
        let stopping = self.lifecycle.stopping();
        let events = runs::follow(self.agents.clone(), caller, opened, response, after, stopping);
        out::answer(out::write(out::sure(events), self.config.keep_alive()))
    }
}

fn response_id(text: &str) -> Result<ResponseId, Error> {
    text.parse()
        .map_err(|_| Error::NotFound(format!("there is no response {}", text.chars().take(64).collect::<String>())))
}
