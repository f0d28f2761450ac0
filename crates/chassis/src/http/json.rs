//! Extractors whose refusals are problem+json and say where the body is wrong.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use septet_kernel::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// A JSON body, in and out.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refused(&rejection)),
        }
    }
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
                Err(Problem::new(Kind::BadRequest, format!("the query string is not understood: {}", inner(&error))))
            }
            Err(other) => Err(Problem::new(Kind::BadRequest, other.body_text())),
        }
    }
}

fn refused(rejection: &JsonRejection) -> Problem {
    match rejection {
        JsonRejection::JsonDataError(error) => {
            Problem::new(Kind::BadRequest, format!("the JSON body does not fit: {}", inner(error)))
        }
        JsonRejection::JsonSyntaxError(error) => {
            Problem::new(Kind::BadRequest, format!("the body is not valid JSON: {}", inner(error)))
        }
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(Kind::BadRequest, "send the body as JSON, with the header content-type: application/json")
        }
        other if other.status().as_u16() == 413 => {
            Problem::new(Kind::TooLarge, "the body is larger than this endpoint accepts")
        }
        other => Problem::new(Kind::BadRequest, other.body_text()),
    }
}

/// The innermost cause: serde's own sentence, with line and column.
fn inner(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
