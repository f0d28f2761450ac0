//! Journals for tests.

use std::collections::BTreeMap;

use septet_contracts::responses::ResponseEvent;
use septet_kernel::{Clock, Ids};
use serde_json::Value;

use crate::run::decide::{Command, decide};
use crate::run::event::{Event, Recorded, RunCreated, Spilled, Status, ToolCall, Usage};
use crate::run::limits::Limits;
use crate::run::output::{Part, ToolOutput};
use crate::run::state::State;
use crate::wire::responses::project::Projector;

pub(crate) const LIMITS: Limits = Limits { max_steps: 4, max_tool_calls: 6, max_wall_ms: 60_000 };

/// An event as a client reads it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) sequence_number: u64,
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) is_terminal: bool,
}

impl Wire {
    fn of(event: ResponseEvent) -> Self {
        let data = serde_json::to_value(&event).unwrap();
        assert_eq!(
            serde_json::from_value::<ResponseEvent>(data.clone()).unwrap(),
            event,
            "it is read as it is written"
        );
        assert!(!matches!(event, ResponseEvent::Other(_)), "only events that OpenAI defines are sent");
        let (sequence_number, name) = (event.sequence_number(), event.name().to_owned());
        Self { sequence_number, name, data, is_terminal: event.is_terminal() }
    }
}

/// A journal as some run could have written it, with a start time of 0 and one millisecond between events.
#[derive(Debug, Clone)]
pub(crate) struct Script(Vec<Event>);

impl Script {
    pub(crate) fn new() -> Self {
        let ids = Ids::new(Clock::manual(1_700_000_000_000));
        Self(vec![Event::RunCreated(Box::new(RunCreated {
            run: ids.next(),
            agent: "analyst".into(),
            definition: "a".repeat(64).parse().unwrap(),
            conversation: ids.next(),
            previous: None,
            input: vec![serde_json::json!({"role": "user", "content": "hi"})],
            instructions: None,
            knowledge_bases: Vec::new(),
            narrowed: false,
            metadata: BTreeMap::new(),
        }))])
    }

    pub(crate) fn with(mut self, event: Event) -> Self {
        self.0.push(event);
        self
    }

    pub(crate) fn asks(self, step: u32) -> Self {
        self.with(Event::ModelRequested { step, key: format!("k{step}") })
    }

    pub(crate) fn says(self, step: u32, text: &str) -> Self {
        self.with(Event::TextDelta { step, text: text.into() })
    }

    pub(crate) fn completes(self, step: u32, calls: &[&str]) -> Self {
        self.ends_turn(step, calls, None)
    }

    pub(crate) fn ends_turn(self, step: u32, calls: &[&str], finish: Option<&str>) -> Self {
        let calls = calls
            .iter()
            .enumerate()
            .map(|(number, name)| ToolCall {
                id: format!("call_{step}_{number}"),
                name: (*name).to_owned(),
                arguments: r#"{"queries":["x"],"code":"print(1)"}"#.into(),
                model_id: None,
                shape: None,
            })
            .collect();
        let (usage, finish) = (Usage::default(), finish.map(str::to_owned));
        self.with(Event::ModelCompleted { step, calls, usage, model: "m".into(), finish, thinking: None })
    }

    pub(crate) fn runs(self, call_id: &str) -> Self {
        let mut output = ToolOutput::text("done");
        output.parts.push(Part::Logs { stdout: "1\n".into(), stderr: String::new() });
        self.with(Event::ToolStarted { call_id: call_id.into(), key: "k".into(), container: None, effect: None })
            .with(Event::ToolProgress { call_id: call_id.into(), stdout: "1\n".into(), stderr: String::new() })
            .with(Event::ToolFinished { call_id: call_id.into(), output: Spilled::Here(Box::new(output)) })
    }

    pub(crate) fn finishes(self, call_id: &str) -> Self {
        let output = Spilled::Here(Box::default());
        self.with(Event::ToolFinished { call_id: call_id.into(), output })
    }

    pub(crate) fn ends(self, status: Status) -> Self {
        self.with(Event::RunFinished { status, error: None })
    }

    pub(crate) fn journal(&self) -> Vec<Recorded> {
        self.0
            .iter()
            .cloned()
            .zip(0..)
            .map(|(event, seq)| Recorded { seq, at_ms: i64::try_from(seq).unwrap(), event })
            .collect()
    }

    pub(crate) fn state(&self) -> State {
        State::fold(&self.journal(), &BTreeMap::new())
    }

    pub(crate) fn next(&self) -> Command {
        decide(&self.state(), LIMITS, 100)
    }

    pub(crate) fn wires(&self) -> Vec<Wire> {
        let mut projector = Projector::default();
        self.journal().iter().flat_map(|recorded| projector.push(recorded, &BTreeMap::new())).map(Wire::of).collect()
    }
}

pub(crate) fn whole_run() -> Script {
    Script::new()
        .asks(0)
        .completes(0, &["knowledge_search", "run_python"])
        .runs("call_0_0")
        .runs("call_0_1")
        .asks(1)
        .says(1, "It is ")
        .says(1, "so.")
        .completes(1, &[])
        .ends(Status::Completed)
}
