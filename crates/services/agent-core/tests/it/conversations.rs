//! What the model is shown of a conversation.

use septet_contracts::agents::{CreateResponse, Input};
use serde_json::{Value, json};

use crate::harness::{Harness, request, searches, text};

fn roles(body: &Value) -> Vec<&str> {
    body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_next_question_sees_earlier_calls_and_their_outputs() {
    let harness = Harness::start(json!({}), [searches(2), text("12 billion [1]"), text("yes")]).await;

    let first = harness.ask("How much?").await;
    harness.ask_on(&first, "Are you sure?").await;

    let asked = &harness.peers.asked()[2];
    assert_eq!(roles(asked), ["system", "user", "assistant", "tool", "tool", "assistant", "user"]);
    let output = asked["messages"][3]["content"].as_str().unwrap();
    assert!(output.contains("report.pdf, page 3: Net sales were 12 billion."), "{output}");
    assert!(!output.contains("[1]"), "numbers are each run's own: {output}");
    assert_eq!(asked["messages"][2]["tool_calls"][0]["function"]["arguments"], r#"{"queries":["net sales"]}"#);
}

#[tokio::test]
async fn a_long_conversation_keeps_its_answers_and_its_latest_calls() {
    let harness = Harness::start(json!({}), []).await;
    harness.peers.script([searches(1), text("first")]);
    let mut last = harness.ask("q0").await;
    for _ in 1..6 {
        harness.peers.script([searches(32), text("later")]);
        last = harness.ask_on(&last, "q").await;
    }
    let n_before = harness.peers.asked().len();
    harness.ask_on(&last, "end").await;

    let asked = &harness.peers.asked()[n_before];
    assert!(asked.to_string().len() < 100_000, "{}", asked.to_string().len());
    let roles = roles(asked);
    assert_eq!(roles.iter().filter(|role| **role == "user").count(), 7);
    assert!(roles.contains(&"tool"), "the latest calls are there");
    assert!(roles.iter().filter(|role| **role == "tool").count() < 5 * 32, "the earliest are not");
}

#[tokio::test]
async fn messages_are_in_an_order_that_every_template_takes() {
    let harness = Harness::start(json!({}), []).await;
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let input = Input::Items(vec![
        said("user", "one"),
        said("developer", "be short"),
        said("user", "two"),
        said("user", " "),
        said("assistant", "three"),
        said("user", "four"),
    ]);
    harness.agents.create(&harness.caller, &CreateResponse { input, ..request("") }).await.unwrap();

    let asked = &harness.peers.asked()[0];
    assert_eq!(roles(asked), ["system", "user", "assistant", "user"]);
    assert_eq!(asked["messages"][0]["content"], "You help.\n\nbe short");
    assert_eq!(asked["messages"][1]["content"], "one\n\ntwo");

    let input = Input::Items(vec![said("system", "Say hello.")]);
    harness.agents.create(&harness.caller, &CreateResponse { input, ..request("") }).await.unwrap();
    assert_eq!(roles(&harness.peers.asked()[1]), ["system", "user"]);
}
