//! Access that is taken back: by whatever way, in every gateway, on everything that is open.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use septet_kernel::Role;
use serde_json::json;

use crate::house::{House, config};
use crate::socket::{connect, create, serve};
use crate::streams;

impl House {
    /// Waits until a proof is refused, and gives the refusal's code.
    async fn refused(&self, proof: &str) -> String {
        self.until("the proof is refused", || async { self.get("/v1/files", proof).await.status != 200 }).await;
        self.get("/v1/files", proof).await.code()
    }
}

#[tokio::test]
async fn what_one_gateway_takes_back_every_gateway_refuses() {
    let one = House::open().await;
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
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    let (key, _) = house.peers.add_key("editor@acme.test", Role::Editor, None);
    let neighbour = house.token("owner@rival.test").await;
    assert_eq!(house.get("/api/me", &key).await.status, 200);

    house.peers.lock_tenant(house.peers.acme);

    assert_eq!(house.refused(&token).await, "token_expired");
    assert_eq!(house.refused(&key).await, "invalid_api_key");
    assert_eq!(house.get("/api/me", &neighbour).await.status, 200);
}

#[tokio::test]
async fn a_demotion_is_not_forgotten_at_a_restart() {
    let house = House::open().await;
    let token = house.token("editor@acme.test").await;
    house.peers.set_role("editor@acme.test", Role::Viewer);
    house.refused(&token).await;

    let house = house.restarted(config()).await;

    assert_eq!(house.get("/api/me", &token).await.code(), "token_expired");
    let again = house.token("editor@acme.test").await;
    assert_eq!(house.get("/api/me", &again).await.json()["role"], "viewer");
}

#[tokio::test]
async fn an_idle_socket_is_closed_when_access_is_taken_back() {
    type Way = fn(&House);
    let ways: [(&str, Way); 4] = [
        ("session_ended", |house| house.peers.lock_tenant(house.peers.acme)),
        ("permission_denied", |house| house.peers.set_role("member@acme.test", Role::Viewer)),
        ("session_ended", |house| {
            let id = house.peers.user("member@acme.test").id;
            house.peers.users.lock().unwrap().retain(|user| user.id != id);
            house.peers.note_change(json!({"user": id}), true);
        }),
        ("session_ended", |house| {
            house.peers.note_change(json!({"user": house.peers.user("member@acme.test").id}), true);
        }),
    ];
    for (code, take_back) in ways {
        let house = House::open().await;
        let token = house.token("member@acme.test").await;
        let mut client = connect(serve(&house).await, "", Some(&token)).await.ok().unwrap();

        take_back(&house);

        assert_eq!(client.hear().await["error"]["code"], code);
        assert_eq!(client.hear().await["closed"], 1008);
    }
}

#[tokio::test]
async fn a_socket_of_a_key_ends_with_the_key() {
    let house = House::open().await;
    let address = serve(&house).await;
    let (revoked, id) = house.peers.add_key("member@acme.test", Role::Member, None);
    let (other, _) = house.peers.add_key("member@acme.test", Role::Member, None);
    let mut client = connect(address, "", Some(&revoked)).await.ok().unwrap();
    let mut neighbour = connect(address, "", Some(&other)).await.ok().unwrap();

    house.peers.revoke(id);

    assert_eq!(client.hear().await["error"]["code"], "invalid_api_key");
    assert_eq!(client.hear().await["closed"], 1008);
    neighbour.say(create("still here", None)).await;
    assert_eq!(neighbour.run().await.len(), 6);
}

#[tokio::test]
async fn a_socket_starts_its_next_run_with_the_rights_of_that_moment() {
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    let mut client = connect(serve(&house).await, "", Some(&token)).await.ok().unwrap();
    client.say(create("as a member", None)).await;
    client.run().await;
    assert_eq!(house.peers.last_seen().caller.unwrap().role, Role::Member);

    house.peers.set_role("member@acme.test", Role::Editor);
    house.refused(&token).await;
    client.say(create("as an editor", None)).await;
    client.run().await;

    assert_eq!(house.peers.last_seen().caller.unwrap().role, Role::Editor);
}

#[tokio::test]
async fn a_stream_ends_when_its_reader_may_no_longer_read() {
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    let body = json!({"model": "endless", "messages": [], "stream": true});
    let mut stream = streams::open(&house, "/v1/chat/completions", &token, body).await;
    stream.next().await.unwrap().unwrap();

    house.peers.set_role("member@acme.test", Role::Viewer);

    let mut last = String::new();
    let read = async {
        while let Some(chunk) = stream.next().await {
            last = String::from_utf8_lossy(&chunk.unwrap()).into_owned();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the stream ends");
    assert!(last.starts_with("event: error\n") && last.contains("permission_denied"), "{last}");
    assert_eq!(house.peers.n_dropped.load(Ordering::SeqCst), 1, "what fed it was stopped");
}

#[tokio::test]
async fn an_answer_that_is_waited_for_is_not_given_to_who_was_locked_out() {
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    let asked = house.post("/v1/chat/completions", &token, json!({"model": "hangs", "messages": []}));
    let lock = async {
        let is_asked = || async { !house.peers.seen.lock().unwrap().is_empty() };
        house.until("the model is asked", is_asked).await;
        house.peers.lock_tenant(house.peers.acme);
    };

    let (answer, ()) = tokio::time::timeout(Duration::from_secs(20), futures::future::join(asked, lock)).await.unwrap();

    assert_eq!((answer.status, answer.code().as_str()), (401, "session_ended"));
}

#[tokio::test]
async fn a_ticket_of_somebody_who_was_locked_out_opens_nothing() {
    let house = House::open().await;
    let token = house.token("member@acme.test").await;
    let ticket = house.post("/api/auth/ticket", &token, json!({})).await.json()["ticket"].as_str().unwrap().to_owned();

    house.peers.lock_tenant(house.peers.acme);
    house.refused(&token).await;

    assert_eq!(connect(serve(&house).await, &format!("?ticket={ticket}"), None).await.err(), Some(401));
}

#[tokio::test]
async fn without_word_of_management_nothing_is_begun_for_long_and_reading_goes_on_longer() {
    let mut patient = config();
    patient.access_token_s = 86_400;
    let house = House::with(patient).await;
    let token = house.token("member@acme.test").await;
    let begin = || house.post("/v1/responses", &token, json!({"input": "hi"}));
    assert_eq!(begin().await.status, 200);
    house.peers.management_is_down.store(true, Ordering::SeqCst);

    house.clock.advance(Duration::from_secs(50));
    assert_eq!(begin().await.status, 200, "a restart of Management stops nobody");
    house.clock.advance(Duration::from_secs(50));
    let refused = begin().await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "rights_unknown"));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(house.get("/v1/files", &token).await.status, 200);
    house.clock.advance(Duration::from_secs(900));
    assert_eq!(house.get("/v1/files", &token).await.code(), "rights_unknown");

    house.peers.management_is_down.store(false, Ordering::SeqCst);
    house.until("it goes on by itself", || async { begin().await.status == 200 }).await;
}

#[tokio::test]
async fn a_key_stops_at_the_second_it_expires() {
    let house = House::open().await;
    let (key, id) = house.peers.add_key("member@acme.test", Role::Member, None);
    let at = house.clock.now_s() + 5;
    for grant in house.peers.keys.lock().unwrap().values_mut().filter(|grant| grant["key"] == id.to_string()) {
        grant["expires_at"] = json!(at);
    }
    assert_eq!(house.get("/v1/files", &key).await.status, 200);
    house.peers.keys.lock().unwrap().clear();

    house.clock.advance(Duration::from_secs(5));

    assert_eq!(house.get("/v1/files", &key).await.code(), "invalid_api_key");
}
