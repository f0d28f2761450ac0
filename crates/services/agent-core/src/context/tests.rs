//! What holds for every history.

use super::messages::Messages;
use super::*;
use crate::run::event::{Spilled, ToolCall, Usage};
use crate::run::output::ToolOutput;
use crate::run::state::{Call, Step};

fn call(model_id: Option<&str>, name: &str, arguments: &str, output: Option<&str>) -> Call {
    let output = output.map(ToolOutput::text);
    let request = ToolCall {
        id: "call_0_0".to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        model_id: model_id.map(str::to_owned),
        shape: None,
    };
    Call { request, begun: None, output }
}

fn written(calls: Vec<Call>) -> Value {
    let mut state = State::default();
    let step: Step = turn(&mut state, calls);
    let mut messages = Messages::default();
    messages.step(&step, &BTreeMap::new(), |call| call.output.as_ref().map_or_else(String::new, read));
    serde_json::to_value(messages.list).unwrap()
}

fn turn(state: &mut State, calls: Vec<Call>) -> Step {
    use crate::run::event::{Event, Recorded};
    let event = Event::ModelRequested { step: 0, key: "k".to_owned() };
    state.apply(&Recorded { seq: 0, at_ms: 0, event }, &BTreeMap::new());
    let mut step = state.steps.pop().unwrap();
    step.calls = calls;
    step.usage = Some(Usage::default());
    step
}

#[test]
fn a_call_of_an_old_journal_goes_back_in_a_form_that_providers_take() {
    let messages = written(vec![
        call(None, "", r#"{"code": "pri"#, None),
        call(Some("functions.f:0"), "f", "{}", Some("")),
        call(Some("functions.f:0"), "f", r#"{"a": 1}"#, Some("so")),
        call(Some(&"x".repeat(99)), &"n".repeat(99), "[]", Some("so")),
    ]);

    let calls = messages[0]["tool_calls"].as_array().unwrap();
    let seen: Vec<(&str, &str)> = calls
        .iter()
        .map(|call| (call["id"].as_str().unwrap(), call["function"]["arguments"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("000000000", "{}"), ("functions.f:0", "{}"), ("000000002", r#"{"a": 1}"#), ("000000003", "{}")]);
    assert_eq!(calls[0]["function"]["name"], "unknown");
    assert_eq!(calls[3]["function"]["name"], "n".repeat(64));
    let outputs: Vec<(&str, &str)> = messages.as_array().unwrap()[1..]
        .iter()
        .map(|output| (output["tool_call_id"].as_str().unwrap(), output["content"].as_str().unwrap()))
        .collect();
    let none = "no output";
    assert_eq!(outputs, [("000000000", none), ("functions.f:0", none), ("000000002", "so"), ("000000003", "so")]);
}

#[test]
fn thinking_that_is_no_longer_stored_is_left_out() {
    let mut state = State::default();
    let mut step = turn(&mut state, vec![call(None, "f", "{}", Some("so"))]);
    step.thinking = Some(Spilled::Blob("a".repeat(64).parse().unwrap()));
    let mut messages = Messages::default();
    messages.step(&step, &BTreeMap::new(), |_| String::new());

    assert!(messages.list[0].extra.is_empty());
}
