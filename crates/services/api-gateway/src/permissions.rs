//! The route table: what each route needs and what it weighs.
//!
//! One line per route, and a route without a line is refused. A test compares the table with the router, so neither
//! can have what the other has not.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::Method;
use septet_contracts::management::Permission::{self, *};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody, without signing in.
    Nothing,
    /// Somebody whose role has the permission.
    Has(Permission),
}

/// How heavy a request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A JSON body and an answer soon.
    Light,
    /// A JSON body and an answer that may take as long as a run takes.
    Long,
    /// A file, streamed.
    Upload,
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    pub(crate) weight: Weight,
}

const fn open(method: &'static str, path: &'static str) -> Rule {
    Rule { method, path, need: Need::Nothing, weight: Weight::Light }
}

const fn rule(method: &'static str, path: &'static str, permission: Permission) -> Rule {
    Rule { method, path, need: Need::Has(permission), weight: Weight::Light }
}

impl Rule {
    const fn weighing(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }
}

/// All routes.
pub(crate) const RULES: &[Rule] = &[
    open("POST", "/api/auth/login"),
    open("POST", "/api/auth/refresh"),
    open("POST", "/api/auth/logout"),
    open("GET", "/.well-known/jwks.json"),
    open("GET", "/openapi.json"),
    open("GET", "/docs"),
    rule("POST", "/api/auth/ticket", UseAgents),
    rule("GET", "/api/me", ReadTenant),
    rule("GET", "/api/status", ReadTenant),
    // The OpenAI surface.
    rule("GET", "/v1/models", ReadAgents),
    rule("GET", "/v1/models/{model}", ReadAgents),
    rule("POST", "/v1/responses", UseAgents).weighing(Weight::Long),
    // The WebSocket.
    rule("GET", "/v1/responses", UseAgents),
    rule("GET", "/v1/responses/{response_id}", ReadRuns).weighing(Weight::Long),
    rule("DELETE", "/v1/responses/{response_id}", UseAgents),
    rule("POST", "/v1/responses/{response_id}/cancel", UseAgents),
    rule("GET", "/v1/responses/{response_id}/input_items", ReadRuns),
    rule("POST", "/v1/conversations", UseAgents),
    rule("GET", "/v1/conversations/{conversation_id}", ReadRuns),
    rule("DELETE", "/v1/conversations/{conversation_id}", UseAgents),
    rule("GET", "/v1/conversations/{conversation_id}/items", ReadRuns),
    rule("POST", "/v1/chat/completions", UseAgents).weighing(Weight::Long),
    rule("POST", "/v1/embeddings", UseAgents).weighing(Weight::Long),
    rule("POST", "/v1/rerank", UseAgents).weighing(Weight::Long),
    rule("POST", "/v1/messages", UseAgents).weighing(Weight::Long),
    rule("POST", "/v1/messages/count_tokens", UseAgents),
    rule("POST", "/v1/files", WriteKnowledge).weighing(Weight::Upload),
    rule("GET", "/v1/files", ReadKnowledge),
    rule("GET", "/v1/files/{file_id}", ReadKnowledge),
    rule("DELETE", "/v1/files/{file_id}", WriteKnowledge),
    rule("GET", "/v1/files/{file_id}/content", ReadKnowledge),
    rule("POST", "/v1/vector_stores", WriteKnowledge),
    rule("GET", "/v1/vector_stores", ReadKnowledge),
    rule("GET", "/v1/vector_stores/{vector_store_id}", ReadKnowledge),
    rule("POST", "/v1/vector_stores/{vector_store_id}", WriteKnowledge),
    rule("DELETE", "/v1/vector_stores/{vector_store_id}", WriteKnowledge),
    rule("POST", "/v1/vector_stores/{vector_store_id}/search", ReadKnowledge),
    rule("POST", "/v1/vector_stores/{vector_store_id}/files", WriteKnowledge),
    rule("GET", "/v1/vector_stores/{vector_store_id}/files", ReadKnowledge),
    rule("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}", ReadKnowledge),
    rule("DELETE", "/v1/vector_stores/{vector_store_id}/files/{file_id}", WriteKnowledge),
    rule("POST", "/v1/containers", UseSandbox).weighing(Weight::Long),
    rule("GET", "/v1/containers", ReadRuns),
    rule("GET", "/v1/containers/{container_id}", ReadRuns),
    rule("DELETE", "/v1/containers/{container_id}", UseSandbox),
    rule("POST", "/v1/containers/{container_id}/files", UseSandbox).weighing(Weight::Upload),
    rule("GET", "/v1/containers/{container_id}/files", ReadRuns),
    rule("GET", "/v1/containers/{container_id}/files/{file_id}", ReadRuns),
    rule("DELETE", "/v1/containers/{container_id}/files/{file_id}", UseSandbox),
    rule("GET", "/v1/containers/{container_id}/files/{file_id}/content", ReadRuns),
    rule("POST", "/v1/containers/{container_id}/executions", UseSandbox).weighing(Weight::Long),
    rule("POST", "/v1/containers/{container_id}/executions/interrupt", UseSandbox),
    rule("POST", "/v1/containers/{container_id}/fork", UseSandbox).weighing(Weight::Long),
    rule("POST", "/v1/execute", UseSandbox).weighing(Weight::Long),
    // Septet's own. Management asks again behind the door, and more finely: of one's own account, of one's own keys.
    rule("GET", "/api/tenants", ManageTenants),
    rule("POST", "/api/tenants", ManageTenants),
    rule("GET", "/api/tenants/{id}", ReadTenant),
    rule("PATCH", "/api/tenants/{id}", WriteTenant),
    rule("GET", "/api/users", ReadUsers),
    rule("POST", "/api/users", ManageUsers),
    rule("GET", "/api/users/{id}", ReadTenant),
    rule("PATCH", "/api/users/{id}", ReadTenant),
    rule("DELETE", "/api/users/{id}", ManageUsers),
    rule("GET", "/api/roles", ReadTenant),
    rule("GET", "/api/keys", ManageOwnKeys),
    rule("POST", "/api/keys", ManageOwnKeys),
    rule("GET", "/api/keys/{id}", ManageOwnKeys),
    rule("DELETE", "/api/keys/{id}", ManageOwnKeys),
    rule("GET", "/api/agents", ReadAgents),
    rule("POST", "/api/agents", WriteAgents),
    rule("GET", "/api/agents/{id}", ReadAgents),
    rule("PATCH", "/api/agents/{id}", WriteAgents),
    rule("DELETE", "/api/agents/{id}", WriteAgents),
    rule("GET", "/api/prompts", ReadPrompts),
    rule("POST", "/api/prompts", WritePrompts),
    rule("GET", "/api/prompts/{id}", ReadPrompts),
    rule("PATCH", "/api/prompts/{id}", WritePrompts),
    rule("DELETE", "/api/prompts/{id}", WritePrompts),
    rule("GET", "/api/prompts/{id}/versions", ReadPrompts),
    rule("POST", "/api/prompts/{id}/versions", WritePrompts),
    rule("GET", "/api/prompts/{id}/versions/{version}", ReadPrompts),
    rule("GET", "/api/knowledge-bases", ReadKnowledge),
    rule("POST", "/api/knowledge-bases", WriteKnowledge),
    rule("GET", "/api/knowledge-bases/{id}", ReadKnowledge),
    rule("PATCH", "/api/knowledge-bases/{id}", WriteKnowledge),
    rule("DELETE", "/api/knowledge-bases/{id}", WriteKnowledge),
    rule("GET", "/api/jobs", ReadJobs),
    rule("GET", "/api/jobs/{id}", ReadJobs),
    rule("POST", "/api/jobs/{id}/cancel", ManageJobs),
    rule("POST", "/api/jobs/{id}/retry", ManageJobs),
    rule("GET", "/api/conversations", ReadRuns),
    rule("GET", "/api/balance", ReadTenant),
    rule("GET", "/api/usage", ReadUsage),
    rule("GET", "/api/ledger", ReadUsage),
    // The platform's money: besides the permission, the caller has to belong to the home tenant.
    rule("GET", "/api/accounts", ManageTenants),
    rule("GET", "/api/usage/refused", ManageTenants),
    rule("PATCH", "/api/accounts/{id}", ManageTenants),
    rule("POST", "/api/accounts/top-up", ManageTenants),
];

static BY_ROUTE: LazyLock<HashMap<(&'static str, &'static str), Rule>> =
    LazyLock::new(|| RULES.iter().map(|rule| ((rule.path, rule.method), *rule)).collect());

/// The rule of a route, by its template.
pub(crate) fn find(method: &Method, path: &str) -> Option<Rule> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    BY_ROUTE.get(&(path, method)).copied()
}

/// The methods of a path, as the header `Allow` lists them.
pub(crate) fn methods(path: &str) -> String {
    let methods = RULES.iter().filter(|rule| rule.path == path).map(|rule| rule.method);
    methods.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use septet_kernel::Role;

    #[test]
    fn no_route_is_listed_twice() {
        assert_eq!(BY_ROUTE.len(), RULES.len());
    }

    /// What a role may do, as the routes say it. A change here is a change of somebody's rights: read the diff.
    #[test]
    fn the_table_of_rights_is_as_agreed() {
        let mut table = String::new();
        for rule in RULES {
            let who = match rule.need {
                Need::Nothing => "anybody".to_owned(),
                Need::Has(permission) => {
                    let roles = Role::ALL.into_iter().filter(|role| permission.is_granted_to(*role));
                    roles.map(septet_kernel::Role::as_str).collect::<Vec<_>>().join(" ")
                }
            };
            table.push_str(&format!("{:6} {:58} {who}\n", rule.method, rule.path));
        }
        insta::assert_snapshot!(table);
    }
}
