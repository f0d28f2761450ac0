//! Signing in, refreshing, signing out, and what a forged token gets.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::harness::{Harness, config, request};

#[tokio::test]
async fn a_person_signs_in_and_the_refresh_token_stays_out_of_reach_of_scripts() {
    let harness = Harness::open().await;

    let login = json!({"email": "member@acme.test", "password": "correct horse"});
    let answer = harness.post("/api/auth/login", "", login).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["user"]["tenant"]["id"], harness.peers.acme.to_string());
    assert!(body.get("refresh_token").is_none());
    let cookie = answer.header("set-cookie");
    for part in ["septet_refresh=", "Path=/api/auth", "HttpOnly", "SameSite=Strict", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let me = harness.get("/api/me", body["access_token"].as_str().unwrap()).await.json();
    assert_eq!(me["email"], "member@acme.test");
    assert!(me["permissions"].as_array().unwrap().contains(&json!("agents.use")));
    assert!(!me["permissions"].as_array().unwrap().contains(&json!("users.manage")));
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_and_says_for_how_long() {
    let harness = Harness::open().await;
    let wrong = json!({"email": "member@acme.test", "password": "guess"});

    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(harness.post("/api/auth/login", "", wrong.clone()).await.code());
    }
    let right = json!({"email": "member@acme.test", "password": "correct horse"});
    let refused = harness.post("/api/auth/login", "", right.clone()).await;

    assert_eq!(codes[..5], ["wrong_password"; 5]);
    assert_eq!(codes[5], "login_throttled");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "30"));
    harness.clock.advance(Duration::from_secs(31));
    assert_eq!(harness.post("/api/auth/login", "", right).await.status, 200);
}

#[tokio::test]
async fn a_hundred_guesses_at_once_do_not_slip_through_together() {
    let harness = Harness::open().await;

    let guesses = (0..100).map(|n| {
        let guess = json!({"email": "member@acme.test", "password": format!("guess {n}")});
        harness.post("/api/auth/login", "", guess)
    });
    let answers = futures::future::join_all(guesses).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 5);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 95);
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_look_the_same() {
    let harness = Harness::open().await;

    let unknown = harness.post("/api/auth/login", "", json!({"email": "x@acme.test", "password": "y"})).await;
    let wrong = harness.post("/api/auth/login", "", json!({"email": "member@acme.test", "password": "y"})).await;

    let without_id = |answer: &crate::harness::Answer| {
        let mut json = answer.json();
        json["request_id"] = Value::Null;
        json
    };
    assert_eq!(without_id(&unknown), without_id(&wrong));
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_the_whole_session() {
    let harness = Harness::open().await;
    let (access, first) = harness.sign_in("member@acme.test").await;
    let second = harness.refresh(&first).await.json()["refresh_token"].as_str().unwrap().to_owned();
    harness.clock.advance(Duration::from_secs(11));

    let replayed = harness.refresh(&first).await;

    assert_eq!((replayed.status, replayed.code().as_str()), (401, "refresh_replayed"));
    assert_eq!(harness.refresh(&second).await.code(), "no_session");
    assert_eq!(harness.get("/api/me", &access).await.code(), "session_ended");
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_get_the_same_token_and_stay_signed_in() {
    let harness = Harness::open().await;
    let (_, first) = harness.sign_in("member@acme.test").await;

    let answers = futures::future::join_all((0..8).map(|_| harness.refresh(&first))).await;

    let next: Vec<String> =
        answers.iter().map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned()).collect();
    assert!(next.iter().all(|token| *token == next[0]));
    let after = harness.refresh(&next[0]).await;
    assert_eq!(after.status, 200, "{}", after.text);
    // One of the tabs sleeps and wakes up with the token from before the last: not a theft, and nothing to give.
    let late = harness.refresh(&first).await;
    assert_eq!((late.status, late.code().as_str()), (409, "refresh_stale"));
    assert_eq!(harness.refresh(after.json()["refresh_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_refresh_while_management_is_away_costs_nothing() {
    let harness = Harness::open().await;
    let (_, token) = harness.sign_in("member@acme.test").await;
    harness.peers.management_is_down.store(true, Ordering::SeqCst);

    let refused = harness.refresh(&token).await;
    harness.peers.management_is_down.store(false, Ordering::SeqCst);
    harness.clock.advance(Duration::from_secs(3600));

    assert_eq!(refused.status, 503);
    assert_eq!(harness.refresh(&token).await.status, 200);
}

#[tokio::test]
async fn the_cookie_counts_only_when_our_own_page_sent_it() {
    let harness = Harness::open().await;
    let login = json!({"email": "member@acme.test", "password": "correct horse"});
    let cookie = harness.post("/api/auth/login", "", login).await.header("set-cookie").to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    let refresh = |header: Option<&'static str>| {
        let mut request = request("POST", "/api/auth/refresh", "", None);
        request.headers_mut().insert("cookie", pair.parse().unwrap());
        if let Some(header) = header {
            request.headers_mut().insert(header, "1".parse().unwrap());
        }
        harness.send(request)
    };

    let forged = refresh(None).await;
    let own = refresh(Some("x-septet-csrf")).await;

    assert_eq!((forged.status, forged.code().as_str()), (403, "csrf_header_missing"));
    assert_eq!(own.status, 200, "{}", own.text);
    assert!(own.header("set-cookie").starts_with("septet_refresh="));
    assert!(own.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn signing_out_ends_access_at_once_and_a_restart_does_not_bring_it_back() {
    let harness = Harness::open().await;
    let (access, refresh) = harness.sign_in("member@acme.test").await;
    let (other, _) = harness.sign_in("member@acme.test").await;

    let out = harness.post("/api/auth/logout", "", json!({"refresh_token": refresh})).await;

    assert_eq!(out.status, 204);
    assert_eq!(harness.get("/api/me", &access).await.code(), "session_ended");
    let harness = harness.restarted(config()).await;
    assert_eq!(harness.get("/api/me", &access).await.code(), "session_ended");
    assert_eq!(harness.get("/api/me", &other).await.status, 200, "another session goes on, with the same key");
}

#[tokio::test]
async fn a_disabled_account_loses_its_sessions_and_a_changed_role_counts_at_the_next_request() {
    let harness = Harness::open().await;
    let owner = harness.token("owner@acme.test").await;
    let (access, refresh) = harness.sign_in("editor@acme.test").await;
    let path = format!("/api/users/{}", harness.peers.user("editor@acme.test").id);
    harness.clock.advance(Duration::from_secs(2));

    let demoted = harness.ask("PATCH", &path, &owner, Some(json!({"role": "viewer"}))).await;
    assert_eq!(demoted.status, 200, "{}", demoted.text);
    assert_eq!(harness.get("/api/me", &access).await.code(), "token_expired");
    let again = harness.refresh(&refresh).await.json();
    assert_eq!(again["user"]["role"], "viewer");
    assert_eq!(harness.get("/api/me", again["access_token"].as_str().unwrap()).await.status, 200);

    harness.ask("PATCH", &path, &owner, Some(json!({"disabled": true}))).await;
    assert_eq!(harness.get("/api/me", again["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(harness.refresh(again["refresh_token"].as_str().unwrap()).await.code(), "no_session");
}

#[tokio::test]
async fn no_forged_token_is_accepted() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let jwk = harness.get("/.well-known/jwks.json", "").await.json()["keys"][0].clone();
    assert_eq!(
        (jwk["kty"].as_str(), jwk["crv"].as_str(), jwk["alg"].as_str()),
        (Some("OKP"), Some("Ed25519"), Some("EdDSA"))
    );
    let parts: Vec<&str> = token.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut promoted = claims.clone();
    promoted["role"] = json!("owner");
    let hs256 = |secret: &[u8]| {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &promoted, &EncodingKey::from_secret(secret)).unwrap()
    };
    let x = jwk["x"].as_str().unwrap();
    let forged = [
        format!("{}.{}.", encode(&json!({"alg": "none", "typ": "JWT"})), encode(&promoted)),
        format!("{}.{}.{}", encode(&json!({"alg": "None"})), encode(&promoted), parts[2]),
        format!("{}.{}.{}", parts[0], encode(&promoted), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        hs256(x.as_bytes()),
        hs256(&URL_SAFE_NO_PAD.decode(x).unwrap()),
        hs256(b"an internal secret"),
        "not a token".to_owned(),
        ".".repeat(1000),
        "ä".to_owned(),
    ];

    for token in forged {
        let answer = harness.send(raw_bearer(&token)).await;
        assert_eq!(answer.status, 401, "{token}: {}", answer.text);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    assert_eq!(harness.get("/api/me", &token).await.status, 200);
    harness.clock.advance(Duration::from_secs(901));
    assert_eq!(harness.get("/api/me", &token).await.code(), "token_expired");
}

fn raw_bearer(token: &str) -> axum::extract::Request {
    let mut request = request("GET", "/api/me", "", None);
    let value = http::HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()).unwrap();
    request.headers_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn without_credentials_the_answer_says_what_to_send() {
    let harness = Harness::open().await;

    let answer = harness.get("/api/me", "").await;
    let basic = {
        let mut request = request("GET", "/api/me", "", None);
        request.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
        harness.send(request).await
    };

    assert_eq!((answer.status, answer.code().as_str()), (401, "no_credentials"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("Authorization: Bearer"));
    assert_eq!(basic.code(), "no_credentials");
}

#[tokio::test]
async fn a_client_that_is_not_signed_in_cannot_have_a_long_password_hashed() {
    let harness = Harness::open().await;

    let long =
        harness.post("/api/auth/login", "", json!({"email": "member@acme.test", "password": "x".repeat(5000)})).await;
    let book = harness
        .post("/api/auth/login", "", json!({"email": "member@acme.test", "password": "x".repeat(100_000)}))
        .await;

    assert_eq!((long.status, long.code().as_str()), (401, "wrong_password"));
    assert_eq!(book.status, 413);
}
