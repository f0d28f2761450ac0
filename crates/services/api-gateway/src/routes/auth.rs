//! Signing in and out, refreshing, tickets.
//!
//! The refresh token lives in a cookie that scripts cannot read and that goes nowhere but here. A request that relies
//! on the cookie has to show that our own page sent it; SameSite alone is the browser's promise, the header is ours.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json as Plain};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use septet_chassis::http::{Json, Refusal, read_json};
use septet_contracts::gateway::{Login, Person, RefreshProof, Signed, Ticket};
use septet_contracts::management::Permission::UseAgents;
use septet_contracts::management::{Credentials, User};
use septet_kernel::RequestId;
use utoipa_axum::routes;

use crate::Error;
use crate::access::{anybody, needs};
use crate::address::Origin;
use crate::auth::identity::Identity;
use crate::auth::{Grant, tickets};
use crate::gateway::App;
use crate::route::Routes;

const COOKIE: &str = "septet_refresh";
const CSRF_HEADER: &str = "x-septet-csrf";

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(login), anybody())
        .route(routes!(refresh), anybody())
        .route(routes!(logout), anybody())
        .route(routes!(ticket), needs(UseAgents))
}

/// Signs a person in.
#[utoipa::path(post, path = "/api/auth/login", tag = "Sign in", request_body = Login,
    responses((status = 200, body = Signed)))]
async fn login(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    Extension(request): Extension<RequestId>,
    Json(login): Json<Login>,
) -> Result<Response, Refusal<Error>> {
    let credentials = Credentials { email: login.email, password: login.password };
    let grant = app.auth.sign_in(&credentials, origin.address, request).await?;
    Ok(signed(grant, login.return_refresh_token, origin))
}

/// Renews the session; the refresh token is used up and replaced.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "Sign in", request_body = Option<RefreshProof>,
    responses((status = 200, body = Signed)))]
async fn refresh(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Result<Response, Refusal<Error>> {
    let (token, is_in_body) = proof(&headers, body).await?;
    let token = token.ok_or(Error::NoSession)?;
    match app.auth.refresh(&token, request).await {
        Ok(grant) => Ok(signed(grant, is_in_body, origin)),
        Err(error) => {
            // The cookie of a session that is over would only fail again. A stale one is about to be replaced.
            let is_over = matches!(error, Error::NoSession | Error::Replayed);
            let mut response = Refusal::from(error).into_response();
            if is_over && !is_in_body {
                set_cookie(&mut response, "", 0, origin);
            }
            Ok(response)
        }
    }
}

/// Ends the session.
#[utoipa::path(post, path = "/api/auth/logout", tag = "Sign in", request_body = Option<RefreshProof>,
    responses((status = 204)))]
async fn logout(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Result<Response, Refusal<Error>> {
    if let (Some(token), _) = proof(&headers, body).await? {
        app.auth.sign_out(&token).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0, origin);
    Ok(response)
}

/// A ticket that opens one WebSocket at `GET /v1/responses?ticket=`.
#[utoipa::path(post, path = "/api/auth/ticket", tag = "Sign in", responses((status = 200, body = Ticket)))]
async fn ticket(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
) -> Result<Plain<Ticket>, Refusal<Error>> {
    Ok(Plain(Ticket { ticket: app.auth.ticket(&identity).await?, expires_in: tickets::LIFETIME_S }))
}

/// The refresh token, and whether it came in the body.
async fn proof(headers: &HeaderMap, body: bytes::Bytes) -> Result<(Option<String>, bool), Error> {
    let in_body = if body.iter().all(u8::is_ascii_whitespace) {
        None
    } else {
        let proof: RefreshProof = read_json(None, body).await.map_err(|bad| Error::not_json(&bad))?;
        proof.refresh_token
    };
    if let Some(token) = in_body {
        return Ok((Some(token), true));
    }
    let Some(token) = cookie(headers) else { return Ok((None, false)) };
    if !headers.contains_key(CSRF_HEADER) {
        return Err(Error::CrossSite);
    }
    Ok((Some(token), false))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value.to_owned())
}

fn signed(grant: Grant, show_refresh_token: bool, origin: Origin) -> Response {
    let Grant { access_token, expires_in_s, refresh_token, session_left_s, user } = grant;
    let body = Signed {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: expires_in_s,
        user: person(user),
        refresh_token: show_refresh_token.then(|| refresh_token.clone()),
    };
    let mut response = Plain(body).into_response();
    // A client that keeps its token itself has no use for the cookie.
    if !show_refresh_token {
        set_cookie(&mut response, &refresh_token, session_left_s, origin);
    }
    response
}

pub(super) fn person(user: User) -> Person {
    Person { id: user.id, email: user.email, name: user.name, role: user.role, tenant: user.tenant }
}

fn set_cookie(response: &mut Response, token: &str, max_age_s: u64, origin: Origin) {
    // Without TLS some browsers drop a Secure cookie even on localhost.
    let secure = if origin.is_https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/api/auth; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
