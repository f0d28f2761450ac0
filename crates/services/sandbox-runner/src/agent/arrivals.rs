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

use super::reach::Reach;
use super::wire::{LONG_POLL_TIMEOUT, STREAM};

/// So that of two connections at once the second does not wait for a request to travel.
const N_WAITING: usize = 2;
/// An agent that answers says so in time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// After an answer that was none, the first time and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Those that begin while `is_running`. Ends with whoever says so; whoever drops it closes what still waits.
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
    let mut pause = PAUSES.0;
    loop {
        is_running.wait_for(|is_running| *is_running).await.ok()?;
        let asked = Instant::now();
        let answer = tokio::select! {
            answer = stream(&reach) => answer,
            _over = is_running.wait_for(|is_running| !*is_running) => continue,
        };
        match answer {
            Ok(Some(stream)) => return Some(TokioIo::new(stream)),
            Ok(None) if asked.elapsed() >= LONG_POLL_TIMEOUT / 2 => pause = PAUSES.0,
            // One who says so at once has us ask in circles.
            Ok(None) => tokio::time::sleep(PAUSES.1).await,
            Err(error) => {
                debug!(%error, "a sandbox container gives no stream");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
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
