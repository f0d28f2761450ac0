//! The table of contents of Management.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::management as wire;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, PromptId, UserId};

use crate::{Error, Management};

type Answer<T> = Result<Json<T>, Refusal<Error>>;
type It = State<Management>;

/// Every endpoint.
pub(crate) fn routes(management: Management) -> Router {
    Router::new()
        .route("/internal/credentials/verify", post(verify_credentials))
        .route("/internal/keys/verify", post(verify_key))
        .route("/internal/users/{id}", get(active_user))
        .route("/internal/rights-changes", get(rights_changes))
        .route("/internal/agents/{name}", get(resolve_agent))
        .route("/internal/home-tenant", get(home_tenant))
        .route("/roles", get(roles))
        .route("/tenants", post(tenants::create).get(tenants::list))
        .route("/tenants/{id}", get(tenants::show).patch(tenants::update))
        .route("/users", post(users::create).get(users::list))
        .route("/users/{id}", get(users::show).patch(users::update).delete(users::remove))
        .route("/keys", post(keys::create).get(keys::list))
        .route("/keys/{id}", get(keys::show).delete(keys::remove))
        .route("/agents", post(agents::create).get(agents::list))
        .route("/agents/{id}", get(agents::show).patch(agents::update).delete(agents::remove))
        .route("/prompts", post(prompts::create).get(prompts::list))
        .route("/prompts/{id}", get(prompts::show).patch(prompts::update).delete(prompts::remove))
        .route("/prompts/{id}/versions", post(create_prompt_version).get(prompt_versions))
        .route("/prompts/{id}/versions/{version}", get(prompt_version))
        .route("/knowledge-bases", post(knowledge_bases::create).get(knowledge_bases::list))
        .route(
            "/knowledge-bases/{id}",
            get(knowledge_bases::show).patch(knowledge_bases::update).delete(knowledge_bases::remove),
        )
        .with_state(management)
}

/// An id in a path. Text that is no id at all names nothing, so it is not found.
fn id<T: std::str::FromStr>(noun: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_not_an_id| Error::Missing { noun, id: text.chars().take(64).collect() })
}

/// The five handlers of a noun: each extracts, calls one verb, answers.
macro_rules! crud {
    ($(
        $noun:ident: $id:ident,
        create $create:ident($new:ident) -> $made:ident, list $list:ident, show $show:ident -> $thing:ident
        $(, update $update:ident($change:ident))? $(, remove $remove:ident)?;
    )*) => {$(
        mod $noun {
            use super::*;
            use septet_kernel::$id;

            pub(super) async fn create(
                State(it): It,
                caller: Caller,
                Json(new): Json<wire::$new>,
            ) -> Result<(StatusCode, Json<wire::$made>), Refusal<Error>> {
                Ok((StatusCode::CREATED, Json(it.$create(&caller, new).await?)))
            }

            pub(super) async fn list(
                State(it): It,
                caller: Caller,
                Query(page): Query<PageQuery>,
            ) -> Answer<Page<wire::$thing>> {
                Ok(Json(it.$list(&caller, &page).await?))
            }

            pub(super) async fn show(State(it): It, caller: Caller, Path(text): Path<String>) -> Answer<wire::$thing> {
                Ok(Json(it.$show(&caller, id::<$id>(stringify!($show), &text)?).await?))
            }

            $(
                pub(super) async fn update(
                    State(it): It,
                    caller: Caller,
                    Path(text): Path<String>,
                    Json(change): Json<wire::$change>,
                ) -> Answer<wire::$thing> {
                    Ok(Json(it.$update(&caller, id::<$id>(stringify!($show), &text)?, change).await?))
                }
            )?

            $(
                pub(super) async fn remove(
                    State(it): It,
                    caller: Caller,
                    Path(text): Path<String>,
                ) -> Result<StatusCode, Refusal<Error>> {
                    it.$remove(&caller, id::<$id>(stringify!($show), &text)?).await?;
                    Ok(StatusCode::NO_CONTENT)
                }
            )?
        }
    )*};
}

crud! {
    tenants: TenantId, create create_tenant(NewTenant) -> Tenant, list tenants, show tenant -> Tenant,
        update update_tenant(TenantChange);
    users: UserId, create create_user(NewUser) -> User, list users, show user -> User,
        update update_user(UserChange), remove delete_user;
    keys: ApiKeyId, create create_key(NewApiKey) -> CreatedKey, list keys, show key -> ApiKey,
        remove revoke_key;
    agents: AgentId, create create_agent(NewAgent) -> Agent, list agents, show agent -> Agent,
        update update_agent(AgentChange), remove delete_agent;
    prompts: PromptId, create create_prompt(NewPrompt) -> Prompt, list prompts, show prompt -> Prompt,
        update update_prompt(PromptChange), remove delete_prompt;
    knowledge_bases: VectorStoreId, create create_knowledge_base(NewKnowledgeBase) -> KnowledgeBase,
        list knowledge_bases, show knowledge_base -> KnowledgeBase,
        update update_knowledge_base(KnowledgeBaseChange), remove delete_knowledge_base;
}

/// The caller proves that the request comes from a service of this installation; its tenant means nothing yet.
async fn verify_credentials(
    State(it): It,
    _peer: Caller,
    Json(credentials): Json<wire::Credentials>,
) -> Answer<wire::Standing> {
    Ok(Json(it.verify_credentials(credentials).await?))
}

async fn verify_key(State(it): It, _peer: Caller, Json(proof): Json<wire::KeyProof>) -> Answer<wire::KeyGrant> {
    Ok(Json(it.verify_key(&proof).await?))
}

async fn active_user(State(it): It, _peer: Caller, Path(text): Path<String>) -> Answer<wire::Standing> {
    Ok(Json(it.active_user(id::<UserId>("user", &text)?).await?))
}

#[derive(serde::Deserialize)]
struct After {
    #[serde(default)]
    after: i64,
}

async fn rights_changes(State(it): It, _peer: Caller, Query(query): Query<After>) -> Answer<wire::RightsChanges> {
    Ok(Json(it.rights_changes(query.after).await?))
}

async fn home_tenant(State(it): It, _peer: Caller) -> Answer<wire::Tenant> {
    Ok(Json(it.home_tenant().await?))
}

async fn resolve_agent(State(it): It, caller: Caller, Path(name): Path<String>) -> Answer<wire::ResolvedAgent> {
    Ok(Json(it.resolve_agent(&caller, &name).await?))
}

async fn roles(_anybody: Caller) -> Json<Vec<wire::RoleInfo>> {
    Json(crate::roles::all())
}

async fn create_prompt_version(
    State(it): It,
    caller: Caller,
    Path(text): Path<String>,
    Json(new): Json<wire::NewPromptVersion>,
) -> Result<(StatusCode, Json<wire::PromptVersion>), Refusal<Error>> {
    let made = it.create_prompt_version(&caller, id::<PromptId>("prompt", &text)?, new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn prompt_versions(
    State(it): It,
    caller: Caller,
    Path(text): Path<String>,
    Query(page): Query<PageQuery>,
) -> Answer<Page<wire::PromptVersion>> {
    Ok(Json(it.prompt_versions(&caller, id::<PromptId>("prompt", &text)?, &page).await?))
}

async fn prompt_version(
    State(it): It,
    caller: Caller,
    Path((text, version)): Path<(String, String)>,
) -> Answer<wire::PromptVersion> {
    let prompt = id::<PromptId>("prompt", &text)?;
    Ok(Json(it.prompt_version(&caller, prompt, id("prompt version", &version)?).await?))
}
