//! What a model thought goes back to it, word for word.

use serde_json::{Value, json};

use crate::harness::{Harness, Turn, text};

fn thinks_and_calls(thought: &str) -> Turn {
    let call = json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function",
        "function": {"name": "knowledge_search", "arguments": "{\"queries\":[\"x\"]}"},
        "extra_content": {"google": {"thought_signature": "sig-of-call"}}}]});
    let detail =
        json!({"reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "", "signature": "sig=="}]});
    let sealed = json!({"reasoning_details": [{"index": 1, "type": "reasoning.encrypted", "data": "sealed"}]});
    let (begin, end) = thought.split_at(thought.len() / 2);
    let deltas = vec![json!({"reasoning_content": begin}), json!({"reasoning_content": end}), detail, sealed, call];
    Turn::Says(deltas, Some("tool_calls"))
}

/// The messages with calls that a request holds.
fn turns(body: &Value) -> Vec<&Value> {
    body["messages"].as_array().unwrap().iter().filter(|message| message["tool_calls"].is_array()).collect()
}

fn check(turn: &Value, thought: &str) {
    assert_eq!(turn["reasoning_content"], thought);
    let details = &turn["reasoning_details"];
    assert_eq!((&details[0]["text"], &details[0]["signature"]), (&json!(thought), &json!("sig==")));
    assert_eq!(details[1]["data"], "sealed");
    assert_eq!(turn["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "sig-of-call");
    assert_eq!(turn["septet_maker"], "compat");
}

#[tokio::test]
async fn thinking_goes_back_with_the_outputs_of_tools_and_with_the_next_question() {
    let harness = Harness::start(json!({}), [thinks_and_calls("I will compute."), text("done"), text("and so")]).await;

    let first = harness.ask("go").await;
    assert_eq!(first.status, "completed");
    harness.peers.provider("another");
    harness.ask_on(&first, "and then?").await;

    let asked = harness.peers.asked();
    check(turns(&asked[1])[0], "I will compute.");
    check(turns(&asked[2])[0], "I will compute.");
}

#[tokio::test]
async fn long_thinking_lies_in_the_blob_store_and_survives_a_restart() {
    let thought = "We look at each line. ".repeat(2_000);
    let harness = Harness::start(json!({}), [thinks_and_calls(&thought), Turn::Hangs, text("Well done")]).await;
    let run = harness.begin("go").await;
    harness.peers.arrived().await;
    while harness.peers.asked().len() < 2 {
        harness.peers.arrived().await;
    }
    let database = std::fs::read(harness.blobs().with_file_name("septet.db")).unwrap();
    assert!(!String::from_utf8_lossy(&database).contains(&thought[..2_000]), "the journal stays small");

    let harness = harness.restart(async |_database| {}).await;

    assert_eq!(harness.events(run).await.last().unwrap().0, "response.completed");
    let asked = harness.peers.asked();
    check(turns(&asked[1])[0], &thought);
    assert_eq!(asked[1], asked[2], "a call that is repeated is the same call");
}
