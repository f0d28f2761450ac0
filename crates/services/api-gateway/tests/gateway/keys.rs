//! API keys.

use std::sync::atomic::Ordering;
use std::time::Duration;

use septet_api_gateway::Config;
use septet_kernel::Role;

use crate::harness::{Harness, config};

#[tokio::test]
async fn a_key_is_asked_for_once_in_half_a_minute() {
    let harness = Harness::open().await;
    let (key, id) = harness.peers.add_key("member@acme.test", Role::Member, None);

    for _ in 0..5 {
        assert_eq!(harness.get("/v1/models", &key).await.status, 200);
    }
    assert_eq!(harness.peers.n_key_checks.load(Ordering::SeqCst), 1);
    harness.clock.advance(Duration::from_secs(31));
    let me = harness.get("/api/me", &key).await.json();

    assert_eq!(harness.peers.n_key_checks.load(Ordering::SeqCst), 2);
    assert_eq!(me["key"], id.to_string());
}

#[tokio::test]
async fn a_key_does_no_more_than_its_own_role() {
    let harness = Harness::open().await;
    let (key, _) = harness.peers.add_key("owner@acme.test", Role::Viewer, None);

    assert_eq!(harness.get("/v1/files", &key).await.status, 200);
    assert_eq!(harness.get("/api/users", &key).await.code(), "permission_denied");
    assert_eq!(harness.get("/api/me", &key).await.json()["role"], "viewer");
}

#[tokio::test]
async fn a_remembered_key_works_while_management_is_away_and_a_new_one_does_not() {
    let harness = Harness::open().await;
    let (known, _) = harness.peers.add_key("member@acme.test", Role::Member, None);
    let (new, _) = harness.peers.add_key("member@acme.test", Role::Member, None);
    assert_eq!(harness.get("/v1/files", &known).await.status, 200);
    harness.clock.advance(Duration::from_secs(60));
    harness.peers.management_is_down.store(true, Ordering::SeqCst);

    assert_eq!(harness.get("/v1/files", &known).await.status, 200);
    assert_eq!(harness.get("/v1/files", &new).await.status, 503);
}

#[tokio::test]
async fn a_revoked_key_stops_at_once_and_an_unknown_one_never_starts() {
    let harness = Harness::open().await;
    let owner = harness.token("owner@acme.test").await;
    let (key, id) = harness.peers.add_key("member@acme.test", Role::Member, None);
    assert_eq!(harness.get("/v1/files", &key).await.status, 200);

    assert_eq!(harness.ask("DELETE", &format!("/api/keys/{id}"), &owner, None).await.status, 204);

    let refused = harness.get("/v1/files", &key).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
    assert_eq!(refused.json()["error"]["type"], "authentication_error");
    assert_eq!(harness.get("/v1/files", "sk-septet-unknown").await.code(), "invalid_api_key");
}

#[tokio::test]
async fn requests_are_counted_per_key_and_the_answer_says_when_to_come_back() {
    let harness = Harness::open().await;
    let (slow, _) = harness.peers.add_key("member@acme.test", Role::Member, Some(8));
    let (free, _) = harness.peers.add_key("member@acme.test", Role::Member, None);

    let first = harness.get("/v1/files", &slow).await;
    assert_eq!(
        (first.header("x-ratelimit-limit-requests"), first.header("x-ratelimit-remaining-requests")),
        ("8", "1")
    );
    assert_eq!(harness.get("/v1/files", &slow).await.status, 200);
    let refused = harness.get("/v1/files", &slow).await;

    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=8).contains(&wait), "{wait}");
    assert_eq!(harness.get("/v1/files", &free).await.status, 200, "another key of the same person goes on");
    harness.clock.advance(Duration::from_secs(wait));
    assert_eq!(harness.get("/v1/files", &slow).await.status, 200);
}

/// How many of so many requests with these proofs in turn are let through.
async fn n_let_through(harness: &Harness, proofs: &[String], n: usize) -> usize {
    let mut n_passed = 0;
    for at in 0..n {
        n_passed += usize::from(harness.get("/v1/files", &proofs[at % proofs.len()]).await.status == 200);
    }
    n_passed
}

#[tokio::test]
async fn a_key_gives_itself_no_more_than_the_operator_allows() {
    let harness = Harness::with(Config { requests_per_minute: 40, ..config() }).await;
    let (greedy, _) = harness.peers.add_key("member@acme.test", Role::Member, Some(1_000_000));

    assert_eq!(n_let_through(&harness, &[greedy], 30).await, 10, "the burst of 40 a minute");
}

#[tokio::test]
async fn more_keys_are_no_more_requests() {
    let harness = Harness::with(Config { requests_per_minute: 40, ..config() }).await;
    let keys: Vec<String> = (0..6).map(|_| harness.peers.add_key("member@acme.test", Role::Member, None).0).collect();

    assert_eq!(n_let_through(&harness, &keys, 60).await, 10);
    let (colleague, _) = harness.peers.add_key("editor@acme.test", Role::Member, None);
    assert_eq!(n_let_through(&harness, &[colleague], 5).await, 5, "a colleague is not concerned");
}

#[tokio::test]
async fn a_tenant_that_floods_leaves_its_neighbour_alone() {
    let harness = Harness::with(Config { requests_per_minute: 400, tenant_requests_per_minute: 80, ..config() }).await;
    let people = ["owner", "admin", "editor", "member", "viewer"].map(|name| format!("{name}@acme.test"));
    let keys: Vec<String> = people.iter().map(|email| harness.peers.add_key(email, Role::Viewer, None).0).collect();
    let (neighbour, _) = harness.peers.add_key("owner@rival.test", Role::Member, None);

    assert_eq!(n_let_through(&harness, &keys, 100).await, 20, "the burst of 80 a minute, whoever asks");
    let refused = harness.get("/v1/files", &keys[0]).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(n_let_through(&harness, &[neighbour], 20).await, 20);
}

#[tokio::test]
async fn whatever_is_no_token_is_answered_as_a_wrong_key() {
    let harness = Harness::open().await;

    for key in ["sk-wrong", "sk-proj-abc123", "sk-septet-unknown", "x", "two.parts"] {
        let refused = harness.get("/v1/models", key).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"), "{key}");
    }
    assert_eq!(harness.get("/v1/models", "a.b.c").await.code(), "invalid_token");
}
