//! What a run does next.

pub(crate) mod script;

use self::script::{LIMITS, Script};
use super::decide::{Command, decide};
use super::error::RunError;
use super::event::{Event, Status};

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
        assert_eq!((last.name.as_str(), last.is_terminal), ("response.incomplete", true));
        let response = &last.data["response"];
        assert_eq!(response["status"], "incomplete");
        assert_eq!(response["incomplete_details"], serde_json::json!({"reason": reason, "message": "so"}));
        assert_eq!(response["error"], serde_json::Value::Null);
        assert_eq!(response["output"][0]["status"], "incomplete");
    }
    let calls = Script::new().asks(0).ends_turn(0, &["run_python"], Some("stop"));
    assert_eq!(calls.next(), Command::RunTools(vec!["call_0_0".into()]), "calls given with stop are calls");
}
