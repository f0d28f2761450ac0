//! A session that lives in a container, through the agent there.
//!
//! The code in the container may have taken the agent over, so nothing that comes back is trusted: lines, lists and
//! output have caps, names are checked again, and time is kept here. An agent that does not keep to the rules, or
//! does not end a run in time, is lost: whoever made the container watches [`Remote::lost`] and ends it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Response};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{StreamExt, TryStreamExt};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use septet_contracts::ndjson;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::address::Address;
use super::arrivals::arrivals;
use super::lines::Lines;
use super::protocol::{
    AgentError, AgentErrorKind, AgentEvent, AgentRequest, FolderChanges, Health, Look, Opening, PROTOCOL,
};
use super::reach::Reach;
use crate::driver::{self, Cause, Changes, Chunks, Ended, Error, FoundFile, RunSpec, Said, Session, Signals};
use crate::egress::{EgressPolicy, Serving};
use crate::process;

/// An answer about the agent itself.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer that waits for a worker or for a folder.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an agent may take to end a run whose time is over, or that was cancelled.
const END_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: usize = 8 << 20;
const N_GONE_MAX: usize = 8192;
const N_DISPLAYS_MAX: usize = 256;
const DETAIL_CHARS: usize = 500;

/// The agent of a container, as a session. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Remote {
    inner: Arc<Inner>,
}

struct Inner {
    reach: Reach,
    /// The egress of its code, when it has one.
    egress: OnceLock<Serving>,
    is_running: watch::Sender<bool>,
    lost: CancellationToken,
    has_kept: AtomicBool,
}

impl Remote {
    /// Connects to the agent at `address`.
    ///
    /// # Errors
    /// When no agent answers there, or one of another version: try again while the container is starting.
    pub(crate) async fn connect(address: Address, token: &SecretString) -> Result<Self, Error> {
        let reach = Reach::new(address, token).map_err(Error::Io)?;
        let (egress, is_running) = (OnceLock::new(), watch::Sender::new(false));
        let (lost, has_kept) = (CancellationToken::new(), AtomicBool::new(false));
        let remote = Self { inner: Arc::new(Inner { reach, egress, is_running, lost, has_kept }) };
        let health = remote.health().await?;
        if health.protocol != PROTOCOL {
            return Err(Error::Unavailable(format!(
                "the sandbox image speaks version {} of the agent's protocol, this program version {PROTOCOL}; build the image again",
                health.protocol
            )));
        }
        Ok(remote)
    }

    /// Asks how the agent is, which also renews its lease. Takes 5 s at most.
    pub(crate) async fn health(&self) -> Result<Health, Error> {
        let response = self.send(Method::GET, "/health", Body::empty(), HEALTH_TIMEOUT).await.map_err(Error::Io)?;
        read(response, HEALTH_TIMEOUT).await.map_err(Error::Io)
    }

    /// Cancelled when the agent is of no use any more.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.inner.lost.clone()
    }

    /// Gives the code in the container egress. New connections come through while a run goes on; it ends with the last
    /// handle to the container. `must_fence` says that the container has a network of its own besides, so that code
    /// must be kept to this one port.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with why the agent cannot do that.
    pub(crate) async fn open_egress(&self, policy: &Arc<EgressPolicy>, must_fence: bool) -> Result<(), Error> {
        let opening = json(&Opening { directions: policy.directions(), must_fence }).map_err(Error::Io)?;
        self.send(Method::PUT, "/egress", opening, HEALTH_TIMEOUT).await.map_err(|error| {
            Error::Unavailable(format!("the egress of a sandbox container was not opened: {error}"))
        })?;
        // Should it be there already, this one is dropped, which ends it.
        let arrivals = arrivals(self.inner.reach.clone(), self.inner.is_running.subscribe());
        self.inner.egress.set(policy.serve_all(arrivals)).ok();
        Ok(())
    }

    /// The answer to a request, when it is a good one.
    async fn send(&self, method: Method, path: &str, body: Body, limit: Duration) -> io::Result<Response<Body>> {
        let response = self.inner.reach.answer(self.inner.reach.request(method, path, body)?, limit).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error: AgentError = read(response, HEALTH_TIMEOUT).await?;
        if error.kind == AgentErrorKind::Lost {
            self.inner.lost.cancel();
        }
        let kind = match error.kind {
            AgentErrorKind::Full => io::ErrorKind::StorageFull,
            AgentErrorKind::Stranger => io::ErrorKind::PermissionDenied,
            AgentErrorKind::Garbled
            | AgentErrorKind::Busy
            | AgentErrorKind::Unavailable
            | AgentErrorKind::Lost
            | AgentErrorKind::Io => io::ErrorKind::Other,
        };
        Err(io::Error::new(kind, shortened(&error.detail)))
    }

    /// Like [`Remote::send`], for what must not fail while a session is open: an agent that does not answer is lost.
    async fn ask(&self, method: Method, path: &str, body: Body) -> io::Result<Response<Body>> {
        let answer = self.send(method, path, body, REQUEST_TIMEOUT).await;
        if let Err(error) = &answer
            && matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::TimedOut)
        {
            debug!(%error, "a sandbox container does not answer");
            self.inner.lost.cancel();
        }
        answer
    }

    /// The bytes of a found file, requested when the first piece is polled.
    fn found(&self, number: usize) -> Chunks {
        let remote = self.clone();
        let response = async move { remote.ask(Method::GET, &format!("/found/{number}"), Body::empty()).await };
        futures::stream::once(response).map_ok(chunks).try_flatten().boxed()
    }
}

#[async_trait]
impl Session for Remote {
    fn is_lost(&self) -> bool {
        self.inner.lost.is_cancelled()
    }

    fn has_kept(&self) -> bool {
        !self.is_lost() && self.inner.has_kept.load(Ordering::Relaxed)
    }

    async fn enter(&self, keep: bool) -> Result<Box<dyn driver::Entered>, Error> {
        let (mut asks, waiting) = mpsc::unbounded();
        send_line(&mut asks, &AgentRequest::Enter { keep });
        let body = Body::from_stream(waiting.map(Ok::<Bytes, std::convert::Infallible>));
        let response = self.ask(Method::POST, "/run", body).await.map_err(|_gone| Error::Lost)?;
        let mut told = Lines::new(response.into_body());
        let first = tokio::time::timeout(REQUEST_TIMEOUT, told.next()).await;
        match first {
            Ok(Some(AgentEvent::Entered { is_fresh })) => {
                Ok(Box::new(Entered { remote: self.clone(), asks, told, is_fresh, keep }))
            }
            Ok(Some(AgentEvent::Failed(error))) => Err(self.error_of(error)),
            Ok(Some(AgentEvent::Said(_) | AgentEvent::Ended(_)) | None) | Err(_) => {
                self.inner.lost.cancel();
                Err(Error::Lost)
            }
        }
    }

    async fn put(&self, path: &str, content: Chunks) -> io::Result<()> {
        let address = format!("/files?path={}", utf8_percent_encode(path, NON_ALPHANUMERIC));
        self.ask(Method::PUT, &address, Body::from_stream(content)).await.map(drop)
    }

    async fn get(&self, path: &str) -> io::Result<Chunks> {
        let address = format!("/files?path={}", utf8_percent_encode(path, NON_ALPHANUMERIC));
        Ok(chunks(self.ask(Method::GET, &address, Body::empty()).await?))
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let address = format!("/files?path={}", utf8_percent_encode(path, NON_ALPHANUMERIC));
        self.ask(Method::DELETE, &address, Body::empty()).await.map(drop)
    }

    async fn changes(&self, n_max: usize) -> io::Result<Changes> {
        let response = self.ask(Method::POST, "/changes", json(&Look { n_max })?).await?;
        let mut seen: FolderChanges = read(response, REQUEST_TIMEOUT).await?;
        let mut is_cut = seen.is_cut || seen.found.len() > n_max || seen.gone.len() > N_GONE_MAX;
        seen.found.truncate(n_max);
        seen.gone.truncate(N_GONE_MAX);
        let is_fine = |path: &String| process::inside(path).as_ref() == Some(path) && process::is_honest(path);
        let mut found = Vec::new();
        for (number, path) in seen.found.into_iter().enumerate() {
            if is_fine(&path) {
                found.push(FoundFile { content: self.found(number), path });
            } else {
                is_cut = true;
            }
        }
        seen.gone.retain(is_fine);
        Ok(Changes { found, gone: seen.gone, is_cut })
    }

    async fn forget(&self, path: &str) {
        let address = format!("/forget?path={}", utf8_percent_encode(path, NON_ALPHANUMERIC));
        // An agent that does not answer is lost, and has forgotten everything.
        self.ask(Method::POST, &address, Body::empty()).await.ok();
    }
}

impl Remote {
    fn error_of(&self, error: AgentError) -> Error {
        let detail = shortened(&error.detail);
        match error.kind {
            AgentErrorKind::Unavailable => Error::Unavailable(detail),
            AgentErrorKind::Lost => {
                self.inner.lost.cancel();
                Error::Lost
            }
            AgentErrorKind::Stranger
            | AgentErrorKind::Garbled
            | AgentErrorKind::Full
            | AgentErrorKind::Busy
            | AgentErrorKind::Io => Error::Io(io::Error::other(detail)),
        }
    }
}

/// A worker in the container. Closing the connection kills it.
struct Entered {
    remote: Remote,
    asks: mpsc::UnboundedSender<Bytes>,
    told: Lines,
    is_fresh: bool,
    keep: bool,
}

/// Marks the agent as lost when a run is dropped before its end: the agent cannot be trusted to end the run.
struct Unfinished(Option<CancellationToken>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(lost) = self.0.take() {
            lost.cancel();
        }
    }
}

/// A run that goes on, for the egress.
struct Running(Remote);

impl Running {
    fn begin(remote: &Remote) -> Self {
        if let Some(egress) = remote.inner.egress.get() {
            egress.renew();
        }
        remote.inner.is_running.send_replace(true);
        Self(remote.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.inner.is_running.send_replace(false);
    }
}

#[async_trait]
impl driver::Entered for Entered {
    fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    async fn run(
        mut self: Box<Self>,
        spec: &RunSpec,
        signals: &Signals,
        say: &mut (dyn FnMut(Said) + Send),
    ) -> Result<Ended, Error> {
        let mut unfinished = Unfinished(Some(self.remote.lost()));
        let _running = Running::begin(&self.remote);
        let started = Instant::now();
        send_line(&mut self.asks, &AgentRequest::Run(spec.clone()));
        // Two streams, and a byte that is no text becomes three.
        let mut n_left = spec.output_bytes.saturating_mul(6);
        let (mut is_cut, mut cause) = (false, Cause::Timeout);
        let (mut is_interrupted, mut is_cancelled) = (false, false);
        let mut give_up_at = started + spec.timeout + END_TIMEOUT;
        let ended = loop {
            tokio::select! {
                told = self.told.next() => match told {
                    Some(AgentEvent::Said(said)) => {
                        let (Said::Stdout(text) | Said::Stderr(text)) = &said;
                        match n_left.checked_sub(text.len() as u64) {
                            Some(left) => {
                                n_left = left;
                                say(said);
                            }
                            None => is_cut = true,
                        }
                    }
                    Some(AgentEvent::Ended(ended)) => break *ended,
                    Some(AgentEvent::Failed(error)) => {
                        unfinished.0 = None;
                        return Err(self.remote.error_of(error));
                    }
                    Some(AgentEvent::Entered { .. }) | None => return Err(Error::Lost),
                },
                () = signals.interrupt.cancelled(), if !is_interrupted => {
                    is_interrupted = true;
                    send_line(&mut self.asks, &AgentRequest::Interrupt);
                }
                () = signals.cancel.cancelled(), if !is_cancelled => {
                    is_cancelled = true;
                    cause = Cause::Cancelled;
                    give_up_at = Instant::now() + END_TIMEOUT;
                    send_line(&mut self.asks, &AgentRequest::Cancel);
                }
                () = tokio::time::sleep_until(give_up_at) => {
                    warn!("a sandbox container does not end a run; ending the container");
                    return Ok(given_up(cause, started.elapsed(), is_cut));
                }
            }
        };
        unfinished.0 = None;
        if self.keep {
            self.remote.inner.has_kept.store(ended.is_kept, Ordering::Relaxed);
        }
        let mut displays = ended.displays;
        is_cut |= ended.is_cut || displays.len() > N_DISPLAYS_MAX;
        displays.truncate(N_DISPLAYS_MAX);
        Ok(Ended { is_cut, displays, duration: started.elapsed(), ..ended })
    }
}

/// The end of a run whose container is being ended with it.
pub(crate) fn given_up(cause: Cause, duration: Duration, is_cut: bool) -> Ended {
    Ended {
        cause,
        status: -libc::SIGKILL,
        duration,
        is_cut,
        error: None,
        result: None,
        displays: Vec::new(),
        is_kept: false,
    }
}

/// A connection that is gone is noticed where the answer is awaited.
fn send_line(asks: &mut mpsc::UnboundedSender<Bytes>, ask: &AgentRequest) {
    asks.unbounded_send(ndjson::line(ask)).ok();
}

fn json(value: &impl Serialize) -> io::Result<Body> {
    Ok(Body::from(serde_json::to_vec(value)?))
}

async fn read<T: DeserializeOwned>(response: Response<Body>, limit: Duration) -> io::Result<T> {
    let bytes = tokio::time::timeout(limit, axum::body::to_bytes(response.into_body(), ANSWER_BYTES_MAX)).await;
    let bytes = bytes?.map_err(io::Error::other)?;
    serde_json::from_slice(&bytes).map_err(io::Error::other)
}

/// The bytes of an answer, which fail when the next piece takes too long.
fn chunks(response: Response<Body>) -> Chunks {
    let body = response.into_body().into_data_stream();
    let timed = futures::stream::unfold(body, |mut body| async move {
        match tokio::time::timeout(REQUEST_TIMEOUT, body.next()).await {
            Ok(chunk) => Some((chunk?.map_err(io::Error::other), body)),
            Err(late) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, late)), body)),
        }
    });
    timed.boxed()
}

fn shortened(detail: &str) -> String {
    detail.chars().filter(|character| !character.is_control()).take(DETAIL_CHARS).collect()
}
