//! How runs end: by their limits, cut off, stopped.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Harness, Turn, calls, name_of_a_dead_process, searches, text};

/// How many calls of a run have no output, and the codes of those that failed.
fn outputs(output: &[Value]) -> (usize, Vec<&str>) {
    let calls: Vec<&Value> = output.iter().filter(|item| item["type"] != "message").collect();
    let open = calls.iter().filter(|item| item["status"] == "in_progress").count();
    (open, calls.iter().filter_map(|item| item["septet"]["error"]["code"].as_str()).collect())
}

#[tokio::test]
async fn a_model_that_calls_tools_for_ever_is_ended_by_max_steps() {
    let harness = Harness::start(json!({"max_steps": 4}), []).await;
    harness.peers.always(|| searches(1));

    let response = harness.ask("go").await;

    assert_eq!(response.status, "incomplete");
    assert_eq!(response.extra["incomplete_details"]["reason"], "max_steps");
    assert_eq!(harness.peers.asked().len(), 4);
    assert_eq!(harness.peers.n_searches(), 3, "the calls of the last turn are not made");
    assert_eq!(outputs(&response.output), (0, vec!["max_steps"]));
    assert_eq!(harness.peers.asked()[3]["tool_choice"], "none");
}

#[tokio::test]
async fn calls_beyond_max_tool_calls_get_an_error_and_are_not_made() {
    let limits = json!({"max_steps": 50, "max_tool_calls": 3});
    let harness = Harness::start(limits.clone(), [searches(5), text("so it is")]).await;

    let response = harness.ask("go").await;

    assert_eq!((response.status.as_str(), harness.peers.n_searches()), ("completed", 3));
    assert_eq!(outputs(&response.output), (0, vec!["max_tool_calls", "max_tool_calls"]));
    let told = &harness.peers.asked()[1];
    assert_eq!(told["tool_choice"], "none");
    let outputs: Vec<&str> = told["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["role"] == "tool")
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(outputs.len(), 5, "every call has its output");
    assert!(outputs[3].contains("max_tool_calls") && outputs[4].contains("max_tool_calls"), "{outputs:?}");

    let insistent = Harness::start(limits, []).await;
    insistent.peers.always(|| searches(2));
    let response = insistent.ask("go").await;
    assert_eq!(response.extra["incomplete_details"]["reason"], "max_tool_calls");
    assert_eq!((insistent.peers.asked().len(), insistent.peers.n_searches()), (3, 3));
}

#[tokio::test]
async fn a_model_that_takes_too_long_is_stopped_in_the_middle_of_its_turn() {
    let harness = Harness::start(json!({"max_wall_s": 1}), [Turn::Hangs]).await;

    let response = harness.ask("go").await;

    assert_eq!(response.status, "incomplete");
    assert_eq!(response.extra["incomplete_details"]["reason"], "time_limit");
    assert_eq!(harness.peers.cancelled(), harness.peers.keys(), "the provider is told");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_no_success() {
    for (finish, reason) in [("length", "max_output_tokens"), ("content_filter", "content_filter")] {
        for deltas in [vec![json!({"content": "Net sales rose by 12 % and"})], vec![]] {
            let harness = Harness::start(json!({}), [Turn::Says(deltas, Some(finish))]).await;

            let run = harness.begin("go").await;

            let events = harness.events(run).await;
            let (name, last) = events.last().unwrap();
            assert_eq!(name, "response.incomplete");
            assert_eq!(last["response"]["status"], "incomplete");
            assert_eq!(last["response"]["incomplete_details"]["reason"], reason);
        }
    }
}

#[tokio::test]
async fn calls_that_are_given_are_calls_whatever_the_reason_says() {
    let Turn::Says(deltas, _) = searches(1) else { panic!() };
    let harness = Harness::start(json!({}), [Turn::Says(deltas, Some("stop")), text("so")]).await;

    assert_eq!((harness.ask("go").await.status.as_str(), harness.peers.n_searches()), ("completed", 1));
}

#[tokio::test]
async fn calls_that_are_announced_and_not_given_are_asked_for_again_under_another_key() {
    let announced = || Turn::Says(vec![json!({"content": "I will search."})], Some("tool_calls"));
    let harness = Harness::start(json!({}), [announced(), text("so")]).await;

    let response = harness.ask("go").await;

    assert_eq!(response.status, "completed");
    assert_eq!(response.output_text(), "I will search.so");
    let keys = harness.peers.keys();
    assert_ne!(keys[0], keys[1], "the first answer lies under the first key");
    let usage = &response.extra["usage"];
    assert_eq!((&usage["output_tokens"], &usage["output_tokens_details"]["reasoning_tokens"]), (&10.into(), &4.into()));

    let stubborn = Harness::start(json!({}), [announced(), announced()]).await;
    let response = stubborn.ask("go").await;
    assert_eq!((response.status.as_str(), &response.extra["error"]["code"]), ("failed", &"calls_missing".into()));
}

#[tokio::test]
async fn an_answer_of_nothing_is_no_success() {
    let harness = Harness::start(json!({}), []).await;
    harness.peers.always(|| Turn::Says(vec![json!({"content": ""})], Some("stop")));

    let response = harness.ask("go").await;

    assert_eq!((response.status.as_str(), &response.extra["error"]["code"]), ("failed", &"empty_answer".into()));
}

#[tokio::test]
async fn a_cancel_reaches_the_model_gateway() {
    let harness = Harness::start(json!({}), [Turn::Hangs, text("next")]).await;
    let run = harness.begin("go").await;
    harness.peers.arrived().await;

    let response = Answer::from(harness.agents.cancel(&harness.caller, run).await.unwrap());

    assert_eq!(response.status, "cancelled");
    assert_eq!(harness.peers.cancelled(), harness.peers.keys());
    assert_eq!(harness.ask_on(&response, "again").await.output_text(), "next");
}

#[tokio::test]
async fn leaving_cancels_nothing_and_the_run_is_taken_up_under_the_same_key() {
    let harness = Harness::start(json!({}), [Turn::Hangs, text("Well, so.")]).await;
    let run = harness.begin("go").await;
    harness.peers.arrived().await;

    // The process is gone without a word: its name is that of a dead one, and its lease lasts for ten minutes more.
    let harness = harness
        .restart(async |database| {
            let dead = name_of_a_dead_process();
            let far = i64::MAX / 2;
            let sql = format!("UPDATE agent_runs SET owner = '{dead}', lease_until = {far}");
            sea_orm::ConnectionTrait::execute_unprepared(database.writer(), &sql).await.unwrap();
        })
        .await;

    let events = tokio::time::timeout(Duration::from_secs(30), harness.events(run)).await.expect("it is taken up");
    assert_eq!(events.last().unwrap().0, "response.completed");
    let told = events.iter().filter(|(name, _)| name == "response.in_progress");
    let told: Vec<&Value> = told.map(|(_, data)| &data["response"]["septet"]["recoveries"]).collect();
    assert_eq!(told, [&Value::Null, &json!(1)], "it is told that the run is taken up again");
    let keys = harness.peers.keys();
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    assert_eq!(harness.peers.cancelled(), Vec::<String>::new());
}

#[tokio::test]
async fn a_call_of_a_tool_that_is_not_there_is_told_in_a_name_that_providers_take() {
    let harness = Harness::start(json!({}), [calls("functions.send rocket", &["{}"]), text("so")]).await;

    assert_eq!(harness.ask("go").await.status, "completed");
    let message = &harness.peers.asked()[1]["messages"][2];
    assert_eq!(message["tool_calls"][0]["function"]["name"], "functions_send_rocket");
}
