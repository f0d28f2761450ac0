//! Who one is, what this installation is, and how to talk to it.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json as Plain};
use http::header;
use septet_chassis::http::Refusal;
use septet_contracts::gateway::{Me, Status};
use septet_contracts::management::Permission;
use septet_contracts::management::Permission::ReadTenant;
use septet_kernel::{Caller, Kind};
use utoipa_axum::routes;

use super::auth::person;
use crate::Error;
use crate::access::{anybody, needs};
use crate::auth::identity::Identity;
use crate::auth::keys::Jwks;
use crate::gateway::App;
use crate::route::Routes;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(me), needs(ReadTenant))
        .route(routes!(status), needs(ReadTenant))
        .route(routes!(jwks), anybody())
        .route(routes!(description), anybody())
        .route(routes!(docs), anybody())
}

/// Who is asking, and what they may do.
#[utoipa::path(get, path = "/api/me", tag = "Sign in", responses((status = 200, body = Me)))]
async fn me(
    State(app): State<App>,
    caller: Caller,
    Extension(identity): Extension<Identity>,
) -> Result<Plain<Me>, Refusal<Error>> {
    let user = match app.management.active_user(&caller, identity.person).await {
        Ok(standing) => standing.user,
        // The account went away while its token was still good.
        Err(error) if error.kind == Kind::NotFound => return Err(Error::EndedSession.into()),
        Err(error) => return Err(Error::from(error).into()),
    };
    let permissions = Permission::ALL.iter().copied().filter(|one| one.is_granted_to(identity.role)).collect();
    let mut person = person(user);
    // A key may do less than the person behind it.
    person.role = identity.role;
    Ok(Plain(Me { person, key: identity.key, permissions }))
}

/// What this installation is.
#[utoipa::path(get, path = "/api/status", tag = "Installation", responses((status = 200, body = Status)))]
async fn status(State(app): State<App>, caller: Caller) -> Plain<Status> {
    Plain(app.status.read(&caller).await)
}

/// The public keys behind access tokens.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "Sign in", responses((status = 200, body = Jwks)))]
async fn jwks(State(app): State<App>) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Plain(app.auth.jwks())).into_response()
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "Installation", responses((status = 200, body = Object)))]
async fn description(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, app.description.clone()).into_response()
}

/// This description, for people.
#[utoipa::path(get, path = "/docs", tag = "Installation", responses((status = 200, content_type = "text/html", body = String)))]
async fn docs(State(app): State<App>) -> Response {
    let nonce = crate::console::nonce();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store".to_owned())];
    (headers, Html(crate::openapi::page(&app.description, &nonce))).into_response()
}
