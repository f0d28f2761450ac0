//! The bounds of a run, and the words for reaching one.

use super::error::RunError;
use super::state::State;

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

/// Why a run ends without being complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A turn of the model reached the limit of tokens.
    MaxOutputTokens,
    /// The provider held the answer back.
    ContentFilter,
    /// The model wanted to go on after its last turn.
    MaxSteps,
    /// The model wanted more tools than it may have.
    MaxToolCalls,
    /// It took too long.
    TimeLimit,
}

impl Limits {
    /// How many tools the turn `step` (from 0) may call, or why it may call none. Its last turn is for the answer.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn n_calls_left(self, state: &State, step: u32) -> Result<usize, Reason> {
        if step.saturating_add(1) >= self.max_steps {
            return Err(Reason::MaxSteps);
        }
        let n_before = usize::try_from(step).unwrap_or(usize::MAX);
        let n_called: usize = state.steps.iter().take(n_before).map(|step| step.calls.len()).sum();
        match self.max_tool_calls.saturating_sub(n_called) {
            0 => Err(Reason::MaxToolCalls),
            left => Ok(left),
        }
    }
}

impl Reason {
    /// The stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MaxOutputTokens => "max_output_tokens",
            Self::ContentFilter => "content_filter",
            Self::MaxSteps => "max_steps",
            Self::MaxToolCalls => "max_tool_calls",
            Self::TimeLimit => "time_limit",
        }
    }

    /// The word with a sentence that says what to do.
    #[must_use]
    pub fn error(self, limits: Limits) -> RunError {
        let message = match self {
            Self::MaxOutputTokens => {
                "the model reached its limit of tokens before its answer was over; ask for less at a time, or choose a \
                 model that may write more"
                    .to_owned()
            }
            Self::ContentFilter => {
                "the provider of the model held the rest of the answer back; ask in other words, or choose another model"
                    .to_owned()
            }
            Self::MaxSteps => format!(
                "the run used the {} turns that its agent allows; ask for less, or raise the agent's max_steps",
                limits.max_steps
            ),
            Self::MaxToolCalls => format!(
                "the run used the {} tool calls that its agent allows; ask for less, or raise the agent's max_tool_calls",
                limits.max_tool_calls
            ),
            Self::TimeLimit => format!(
                "the run took longer than its limit of {} s; ask for less, or raise the agent's time limit",
                limits.max_wall_ms / 1000
            ),
        };
        RunError { code: self.code().to_owned(), message }
    }
}
