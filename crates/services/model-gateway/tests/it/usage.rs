//! One record for every call that may have cost, with the provider's own figures.

use futures::StreamExt;
use septet_contracts::models::{CallOptions, EmbeddingInput, EmbeddingRequest, UsageStatus};
use serde_json::json;
use tokio::sync::mpsc;

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, done, event, good, good_whole, says, stops, used};

async fn up(script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    (upstream, gateway)
}

#[tokio::test]
async fn a_call_is_recorded_once_with_its_owner_and_price() {
    let (_upstream, gateway) = up(vec![good("hi"), good_whole("hi")]).await;
    let options = CallOptions { run: Some("resp_9".into()), idempotency_key: None };
    gateway.say_with(&request("m", "x"), &options).await.unwrap();
    gateway.models.chat(&gateway.caller, &request("m", "x"), &options).await.unwrap();

    let records = gateway.all_usage().await;

    assert_eq!(records.len(), 2);
    for (place, record) in (1..).zip(&records) {
        assert_eq!(
            (record.input_tokens, record.output_tokens, record.cost_nano, record.estimated),
            (10, 5, 10 + 2 * 5, false)
        );
        assert_eq!(
            (record.tenant, record.user, record.key, record.request),
            (gateway.caller.tenant, gateway.caller.user, gateway.caller.key, gateway.caller.request)
        );
        assert_eq!(
            (record.run.as_deref(), record.model.as_str(), record.provider.as_str(), record.status),
            (Some("resp_9"), "m", "up", UsageStatus::Completed)
        );
        assert_eq!(record.cursor, place);
    }
    let page = gateway.models.usage_after(&gateway.caller, 0, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next, page.has_more), (1, 1, true));
    let page = gateway.models.usage_after(&gateway.caller, page.next, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next, page.has_more), (1, 2, false));
}

#[tokio::test]
async fn the_last_figures_count_and_missing_ones_are_estimated() {
    let with_choices = event(
        &json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
    );
    let (_upstream, gateway) = up(vec![
        Turn::Events(vec![says("hi"), with_choices, done()]),
        Turn::Events(vec![says("hi"), used(7, 1), stops(), used(7, 3), done()]),
        Turn::Events(vec![says("12345678"), stops(), done()]),
        // Closed without [DONE] after a finish reason: complete all the same.
        Turn::Events(vec![says("12345678"), stops()]),
    ])
    .await;
    for _call in 0..4 {
        gateway.say("x").await.unwrap();
    }

    let records: Vec<_> = gateway
        .all_usage()
        .await
        .into_iter()
        .map(|record| (record.input_tokens, record.output_tokens, record.estimated))
        .collect();

    assert_eq!(records, [(7, 3, false), (7, 3, false), (1, 3, true), (1, 3, true)]);
}

#[tokio::test]
async fn a_caller_who_leaves_stops_the_provider_and_is_charged_for_what_came() {
    let (sender, feed) = mpsc::unbounded_channel();
    let (upstream, gateway) = up(vec![Turn::Feed(feed)]).await;
    sender.send(says("12345678")).unwrap();
    {
        let chunks =
            gateway.models.chat_stream(&gateway.caller, &request("m", "x"), &CallOptions::default()).await.unwrap();
        let mut chunks = std::pin::pin!(chunks);
        chunks.next().await.unwrap().unwrap();
    }

    upstream.left().await;
    let records = gateway.all_usage().await;

    assert_eq!(records.len(), 1);
    assert_eq!((records[0].status, records[0].output_tokens, records[0].estimated), (UsageStatus::Cancelled, 3, true));
    drop(sender);
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_first_piece_stops_the_provider_too() {
    let (upstream, gateway) = up(vec![Turn::Hang]).await;
    {
        let asked = request("m", "x");
        let options = CallOptions::default();
        let call = gateway.models.chat_stream(&gateway.caller, &asked, &options);
        tokio::select! {
            _ = call => panic!("the provider never answers"),
            () = upstream.arrived() => {}
        }
    }

    upstream.left().await;
    assert_eq!(gateway.all_usage().await[0].status, UsageStatus::Cancelled);
}

#[tokio::test]
async fn a_refused_call_costs_nothing_and_a_broken_one_what_came() {
    for free in [429, 401, 402, 500] {
        let (_upstream, gateway) = up(vec![Turn::Status(free, vec![], "{}".into())]).await;
        assert!(gateway.say("x").await.is_err());
        assert!(gateway.all_usage().await.is_empty(), "{free}");
    }
    let (_upstream, gateway) = up(vec![Turn::Events(vec![says("12345678")])]).await;
    assert!(gateway.say("x").await.is_err());

    let records = gateway.all_usage().await;

    assert_eq!(records.len(), 1);
    assert_eq!((records[0].status, records[0].output_tokens), (UsageStatus::Failed, 3));
}

#[tokio::test]
async fn embeddings_are_recorded_too() {
    let body = json!({"object": "list", "model": "text-embedding-m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "usage": {"prompt_tokens": 4, "total_tokens": 4}});
    let (upstream, gateway) = up(vec![Turn::Status(200, vec![], body.to_string())]).await;
    let asked = EmbeddingRequest {
        model: String::new(),
        input: EmbeddingInput::Many(vec!["x".into()]),
        dimensions: None,
        extra: Default::default(),
    };

    let reply = gateway.models.embed(&gateway.caller, &asked, &CallOptions::default()).await.unwrap();

    assert_eq!(reply.data[0].embedding, [0.5, -1.0]);
    assert_eq!(upstream.asked()[0]["model"], "text-embedding-m");
    assert_eq!(gateway.all_usage().await[0].input_tokens, 4);
}
