//! What a run does next: a pure function of how it stands.

use super::event::{RunError, Status};
use super::state::State;

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ask the model. With `may_use_tools` false it must answer with what it has.
    AskModel {
        /// The step, from 0.
        step: u32,
        /// Whether tools are offered.
        may_use_tools: bool,
        /// Whether the step was begun before: by an owner that died, or by an attempt that failed.
        again: bool,
    },
    /// Run the calls with these ids.
    RunTools(Vec<String>),
    /// Do nothing until this moment, in milliseconds since 1970.
    WaitUntil(i64),
    /// End the run. Calls without an output get one first.
    Finish(Status, Option<RunError>),
    /// Nothing is left to do.
    Nothing,
}

/// The bounds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Turns of the model.
    pub max_steps: u32,
    /// Tools called in all turns.
    pub max_tool_calls: usize,
    /// Milliseconds from start to end.
    pub max_wall_ms: i64,
}

/// What comes next for a run that stands like this, now.
#[must_use]
pub fn decide(state: &State, limits: Limits, now_ms: i64) -> Command {
    if state.finished.is_some() || state.created.is_none() {
        return Command::Nothing;
    }
    if state.cancel_requested {
        return Command::Finish(Status::Cancelled, None);
    }
    if now_ms - state.created_at_ms > limits.max_wall_ms {
        let message = format!(
            "the run took longer than its limit of {} s; ask for less, or raise the agent's time limit",
            limits.max_wall_ms / 1000
        );
        return Command::Finish(Status::Failed, Some(RunError { code: "time_limit".to_owned(), message }));
    }
    let n_steps = u32::try_from(state.steps.len()).unwrap_or(u32::MAX);
    let ask = |step: u32, again: bool| Command::AskModel {
        step,
        may_use_tools: step + 1 < limits.max_steps && state.n_tool_calls() < limits.max_tool_calls,
        again,
    };
    let Some(step) = state.steps.last() else { return ask(0, false) };
    if let Some(fatal) = &step.fatal {
        return Command::Finish(Status::Failed, Some(fatal.clone()));
    }
    if step.usage.is_none() {
        return match step.retry_at_ms {
            Some(at_ms) if at_ms > now_ms => Command::WaitUntil(at_ms),
            Some(_) | None => ask(n_steps - 1, true),
        };
    }
    if step.calls.is_empty() {
        return Command::Finish(Status::Completed, None);
    }
    let open: Vec<String> =
        step.calls.iter().filter(|call| call.output.is_none()).map(|call| call.request.id.clone()).collect();
    if open.is_empty() { ask(n_steps, false) } else { Command::RunTools(open) }
}
