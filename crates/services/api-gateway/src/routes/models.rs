//! What can be talked to: agents and models in one list.

use axum::Json as Plain;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use septet_chassis::http::Refusal;
use septet_contracts::management::Agent;
use septet_contracts::management::Permission::ReadAgents;
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, ServiceName};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::warn;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::Error;
use crate::access::needs;
use crate::gateway::{App, Gateway};
use crate::route::Routes;

/// Agents and models, in the shape of OpenAI's list of models.
#[derive(Debug, Serialize, ToSchema)]
struct AnyModels {
    /// Always `list`.
    object: &'static str,
    /// Agents first. `septet.kind` is `agent`, `chat` or `embedding`.
    data: Vec<Value>,
    /// Services that did not answer, so that theirs are not in the list. Absent when all did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    septet_down: Vec<ServiceName>,
}

pub(super) fn routes() -> Routes {
    Routes::default().route(routes!(list), needs(ReadAgents)).route(routes!(show), needs(ReadAgents))
}

/// Lists agents (`agent:<name>`) and models.
#[utoipa::path(get, path = "/v1/models", tag = "Models", responses((status = 200, body = AnyModels)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Refusal<Error>> {
    Ok(Plain(app.any_models(&caller).await?).into_response())
}

/// One agent or model.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "Models", responses((status = 200, body = Object)))]
async fn show(State(app): State<App>, caller: Caller, Path(model): Path<String>) -> Result<Response, Refusal<Error>> {
    let found = app.any_models(&caller).await?.data.into_iter().find(|one| one["id"] == model.as_str());
    let found = found.ok_or_else(|| Error::NotFound(format!("there is no model {model}; GET /v1/models lists all")))?;
    Ok(Plain(found).into_response())
}

impl Gateway {
    async fn any_models(&self, caller: &Caller) -> Result<AnyModels, Error> {
        let page = PageQuery { limit: Some(100), ..PageQuery::default() };
        let peer = self.peer(ServiceName::ModelGateway);
        let models = async { peer.get(caller, "/v1/models").answer::<Value>().await };
        let (agents, models) = tokio::join!(self.management.agents(caller, &page), models);
        let mut list = AnyModels { object: "list", data: Vec::new(), septet_down: Vec::new() };
        match (agents, models) {
            (Err(error), Err(_)) => return Err(error.into()),
            (agents, models) => {
                match agents {
                    Ok(page) => list.data.extend(page.data.iter().map(agent)),
                    Err(error) => {
                        warn!(error.detail = %error, "the list of models has no agents");
                        list.septet_down.push(ServiceName::Management);
                    }
                }
                match models {
                    // Passed on as they are: another gateway in the model gateway's place may say more about its
                    // models.
                    Ok(models) => list.data.extend(models["data"].as_array().into_iter().flatten().cloned()),
                    Err(error) => {
                        warn!(error.detail = %error, "the list of models has only agents");
                        list.septet_down.push(ServiceName::ModelGateway);
                    }
                }
            }
        }
        Ok(list)
    }
}

fn agent(agent: &Agent) -> Value {
    let mut septet = Map::new();
    septet.insert("kind".to_owned(), json!("agent"));
    septet.insert("title".to_owned(), json!(agent.title));
    septet.insert("description".to_owned(), json!(agent.description));
    septet.insert("agent_id".to_owned(), json!(agent.id));
    json!({
        "id": format!("agent:{}", agent.name),
        "object": "model",
        "created": agent.created_at,
        "owned_by": "septet",
        "septet": septet,
    })
}
