//! A streamed answer: opened up to its first bytes, while another deployment may still be asked, and delivered to its
//! end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::Peekable;
use futures::{FutureExt, Stream, StreamExt};
use septet_kernel::Failure as _;
use septet_prices::Service;
use septet_protocols::{Answer, Context, Dialect, Frame, Unreadable, Usage};
use septet_providers::Operation;
use serde_json::json;

use super::Calls;
use super::progress::CallProgress;
use super::request::{chat_request, client_headers, encoded};
use crate::asked::Asked;
use crate::call::ModelCall;
use crate::deployment::{Backend, Deployment};
use crate::error::Error;
use crate::offline;
use crate::provider::Provider;
use crate::recording::{Piece, Sink};
use crate::registry::Plan;
use crate::relay::{Relay, RelayOptions};

/// The bytes of a provider.
type Bytestream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A burst is shown when it has grown this large, even if more is there.
const BURST_BYTES: usize = 16 << 10;

/// A stream whose first bytes are there.
pub(super) struct Opened {
    relay: Relay,
    rest: Peekable<Bytestream>,
    first: BytesMut,
    provider: Option<Arc<Provider>>,
}

impl Calls {
    /// Opens a stream and reads it up to the first bytes for the client.
    pub(super) async fn open(
        &self,
        call: &ModelCall,
        asked: &Asked,
        plan: &Plan,
        deployment: &Deployment,
        progress: &mut CallProgress,
    ) -> Result<(Opened, Vec<String>), Error> {
        let prices = deployment.tariff.of(progress.tenant);
        let price = |usage: &Usage, got: Option<Service>| prices.cost(usage, got.unwrap_or(asked.service));
        let options = RelayOptions { context: progress.context.clone(), shows_cost: call.run.is_some() };
        match &deployment.backend {
            Backend::Offline => {
                let (request, clock) = (asked.clone(), self.clock.clone());
                let answer = move || Ok::<_, Error>(offline::events(&chat_request(&request)?, &clock));
                let pieces = self.cpu.run(answer).await.map_err(|_panicked| Error::Analyst)??;
                let mut relay = Relay::new(Dialect::Chat, asked.dialect, options);
                let mut rest = futures::stream::iter(pieces.into_iter().map(Ok)).boxed().peekable();
                let first = rest.next().await.transpose()?.unwrap_or_default();
                let first = relay.chunk(&first, &mut progress.meter, &price).map_err(|_bug| Error::Analyst)?;
                Ok((Opened { relay, rest, first, provider: None }, Vec::new()))
            }
            Backend::Local { name, .. } => Err(Error::NotOffered { provider: name.to_string(), what: "chat" }),
            Backend::Remote(provider) => {
                let cap = self.cap(call, deployment, progress);
                let (dialect, body, dropped) = encoded(&self.cpu, asked, plan, deployment, provider, cap).await?;
                let operation = Operation::Chat { dialect, stream: true };
                let limit = deployment.first_byte(provider);
                let headers = client_headers(call);
                let sent = provider.send(operation, deployment.model.upstream(), body, headers.as_ref());
                let response = provider.within(limit, sent).await?;
                if is_no_stream(&response) {
                    let bytes = provider.within(limit, provider.read(response, 1 << 20)).await?;
                    return Err(no_stream(provider, dialect, &bytes));
                }
                let owner = Arc::clone(provider);
                let mut rest = response
                    .bytes_stream()
                    .map(move |chunk| chunk.map_err(|_broken| owner.cut_off()))
                    .boxed()
                    .peekable();
                let mut relay = Relay::new(dialect, asked.dialect, options.clone());
                loop {
                    // Any bytes reset the timeout, comments too: a server that processes a long prompt sends those.
                    let chunk = provider.within(limit, async { rest.next().await.transpose() }).await?;
                    let is_end = chunk.is_none();
                    let out = match &chunk {
                        Some(chunk) => relay.chunk(chunk, &mut progress.meter, &price),
                        None => {
                            self.estimate_unsaid(call, deployment, progress).await;
                            relay.end(&mut progress.meter, &price)
                        }
                    };
                    let first = out.map_err(|bad| provider.unreadable(&bad))?;
                    if let Some(failed) = relay.failed() {
                        return Err(provider.refused(failed));
                    }
                    if !first.is_empty() || is_end {
                        let opened = Opened { relay, rest, first, provider: Some(Arc::clone(provider)) };
                        return Ok((opened, dropped));
                    }
                }
            }
        }
    }

    /// Passes the rest of a stream on. Gives the last bytes.
    pub(super) async fn deliver(
        &self,
        call: &ModelCall,
        asked: &Asked,
        opened: Opened,
        deployment: &Deployment,
        sink: &Sink,
        progress: &mut CallProgress,
    ) -> Result<Bytes, Error> {
        let Opened { mut relay, mut rest, first, provider } = opened;
        let prices = deployment.tariff.of(progress.tenant);
        let price = |usage: &Usage, got: Option<Service>| prices.cost(usage, got.unwrap_or(asked.service));
        let idle = provider.as_ref().map_or(Duration::from_secs(60), |provider| provider.timeouts.idle);
        let unreadable = |bad: &Unreadable| match &provider {
            Some(provider) => provider.unreadable(bad),
            None => Error::Analyst,
        };
        let mut n_bytes = first.len();
        if !first.is_empty() {
            show(sink, progress, first.freeze()).await?;
        }
        if let Some(bad) = relay.broken() {
            return Err(unreadable(bad));
        }
        loop {
            let chunk = match tokio::time::timeout(idle, burst(&mut rest)).await {
                Ok(chunk) => chunk.transpose(),
                Err(_elapsed) => Err(match &provider {
                    Some(provider) => provider.silent("fell silent in the middle of the answer", idle.as_secs()),
                    None => Error::Analyst,
                }),
            };
            // Some servers reset the connection after a complete answer.
            let chunk = match chunk {
                Err(Error::CutOff { .. }) => None,
                other => other?,
            };
            let out = match &chunk {
                Some(chunk) => relay.chunk(chunk, &mut progress.meter, &price),
                None => {
                    self.estimate_unsaid(call, deployment, progress).await;
                    relay.end(&mut progress.meter, &price)
                }
            };
            let mut out = out.map_err(|bad| unreadable(&bad))?;
            if !out.is_empty() && (chunk.is_some() || relay.failed().is_some() || relay.broken().is_some()) {
                n_bytes += out.len();
                show(sink, progress, out.split().freeze()).await?;
            }
            if let Some(bad) = relay.broken() {
                return Err(unreadable(bad));
            }
            if let (Some(failed), Some(provider)) = (relay.failed(), &provider) {
                return Err(provider.refused(failed));
            }
            if n_bytes > self.max_answer_bytes {
                return Err(Error::TooLong { max_bytes: self.max_answer_bytes });
            }
            if chunk.is_none() {
                progress.is_complete = true;
                return Ok(out.freeze());
            }
            if let Some(reservation) = &mut progress.reservation {
                reservation.renew(&self.clock).await;
            }
        }
    }
}

/// The next bytes, together with those that have arrived as well: the client is written to once for a burst of events
/// and not once for each.
async fn burst(rest: &mut Peekable<Bytestream>) -> Option<Result<Bytes, Error>> {
    let first = match rest.next().await? {
        Ok(first) => first,
        failed => return Some(failed),
    };
    let mut more = BytesMut::new();
    while first.len() + more.len() < BURST_BYTES {
        yield_once().await;
        let Some(Some(Ok(_))) = Pin::new(&mut *rest).peek().now_or_never() else { break };
        if let Some(Ok(chunk)) = rest.next().await {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&chunk);
        }
    }
    Some(Ok(if more.is_empty() { first } else { more.freeze() }))
}

/// Yields to the connection's task, which hands over one chunk at a time. Unlike `tokio::task::yield_now` it does not
/// poll the IO driver in between, which would cost more than it saves.
async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether an answer says of itself that it is no stream: a page of a portal in between, or an error with status 200.
fn is_no_stream(response: &reqwest::Response) -> bool {
    let kind = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_lowercase();
    kind.contains("html") || kind.starts_with("application/json")
}

fn no_stream(provider: &Provider, dialect: Dialect, bytes: &[u8]) -> Error {
    let answer = serde_json::from_slice(bytes).ok().and_then(|value| dialect.decode_answer(&value).ok());
    match answer {
        Some(Answer { failed: Some(failed), .. }) => provider.refused(&failed),
        Some(_) => provider.garbled(b"a whole answer where a stream was asked for"),
        None => provider.garbled(bytes),
    }
}

/// Shows bytes to the client. From here on nobody else is asked.
async fn show(sink: &Sink, progress: &mut CallProgress, bytes: Bytes) -> Result<(), Error> {
    progress.has_shown = true;
    if let Some(gathered) = &mut progress.gathered {
        gathered.extend_from_slice(&bytes);
    }
    sink.push(Piece::Bytes(bytes)).await.map_err(|_left| Error::CallerLeft)
}

/// The bytes that end a stream which cannot go on.
pub(super) fn terminal(dialect: Dialect, error: &Error) -> Bytes {
    let mut frames = Vec::new();
    if dialect == Dialect::Chat {
        // Runs read this dialect, and want to know whether and when it is worth another try.
        let mut body = dialect.encode_failure(&error.failure());
        body["error"]["kind"] = json!(error.kind());
        if let Some(seconds) = error.retry_after_s() {
            body["error"]["retry_after_s"] = json!(seconds);
        }
        frames.push(Frame::plain(body.to_string()));
    } else {
        dialect.terminal(&error.failure(), &Context::default(), &mut frames);
    }
    let mut out = BytesMut::new();
    frames.iter().for_each(|frame| frame.write_sse(&mut out));
    out.freeze()
}
