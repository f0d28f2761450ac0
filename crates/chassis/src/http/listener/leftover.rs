//! What a peer still sends when its request has been answered already.
//!
//! A refusal does not wait for the body. Were the rest of it left lying there, it would be taken for the next request or
//! the connection would be reset, and the peer would lose the refusal or a request that it sent behind. So a short rest
//! is read away before the answer goes out, and the connection lives on; with a long one the connection says that it
//! closes, and listens for a moment while the peer stops.

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

use super::seats::{Seat, State};

// A JSON body that was refused for who sent it; a peer sends as much in one go.
const READ_AWAY_BYTES: u64 = 1 << 20;
const READ_AWAY_TIME: Duration = Duration::from_millis(500);
// Most clients look for an answer only when they have sent everything, so whoever sends on is heard out for a while.
const LINGER_TIME: Duration = Duration::from_secs(30);
const LINGER_SILENCE: Duration = Duration::from_secs(2);

/// The body of a request, shared between whoever reads it and whoever reads the rest away.
struct Shared {
    body: Incoming,
    is_over: bool,
}

/// The end that stays with the connection.
pub(super) struct Arriving {
    shared: Arc<Mutex<Shared>>,
    waits_to_be_asked: bool,
}

/// The end that the router gets.
struct Given {
    shared: Arc<Mutex<Shared>>,
    state: Arc<State>,
}

impl Arriving {
    /// Gives a request a body that can be taken up again when its reader has let go of it.
    pub(super) fn split(request: Request<Incoming>, state: Arc<State>) -> (Request<Body>, Self) {
        let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
        let (parts, body) = request.into_parts();
        let is_over = body.is_end_stream();
        let shared = Arc::new(Mutex::new(Shared { body, is_over }));
        let arriving = Self { shared: Arc::clone(&shared), waits_to_be_asked };
        let body = if is_over { Body::empty() } else { Body::new(Given { shared, state }) };
        (Request::from_parts(parts, body), arriving)
    }

    /// Reads the rest away, or has the answer say that the connection closes.
    pub(super) async fn clear(self, response: &mut Response<Body>, state: &State) {
        // Somebody reads it still, for the answer may begin before the question ends.
        if Arc::strong_count(&self.shared) > 1 || self.is_over() {
            return;
        }
        if self.is_short() {
            let mut n_bytes = 0;
            let rest = std::future::poll_fn(|context| self.poll_rest(context, &mut n_bytes));
            if tokio::time::timeout(READ_AWAY_TIME, rest).await == Ok(true) {
                return;
            }
        }
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        state.leave_over();
    }

    fn is_over(&self) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).is_over
    }

    /// Whether the rest may be short. A peer that waits to be asked for its body would only now begin to send it.
    fn is_short(&self) -> bool {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        !self.waits_to_be_asked && shared.body.size_hint().lower() <= READ_AWAY_BYTES
    }

    /// Reads on; true at the end of the body, false when it is too long.
    fn poll_rest(&self, context: &mut Context<'_>, n_bytes: &mut u64) -> Poll<bool> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match std::task::ready!(shared.poll(context)) {
                Some(Ok(frame)) => *n_bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                None | Some(Err(_)) => return Poll::Ready(true),
            }
            if *n_bytes > READ_AWAY_BYTES {
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

impl HttpBody for Given {
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

impl Drop for Given {
    fn drop(&mut self) {
        self.state.waits_for_body(false);
    }
}

/// Reads and forgets for a moment, so that the answer arrives before the connection is gone. At shutdown it is a short one.
pub(super) async fn linger((mut stream, _seat): (TcpStream, Seat), stopping: CancellationToken) {
    let mut nowhere = vec![0; 16 << 10];
    let mut next = async || tokio::time::timeout(LINGER_SILENCE, stream.read(&mut nowhere)).await;
    let read = async { while matches!(next().await, Ok(Ok(1..))) {} };
    let late = async {
        let _late = tokio::time::timeout(LINGER_TIME, stopping.cancelled()).await;
        if stopping.is_cancelled() {
            tokio::time::sleep(LINGER_SILENCE).await;
        }
    };
    tokio::select! {
        () = read => {}
        () = late => {}
    }
}
