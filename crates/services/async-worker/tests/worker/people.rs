//! Management as far as the worker asks it: who is there, and what they may do now.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use septet_chassis::http::Json;
use septet_contracts::management::{ApiKey, Standing, Tenant, TenantRef, User};
use septet_kernel::{ApiKeyId, Caller, Id as _, Role, TenantId, UserId};

/// Everybody who is known. A tenant is there unless it was locked.
#[derive(Default)]
pub(crate) struct People {
    roles: Mutex<BTreeMap<UserId, Role>>,
    keys: Mutex<BTreeMap<ApiKeyId, Option<i64>>>,
    locked: Mutex<Vec<TenantId>>,
    is_away: AtomicBool,
}

impl People {
    /// The person is there and has this role.
    pub(crate) fn put(&self, user: UserId, role: Role) {
        self.roles.lock().unwrap().insert(user, role);
    }

    /// The person was disabled or deleted: to those who ask, that is the same.
    pub(crate) fn lock_out(&self, user: UserId) {
        self.roles.lock().unwrap().remove(&user);
    }

    /// The key is there and works.
    pub(crate) fn put_key(&self, key: ApiKeyId) {
        self.keys.lock().unwrap().insert(key, None);
    }

    pub(crate) fn revoke(&self, key: ApiKeyId) {
        self.keys.lock().unwrap().insert(key, Some(1_750_000_000));
    }

    pub(crate) fn lock_tenant(&self, tenant: TenantId) {
        self.locked.lock().unwrap().push(tenant);
    }

    /// From here on nobody can be asked about, or again.
    pub(crate) fn be_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/internal/users/{id}", get(user))
            .route("/keys/{id}", get(key))
            .route("/tenants/{id}", get(tenant))
            .with_state(Arc::clone(self))
    }
}

type Answer<T> = Result<Json<T>, StatusCode>;

async fn user(State(people): State<Arc<People>>, caller: Caller, Path(id): Path<UserId>) -> Answer<Standing> {
    if people.is_away.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let role = people.roles.lock().unwrap().get(&id).copied().ok_or(StatusCode::NOT_FOUND)?;
    let user = User {
        id,
        email: "someone@example.com".to_owned(),
        name: "Someone".to_owned(),
        role,
        tenant: TenantRef { id: caller.tenant, name: "Acme".to_owned() },
        disabled: false,
        created_at: 0,
        updated_at: 0,
        last_login_at: None,
    };
    Ok(Json(Standing { user, epoch: 1, sessions_epoch: 0 }))
}

async fn key(State(people): State<Arc<People>>, _worker: Caller, Path(id): Path<ApiKeyId>) -> Answer<ApiKey> {
    let revoked_at = people.keys.lock().unwrap().get(&id).copied().ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(ApiKey {
        id,
        name: "a key".to_owned(),
        prefix: "12345678".to_owned(),
        user: UserId::from_uuid(id.uuid()),
        role: Role::Member,
        requests_per_minute: None,
        created_at: 0,
        // Long past: a key that ran out was good when the job was taken.
        expires_at: Some(1),
        last_used_at: None,
        revoked_at,
    }))
}

async fn tenant(State(people): State<Arc<People>>, _worker: Caller, Path(id): Path<TenantId>) -> Json<Tenant> {
    let disabled = people.locked.lock().unwrap().contains(&id);
    Json(Tenant { id, name: "Acme".to_owned(), home: false, disabled, created_at: 0, updated_at: 0 })
}
