//! Errors as clients of each dialect expect them.
//!
//! The body is problem+json, as between all services, and has beside that the `error` object of OpenAI or Anthropic:
//! so the typed client, their SDKs and a person with curl all read the same answer.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use septet_chassis::http::{Problem, log_failure};
use septet_kernel::Failure as _;
use septet_protocols::Dialect;
use serde_json::{Value, json};

use crate::error::Error;

/// A refusal in a client's dialect.
pub(crate) struct Refused {
    pub dialect: Dialect,
    pub error: Error,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { dialect, error } = self;
        let kind = error.kind();
        log_failure(&error);
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body(dialect, &error).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = error.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn body(dialect: Dialect, error: &Error) -> Value {
    let mut body = serde_json::to_value(Problem::of(error)).unwrap_or_else(|_never| json!({}));
    let shaped = dialect.encode_failure(&error.failure());
    if let (Some(body), Value::Object(shaped)) = (body.as_object_mut(), shaped) {
        body.extend(shaped);
        if let Some(inner) = body.get_mut("error").and_then(Value::as_object_mut) {
            inner.insert("kind".to_owned(), json!(error.kind()));
            // Anthropic's shape has none.
            inner.entry("code").or_insert_with(|| json!(error.code()));
            if let Some(param) = error.param() {
                inner.insert("param".to_owned(), json!(param));
            }
            if let Some(seconds) = error.retry_after_s() {
                inner.insert("retry_after_s".to_owned(), json!(seconds));
            }
        }
    }
    body
}
