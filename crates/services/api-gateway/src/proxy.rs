//! Passes a request on to the service that owns the thing, and its answer back.
//!
//! Only known headers cross, in both directions: what a client sends must never look like what services say to each
//! other, and what services say to each other must not reach clients. Bodies stream; when the client leaves, the
//! request is dropped, and with it the work behind it.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use septet_chassis::http::Refusal;
use septet_contracts::call::Client;
use septet_kernel::{Caller, ServiceName};
use tower::ServiceExt;

use crate::admission::Inspection;
use crate::gateway::Gateway;
use crate::{Error, events};

const REQUEST_HEADERS: [HeaderName; 9] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("x-septet-offset"),
];

const RESPONSE_HEADERS: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_DISPOSITION,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::RETRY_AFTER,
];

/// What the model gateway says about an answer, whole or in pieces.
const ANSWER_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("x-septet-replayed"),
    HeaderName::from_static("x-septet-deployment"),
    HeaderName::from_static("x-septet-reason"),
    HeaderName::from_static("x-septet-dropped"),
];

impl Gateway {
    /// A client of a peer, for calls whose content stays JSON.
    pub(crate) fn peer(&self, service: ServiceName) -> Client {
        Client::new(service, self.directory.transport(service))
    }

    /// Passes a request on under the same path.
    pub(crate) async fn pass(&self, service: ServiceName, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        self.pass_to(service, &path, request).await
    }

    /// Passes `/api/<noun>` on as `/<noun>`.
    pub(crate) async fn pass_own(&self, service: ServiceName, request: Request) -> Response {
        let path = request.uri().path();
        let path = path.strip_prefix("/api").unwrap_or(path).to_owned();
        self.pass_to(service, &path, request).await
    }

    /// Passes a request on under another path; the query stays.
    pub(crate) async fn pass_to(&self, service: ServiceName, path: &str, request: Request) -> Response {
        match self.try_pass(service, path, request).await {
            Ok(response) => response,
            Err(error) => Refusal::from(error).into_response(),
        }
    }

    async fn try_pass(&self, service: ServiceName, path: &str, request: Request) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Caller>().cloned().ok_or(Error::NoCredentials)?;
        let inspection = parts.extensions.get::<Inspection>().cloned().unwrap_or_default();
        let target = parts.uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let mut onward = Request::new(body);
        *onward.method_mut() = parts.method;
        *onward.uri_mut() = Uri::try_from(target).map_err(|_| Error::bad_request("the path is not understood", ""))?;
        copy(&REQUEST_HEADERS, &parts.headers, onward.headers_mut());
        onward.extensions_mut().insert(caller);
        let answer = self.directory.transport(service).oneshot(onward).await;
        if let Some(refusal) = inspection.refusal() {
            return Err(refusal);
        }
        let answer = answer.map_err(|source| Error::Unreachable { service, source })?;
        Ok(self.bring_back(answer))
    }

    /// Passes a body on byte for byte that was looked into here.
    pub(crate) async fn pass_body(
        &self,
        service: ServiceName,
        path: &'static str,
        caller: Caller,
        headers: &HeaderMap<HeaderValue>,
        body: Bytes,
    ) -> Result<Response, Error> {
        let mut onward = Request::new(Body::from(body));
        *onward.method_mut() = http::Method::POST;
        *onward.uri_mut() = Uri::from_static(path);
        copy(&REQUEST_HEADERS, headers, onward.headers_mut());
        // The client's may be that of a body which was decompressed on the way in.
        onward.headers_mut().remove(header::CONTENT_LENGTH);
        onward.extensions_mut().insert(caller);
        let answer = self.directory.transport(service).oneshot(onward).await;
        let answer = answer.map_err(|source| Error::Unreachable { service, source })?;
        Ok(self.bring_back(answer))
    }

    /// An answer of a peer as the client gets it.
    pub(crate) fn bring_back(&self, answer: http::Response<Body>) -> Response {
        let (parts, body) = answer.into_parts();
        let is_events = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        if is_events {
            let mut response = events::answer(events::relay(body, self.config.keep_alive()));
            copy(&ANSWER_HEADERS, &parts.headers, response.headers_mut());
            return response;
        }
        let mut response = Response::new(body);
        *response.status_mut() = parts.status;
        copy(&RESPONSE_HEADERS, &parts.headers, response.headers_mut());
        copy(&ANSWER_HEADERS, &parts.headers, response.headers_mut());
        response
    }
}

fn copy(names: &[HeaderName], from: &HeaderMap<HeaderValue>, to: &mut HeaderMap<HeaderValue>) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name.clone(), value.clone());
        }
    }
}
