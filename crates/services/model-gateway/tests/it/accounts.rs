//! Prepaid accounts: nothing is asked of a provider that is not paid for, and what was kept back ends with the record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use septet_chassis::Service;
use septet_chassis::http::Problem;
use septet_contracts::gateway::{BillingMode, Reserve, Reserved, Settle};
use septet_contracts::models::{CallOptions, EmbeddingInput, EmbeddingRequest};
use septet_kernel::{Caller, Kind, Money, ServiceName};
use septet_model_gateway::{Config, LedgerKind, MemberConfig, ModelConfig, RouteConfig};
use serde_json::{Value, json};

use crate::gateway::{Gateway, keyed, provider, request};
use crate::upstream::{Turn, Upstream, done, good, says, stops, used};

/// The accounts of one tenant.
#[derive(Clone)]
struct Account(Arc<Mutex<Inner>>);

struct Inner {
    mode: BillingMode,
    is_down: bool,
    balance: i64,
    held: HashMap<String, i64>,
    n_reserved: usize,
}

impl Account {
    fn plug(gateway: &Gateway, balance: i64) -> Self {
        let inner = Inner { mode: BillingMode::Prepaid, is_down: false, balance, held: HashMap::new(), n_reserved: 0 };
        let account = Self(Arc::new(Mutex::new(inner)));
        let router = Router::new()
            .route("/internal/account", get(show))
            .route("/internal/holds", post(reserve))
            .route("/internal/holds/{id}", delete(release))
            .route("/internal/holds/{id}/settle", post(settle))
            .route("/internal/holds/{id}/renew", post(|| async { StatusCode::NO_CONTENT }))
            .with_state(account.clone());
        let service = Service::internal(ServiceName::ApiGateway, router);
        gateway.platform.directory.plug_local(ServiceName::ApiGateway, service.into_router(&gateway.platform));
        account
    }

    fn held(&self) -> i64 {
        self.0.lock().unwrap().held.values().sum()
    }

    fn n_reserved(&self) -> usize {
        self.0.lock().unwrap().n_reserved
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.lock().unwrap());
    }
}

async fn show(State(account): State<Account>, caller: Caller) -> Json<Value> {
    let held = account.held();
    let inner = account.0.lock().unwrap();
    let (balance, mode) = (inner.balance, inner.mode);
    Json(json!({"tenant": caller.tenant, "mode": mode, "balance_nano": balance, "held_nano": held,
        "available_nano": balance - held}))
}

async fn reserve(State(account): State<Account>, Json(asked): Json<Reserve>) -> Response {
    let mut inner = account.0.lock().unwrap();
    if inner.is_down {
        return Problem::new(Kind::Unavailable, "away").into_response();
    }
    inner.n_reserved += 1;
    let available = inner.balance - inner.held.values().sum::<i64>();
    if inner.mode == BillingMode::Prepaid && available < asked.least_nano {
        let problem = Problem::new(Kind::PaymentRequired, "the balance does not cover this");
        return Problem { code: "insufficient_balance".into(), ..problem }.into_response();
    }
    let granted_nano = if inner.mode == BillingMode::Prepaid { asked.amount_nano.min(available) } else { 0 };
    inner.held.insert(asked.hold.to_string(), granted_nano);
    Json(Reserved { mode: inner.mode, granted_nano, expires_in_ms: 900_000 }).into_response()
}

async fn settle(State(account): State<Account>, Path(id): Path<String>, Json(said): Json<Settle>) -> StatusCode {
    account.0.lock().unwrap().held.insert(id, said.cost_nano);
    StatusCode::NO_CONTENT
}

async fn release(State(account): State<Account>, Path(id): Path<String>) -> StatusCode {
    account.0.lock().unwrap().held.remove(&id);
    StatusCode::NO_CONTENT
}

fn config(upstream: &Upstream) -> Config {
    let mut config = Config { retries: 0, ledger: LedgerKind::Required, ..Config::default() };
    let mut up = provider(&upstream.url);
    let free = ModelConfig { input_price: Some(Money(0)), output_price: Some(Money(0)), ..ModelConfig::named("free") };
    let priced = ModelConfig { input_price: Some(Money(1_000_000)), ..ModelConfig::named("text-embedding-priced") };
    up.models.extend([
        free,
        priced,
        ModelConfig { output_price: Some(Money(2_000_000)), ..ModelConfig::named("other") },
    ]);
    config.providers.insert("up".to_owned(), up);
    config
}

async fn with(script: Vec<Turn>, balance: i64) -> (Upstream, Gateway, Account) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::open(config(&upstream)).await;
    let account = Account::plug(&gateway, balance);
    (upstream, gateway, account)
}

fn limited(model: &str, max_tokens: u64) -> septet_contracts::models::ChatRequest {
    septet_contracts::models::ChatRequest { max_tokens: Some(max_tokens), ..request(model, "x") }
}

/// How long the provider was told that the answer may be; it is told once.
fn most(asked: &Value) -> Option<u64> {
    let (old, new) = (asked["max_tokens"].as_u64(), asked["max_completion_tokens"].as_u64());
    assert!(old.is_none() || new.is_none());
    old.or(new)
}

#[tokio::test]
async fn of_fifty_calls_side_by_side_only_those_begin_that_are_paid_for() {
    // One call shows how the provider counts; then 1,000 tokens for 2 nano each, and less than 300 for what is read.
    let (upstream, gateway, account) = with((0..60).map(|_| good("hi")).collect(), 1_000_000).await;
    gateway.say("first").await.unwrap();
    account.change(|inner| (inner.balance, inner.held) = (11_500, HashMap::new()));

    let (asked, options) = (limited("m", 1_000), CallOptions::default());
    let answers = futures::future::join_all((0..50).map(|_| gateway.say_with(&asked, &options))).await;

    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(
        refused
            .iter()
            .all(|error| (error.kind, error.code.as_str()) == (Kind::PaymentRequired, "insufficient_balance"))
    );
    assert_eq!(upstream.asked().len(), 1 + answers.len() - refused.len(), "who is refused costs nothing");
    assert!(!refused.is_empty() && answers.len() > refused.len());
    let records = gateway.all_usage().await;
    let spent: i64 = records.iter().skip(1).map(|record| record.cost_nano).sum();
    assert_eq!(account.held(), spent, "what was kept back is what the records say");
    assert!(records.iter().all(|record| record.hold.is_some() && record.reserved_nano >= Some(record.cost_nano)));
}

#[tokio::test]
async fn a_provider_that_counts_beyond_the_most_does_so_once() {
    let said = || Turn::Events(vec![says("hi"), stops(), used(10, 500_000), done()]);
    let (upstream, gateway, account) = with((0..50).map(|_| said()).collect(), 1_000_000).await;

    let (asked, options) = (limited("m", 100), CallOptions::default());
    let answers = futures::future::join_all((0..50).map(|_| gateway.say_with(&asked, &options))).await;

    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "the next ones would cost as much");
    assert_eq!((upstream.asked().len(), account.held()), (1, 1_000_010));
}

#[tokio::test]
async fn a_model_of_price_zero_is_asked_whatever_the_balance() {
    let (_upstream, gateway, account) = with(vec![good("hi")], 0).await;

    assert_eq!(gateway.say_with(&request("free", "x"), &CallOptions::default()).await.unwrap(), "hi");
    gateway.models.affords(&gateway.caller, "free").await.unwrap();
    let refused = gateway.models.affords(&gateway.caller, "m").await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (Kind::PaymentRequired, "insufficient_balance"));
    let refused = gateway.say("x").await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (Kind::PaymentRequired, "insufficient_balance"));
    assert_eq!(account.held(), 0);
}

#[tokio::test]
async fn vectors_are_paid_for_too() {
    let vectors = json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]});
    let (upstream, gateway, account) = with(vec![Turn::Status(200, vec![], vectors.to_string())], 500).await;
    let request = EmbeddingRequest {
        model: "text-embedding-priced".to_owned(),
        input: EmbeddingInput::Many(vec!["text".to_owned()]),
        dimensions: None,
        extra: Default::default(),
    };

    gateway.models.embed(&gateway.caller, &request, &CallOptions::default()).await.unwrap();
    assert_eq!(account.held(), 7);
    account.change(|inner| inner.balance = 7);
    let refused = gateway.models.embed(&gateway.caller, &request, &CallOptions::default()).await.unwrap_err();

    assert_eq!((refused.code.as_str(), upstream.asked().len()), ("insufficient_balance", 1));
}

#[tokio::test]
async fn the_last_call_gets_what_is_left_and_the_provider_is_told_how_much_that_is() {
    let (upstream, gateway, account) = with(vec![good("hi"), good("hi"), good("hi")], 1_000_000).await;
    // Without a limit of the client's own there is the usual one, or it would be no limit.
    gateway.say("first").await.unwrap();
    assert_eq!(most(&upstream.asked()[0]), Some(8_192));
    account.change(|inner| (inner.balance, inner.held) = (5_000, HashMap::new()));

    gateway.say_with(&limited("m", 100_000), &CallOptions::default()).await.unwrap();

    let told = most(&upstream.asked()[1]).unwrap();
    assert!((2_400..2_500).contains(&told), "{told} tokens at 2 nano, and what is read");
    account.change(|inner| inner.mode = BillingMode::Unlimited);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    gateway.say_with(&limited("m", 100_000), &CallOptions::default()).await.unwrap();
    assert_eq!(most(&upstream.asked()[2]), Some(100_000), "who pays later is limited by nobody");
}

#[tokio::test]
async fn an_attempt_after_one_that_cost_is_paid_for_anew_or_not_made() {
    let broken =
        || Turn::Events(vec![used(10, 50), "data: {\"error\":{\"message\":\"no\",\"code\":\"x\"}}\n\n".to_owned()]);
    let upstream = Upstream::start(vec![broken(), good("hi"), broken()]).await;
    let mut config = config(&upstream);
    let member = |name: &str| -> MemberConfig { serde_json::from_value(json!({"model": name})).unwrap() };
    let mut route: RouteConfig = serde_json::from_value(json!({"models": [], "retries": 1})).unwrap();
    route.models = vec![member("up/m")];
    config.routes.insert("chain".to_owned(), route);
    let gateway = Gateway::open(config).await;
    let account = Account::plug(&gateway, 100_000);

    gateway.say_with(&limited("chain", 1_000), &CallOptions::default()).await.unwrap();
    let records = gateway.usage(2).await;
    assert_eq!((records[0].cost_nano, records[1].cost_nano), (110, 20));
    assert!(records[0].call == Some(records[1].id) && records[0].hold.is_some() && records[0].hold != records[1].hold);
    assert_eq!(account.held(), 130);

    // Enough for one attempt alone.
    account.change(|inner| (inner.balance, inner.held) = (2_100, HashMap::new()));
    assert!(gateway.say_with(&limited("chain", 1_000), &CallOptions::default()).await.is_err());
    assert_eq!(upstream.asked().len(), 3);
    assert_eq!(account.held(), 110);
}

#[tokio::test]
async fn what_is_given_again_under_its_key_keeps_nothing_back() {
    let (upstream, gateway, account) = with(vec![good("hi")], 1_000_000).await;
    for _ in 0..3 {
        assert_eq!(gateway.say_with(&limited("m", 10), &keyed("k")).await.unwrap(), "hi");
    }

    assert_eq!((upstream.asked().len(), account.n_reserved(), account.held()), (1, 1, 20));
}

#[tokio::test]
async fn a_call_that_fails_before_it_costs_gives_everything_back() {
    let (_upstream, gateway, account) = with(vec![Turn::Status(500, vec![], "{}".into())], 1_000_000).await;

    assert!(gateway.say("x").await.is_err());

    assert_eq!((account.n_reserved(), account.held()), (1, 0));
}

#[tokio::test]
async fn while_accounts_are_away_nothing_is_spent_unless_the_tenant_was_unlimited_just_now() {
    let (upstream, gateway, account) = with(vec![good("hi"), good("hi")], 1_000_000).await;
    account.change(|inner| inner.is_down = true);
    let refused = gateway.say("x").await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (Kind::Unavailable, "accounts_unavailable"));
    assert_eq!(upstream.asked().len(), 0);

    account.change(|inner| (inner.is_down, inner.mode) = (false, BillingMode::Unlimited));
    gateway.say("x").await.unwrap();
    account.change(|inner| inner.is_down = true);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    gateway.say("x").await.unwrap();
}

#[tokio::test]
async fn figures_that_cannot_be_true_are_counted_here_and_marked() {
    let absurd = Turn::Events(vec![says("hi"), stops(), used(9_000_000_000_000_000_000, 5), done()]);
    let (_upstream, gateway, _account) = with(vec![absurd], 1_000_000).await;

    gateway.say("x").await.unwrap();

    let records = gateway.usage(1).await;
    assert!(records[0].estimated && records[0].cost_nano < 100, "{records:?}");
    assert!(records[0].doubt.as_deref().unwrap().contains("9000000000000000000"));
}
