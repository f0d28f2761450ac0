//! The calls of one turn: side by side where they share nothing, and in call order in the journal.

use serde_json::{Value, json};

use crate::harness::{Answer, Harness, Turn, text};

/// A turn that calls these tools with these arguments.
pub(crate) fn turn(calls: &[(&str, Value)]) -> Turn {
    let delta = |(index, (name, arguments)): (usize, &(&str, Value))| {
        json!({"tool_calls": [{"index": index, "id": format!("c{index}"), "type": "function",
            "function": {"name": name, "arguments": arguments.to_string()}}]})
    };
    Turn::Says(calls.iter().enumerate().map(delta).collect(), Some("tool_calls"))
}

fn search(question: &str) -> (&'static str, Value) {
    ("knowledge_search", json!({"queries": [question]}))
}

#[tokio::test]
async fn calls_that_share_nothing_run_side_by_side_and_are_journaled_in_call_order() {
    let calls = turn(&[search("a"), search("bb"), search("ccc")]);
    let harness = Harness::start(json!({}), [calls, text("see [1][2][3]")]).await;
    // None is answered before all have come, and then the last one first.
    harness.peers.answer_together(3);

    let run = harness.begin("go").await;
    let events = harness.events(run).await;

    let found: Vec<(u64, &str)> = events
        .iter()
        .filter(|(name, data)| name == "response.output_item.done" && data["item"]["type"] == "file_search_call")
        .map(|(_, data)| {
            let result = &data["item"]["results"][0];
            (result["attributes"]["number"].as_u64().unwrap(), result["text"].as_str().unwrap())
        })
        .collect();
    let about = |question: &str| format!("Net sales were 12 billion. About {question}.");
    assert_eq!(found, [(1, &*about("a")), (2, &*about("bb")), (3, &*about("ccc"))]);
    let told = harness.peers.asked()[1]["messages"].to_string();
    assert!(told.contains("[2] file=") && told.contains("About bb"), "{told}");
}

#[tokio::test]
async fn a_passage_that_two_calls_find_has_one_number() {
    let harness = Harness::start(json!({}), [turn(&[search("a"), search("b"), search("cc")]), text("see [1]")]).await;
    harness.peers.answer_together(3);

    let response = harness.ask("go").await;

    let numbers: Vec<&Value> =
        response.output.iter().filter_map(|item| item["results"][0]["attributes"].get("number")).collect();
    assert_eq!(numbers, [1, 1, 2]);
}

#[tokio::test]
async fn code_of_one_conversation_runs_one_piece_after_the_other_with_other_calls_beside_it() {
    let code = |code: &str| ("run_python", json!({"code": code}));
    let calls = turn(&[code("a = 1"), search("a"), code("b = a"), code("c = b")]);
    let harness = Harness::start(json!({}), [calls, text("so")]).await;
    harness.peers.sandbox.hang_next();

    let run = harness.begin("go").await;
    while harness.peers.n_searches() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    harness.peers.sandbox.end_all();
    let events = harness.events(run).await;

    assert_eq!(events.last().unwrap().0, "response.completed");

    assert_eq!(harness.peers.sandbox.started(), ["a = 1", "b = a", "c = b"]);
    assert_eq!(harness.peers.sandbox.n_at_once(), 1);
}

#[tokio::test]
async fn code_that_runs_beside_others_is_ended_when_the_run_is_stopped() {
    let calls = turn(&[search("a"), ("run_python", json!({"code": "while True: pass"}))]);
    let harness = Harness::start(json!({}), [calls]).await;
    harness.peers.sandbox.hang_next();
    let run = harness.begin("go").await;
    while harness.peers.sandbox.started().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    let response = Answer::from(harness.agents.cancel(&harness.caller, run).await.unwrap());

    assert_eq!(response.status, "cancelled");
    assert_eq!(harness.peers.sandbox.stopped(), [format!("{run}:call_0_1")]);
    assert!(response.output.iter().all(|item| item["status"] != "in_progress"), "{:?}", response.output);
}

#[tokio::test]
async fn what_has_ended_is_kept_when_the_run_is_stopped_while_an_earlier_call_runs() {
    let calls = turn(&[search("a"), ("run_python", json!({"code": "1"}))]);
    let harness = Harness::start(json!({}), [calls]).await;
    harness.peers.answer_together(2);
    let run = harness.begin("go").await;
    while !harness.peers.sandbox.has_ended() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // The end has to come through to the run.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;

    let response = Answer::from(harness.agents.cancel(&harness.caller, run).await.unwrap());

    let statuses: Vec<&Value> = response.output.iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, ["failed", "completed"]);
    assert_eq!(response.output[1]["outputs"][0]["logs"], "1 ran\n");
}
