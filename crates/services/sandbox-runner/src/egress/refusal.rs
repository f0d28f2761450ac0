//! Why a request does not go out, in words that say what to do.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::ext::ReasonPhrase;

use super::Body;
use super::policy::{BadHost, Host};

/// The sentence goes into the status line too, since many clients show nothing else of a failed CONNECT.
const REASON_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this is a proxy; ask it for http://host/path or CONNECT host:443")]
    NotForAProxy,
    #[error("only http and https go out; for https use CONNECT")]
    Scheme,
    #[error("the host is not understood: {0}")]
    Host(BadHost),
    #[error("{0} is not on the list of allowed domains of this container; make one whose network_policy allows it")]
    NotAllowed(Host),
    #[error("{0} is not among the domains that the operator permits (sandbox.egress_domains)")]
    NotPermitted(Host),
    #[error("port {0} is not open; the operator may add it to sandbox.egress_ports")]
    Port(u16),
    #[error("{host} leads to an address that is {what}, which the sandbox may not reach")]
    Address { host: Host, what: &'static str },
    #[error("{0} has no address")]
    Unresolved(Host),
    #[error("{0} cannot be reached")]
    Unreachable(Host),
    #[error("the certificate of {0} is not trusted, or it does not speak TLS")]
    Untrusted(Host),
    #[error("{0} did not answer as HTTP does")]
    BadAnswer(Host),
    #[error("the request does not name the host that the connection was made for")]
    OtherHost,
    #[error("in a tunnel to {0} only TLS for {0} is spoken")]
    OtherName(Host),
    #[error("this execution has sent and received {0} bytes, which is all it may")]
    Spent(u64),
    #[error("the value of the secret {0} was lost when the service restarted; make a new container with it")]
    SecretLost(String),
    #[error("the secret {0} is sent over https only")]
    SecretInClear(String),
    #[error("a header cannot be sent with a secret in it")]
    BadHeader,
}

impl Refusal {
    /// A word for metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NotForAProxy
            | Self::Scheme
            | Self::Host(_)
            | Self::OtherHost
            | Self::OtherName(_)
            | Self::BadHeader => "malformed",
            Self::NotAllowed(_) | Self::NotPermitted(_) | Self::Port(_) => "not_allowed",
            Self::Address { .. } => "address",
            Self::Unresolved(_) | Self::Unreachable(_) | Self::Untrusted(_) | Self::BadAnswer(_) => "unreachable",
            Self::Spent(_) => "spent",
            Self::SecretLost(_) | Self::SecretInClear(_) => "secret",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotForAProxy => StatusCode::BAD_REQUEST,
            Self::OtherHost | Self::OtherName(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Unresolved(_) | Self::Unreachable(_) | Self::Untrusted(_) | Self::BadAnswer(_) => {
                StatusCode::BAD_GATEWAY
            }
            Self::Scheme
            | Self::Host(_)
            | Self::NotAllowed(_)
            | Self::NotPermitted(_)
            | Self::Port(_)
            | Self::Address { .. }
            | Self::Spent(_)
            | Self::SecretLost(_)
            | Self::SecretInClear(_)
            | Self::BadHeader => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let text = format!("sandbox: {self}");
        let reason: String = text.chars().filter(|c| matches!(c, ' '..='~')).take(REASON_MAX).collect();
        let body = Full::new(Bytes::from(format!("{text}\n"))).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Ok(reason) = ReasonPhrase::try_from(reason) {
            response.extensions_mut().insert(reason);
        }
        response
    }
}
