//! The unread rest of a request's body, once the request has been answered.
//!
//! A refusal does not wait for the body. If the rest stayed unread, it would be parsed as the next request, or closing
//! would reset the connection and the peer would lose the refusal. So a short rest is drained before the answer goes out,
//! and the connection is kept alive. With a long one the answer says `connection: close`, and the connection lingers for a
//! moment, reading and discarding, until the peer stops sending.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, header};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::slots::{ConnectionSlot, ConnectionState};

// The size of a JSON body that was refused before it was read: a peer sends as much without waiting for an answer.
const DRAIN_BYTES: u64 = 1 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
// Most clients read the answer only when they have sent everything, so what is still sent is read for a while.
const LINGER_LIMIT: Duration = Duration::from_secs(30);
const LINGER_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// The body of a request, shared between the handler that reads it and the connection that drains the rest.
struct Shared {
    body: Incoming,
    is_over: bool,
}

/// The end that stays with the connection.
pub(super) struct UnreadBody {
    shared: Arc<Mutex<Shared>>,
    expects_continue: bool,
}

/// The end that the router gets.
struct RouterBody {
    shared: Arc<Mutex<Shared>>,
    state: Arc<ConnectionState>,
}

impl UnreadBody {
    /// Gives a request a body that the connection can go on reading when its handler has dropped it.
    pub(super) fn split(request: Request<Incoming>, state: Arc<ConnectionState>) -> (Request<Body>, Self) {
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let (parts, body) = request.into_parts();
        let is_over = body.is_end_stream();
        let shared = Arc::new(Mutex::new(Shared { body, is_over }));
        let unread = Self { shared: Arc::clone(&shared), expects_continue };
        let body = if is_over { Body::empty() } else { Body::new(RouterBody { shared, state }) };
        (Request::from_parts(parts, body), unread)
    }

    /// Drains the rest, or has the answer say that the connection closes.
    pub(super) async fn clear(self, response: &mut Response<Body>, state: &ConnectionState) {
        // The handler still reads it: an answer may begin before the request ends.
        if Arc::strong_count(&self.shared) > 1 || self.is_over() {
            return;
        }
        if self.is_short() {
            let mut n_bytes = 0;
            let rest = std::future::poll_fn(|context| self.poll_rest(context, &mut n_bytes));
            if tokio::time::timeout(DRAIN_TIMEOUT, rest).await == Ok(true) {
                return;
            }
        }
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        state.mark_leftover();
    }

    fn is_over(&self) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).is_over
    }

    /// Whether the rest may be short. A peer that sent `Expect: 100-continue` would only now begin to send its body.
    fn is_short(&self) -> bool {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        !self.expects_continue && shared.body.size_hint().lower() <= DRAIN_BYTES
    }

    /// Reads on; true at the end of the body, false when it is too long.
    fn poll_rest(&self, context: &mut Context<'_>, n_bytes: &mut u64) -> Poll<bool> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match std::task::ready!(shared.poll(context)) {
                Some(Ok(frame)) => *n_bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                None | Some(Err(_)) => return Poll::Ready(true),
            }
            if *n_bytes > DRAIN_BYTES {
                return Poll::Ready(false);
            }
        }
    }
}

impl Shared {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.is_over |= matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream();
        polled
    }
}

impl HttpBody for RouterBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = self.shared.lock().unwrap_or_else(PoisonError::into_inner).poll(context);
        self.state.waits_for_body(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).body.size_hint()
    }
}

impl Drop for RouterBody {
    fn drop(&mut self) {
        self.state.waits_for_body(false);
    }
}

/// Reads and discards for a moment, so that the answer arrives before the connection is closed. Shorter at shutdown.
pub(super) async fn linger((mut stream, _slot): (TcpStream, ConnectionSlot), stopping: CancellationToken) {
    let mut nowhere = vec![0; 16 << 10];
    let mut next = async || tokio::time::timeout(LINGER_IDLE_TIMEOUT, stream.read(&mut nowhere)).await;
    let read = async { while matches!(next().await, Ok(Ok(1..))) {} };
    let late = async {
        let _late = tokio::time::timeout(LINGER_LIMIT, stopping.cancelled()).await;
        if stopping.is_cancelled() {
            tokio::time::sleep(LINGER_IDLE_TIMEOUT).await;
        }
    };
    tokio::select! {
        () = read => {}
        () = late => {}
    }
}
