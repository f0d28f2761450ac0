//! What a call costs: by the tier that it got, by the provider's word, by a tenant's own price, and with every attempt.

use septet_contracts::models::{UsageRecord, UsageStatus};
use septet_kernel::{Clock, Ids, Money, TenantId};
use septet_model_gateway::{
    Amount, BudgetConfig, BudgetKind, Config, KeyConfig, MemberConfig, ModelConfig, ProviderConfig, ProviderKind,
    RouteConfig, Secret, StrategyKind, TenantPriceConfig, WindowKind,
};
use serde_json::{Value, json};

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, done, event, good, good_whole, says, stops, used};

/// OpenAI with a model that the price table knows: 250 nano for a token read and 2,000 for one written; half of that in
/// flex, 450 and 3,600 with priority.
fn openai(url: &str) -> ProviderConfig {
    ProviderConfig { kind: Some(ProviderKind::OpenAi), models: vec![ModelConfig::named("gpt-5-mini")], ..provider(url) }
}

fn streamed(usage: &Value, rest: &Value) -> Turn {
    let mut last = json!({"id": "c1", "choices": [], "usage": usage});
    last.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    Turn::Events(vec![says("hi"), stops(), event(&last), done()])
}

fn body(model: &str, more: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"x"}}]{more}}}"#)
}

#[tokio::test]
async fn the_service_tier_that_a_call_got_decides_its_price() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let whole = json!({"id": "c", "service_tier": "priority", "usage": usage,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]});
    let script = vec![
        streamed(&usage, &json!({"service_tier": "flex"})),
        streamed(&usage, &json!({"service_tier": "default"})),
        streamed(&usage, &json!({})),
        Turn::Status(200, vec![], whole.to_string()),
    ];
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(openai(&upstream.url)).await;
    for more in [r#","stream":true"#, r#","stream":true"#, r#","stream":true"#, ""] {
        let asked = body("gpt-5-mini", &format!(r#","service_tier":"flex"{more}"#));
        assert_eq!(gateway.raw("/v1/chat/completions", &asked, &[]).await.0, 200);
    }

    let records = gateway.all_usage().await;

    // Asked for flex each time: got it, got the usual, was told nothing, got priority.
    let costs: Vec<_> = records.iter().map(|record| (record.cost_nano, record.service_tier.as_deref())).collect();
    let (standard, flex, priority) = (10 * 250 + 5 * 2_000, 10 * 125 + 5 * 1_000, 10 * 450 + 5 * 3_600);
    assert_eq!(costs, [(flex, Some("flex")), (standard, None), (flex, Some("flex")), (priority, Some("priority"))]);
}

#[tokio::test]
async fn what_the_provider_says_it_cost_counts_and_the_tables_figure_is_kept_beside() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cost": 0.000_031});
    let (table, priced) = (
        Upstream::start(vec![streamed(&usage, &json!({}))]).await,
        Upstream::start(vec![streamed(&usage, &json!({}))]).await,
    );
    let mut config = Config::default();
    config.providers.insert("table".to_owned(), openai(&table.url));
    config.providers.insert("own".to_owned(), provider(&priced.url));
    let gateway = Gateway::open(config).await;
    for model in ["table/gpt-5-mini", "own/m"] {
        gateway.say_with(&request(model, "x"), &Default::default()).await.unwrap();
    }

    let records = gateway.all_usage().await;

    let bill = |record: &UsageRecord| (record.cost_nano, record.said_cost_nano, record.table_cost_nano);
    assert_eq!(bill(&records[0]), (31_000, Some(31_000), Some(12_500)));
    // Whoever writes a price into the settings decides what is charged.
    assert_eq!(bill(&records[1]), (20, Some(31_000), None));
}

#[tokio::test]
async fn a_tenant_with_a_price_of_its_own_pays_that() {
    let upstream = Upstream::start(vec![good_whole("hi"), good_whole("hi"), good_whole("hi")]).await;
    let price = |tenant: &str, model: &str, input: i64| TenantPriceConfig {
        tenant: tenant.to_owned(),
        model: model.to_owned(),
        input_price: Some(Money(input)),
        cached_price: None,
        cache_write_price: None,
        output_price: None,
    };
    let mut config = Config::default();
    config.providers.insert("up".to_owned(), provider(&upstream.url));
    for name in ["acme", "other"] {
        let key = KeyConfig {
            key: Secret::new(&format!("sk-{name}-0123456789")),
            tenant: name.to_owned(),
            group: None,
            models: Vec::new(),
        };
        config.keys.insert(name.to_owned(), key);
    }
    let known: TenantId = Ids::new(Clock::system()).next();
    config.tenant_prices = vec![price("acme", "up/m", 3_000_000), price(&known.to_string(), "m", 5_000_000)];
    let mut gateway = Gateway::open(config).await;
    for name in ["acme", "other"] {
        let shown = format!("Bearer sk-{name}-0123456789");
        let (status, ..) =
            gateway.stranger("/v1/chat/completions", &body("m", ""), &[("authorization", shown.as_str())]).await;
        assert_eq!(status, 200);
    }
    gateway.caller.tenant = known;
    gateway.raw("/v1/chat/completions", &body("m", ""), &[]).await;

    let costs: Vec<i64> = gateway.all_usage().await.iter().map(|record| record.cost_nano).collect();

    assert_eq!(costs, [15 * 3, 10 + 5 * 2, 15 * 5]);
}

#[tokio::test]
async fn where_a_cache_is_warm_the_dearer_model_is_the_cheaper_one() {
    let warm =
        json!({"prompt_tokens": 1_000, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1_000}});
    let (one, two) =
        (Upstream::start(vec![streamed(&warm, &json!({})), good("hi")]).await, Upstream::start(vec![]).await);
    let priced = |url: &str, input: i64, cached: i64| {
        let model = ModelConfig {
            input_price: Some(Money(input)),
            cached_price: Some(Money(cached)),
            output_price: Some(Money(1)),
            ..ModelConfig::named("m")
        };
        ProviderConfig { models: vec![model], ..provider(url) }
    };
    let mut config = Config::default();
    config.providers.insert("one".to_owned(), priced(&one.url, 1_000_000_000, 100_000_000));
    config.providers.insert("two".to_owned(), priced(&two.url, 900_000_000, 900_000_000));
    let member = |model: &str| MemberConfig { model: model.to_owned(), weight: 1.0, tier: None };
    let models = vec![member("one/m"), member("two/m")];
    let route = RouteConfig { models, strategy: StrategyKind::Cost, ..RouteConfig::default() };
    config.routes.insert("cheap".to_owned(), route);
    let gateway = Gateway::open(config).await;

    gateway.say_with(&request("one/m", "x"), &Default::default()).await.unwrap();
    gateway.say_with(&request("cheap", "x"), &Default::default()).await.unwrap();

    assert_eq!((one.asked().len(), two.asked().len()), (2, 0));
}

/// One deployment that says what it used and then fails, and one that answers; a budget over both.
async fn failing(first: Turn) -> (Upstream, Upstream, Gateway) {
    let (one, two) = (Upstream::start(vec![first]).await, Upstream::start(vec![good("hi"), good_whole("hi")]).await);
    let mut config = Config::default();
    config.providers.insert("one".to_owned(), provider(&one.url));
    config.providers.insert("two".to_owned(), provider(&two.url));
    let member = |model: &str, weight: f64| MemberConfig { model: model.to_owned(), weight, tier: None };
    let models = vec![member("one/m", 1.0), member("two/m", 0.0)];
    config.routes.insert("both".to_owned(), RouteConfig { models, ..RouteConfig::default() });
    config.budgets = vec![BudgetConfig {
        scope: "tenant".to_owned(),
        what: BudgetKind::Money,
        window: Some(WindowKind::Total),
        max: Amount::Decimal("1".to_owned()),
    }];
    (one, two, Gateway::open(config).await)
}

/// That both attempts are in the feed, linked, and that the budget counts both.
async fn both_are_booked(gateway: &Gateway) {
    let records = gateway.all_usage().await;
    let [first, last] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((first.provider.as_str(), first.status, first.call), ("one", UsageStatus::Failed, Some(last.id)));
    assert_eq!((first.input_tokens, first.output_tokens, first.cost_nano), (100, 50, 100 + 2 * 50));
    assert_eq!((last.provider.as_str(), last.status, last.call), ("two", UsageStatus::Completed, None));
    assert_eq!((last.n_attempts, last.cost_nano), (2, 10 + 2 * 5));
    let (_, _, budgets) = gateway.get("/internal/budgets").await;
    let budgets: Value = serde_json::from_str(&budgets).unwrap();
    assert_eq!((&budgets["data"][0]["used"], &budgets["data"][0]["held"]), (&json!(220), &json!(0)));
}

#[tokio::test]
async fn an_attempt_that_said_what_it_used_and_failed_is_booked_beside_the_one_that_answered() {
    let failed = event(&json!({"error": {"message": "overloaded", "code": "server_error"}}));
    let (_one, _two, gateway) = failing(Turn::Events(vec![used(100, 50), failed])).await;

    let (status, headers, text) = gateway.raw("/v1/chat/completions", &body("both", r#","stream":true"#), &[]).await;

    assert!(status == 200 && text.contains("hi"), "{text}");
    both_are_booked(&gateway).await;
    let records = gateway.all_usage().await;
    assert_eq!(headers["x-septet-call"].to_str().unwrap(), records[1].id.to_string());
}

#[tokio::test]
async fn a_whole_answer_that_failed_after_it_had_cost_is_booked_too() {
    let failed = json!({"id": "c", "error": {"message": "overloaded", "code": 502},
        "usage": {"prompt_tokens": 100, "completion_tokens": 50}, "choices": []});
    let (_one, two, gateway) = failing(Turn::Status(200, vec![], failed.to_string())).await;
    // The second one streams first.
    gateway.say_with(&request("two/m", "x"), &Default::default()).await.unwrap();
    assert_eq!(two.asked().len(), 1);

    let (status, _, text) = gateway.raw("/v1/chat/completions", &body("both", ""), &[]).await;

    assert!(status == 200 && text.contains("hi"), "{text}");
    let records = gateway.all_usage().await;
    let costs: Vec<_> = records.iter().map(|record| (record.cost_nano, record.call.is_some())).collect();
    assert_eq!(costs, [(20, false), (200, true), (20, false)]);
}
