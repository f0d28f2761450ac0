//! Extractors whose refusals are problem+json and say where the body is wrong.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use septet_kernel::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Problem;
use crate::cpu::CpuPool;

/// A JSON body, in and out. A large one is parsed on the pool for CPU work.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send the body as JSON, with the header content-type: application/json";
            return Err(Problem::new(Kind::BadRequest, detail));
        }
        let cpu = request.extensions().get::<CpuPool>().cloned();
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(Kind::TooLarge, "the body is larger than this endpoint accepts")
            }
            _ => Problem::new(Kind::BadRequest, "the body broke off"),
        })?;
        read_json(cpu.as_ref(), body).await.map(Self).map_err(|error| refused(&error))
    }
}

/// Parses a JSON object; on the pool, where there is one and the text is large.
///
/// # Errors
/// When it is no JSON object, or not of this form.
pub async fn read_json<T: DeserializeOwned + Send + 'static>(
    cpu: Option<&CpuPool>,
    text: Bytes,
) -> Result<T, serde_json::Error> {
    // serde takes a list for an object whose fields have no names.
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(serde::de::Error::custom("it is a list; send an object"));
    }
    let n_bytes = text.len();
    let parse = move || serde_json::from_slice(&text);
    match cpu {
        Some(cpu) => cpu.run_over(n_bytes, parse).await.unwrap_or_else(|panic| Err(serde::de::Error::custom(panic))),
        None => parse(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query string.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                let reason = inner(&error);
                // Its sentence begins with the name of the parameter that is wrong, where it is about one.
                let query = parts.uri.query().unwrap_or_default();
                let param = reason.split_once(": ").map(|(name, _)| name.to_owned());
                let param = param.filter(|name| query.contains(&format!("{name}=")));
                let problem = Problem::new(Kind::BadRequest, format!("the query string is not understood: {reason}"));
                Err(Problem { param, ..problem })
            }
            Err(other) => Err(Problem::new(Kind::BadRequest, other.body_text())),
        }
    }
}

fn refused(error: &serde_json::Error) -> Problem {
    let what = match error.classify() {
        Category::Data => "the JSON body does not fit",
        Category::Syntax | Category::Eof | Category::Io => "the body is not valid JSON",
    };
    Problem::new(Kind::BadRequest, format!("{what}: {error}"))
}

/// The innermost cause: serde's own sentence, with line and column.
fn inner(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
