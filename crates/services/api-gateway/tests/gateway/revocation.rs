//! Access that is revoked: by any means, in every gateway, on everything that is open.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use septet_kernel::Role;
use serde_json::json;

use crate::harness::{Harness, config};
use crate::socket::{connect, create, serve};
use crate::streams;

impl Harness {
    /// Waits until a proof is refused, and gives the refusal's code.
    async fn refused(&self, proof: &str) -> String {
        self.until("the proof is refused", || async { self.get("/v1/files", proof).await.status != 200 }).await;
        self.get("/v1/files", proof).await.code()
    }
}

#[tokio::test]
async fn what_one_gateway_takes_back_every_gateway_refuses() {
    let one = Harness::open().await;
    let other = one.beside(config()).await;
    let owner = one.token("owner@acme.test").await;
    let account = |email: &str| format!("/api/users/{}", one.peers.user(email).id);
    let (demoted, _) = one.sign_in("editor@acme.test").await;
    let (locked, locked_refresh) = one.sign_in("viewer@acme.test").await;
    let (signed_out, refresh) = one.sign_in("member@acme.test").await;
    let (renewed, renewed_refresh) = one.sign_in("admin@acme.test").await;
    let (key, key_id) = one.peers.add_key("member@acme.test", Role::Member, None);
    let (goes_on, _) = one.sign_in("member@acme.test").await;
    for proof in [&demoted, &locked, &signed_out, &renewed, &key, &goes_on] {
        assert_eq!(other.get("/api/me", proof).await.status, 200);
    }

    assert_eq!(
        one.ask("PATCH", &account("editor@acme.test"), &owner, Some(json!({"role": "viewer"}))).await.status,
        200
    );
    one.ask("PATCH", &account("viewer@acme.test"), &owner, Some(json!({"disabled": true}))).await;
    one.ask("PATCH", &account("admin@acme.test"), &owner, Some(json!({"password": "another one 1"}))).await;
    one.post("/api/auth/logout", "", json!({"refresh_token": refresh})).await;
    assert_eq!(one.ask("DELETE", &format!("/api/keys/{key_id}"), &owner, None).await.status, 204);

    for proof in [&demoted, &locked, &signed_out, &renewed, &key] {
        assert_eq!(one.get("/api/me", proof).await.status, 401, "where it happened it acts at once");
    }
    assert_eq!(other.refused(&demoted).await, "token_expired");
    assert_eq!(other.refused(&locked).await, "token_expired");
    assert_eq!(other.refused(&renewed).await, "token_expired");
    assert_eq!(other.refused(&signed_out).await, "session_ended");
    assert_eq!(other.refused(&key).await, "invalid_api_key");
    for refresh in [&locked_refresh, &renewed_refresh] {
        assert_eq!(other.refresh(refresh).await.code(), "no_session");
    }
    assert_eq!(other.get("/api/me", &goes_on).await.status, 200, "nobody else is concerned");
}

#[tokio::test]
async fn a_locked_tenant_is_refused_with_all_its_people_and_keys() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let (key, _) = harness.peers.add_key("editor@acme.test", Role::Editor, None);
    let neighbour = harness.token("owner@rival.test").await;
    assert_eq!(harness.get("/api/me", &key).await.status, 200);

    harness.peers.lock_tenant(harness.peers.acme);

    assert_eq!(harness.refused(&token).await, "token_expired");
    assert_eq!(harness.refused(&key).await, "invalid_api_key");
    assert_eq!(harness.get("/api/me", &neighbour).await.status, 200);
}

#[tokio::test]
async fn a_demotion_is_not_forgotten_at_a_restart() {
    let harness = Harness::open().await;
    let token = harness.token("editor@acme.test").await;
    harness.peers.set_role("editor@acme.test", Role::Viewer);
    harness.refused(&token).await;

    let harness = harness.restarted(config()).await;

    assert_eq!(harness.get("/api/me", &token).await.code(), "token_expired");
    let again = harness.token("editor@acme.test").await;
    assert_eq!(harness.get("/api/me", &again).await.json()["role"], "viewer");
}

#[tokio::test]
async fn an_idle_socket_is_closed_when_access_is_taken_back() {
    type Way = fn(&Harness);
    let ways: [(&str, Way); 4] = [
        ("session_ended", |harness| harness.peers.lock_tenant(harness.peers.acme)),
        ("permission_denied", |harness| harness.peers.set_role("member@acme.test", Role::Viewer)),
        ("session_ended", |harness| {
            let id = harness.peers.user("member@acme.test").id;
            harness.peers.users.lock().unwrap().retain(|user| user.id != id);
            harness.peers.note_change(json!({"user": id}), true);
        }),
        ("session_ended", |harness| {
            harness.peers.note_change(json!({"user": harness.peers.user("member@acme.test").id}), true);
        }),
    ];
    for (code, take_back) in ways {
        let harness = Harness::open().await;
        let token = harness.token("member@acme.test").await;
        let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();

        take_back(&harness);

        assert_eq!(client.hear().await["error"]["code"], code);
        assert_eq!(client.hear().await["closed"], 1008);
    }
}

#[tokio::test]
async fn a_socket_of_a_key_ends_with_the_key() {
    let harness = Harness::open().await;
    let address = serve(&harness).await;
    let (revoked, id) = harness.peers.add_key("member@acme.test", Role::Member, None);
    let (other, _) = harness.peers.add_key("member@acme.test", Role::Member, None);
    let mut client = connect(address, "", Some(&revoked)).await.ok().unwrap();
    let mut neighbour = connect(address, "", Some(&other)).await.ok().unwrap();

    harness.peers.revoke(id);

    assert_eq!(client.hear().await["error"]["code"], "invalid_api_key");
    assert_eq!(client.hear().await["closed"], 1008);
    neighbour.say(create("still here", None)).await;
    assert_eq!(neighbour.run().await.len(), 6);
}

#[tokio::test]
async fn a_socket_starts_its_next_run_with_the_rights_of_that_moment() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();
    client.say(create("as a member", None)).await;
    client.run().await;
    assert_eq!(harness.peers.last_seen().caller.unwrap().role, Role::Member);

    harness.peers.set_role("member@acme.test", Role::Editor);
    harness.refused(&token).await;
    client.say(create("as an editor", None)).await;
    client.run().await;

    assert_eq!(harness.peers.last_seen().caller.unwrap().role, Role::Editor);
}

#[tokio::test]
async fn a_stream_ends_when_its_reader_may_no_longer_read() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let body = json!({"model": "endless", "messages": [], "stream": true});
    let mut stream = streams::open(&harness, "/v1/chat/completions", &token, body).await;
    stream.next().await.unwrap().unwrap();

    harness.peers.set_role("member@acme.test", Role::Viewer);

    let mut last = String::new();
    let read = async {
        while let Some(chunk) = stream.next().await {
            last = String::from_utf8_lossy(&chunk.unwrap()).into_owned();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the stream ends");
    assert!(last.starts_with("event: error\n") && last.contains("permission_denied"), "{last}");
    assert_eq!(harness.peers.n_dropped.load(Ordering::SeqCst), 1, "what fed it was stopped");
}

#[tokio::test]
async fn an_answer_that_is_waited_for_is_not_given_to_who_was_locked_out() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let asked = harness.post("/v1/chat/completions", &token, json!({"model": "hangs", "messages": []}));
    let lock = async {
        let is_asked = || async { !harness.peers.seen.lock().unwrap().is_empty() };
        harness.until("the model is asked", is_asked).await;
        harness.peers.lock_tenant(harness.peers.acme);
    };

    let (answer, ()) = tokio::time::timeout(Duration::from_secs(20), futures::future::join(asked, lock)).await.unwrap();

    assert_eq!((answer.status, answer.code().as_str()), (401, "session_ended"));
}

#[tokio::test]
async fn a_ticket_of_somebody_who_was_locked_out_opens_nothing() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let ticket =
        harness.post("/api/auth/ticket", &token, json!({})).await.json()["ticket"].as_str().unwrap().to_owned();

    harness.peers.lock_tenant(harness.peers.acme);
    harness.refused(&token).await;

    assert_eq!(connect(serve(&harness).await, &format!("?ticket={ticket}"), None).await.err(), Some(401));
}

#[tokio::test]
async fn without_word_of_management_nothing_is_begun_for_long_and_reading_goes_on_longer() {
    let mut patient = config();
    patient.access_token_s = 86_400;
    let harness = Harness::with(patient).await;
    let token = harness.token("member@acme.test").await;
    let begin = || harness.post("/v1/responses", &token, json!({"input": "hi"}));
    assert_eq!(begin().await.status, 200);
    harness.peers.management_is_down.store(true, Ordering::SeqCst);

    harness.clock.advance(Duration::from_secs(50));
    assert_eq!(begin().await.status, 200, "a restart of Management stops nobody");
    harness.clock.advance(Duration::from_secs(50));
    let refused = begin().await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "rights_unknown"));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(harness.get("/v1/files", &token).await.status, 200);
    harness.clock.advance(Duration::from_secs(900));
    assert_eq!(harness.get("/v1/files", &token).await.code(), "rights_unknown");

    harness.peers.management_is_down.store(false, Ordering::SeqCst);
    harness.until("it goes on by itself", || async { begin().await.status == 200 }).await;
}

#[tokio::test]
async fn a_key_stops_at_the_second_it_expires() {
    let harness = Harness::open().await;
    let (key, id) = harness.peers.add_key("member@acme.test", Role::Member, None);
    let at = harness.clock.now_s() + 5;
    for grant in harness.peers.keys.lock().unwrap().values_mut().filter(|grant| grant["key"] == id.to_string()) {
        grant["expires_at"] = json!(at);
    }
    assert_eq!(harness.get("/v1/files", &key).await.status, 200);
    harness.peers.keys.lock().unwrap().clear();

    harness.clock.advance(Duration::from_secs(5));

    assert_eq!(harness.get("/v1/files", &key).await.code(), "invalid_api_key");
}
