//! A run as it stands: the fold of its journal. No IO, no clock.

use std::collections::BTreeMap;

use septet_kernel::ContainerId;

use septet_contracts::models::{Finish, Thinking};

use super::effect::Effect;
use super::error::RunError;
use super::event::{Event, Recorded, RunCreated, Spilled, Status, ToolCall, Usage};
use super::output::{Part, Passage, ToolOutput};

/// A run as it stands.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What it started from; absent only before the first event.
    pub created: Option<RunCreated>,
    /// When it started, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// The turns of the model, with the tools that each led to.
    pub steps: Vec<Step>,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// What it waits for, while it does nothing else.
    pub waiting: Option<Waiting>,
    /// How often it was taken up again after an owner was lost or left.
    pub n_recoveries: u32,
    /// How it ended.
    pub finished: Option<Finished>,
    /// How many events it has, which is the place of the next.
    pub next_seq: u64,
}

/// Why a run does nothing for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
    /// For how many seconds, rounded up, counted from when it began.
    pub seconds: i64,
    /// Why.
    pub reason: RunError,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How.
    pub status: Status,
    /// Why, when it failed or is incomplete.
    pub error: Option<RunError>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// One turn of the model.
#[derive(Debug, Clone)]
pub struct Step {
    /// The idempotency key of the call.
    pub key: String,
    /// What it said so far.
    pub text: String,
    /// The tools that it wants.
    pub calls: Vec<Call>,
    /// What it used; present when its turn is over.
    pub usage: Option<Usage>,
    /// The model that answered.
    pub model: String,
    /// Why its turn ended, in the provider's word.
    pub finish: Option<String>,
    /// What it wants back with its words.
    pub thinking: Option<Spilled<Thinking>>,
    /// How often it failed.
    pub n_failures: u32,
    /// How often in a row it asked to be waited for.
    pub n_waits: u32,
    /// How often it gave an answer that is of no use.
    pub n_useless: u32,
    /// What those answers used.
    pub useless_usage: Usage,
    /// When to try again after a failure.
    pub retry_at_ms: Option<i64>,
    /// The failure that ends the run.
    pub fatal: Option<RunError>,
}

/// A tool call and what came of it.
#[derive(Debug, Clone)]
pub struct Call {
    /// What the model asked for.
    pub request: ToolCall,
    /// How it was begun last; present when the intent is journaled.
    pub begun: Option<Begun>,
    /// Its one output.
    pub output: Option<ToolOutput>,
}

/// How a call was begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The idempotency key of the effect.
    pub key: String,
    /// The sandbox it runs in.
    pub container: Option<ContainerId>,
    /// What it changes.
    pub effect: Effect,
}

impl State {
    /// The fold of a whole journal. Outputs that lie in the blob store are looked up in `blobs` by their id.
    #[must_use]
    pub fn fold(journal: &[Recorded], blobs: &BTreeMap<String, ToolOutput>) -> Self {
        let mut state = Self::default();
        for recorded in journal {
            state.apply(recorded, blobs);
        }
        state
    }

    /// Takes in the next event.
    pub fn apply(&mut self, recorded: &Recorded, blobs: &BTreeMap<String, ToolOutput>) {
        self.next_seq = recorded.seq + 1;
        if !matches!(recorded.event, Event::LeaseTaken { .. }) {
            self.waiting = None;
        }
        match &recorded.event {
            Event::RunCreated(created) => {
                self.created = Some((**created).clone());
                self.created_at_ms = recorded.at_ms;
            }
            Event::LeaseTaken { again, .. } => self.n_recoveries += u32::from(*again),
            Event::ToolProgress { .. } => {}
            Event::RunWaits { until_ms, code, message } => {
                let seconds = (until_ms - recorded.at_ms + 999) / 1000;
                let reason = RunError { code: code.clone(), message: message.clone() };
                self.waiting = Some(Waiting { until_ms: *until_ms, seconds, reason });
            }
            Event::ModelRequested { key, .. } => self.steps.push(Step::new(key.clone())),
            Event::ModelRestarted { key, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    key.clone_into(&mut step.key);
                    step.text.clear();
                    step.retry_at_ms = None;
                }
            }
            Event::TextDelta { text, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.text.push_str(text);
                }
            }
            Event::ModelCompleted { calls, usage, model, finish, thinking, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.calls = calls.iter().cloned().map(Call::new).collect();
                    step.usage = Some(*usage);
                    model.clone_into(&mut step.model);
                    step.finish.clone_from(finish);
                    step.thinking.clone_from(thinking);
                }
            }
            Event::ModelFailed { code, message, retry_at_ms, waits, usage, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.n_failures += u32::from(!*waits);
                    step.n_waits = if *waits { step.n_waits + 1 } else { 0 };
                    if let Some(usage) = usage {
                        step.n_useless += 1;
                        step.useless_usage = step.useless_usage.plus(*usage);
                    }
                    step.retry_at_ms = *retry_at_ms;
                    if retry_at_ms.is_none() {
                        step.fatal = Some(RunError { code: code.clone(), message: message.clone() });
                    }
                }
            }
            Event::ToolStarted { call_id, key, container, effect } => {
                // Journals from before effects had searches, which are pure, and code, which has a sandbox.
                let before = if container.is_some() { Effect::Keyed } else { Effect::Pure };
                if let Some(call) = self.call_mut(call_id) {
                    let (container, effect) = (*container, effect.unwrap_or(before));
                    call.begun = Some(Begun { key: key.clone(), container, effect });
                }
            }
            Event::ToolFinished { call_id, output } => {
                let output = output.resolve(blobs);
                if let Some(call) = self.call_mut(call_id) {
                    call.output = Some(output);
                }
            }
            Event::CancelRequested => self.cancel_requested = true,
            Event::RunFinished { status, error } => {
                self.finished = Some(Finished { status: *status, error: error.clone(), at_ms: recorded.at_ms });
            }
        }
    }

    fn call_mut(&mut self, call_id: &str) -> Option<&mut Call> {
        self.steps.last_mut()?.calls.iter_mut().find(|call| call.request.id == call_id)
    }

    /// All passages shown to the model so far, by number.
    pub fn passages(&self) -> impl Iterator<Item = &Passage> {
        self.outputs().flat_map(ToolOutput::passages)
    }

    /// Numbers the passages of an output. One that the run has seen keeps its number, so that `[3]` means one thing in the
    /// whole answer.
    pub fn number(&self, output: &mut ToolOutput) {
        let mut next_number = self.passages().map(|passage| passage.number).max().unwrap_or(0) + 1;
        for part in &mut output.parts {
            let Part::Passages { passages } = part else { continue };
            for passage in passages {
                let seen = self.passages().find(|seen| seen.id == passage.id);
                passage.number = seen.map_or(next_number, |seen| seen.number);
                next_number += u32::from(seen.is_none());
            }
        }
    }

    /// All outputs of tools so far, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &ToolOutput> {
        self.steps.iter().flat_map(|step| &step.calls).filter_map(|call| call.output.as_ref())
    }

    /// The sandbox that the run uses, if it has one.
    #[must_use]
    pub fn container(&self) -> Option<ContainerId> {
        self.steps.iter().flat_map(|step| &step.calls).filter_map(Call::container).next_back()
    }

    /// What all model calls used together.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let used = self.steps.iter().flat_map(|step| [step.usage.unwrap_or_default(), step.useless_usage]);
        used.fold(Usage::default(), Usage::plus)
    }

    /// How many tools were called.
    #[must_use]
    pub fn n_tool_calls(&self) -> usize {
        self.steps.iter().map(|step| step.calls.len()).sum()
    }

    /// What the run answered: the text of its last turn.
    #[must_use]
    pub fn answer(&self) -> &str {
        self.steps.last().map_or("", |step| step.text.as_str())
    }
}

impl Step {
    /// Why its turn ended. Journals from before this was noted have no word for it.
    #[must_use]
    pub fn finish(&self) -> Finish {
        self.finish.as_deref().map_or(Finish::Stop, Finish::read)
    }

    /// Whether its words are all that it wanted to say.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !matches!(self.finish(), Finish::Length | Finish::Filtered)
    }

    fn new(key: String) -> Self {
        Self {
            key,
            text: String::new(),
            calls: Vec::new(),
            usage: None,
            model: String::new(),
            finish: None,
            thinking: None,
            n_failures: 0,
            n_waits: 0,
            n_useless: 0,
            useless_usage: Usage::default(),
            retry_at_ms: None,
            fatal: None,
        }
    }
}

impl Call {
    fn new(request: ToolCall) -> Self {
        Self { request, begun: None, output: None }
    }

    /// The sandbox it runs in.
    #[must_use]
    pub fn container(&self) -> Option<ContainerId> {
        self.begun.as_ref()?.container
    }
}

impl super::event::Spilled<ToolOutput> {
    /// The output itself. A blob that is gone gives an output that says so, because a call has exactly one output,
    /// always.
    #[must_use]
    pub fn resolve(&self, blobs: &BTreeMap<String, ToolOutput>) -> ToolOutput {
        match self {
            Self::Here(output) => (**output).clone(),
            Self::Blob(id) => blobs.get(id.as_str()).cloned().unwrap_or_else(|| ToolOutput {
                ok: false,
                ..ToolOutput::text("the output of this call is no longer stored")
            }),
        }
    }
}
