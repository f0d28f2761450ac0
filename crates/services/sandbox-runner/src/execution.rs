//! Executions: code that runs once, and whose events everyone gets who asks.
//!
//! With a key, the row is written after the walls stand and before the code is handed over. So a row without events
//! that is not running here means: it may have begun, and the process that ran it died. It is then reported as killed and
//! never started again; the code ran at most once. When the walls cannot be built there is no row, and the same key
//! may try again.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use septet_contracts::sandbox::{
    ErrorReport, ExecutionEvent, ExecutionResult, Language, Limits, MAX_LIMIT_BYTES, MAX_PROCESSES, MAX_TIMEOUT_MS,
    NewExecution, Outcome,
};
use septet_kernel::{ContainerId, ExecutionId, TenantId};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use tracing::{info, warn};

use crate::active::ActiveContainer;
use crate::container::{File, Source};
use crate::driver::{self, Cause, Changes, Ended, Entered, FoundFile, Raised, RunSpec, Said, Session, Shown, Signals};
use crate::log::Log;
use crate::running::RunningExecution;
use crate::sandbox::Sandbox;
use crate::store::Stored;
use crate::{Error, metrics, wire};

/// What is added to the longest wall time before a row without events counts as abandoned.
const OVERDUE_MARGIN_MS: i64 = 120_000;

/// How many wardens may die before the code is handed over, until that is an error.
const ATTEMPTS: usize = 3;

/// A container whose lock is held, and the worker that was made ready in it.
type ReadyWorker = (Arc<ActiveContainer>, OwnedMutexGuard<Option<Box<dyn Session>>>, Box<dyn Entered>);

/// The events of an execution, from its first.
pub(crate) type Events = BoxStream<'static, ExecutionEvent>;

/// Walls, folder and code, before the start.
struct Prepared {
    id: ExecutionId,
    container: ContainerId,
    spec: RunSpec,
    language: Language,
    active: Arc<ActiveContainer>,
    open: OwnedMutexGuard<Option<Box<dyn Session>>>,
    entered: Box<dyn Entered>,
}

impl Sandbox {
    /// Runs the code, or joins in when its key has been seen.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        tenant: TenantId,
        container: ContainerId,
        new: NewExecution,
        key: Option<String>,
    ) -> Result<Events, Error> {
        if new.code.len() > self.config.code_bytes {
            return Err(Error::CodeTooLarge { n_bytes: new.code.len(), limit_bytes: self.config.code_bytes });
        }
        check_limits(&new)?;
        let Some(key) = key else {
            // An expired or foreign container is refused before anybody waits.
            self.usable(tenant, container).await?;
            let prepared = self.prepare(tenant, container, new).await?;
            let (log, signals) = (Log::new(), Signals::default());
            self.spawn(prepared, log.clone(), signals.clone(), None);
            // Without a key nobody can ask for it again, so it is cancelled when its only reader leaves.
            let guard = signals.cancel.drop_guard();
            return Ok(log
                .follow()
                .map(move |event| {
                    let _while_followed = &guard;
                    event
                })
                .boxed());
        };
        self.store.container(tenant, container).await?;
        let code_sha256 = fingerprint(&new);
        let live = RunningExecution { code_sha256: code_sha256.clone(), log: Log::new(), signals: Signals::default() };
        {
            let mut running = self.running.lock().await;
            if let Some(live) = running.get(&(container, key.clone())) {
                return if live.code_sha256 == code_sha256 {
                    Ok(live.log.follow().boxed())
                } else {
                    Err(Error::KeyReused)
                };
            }
            if let Some(stored) = self.store.execution(container, &key).await? {
                return if stored.code_sha256 == code_sha256 { self.replay(stored) } else { Err(Error::KeyReused) };
            }
            running.insert((container, key.clone()), live.clone());
        }
        // From here on others may be following the log, so it must come to an end whatever happens: the task below
        // sees to it even when our caller leaves.
        let (sandbox, log, signals) = (Arc::clone(self), live.log.clone(), live.signals.clone());
        let (tell, told) = tokio::sync::oneshot::channel();
        self.lifecycle.spawn("start an execution", async move {
            let begun = sandbox.begin(tenant, container, new, &key, code_sha256).await;
            match begun {
                Ok(prepared) => {
                    tell.send(Ok(())).ok();
                    sandbox.spawn(prepared, log, signals, Some((container, key)));
                }
                Err(error) => {
                    log.add(never_began(&error));
                    sandbox.running.lock().await.remove(&(container, key));
                    tell.send(Err(error)).ok();
                }
            }
        });
        match told.await {
            Ok(Ok(())) => Ok(live.log.follow().boxed()),
            Ok(Err(error)) => Err(error),
            Err(_aborted) => Err(Error::Driver(crate::driver::Error::Lost)),
        }
    }

    /// Kills the execution that runs here under a key. One that has ended, or was never started, is left as it is.
    pub(crate) async fn stop(&self, tenant: TenantId, container: ContainerId, key: String) -> Result<(), Error> {
        self.store.container(tenant, container).await?;
        if let Some(live) = self.running.lock().await.get(&(container, key)) {
            live.signals.cancel.cancel();
        }
        Ok(())
    }

    /// Has the code that runs in a container raise `KeyboardInterrupt`.
    pub(crate) async fn interrupt(&self, tenant: TenantId, container: ContainerId) -> Result<(), Error> {
        self.store.container(tenant, container).await?;
        let current = self.active.existing(container).and_then(|active| active.current());
        current.ok_or(Error::NothingRuns(container))?.interrupt.cancel();
        Ok(())
    }

    async fn begin(
        &self,
        tenant: TenantId,
        container: ContainerId,
        new: NewExecution,
        key: &str,
        code_sha256: String,
    ) -> Result<Prepared, Error> {
        self.usable(tenant, container).await?;
        let prepared = self.prepare(tenant, container, new).await?;
        let now_ms = self.clock.now_ms();
        let limit_ms = i64::try_from(self.config.timeout_max_ms).unwrap_or(i64::MAX / 2);
        let row = Stored {
            id: prepared.id,
            code_sha256,
            over_by_ms: now_ms.saturating_add(limit_ms) + OVERDUE_MARGIN_MS,
            events: None,
        };
        if !self.store.begin(container, key, &row, now_ms).await? {
            return Err(Error::RunsElsewhere);
        }
        Ok(prepared)
    }

    async fn prepare(&self, tenant: TenantId, container: ContainerId, new: NewExecution) -> Result<Prepared, Error> {
        let (active, open, entered) = self.enter(tenant, container, new.stateful).await?;
        let spec = self.run_spec(new.language.name(), new.code, new.timeout_ms, &new.limits);
        Ok(Prepared { id: self.ids.next(), container, spec, language: new.language, active, open, entered })
    }

    /// A worker in a container. A warden that dies before the code is handed over is no reason to refuse: the session is
    /// opened anew, from its files.
    async fn enter(&self, tenant: TenantId, container: ContainerId, keep: bool) -> Result<ReadyWorker, Error> {
        let mut n_left = ATTEMPTS;
        loop {
            n_left -= 1;
            let (active, open) = match self.activate(tenant, container).await {
                Err(Error::Driver(driver::Error::Lost)) if n_left > 0 => continue,
                other => other?,
            };
            let Some(session) = open.as_deref() else { return Err(Error::NoContainer(container)) };
            match session.enter(keep).await {
                Ok(entered) => return Ok((active, open, entered)),
                Err(driver::Error::Lost) if n_left > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Code with its limits, each lowered to what the settings allow.
    pub(crate) fn run_spec(&self, language: &str, code: String, timeout_ms: Option<u64>, limits: &Limits) -> RunSpec {
        let config = &self.config;
        RunSpec {
            language: language.to_owned(),
            code,
            timeout: config.timeout(timeout_ms),
            memory_bytes: limits.memory_bytes.unwrap_or(config.memory_bytes).clamp(64 << 20, config.memory_bytes),
            n_processes: limits.processes.unwrap_or(config.n_processes).clamp(4, config.n_processes),
            output_bytes: limits.output_bytes.unwrap_or(config.output_bytes).min(config.output_bytes),
        }
    }

    /// What is known of an execution that is not running here.
    fn replay(&self, stored: Stored) -> Result<Events, Error> {
        let events: Vec<ExecutionEvent> = match stored.events {
            Some(text) => serde_json::from_str(&text).map_err(|error| Error::BadRow(error.to_string()))?,
            None if self.store.is_ours_alone() || self.clock.now_ms() > stored.over_by_ms => {
                vec![ExecutionEvent::Started { execution: stored.id, fresh: true }, killed_with_service()]
            }
            None => return Err(Error::RunsElsewhere),
        };
        Ok(stream::iter(events).boxed())
    }

    fn spawn(self: &Arc<Self>, prepared: Prepared, log: Log, signals: Signals, key: Option<(ContainerId, String)>) {
        let sandbox = Arc::clone(self);
        self.lifecycle.spawn("run code", async move {
            let id = prepared.id;
            let done = sandbox.run(prepared, &log, &signals).await;
            let Some(key) = key else { return log.add(done) };
            let mut events = log.all();
            events.push(done.clone());
            match serde_json::to_string(&events) {
                Ok(text) => {
                    if let Err(error) = sandbox.store.finish(id, &text).await {
                        warn!(execution.id = %id, error = %septet_kernel::causes(&error), "the end of an execution was not written down");
                    }
                }
                Err(error) => warn!(execution.id = %id, %error, "the events of an execution are not JSON"),
            }
            // Added last, so that whoever sees the end finds it in the table too.
            log.add(done);
            sandbox.running.lock().await.remove(&key);
        });
    }

    /// Runs prepared code and tells everything but the end, which it gives back.
    async fn run(&self, prepared: Prepared, log: &Log, signals: &Signals) -> ExecutionEvent {
        let Prepared { id, container, spec, language, active, mut open, entered } = prepared;
        log.add(ExecutionEvent::Started { execution: id, fresh: entered.is_fresh() });
        let _current = active.begin(signals);
        let mut say = |said| {
            log.add(match said {
                Said::Stdout(text) => ExecutionEvent::Stdout { text },
                Said::Stderr(text) => ExecutionEvent::Stderr { text },
            });
        };
        let watch = async {
            active.gone.cancelled().await;
            signals.cancel.cancel();
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = entered.run(&spec, signals, &mut say) => ended,
            () = watch => return killed_with_service(),
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                warn!(execution.id = %id, error = %septet_kernel::causes(&error), "an execution broke off");
                *open = None;
                return never_began(&Error::Driver(error));
            }
        };
        for display in &ended.displays {
            log.add(ExecutionEvent::Display { mime: display.mime.clone(), text: display.text.clone() });
        }
        let is_cut = if active.gone.is_cancelled() {
            false
        } else {
            self.keep_files(&active, container, open.as_deref(), log).await.unwrap_or_else(|error| {
                warn!(execution.id = %id, error = %septet_kernel::causes(&error), "files of an execution were not kept");
                true
            })
        };
        self.conclude(id, language, ended, is_cut)
    }

    fn conclude(&self, id: ExecutionId, language: Language, ended: Ended, is_cut: bool) -> ExecutionEvent {
        let outcome = outcome(&ended);
        let duration_ms = u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX);
        metrics::executed(language.name(), outcome_name(outcome), ended.duration);
        info!(execution.id = %id, execution.language = language.name(), execution.outcome = outcome_name(outcome),
            execution.duration_ms = duration_ms, "execution ended");
        ExecutionEvent::Done {
            outcome,
            exit_code: ended.status,
            error: error_of(&ended, outcome),
            result: ended.result.map(|Shown { text, json }| ExecutionResult { text, json }),
            duration_ms,
            truncated: ended.is_cut || is_cut,
        }
    }

    /// Puts new and changed files into the blob store and tells them. Whether some were left out.
    async fn keep_files(
        &self,
        active: &ActiveContainer,
        container: ContainerId,
        session: Option<&dyn Session>,
        log: &Log,
    ) -> Result<bool, Error> {
        let Some(session) = session else { return Ok(false) };
        let Changes { found, gone, is_cut } = session.changes(self.config.n_files).await.map_err(Error::Folder)?;
        let paths: Vec<String> = found.iter().map(|file| file.path.clone()).collect();
        match self.keep_found(active.tenant, container, &gone, found).await {
            Ok(Kept { files, is_too_large, n_without_space }) => {
                for file in &files {
                    log.add(ExecutionEvent::File { file: Box::new(wire::file(file)) });
                }
                if n_without_space > 0 {
                    let limit_bytes = self.config.tenant_storage_bytes;
                    let text = format!(
                        "note: {n_without_space} files were not kept: {}\n",
                        Error::StorageFull { limit_bytes }
                    );
                    log.add(ExecutionEvent::Stderr { text });
                }
                let is_too_large = is_too_large || n_without_space > 0;
                self.store.touch(container, self.clock.now_ms()).await?;
                Ok(is_cut || is_too_large)
            }
            Err(error) => {
                for path in &paths {
                    session.forget(path).await;
                }
                Err(error)
            }
        }
    }

    /// All of them or none, but for those that are too large and those that the tenant has no space for.
    async fn keep_found(
        &self,
        tenant: TenantId,
        container: ContainerId,
        gone: &[String],
        found: Vec<FoundFile>,
    ) -> Result<Kept, Error> {
        let mut left = self.space_left(tenant).await?;
        let (mut files, mut is_too_large, mut n_without_space) = (Vec::new(), false, 0);
        for found in found {
            match self.blobs.put_stream(found.content, left.min(self.config.file_bytes)).await {
                Ok(stored) => {
                    left -= stored.bytes;
                    files.push(File {
                        id: self.ids.next(),
                        container,
                        path: found.path,
                        bytes: stored.bytes,
                        blob: stored.id,
                        source: Source::Assistant,
                        created_at_ms: self.clock.now_ms(),
                    });
                }
                Err(septet_blobs::Error::TooLarge { .. }) if left < self.config.file_bytes => n_without_space += 1,
                Err(septet_blobs::Error::TooLarge { .. }) => is_too_large = true,
                Err(other) => return Err(other.into()),
            }
        }
        let quota = self.quota(tenant);
        match self.store.change_files(quota, container, gone, &files).await {
            // Other executions of the tenant have used the space meanwhile. No row names these blobs, so they are swept.
            Err(Error::StorageFull { .. }) => {
                n_without_space += files.len();
                files.clear();
                self.store.change_files(quota, container, gone, &files).await?;
            }
            other => other?,
        }
        Ok(Kept { files, is_too_large, n_without_space })
    }
}

/// What became of the files of an execution.
struct Kept {
    files: Vec<File>,
    is_too_large: bool,
    n_without_space: usize,
}

/// Refuses limits of 0, with which every code would fail; only output may be limited to nothing. Also refuses what is
/// beyond the description of the API; anything else above what the service allows is lowered to that.
fn check_limits(new: &NewExecution) -> Result<(), Error> {
    let given = [
        ("timeout_ms", new.timeout_ms, MAX_TIMEOUT_MS, false),
        ("limits.memory_bytes", new.limits.memory_bytes, MAX_LIMIT_BYTES, false),
        ("limits.processes", new.limits.processes.map(u64::from), MAX_PROCESSES.into(), false),
        ("limits.output_bytes", new.limits.output_bytes, MAX_LIMIT_BYTES, true),
    ];
    for (name, limit, most, may_be_zero) in given {
        match limit {
            Some(0) if !may_be_zero => return Err(Error::ZeroLimit(name)),
            Some(limit) if limit > most => return Err(Error::HugeLimit { name, most }),
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn outcome(ended: &Ended) -> Outcome {
    let is_memory_error = ended.error.as_ref().is_some_and(|error| error.name == "MemoryError");
    match ended.cause {
        Cause::Timeout => Outcome::Timeout,
        Cause::Memory => Outcome::OutOfMemory,
        Cause::Cancelled | Cause::Lost => Outcome::Killed,
        Cause::Itself if ended.status == 0 => Outcome::Ok,
        Cause::Itself if ended.status == -libc::SIGXCPU => Outcome::Timeout,
        Cause::Itself if is_memory_error => Outcome::OutOfMemory,
        Cause::Itself => Outcome::Error,
    }
}

/// The name on the wire, for logs and metrics.
fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Error => "error",
        Outcome::Timeout => "timeout",
        Outcome::OutOfMemory => "out_of_memory",
        Outcome::Killed => "killed",
    }
}

fn error_of(ended: &Ended, outcome: Outcome) -> Option<ErrorReport> {
    if let Some(Raised { name, message, traceback }) = ended.error.clone() {
        return Some(ErrorReport { name, message, traceback });
    }
    let report =
        |name: &str, message: String| Some(ErrorReport { name: name.to_owned(), message, traceback: String::new() });
    match outcome {
        Outcome::Ok => None,
        Outcome::Timeout => {
            report("TimeLimit", format!("the code was stopped after {:.1} s", ended.duration.as_secs_f64()))
        }
        Outcome::OutOfMemory => report("MemoryLimit", "the code needed more memory than it may use".to_owned()),
        Outcome::Killed => report("Killed", "the code was stopped from outside".to_owned()),
        Outcome::Error if ended.status < 0 => {
            report("Crashed", format!("the interpreter was ended by signal {}", -ended.status))
        }
        Outcome::Error => report("SystemExit", format!("the code ended with exit code {}", ended.status)),
    }
}

fn killed_with_service() -> ExecutionEvent {
    killed("Interrupted", "the service was stopped while the code ran; it was not started again".to_owned())
}

fn never_began(error: &Error) -> ExecutionEvent {
    killed("SandboxUnavailable", error.to_string())
}

fn killed(name: &str, message: String) -> ExecutionEvent {
    ExecutionEvent::Done {
        outcome: Outcome::Killed,
        exit_code: -libc::SIGKILL,
        error: Some(ErrorReport { name: name.to_owned(), message, traceback: String::new() }),
        result: None,
        duration_ms: 0,
        truncated: false,
    }
}

/// What a key stands for: the same key with anything else is a mistake of the caller.
fn fingerprint(new: &NewExecution) -> String {
    let mut hash = Sha256::new();
    hash.update(new.language.name());
    hash.update([0]);
    hash.update(&new.code);
    // Only when it is set: keys that were used before there were kept interpreters still mean what they meant.
    if new.stateful {
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}
