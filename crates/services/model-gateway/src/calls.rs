//! A call from its beginning to its record.
//!
//! ```text
//!   reserve budgets ─► plan: stages of deployments ─► attempts, each with its money kept back,
//!                                                     until one shows its first bytes ─► the rest ─┐
//!   last bytes to the reader ◄─ settle budgets and account ◄─ record on disk ◄────────────────────┘
//! ```
//!
//! Every call runs in a task of its own; callers only read. So the record is written exactly once however the caller
//! goes: a call without a key ends when its caller leaves, one with a key goes on, since its answer may be asked for
//! again, until it is cancelled by its key. The record is safe before the end of the answer is shown.

mod attempt;
mod cancel;
mod estimate;
mod funds;
mod judge;
mod live;
pub(crate) mod makers;
mod order;
mod other;
mod progress;
mod request;
mod settle;
mod stream;
mod whole;
mod worst;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use septet_chassis::{Lifecycle, cpu::CpuPool};
use septet_kernel::{Caller, Clock, Ids, TenantId};
use septet_protocols::Dialect;
use septet_routing::Expected;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, warn};

pub(crate) use self::cancel::Cancelled;
use crate::accounts::Accounts;
use crate::cache::Cache;
use crate::call::ModelCall;
use crate::difficulty::Difficulty;
use crate::error::Error;
use crate::quota::Quota;
use crate::recorder::Recorder;
use crate::recording::{Head, Piece, Reader, Recording, Sink};
use crate::registry::Registry;
use crate::store::Store;

// How long calls may go on after shutdown begins, and how long they then have to write their records; the platform
// waits longer than both together.
const CALL_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
const RECORD_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

type Key = (TenantId, String);

/// Starts calls and lets callers attach to running ones.
pub(crate) struct Calls {
    pub registry: Registry,
    pub store: Store,
    pub recorder: Recorder,
    pub quota: Quota,
    pub accounts: Accounts,
    pub cache: Cache,
    pub expected: Expected,
    pub difficulty: Difficulty,
    pub clock: Clock,
    pub ids: Ids,
    pub lifecycle: Lifecycle,
    pub cpu: CpuPool,
    pub max_answer_bytes: usize,
    pub answer_kept_ms: i64,
    pub running: Mutex<HashMap<Key, Arc<Recording>>>,
    pub cancelled: Cancelled,
    /// The calls that have not written their records yet.
    pub under_way: TaskTracker,
}

/// An answer to read. While it is held, a call without a key goes on.
pub(crate) struct Answer {
    reader: Reader,
    dialect: Dialect,
}

impl Answer {
    /// The next piece, once it is there; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        self.reader.next().await
    }

    /// The next bytes of a stream whose beginning was shown. A failure that the call could not tell any more is told
    /// here.
    pub(crate) async fn bytes(&mut self) -> Option<Bytes> {
        loop {
            match self.reader.next().await? {
                Ok(Piece::Bytes(bytes)) => return Some(bytes),
                Ok(Piece::Head(_)) => {}
                Err(error) => return Some(stream::terminal(self.dialect, &error)),
            }
        }
    }
}

impl Calls {
    /// Begins a call, or attaches to the one with the same key.
    pub(crate) async fn begin(self: &Arc<Self>, caller: &Caller, call: ModelCall) -> Result<Answer, Error> {
        let dialect = call.dialect();
        let (sink, reader) = match &call.key {
            None => Sink::live(),
            Some(key) => {
                let recording = Recording::new(call.fingerprint());
                let key = (caller.tenant, key.clone());
                if let Some(running) = self.attach(key, &recording)? {
                    let reader = running.reader(call.offset);
                    return Ok(Answer { reader: reader.attached(), dialect });
                }
                let reader = recording.reader(call.offset);
                (Sink::Kept(recording), reader)
            }
        };
        let task = self.under_way.track_future(Arc::clone(self).carry_out(caller.clone(), call, sink));
        let _runs_alone = self.lifecycle.spawn("model call", task.instrument(Span::current()));
        Ok(Answer { reader, dialect })
    }

    /// The running call with this key, or nothing, and then `recording` is there as the one to attach to.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::KeyReused`].
    fn attach(&self, key: Key, recording: &Arc<Recording>) -> Result<Option<Arc<Recording>>, Error> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cancelled.has(&key, self.clock.now_ms()) {
            return Err(Error::Cancelled);
        }
        match running.get(&key) {
            Some(known) if known.fingerprint != recording.fingerprint => Err(Error::KeyReused),
            Some(known) => Ok(Some(Arc::clone(known))),
            None => {
                running.insert(key, Arc::clone(recording));
                Ok(None)
            }
        }
    }

    /// Shuts down in order: the last calls, then what budgets counted, then the last records.
    pub(crate) async fn see_out(&self) {
        self.lifecycle.stopping().cancelled().await;
        self.under_way.close();
        if tokio::time::timeout(CALL_SHUTDOWN_TIMEOUT + RECORD_SHUTDOWN_TIMEOUT, self.under_way.wait()).await.is_err() {
            warn!(calls.n_under_way = self.under_way.len(), "model calls are cut off by shutdown");
        }
        self.accounts.close();
        self.quota.flush().await;
        self.recorder.finish();
    }

    async fn carry_out(self: Arc<Self>, caller: Caller, call: ModelCall, sink: Sink) {
        let key = call.key.as_ref().map(|key| (caller.tenant, key.clone()));
        let _end = End { calls: &self, key, sink: &sink };
        if let Some(failed) = self.replay(&caller, &call, &sink).await {
            sink.end(failed.err()).await;
            return;
        }
        self.live(&caller, &call, &sink).await;
    }

    /// Gives the answer that was given under this key before; `None` when there is none.
    async fn replay(&self, caller: &Caller, call: &ModelCall, sink: &Sink) -> Option<Result<(), Error>> {
        let (Some(key), Sink::Kept(recording)) = (&call.key, sink) else { return None };
        let stored = match self.store.answer(caller.tenant, key, self.clock.now_ms()).await {
            Ok(stored) => stored?,
            Err(error) => return Some(Err(error)),
        };
        if stored.fingerprint != recording.fingerprint {
            return Some(Err(Error::KeyReused));
        }
        let head = Head { deployment: stored.deployment, replayed: Some("stored"), ..Head::default() };
        // A recording takes every piece.
        let _kept = sink.push(Piece::Head(head)).await;
        let _kept = sink.push(Piece::Bytes(stored.body.into())).await;
        Some(Ok(()))
    }
}

/// Ends a recording and frees its key, also when the task is dropped or panics: readers never wait for ever.
struct End<'a> {
    calls: &'a Calls,
    key: Option<Key>,
    sink: &'a Sink,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.calls.running.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
        if let Sink::Kept(recording) = self.sink {
            recording.end(Err(Error::Stopping));
        }
    }
}
