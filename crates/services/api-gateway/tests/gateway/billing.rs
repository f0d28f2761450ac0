//! Money: nothing is called without it, nothing is booked twice, nothing is promised twice.

use std::sync::atomic::Ordering;
use std::time::Duration;

use septet_api_gateway::{Error, HoldState};
use septet_contracts::gateway::BillingMode;
use septet_kernel::{Money, ServiceName};
use serde_json::json;

use crate::house::{House, config};

async fn prepaid(house: &House, amount: i64) {
    let billing = house.billing();
    billing.set_mode(house.peers.acme, BillingMode::Prepaid).await.unwrap();
    if amount > 0 {
        billing.top_up(house.peers.acme, Money(amount), "first", "").await.unwrap();
    }
}

#[tokio::test]
async fn a_spent_balance_refuses_before_anything_is_called() {
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    prepaid(&house, 0).await;

    let run = house.post("/v1/responses", &token, json!({"input": "hi"})).await;
    let chat = house.post("/v1/chat/completions", &token, json!({"model": "short", "messages": []})).await;

    for refused in [run, chat] {
        assert_eq!((refused.status, refused.code().as_str()), (402, "insufficient_balance"));
        assert_eq!(refused.json()["error"]["type"], "billing_error");
    }
    assert!(house.peers.seen.lock().unwrap().is_empty());
    assert_eq!(house.get("/v1/files", &token).await.status, 200, "reading costs nothing");
    let rival = house.token("owner@rival.test").await;
    assert_eq!(house.post("/v1/responses", &rival, json!({"input": "hi"})).await.status, 200);
}

#[tokio::test]
async fn a_request_holds_a_part_of_the_balance_and_gives_it_back() {
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    prepaid(&house, 60_000_000).await;
    let balance = || async { house.billing().balance(house.peers.acme).await.unwrap() };

    let stream = crate::streams::open(
        &house,
        "/v1/chat/completions",
        &token,
        json!({"model": "endless", "messages": [], "stream": true}),
    )
    .await;
    assert_eq!(balance().await.held_nano, 50_000_000);
    let second = crate::streams::open(
        &house,
        "/v1/chat/completions",
        &token,
        json!({"model": "endless", "messages": [], "stream": true}),
    )
    .await;
    assert_eq!(balance().await.available_nano, 0, "the second one takes what is left");
    let third = house.post("/v1/chat/completions", &token, json!({"model": "short", "messages": []})).await;
    assert_eq!(third.status, 402);
    drop((stream, second));

    house.until("the holds are back", || async { balance().await.held_nano == 0 }).await;
    assert_eq!(house.post("/v1/chat/completions", &token, json!({"model": "short", "messages": []})).await.status, 200);
}

#[tokio::test]
async fn usage_is_booked_exactly_once_across_restarts_and_repeats() {
    let house = House::open().await;
    let acme = house.peers.acme;
    house.billing().top_up(acme, Money(1_000_000), "first", "hello").await.unwrap();
    // More than one page of the feed.
    for _ in 0..450 {
        house.peers.add_usage(acme, 10);
    }
    house.peers.add_usage(house.peers.rival, 99);
    let balance = |house: &House| {
        let billing = house.billing();
        async move { billing.balance(acme).await.unwrap().balance_nano }
    };
    house.until("all is booked", || async { balance(&house).await == 1_000_000 - 4500 }).await;

    house.peers.repeat_usage.store(true, Ordering::SeqCst);
    let house = house.restarted(config()).await;
    house.peers.repeat_usage.store(false, Ordering::SeqCst);
    house.peers.add_usage(acme, 1);
    house.until("the new record is booked", || async { balance(&house).await == 1_000_000 - 4501 }).await;

    assert_eq!(house.billing().check().await.unwrap(), (vec![], true), "projections and ledger agree");
    let token = house.token("owner@acme.test").await;
    let report = house.get("/api/usage?group_by=model", &token).await.json();
    assert_eq!(report["total"]["n_calls"], 451);
    assert_eq!(report["total"]["cost_nano"], 4501);
    assert_eq!(report["groups"][0]["group"], "offline-analyst");
    let days = house.get("/api/usage", &token).await.json();
    assert_eq!(days["groups"][0]["group"], "2026-09-21");
    let ledger = house.get("/api/ledger?limit=100", &token).await.json();
    assert_eq!(ledger["data"].as_array().unwrap().len(), 100);
    assert_eq!(ledger["has_more"], true);
    // All entries are of one moment here, so that the one credit may stand anywhere among them.
    assert!(ledger["data"].as_array().unwrap().iter().any(|entry| entry["side"] == "debit"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_tasks_never_spend_more_than_there_is() {
    let house = House::open().await;
    prepaid(&house, 1000).await;
    let acme = house.peers.acme;

    let tasks = (0..16).map(|task| {
        let billing = house.billing();
        async move {
            let mut granted = 0;
            for n in 0..25 {
                match billing.reserve(acme, &format!("hold-{task}-{n}"), Money(7)).await {
                    Ok(_) => granted += 1,
                    Err(Error::InsufficientBalance { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
                if n % 5 == 4 {
                    // Spends what it held; one that was not granted has nothing to settle.
                    billing.settle(&format!("hold-{task}-{}", n - 1), Money(7)).await.unwrap();
                }
            }
            granted
        }
    });
    let mut running: tokio::task::JoinSet<i32> = tasks.collect();
    let mut granted = 0;
    while let Some(n_granted) = running.join_next().await {
        granted += n_granted.unwrap();
    }

    let balance = house.billing().balance(acme).await.unwrap();
    assert_eq!(granted, 142, "1000 / 7");
    assert!(balance.available_nano >= 0 && balance.available_nano < 7, "{balance:?}");
    assert_eq!(house.billing().check().await.unwrap(), (vec![], true));
}

#[tokio::test]
async fn holds_are_made_and_settled_once_and_run_out() {
    let house = House::open().await;
    prepaid(&house, 100).await;
    let (billing, acme) = (house.billing(), house.peers.acme);
    let balance = || async {
        let balance = billing.balance(acme).await.unwrap();
        (balance.balance_nano, balance.held_nano)
    };

    for _ in 0..3 {
        assert_eq!(billing.reserve(acme, "a", Money(60)).await.unwrap().state, HoldState::Held);
    }
    assert_eq!(balance().await, (100, 60));
    assert!(matches!(billing.reserve(acme, "a", Money(61)).await, Err(Error::Conflict(_))));
    assert!(matches!(billing.reserve(house.peers.rival, "a", Money(60)).await, Err(Error::Conflict(_))));
    assert!(matches!(
        billing.reserve(acme, "b", Money(41)).await,
        Err(Error::InsufficientBalance { available: Money(40) })
    ));
    for _ in 0..3 {
        billing.settle("a", Money(25)).await.unwrap();
    }
    assert_eq!(balance().await, (75, 0));
    assert_eq!(billing.reserve(acme, "a", Money(60)).await.unwrap().state, HoldState::Settled);
    billing.settle("unknown", Money(25)).await.unwrap();

    billing.reserve(acme, "c", Money(75)).await.unwrap();
    house.clock.advance(Duration::from_secs(3601));
    billing.expire().await.unwrap();
    billing.expire().await.unwrap();
    assert_eq!(balance().await, (75, 0));
    billing.settle("c", Money(5)).await.unwrap();
    billing.settle("c", Money(5)).await.unwrap();
    assert_eq!(balance().await, (70, 0), "what was spent late is booked all the same");
    assert_eq!(billing.check().await.unwrap(), (vec![], true));
}

#[tokio::test]
async fn the_operator_tops_up_once_for_each_key() {
    let house = House::open().await;
    let owner = house.token("owner@acme.test").await;
    let pay = |amount: i64, key: &'static str| {
        let body = json!({"tenant": house.peers.rival, "amount_nano": amount, "memo": "invoice 7"});
        let mut request = crate::house::request("POST", "/api/accounts/top-up", &owner, Some(body));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        house.send(request)
    };

    assert_eq!(pay(500, "k1").await.json()["balance_nano"], 500);
    assert_eq!(pay(500, "k1").await.json()["balance_nano"], 500);
    assert_eq!(pay(501, "k1").await.status, 409);
    assert_eq!(pay(5, "k2").await.json()["balance_nano"], 505);
    assert_eq!(pay(0, "k3").await.status, 400);
    assert_eq!(pay(-5, "k4").await.status, 400);
    let nobody = json!({"tenant": "ten_00000000000000000000000000000009", "amount_nano": 5});
    assert_eq!(house.post("/api/accounts/top-up", &owner, nobody).await.status, 400);
    let path = format!("/api/accounts/{}", house.peers.rival);
    let changed = house.ask("PATCH", &path, &owner, Some(json!({"mode": "prepaid"}))).await.json();
    assert_eq!((changed["mode"].as_str(), changed["available_nano"].as_i64()), (Some("prepaid"), Some(505)));
    let rival = house.token("owner@rival.test").await;
    assert_eq!(house.get("/api/ledger", &rival).await.json()["data"][0]["memo"], "invoice 7");
    assert_eq!(house.peers.n_seen(ServiceName::AgentCore, "/v1/responses"), 0);
}
