//! Management, scripted: people, keys, and the changes of their rights.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use septet_kernel::{ApiKeyId, Caller, Kind, Role, TenantId, UserId};
use serde_json::{Value, json};

use super::{Account, Peers, Shared, refuse};

impl Peers {
    /// The rights of a tenant, a user or a key change, as Management would note it.
    pub(crate) fn note_change(&self, subject: Value, ends_sessions: bool) {
        let mut changes = self.changes.lock().unwrap();
        let epoch = changes.len() as i64 + 1;
        changes.push((subject, epoch, ends_sessions));
    }

    /// Locks everybody of a tenant out, by some other way than this gateway.
    pub(crate) fn lock_tenant(&self, tenant: TenantId) {
        self.users
            .lock()
            .unwrap()
            .iter_mut()
            .filter(|user| user.tenant == tenant)
            .for_each(|user| user.disabled = true);
        let of_tenant = serde_json::to_value(tenant).unwrap();
        self.keys.lock().unwrap().retain(|_, grant| grant["tenant"] != of_tenant);
        self.note_change(json!({"tenant": tenant}), true);
    }

    /// Changes a person's role, by some other way than this gateway.
    pub(crate) fn set_role(&self, email: &str, role: Role) {
        let id = self.user(email).id;
        self.users.lock().unwrap().iter_mut().filter(|user| user.id == id).for_each(|user| user.role = role);
        self.note_change(json!({"user": id}), false);
    }

    /// Revokes a key, by some other way than this gateway.
    pub(crate) fn revoke(&self, key: ApiKeyId) {
        self.keys.lock().unwrap().retain(|_, grant| grant["key"] != key.to_string());
        self.note_change(json!({"key": key}), false);
    }

    fn standing(&self, user: &Account) -> Value {
        let changes = self.changes.lock().unwrap();
        let is_theirs =
            |subject: &Value| *subject == json!({"user": user.id}) || *subject == json!({"tenant": user.tenant});
        let ended = changes.iter().filter(|(subject, _, ends)| *ends && is_theirs(subject)).map(|change| change.1);
        let mut standing = user_json(user);
        standing["epoch"] = json!(changes.len());
        standing["sessions_epoch"] = json!(ended.max().unwrap_or(0));
        standing
    }
}

fn user_json(user: &Account) -> Value {
    json!({"id": user.id, "email": user.email, "name": "A Person", "role": user.role,
        "tenant": {"id": user.tenant, "name": "a tenant"}, "disabled": user.disabled, "created_at": 1, "updated_at": 1})
}

pub(super) fn router(peers: Arc<Peers>) -> Router {
    async fn verify(State(peers): Shared, Json(body): Json<Value>) -> Response {
        let users = peers.users.lock().unwrap();
        let found = users.iter().find(|user| user.email == body["email"] && body["password"] == "correct horse");
        found
            .filter(|user| !user.disabled)
            .map_or_else(|| refuse(Kind::Unauthenticated), |user| Json(peers.standing(user)).into_response())
    }
    async fn key(State(peers): Shared, Json(body): Json<Value>) -> Response {
        peers.n_key_checks.fetch_add(1, Ordering::SeqCst);
        let keys = peers.keys.lock().unwrap();
        let found = keys.get(body["sha256"].as_str().unwrap());
        let Some(mut grant) = found.cloned() else { return refuse(Kind::Unauthenticated) };
        grant["epoch"] = json!(peers.changes.lock().unwrap().len());
        Json(grant).into_response()
    }
    async fn user(State(peers): Shared, Path(id): Path<UserId>) -> Response {
        let users = peers.users.lock().unwrap();
        let found = users.iter().find(|user| user.id == id && !user.disabled);
        found.map_or_else(|| refuse(Kind::NotFound), |user| Json(peers.standing(user)).into_response())
    }
    async fn change(State(peers): Shared, caller: Caller, Path(id): Path<UserId>, Json(body): Json<Value>) -> Response {
        let mut users = peers.users.lock().unwrap();
        let Some(user) = users.iter_mut().find(|user| user.id == id && user.tenant == caller.tenant) else {
            return refuse(Kind::NotFound);
        };
        if let Ok(role) = serde_json::from_value(body["role"].clone()) {
            user.role = role;
        }
        user.disabled = body["disabled"].as_bool().unwrap_or(user.disabled);
        peers.note_change(json!({"user": id}), user.disabled || body["password"].is_string());
        Json(user_json(user)).into_response()
    }
    async fn tenant(State(peers): Shared, caller: Caller, Path(id): Path<TenantId>) -> Response {
        let is_home = id == peers.acme;
        if id != caller.tenant && caller.tenant != peers.acme || id != peers.acme && id != peers.rival {
            return refuse(Kind::NotFound);
        }
        Json(json!({"id": id, "name": "t", "home": is_home, "created_at": 1, "updated_at": 1})).into_response()
    }
    async fn agents(State(peers): Shared, caller: Caller) -> Json<Value> {
        let id: septet_kernel::AgentId = peers.ids.next();
        let prompt: septet_kernel::PromptId = peers.ids.next();
        let name = if caller.tenant == peers.acme { "analyst" } else { "spy" };
        Json(json!({"object": "list", "has_more": false, "data": [
            {"id": id, "name": name, "title": "财报分析", "prompt_id": prompt, "created_at": 1, "updated_at": 1}]}))
    }
    async fn revoke(State(peers): Shared, Path(id): Path<ApiKeyId>) -> StatusCode {
        peers.revoke(id);
        StatusCode::NO_CONTENT
    }
    async fn changes(State(peers): Shared, Query(query): Query<HashMap<String, i64>>) -> Json<Value> {
        let changes = peers.changes.lock().unwrap();
        let newer = changes.iter().filter(|(_, epoch, _)| *epoch > query["after"]);
        let newer = newer.map(|(subject, epoch, _)| json!({"subject": subject, "epoch": epoch}));
        Json(json!({"data": newer.collect::<Vec<_>>()}))
    }
    let down = peers.clone();
    Router::new()
        .route("/internal/credentials/verify", post(verify))
        .route("/internal/keys/verify", post(key))
        .route("/internal/users/{id}", get(user))
        .route("/internal/rights-changes", get(changes))
        .route("/users/{id}", get(user).patch(change))
        .route("/tenants/{id}", get(tenant))
        .route("/agents", get(agents))
        .route("/keys/{id}", axum::routing::delete(revoke))
        .with_state(peers)
        .layer(axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| {
            let down = down.clone();
            async move {
                if down.management_is_down.load(Ordering::SeqCst) {
                    return refuse(Kind::Unavailable);
                }
                next.run(request).await
            }
        }))
}
