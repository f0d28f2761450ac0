//! Who is calling: a service with a signed identity, or a client with a key of the settings. All others are refused.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use septet_chassis::http::{Problem, Refusal};
use septet_kernel::Caller;
use serde_json::json;

use crate::Error;
use crate::keys::Keys;

const PROBLEM: &str = "application/problem+json";
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// Says who is calling, or refuses.
pub(super) async fn require(State(keys): State<Keys>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Caller>().is_some() {
        return next.run(request).await;
    }
    let Some(key) = keys.shown_in(request.headers()) else {
        let mut response = for_clients(Refusal::from(Error::NoKey).into_response()).await;
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"septet\""));
        return response;
    };
    request.extensions_mut().insert(keys.caller(&key));
    request.extensions_mut().insert(key);
    for_clients(next.run(request).await).await
}

/// Errors for clients with a key: problem+json as between all services, and beside that the `error` object that
/// OpenAI's SDKs read.
async fn for_clients(response: Response) -> Response {
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|value| value != PROBLEM) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = to_bytes(body, PROBLEM_BYTES_MAX).await.ok();
    let Some(problem) = problem.and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut body = json!(problem);
    body["error"] = json!({
        "message": problem.detail,
        "type": problem.openai_type(),
        "code": problem.code,
        "param": problem.param,
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(body.to_string()))
}
