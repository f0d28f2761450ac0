//! Our end of a container's egress: streams that begin at code there.
//!
//! Nothing in a container connects to us. While code runs, requests wait at its agent, a few at a time, and each becomes
//! a stream once code has connected. Which session a stream is of follows from whom we have asked.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use futures::{Stream, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::protocol::{LONG_POLL_TIMEOUT, STREAM};
use super::reach::Reach;

/// Requests that wait at an agent: of two connections at once, the second need not wait for a round trip.
const N_WAITING: usize = 2;
/// How much longer than the long poll an agent may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// After a failed request: the first delay and the longest.
const RETRY_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Streams that begin while `is_running`. Ends when the sender of `is_running` is gone; dropping it closes the requests
/// that still wait.
pub(super) fn arrivals(
    reach: Reach,
    is_running: watch::Receiver<bool>,
) -> impl Stream<Item = TokioIo<Upgraded>> + Send + 'static {
    let all = futures::stream::repeat_with(move || arrive(reach.clone(), is_running.clone()));
    all.buffer_unordered(N_WAITING)
        .take_while(|arrived| std::future::ready(arrived.is_some()))
        .filter_map(std::future::ready)
}

async fn arrive(reach: Reach, mut is_running: watch::Receiver<bool>) -> Option<TokioIo<Upgraded>> {
    let mut pause = RETRY_DELAYS.0;
    loop {
        is_running.wait_for(|is_running| *is_running).await.ok()?;
        let asked = Instant::now();
        let answer = tokio::select! {
            answer = stream(&reach) => answer,
            _over = is_running.wait_for(|is_running| !*is_running) => continue,
        };
        match answer {
            Ok(Some(stream)) => return Some(TokioIo::new(stream)),
            Ok(None) if asked.elapsed() >= LONG_POLL_TIMEOUT / 2 => pause = RETRY_DELAYS.0,
            // An agent that does not wait before it says so would have us ask in a busy loop.
            Ok(None) => tokio::time::sleep(RETRY_DELAYS.1).await,
            Err(error) => {
                debug!(%error, "a sandbox container gives no stream");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_DELAYS.1);
            }
        }
    }
}

/// `None` when no code has connected for a while.
async fn stream(reach: &Reach) -> io::Result<Option<Upgraded>> {
    let mut request = reach.request(Method::POST, "/egress", Body::empty())?;
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(STREAM));
    let response = reach.answer(request, LONG_POLL_TIMEOUT + ANSWER_TIMEOUT).await?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => hyper::upgrade::on(response).await.map(Some).map_err(io::Error::other),
        StatusCode::NO_CONTENT => Ok(None),
        other => Err(io::Error::other(format!("the agent answers {other}"))),
    }
}
