//! What a run does next: a pure function of how it stands.

use septet_contracts::models::Finish;

use super::error::RunError;
use super::event::Status;
use super::limits::{Limits, Reason};
use super::state::{State, Step};

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
    /// Do not run the calls with these ids: they get this error as their output.
    RefuseCalls(Vec<String>, RunError),
    /// Do nothing until this moment, in milliseconds since 1970.
    WaitUntil(i64),
    /// End the run. Calls without an output get one first.
    Finish(Status, Option<RunError>),
    /// Nothing is left to do.
    Nothing,
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
        return incomplete(Reason::TimeLimit, limits);
    }
    let n_steps = u32::try_from(state.steps.len()).unwrap_or(u32::MAX);
    let ask = |step: u32, again: bool| Command::AskModel {
        step,
        may_use_tools: limits.n_calls_left(state, step).is_ok(),
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
    match step.finish() {
        Finish::Length => end_short(step, Reason::MaxOutputTokens, limits),
        Finish::Filtered => end_short(step, Reason::ContentFilter, limits),
        Finish::Stop | Finish::Calls | Finish::Broken(_) | Finish::Other(_) => {
            after_turn(state, step, n_steps, limits).unwrap_or_else(|| ask(n_steps, false))
        }
    }
}

/// What follows a whole turn; nothing when the model is to be asked again.
fn after_turn(state: &State, step: &Step, n_steps: u32, limits: Limits) -> Option<Command> {
    if step.calls.is_empty() {
        return Some(Command::Finish(Status::Completed, None));
    }
    let left = limits.n_calls_left(state, n_steps - 1);
    let n_granted = left.unwrap_or(0).min(step.calls.len());
    let open = open_calls(step, 0..n_granted);
    if !open.is_empty() {
        return Some(Command::RunTools(open));
    }
    let surplus = open_calls(step, n_granted..step.calls.len());
    if !surplus.is_empty() {
        let reason = left.err().unwrap_or(Reason::MaxToolCalls);
        return Some(Command::RefuseCalls(surplus, reason.error(limits)));
    }
    // It was told to answer without tools and called them all the same.
    left.err().map(|reason| incomplete(reason, limits))
}

/// A turn that was cut off ends the run; what it wanted to have called may be cut as well.
fn end_short(step: &Step, reason: Reason, limits: Limits) -> Command {
    let open = open_calls(step, 0..step.calls.len());
    if open.is_empty() { incomplete(reason, limits) } else { Command::RefuseCalls(open, reason.error(limits)) }
}

fn incomplete(reason: Reason, limits: Limits) -> Command {
    Command::Finish(Status::Incomplete, Some(reason.error(limits)))
}

fn open_calls(step: &Step, range: std::ops::Range<usize>) -> Vec<String> {
    let calls = step.calls.get(range).unwrap_or_default();
    calls.iter().filter(|call| call.output.is_none()).map(|call| call.request.id.clone()).collect()
}
