//! A call from its beginning to its record.
//!
//! Every call runs in a task of its own that writes a [`Recording`]; callers only read. So the record is written exactly
//! once however the caller goes: a call without a key ends when its caller leaves, one with a key goes on, since its
//! answer may be asked for again. The record is committed before the end of the answer is shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use septet_chassis::{Lifecycle, cpu::CpuPool};
use septet_contracts::models::{ChatRequest, UsageRecord, UsageStatus};
use septet_kernel::{Caller, Clock, Failure, Ids, TenantId, causes};
use serde_json::{Value, json};
use sha2::Digest;
use tokio_util::sync::DropGuard;
use tracing::{Instrument, Span, debug, error, warn};

use crate::config::ModelKind;
use crate::error::Error;
use crate::meter::Meter;
use crate::offline;
use crate::provider::Provider;
use crate::recording::{Piece, Reader, Recording};
use crate::registry::{Backend, Registry, Route};
use crate::store::{Store, Stored};

// What is running at shutdown may finish if it is quick about it; the platform waits longer than this.
const LAST_WORDS: Duration = Duration::from_secs(3);

type Key = (TenantId, String);

/// Starts calls and lets callers attach to running ones.
pub(crate) struct Calls {
    pub registry: Registry,
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub lifecycle: Lifecycle,
    pub cpu: CpuPool,
    pub max_answer_bytes: usize,
    pub answer_kept_ms: i64,
    pub running: Mutex<HashMap<Key, Arc<Recording>>>,
}

/// What is to be done.
#[derive(Clone)]
pub(crate) struct Call {
    pub work: Work,
    /// The name of the model as the caller wrote it.
    pub model: String,
    pub run: Option<String>,
    pub key: Option<String>,
}

/// The request itself.
#[derive(Clone)]
pub(crate) enum Work {
    Chat(Box<ChatRequest>),
    /// The body of an embeddings request.
    Embedding(Value),
}

/// An answer to read. While it is held, a call without a key goes on.
///
/// The reader is private for a reason: a closure that used it alone would capture it alone, and let go of the rest.
pub(crate) struct Answer {
    reader: Reader,
    /// `attached` to a running call or `stored`; absent for a new one.
    pub replayed: Option<&'static str>,
    held: Option<DropGuard>,
}

impl Answer {
    /// The next piece, once it is there; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        self.reader.next().await
    }
}

impl Calls {
    /// Begins a call, or attaches to the one with the same key, and waits for the first piece of the answer.
    pub(crate) async fn begin(self: &Arc<Self>, caller: &Caller, call: Call) -> Result<Answer, Error> {
        let recording = Recording::new(call.fingerprint());
        let mut answer = Answer { reader: recording.reader(), replayed: None, held: None };
        match &call.key {
            None => answer.held = Some(recording.cancel.clone().drop_guard()),
            Some(key) => {
                if let Some(reader) = self.attach((caller.tenant, key.clone()), &recording)? {
                    let mut attached = Answer { reader, replayed: Some("attached"), held: None };
                    attached.reader.first().await?;
                    return Ok(attached);
                }
            }
        }
        let task = Arc::clone(self).carry_out(caller.clone(), call, Arc::clone(&recording));
        let _runs_alone = self.lifecycle.spawn("model call", task.instrument(Span::current()));
        answer.reader.first().await?;
        answer.replayed = recording.is_stored().then_some("stored");
        Ok(answer)
    }

    /// Attaches to the running call with this key, or puts `recording` there as the one to attach to.
    fn attach(&self, key: Key, recording: &Arc<Recording>) -> Result<Option<Reader>, Error> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get(&key) {
            Some(known) if known.fingerprint != recording.fingerprint => Err(Error::KeyReused),
            Some(known) => Ok(Some(known.reader())),
            None => {
                running.insert(key, Arc::clone(recording));
                Ok(None)
            }
        }
    }

    async fn carry_out(self: Arc<Self>, caller: Caller, call: Call, recording: Arc<Recording>) {
        let end =
            End { calls: &self, key: call.key.as_ref().map(|key| (caller.tenant, key.clone())), recording: &recording };
        let started_at_ms = self.clock.now_ms();
        let mut progress = Progress { meter: Meter::new(&call.body()), route: None };
        let stopping = self.lifecycle.stopping();
        let outcome = tokio::select! {
            outcome = self.answer(&caller, &call, &recording, &mut progress) => outcome,
            () = recording.cancel.cancelled() => Err(Error::CallerLeft),
            () = async { stopping.cancelled().await; tokio::time::sleep(LAST_WORDS).await } => Err(Error::Stopping),
        };
        let outcome = if recording.is_stored() {
            outcome
        } else {
            self.settle(&caller, &call, &recording, &progress, started_at_ms, outcome).await
        };
        end.now(outcome);
    }

    /// Has the model answer and writes down what it says.
    async fn answer(
        &self,
        caller: &Caller,
        call: &Call,
        recording: &Recording,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        if let Some(key) = &call.key
            && let Some(stored) = self.store.answer(caller.tenant, key, self.clock.now_ms()).await?
        {
            if stored.fingerprint != recording.fingerprint {
                return Err(Error::KeyReused);
            }
            recording.replay(stored.pieces);
            return Ok(());
        }
        let kind = match call.work {
            Work::Chat(_) => ModelKind::Chat,
            Work::Embedding(_) => ModelKind::Embedding,
        };
        let route = self.registry.find(&call.model, kind).await?;
        progress.route = Some(route.clone());
        let is_stream = matches!(&call.work, Work::Chat(request) if request.stream);
        match (&route.backend, &call.work) {
            (Backend::Offline, Work::Chat(request)) => self.ask_analyst(request, recording, progress).await?,
            // No route of this kind leads to the analyst.
            (Backend::Offline, Work::Embedding(_)) => return Err(Error::Analyst),
            (Backend::Provider(provider), Work::Chat(_)) if is_stream => {
                self.ask_in_pieces(provider, &route, call, recording, progress).await?
            }
            (Backend::Provider(provider), _) => {
                let answer =
                    provider.whole(call.path(), &call.upstream_body(&route, false), self.max_answer_bytes).await?;
                progress.meter.see(&answer);
                recording.push(Piece::new(answer.to_string(), &Value::Null));
            }
        }
        if is_stream && let Some(usage) = progress.meter.own_usage() {
            let chunk =
                json!({"object": "chat.completion.chunk", "model": route.model.id, "choices": [], "usage": usage});
            recording.push(Piece::new(chunk.to_string(), &chunk));
        }
        Ok(())
    }

    async fn ask_analyst(
        &self,
        request: &ChatRequest,
        recording: &Recording,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let (asked, clock) = (request.clone(), self.clock.clone());
        if !request.stream {
            let mut answer =
                self.cpu.run(move || offline::whole(&asked, &clock)).await.map_err(|_panicked| Error::Analyst)?;
            progress.meter.see(&answer);
            if let Some(usage) = progress.meter.own_usage() {
                answer["usage"] = usage;
            }
            recording.push(Piece::new(answer.to_string(), &Value::Null));
            return Ok(());
        }
        for piece in self.cpu.run(move || offline::pieces(&asked, &clock)).await.map_err(|_panicked| Error::Analyst)? {
            progress.meter.see(&piece);
            recording.push(Piece::new(piece.to_string(), &piece));
            // Readers see it arrive, and one who leaves stops it.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn ask_in_pieces(
        &self,
        provider: &Provider,
        route: &Route,
        call: &Call,
        recording: &Recording,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let mut opened = provider.stream(call.path(), &call.upstream_body(route, true)).await.map(StreamExt::boxed);
        if let Err(Error::Refused { message, .. }) = &opened
            && message.contains("stream_options")
        {
            debug!(provider = &*provider.name, "provider does not know stream_options, asking without");
            opened = provider.stream(call.path(), &call.upstream_body(route, false)).await.map(StreamExt::boxed);
        }
        let mut pieces = opened?;
        let mut n_bytes = 0_usize;
        while let Some(data) = pieces.next().await {
            let data = data?;
            n_bytes += data.len();
            if n_bytes > self.max_answer_bytes {
                return Err(Error::TooLong { max_bytes: self.max_answer_bytes });
            }
            let parsed: Value = serde_json::from_str(&data).unwrap_or_default();
            progress.meter.see(&parsed);
            recording.push(Piece::new(data, &parsed));
        }
        Ok(())
    }

    /// Writes the usage record, if the provider may have charged, and keeps the answer of a keyed call.
    async fn settle(
        &self,
        caller: &Caller,
        call: &Call,
        recording: &Recording,
        progress: &Progress,
        started_at_ms: i64,
        outcome: Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(route) = &progress.route else { return outcome };
        let status = match &outcome {
            Ok(()) => UsageStatus::Completed,
            Err(Error::CallerLeft) => UsageStatus::Cancelled,
            Err(_) => UsageStatus::Failed,
        };
        metrics::counter!("septet_models_calls_total", "provider" => route.provider().to_owned(), "status" => status.as_str()).increment(1);
        match &outcome {
            Ok(()) => {}
            Err(error) if error.may_have_cost() => {
                debug!(provider = route.provider(), error.code = error.code(), "model call ended early");
            }
            Err(_) => return outcome,
        }
        let now_ms = self.clock.now_ms();
        let bill = progress.meter.bill(&route.model);
        metrics::counter!("septet_models_input_tokens_total", "provider" => route.provider().to_owned())
            .increment(bill.input_tokens);
        metrics::counter!("septet_models_output_tokens_total", "provider" => route.provider().to_owned())
            .increment(bill.output_tokens);
        let record = UsageRecord {
            id: self.ids.next(),
            tenant: caller.tenant,
            user: caller.user,
            key: caller.key,
            request: caller.request,
            run: call.run.clone(),
            model: route.model.id.clone(),
            provider: route.provider().to_owned(),
            input_tokens: bill.input_tokens,
            cached_tokens: bill.cached_tokens,
            output_tokens: bill.output_tokens,
            cost_nano: bill.cost.0,
            estimated: bill.estimated,
            started_at_ms,
            duration_ms: now_ms - started_at_ms,
            status,
            cursor: 0,
        };
        let stored = Stored { fingerprint: recording.fingerprint.clone(), pieces: recording.pieces() };
        // Only a complete answer is given again: a failed one should be tried anew.
        let kept =
            call.key.as_deref().filter(|_| outcome.is_ok()).map(|key| (key, &stored, now_ms + self.answer_kept_ms));
        let mut tried = self.store.record(&record, kept, now_ms).await;
        for _again in 0..2 {
            if let Err(error) = &tried {
                warn!(error.detail = %causes(error), "usage record not written, trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
                tried = self.store.record(&record, kept, now_ms).await;
            }
        }
        if let Err(failed) = tried {
            // The one thing that is left is to say it loudly enough for someone to book it by hand.
            error!(
                error.detail = %causes(&failed), usage.id = %record.id, tenant.id = %record.tenant, model = record.model, provider = record.provider,
                usage.input_tokens = record.input_tokens, usage.output_tokens = record.output_tokens, usage.cost_nano = record.cost_nano,
                "usage record lost"
            );
        }
        outcome
    }
}

struct Progress {
    meter: Meter,
    route: Option<Route>,
}

/// Ends a recording and lets its key go, also when the task is dropped or panics: readers never wait in vain.
struct End<'a> {
    calls: &'a Calls,
    key: Option<Key>,
    recording: &'a Recording,
}

impl End<'_> {
    fn now(self, outcome: Result<(), Error>) {
        self.forget();
        self.recording.end(outcome);
    }

    fn forget(&self) {
        if let Some(key) = &self.key {
            self.calls.running.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.forget();
        self.recording.end(Err(Error::Stopping));
    }
}

impl Call {
    fn body(&self) -> Value {
        match &self.work {
            // A request that came as JSON goes back to JSON.
            Work::Chat(request) => serde_json::to_value(request).unwrap_or_default(),
            Work::Embedding(body) => body.clone(),
        }
    }

    fn path(&self) -> &'static str {
        match self.work {
            Work::Chat(_) => "/chat/completions",
            Work::Embedding(_) => "/embeddings",
        }
    }

    /// What the provider is sent: its own name for the model, and for a stream the wish for usage at its end.
    fn upstream_body(&self, route: &Route, with_usage: bool) -> Value {
        let mut body = self.body();
        body["model"] = json!(route.model.upstream());
        if with_usage {
            if !body["stream_options"].is_object() {
                body["stream_options"] = json!({});
            }
            body["stream_options"]["include_usage"] = json!(true);
        } else if let Some(fields) = body.as_object_mut() {
            fields.remove("stream_options");
        }
        body
    }

    /// What is asked, hashed. Whether usage is wanted does not matter: that is decided for each reader.
    fn fingerprint(&self) -> String {
        let mut body = self.body();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("stream_options");
        }
        hex::encode(sha2::Sha256::digest(format!("{} {body}", self.path())))
    }
}
