//! Budgets, and clients that come with a key of the settings.

use std::cell::Cell;
use std::time::Duration;

use septet_contracts::models::CallOptions;
use septet_kernel::Kind;
use septet_model_gateway::{Amount, BudgetConfig, BudgetKind, Config, KeyConfig, Secret, WindowKind};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, done, good, says, stops, used};

fn money(scope: &str, max: &str) -> BudgetConfig {
    BudgetConfig {
        scope: scope.to_owned(),
        what: BudgetKind::Money,
        window: Some(WindowKind::Total),
        max: Amount::Decimal(max.to_owned()),
    }
}

async fn with(budgets: Vec<BudgetConfig>, script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let mut config = Config { budgets, retries: 0, ..Config::default() };
    config.providers.insert("up".to_owned(), provider(&upstream.url));
    let key = KeyConfig {
        key: Secret::new("sk-alpha-0123456789"),
        tenant: "acme".to_owned(),
        group: Some("research".to_owned()),
        models: Vec::new(),
    };
    config.keys.insert("alpha".to_owned(), key);
    (upstream, Gateway::open(config).await)
}

#[tokio::test]
async fn of_fifty_parallel_streams_exactly_the_affordable_ones_start() {
    // The model costs 1 nano for a token read and 2 for one written (see `provider`).
    let mut asked = request("m", "x");
    asked.max_tokens = Some(1_000);
    asked.stream = true;
    let probe = serde_json::to_vec(&asked).unwrap();
    let (senders, feeds): (Vec<_>, Vec<_>) = (0..50).map(|_| mpsc::unbounded_channel()).unzip();
    let script = feeds.into_iter().map(Turn::Feed).collect();
    let (upstream, gateway) = with(vec![money("tenant", "0.000021")], script).await;
    assert!(probe.len() < 250, "the worst case of a call is 1000 * 2 nano for writing and below 99 for reading");

    let (options, n_refused) = (CallOptions::default(), Cell::new(0));
    let calls = (0..50).map(|_| async {
        let answer = gateway.say_with(&asked, &options).await;
        n_refused.set(n_refused.get() + usize::from(answer.is_err()));
        answer
    });
    // All have reserved or were refused before any is answered, and so before any has settled.
    let answer = async {
        while upstream.asked().len() + n_refused.get() < 50 {
            tokio::task::yield_now().await;
        }
        for sender in senders {
            sender.send(says("hi") + &stops() + &used(10, 5) + &done()).unwrap();
        }
    };
    let all = futures::future::join(futures::future::join_all(calls), answer);
    let (answers, ()) = tokio::time::timeout(Duration::from_secs(60), all).await.expect("every call ends");

    let n_good = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused.iter().all(|error| error.kind == Kind::PaymentRequired && error.code == "budget_spent"));
    assert_eq!(n_good, upstream.asked().len());
    assert_eq!(n_good, 10, "what the model may write is reserved, too");
    let spent: i64 = gateway.all_usage().await.iter().map(|record| record.cost_nano).sum();
    let (_, _, body) = gateway.get("/internal/budgets").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["data"][0]["used"], &body["data"][0]["held"]), (&json!(spent), &json!(0)));
    assert!(spent <= 21_000, "{spent}");
}

#[tokio::test]
async fn a_limit_of_calls_at_the_same_time_gives_its_room_back() {
    let limit =
        BudgetConfig { scope: "key".into(), what: BudgetKind::Concurrency, window: None, max: Amount::Count(1) };
    let (_upstream, gateway) = with(vec![limit], vec![Turn::Status(500, vec![], "{}".into()), good("hi")]).await;

    assert!(gateway.say("x").await.is_err());
    assert_eq!(gateway.say("x").await.unwrap(), "hi");
}

#[tokio::test]
async fn a_spent_limit_of_requests_says_when_to_come_again() {
    let limit =
        BudgetConfig { scope: "tenant".into(), what: BudgetKind::Requests, window: None, max: Amount::Count(1) };
    let (upstream, gateway) = with(vec![limit], vec![good("hi")]).await;
    gateway.say("x").await.unwrap();

    let refused = gateway.say("x").await.unwrap_err();

    assert_eq!((refused.kind, refused.code.as_str()), (Kind::Exhausted, "request_limit"));
    assert!(refused.retry_after_s.is_some_and(|seconds| (1..=61).contains(&seconds)));
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_client_with_a_key_needs_nothing_else() {
    let (_upstream, gateway) = with(vec![money("group:research", "0.000000001")], vec![good("hi")]).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;

    let (status, _, _) = gateway.stranger("/v1/chat/completions", body, &[]).await;
    assert_eq!(status, 401);
    let (status, _, _) = gateway.stranger("/v1/messages", "{", &[("x-api-key", "wrong")]).await;
    assert_eq!(status, 401, "a stranger learns nothing about the body");
    let (status, _, _) = gateway.stranger("/v1/chat/completions", body, &[("authorization", "Bearer sk-wrong")]).await;
    assert_eq!(status, 401);
    for header in [("authorization", "Bearer sk-alpha-0123456789"), ("x-api-key", "sk-alpha-0123456789")] {
        let (status, _, body) = gateway.stranger("/v1/chat/completions", body, &[header]).await;
        assert!(status == 402 && body.contains("group:research"), "{status} {body}");
    }
}
