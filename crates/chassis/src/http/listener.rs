//! An HTTP listener for untrusted peers: an idle or slow connection cannot keep others from connecting.
//!
//! ```text
//!   accept ─► a slot (in all, and per address; idle connections give theirs up) ─► head before its timeout ─► router
//!                                                                                                        │
//!   next request, or close and linger ◄── what is left of the body is drained ◄── head of the answer ◄───┘
//! ```

mod leftover;
mod lent;
mod slots;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use self::leftover::UnreadBody;
use self::lent::Lent;
use self::slots::{ConnectionSlot, ConnectionSlots, Full};
use super::Problem;
use crate::Lifecycle;

// When file descriptors run out, another connection may close soon.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The limits and timeouts of a listener.
#[derive(Clone)]
pub struct Listening {
    /// How many connections there may be at a time. Half of what the process may have open counts when it is less.
    pub max_connections: usize,
    /// How many of one address: an IPv4 address, or the /64 of an IPv6 address. Never so many that nothing is left for
    /// others.
    pub max_per_address: usize,
    /// How long a connection may take until the head of its first request has arrived.
    pub header_timeout: Duration,
    /// How long it may take until the head of each further request has arrived.
    pub idle_timeout: Duration,
    /// Addresses that stand for many people, such as those of reverse proxies, and have no limit of their own.
    pub is_shared: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl Listening {
    /// For a listener that only peers reach: their pools keep connections for 90 seconds, and each may need many.
    #[must_use]
    pub fn for_peers() -> Self {
        Self { idle_timeout: Duration::from_secs(120), is_shared: Arc::new(|_| true), ..Self::default() }
    }
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_per_address: 512,
            header_timeout: Duration::from_secs(15),
            // Longer than reverse proxies keep theirs, usually a minute: the client should be the one that closes first,
            // or it sends a request on a connection that we have just closed.
            idle_timeout: Duration::from_secs(75),
            is_shared: Arc::new(|_| false),
        }
    }
}

/// Serves `router` to peers; as [`serve_with`] and [`Listening::for_peers`].
///
/// # Errors
/// As [`serve_with`].
pub fn serve(listener: TcpListener, router: Router, lifecycle: &Lifecycle) -> io::Result<SocketAddr> {
    serve_with(listener, router, Listening::for_peers(), lifecycle)
}

/// Serves `router` on `listener` until shutdown begins; open requests are finished.
///
/// Returns the address at once; the serving itself is a task of the lifecycle, and so is every connection.
///
/// # Errors
/// When the listener has no address, which means it is broken.
pub fn serve_with(
    listener: TcpListener,
    router: Router,
    listening: Listening,
    lifecycle: &Lifecycle,
) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let n_files = getrlimit(Resource::Nofile).current.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let slots = ConnectionSlots::new(&listening, n_files / 2);
    let host = Host { router, listening, lifecycle: lifecycle.clone(), stopping: lifecycle.stopping() };
    let _runs_alone = lifecycle.spawn("serve http", accept(listener, slots, host));
    Ok(address)
}

/// What every connection is given.
#[derive(Clone)]
struct Host {
    router: Router,
    listening: Listening,
    lifecycle: Lifecycle,
    stopping: CancellationToken,
}

async fn accept(listener: TcpListener, slots: ConnectionSlots, host: Host) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = host.stopping.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // The peer was gone before we looked.
            Err(error) if is_of_the_peer(&error) => continue,
            Err(error) => {
                warn!(error.detail = %error, "no connection can be accepted");
                slots.make_room();
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        match slots.take(peer.ip()) {
            Ok(slot) => {
                let _runs_alone = host.lifecycle.spawn("http connection", connection(stream, peer, slot, host.clone()));
            }
            Err(full) => turn_away(&stream, full),
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Says why, if the answer fits into the socket's buffer at once.
fn turn_away(stream: &TcpStream, full: Full) {
    let problem = Problem::of(&full);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let (status, n_bytes) = (problem.status, body.len());
    let answer = format!(
        "HTTP/1.1 {status} \r\ncontent-type: application/problem+json\r\ncontent-length: {n_bytes}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n{body}"
    );
    let _heard_or_not = stream.try_write(answer.as_bytes());
}

/// One connection from its first byte to its last.
async fn connection(stream: TcpStream, peer: SocketAddr, slot: ConnectionSlot, host: Host) {
    // Without it the first event of a stream waits for the second one.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(error.detail = %error, "cannot turn off nagle");
    }
    let (state, stopping) = (slot.state(), host.stopping.clone());
    let (lent, returned) = Lent::new(stream, slot);
    // What was lent comes back when this is over and gone.
    if talk(lent, peer, &state, host).await
        && state.has_leftover()
        && let Some(stream) = returned.stream().await
    {
        tokio::select! {
            () = leftover::linger(stream, stopping) => {}
            () = state.dismissed() => {}
        }
    }
}

/// Answers the requests of one connection. False when it has to go at once.
async fn talk(lent: Lent, peer: SocketAddr, state: &Arc<slots::ConnectionState>, host: Host) -> bool {
    let Host { router, listening, stopping, .. } = host;
    let service = service_fn({
        let state = Arc::clone(state);
        move |request: Request<Incoming>| answer(router.clone(), peer, Arc::clone(&state), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(listening.idle_timeout)
        .serve_connection(TokioIo::new(lent), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut first_head = std::pin::pin!(tokio::time::sleep(listening.header_timeout));
    let (mut is_waited_for, mut is_stopping) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(error.detail = %septet_kernel::causes(&error), "a connection broke off");
                }
                return true;
            }
            () = first_head.as_mut(), if is_waited_for => {
                if !state.has_requested() {
                    debug!("a connection said nothing in time");
                    return false;
                }
                is_waited_for = false;
            }
            () = state.dismissed() => return false,
            () = stopping.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    state: Arc<slots::ConnectionState>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let active = state.begin_request();
    let (mut request, unread) = UnreadBody::split(request, Arc::clone(&state));
    request.extensions_mut().insert(ConnectInfo(peer));
    let Ok(mut response) = router.oneshot(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        state.upgraded();
        return Ok(response);
    }
    unread.clear(&mut response, &state).await;
    Ok(response.map(|body| Body::new(slots::TrackedBody { body, _active: active })))
}
