//! What a person configures, and background jobs. Management and the worker check permissions again, and more finely:
//! for one's own account and one's own keys. The gateway itself learns of changed rights before it answers.

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use septet_chassis::http::Refusal;
use septet_contracts::jobs::Job;
use septet_contracts::management::Permission::{
    ManageJobs, ManageOwnKeys, ManageTenants, ManageUsers, ReadAgents, ReadJobs, ReadPrompts, ReadTenant, ReadUsers,
    WriteAgents, WritePrompts, WriteTenant,
};
use septet_contracts::management::{
    Agent, AgentChange, ApiKey, CreatedKey, NewAgent, NewApiKey, NewPrompt, NewPromptVersion, NewTenant, NewUser,
    Prompt, PromptChange, PromptVersion, RoleInfo, Tenant, TenantChange, User, UserChange,
};
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{ServiceName, UserId};
use utoipa_axum::routes;

use super::current_password;
use crate::access::needs;
use crate::auth::identity::Identity;
use crate::gateway::{App, Gateway};
use crate::route::Routes;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(tenants), needs(ManageTenants))
        .route(routes!(create_tenant), needs(ManageTenants))
        .route(routes!(tenant), needs(ReadTenant))
        .route(routes!(change_tenant), needs(WriteTenant))
        .route(routes!(users), needs(ReadUsers))
        .route(routes!(create_user), needs(ManageUsers))
        .route(routes!(user), needs(ReadTenant))
        .route(routes!(change_user), needs(ReadTenant))
        .route(routes!(delete_user), needs(ManageUsers))
        .route(routes!(roles), needs(ReadTenant))
        .route(routes!(keys), needs(ManageOwnKeys))
        .route(routes!(create_key), needs(ManageOwnKeys))
        .route(routes!(key), needs(ManageOwnKeys))
        .route(routes!(revoke_key), needs(ManageOwnKeys))
        .route(routes!(agents), needs(ReadAgents))
        .route(routes!(create_agent), needs(WriteAgents))
        .route(routes!(agent), needs(ReadAgents))
        .route(routes!(change_agent), needs(WriteAgents))
        .route(routes!(delete_agent), needs(WriteAgents))
        .route(routes!(prompts), needs(ReadPrompts))
        .route(routes!(create_prompt), needs(WritePrompts))
        .route(routes!(prompt), needs(ReadPrompts))
        .route(routes!(change_prompt), needs(WritePrompts))
        .route(routes!(delete_prompt), needs(WritePrompts))
        .route(routes!(versions), needs(ReadPrompts))
        .route(routes!(create_version), needs(WritePrompts))
        .route(routes!(version), needs(ReadPrompts))
        .route(routes!(jobs), needs(ReadJobs))
        .route(routes!(job), needs(ReadJobs))
        .route(routes!(cancel_job), needs(ManageJobs))
        .route(routes!(retry_job), needs(ManageJobs))
}

passes! {
    /// Lists the tenants; only from the home tenant.
    tenants: get "/api/tenants" => Management.pass_own {
        tag = "Tenants", params(PageQuery), responses((status = 200, body = Page<Tenant>)) }

    /// Makes a tenant with its first owner; only from the home tenant.
    create_tenant: post "/api/tenants" => Management.pass_own {
        tag = "Tenants", request_body = NewTenant, responses((status = 201, body = Tenant)) }

    /// A tenant.
    tenant: get "/api/tenants/{id}" => Management.pass_own {
        tag = "Tenants", responses((status = 200, body = Tenant)) }

    /// Lists the accounts of the tenant.
    users: get "/api/users" => Management.pass_own {
        tag = "Users", params(PageQuery), responses((status = 200, body = Page<User>)) }

    /// Makes an account.
    create_user: post "/api/users" => Management.pass_own {
        tag = "Users", request_body = NewUser, responses((status = 201, body = User)) }

    /// An account.
    user: get "/api/users/{id}" => Management.pass_own {
        tag = "Users", responses((status = 200, body = User)) }

    /// The roles and what each may do.
    roles: get "/api/roles" => Management.pass_own {
        tag = "Users", responses((status = 200, body = Vec<RoleInfo>)) }

    /// Lists the API keys: everybody's for admins, one's own for others.
    keys: get "/api/keys" => Management.pass_own {
        tag = "API keys", params(PageQuery), responses((status = 200, body = Page<ApiKey>)) }

    /// Makes an API key. Its secret is in this answer and nowhere else.
    create_key: post "/api/keys" => Management.pass_own {
        tag = "API keys", request_body = NewApiKey, responses((status = 201, body = CreatedKey)) }

    /// An API key, without its secret.
    key: get "/api/keys/{id}" => Management.pass_own {
        tag = "API keys", responses((status = 200, body = ApiKey)) }

    /// Lists the agents.
    agents: get "/api/agents" => Management.pass_own {
        tag = "Agents", params(PageQuery), responses((status = 200, body = Page<Agent>)) }

    /// Makes an agent.
    create_agent: post "/api/agents" => Management.pass_own {
        tag = "Agents", request_body = NewAgent, responses((status = 201, body = Agent)) }

    /// An agent.
    agent: get "/api/agents/{id}" => Management.pass_own {
        tag = "Agents", responses((status = 200, body = Agent)) }

    /// Changes an agent.
    change_agent: patch "/api/agents/{id}" => Management.pass_own {
        tag = "Agents", request_body = AgentChange, responses((status = 200, body = Agent)) }

    /// Deletes an agent.
    delete_agent: delete "/api/agents/{id}" => Management.pass_own {
        tag = "Agents", responses((status = 204)) }

    /// Lists the prompts.
    prompts: get "/api/prompts" => Management.pass_own {
        tag = "Prompts", params(PageQuery), responses((status = 200, body = Page<Prompt>)) }

    /// Makes a prompt with its first version.
    create_prompt: post "/api/prompts" => Management.pass_own {
        tag = "Prompts", request_body = NewPrompt, responses((status = 201, body = Prompt)) }

    /// A prompt.
    prompt: get "/api/prompts/{id}" => Management.pass_own {
        tag = "Prompts", responses((status = 200, body = Prompt)) }

    /// Changes a prompt, or which version of it is live.
    change_prompt: patch "/api/prompts/{id}" => Management.pass_own {
        tag = "Prompts", request_body = PromptChange, responses((status = 200, body = Prompt)) }

    /// Deletes a prompt.
    delete_prompt: delete "/api/prompts/{id}" => Management.pass_own {
        tag = "Prompts", responses((status = 204)) }

    /// The versions of a prompt, newest first.
    versions: get "/api/prompts/{id}/versions" => Management.pass_own {
        tag = "Prompts", params(PageQuery), responses((status = 200, body = Page<PromptVersion>)) }

    /// Adds a version to a prompt.
    create_version: post "/api/prompts/{id}/versions" => Management.pass_own {
        tag = "Prompts", request_body = NewPromptVersion, responses((status = 201, body = PromptVersion)) }

    /// A version of a prompt.
    version: get "/api/prompts/{id}/versions/{version}" => Management.pass_own {
        tag = "Prompts", responses((status = 200, body = PromptVersion)) }

    /// Lists the background jobs, newest first.
    jobs: get "/api/jobs" => AsyncWorker.pass_own {
        tag = "Jobs",
        params(("state" = Option<String>, Query), ("kind" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
            ("after" = Option<String>, Query)),
        responses((status = 200, body = Page<Job>)) }

    /// A background job.
    job: get "/api/jobs/{id}" => AsyncWorker.pass_own {
        tag = "Jobs", responses((status = 200, body = Job)) }

    /// Asks a job to stop.
    cancel_job: post "/api/jobs/{id}/cancel" => AsyncWorker.pass_own {
        tag = "Jobs", responses((status = 200, body = Job)) }

    /// Starts a dead or cancelled job anew.
    retry_job: post "/api/jobs/{id}/retry" => AsyncWorker.pass_own {
        tag = "Jobs", responses((status = 200, body = Job)) }
}

/// Changes a tenant, or stops everybody of it.
#[utoipa::path(patch, path = "/api/tenants/{id}", tag = "Tenants", request_body = TenantChange,
    responses((status = 200, body = Tenant)))]
async fn change_tenant(State(app): State<App>, request: Request) -> Response {
    app.change_rights(request).await
}

/// Changes an account: one's own name and password, or as an admin anything.
#[utoipa::path(patch, path = "/api/users/{id}", tag = "Users", request_body = UserChange,
    responses((status = 200, body = User)))]
async fn change_user(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    if id.parse::<UserId>().ok() != Some(identity.person) {
        return app.change_rights(request).await;
    }
    match current_password::guarded(&app, identity.person, request).await {
        Ok(response) => response,
        Err(error) => Refusal::from(error).into_response(),
    }
}

/// Removes an account.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "Users", responses((status = 204)))]
async fn delete_user(State(app): State<App>, request: Request) -> Response {
    app.change_rights(request).await
}

/// Revokes an API key.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "API keys", responses((status = 204)))]
async fn revoke_key(State(app): State<App>, request: Request) -> Response {
    app.change_rights(request).await
}

impl Gateway {
    /// Passes on what may change somebody's rights; when the answer goes out, the change acts here.
    pub(super) async fn change_rights(&self, request: Request) -> Response {
        let response = self.pass_own(ServiceName::Management, request).await;
        if response.status().is_success() {
            self.auth.rights_changed().await;
        }
        response
    }
}
