//! What holds for every journal.

use std::collections::BTreeMap;

use proptest::prelude::*;
use septet_kernel::{Clock, Ids};

use super::decide::{Command, Limits, decide};
use super::event::{Event, Recorded, RunCreated, RunError, Spilled, Status, ToolCall, ToolOutput, Usage};
use super::project::{Projector, Wire};
use super::state::State;

const LIMITS: Limits = Limits { max_steps: 4, max_tool_calls: 6, max_wall_ms: 60_000 };

/// A journal as some run could have written it, with a start time of 0 and one millisecond between events.
struct Script(Vec<Event>);

impl Script {
    fn new() -> Self {
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
            metadata: BTreeMap::new(),
        }))])
    }

    fn with(mut self, event: Event) -> Self {
        self.0.push(event);
        self
    }

    fn asks(self, step: u32) -> Self {
        self.with(Event::ModelRequested { step, key: format!("k{step}") })
    }

    fn says(self, step: u32, text: &str) -> Self {
        self.with(Event::TextDelta { step, text: text.into() })
    }

    fn completes(self, step: u32, calls: &[&str]) -> Self {
        let calls = calls
            .iter()
            .enumerate()
            .map(|(number, name)| ToolCall {
                id: format!("call_{step}_{number}"),
                name: (*name).to_owned(),
                arguments: r#"{"queries":["x"],"code":"print(1)"}"#.into(),
            })
            .collect();
        self.with(Event::ModelCompleted { step, calls, usage: Usage::default(), model: "m".into() })
    }

    fn runs(self, call_id: &str) -> Self {
        let output = ToolOutput { ok: true, text: "done".into(), stdout: "1\n".into(), ..ToolOutput::default() };
        self.with(Event::ToolStarted { call_id: call_id.into(), key: "k".into(), container: None })
            .with(Event::ToolProgress { call_id: call_id.into(), stdout: "1\n".into(), stderr: String::new() })
            .with(Event::ToolFinished { call_id: call_id.into(), output: Spilled::Here(Box::new(output)) })
    }

    fn ends(self, status: Status) -> Self {
        self.with(Event::RunFinished { status, error: None })
    }

    fn journal(&self) -> Vec<Recorded> {
        self.0
            .iter()
            .cloned()
            .zip(0..)
            .map(|(event, seq)| Recorded { seq, at_ms: i64::try_from(seq).unwrap(), event })
            .collect()
    }

    fn state(&self) -> State {
        State::fold(&self.journal(), &BTreeMap::new())
    }

    fn next(&self) -> Command {
        decide(&self.state(), LIMITS, 100)
    }

    fn wires(&self) -> Vec<Wire> {
        let mut projector = Projector::default();
        self.journal().iter().flat_map(|recorded| projector.push(recorded, &BTreeMap::new())).collect()
    }
}

fn whole_run() -> Script {
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

#[test]
fn a_run_asks_works_and_answers_in_turn() {
    let run = Script::new();
    assert_eq!(run.next(), Command::AskModel { step: 0, may_use_tools: true, again: false });
    let run = run.asks(0);
    assert_eq!(run.next(), Command::AskModel { step: 0, may_use_tools: true, again: true });
    let run = run.completes(0, &["knowledge_search", "run_python"]);
    assert_eq!(run.next(), Command::RunTools(vec!["call_0_0".into(), "call_0_1".into()]));
    let run = run.runs("call_0_0");
    assert_eq!(run.next(), Command::RunTools(vec!["call_0_1".into()]));
    let run = run.runs("call_0_1");
    assert_eq!(run.next(), Command::AskModel { step: 1, may_use_tools: true, again: false });
    let run = run.asks(1).says(1, "so").completes(1, &[]);
    assert_eq!(run.next(), Command::Finish(Status::Completed, None));
    assert_eq!(run.ends(Status::Completed).next(), Command::Nothing);
}

#[test]
fn the_last_step_has_no_tools() {
    let mut run = Script::new();
    for step in 0..3 {
        run = run.asks(step).completes(step, &["knowledge_search"]).runs(&format!("call_{step}_0"));
    }
    assert_eq!(run.next(), Command::AskModel { step: 3, may_use_tools: false, again: false });
}

#[test]
fn a_failure_is_waited_out_or_ends_the_run() {
    let failed = |retry_at_ms| Event::ModelFailed { step: 0, code: "down".into(), message: "no".into(), retry_at_ms };

    assert_eq!(Script::new().asks(0).with(failed(Some(500))).next(), Command::WaitUntil(500));
    let error = RunError { code: "down".into(), message: "no".into() };
    assert_eq!(Script::new().asks(0).with(failed(None)).next(), Command::Finish(Status::Failed, Some(error)));
}

#[test]
fn a_cancel_goes_before_everything() {
    let run = Script::new().asks(0).completes(0, &["run_python"]).with(Event::CancelRequested);

    assert_eq!(run.next(), Command::Finish(Status::Cancelled, None));
}

#[test]
fn a_run_that_takes_too_long_fails_in_words() {
    let Command::Finish(Status::Failed, Some(error)) = decide(&Script::new().state(), LIMITS, 60_001) else { panic!() };

    assert_eq!(error.code, "time_limit");
}

#[test]
fn events_are_numbered_without_gaps_and_end_once() {
    let wires = whole_run().wires();

    let numbers: Vec<u64> = wires.iter().map(|wire| wire.sequence_number).collect();
    assert_eq!(numbers, (0..wires.len() as u64).collect::<Vec<_>>());
    assert_eq!(wires.iter().filter(|wire| wire.is_terminal).count(), 1);
    assert!(wires.last().unwrap().is_terminal);
}

#[test]
fn the_events_of_a_whole_run() {
    let names: Vec<&str> = whole_run().wires().iter().map(|wire| wire.name).collect();

    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn the_terminal_event_holds_every_item_that_was_shown() {
    let wires = whole_run().wires();

    let done: Vec<_> =
        wires.iter().filter(|wire| wire.name == "response.output_item.done").map(|wire| &wire.data["item"]).collect();
    let output: Vec<_> = wires.last().unwrap().data["response"]["output"].as_array().unwrap().iter().collect();
    assert_eq!(done, output);
}

#[test]
fn words_of_a_broken_turn_are_closed_as_incomplete() {
    let wires = Script::new()
        .asks(0)
        .says(0, "half")
        .with(Event::ModelRestarted { step: 0, key: "k".into() })
        .says(0, "whole")
        .completes(0, &[])
        .ends(Status::Completed)
        .wires();

    let output = &wires.last().unwrap().data["response"]["output"];
    assert_eq!(output[0]["status"], "incomplete");
    assert_eq!(output[1]["status"], "completed");
    assert_eq!(output[1]["content"][0]["text"], "whole");
}

proptest! {
    /// Whoever reconnects after any event gets exactly the rest, however the journal was read in pieces.
    #[test]
    fn a_journal_read_in_pieces_gives_the_same_events(cut in 0_usize..14) {
        let run = whole_run();
        let journal = run.journal();
        let cut = cut.min(journal.len());
        let mut projector = Projector::default();
        let mut wires = Vec::new();
        for piece in [&journal[..cut], &journal[cut..]] {
            let stored: Vec<Recorded> = serde_json::from_str(&serde_json::to_string(piece).unwrap()).unwrap();
            wires.extend(stored.iter().flat_map(|recorded| projector.push(recorded, &BTreeMap::new())));
        }
        prop_assert!(wires == run.wires());
    }
}
