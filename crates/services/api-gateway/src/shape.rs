//! Errors as each surface writes them: `/v1` in OpenAI's shape, everything else as problem+json; both with the id of
//! the request. Whatever a handler, another service or the framework refused with, it leaves in one of these two.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use septet_chassis::http::Problem;
use septet_contracts::gateway::{OpenAiError, OpenAiErrorBody};
use septet_kernel::{Kind, RequestId};
use serde_json::{Value, json};

// Our errors are a sentence or two; a longer body does not come from us.
const MAX_ERROR_BYTES: usize = 256 << 10;

/// Which errors a path gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// `/v1`.
    OpenAi,
    /// `/v1/messages`.
    Anthropic,
    /// `/api` and the few others that programs ask.
    Own,
    /// Pages and files of the console.
    Console,
}

impl Surface {
    pub(crate) fn of(path: &str) -> Self {
        let is_below =
            |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_below("/v1/messages") {
            Self::Anthropic
        } else if is_below("/v1") {
            Self::OpenAi
        } else if is_below("/api") || is_below("/.well-known") || path == "/openapi.json" {
            Self::Own
        } else {
            Self::Console
        }
    }
}

/// Rewrites an error answer for its surface; anything else passes.
pub(crate) async fn shape(surface: Surface, request: RequestId, response: Response) -> Response {
    let status = response.status();
    if surface == Surface::Console || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = Limited::new(body, MAX_ERROR_BYTES).collect().await.map(http_body_util::Collected::to_bytes);
    let problem = read(status, &bytes.unwrap_or_default());
    // Retry-After, Allow and the rate-limit headers stay; what described the old body goes.
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::TRANSFER_ENCODING, header::ETAG] {
        parts.headers.remove(name);
    }
    if let Some(seconds) = problem.retry_after_s {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let (bytes, content_type) = match surface {
        Surface::OpenAi => (serde_json::to_vec(&openai(&problem, request)), "application/json"),
        Surface::Anthropic => (serde_json::to_vec(&anthropic(&problem, request)), "application/json"),
        Surface::Own | Surface::Console => {
            let problem = Problem { request_id: Some(request.to_string()), ..problem };
            (serde_json::to_vec(&problem), "application/problem+json")
        }
    };
    let Ok(bytes) = bytes else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::UNAUTHORIZED {
        parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"septet\""));
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// An error as the OpenAI API writes it.
pub(crate) fn openai(problem: &Problem, request: RequestId) -> OpenAiError {
    OpenAiError {
        error: OpenAiErrorBody {
            message: problem.detail.clone(),
            kind: problem.openai_type().to_owned(),
            code: Some(problem.code.clone()),
            param: problem.param.clone(),
            request_id: Some(request),
        },
    }
}

/// An error as Anthropic's API writes it.
fn anthropic(problem: &Problem, request: RequestId) -> Value {
    let kind = match problem.kind {
        Kind::BadRequest | Kind::Conflict | Kind::Unprocessable => "invalid_request_error",
        Kind::TooLarge => "request_too_large",
        Kind::NotFound => "not_found_error",
        Kind::Unauthenticated => "authentication_error",
        Kind::Forbidden => "permission_error",
        Kind::PaymentRequired => "billing_error",
        Kind::Exhausted => "rate_limit_error",
        Kind::Unavailable => "overloaded_error",
        Kind::Timeout => "timeout_error",
        Kind::Internal => "api_error",
    };
    json!({"type": "error", "request_id": request,
        "error": {"type": kind, "message": problem.detail, "code": problem.code, "param": problem.param}})
}

/// Reads whatever was answered: our problem+json, OpenAI's shape of another gateway, or a plain sentence.
fn read(status: StatusCode, bytes: &[u8]) -> Problem {
    let kind = Kind::of_status(status.as_u16());
    let mut problem = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) if value.get("error").is_some_and(Value::is_object) => of_openai(kind, &value["error"]),
        Ok(value) => {
            serde_json::from_value::<Problem>(value).unwrap_or_else(|_| Problem::new(kind, sentence(kind, bytes)))
        }
        Err(_) => Problem::new(kind, sentence(kind, bytes)),
    };
    problem.status = status.as_u16();
    problem
}

fn of_openai(kind: Kind, error: &Value) -> Problem {
    let text = |name: &str| error[name].as_str().map(str::to_owned);
    let mut problem = Problem::new(kind, text("message").unwrap_or_else(|| kind.title().to_owned()));
    problem.code = text("code").unwrap_or(problem.code);
    problem.param = text("param");
    problem.retry_after_s = error["retry_after_s"].as_u64();
    problem
}

fn sentence(kind: Kind, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    // HTML and JSON of unknown shape are not shown as a message.
    let is_sentence = !text.is_empty() && text.len() <= 500 && !text.starts_with(['<', '{', '[']);
    if is_sentence { text.to_owned() } else { kind.title().to_owned() }
}
