//! What holds for every journal.

use std::collections::BTreeMap;

use proptest::prelude::*;
use septet_kernel::{Clock, Ids};

use super::decide::{Command, decide};
use super::event::{Event, Recorded, RunCreated, RunError, Spilled, Status, ToolCall, Usage};
use super::limits::Limits;
use super::output::{Part, ToolOutput};
use super::state::State;
use crate::wire::responses::project::{Projector, Wire};

const LIMITS: Limits = Limits { max_steps: 4, max_tool_calls: 6, max_wall_ms: 60_000 };

/// A journal as some run could have written it, with a start time of 0 and one millisecond between events.
#[derive(Clone)]
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
            narrowed: false,
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
        self.ends_turn(step, calls, None)
    }

    fn ends_turn(self, step: u32, calls: &[&str], finish: Option<&str>) -> Self {
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

    fn runs(self, call_id: &str) -> Self {
        let mut output = ToolOutput::text("done");
        output.parts.push(Part::Logs { stdout: "1\n".into(), stderr: String::new() });
        self.with(Event::ToolStarted { call_id: call_id.into(), key: "k".into(), container: None, effect: None })
            .with(Event::ToolProgress { call_id: call_id.into(), stdout: "1\n".into(), stderr: String::new() })
            .with(Event::ToolFinished { call_id: call_id.into(), output: Spilled::Here(Box::new(output)) })
    }

    fn finishes(self, call_id: &str) -> Self {
        let output = Spilled::Here(Box::default());
        self.with(Event::ToolFinished { call_id: call_id.into(), output })
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
    let failed = |retry_at_ms| Event::ModelFailed {
        step: 0,
        code: "down".into(),
        message: "no".into(),
        retry_at_ms,
        waits: false,
        usage: None,
    };

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
fn a_run_that_takes_too_long_ends_incomplete_in_words() {
    assert_eq!(ending(&decide(&Script::new().state(), LIMITS, 60_001)), "time_limit");
}

/// The reason of an end that is incomplete.
fn ending(command: &Command) -> &str {
    let Command::Finish(Status::Incomplete, Some(error)) = command else { panic!("{command:?}") };
    assert!(!error.message.is_empty());
    &error.code
}

/// The calls that are refused, and why.
fn refused(command: &Command) -> (Vec<&str>, &str) {
    let Command::RefuseCalls(ids, error) = command else { panic!("{command:?}") };
    (ids.iter().map(String::as_str).collect(), &error.code)
}

#[test]
fn a_model_that_calls_tools_in_its_last_step_ends_the_run() {
    let mut run = Script::new();
    for step in 0..3 {
        run = run.asks(step).completes(step, &["knowledge_search"]).runs(&format!("call_{step}_0"));
    }
    let run = run.asks(3).completes(3, &["knowledge_search", "run_python"]);
    assert_eq!(refused(&run.next()), (vec!["call_3_0", "call_3_1"], "max_steps"));
    let run = run.finishes("call_3_0").finishes("call_3_1");
    assert_eq!(ending(&run.next()), "max_steps");
}

#[test]
fn calls_beyond_the_limit_are_refused_and_the_model_may_answer_once_more() {
    let names = ["knowledge_search"; 8];
    let mut run = Script::new().asks(0).completes(0, &names);
    for number in 0..6 {
        assert!(matches!(run.next(), Command::RunTools(ids) if ids.len() == 6 - number), "{number}");
        run = run.runs(&format!("call_0_{number}"));
    }
    assert_eq!(refused(&run.next()), (vec!["call_0_6", "call_0_7"], "max_tool_calls"));
    let run = run.finishes("call_0_6").finishes("call_0_7");
    assert_eq!(run.next(), Command::AskModel { step: 1, may_use_tools: false, again: false });

    let answers = run.clone().asks(1).says(1, "so").completes(1, &[]);
    assert_eq!(answers.next(), Command::Finish(Status::Completed, None));
    let insists = run.asks(1).completes(1, &["knowledge_search"]);
    assert_eq!(refused(&insists.next()), (vec!["call_1_0"], "max_tool_calls"));
    assert_eq!(ending(&insists.finishes("call_1_0").next()), "max_tool_calls");
}

#[test]
fn a_turn_that_was_cut_off_ends_the_run_incomplete() {
    for (word, reason) in [("length", "max_output_tokens"), ("content_filter", "content_filter")] {
        let run = Script::new().asks(0).says(0, "half").ends_turn(0, &[], Some(word));
        assert_eq!(ending(&run.next()), reason);
        let calls = Script::new().asks(0).ends_turn(0, &["run_python"], Some(word));
        assert_eq!(refused(&calls.next()), (vec!["call_0_0"], reason), "half a program is not run");
        assert_eq!(ending(&calls.finishes("call_0_0").next()), reason);

        let error = RunError { code: reason.into(), message: "so".into() };
        let wires = run.with(Event::RunFinished { status: Status::Incomplete, error: Some(error) }).wires();
        let last = wires.last().unwrap();
        assert_eq!((last.name, last.is_terminal), ("response.incomplete", true));
        let response = &last.data["response"];
        assert_eq!(response["status"], "incomplete");
        assert_eq!(response["incomplete_details"], serde_json::json!({"reason": reason, "message": "so"}));
        assert_eq!(response["error"], serde_json::Value::Null);
        assert_eq!(response["output"][0]["status"], "incomplete");
    }
    let calls = Script::new().asks(0).ends_turn(0, &["run_python"], Some("stop"));
    assert_eq!(calls.next(), Command::RunTools(vec!["call_0_0".into()]), "calls given with stop are calls");
}

#[test]
fn a_long_wait_and_a_takeover_are_told_without_events_that_clients_do_not_know() {
    let waits = Event::RunWaits { until_ms: 57_002, code: "provider_rate_limit".into(), message: "slowly".into() };
    let again = Event::LeaseTaken { epoch: 2, owner: "o".into(), again: true };
    let run = Script::new().asks(0).with(waits).with(again);
    let wires = run.wires();

    let names: Vec<&str> = wires.iter().map(|wire| wire.name).collect();
    assert_eq!(names, ["response.created", "response.in_progress", "response.in_progress", "response.in_progress"]);
    let waiting = serde_json::json!(
        {"code": "provider_rate_limit", "message": "slowly", "until_ms": 57_002, "seconds": 57});
    assert_eq!(wires[2].data["response"]["septet"]["waiting"], waiting);
    assert_eq!(wires[3].data["response"]["septet"]["recoveries"], 1);
    // It is over as soon as anything else happens.
    let over = run.says(0, "so").completes(0, &[]).ends(Status::Completed).wires();
    assert!(over.last().unwrap().data["response"]["septet"].get("waiting").is_none());
}

#[test]
fn what_useless_answers_used_and_thinking_are_in_the_usage() {
    let usage = Usage { input_tokens: 5, output_tokens: 3, reasoning_tokens: 2, ..Usage::default() };
    let failed = Event::ModelFailed {
        step: 0,
        code: "empty_answer".into(),
        message: "no".into(),
        retry_at_ms: Some(1),
        waits: false,
        usage: Some(usage),
    };
    let run = Script::new().asks(0).with(failed).says(0, "so").completes(0, &[]).ends(Status::Completed);

    let wires = run.wires();
    let used = &wires.last().unwrap().data["response"]["usage"];
    assert_eq!((&used["input_tokens"], &used["output_tokens"]), (&5.into(), &3.into()));
    assert_eq!(used["output_tokens_details"]["reasoning_tokens"], 2);
}

/// Runs as each version journaled them, and what clients were shown of them then. A journal folds for ever, and projects
/// byte for byte, whatever became of its tools since.
#[test]
fn journals_from_before_fold_and_project_as_they_did() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journals");
    for version in ["v0.1", "v0.2"] {
        let read = |ending: &str| std::fs::read_to_string(format!("{folder}/{version}.{ending}")).unwrap_or_default();
        let journal: Vec<Recorded> = read("jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect();
        let blobs: BTreeMap<String, ToolOutput> = match read("blobs.json") {
            none if none.is_empty() => BTreeMap::new(),
            some => serde_json::from_str(&some).unwrap(),
        };
        let shown = read("events.jsonl");
        let shown: Vec<&str> = shown.trim_end().split("\n\n").collect();
        let runs: Vec<&[Recorded]> = journal.chunk_by(|_, next| next.seq != 0).collect();
        assert_eq!(runs.len(), shown.len(), "{version}");
        for (run, shown) in runs.into_iter().zip(shown) {
            let mut projector = Projector::default();
            let wires = run.iter().flat_map(|recorded| projector.push(recorded, &blobs));
            let wires: Vec<String> = wires.map(|wire| wire.data.to_string()).collect();
            let shown: Vec<&str> = shown.lines().collect();
            assert_eq!(wires, shown, "{version}");
        }
    }
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
