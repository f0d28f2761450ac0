//! Errors on the wire: RFC 9457 problem+json, made from any [`Failure`].

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use septet_kernel::{Failure, Kind, causes};
use serde::{Deserialize, Serialize};
use tracing::{debug, error, warn};

/// The body of an error answer.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A link-like name of the kind of problem, `urn:septet:<kind>`.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// A short title for a person.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The kind of failure.
    pub kind: Kind,
    /// A stable word for programs.
    pub code: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// After how many seconds to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// The id to find the request by in logs and traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem of this kind, with the kind's name as its code.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            type_uri: format!("urn:septet:{}", kind.name()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            kind,
            code: kind.name().to_owned(),
            param: None,
            retry_after_s: None,
            request_id: None,
        }
    }

    /// What OpenAI's interface calls this kind of error, in the field `type`.
    #[must_use]
    pub fn openai_type(&self) -> &'static str {
        match self.kind {
            Kind::BadRequest | Kind::NotFound | Kind::Conflict | Kind::Unprocessable | Kind::TooLarge => {
                "invalid_request_error"
            }
            Kind::Unauthenticated => "authentication_error",
            Kind::Forbidden => "permission_error",
            Kind::PaymentRequired => "billing_error",
            Kind::Exhausted => "rate_limit_error",
            Kind::Unavailable | Kind::Timeout | Kind::Internal => "server_error",
        }
    }

    /// The problem that a failure is to the one who asked.
    ///
    /// Internal details are not for clients, so an internal failure only gives its own sentence; its causes are logged.
    pub fn of(failure: &(impl Failure + ?Sized)) -> Self {
        let mut problem = Self::new(failure.kind(), failure.to_string());
        problem.code = failure.code().to_owned();
        problem.param = failure.param().map(str::to_owned);
        problem.retry_after_s = failure.retry_after_s();
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a handler answers when it cannot do what was asked. `?` makes one from the service's error.
#[derive(Debug)]
pub struct Refusal<E>(E);

impl<E: Failure> From<E> for Refusal<E> {
    fn from(failure: E) -> Self {
        Self(failure)
    }
}

impl<E: Failure> IntoResponse for Refusal<E> {
    fn into_response(self) -> Response {
        log_failure(&self.0);
        Problem::of(&self.0).into_response()
    }
}
/// Writes down why a request failed or was refused, as loud as its kind deserves: what its causes are when something of
/// ours is broken or away, and a code alone when the request was wrong.
pub fn log_failure(failure: &impl Failure) {
    let kind = failure.kind();
    match kind {
        Kind::Internal => error!(error.kind = kind.name(), error.detail = %causes(failure), "request failed"),
        Kind::Unavailable | Kind::Timeout => {
            warn!(error.kind = kind.name(), error.detail = %causes(failure), "request failed");
        }
        Kind::BadRequest
        | Kind::Unauthenticated
        | Kind::PaymentRequired
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::Unprocessable
        | Kind::TooLarge
        | Kind::Exhausted => debug!(error.kind = kind.name(), error.code = failure.code(), "request refused"),
    }
}
