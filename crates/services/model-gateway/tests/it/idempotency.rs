//! The same key: one call, one charge, the same answer.

use std::time::Duration;

use futures::StreamExt;
use septet_contracts::models::{CallOptions, UsageStatus};
use septet_kernel::Kind;
use tokio::sync::mpsc;

use crate::gateway::{Gateway, keyed, provider, request};
use crate::upstream::{Turn, Upstream, done, good, good_whole, says, stops, used};

async fn up(script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    (upstream, gateway)
}

#[tokio::test]
async fn an_answer_is_given_again_and_charged_once() {
    let (upstream, gateway) = up(vec![good("hi"), good_whole("whole")]).await;
    for _again in 0..3 {
        assert_eq!(gateway.say_with(&request("m", "x"), &keyed("k1")).await.unwrap(), "hi");
        let answer = gateway.models.chat(&gateway.caller, &request("m", "x"), &keyed("k2")).await.unwrap();
        assert_eq!(answer.choices[0].message.all_text(), "whole");
    }

    assert_eq!(upstream.asked().len(), 2);
    assert_eq!(gateway.all_usage().await.len(), 2);
}

#[tokio::test]
async fn a_second_caller_attaches_to_the_running_answer() {
    let (sender, feed) = mpsc::unbounded_channel();
    let (upstream, gateway) = up(vec![Turn::Feed(feed)]).await;
    sender.send(says("one ")).unwrap();
    let asked = request("m", "x");
    let options = keyed("k");
    let first = gateway.models.chat_stream(&gateway.caller, &asked, &options).await.unwrap();
    let second = gateway.models.chat_stream(&gateway.caller, &asked, &options).await.unwrap();
    sender.send(says("two")).unwrap();
    sender.send(stops() + &used(1, 1) + &done()).unwrap();
    drop(sender);

    let (first, second): (Vec<_>, Vec<_>) = futures::join!(first.collect(), second.collect());

    assert_eq!(first, second);
    assert!(first.iter().all(Result::is_ok) && first.len() == 4, "{first:?}");
    assert_eq!(upstream.asked().len(), 1);
    assert_eq!(gateway.all_usage().await.len(), 1);
}

#[tokio::test]
async fn a_keyed_call_goes_on_when_its_caller_leaves() {
    let (sender, feed) = mpsc::unbounded_channel();
    let (upstream, gateway) = up(vec![Turn::Feed(feed)]).await;
    sender.send(says("one ")).unwrap();
    {
        let chunks = gateway.models.chat_stream(&gateway.caller, &request("m", "x"), &keyed("k")).await.unwrap();
        let mut chunks = std::pin::pin!(chunks);
        chunks.next().await.unwrap().unwrap();
    }
    sender.send(says("two") + &stops() + &used(9, 9) + &done()).unwrap();
    drop(sender);

    assert_eq!(gateway.say_with(&request("m", "x"), &keyed("k")).await.unwrap(), "one two");
    let records = gateway.all_usage().await;
    assert_eq!((records.len(), records[0].status, records[0].output_tokens), (1, UsageStatus::Completed, 9));
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_cancelled_call_lets_its_provider_go_and_is_charged_for_what_it_used() {
    let (sender, feed) = mpsc::unbounded_channel();
    let (upstream, gateway) = up(vec![Turn::Feed(feed), good("anew")]).await;
    sender.send(says("one ")).unwrap();
    let asked = request("m", "x");
    let options = keyed("k");
    let chunks = gateway.models.chat_stream(&gateway.caller, &asked, &options).await.unwrap();
    let mut chunks = std::pin::pin!(chunks);
    chunks.next().await.unwrap().unwrap();

    let mut stranger = gateway.caller.clone();
    stranger.tenant = gateway.platform.ids.next();
    assert!(!gateway.models.cancel(&stranger, "k").await.unwrap(), "another tenant's key is its own");
    assert!(gateway.models.cancel(&gateway.caller, "k").await.unwrap());
    // The provider would go on sending; its connection is closed while the test still holds the sender.
    let watched = async {
        while sender.send(says("more ")).is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        upstream.left().await;
    };
    tokio::time::timeout(Duration::from_secs(5), watched).await.expect("the provider is let go");
    let last = chunks.filter_map(async |chunk| chunk.err()).collect::<Vec<_>>().await;
    assert_eq!(last.iter().map(|error| error.code.as_str()).collect::<Vec<_>>(), ["call_cancelled"]);

    // A request that the cancel overtook begins nothing; an ended call is none to cancel.
    let late = gateway.say_with(&asked, &options).await.unwrap_err();
    assert_eq!((late.kind, late.code.as_str()), (Kind::Conflict, "call_cancelled"));
    assert!(!gateway.models.cancel(&gateway.caller, "k").await.unwrap());
    assert_eq!(upstream.asked().len(), 1);
    let records = gateway.all_usage().await;
    assert_eq!((records.len(), records[0].status), (1, UsageStatus::Cancelled));
    assert!(records[0].output_tokens > 0, "{records:?}");
}

#[tokio::test]
async fn a_call_cancelled_before_its_first_word_lets_its_provider_go() {
    let (upstream, gateway) = up(vec![Turn::Hang]).await;
    let asked = request("m", "x");
    let options = keyed("k");
    let asking = gateway.models.chat(&gateway.caller, &asked, &options);
    let cancelling = async {
        upstream.arrived().await;
        assert!(gateway.models.cancel(&gateway.caller, "k").await.unwrap());
        tokio::time::timeout(Duration::from_secs(5), upstream.left()).await.expect("the provider is let go");
    };

    let (answer, ()) = futures::join!(asking, cancelling);

    assert_eq!(answer.unwrap_err().code, "call_cancelled");
    assert_eq!(gateway.all_usage().await[0].status, UsageStatus::Cancelled);
}

#[tokio::test]
async fn a_key_used_with_another_request_is_a_conflict_and_another_tenants_key_is_its_own() {
    let (upstream, mut gateway) = up(vec![good("one"), good("two")]).await;
    gateway.say_with(&request("m", "x"), &keyed("k")).await.unwrap();

    let error = gateway.say_with(&request("m", "other"), &keyed("k")).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (Kind::Conflict, "idempotency_key_reused"));

    gateway.caller.tenant = gateway.platform.ids.next();
    assert_eq!(gateway.say_with(&request("m", "other"), &keyed("k")).await.unwrap(), "two");
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn a_failed_answer_is_not_kept() {
    let (upstream, gateway) =
        up(vec![Turn::Status(503, vec![], "{}".into()), Turn::Events(vec![says("Hal")]), good("hi")]).await;

    assert!(gateway.say_with(&request("m", "x"), &keyed("k")).await.is_err());
    assert!(gateway.say_with(&request("m", "x"), &keyed("k")).await.is_err());
    assert_eq!(gateway.say_with(&request("m", "x"), &keyed("k")).await.unwrap(), "hi");
    assert_eq!(upstream.asked().len(), 3);
}

#[tokio::test]
async fn the_answer_says_when_it_is_not_new() {
    let (_upstream, gateway) = up(vec![good_whole("hi")]).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    let headers = [("idempotency-key", "k")];

    assert!(!gateway.raw("/v1/chat/completions", body, &headers).await.1.contains_key("x-septet-replayed"));
    assert_eq!(gateway.raw("/v1/chat/completions", body, &headers).await.1["x-septet-replayed"], "stored");
    let _unkeyed = CallOptions::default();
}
