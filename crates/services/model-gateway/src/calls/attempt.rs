//! Attempts: one deployment after another until one shows its first bytes, and from then on that one to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::HeaderMap;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use septet_kernel::Caller;
use septet_protocols::{Answer, Context, Dialect, Quirks, Usage};
use septet_providers::Operation;
use septet_routing::{FaultKind, Retry, Step, Walk};
use tracing::{debug, info};

use super::course::Course;
use super::{Call, Calls, LAST_WORDS, Work};
use crate::asked::{Asked, with_fields};
use crate::config::Unsupported;
use crate::deployment::{Backend, Deployment, moment};
use crate::error::Error;
use crate::meter::Meter;
use crate::offline;
use crate::provider::Provider;
use crate::quota::Who;
use crate::recording::{Head, Piece, Sink};
use crate::registry::{Member, Plan};
use crate::wire::{Wire, Wish};

/// The bytes of a provider.
type Bytestream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A stream whose first bytes are there.
struct Opened {
    wire: Wire,
    rest: Bytestream,
    first: BytesMut,
    provider: Option<Arc<Provider>>,
}

impl Calls {
    /// Makes an answer and sees it to its record.
    pub(super) async fn live(&self, caller: &Caller, call: &Call, sink: &Sink) {
        let mut course = Course::new(call, caller, &self.clock);
        let stopping = self.lifecycle.stopping();
        let outcome = tokio::select! {
            outcome = self.answer(caller, call, sink, &mut course) => outcome,
            () = sink.left() => Err(Error::CallerLeft),
            () = async { stopping.cancelled().await; tokio::time::sleep(LAST_WORDS).await } => Err(Error::Stopping),
        };
        let (last, outcome) = match outcome {
            Ok(last) => (last, Ok(())),
            // The client has seen a beginning, so it is told in its own protocol that there is no end.
            Err(error) if course.has_shown => (terminal(call.dialect(), &error), Err(error)),
            Err(error) => (Bytes::new(), Err(error)),
        };
        let settled = self.settle(caller, call, sink, &last, course, outcome).await;
        // A reader that has left needs no ending.
        if !last.is_empty() {
            let _left = sink.push(Piece::Bytes(last)).await;
            sink.end(None).await;
        } else {
            sink.end(settled.err()).await;
        }
    }

    /// Reserves, and asks until there is an answer. Gives the last bytes, which are shown after the record is safe.
    async fn answer(&self, caller: &Caller, call: &Call, sink: &Sink, course: &mut Course) -> Result<Bytes, Error> {
        let plan = Arc::new(self.registry.plan(&call.model, call.kind()).await?);
        course.plan = Some(Arc::clone(&plan));
        course.gathered = crate::cache::is_wanted(call, &plan).then(BytesMut::new);
        course.route = plan.is_route.then(|| plan.name.clone());
        if course.context.model.is_empty() {
            course.context.model.clone_from(&plan.name);
        }
        if let Some(cached) = self.cache.get(caller.tenant, call, &plan).await {
            course.is_cached = true;
            let head = Head { deployment: cached.deployment.clone(), replayed: Some("cached"), ..Head::default() };
            sink.push(Piece::Head(head)).await.map_err(|_left| Error::CallerLeft)?;
            return Ok(cached.body.clone());
        }
        self.recorder.check_room()?;
        course.hold = self.reserve(caller, call, &plan).await?;
        let tenant = caller.tenant.to_string();
        let mut rng = SmallRng::from_os_rng();
        let mut failed = None;
        for stage in &plan.stages {
            let choice = self.order(call, &tenant, &plan.name, stage, &mut rng);
            course.reason = choice.reason.to_string();
            let mut walk = Walk::new(&choice, Retry { n: plan.route.retries, ..Retry::default() });
            let mut step = walk.first();
            while let Step::Try { index, pause } = step {
                let Some(member) = stage.members.get(index) else { break };
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                let error = match self.attempt(call, &plan, member, sink, course).await {
                    Ok(last) => return Ok(last),
                    Err(error) => error,
                };
                if course.has_shown {
                    return Err(error);
                }
                let fault = error.fault();
                step = walk.after(&fault, &mut rng);
                if let Step::Try { .. } = step {
                    debug!(
                        deployment = member.deployment.id,
                        error.code = septet_kernel::Failure::code(&error),
                        "model call failed, trying again"
                    );
                }
                // What a resting deployment did not say hides nothing that another one said.
                if failed.is_none() || fault.kind != FaultKind::Shut {
                    failed = Some(error);
                }
            }
            // What every provider would refuse is not asked of the next route.
            if failed.as_ref().is_some_and(|error| error.fault().kind == FaultKind::Refused) {
                break;
            }
            if plan.stages.len() > 1 {
                info!(route = plan.name, "no deployment of this stage answered, falling back");
            }
        }
        Err(failed.unwrap_or_else(|| Error::AllOpen {
            name: plan.name.clone(),
            last: String::new(),
            retry_after_ms: None,
        }))
    }

    async fn reserve(&self, caller: &Caller, call: &Call, plan: &Plan) -> Result<Option<crate::quota::Hold>, Error> {
        if self.quota.is_empty() {
            return Ok(None);
        }
        let who = Who {
            caller,
            key: call.pass.as_ref().map(|pass| pass.name.as_str()),
            group: call.pass.as_ref().and_then(|pass| pass.group.as_deref()),
        };
        let worst = super::settle::worst_case(call, plan);
        let id = self.ids.next::<septet_kernel::RecordId>().to_string();
        self.quota.reserve(&who, id, worst, &self.clock).await
    }

    /// Asks one deployment.
    async fn attempt(
        &self,
        call: &Call,
        plan: &Plan,
        member: &Member,
        sink: &Sink,
        course: &mut Course,
    ) -> Result<Bytes, Error> {
        let deployment = &member.deployment;
        let now = || moment(self.clock.now_ms());
        let Some(mut permit) = deployment.breaker.try_enter(now()) else {
            let until = deployment.breaker.state(now()).until_ms.map(|until| until.saturating_sub(now()));
            let last = deployment.last_failure();
            return Err(Error::AllOpen { name: plan.name.clone(), last, retry_after_ms: until });
        };
        let mut flight = deployment.pace.enter(now());
        course.deployment = Some(Arc::clone(deployment));
        course.n_attempts += 1;
        course.meter = Meter::default();
        let outcome = match &call.work {
            Work::Chat(asked) if asked.stream => {
                let mut opened = self.open(call, asked, plan, deployment, course).await;
                if let Err(Error::Refused { message, .. }) = &opened
                    && message.contains("stream_options")
                    && !deployment.refuses_options.swap(true, Ordering::Relaxed)
                {
                    debug!(deployment = deployment.id, "provider does not know stream_options, asking without");
                    opened = self.open(call, asked, plan, deployment, course).await;
                }
                match opened {
                    Ok((opened, dropped)) => {
                        permit.alive(now());
                        flight.first_token(now());
                        course.first_token_at_ms = Some(self.clock.now_ms());
                        let head = self.head(deployment, course, dropped);
                        sink.push(Piece::Head(head)).await.map_err(|_left| Error::CallerLeft)?;
                        self.deliver(asked, opened, deployment, sink, course).await
                    }
                    Err(error) => Err(error),
                }
            }
            Work::Chat(asked) => match self.whole(call, asked, plan, deployment, course).await {
                Ok((body, dropped)) => {
                    sink.push(Piece::Head(self.head(deployment, course, dropped)))
                        .await
                        .map_err(|_left| Error::CallerLeft)?;
                    Ok(body)
                }
                Err(error) => Err(error),
            },
            Work::Embed(_) | Work::Rerank(_) => match self.other(call, deployment, course).await {
                Ok(body) => {
                    sink.push(Piece::Head(self.head(deployment, course, Vec::new())))
                        .await
                        .map_err(|_left| Error::CallerLeft)?;
                    Ok(body)
                }
                Err(error) => Err(error),
            },
        };
        match &outcome {
            Ok(_) => {
                permit.good(now());
                let output = course.meter.count(|| 0, true).usage.output;
                flight.done(now(), output);
            }
            Err(error) => {
                let fault = error.fault();
                if fault.kind.is_sickness() {
                    deployment.failed(error.to_string());
                    permit.bad(now(), fault);
                    flight.failed(now());
                } else {
                    permit.neither();
                    flight.left(now());
                }
            }
        }
        outcome
    }

    fn head(&self, deployment: &Deployment, course: &Course, dropped: Vec<String>) -> Head {
        Head { deployment: deployment.id.clone(), reason: course.reason.clone(), dropped, replayed: None }
    }

    /// Opens a stream and reads it up to the first bytes for the client.
    async fn open(
        &self,
        call: &Call,
        asked: &Asked,
        plan: &Plan,
        deployment: &Deployment,
        course: &mut Course,
    ) -> Result<(Opened, Vec<String>), Error> {
        let price = |usage: &Usage| deployment.tariff.cost(usage);
        let wish = Wish { context: course.context.clone(), shows_cost: call.run.is_some() };
        match &deployment.backend {
            Backend::Offline => {
                let request = chat_request(asked)?;
                let clock = self.clock.clone();
                let pieces = self
                    .cpu
                    .run(move || offline::events(&request, &clock))
                    .await
                    .map_err(|_panicked| Error::Analyst)?;
                let mut wire = Wire::new(Dialect::Chat, asked.dialect, wish);
                let mut rest = futures::stream::iter(pieces.into_iter().map(Ok)).boxed();
                let first = rest.next().await.transpose()?.unwrap_or_default();
                let first = wire.chunk(&first, &mut course.meter, &price).map_err(|_bug| Error::Analyst)?;
                Ok((Opened { wire, rest, first, provider: None }, Vec::new()))
            }
            Backend::Local { name, .. } => Err(Error::NotOffered { provider: name.to_string(), what: "chat" }),
            Backend::Remote(provider) => {
                let (dialect, body, dropped) = encoded(asked, plan, deployment, provider)?;
                let operation = Operation::Chat { dialect, stream: true };
                let limit = provider.patience.first_byte;
                let opening = async {
                    let headers = client_headers(call);
                    let sent = provider.send(operation, deployment.model.upstream(), body, headers.as_ref());
                    let response = sent.await?;
                    if is_no_stream(&response) {
                        let bytes = provider.read(response, 1 << 20).await?;
                        return Err(no_stream(provider, dialect, &bytes));
                    }
                    let owner = Arc::clone(provider);
                    let mut rest =
                        response.bytes_stream().map(move |chunk| chunk.map_err(|_broken| owner.cut_off())).boxed();
                    let mut wire = Wire::new(dialect, asked.dialect, wish.clone());
                    loop {
                        let chunk = rest.next().await.transpose()?;
                        let is_end = chunk.is_none();
                        let out = match &chunk {
                            Some(chunk) => wire.chunk(chunk, &mut course.meter, &price),
                            None => wire.end(&mut course.meter, &price, |meter| estimated(asked, meter)),
                        };
                        let first = out.map_err(|bad| provider.unreadable(&bad))?;
                        if let Some(failed) = wire.failed() {
                            return Err(provider.refused(failed));
                        }
                        if !first.is_empty() || is_end {
                            return Ok(Opened { wire, rest, first, provider: Some(Arc::clone(provider)) });
                        }
                    }
                };
                let opened = tokio::time::timeout(limit, opening)
                    .await
                    .unwrap_or_else(|_elapsed| Err(provider.silent("sent nothing", limit.as_secs())))?;
                Ok((opened, dropped))
            }
        }
    }

    /// Passes the rest of a stream on. Gives the last bytes.
    async fn deliver(
        &self,
        asked: &Asked,
        opened: Opened,
        deployment: &Deployment,
        sink: &Sink,
        course: &mut Course,
    ) -> Result<Bytes, Error> {
        let Opened { mut wire, mut rest, first, provider } = opened;
        let price = |usage: &Usage| deployment.tariff.cost(usage);
        let idle = provider.as_ref().map_or(Duration::from_secs(60), |provider| provider.patience.idle);
        let mut n_bytes = first.len();
        if !first.is_empty() {
            show(sink, course, first.freeze()).await?;
        }
        loop {
            let chunk = match tokio::time::timeout(idle, rest.next()).await {
                Ok(chunk) => chunk.transpose(),
                Err(_elapsed) => Err(match &provider {
                    Some(provider) => provider.silent("fell silent in the middle of the answer", idle.as_secs()),
                    None => Error::Analyst,
                }),
            };
            // Some servers close the connection rudely after a complete answer.
            let chunk = match chunk {
                Err(Error::CutOff { .. }) => None,
                other => other?,
            };
            let out = match &chunk {
                Some(chunk) => wire.chunk(chunk, &mut course.meter, &price),
                None => wire.end(&mut course.meter, &price, |meter| estimated(asked, meter)),
            };
            let mut out = out.map_err(|bad| match &provider {
                Some(provider) => provider.unreadable(&bad),
                None => Error::Analyst,
            })?;
            if !out.is_empty() && (chunk.is_some() || wire.failed().is_some()) {
                n_bytes += out.len();
                show(sink, course, out.split().freeze()).await?;
            }
            if let (Some(failed), Some(provider)) = (wire.failed(), &provider) {
                return Err(provider.refused(failed));
            }
            if n_bytes > self.max_answer_bytes {
                return Err(Error::TooLong { max_bytes: self.max_answer_bytes });
            }
            if chunk.is_none() {
                course.is_complete = true;
                return Ok(out.freeze());
            }
            if let Some(hold) = &mut course.hold {
                hold.renew(&self.clock).await;
            }
        }
    }

    /// A whole answer.
    async fn whole(
        &self,
        call: &Call,
        asked: &Asked,
        plan: &Plan,
        deployment: &Deployment,
        course: &mut Course,
    ) -> Result<(Bytes, Vec<String>), Error> {
        let (from, body, dropped, provider) = match &deployment.backend {
            Backend::Offline => {
                let request = chat_request(asked)?;
                let clock = self.clock.clone();
                let whole =
                    self.cpu.run(move || offline::whole(&request, &clock)).await.map_err(|_panicked| Error::Analyst)?;
                (Dialect::Chat, Bytes::from(whole.to_string()), Vec::new(), None)
            }
            Backend::Local { name, .. } => {
                return Err(Error::NotOffered { provider: name.to_string(), what: "chat" });
            }
            Backend::Remote(provider) => {
                let (dialect, body, dropped) = encoded(asked, plan, deployment, provider)?;
                let operation = Operation::Chat { dialect, stream: false };
                let headers = client_headers(call);
                let model = deployment.model.upstream();
                let body = provider.whole(operation, model, body, headers.as_ref(), self.max_answer_bytes).await?;
                (dialect, body, dropped, Some(provider))
            }
        };
        let shown = self.translated(from, asked.dialect, &body, call, deployment, course).map_err(|bad| match bad {
            Bad::Unreadable(bad) => provider.map_or(Error::Analyst, |provider| provider.unreadable(&bad)),
            Bad::Failed(failed) => provider.map_or(Error::Analyst, |provider| provider.refused(&failed)),
        })?;
        course.is_complete = true;
        Ok((shown, dropped))
    }
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
async fn show(sink: &Sink, course: &mut Course, bytes: Bytes) -> Result<(), Error> {
    course.has_shown = true;
    if let Some(gathered) = &mut course.gathered {
        gathered.extend_from_slice(&bytes);
    }
    sink.push(Piece::Bytes(bytes)).await.map_err(|_left| Error::CallerLeft)
}

/// The figures that the provider did not say.
pub(super) fn estimated(asked: &Asked, meter: &Meter) -> Usage {
    meter.count(|| asked.input_tokens(), true).usage
}

/// What can be wrong with a whole answer.
pub(super) enum Bad {
    Unreadable(septet_protocols::Unreadable),
    Failed(septet_protocols::Failure),
}

/// The request in the provider's dialect, and what it has no words for.
fn encoded(
    asked: &Asked,
    plan: &Plan,
    deployment: &Deployment,
    provider: &Provider,
) -> Result<(Dialect, Vec<u8>, Vec<String>), Error> {
    let Some(dialect) = provider.dialect(asked.dialect) else {
        return Err(Error::NotOffered { provider: provider.name.to_string(), what: "chat" });
    };
    let refuses_options = deployment.refuses_options.load(Ordering::Relaxed);
    let quirks = provider.kind().facts().quirks;
    let quirks = Quirks { no_stream_options: quirks.no_stream_options || refuses_options, ..quirks };
    let model = deployment.model.upstream();
    if dialect == asked.dialect {
        let mut changes = vec![("model", Some(serde_json::Value::from(model).to_string()))];
        if dialect == Dialect::Chat && asked.stream {
            let options = (!quirks.no_stream_options).then(|| "{\"include_usage\":true}".to_owned());
            changes.push(("stream_options", options));
        }
        return Ok((dialect, with_fields(&asked.body, &changes).map_err(Error::Wrong)?, Vec::new()));
    }
    let mut request = asked.whole().map_err(Error::Wrong)?;
    request.model = model.to_owned();
    let septet_protocols::Encoded { body, dropped } = dialect.encode_request(&request, &quirks);
    if let Some(first) = dropped.first()
        && plan.route.unsupported == Unsupported::Refuse
    {
        let (param, names) = (first.clone(), dropped.join(", "));
        return Err(Error::Unsupported { deployment: deployment.id.clone(), names, param });
    }
    Ok((dialect, body.to_string().into_bytes(), dropped))
}

/// The request as the analyst reads it.
fn chat_request(asked: &Asked) -> Result<septet_contracts::models::ChatRequest, Error> {
    let body = if asked.dialect == Dialect::Chat {
        serde_json::from_slice(&asked.body)
    } else {
        let request = asked.whole().map_err(Error::Wrong)?;
        let encoded = Dialect::Chat.encode_request(&request, &septet_protocols::Quirks::default());
        serde_json::from_value(encoded.body)
    };
    body.map_err(|bad| Error::Wrong(bad.into()))
}

fn client_headers(call: &Call) -> Option<HeaderMap> {
    let beta = call.beta.clone()?;
    Some(HeaderMap::from_iter([(http::HeaderName::from_static("anthropic-beta"), beta)]))
}

/// The bytes that end a stream which cannot go on.
pub(super) fn terminal(dialect: Dialect, error: &Error) -> Bytes {
    let mut frames = Vec::new();
    dialect.terminal(&error.failure(), &Context::default(), &mut frames);
    let mut out = BytesMut::new();
    frames.iter().for_each(|frame| frame.write_sse(&mut out));
    out.freeze()
}
