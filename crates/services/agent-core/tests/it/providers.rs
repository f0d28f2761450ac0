//! What strict providers want of a history.

use serde_json::{Value, json};

use crate::harness::{Harness, Turn, calls, searches, text};

fn sent_arguments(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap().iter();
    let calls = messages.filter_map(|message| message["tool_calls"].as_array()).flatten();
    calls.map(|call| call["function"]["arguments"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn arguments_in_the_history_are_objects_whatever_the_model_wrote() {
    for written in [
        r#"{"queries": ["net sa"#,
        r#"{"queries": ["a"]}{"queries": ["b"]}"#,
        "{\"queries\": [\"a\nb\"",
        "",
        "[]",
        "net sales",
    ] {
        let harness = Harness::start(json!({}), [calls("knowledge_search", &[written]), text("done")]).await;

        let response = harness.ask("go").await;

        assert_eq!((response.status.as_str(), response.output_text()), ("completed", "done"), "{written:?}");
        let asked = harness.peers.asked();
        for arguments in sent_arguments(&asked[1]) {
            assert!(serde_json::from_str::<serde_json::Map<String, Value>>(&arguments).is_ok(), "{arguments:?}");
        }
        let told = asked[1]["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(told["role"], "tool");
        assert!(told["content"].as_str().unwrap().starts_with("error: "), "{written:?}: {told}");
        assert_eq!(harness.peers.n_searches(), 0, "{written:?}");
    }
}

#[tokio::test]
async fn arguments_that_can_only_mean_one_thing_are_used() {
    let good = r#"{"queries":["net sales"]}"#;
    for written in [format!("```json\n{good}\n```"), format!("{{}}{good}"), json!(good).to_string()] {
        let harness = Harness::start(json!({}), [calls("knowledge_search", &[&written]), text("done")]).await;

        assert_eq!(harness.ask("go").await.status, "completed");
        assert_eq!(harness.peers.n_searches(), 1, "{written}");
        assert_eq!(sent_arguments(&harness.peers.asked()[1]), [good]);
    }
}

#[tokio::test]
async fn two_calls_under_one_index_are_both_made() {
    let piece = |id: Value, name: Value, arguments: &str| {
        let mut call = json!({"index": 0, "id": id, "function": {"name": name, "arguments": arguments}});
        call.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        json!({"tool_calls": [call]})
    };
    let (a, b) = (r#"{"queries":["a"]}"#, r#"{"queries":["b"]}"#);
    for ids in [[json!("x"), json!("y")], [Value::Null, Value::Null]] {
        let [first, second] = ids;
        let name = json!("knowledge_search");
        let deltas = vec![
            piece(first, name.clone(), &a[..5]),
            piece(Value::Null, Value::Null, &a[5..]),
            piece(second, name, &b[..5]),
            piece(Value::Null, Value::Null, &b[5..]),
        ];
        let harness = Harness::start(json!({}), [Turn::Says(deltas, Some("tool_calls")), text("done")]).await;

        assert_eq!(harness.ask("go").await.status, "completed");
        assert_eq!(harness.peers.n_searches(), 2);
        assert_eq!(sent_arguments(&harness.peers.asked()[1]), [a, b]);
    }
}

#[tokio::test]
async fn ids_in_the_history_are_the_models_own_and_never_the_same_twice() {
    let harness = Harness::start(json!({}), [searches(2), searches(1), text("done")]).await;

    harness.ask("go").await;

    let messages = harness.peers.asked()[2]["messages"].as_array().unwrap().clone();
    let called: Vec<&str> = messages
        .iter()
        .filter_map(|message| message["tool_calls"].as_array())
        .flatten()
        .map(|call| call["id"].as_str().unwrap())
        .collect();
    let answered: Vec<&str> = messages.iter().filter_map(|message| message["tool_call_id"].as_str()).collect();
    assert_eq!(called, ["c0", "c1", "000000002"]);
    assert_eq!(called, answered);
}
