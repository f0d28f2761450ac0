//! How to ask one agent: where it is, and the token that it knows.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, header};
use secrecy::{ExposeSecret, SecretString};
use septet_kernel::{BoxError, Transport};
use tower::ServiceExt;

use super::address::Address;

/// Cheap to clone, and keeps nothing alive at the other end.
#[derive(Clone)]
pub(super) struct Reach {
    address: Address,
    transport: Transport,
    authorization: HeaderValue,
}

impl Reach {
    pub(super) fn new(address: Address, token: &SecretString) -> io::Result<Self> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(io::Error::other)?;
        authorization.set_sensitive(true);
        let transport = address.transport();
        Ok(Self { address, transport, authorization })
    }

    pub(super) fn request(&self, method: Method, path: &str, body: Body) -> io::Result<Request<Body>> {
        Request::builder()
            .method(method)
            .uri(self.address.url(path))
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(io::Error::other)
    }

    /// Whatever the agent says, good or bad.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] when there is nobody, [`io::ErrorKind::TimedOut`] when nothing comes in time.
    pub(super) async fn answer(&self, request: Request<Body>, limit: Duration) -> io::Result<Response<Body>> {
        match tokio::time::timeout(limit, self.transport.clone().oneshot(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(broken(error)),
            Err(late) => Err(io::Error::new(io::ErrorKind::TimedOut, late)),
        }
    }
}

fn broken(error: BoxError) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, error)
}
