//! What holds for every projection.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use septet_contracts::responses::ResponseEvent;

use super::project::Projector;
use crate::run::effect::Effect;
use crate::run::error::RunError;
use crate::run::event::{Event, Recorded, Spilled, Status, ToolCall, Usage};
use crate::run::output::{Part, Passage, ToolOutput};
use crate::run::shape::Shape;
use crate::run::state::State;
use crate::run::tests::script::{Script, whole_run};

#[test]
fn a_long_wait_and_a_takeover_are_told_without_events_that_clients_do_not_know() {
    let waits = Event::RunWaits { until_ms: 57_002, code: "provider_rate_limit".into(), message: "slowly".into() };
    let again = Event::LeaseTaken { epoch: 2, owner: "o".into(), again: true };
    let run = Script::new().asks(0).with(waits).with(again);
    let wires = run.wires();

    let names: Vec<&str> = wires.iter().map(|wire| wire.name.as_str()).collect();
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
    for version in ["v0.1", "v0.2", "v0.3"] {
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
            let wires: Vec<String> = wires.map(|event| serde_json::to_value(event).unwrap().to_string()).collect();
            let shown: Vec<&str> = shown.lines().collect();
            assert_eq!(wires, shown, "{version}");
        }
    }
}

#[test]
fn events_are_numbered_without_gaps_and_end_once() {
    let wires = whole_run().wires();

    let numbers: Vec<u64> = wires.iter().map(|event| event.sequence_number).collect();
    assert_eq!(numbers, (0..wires.len() as u64).collect::<Vec<_>>());
    assert_eq!(wires.iter().filter(|wire| wire.is_terminal).count(), 1);
    assert!(wires.last().unwrap().is_terminal);
}

#[test]
fn the_events_of_a_whole_run() {
    let names: Vec<String> = whole_run().wires().iter().map(|wire| wire.name.clone()).collect();

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

/// Anything that can follow in a journal, whether a run would write it or not: a projection must hold for all.
fn any_event() -> impl Strategy<Value = Event> {
    let step = 0..3_u32;
    let call = (0..3_u32, 0..3_usize).prop_map(|(step, number)| format!("call_{step}_{number}"));
    let name = prop_oneof![
        Just("knowledge_search"),
        Just("run_python"),
        Just("run_sql"),
        Just("send_rocket"),
        Just("current_time")
    ];
    let shape = prop_oneof![
        Just(None),
        Just(Some(Shape::FileSearch)),
        Just(Some(Shape::code("sql"))),
        Just(Some(Shape::own()))
    ];
    let tool_call = (name, shape, "[ -~]{0,12}");
    let text = "[a-z\\[\\]1-3 ]{0,12}";
    prop_oneof![
        3 => step.clone().prop_map(|step| Event::ModelRequested { step, key: "k".into() }),
        1 => step.clone().prop_map(|step| Event::ModelRestarted { step, key: "k2".into() }),
        4 => (step.clone(), text).prop_map(|(step, text)| Event::TextDelta { step, text }),
        3 => (step.clone(), vec(tool_call, 0..3), finish()).prop_map(|(step, calls, finish)| {
            let call = |(number, (name, shape, arguments)): (usize, (&str, Option<Shape>, String))| ToolCall {
                id: format!("call_{step}_{number}"), name: name.to_owned(), arguments, model_id: None, shape,
            };
            let calls = calls.into_iter().enumerate().map(call).collect();
            Event::ModelCompleted { step, calls, usage: Usage::default(), model: "m".into(), finish, thinking: None }
        }),
        1 => (step, any::<bool>()).prop_map(|(step, waits)| Event::ModelFailed {
            step, code: "down".into(), message: "no".into(), retry_at_ms: Some(9), waits, usage: None,
        }),
        1 => Just(Event::RunWaits { until_ms: 9_000, code: "slow".into(), message: "slowly".into() }),
        2 => (call.clone(), any::<bool>()).prop_map(|(call_id, is_pure)| Event::ToolStarted {
            call_id, key: "k".into(), container: None, effect: Some(if is_pure { Effect::Pure } else { Effect::Once }),
        }),
        2 => (call.clone(), text).prop_map(|(call_id, stdout)| {
            Event::ToolProgress { call_id, stdout, stderr: String::new() }
        }),
        3 => (call, any_output()).prop_map(|(call_id, output)| Event::ToolFinished { call_id, output }),
        1 => Just(Event::LeaseTaken { epoch: 2, owner: "o".into(), again: true }),
        1 => Just(Event::CancelRequested),
    ]
}

fn finish() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), Just(Some("stop".to_owned())), Just(Some("length".to_owned()))]
}

fn any_output() -> impl Strategy<Value = Spilled<ToolOutput>> {
    let passage = (1..4_u32).prop_map(|number| Passage {
        number,
        id: format!("psg_{number}"),
        file: "file-1".into(),
        filename: "a.pdf".into(),
        page: 1,
        page_end: 2,
        heading: "h".into(),
        text: "t".into(),
        score: 0.5,
    });
    let error = RunError { code: "c".into(), message: "m".into() };
    let part = prop_oneof![
        Just(Part::Text { text: "t".into() }),
        vec(passage, 0..3).prop_map(|passages| Part::Passages { passages }),
        Just(Part::Logs { stdout: "o".into(), stderr: "e".into() }),
        Just(Part::Error(error)),
    ];
    let output = (any::<bool>(), vec(part, 0..4)).prop_map(|(ok, parts)| ToolOutput { ok, parts });
    prop_oneof![
        4 => output.prop_map(|output| Spilled::Here(Box::new(output))),
        // One that is stored no longer.
        1 => Just(Spilled::Blob("a".repeat(64).parse().unwrap())),
    ]
}

fn stored(journal: &[Recorded]) -> Vec<Recorded> {
    serde_json::from_str(&serde_json::to_string(journal).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever reconnects after any event, or to another process, gets exactly the rest under the same numbers.
    #[test]
    fn a_projector_that_begins_at_any_place_gives_the_same_events(
        events in vec(any_event(), 0..24), status in prop_oneof![Just(None), Just(Some(Status::Completed)), Just(Some(Status::Failed))]
    ) {
        let script = events.into_iter().fold(Script::new(), Script::with);
        let journal = status.into_iter().fold(script, Script::ends).journal();
        let blobs = BTreeMap::new();
        let mut whole = Projector::default();
        let mut wires = Vec::new();
        let mut n_before = vec![0];
        let mut responses = vec![whole.response()];
        for recorded in &journal {
            wires.extend(whole.push(recorded, &blobs));
            n_before.push(wires.len());
            responses.push(whole.response());
        }
        let numbers: Vec<u64> = wires.iter().map(ResponseEvent::sequence_number).collect();
        prop_assert_eq!(numbers, (0..wires.len() as u64).collect::<Vec<_>>());
        for place in 0..=journal.len() {
            // Another process reads what is stored, up to here, and then what comes.
            let mut projector = Projector::default();
            let shown: Vec<ResponseEvent> = stored(&journal[..place]).iter().flat_map(|one| projector.push(one, &blobs)).collect();
            prop_assert_eq!(&shown[..], &wires[..n_before[place]]);
            prop_assert_eq!(projector.response(), responses[place].clone());
            projector.forget_input();
            let rest: Vec<ResponseEvent> = stored(&journal[place..]).iter().flat_map(|one| projector.push(one, &blobs)).collect();
            prop_assert_eq!(&rest[..], &wires[n_before[place]..]);
            let mut state = State::fold(&journal[..place], &blobs);
            journal[place..].iter().for_each(|one| state.apply(one, &blobs));
            prop_assert_eq!(format!("{state:?}"), format!("{:?}", State::fold(&stored(&journal), &blobs)));
        }
    }
}
