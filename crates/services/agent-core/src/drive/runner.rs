//! Drives one run: decides, acts, journals, until nothing is left to do.
//!
//! The runner may die at any moment. What it wrote is durable, what it did not write has not happened, and an effect
//! that was begun carries a key under which it happens once.

use std::sync::Arc;
use std::time::Duration;

use septet_contracts::management::ResolvedAgent;
use septet_kernel::{Caller, ConversationId, ResponseId, causes};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::calls::Calls;
use super::history::history;
use super::journal::JournalWriter;
use super::ports::Ports;
use super::turn::{self, Stop, Turn};
use crate::context::{self, Past};
use crate::error::Error;
use crate::run::decide::{Command, decide};
use crate::run::error::RunError;
use crate::run::event::{Event, Status};
use crate::run::limits::Limits;
use crate::run::output::ToolOutput;
use crate::store::RunRow;

/// After this many takeovers in a row without progress a run is given up: it would take the process down again.
const MAX_RECOVERIES: i64 = 5;

/// How long the model gateway may take to cancel a call before the run ends without that.
const CANCEL_WITHIN: Duration = Duration::from_secs(2);

/// What a runner can be told from outside.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// The user wants it to stop.
    pub(crate) cancel: CancellationToken,
    /// Another process owns the run, or this one shuts down.
    pub(crate) leave: CancellationToken,
}

pub(crate) struct Runner {
    ports: Arc<Ports>,
    caller: Caller,
    run: ResponseId,
    conversation: ConversationId,
    agent: ResolvedAgent,
    history: Vec<Past>,
    journal: JournalWriter,
    signals: Signals,
}

/// Drives a run that this process has just taken, until it ends or is to be left.
pub(super) async fn drive(ports: Arc<Ports>, owner: &str, row: RunRow, epoch: i64, signals: Signals) {
    let run = row.id;
    let result = async {
        let mut runner = Runner::take_up(Arc::clone(&ports), owner, &row, epoch, signals.clone()).await?;
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
}

impl Runner {
    async fn take_up(
        ports: Arc<Ports>,
        owner: &str,
        row: &RunRow,
        epoch: i64,
        signals: Signals,
    ) -> Result<Self, Error> {
        let mut journal = JournalWriter::take_up(
            ports.store.clone(),
            ports.blobs.clone(),
            ports.feed.clone(),
            ports.clock.clone(),
            row.id,
            epoch,
        )
        .await?;
        journal.write(vec![Event::LeaseTaken { epoch, owner: owner.to_owned(), again: epoch > 1 }]).await?;
        let Some(created) = &journal.state().created else { return Err(Error::NoRun(row.id)) };
        let (definition, previous) = (created.definition.clone(), created.previous);
        let definition = ports.blobs.read(&definition).await?;
        let agent = serde_json::from_slice(&definition).map_err(|source| Error::Garbled { what: "agent", source })?;
        let history = history(&ports, previous).await?;
        let caller = row.caller.without_deadline();
        Ok(Self { ports, caller, run: row.id, conversation: row.conversation, agent, history, journal, signals })
    }

    async fn work(&mut self) -> Result<(), Error> {
        loop {
            if self.signals.leave.is_cancelled() {
                return Ok(());
            }
            if self.signals.cancel.is_cancelled() && !self.journal.state().cancel_requested {
                self.journal.write(vec![Event::CancelRequested]).await?;
            }
            match decide(self.journal.state(), self.limits(), self.ports.clock.now_ms()) {
                Command::AskModel { step, may_use_tools, again } => self.ask_model(step, may_use_tools, again).await?,
                Command::RunTools(ids) => self.run_calls(&ids).await?,
                Command::RefuseCalls(ids, reason) => {
                    for id in ids {
                        self.journal.finish_call(&id, ToolOutput::failed(&reason.code, reason.message.clone())).await?;
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
        let request = context::request(
            &self.agent,
            &self.ports.tools,
            &self.history,
            state,
            self.journal.thinking(),
            n_steps,
            may_use_tools,
        );
        let key = turn::key(self.run, step, state.steps.last().filter(|_| again));
        let ports = Arc::clone(&self.ports);
        let turn = Turn {
            models: &ports.models,
            tools: &ports.tools,
            caller: &self.caller,
            run: self.run,
            step,
            max_retries: ports.config.model_retries,
            deadline_ms: self.deadline_ms(),
        };
        let halted = self.halted();
        let leave = self.signals.leave.clone();
        let stop = async move {
            tokio::select! {
                () = halted => Stop::Halted,
                () = leave.cancelled() => Stop::Left,
            }
        };
        match turn.take(request, &mut self.journal, again, stop).await? {
            // Leaving drops the call; the model gateway keeps the answer under its key for whoever takes over.
            None | Some(Stop::Left) => return Ok(()),
            Some(Stop::Halted) => {}
        }
        // Nobody will ever ask for the answer: the provider must not go on writing it, and charging for it.
        match tokio::time::timeout(CANCEL_WITHIN, ports.models.cancel(&self.caller, &key)).await {
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
        let left_ms = self.deadline_ms().saturating_add(1).saturating_sub(self.ports.clock.now_ms());
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
        let wait = u64::try_from(at_ms - self.ports.clock.now_ms()).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            () = self.halted() => {}
            () = self.signals.leave.cancelled() => {}
        }
    }

    async fn run_calls(&mut self, ids: &[String]) -> Result<(), Error> {
        let halted = self.halted();
        let knowledge_bases = self.journal.state().created.as_ref().map(|created| created.knowledge_bases.clone());
        let calls = Calls {
            tools: &self.ports.tools,
            granted: &self.agent.tools,
            caller: &self.caller,
            run: self.run,
            conversation: self.conversation,
            knowledge_bases: knowledge_bases.unwrap_or_default().into(),
            leave: &self.signals.leave,
        };
        calls.run(ids, &mut self.journal, halted).await
    }

    /// Ends the run. Calls that have no output get one, for a call without an output would make every later run of the
    /// conversation fail.
    async fn finish(&mut self, status: Status, error: Option<RunError>) -> Result<(), Error> {
        let open: Vec<String> = self.journal.state().steps.last().map_or_else(Vec::new, |step| {
            step.calls.iter().filter(|call| call.output.is_none()).map(|call| call.request.id.clone()).collect()
        });
        for id in open {
            self.journal
                .finish_call(&id, ToolOutput::failed("cancelled", "the run ended before this was done"))
                .await?;
        }
        self.journal.write(vec![Event::RunFinished { status, error }]).await?;
        info!(run.id = %self.run, run.status = status.as_str(), "run finished");
        Ok(())
    }
}
