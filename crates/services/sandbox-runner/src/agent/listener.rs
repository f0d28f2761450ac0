//! The egress of a container, from inside: a socket that code connects to, and streams that carry it to the runner.
//!
//! There is no such socket until the runner asks for one. What code says goes to the runner as it is, over a stream that
//! the runner has asked for before. Nothing here connects to anything or knows what is allowed, so code that takes the agent over
//! gains nothing by it.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use septet_chassis::Lifecycle;
use tokio::net::{TcpListener, TcpStream};

use super::protocol::{AgentError, AgentErrorKind, LONG_POLL_TIMEOUT, Opening, STREAM};
use crate::egress::Outlet;

/// After an error that may be temporary, such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The first version of Landlock that knows TCP (Linux 6.7).
const LANDLOCK_FOR_TCP: libc::c_long = 4;

/// There is no socket before [`EgressListener::open`].
pub(super) struct EgressListener {
    listener: OnceLock<TcpListener>,
    /// What workers are told from then on.
    outlet: Arc<OnceLock<Outlet>>,
    lifecycle: Lifecycle,
}

impl EgressListener {
    pub(super) fn new(outlet: Arc<OnceLock<Outlet>>, lifecycle: Lifecycle) -> Self {
        Self { listener: OnceLock::new(), outlet, lifecycle }
    }

    /// Called once, before any code runs that is to have egress.
    pub(super) async fn open(&self, opening: Opening) -> Result<(), AgentError> {
        let refused = |kind, detail: String| AgentError { kind, detail };
        if opening.must_fence && landlock_version() < LANDLOCK_FOR_TCP {
            return Err(refused(
                AgentErrorKind::Unavailable,
                "egress of a pod needs Landlock for TCP on its node (Linux 6.7 or newer, and no kernel in between)"
                    .to_owned(),
            ));
        }
        let (listener, port) = listen()
            .await
            .map_err(|error| refused(AgentErrorKind::Io, format!("cannot listen on loopback: {error}")))?;
        if self.listener.set(listener).is_err() {
            return Err(refused(AgentErrorKind::Garbled, "the egress is open already".to_owned()));
        }
        self.outlet.get_or_init(|| opening.directions.at(port, opening.must_fence));
        Ok(())
    }

    /// The answer to a request for a stream: the stream, or that no code has connected for a while.
    pub(super) async fn answer(&self, mut request: Request<Body>) -> Result<Response<Body>, AgentError> {
        let garbled = |detail: &str| AgentError { kind: AgentErrorKind::Garbled, detail: detail.to_owned() };
        let listener = self.listener.get().ok_or_else(|| garbled("no egress was opened"))?;
        let Some(stream) = request.extensions_mut().remove::<OnUpgrade>() else {
            return Err(garbled("a stream begins with an upgrade"));
        };
        let mut response = Response::new(Body::empty());
        let Ok(code) = tokio::time::timeout(LONG_POLL_TIMEOUT, accept(listener)).await else {
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        };
        self.lifecycle.spawn("carry a connection out", carry(code, stream));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(STREAM));
        Ok(response)
    }
}

/// On any free port: a rule of Landlock names a port without an address, and a well-known one may be in use at other
/// addresses too.
async fn listen() -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((code, _)) => return code,
            Err(_) => tokio::time::sleep(ACCEPT_RETRY_DELAY).await,
        }
    }
}

/// Until one of them breaks or both are at their end.
async fn carry(mut code: TcpStream, stream: OnUpgrade) {
    code.set_nodelay(true).ok();
    // A runner that has left meanwhile has no use for the connection.
    let Ok(stream) = stream.await else { return };
    tokio::io::copy_bidirectional(&mut code, &mut TokioIo::new(stream)).await.ok();
}

/// 0 or less when there is none.
#[expect(unsafe_code, reason = "no safe wrapper asks for the version of Landlock")]
fn landlock_version() -> libc::c_long {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no pointer and changes nothing.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::Directions;

    fn opening() -> Opening {
        let directions = serde_json::from_str::<Directions>(r#"{ "environment": {}, "certificates": "" }"#).unwrap();
        Opening { directions, must_fence: false }
    }

    #[tokio::test]
    async fn egress_is_closed_until_it_is_opened_and_opened_once() {
        let outlet = Arc::default();
        let egress = EgressListener::new(Arc::clone(&outlet), Lifecycle::default());
        let refused = egress.answer(Request::new(Body::empty())).await.unwrap_err();
        assert_eq!((refused.kind, outlet.get().is_some()), (AgentErrorKind::Garbled, false));

        egress.open(opening()).await.unwrap();

        let told = serde_json::to_value(outlet.get().unwrap()).unwrap();
        assert_eq!(told["environment"]["HTTPS_PROXY"], format!("http://127.0.0.1:{}", told["port"]));
        assert_eq!(egress.open(opening()).await.unwrap_err().kind, AgentErrorKind::Garbled);
    }
}
