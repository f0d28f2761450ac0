//! One call to another service: a request over a [`Transport`], an answer or a [`CallError`].

use axum_core::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use septet_kernel::{Caller, Failure, Kind, ServiceName, Transport};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CallError {
    /// Which service was called.
    pub service: ServiceName,
    /// What went wrong, coarsely; a refusal of the other side keeps its kind all the way up.
    pub kind: Kind,
    /// The stable word for programs.
    pub code: String,
    /// The sentence for a person.
    pub detail: String,
    /// The field at fault.
    pub param: Option<String>,
    /// After how many seconds to try again.
    pub retry_after_s: Option<u64>,
}

impl CallError {
    /// The service could not be reached or broke off.
    #[must_use]
    pub fn down(service: ServiceName, cause: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            service,
            kind: Kind::Unavailable,
            code: "service_down".to_owned(),
            detail: format!("{service} cannot be reached: {}", septet_kernel::causes(cause)),
            param: None,
            retry_after_s: None,
        }
    }

    /// The service answered something that its contract does not know.
    #[must_use]
    pub fn garbled(service: ServiceName, cause: &dyn std::error::Error) -> Self {
        Self {
            service,
            kind: Kind::Internal,
            code: "garbled_answer".to_owned(),
            detail: format!("{service} answered something unexpected: {cause}"),
            param: None,
            retry_after_s: None,
        }
    }
}

impl Failure for CallError {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn code(&self) -> &str {
        &self.code
    }

    fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }
}

/// The problem+json that services refuse with, read leniently: another product in the service's place may answer
/// otherwise.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    detail: Option<String>,
    kind: Option<Kind>,
    code: Option<String>,
    param: Option<String>,
    retry_after_s: Option<u64>,
    /// The OpenAI shape of an error.
    error: Option<OpenAiError>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OpenAiError {
    message: Option<String>,
    code: Option<serde_json::Value>,
}

/// Calls one service. The typed clients are thin layers over this.
#[derive(Clone)]
pub struct Client {
    service: ServiceName,
    transport: Transport,
}

/// A request that is being put together.
#[must_use]
pub struct RequestBuilder<'a> {
    client: &'a Client,
    request: Result<Request<Body>, CallError>,
}

impl Client {
    /// A client of `service` over `transport`.
    #[must_use]
    pub fn new(service: ServiceName, transport: Transport) -> Self {
        Self { service, transport }
    }

    /// The service behind this client.
    #[must_use]
    pub fn service(&self) -> ServiceName {
        self.service
    }

    /// A GET of `path`, query included. Build paths with [`segment`] and [`query`].
    pub fn get(&self, caller: &Caller, path: &str) -> RequestBuilder<'_> {
        self.call(Method::GET, caller, path, Body::empty(), false)
    }

    /// A DELETE of `path`.
    pub fn delete(&self, caller: &Caller, path: &str) -> RequestBuilder<'_> {
        self.call(Method::DELETE, caller, path, Body::empty(), false)
    }

    /// A POST of a JSON body to `path`.
    pub fn post<T: Serialize + ?Sized>(&self, caller: &Caller, path: &str, body: &T) -> RequestBuilder<'_> {
        self.json(Method::POST, caller, path, body)
    }

    /// A PATCH of `path` with a JSON body.
    pub fn patch<T: Serialize + ?Sized>(&self, caller: &Caller, path: &str, body: &T) -> RequestBuilder<'_> {
        self.json(Method::PATCH, caller, path, body)
    }

    fn json<T: Serialize + ?Sized>(&self, method: Method, caller: &Caller, path: &str, body: &T) -> RequestBuilder<'_> {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.call(method, caller, path, Body::from(bytes), true),
            Err(error) => RequestBuilder { client: self, request: Err(CallError::garbled(self.service, &error)) },
        }
    }

    fn call(&self, method: Method, caller: &Caller, path: &str, body: Body, is_json: bool) -> RequestBuilder<'_> {
        let mut builder = Request::builder().method(method).uri(path).extension(caller.clone());
        if is_json {
            builder = builder.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = builder.body(body).map_err(|error| CallError::garbled(self.service, &error));
        RequestBuilder { client: self, request }
    }
}

impl RequestBuilder<'_> {
    /// Adds a header. A value that no header can carry is left out by its caller; here it fails the call.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let service = self.client.service;
        self.request = self.request.and_then(|mut request| {
            let value = HeaderValue::from_str(value).map_err(|error| CallError::garbled(service, &error))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
            Ok(request)
        });
        self
    }

    /// Adds a header when there is a value.
    pub fn maybe_header(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Sends it and reads the whole answer as JSON.
    ///
    /// # Errors
    /// [`CallError`] when the service is down, refuses, or answers something else.
    pub async fn answer<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let service = self.client.service;
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| CallError::garbled(service, &error))
    }

    /// Sends it and ignores the body of the answer.
    ///
    /// # Errors
    /// As [`RequestBuilder::answer`].
    pub async fn done(self) -> Result<(), CallError> {
        self.bytes().await.map(|_body| ())
    }

    /// Sends it and gives the body of the answer as it arrives, in chunks whose borders mean nothing.
    ///
    /// # Errors
    /// [`CallError`] when the service is down or refuses; the stream itself may break off later.
    pub async fn stream(self) -> Result<impl Stream<Item = Result<Bytes, CallError>> + Send + use<>, CallError> {
        let service = self.client.service;
        let response = self.response().await?;
        let chunks = response.into_body().into_data_stream();
        Ok(chunks.map(move |chunk| chunk.map_err(|error| CallError::down(service, &error))))
    }

    /// Sends it and gives the answer with its headers, if it is a success.
    ///
    /// # Errors
    /// [`CallError`] when the service is down or refuses.
    pub async fn response(self) -> Result<Response<Body>, CallError> {
        let service = self.client.service;
        let response =
            self.client.transport.clone().oneshot(self.request?).await.map_err(|error| unreachable(service, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(service, response).await)
    }

    async fn bytes(self) -> Result<Bytes, CallError> {
        let service = self.client.service;
        let body = self.response().await?.into_body();
        let collected = body.collect().await.map_err(|error| CallError::down(service, &error))?;
        Ok(collected.to_bytes())
    }
}

fn unreachable(service: ServiceName, error: septet_kernel::BoxError) -> CallError {
    let cause: &(dyn std::error::Error + 'static) = error.as_ref();
    CallError::down(service, cause)
}

async fn refusal(service: ServiceName, response: Response<Body>) -> CallError {
    let status = response.status().as_u16();
    let retry_after_s = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let kind = problem.kind.unwrap_or_else(|| Kind::of_status(status));
    let openai = problem.error.unwrap_or_default();
    let text = || String::from_utf8_lossy(&body).chars().take(300).collect::<String>();
    let code = openai.code.and_then(|code| code.as_str().map(str::to_owned));
    CallError {
        service,
        kind,
        code: problem.code.or(code).unwrap_or_else(|| kind.name().to_owned()),
        detail: problem.detail.or(openai.message).unwrap_or_else(|| format!("{service} answered {status}: {}", text())),
        param: problem.param,
        retry_after_s: problem.retry_after_s.or(retry_after_s),
    }
}

/// One segment of a path, escaped.
#[must_use]
pub fn segment(text: impl std::fmt::Display) -> String {
    escape(&text.to_string())
}

/// A query string of the pairs that have a value, with its `?`; empty when none has.
#[must_use]
pub fn query(pairs: &[(&str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        let Some(value) = value else { continue };
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&escape(value));
    }
    text
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}
