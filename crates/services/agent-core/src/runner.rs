//! Drives one run: decides, acts, journals, until nothing is left to do.
//!
//! The runner may die at any moment. What it wrote is durable, what it did not write has not happened, and an effect
//! that was begun carries a key under which it happens once.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use septet_contracts::management::ResolvedAgent;
use septet_contracts::sandbox::{Outcome, Output};
use septet_kernel::{Caller, ContainerId, ConversationId, ResponseId, causes};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::engine::Engine;
use crate::error::Error;
use crate::journal::JournalWriter;
use crate::prompt::{self, Past};
use crate::run::decide::{Command, decide};
use crate::run::event::{Event, RunError, Status, ToolOutput};
use crate::run::limits::Limits;
use crate::run::state::Call;
use crate::store::RunRow;
use crate::tools::{self, CodeRunner, Tool};
use crate::turn::{self, Turn};

/// After this many takeovers in a row without progress a run is given up: it would take the process down again.
const MAX_RECOVERIES: i64 = 5;

/// How long the model gateway may take to cancel a call before the run ends without that.
const CANCEL_WITHIN: Duration = Duration::from_secs(2);

/// How often running code is looked at for what it printed.
const PRINT_EVERY: Duration = Duration::from_millis(150);

/// What a runner can be told from outside.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// The user wants it to stop.
    pub(crate) cancel: CancellationToken,
    /// Another process owns the run, or this one shuts down.
    pub(crate) leave: CancellationToken,
}

pub(crate) struct Runner {
    engine: Arc<Engine>,
    caller: Caller,
    run: ResponseId,
    conversation: ConversationId,
    agent: ResolvedAgent,
    history: Vec<Past>,
    journal: JournalWriter,
    signals: Signals,
}

/// Drives a run that this process has just taken, until it ends or is to be left.
pub(crate) async fn drive(engine: Arc<Engine>, row: RunRow, epoch: i64, signals: Signals) {
    let run = row.id;
    let result = async {
        let mut runner = Runner::take_up(Arc::clone(&engine), &row, epoch, signals.clone()).await?;
        if row.n_recoveries >= MAX_RECOVERIES {
            let message =
                format!("the run broke off {MAX_RECOVERIES} times in a row at the same step and was given up");
            return runner.finish(Status::Failed, Some(RunError { code: "recovery_limit".to_owned(), message })).await;
        }
        runner.work().await
    };
    match result.await {
        Ok(()) => {}
        Err(Error::Fenced) => info!(run.id = %run, "run belongs to another process now"),
        // The lease runs out and the run is taken up again; a database that is away for a moment costs no run.
        Err(error) => warn!(run.id = %run, error.detail = %causes(&error), "run interrupted"),
    }
    if let Err(error) = engine.store.release(run, epoch).await {
        warn!(run.id = %run, error.detail = %causes(&error), "cannot release run");
    }
}

impl Runner {
    async fn take_up(engine: Arc<Engine>, row: &RunRow, epoch: i64, signals: Signals) -> Result<Self, Error> {
        let mut journal = JournalWriter::take_up(
            engine.store.clone(),
            engine.blobs.clone(),
            engine.feed.clone(),
            engine.clock.clone(),
            row.id,
            epoch,
        )
        .await?;
        journal.write(vec![Event::LeaseTaken { epoch, owner: engine.owner.clone(), again: epoch > 1 }]).await?;
        let Some(created) = &journal.state().created else { return Err(Error::NoRun(row.id)) };
        let (definition, previous) = (created.definition.clone(), created.previous);
        let definition = engine.blobs.read(&definition).await?;
        let agent = serde_json::from_slice(&definition).map_err(|source| Error::Garbled { what: "agent", source })?;
        let history = engine.history(previous).await?;
        let caller = row.caller.without_deadline();
        Ok(Self { engine, caller, run: row.id, conversation: row.conversation, agent, history, journal, signals })
    }

    async fn work(&mut self) -> Result<(), Error> {
        loop {
            if self.signals.leave.is_cancelled() {
                return Ok(());
            }
            if self.signals.cancel.is_cancelled() && !self.journal.state().cancel_requested {
                self.journal.write(vec![Event::CancelRequested]).await?;
            }
            match decide(self.journal.state(), self.limits(), self.engine.clock.now_ms()) {
                Command::AskModel { step, may_use_tools, again } => self.ask_model(step, may_use_tools, again).await?,
                Command::RunTools(ids) => {
                    for id in ids {
                        self.run_tool(&id).await?;
                        let is_late = self.engine.clock.now_ms() > self.deadline_ms();
                        if self.signals.cancel.is_cancelled() || self.signals.leave.is_cancelled() || is_late {
                            break;
                        }
                    }
                }
                Command::RefuseCalls(ids, reason) => {
                    for id in ids {
                        self.finish_call(&id, tools::failed(&reason.code, reason.message.clone())).await?;
                    }
                }
                Command::WaitUntil(at_ms) => self.wait_until(at_ms).await,
                Command::Finish(status, error) => return self.finish(status, error).await,
                Command::Nothing => return Ok(()),
            }
        }
    }

    fn limits(&self) -> Limits {
        let limits = &self.agent.limits;
        Limits {
            max_steps: limits.max_steps,
            max_tool_calls: usize::try_from(limits.max_tool_calls).unwrap_or(usize::MAX),
            max_wall_ms: i64::from(limits.max_wall_s) * 1000,
        }
    }

    async fn ask_model(&mut self, step: u32, may_use_tools: bool, again: bool) -> Result<(), Error> {
        let n_steps = usize::try_from(step).unwrap_or(usize::MAX);
        let state = self.journal.state();
        let request =
            prompt::request(&self.agent, &self.history, state, self.journal.thinking(), n_steps, may_use_tools);
        let key = turn::key(self.run, step, state.steps.last().filter(|_| again));
        let engine = Arc::clone(&self.engine);
        let turn = Turn {
            models: &engine.models,
            caller: &self.caller,
            run: self.run,
            step,
            max_retries: engine.config.model_retries,
            deadline_ms: self.deadline_ms(),
        };
        let halted = self.halted();
        // Leaving drops the call; the model gateway keeps the answer under its key for whoever takes over.
        tokio::select! {
            result = turn.take(request, &mut self.journal, again) => return result,
            () = self.signals.leave.cancelled() => return Ok(()),
            () = halted => {}
        }
        // Nobody will ever ask for the answer: the provider must not go on writing it, and charging for it.
        match tokio::time::timeout(CANCEL_WITHIN, engine.models.cancel(&self.caller, &key)).await {
            Ok(Ok(_was_running)) => {}
            Ok(Err(error)) => warn!(run.id = %self.run, error.detail = %error, "cannot cancel a model call"),
            Err(_elapsed) => warn!(run.id = %self.run, "cannot cancel a model call in time"),
        }
        Ok(())
    }

    /// When the run must have ended, in milliseconds since 1970.
    fn deadline_ms(&self) -> i64 {
        self.journal.state().created_at_ms.saturating_add(self.limits().max_wall_ms)
    }

    /// Ends when the run is to do nothing more: somebody stopped it, or its time is over.
    fn halted(&self) -> impl Future<Output = ()> + Send + use<> {
        let left_ms = self.deadline_ms().saturating_add(1).saturating_sub(self.engine.clock.now_ms());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        let cancel = self.signals.cancel.clone();
        async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    async fn wait_until(&self, at_ms: i64) {
        let wait = u64::try_from(at_ms - self.engine.clock.now_ms()).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            () = self.halted() => {}
            () = self.signals.leave.cancelled() => {}
        }
    }

    async fn run_tool(&mut self, id: &str) -> Result<(), Error> {
        let Some(call) = self.open_call(id) else { return Ok(()) };
        let output = match Tool::named(&call.request.name).filter(|tool| self.may_use(*tool)) {
            Some(Tool::KnowledgeSearch) => self.search(&call).await?,
            Some(Tool::RunPython | Tool::RunSql) => match tools::complaint(&call.request) {
                Some(complaint) => Some(complaint),
                None => self.run_code(&call).await?,
            },
            None => Some(tools::failed(
                "unknown_tool",
                format!("there is no tool {:?} here; there are {}", call.request.name, self.agent.tools.join(", ")),
            )),
        };
        match output {
            Some(output) => self.finish_call(id, output).await,
            // It was left: the next owner goes on with it.
            None => Ok(()),
        }
    }

    fn open_call(&self, id: &str) -> Option<Call> {
        let step = self.journal.state().steps.last()?;
        step.calls.iter().find(|call| call.request.id == id && call.output.is_none()).cloned()
    }

    fn may_use(&self, tool: Tool) -> bool {
        self.agent.tools.iter().any(|name| name == tool.name())
    }

    async fn search(&mut self, call: &Call) -> Result<Option<ToolOutput>, Error> {
        if call.key.is_none() {
            let started = Event::ToolStarted { call_id: call.request.id.clone(), key: self.key(call), container: None };
            self.journal.write(vec![started]).await?;
        }
        let knowledge_bases = self.journal.state().created.as_ref().map(|created| created.knowledge_bases.clone());
        let searching = tools::search(
            &self.engine.knowledge,
            &self.caller,
            knowledge_bases.as_deref().unwrap_or_default(),
            &call.request,
            self.journal.state(),
        );
        tokio::select! {
            output = searching => Ok(Some(output)),
            () = self.halted() => Ok(None),
            () = self.signals.leave.cancelled() => Ok(None),
        }
    }

    async fn run_code(&mut self, call: &Call) -> Result<Option<ToolOutput>, Error> {
        let engine = Arc::clone(&self.engine);
        let caller = self.caller.clone();
        let runner = CodeRunner {
            sandbox: &engine.sandbox,
            caller: &caller,
            timeout: Duration::from_secs(engine.config.code_timeout_s),
        };
        let was_begun = call.key.is_some();
        let (container, key) = match (call.container, &call.key) {
            (Some(container), Some(key)) => (container, key.clone()),
            _ => {
                let existing = engine.store.container_of(self.conversation).await?;
                let container = match runner.container(existing, &self.conversation.to_string()).await {
                    Ok(container) => container,
                    Err(error) => return Ok(Some(tools::failed(&error.code, error.detail))),
                };
                if existing != Some(container) {
                    engine.store.set_container(self.conversation, container).await?;
                }
                (container, self.begin_code(call, container, self.key(call)).await?)
            }
        };
        let first = self.execute(&runner, call, container, &key).await?;
        // Code that was cut off by a crash has left nothing outside its sandbox, so it may run once more, under a key
        // of its own.
        match first {
            Some((_, Some(Outcome::Killed))) if was_begun && !self.signals.cancel.is_cancelled() => {
                let key = self.begin_code(call, container, format!("{key}:again")).await?;
                let second = self.execute(&runner, call, container, &key).await?;
                Ok(second.map(|(output, _)| output))
            }
            first => Ok(first.map(|(output, _)| output)),
        }
    }

    async fn begin_code(&mut self, call: &Call, container: ContainerId, key: String) -> Result<String, Error> {
        let call_id = call.request.id.clone();
        self.journal.write(vec![Event::ToolStarted { call_id, key: key.clone(), container: Some(container) }]).await?;
        Ok(key)
    }

    /// Runs code to its end and journals what it prints on the way. Nothing when it is to be left.
    async fn execute(
        &mut self,
        runner: &CodeRunner<'_>,
        call: &Call,
        container: ContainerId,
        key: &str,
    ) -> Result<Option<(ToolOutput, Option<Outcome>)>, Error> {
        let mut events = match runner.start(container, &call.request, key).await {
            Ok(events) => events,
            Err(error) => return Ok(Some((tools::failed(&error.code, error.detail), None))),
        };
        let mut output = Output::default();
        let mut n_printed = (0, 0);
        let mut tick = tokio::time::interval(PRINT_EVERY);
        tick.tick().await;
        let mut halted = std::pin::pin!(self.halted());
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = tick.tick() => {
                    self.print(call, &output, &mut n_printed).await?;
                    continue;
                }
                () = &mut halted => {
                    // The code would run on under its key, and nobody waits for it.
                    if let Err(error) = runner.sandbox.stop(runner.caller, container, key).await {
                        warn!(run.id = %self.run, error.detail = %error, "cannot stop code");
                    }
                    return Ok(None);
                }
                () = self.signals.leave.cancelled() => return Ok(None),
            };
            match event {
                Some(Ok(event)) => {
                    output.add(event);
                    if output.is_done() {
                        break;
                    }
                }
                Some(Err(error)) => return Ok(Some((tools::failed(&error.code, error.detail), None))),
                None => {
                    return Ok(Some((tools::failed("service_down", "the sandbox broke off"), Some(Outcome::Killed))));
                }
            }
        }
        let outcome = output.outcome();
        Ok(Some((tools::code_output(container, output), outcome)))
    }

    async fn print(&mut self, call: &Call, output: &Output, n_printed: &mut (usize, usize)) -> Result<(), Error> {
        let (stdout, stderr) = (output.stdout[n_printed.0..].to_owned(), output.stderr[n_printed.1..].to_owned());
        if stdout.is_empty() && stderr.is_empty() {
            return Ok(());
        }
        *n_printed = (output.stdout.len(), output.stderr.len());
        self.journal.write(vec![Event::ToolProgress { call_id: call.request.id.clone(), stdout, stderr }]).await
    }

    /// The key under which the effect of a call happens once.
    fn key(&self, call: &Call) -> String {
        format!("{}:{}", self.run, call.request.id)
    }

    async fn finish_call(&mut self, id: &str, output: ToolOutput) -> Result<(), Error> {
        let output = self.journal.spill(output).await?;
        self.journal.write(vec![Event::ToolFinished { call_id: id.to_owned(), output }]).await
    }

    /// Ends the run. Calls that have no output get one, for a call without an output would make every later run of the
    /// conversation fail.
    async fn finish(&mut self, status: Status, error: Option<RunError>) -> Result<(), Error> {
        let open: Vec<String> = self.journal.state().steps.last().map_or_else(Vec::new, |step| {
            step.calls.iter().filter(|call| call.output.is_none()).map(|call| call.request.id.clone()).collect()
        });
        for id in open {
            self.finish_call(&id, tools::failed("cancelled", "the run ended before this was done")).await?;
        }
        self.journal.write(vec![Event::RunFinished { status, error }]).await?;
        info!(run.id = %self.run, run.status = status.as_str(), "run finished");
        Ok(())
    }
}
