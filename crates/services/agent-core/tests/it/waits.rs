//! Waiting for a provider, and saying so.

use serde_json::{Value, json};

use crate::harness::{Harness, Turn, text};

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_told_with_the_seconds_to_go() {
    let limited = Turn::Refuses(429, Some(1), "provider x limits the rate");
    let harness = Harness::start(json!({}), [limited, text("so")]).await;

    let run = harness.begin("go").await;

    let events = harness.events(run).await;
    let waiting: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "response.in_progress")
        .map(|(_, data)| &data["response"]["septet"]["waiting"])
        .filter(|waiting| !waiting.is_null())
        .collect();
    assert_eq!(waiting.len(), 1, "{events:?}");
    assert_eq!((&waiting[0]["seconds"], &waiting[0]["message"]), (&json!(1), &json!("provider x limits the rate")));
    let (name, last) = events.last().unwrap();
    assert_eq!(name, "response.completed");
    assert_eq!(last["response"]["septet"]["waiting"], Value::Null);
}

#[tokio::test]
async fn a_server_that_loads_its_model_is_waited_for_however_often_it_says_so() {
    let loading = || Turn::Refuses(503, Some(0), "provider x failed with status 503: Loading model");
    let harness = Harness::start(json!({}), [loading(), loading(), loading(), text("so")]).await;

    assert_eq!(harness.ask("go").await.output_text(), "so");
}

#[tokio::test]
async fn a_wait_that_is_longer_than_the_run_may_take_is_no_wait() {
    let limited = Turn::Refuses(429, Some(3600), "come back in an hour");
    let harness = Harness::start(json!({"max_wall_s": 60}), [limited]).await;

    let response = harness.ask("go").await;

    assert_eq!(
        (response.status.as_str(), &response.extra["error"]["message"]),
        ("failed", &json!("come back in an hour"))
    );
}
