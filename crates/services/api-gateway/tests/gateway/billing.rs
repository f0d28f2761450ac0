//! Money: nothing is booked twice, nothing is promised twice, and no figure overflows.

use std::sync::atomic::Ordering;
use std::time::Duration;

use septet_api_gateway::{Error, Wanted};
use septet_contracts::gateway::{Accounts, BillingMode, Reserve};
use septet_kernel::{Caller, Kind, Money, RecordId, ServiceName};
use serde_json::json;

use crate::harness::{Harness, config};

async fn prepaid(harness: &Harness, amount: i64) {
    let billing = harness.billing();
    billing.set_mode(harness.peers.acme, BillingMode::Prepaid).await.unwrap();
    if amount > 0 {
        billing.top_up(harness.peers.acme, Money(amount), "first", "").await.unwrap();
    }
}

fn wanted(hold: &str, most: i64, least: i64) -> Wanted<'_> {
    Wanted { hold, most: Money(most), least: Money(least), run: Some("resp_1") }
}

#[tokio::test]
async fn a_refusal_for_want_of_money_comes_from_every_endpoint_before_the_first_byte() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    prepaid(&harness, 0).await;
    assert_eq!(harness.post("/v1/responses", &token, json!({"input": "hi"})).await.status, 200, "a model may be free");
    harness.peers.has_no_money.store(true, Ordering::SeqCst);

    for stream in [false, true] {
        for (path, body) in [
            ("/v1/responses", json!({"input": "hi", "stream": stream})),
            ("/v1/chat/completions", json!({"model": "short", "messages": [], "stream": stream})),
            (
                "/v1/chat/completions",
                json!({"model": "agent:analyst", "messages": [{"role": "user", "content": "hi"}], "stream": stream}),
            ),
        ] {
            let refused = harness.post(path, &token, body).await;
            assert_eq!((refused.status, refused.code().as_str()), (402, "insufficient_balance"), "{path}");
            assert_eq!(refused.json()["error"]["type"], "billing_error");
        }
    }
    assert_eq!(harness.get("/v1/files", &token).await.status, 200, "reading costs nothing");
}

#[tokio::test]
async fn usage_is_booked_exactly_once_across_restarts_and_repeats() {
    let harness = Harness::open().await;
    let acme = harness.peers.acme;
    harness.billing().top_up(acme, Money(1_000_000), "first", "hello").await.unwrap();
    // More than one page of the feed.
    for _ in 0..450 {
        harness.peers.add_usage(acme, 10);
    }
    harness.peers.add_usage(harness.peers.rival, 99);
    let balance = |harness: &Harness| {
        let billing = harness.billing();
        async move { billing.balance(acme).await.unwrap().balance_nano }
    };
    harness.until("all is booked", || async { balance(&harness).await == 1_000_000 - 4500 }).await;

    harness.peers.repeat_usage.store(true, Ordering::SeqCst);
    let harness = harness.restarted(config()).await;
    // When one more is asked for, the one before it is booked.
    let n_repeated = || harness.peers.n_pages_repeated.load(Ordering::SeqCst);
    let n_before = n_repeated();
    harness.until("a page is given and booked again", || async { n_repeated() > n_before + 1 }).await;
    harness.peers.repeat_usage.store(false, Ordering::SeqCst);
    harness.peers.add_usage(acme, 1);
    harness.until("the new record is booked", || async { balance(&harness).await == 1_000_000 - 4501 }).await;

    assert_eq!(harness.billing().check().await.unwrap(), (vec![], true), "projections and ledger agree");
    let token = harness.token("owner@acme.test").await;
    let report = harness.get("/api/usage?group_by=model", &token).await.json();
    assert_eq!(report["total"]["n_calls"], 451);
    assert_eq!(report["total"]["cost_nano"], 4501);
    assert_eq!(report["groups"][0]["group"], "offline-analyst");
    let days = harness.get("/api/usage", &token).await.json();
    assert_eq!(days["groups"][0]["group"], "2026-09-21");
    let ledger = harness.get("/api/ledger?limit=100", &token).await.json();
    assert_eq!(ledger["data"].as_array().unwrap().len(), 100);
    assert_eq!(ledger["has_more"], true);
    // All entries are of one moment here, so that the one credit may stand anywhere among them.
    assert!(ledger["data"].as_array().unwrap().iter().any(|entry| entry["side"] == "debit"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_tasks_never_spend_more_than_there_is() {
    let harness = Harness::open().await;
    prepaid(&harness, 1000).await;
    let acme = harness.peers.acme;

    let tasks = (0..16).map(|_| {
        let (billing, ids) = (harness.billing(), harness.platform.ids.clone());
        async move {
            let mut granted = 0;
            for n in 0..25 {
                let hold = ids.next::<RecordId>().to_string();
                match billing.reserve(acme, wanted(&hold, 7, 7)).await {
                    Ok(_) if n % 5 == 4 => billing.settle(acme, &hold, Money(7)).await.unwrap(),
                    Ok(_) => {}
                    Err(Error::InsufficientBalance { .. }) => continue,
                    Err(other) => panic!("{other}"),
                }
                granted += 1;
            }
            granted
        }
    });
    let mut running: tokio::task::JoinSet<i32> = tasks.collect();
    let mut granted = 0;
    while let Some(n_granted) = running.join_next().await {
        granted += n_granted.unwrap();
    }

    let balance = harness.billing().balance(acme).await.unwrap();
    assert_eq!(granted, 142, "1000 / 7");
    assert_eq!((balance.balance_nano, balance.available_nano), (1000, 6));
    assert_eq!(harness.billing().check().await.unwrap(), (vec![], true));
}

#[tokio::test]
async fn a_hold_becomes_what_the_call_cost_and_ends_with_its_record() {
    let harness = Harness::open().await;
    prepaid(&harness, 100).await;
    let (billing, acme) = (harness.billing(), harness.peers.acme);
    let (first, second) = (harness.platform.ids.next::<RecordId>(), harness.platform.ids.next::<RecordId>());
    let (a, b) = (first.to_string(), second.to_string());
    let balance = || async {
        let balance = billing.balance(acme).await.unwrap();
        (balance.balance_nano, balance.held_nano)
    };

    for _ in 0..3 {
        assert_eq!(billing.reserve(acme, wanted(&a, 60, 60)).await.unwrap(), Some(Money(60)));
    }
    assert_eq!(balance().await, (100, 60));
    assert!(matches!(billing.reserve(harness.peers.rival, wanted(&a, 60, 60)).await, Ok(None)), "rival pays later");
    assert!(matches!(
        billing.reserve(acme, wanted(&b, 80, 41)).await,
        Err(Error::InsufficientBalance { available: Money(40), needed: Money(41) })
    ));
    assert_eq!(billing.reserve(acme, wanted(&b, 80, 20)).await.unwrap(), Some(Money(40)), "all that is left");
    for _ in 0..3 {
        billing.settle(acme, &a, Money(25)).await.unwrap();
    }
    assert_eq!(balance().await, (100, 65), "what was spent is kept back until it is booked");
    billing.release(acme, &b).await.unwrap();
    assert_eq!(balance().await, (100, 25));

    harness.peers.add_record(acme, 25, |record| record.hold = Some(first));
    harness.until("the record is booked", || async { balance().await == (75, 0) }).await;
    assert!(matches!(billing.reserve(acme, wanted(&a, 1, 1)).await, Err(Error::Conflict(_))), "it is over");
    assert!(matches!(billing.reserve(acme, wanted(&b, 1, 1)).await, Err(Error::Conflict(_))));
    for late in [&a, &b] {
        billing.settle(acme, late, Money(50)).await.unwrap();
        billing.release(acme, late).await.unwrap();
    }
    assert_eq!(balance().await, (75, 0));
    assert_eq!(billing.check().await.unwrap(), (vec![], true));
}

#[tokio::test]
async fn a_hold_that_was_given_back_before_it_was_made_is_never_made() {
    let harness = Harness::open().await;
    prepaid(&harness, 100).await;
    let (billing, acme) = (harness.billing(), harness.peers.acme);
    let hold = harness.platform.ids.next::<RecordId>().to_string();

    billing.release(acme, &hold).await.unwrap();

    assert!(matches!(billing.reserve(acme, wanted(&hold, 60, 60)).await, Err(Error::Conflict(_))));
    assert_eq!(billing.balance(acme).await.unwrap().available_nano, 100);
}

#[tokio::test]
async fn a_hold_runs_out_only_when_the_feed_has_caught_up_and_a_late_record_is_booked_all_the_same() {
    let harness = Harness::open().await;
    prepaid(&harness, 100).await;
    let (billing, acme) = (harness.billing(), harness.peers.acme);
    let holds: Vec<RecordId> = (0..3).map(|_| harness.platform.ids.next()).collect();
    for hold in &holds {
        billing.reserve(acme, wanted(&hold.to_string(), 30, 30)).await.unwrap();
    }
    let balance = || async {
        let balance = billing.balance(acme).await.unwrap();
        (balance.balance_nano, balance.held_nano)
    };
    // The first goes on being renewed; the second has spent and its record is on its way; the third is neither renewed
    // nor settled.
    billing.settle(acme, &holds[1].to_string(), Money(20)).await.unwrap();
    harness.peers.feed_is_down.store(true, Ordering::SeqCst);
    harness.clock.advance(Duration::from_secs(800));
    billing.renew(acme, &holds[0].to_string()).await.unwrap();
    harness.clock.advance(Duration::from_secs(200));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(balance().await, (100, 80), "nobody knows yet whether there is a record");

    harness.peers.add_record(acme, 20, |record| record.hold = Some(holds[1]));
    harness.peers.feed_is_down.store(false, Ordering::SeqCst);
    harness.until("the record is booked and the third hold ran out", || async { balance().await == (80, 30) }).await;

    harness.peers.add_record(acme, 25, |record| record.hold = Some(holds[2]));
    harness.until("what came late is booked", || async { balance().await == (55, 30) }).await;
    assert_eq!(billing.check().await.unwrap(), (vec![], true));
}

#[tokio::test]
async fn a_record_that_cannot_be_true_is_put_aside_and_the_balance_stays_a_whole_number() {
    let harness = Harness::open().await;
    let acme = harness.peers.acme;
    prepaid(&harness, 1_000_000).await;
    let hold: RecordId = harness.platform.ids.next();
    harness.billing().reserve(acme, wanted(&hold.to_string(), 500, 500)).await.unwrap();
    let absurd = [
        harness.peers.add_record(acme, 10, |record| record.input_tokens = 9_000_000_000_000_000_000),
        harness.peers.add_record(acme, 10, |record| record.output_tokens = u64::MAX),
        harness.peers.add_record(acme, i64::MAX, |_| {}),
        harness.peers.add_record(acme, i64::MIN, |_| {}),
        harness.peers.add_record(acme, -5, |_| {}),
        harness.peers.add_record(acme, 10, |record| {
            record.reasoning_tokens = 2_000_000_000;
            record.hold = Some(hold);
        }),
    ];
    // Counted by ourselves, for what the provider said was not believed: booked, and shown all the same.
    let doubted = harness.peers.add_record(acme, 7, |record| record.doubt = Some("9000000000 input tokens".to_owned()));
    harness.peers.add_usage(acme, 3);
    harness.peers.repeat_usage.store(true, Ordering::SeqCst);

    let (owner, token) = (harness.token("owner@acme.test").await, harness.token("member@acme.test").await);
    harness
        .until("the records behind them are booked", || async {
            harness.get("/api/balance", &token).await.json()["balance_nano"] == 1_000_000 - 10
        })
        .await;

    let balance = harness.get("/api/balance", &token).await.json();
    assert_eq!((&balance["balance_nano"], &balance["held_nano"]), (&json!(999_990), &json!(0)));
    let refused = harness.get("/api/usage/refused?limit=100", &owner).await.json();
    let refused = refused["data"].as_array().unwrap();
    let mut seen: Vec<&str> = refused.iter().map(|refused| refused["record"].as_str().unwrap()).collect();
    let mut wanted: Vec<String> = absurd.iter().chain([&doubted]).map(ToString::to_string).collect();
    seen.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
    let of = |id: RecordId| refused.iter().find(|refused| refused["record"] == id.to_string()).unwrap();
    assert!(of(absurd[0])["reason"].as_str().unwrap().contains("9000000000000000000"));
    assert_eq!((&of(absurd[0])["booked_nano"], &of(doubted)["booked_nano"]), (&json!(0), &json!(7)));
    let report = harness.get("/api/usage", &owner).await;
    assert_eq!((report.status, &report.json()["total"]["cost_nano"]), (200, &json!(10)));
    assert_eq!(harness.billing().check().await.unwrap(), (vec![], true));
    assert_eq!(harness.get("/api/usage/refused", &token).await.status, 403, "it is the operator's");
}

#[tokio::test]
async fn no_sum_of_money_leaves_the_whole_numbers() {
    let harness = Harness::open().await;
    let (billing, acme) = (harness.billing(), harness.peers.acme);
    let most = 10_000_000_000_000_000;
    // The most that a call can cost, so often that the sum would go beyond 64 bits.
    for _ in 0..950 {
        harness.peers.add_usage(acme, most);
    }
    harness.peers.add_usage(harness.peers.rival, 5);
    harness
        .until("the feed has gone on", || async {
            billing.balance(harness.peers.rival).await.unwrap().balance_nano == -5
        })
        .await;

    assert_eq!(billing.balance(acme).await.unwrap().balance_nano, -900 * most);
    let owner = harness.token("owner@acme.test").await;
    assert_eq!(harness.get("/api/balance", &owner).await.json()["balance_nano"], -900 * most);
    let refused = harness.get("/api/usage/refused?limit=100", &owner).await.json();
    assert_eq!(refused["data"].as_array().unwrap().len(), 50);
    assert_eq!(billing.check().await.unwrap(), (vec![], true));

    for _ in 0..2 {
        billing.top_up(acme, Money(i64::MAX), "all", "").await.unwrap();
        assert!(billing.top_up(acme, Money(i64::MAX), "more", "").await.is_err());
    }
    assert_eq!(billing.balance(acme).await.unwrap().balance_nano, i64::MAX - 900 * most);
}

#[tokio::test]
async fn peers_keep_money_back_over_the_inner_surface_and_strangers_do_not_see_it() {
    let harness = Harness::open().await;
    prepaid(&harness, 100).await;
    let accounts = Accounts::new(harness.platform.directory.transport(ServiceName::ApiGateway));
    let caller = Caller::background(harness.peers.acme, harness.platform.ids.next());
    let ask = |amount_nano: i64| Reserve { hold: harness.platform.ids.next(), amount_nano, least_nano: 60, run: None };

    let (first, second) = (ask(60), ask(60));
    let reserved = accounts.reserve(&caller, &first).await.unwrap();
    let refused = accounts.reserve(&caller, &second).await.unwrap_err();

    assert_eq!((reserved.mode, reserved.granted_nano), (BillingMode::Prepaid, 60));
    assert_eq!((refused.kind, refused.code.as_str()), (Kind::PaymentRequired, "insufficient_balance"));
    accounts.settle(&caller, first.hold, 10).await.unwrap();
    accounts.renew(&caller, first.hold).await.unwrap();
    let third = ask(60);
    accounts.reserve(&caller, &third).await.unwrap();
    accounts.release(&caller, third.hold).await.unwrap();
    assert_eq!(accounts.balance(&caller).await.unwrap().available_nano, 90);
    let rival = Caller::background(harness.peers.rival, harness.platform.ids.next());
    accounts.release(&rival, first.hold).await.unwrap();
    assert_eq!(accounts.balance(&caller).await.unwrap().held_nano, 10, "another tenant's hold is not there");

    let token = harness.token("owner@acme.test").await;
    let stranger = harness.post("/internal/holds", &token, json!({"hold": first.hold, "amount_nano": 1})).await;
    assert_eq!(stranger.status, 405, "it is an address of the console");
}

#[tokio::test]
async fn the_operator_tops_up_once_for_each_key() {
    let harness = Harness::open().await;
    let owner = harness.token("owner@acme.test").await;
    let pay = |amount: i64, key: &'static str| {
        let body = json!({"tenant": harness.peers.rival, "amount_nano": amount, "memo": "invoice 7"});
        let mut request = crate::harness::request("POST", "/api/accounts/top-up", &owner, Some(body));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        harness.send(request)
    };

    assert_eq!(pay(500, "k1").await.json()["balance_nano"], 500);
    assert_eq!(pay(500, "k1").await.json()["balance_nano"], 500);
    assert_eq!(pay(501, "k1").await.status, 409);
    assert_eq!(pay(5, "k2").await.json()["balance_nano"], 505);
    assert_eq!(pay(0, "k3").await.status, 400);
    assert_eq!(pay(-5, "k4").await.status, 400);
    let nobody = json!({"tenant": "ten_00000000000000000000000000000009", "amount_nano": 5});
    assert_eq!(harness.post("/api/accounts/top-up", &owner, nobody).await.status, 400);
    let path = format!("/api/accounts/{}", harness.peers.rival);
    let changed = harness.ask("PATCH", &path, &owner, Some(json!({"mode": "prepaid"}))).await.json();
    assert_eq!((changed["mode"].as_str(), changed["available_nano"].as_i64()), (Some("prepaid"), Some(505)));
    let rival = harness.token("owner@rival.test").await;
    assert_eq!(harness.get("/api/ledger", &rival).await.json()["data"][0]["memo"], "invoice 7");
    assert_eq!(harness.peers.n_seen(ServiceName::AgentCore, "/v1/responses"), 0);
}
