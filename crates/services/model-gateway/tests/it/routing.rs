//! Routes: who answers, who is asked next, and what the client sees of it.

use septet_model_gateway::{Config, MemberConfig, RouteConfig, StrategyKind, TierKind};
use serde_json::json;

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, good, good_whole, says};

fn member(model: &str) -> MemberConfig {
    MemberConfig { model: model.to_owned(), weight: 1.0, tier: None }
}

/// Two providers, `one` and `two`, and the route `both` over them.
async fn two(one: Vec<Turn>, two: Vec<Turn>, route: RouteConfig) -> (Upstream, Upstream, Gateway) {
    let (one, two) = (Upstream::start(one).await, Upstream::start(two).await);
    let mut config = Config { first_byte_timeout_s: Some(1), idle_timeout_s: 1, ..Config::default() };
    config.providers.insert("one".to_owned(), provider(&one.url));
    config.providers.insert("two".to_owned(), provider(&two.url));
    config.routes.insert("both".to_owned(), route);
    (one, two, Gateway::open(config).await)
}

fn weighted(first: f64, second: f64) -> RouteConfig {
    let models =
        vec![MemberConfig { weight: first, ..member("one/m") }, MemberConfig { weight: second, ..member("two/m") }];
    RouteConfig { models, ..RouteConfig::default() }
}

#[tokio::test]
async fn another_deployment_answers_when_the_first_fails_before_its_first_piece() {
    // Weight 0 is only fallen back on, so the first to be asked is known.
    let broken = || Turn::Status(503, vec![], "{}".to_owned());
    let (one, other, gateway) =
        two(vec![broken(), broken()], vec![good("hi"), good_whole("hi")], weighted(1.0, 0.0)).await;

    assert_eq!(gateway.say_with(&request("both", "x"), &Default::default()).await.unwrap(), "hi");
    let body = r#"{"model":"both","messages":[{"role":"user","content":"x"}]}"#;
    let (status, headers, _) = gateway.raw("/v1/chat/completions", body, &[]).await;

    assert_eq!((status, headers["x-septet-deployment"].to_str().unwrap()), (200, "two/m"));
    assert_eq!((one.asked().len(), other.asked().len()), (2, 2));
    let records = gateway.all_usage().await;
    assert_eq!((records.len(), records[0].provider.as_str(), records[0].n_attempts), (2, "two", 2));
    assert_eq!(records[0].route.as_deref(), Some("both"));
    assert!(records[0].reason.as_deref().unwrap().contains("weighted"));
}

#[tokio::test]
async fn after_the_first_piece_nobody_else_is_asked() {
    let (_one, other, gateway) = two(vec![Turn::Events(vec![says("Hal")])], vec![good("hi")], weighted(1.0, 0.0)).await;

    let error = gateway.say_with(&request("both", "x"), &Default::default()).await.unwrap_err();

    assert_eq!(error.code, "provider_cut_off");
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn what_every_provider_would_refuse_is_asked_once() {
    let refused = Turn::Status(400, vec![], json!({"error": {"message": "too many messages"}}).to_string());
    let (one, other, gateway) = two(vec![refused], vec![good("hi")], weighted(1.0, 0.0)).await;

    let error = gateway.say_with(&request("both", "x"), &Default::default()).await.unwrap_err();

    assert!(error.detail.contains("too many messages"), "{error}");
    assert_eq!((one.asked().len(), other.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_route_falls_back_to_another_when_nobody_of_it_answers() {
    let route = RouteConfig {
        models: vec![member("one/m")],
        fallback: vec!["two/m".to_owned()],
        retries: 0,
        ..RouteConfig::default()
    };
    let unpaid = Turn::Status(402, vec![], "{}".to_owned());
    let (one, _two, gateway) = two(vec![unpaid], vec![good("hi")], route).await;

    assert_eq!(gateway.say_with(&request("both", "x"), &Default::default()).await.unwrap(), "hi");
    assert_eq!(one.asked().len(), 1);
}

#[tokio::test]
async fn an_easy_question_goes_to_the_weak_model_and_a_hard_one_to_the_strong() {
    let models = vec![
        MemberConfig { tier: Some(TierKind::Weak), ..member("one/m") },
        MemberConfig { tier: Some(TierKind::Strong), ..member("two/m") },
    ];
    let route = RouteConfig { models, strategy: StrategyKind::Difficulty, strong_share: 0.3, ..RouteConfig::default() };
    let (weak, strong, gateway) = two(vec![good("a")], vec![good("b")], route).await;
    let hard = "Prove that for every prime p > 3, p^2 - 1 is divisible by 24. Then, using modular arithmetic, derive all \
        integer solutions of x^2 = 1 mod 24 and explain step by step why no other residues work.";

    gateway.say_with(&request("both", "你好"), &Default::default()).await.unwrap();
    gateway.say_with(&request("both", hard), &Default::default()).await.unwrap();

    assert_eq!((weak.asked().len(), strong.asked().len()), (1, 1));
    let reasons: Vec<String> = gateway.all_usage().await.into_iter().filter_map(|record| record.reason).collect();
    assert!(reasons.iter().all(|reason| reason.contains("difficulty")), "{reasons:?}");
}

#[tokio::test]
async fn clients_see_few_errors_of_a_deployment_that_fails_often() {
    // Every third call of the first one fails.
    let failing =
        |at: usize| if at.is_multiple_of(3) { Turn::Status(500, vec![], "{}".to_owned()) } else { good("hi") };
    let (_one, _two, gateway) =
        two((0..600).map(failing).collect(), (0..600).map(|_| good("hi")).collect(), weighted(1.0, 1.0)).await;
    let mut n_failed = 0;
    for _call in 0..300 {
        n_failed += usize::from(gateway.say_with(&request("both", "x"), &Default::default()).await.is_err());
    }

    assert!(n_failed <= 2, "{n_failed} of 300 failed");
}

#[tokio::test]
async fn a_deployment_that_keeps_failing_rests_and_says_so() {
    let key_refused = || Turn::Status(401, vec![], "{}".to_owned());
    let upstream = Upstream::start(vec![key_refused()]).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    assert_eq!(gateway.say("x").await.unwrap_err().code, "provider_key_refused");

    let again = gateway.say("x").await.unwrap_err();

    // A refused key stays refused: who comes next need not wait to be told.
    assert_eq!(again.code, "provider_key_refused");
    assert!(again.detail.starts_with("no deployment of"), "{}", again.detail);
    assert!(again.retry_after_s.is_some());
    assert_eq!(upstream.asked().len(), 1);
    let (status, _, body) = gateway.get("/internal/deployments").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["data"][0]["breaker"]), (200, &json!("open")));
}

#[tokio::test]
async fn an_answer_is_cached_for_its_tenant_only_and_only_where_the_route_says_so() {
    let route = RouteConfig { models: vec![member("one/m")], cache_s: 60, ..RouteConfig::default() };
    let (one, _two, mut gateway) = two(vec![good_whole("1"), good_whole("2"), good_whole("3")], vec![], route).await;
    let body = r#"{"model":"both","messages":[{"role":"user","content":"x"}]}"#;
    let tools = r#"{"model":"both","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#;

    let first = gateway.raw("/v1/chat/completions", body, &[]).await;
    let again = gateway.raw("/v1/chat/completions", body, &[]).await;
    assert_eq!((first.2 == again.2, again.1["x-septet-replayed"].to_str().unwrap()), (true, "cached"));
    gateway.raw("/v1/chat/completions", tools, &[]).await;
    gateway.caller.tenant = gateway.platform.ids.next();
    gateway.raw("/v1/chat/completions", body, &[]).await;

    assert_eq!(one.asked().len(), 3);
}
