//! Permissions, shapes of errors, and which headers are passed on.

use septet_kernel::ServiceName;
use serde_json::json;

use crate::harness::{Harness, config, ok, request};

#[tokio::test]
async fn each_role_gets_as_far_as_the_table_says() {
    let harness = Harness::open().await;
    // Method, path, and the weakest role that is let through.
    let table = [
        ("GET", "/v1/files", "viewer"),
        ("GET", "/api/conversations", "viewer"),
        ("POST", "/v1/responses", "member"),
        ("POST", "/v1/vector_stores", "member"),
        ("POST", "/v1/containers", "member"),
        ("GET", "/api/prompts", "editor"),
        ("POST", "/api/agents", "editor"),
        ("GET", "/api/users", "admin"),
        ("GET", "/api/ledger", "admin"),
        ("GET", "/api/tenants", "owner"),
        ("POST", "/api/accounts/top-up", "owner"),
    ];
    let roles = ["viewer", "member", "editor", "admin", "owner"];
    for role in roles {
        let token = harness.token(&format!("{role}@acme.test")).await;
        for (method, path, least) in table {
            let body = (method == "POST").then(|| json!({"input": "x", "amount_nano": 1}));
            let answer = harness.ask(method, path, &token, body).await;
            let rank = |name: &str| roles.iter().position(|one| *one == name).unwrap();
            let is_allowed = rank(role) >= rank(least);
            assert_eq!(answer.status != 403, is_allowed, "{role} {method} {path}: {} {}", answer.status, answer.text);
        }
    }
}

#[tokio::test]
async fn what_a_client_sends_never_looks_like_an_identity() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let mut forged = request("GET", "/v1/vector_stores?limit=3", &token, None);
    for (name, value) in [
        ("x-septet-identity", "eyJhbGciOiJub25lIn0.e30."),
        ("x-septet-deadline", "1"),
        ("x-request-id", "req_mine"),
        ("x-septet-run", "resp_other"),
        ("cookie", "septet_refresh=secret"),
        ("idempotency-key", "k1"),
    ] {
        forged.headers_mut().insert(name, value.parse().unwrap());
    }

    let answer = harness.send(forged).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["path"], "/v1/vector_stores?limit=3");
    let seen = harness.peers.last_seen();
    let caller = seen.caller.unwrap();
    assert_eq!((caller.tenant, caller.user), (harness.peers.acme, Some(harness.peers.user("member@acme.test").id)));
    assert_eq!(answer.header("x-request-id"), caller.request.to_string());
    assert!(caller.deadline.is_some());
    assert_eq!(seen.headers["idempotency-key"], "k1");
    for name in ["cookie", "authorization", "x-septet-run"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn two_tenants_never_see_each_other() {
    let harness = Harness::open().await;
    let own = harness.token("owner@acme.test").await;
    let rival = harness.token("owner@rival.test").await;

    let agents = harness.get("/v1/models", &rival).await.json();
    assert_eq!(agents["data"][0]["id"], "agent:spy");
    assert_eq!(harness.get("/v1/models/agent:analyst", &rival).await.status, 404);
    assert_eq!(harness.get("/v1/models/agent:analyst", &own).await.status, 200);
    let response = harness.peers.response;
    assert_eq!(harness.get(&format!("/v1/responses/{response}"), &own).await.status, 200);
    assert_eq!(harness.get(&format!("/v1/responses/{response}"), &rival).await.status, 404);
    assert_eq!(harness.get(&format!("/v1/responses/{response}?stream=true"), &rival).await.status, 404);
    // Money: the other's account is neither seen nor changed.
    let pay = json!({"tenant": harness.peers.acme, "amount_nano": 5});
    let refused = harness.post("/api/accounts/top-up", &rival, pay).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "not_operator"));
    assert_eq!(harness.get("/api/accounts", &rival).await.code(), "not_operator");
    harness.billing().top_up(harness.peers.acme, septet_kernel::Money(7), "k", "").await.unwrap();
    assert_eq!(harness.get("/api/balance", &rival).await.json()["balance_nano"], 0);
    assert_eq!(harness.get("/api/ledger", &rival).await.json()["data"], json!([]));
    assert_eq!(harness.get("/api/balance", &own).await.json()["balance_nano"], 7);
    let change = harness
        .ask(
            "PATCH",
            &format!("/api/users/{}", harness.peers.user("member@acme.test").id),
            &rival,
            Some(json!({"disabled": true})),
        )
        .await;
    assert_eq!(change.status, 404);
}

#[tokio::test]
async fn errors_have_the_shape_of_their_surface_and_the_id_of_the_request() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let openai = harness.post("/v1/responses", &token, json!({"model": "agent:nobody", "input": "x"})).await;
    let own = harness.get("/api/user", &token).await;

    let error = openai.json()["error"].clone();
    assert_eq!(openai.status, 404);
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some("no_such_agent"), Some("model")));
    assert_eq!(error["request_id"], openai.header("x-request-id"));
    assert!(openai.header("content-type").starts_with("application/json"));
    let problem = own.json();
    assert_eq!((own.status, own.header("content-type")), (404, "application/problem+json"));
    assert_eq!(problem["code"], "no_such_route");
    assert!(problem["detail"].as_str().unwrap().contains("/api/users"), "{problem}");
    assert_eq!(problem["request_id"], own.header("x-request-id"));
}

#[tokio::test]
async fn an_error_of_another_gateway_keeps_its_own_words() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let refused = harness.post("/v1/chat/completions", &token, json!({"model": "broken", "messages": []})).await;

    let error = refused.json()["error"].clone();
    assert_eq!(refused.status, 404);
    assert_eq!((error["message"].as_str(), error["code"].as_str()), (Some("no such model"), Some("model_not_found")));
}

#[tokio::test]
async fn a_bug_in_a_service_is_an_error_like_any_other() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let answer = harness.post("/v1/chat/completions", &token, json!({"model": "panics", "messages": []})).await;

    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"]["type"], "server_error");
    assert!(!answer.text.contains("on purpose"), "{}", answer.text);
}

#[tokio::test]
async fn odd_requests_get_a_clear_answer() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let not_json = {
        let mut odd = request("POST", "/v1/responses", &token, None);
        odd.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *odd.body_mut() = axum::body::Body::from("{\"input\": ");
        harness.send(odd).await
    };
    assert_eq!(not_json.status, 400);
    assert!(not_json.json()["error"]["message"].as_str().unwrap().contains("column"), "{}", not_json.text);

    let wrong_method = harness.ask("PUT", "/v1/models", &token, None).await;
    assert_eq!((wrong_method.status, wrong_method.code().as_str()), (405, "method_not_allowed"));
    assert!(wrong_method.header("allow").contains("GET"));

    let not_an_object = harness.post("/v1/responses", &token, json!([1])).await;
    assert_eq!(not_an_object.status, 400);
    let no_upgrade = harness.get("/v1/responses", &token).await;
    assert_eq!((no_upgrade.status, no_upgrade.code().as_str()), (400, "upgrade_required"));
    let traversal = harness.get("/v1/files/..%2F..%2Finternal%2Fusage", &token).await;
    assert!(
        !ok(&traversal) || traversal.json()["path"] == "/v1/files/..%2F..%2Finternal%2Fusage",
        "{}",
        traversal.text
    );
    let internal = harness.post("/v1/internal/search", &token, json!({})).await;
    assert_eq!(internal.status, 404);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_announced_or_not() {
    let mut small = config();
    small.json_limit_mib = 1;
    let harness = Harness::with(small).await;
    let token = harness.token("member@acme.test").await;
    let large = json!({"name": "x".repeat(2 << 20)});

    let announced = harness.post("/v1/vector_stores", &token, large.clone()).await;
    let unannounced = {
        let mut request = request("POST", "/v1/vector_stores", &token, Some(large.clone()));
        let text = large.to_string();
        let pieces =
            text.into_bytes().chunks(1000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
        *request.body_mut() = axum::body::Body::from_stream(futures::stream::iter(pieces));
        harness.send(request).await
    };
    let parsed_here = harness.post("/v1/responses", &token, json!({"input": "x".repeat(2 << 20)})).await;

    for answer in [announced, unannounced, parsed_here] {
        assert_eq!(answer.status, 413, "{}", answer.text);
        assert_eq!(answer.json()["error"]["code"], "too_large");
    }
    assert_eq!(harness.peers.n_seen(ServiceName::AgentCore, "/v1/responses"), 0);
}

#[tokio::test]
async fn the_description_and_the_status_are_there() {
    let harness = Harness::open().await;
    let token = harness.token("viewer@acme.test").await;

    let description = harness.get("/openapi.json", "").await;
    let status = harness.get("/api/status", &token).await.json();
    let docs = harness.get("/docs", "").await;

    assert_eq!(description.json()["openapi"], "3.1.0");
    assert_eq!(description.text, septet_api_gateway::openapi());
    assert_eq!(status["offline_model"], true);
    assert_eq!(status["sandbox"], json!({"level": "L3", "driver": "process"}));
    assert_eq!(status["default_agent"], "agent:analyst");
    assert_eq!(status["down"], json!([]));
    assert!(docs.text.contains("/v1/responses"));
    assert_eq!(harness.get("/health/ready", "").await.status, 200);
}

#[tokio::test]
async fn a_slow_peer_ends_at_the_deadline() {
    let mut hasty = config();
    hasty.run_timeout_s = 1;
    let harness = Harness::with(hasty).await;
    let token = harness.token("member@acme.test").await;

    let answer = harness.post("/v1/chat/completions", &token, json!({"model": "hangs", "messages": []})).await;

    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (504, Some("server_error")));
}

#[tokio::test]
async fn lists_and_changes_reach_their_owner_without_the_prefix() {
    let harness = Harness::open().await;
    let token = harness.token("owner@acme.test").await;

    let jobs = harness.get("/api/jobs?state=dead&limit=5", &token).await.json();
    let base = harness.ask("DELETE", "/api/knowledge-bases/vs_1", &token, None).await.json();

    assert_eq!(jobs["path"], "/jobs?state=dead&limit=5");
    assert_eq!((base["path"].as_str(), base["method"].as_str()), (Some("/v1/vector_stores/vs_1"), Some("DELETE")));
    assert_eq!(harness.peers.last_seen().service, ServiceName::KnowledgeEngine);
}

#[tokio::test]
async fn a_body_of_too_much_is_refused_in_the_words_of_its_surface_whatever_it_says_it_is() {
    let harness = Harness::open().await;
    let token = harness.token("owner@acme.test").await;
    let me = harness.get("/api/me", &token).await.json()["id"].as_str().unwrap().to_owned();
    let items = vec!["{}"; 5000].join(",");
    for (method, path, field) in [
        ("POST", "/v1/responses", "input"),
        ("POST", "/v1/chat/completions", "messages"),
        ("PATCH", &format!("/api/users/{me}"), "tools"),
    ] {
        for content_type in ["application/json", "multipart/form-data; boundary=x"] {
            let mut request = request(method, path, &token, None);
            *request.body_mut() = format!("{{\"model\":\"x\",\"{field}\":[{items}]}}").into();
            request.headers_mut().insert("content-type", content_type.parse().unwrap());
            let answer = harness.send(request).await;

            assert_eq!((answer.status, answer.code().as_str()), (400, "body_too_complex"), "{path}: {}", answer.text);
            let json = answer.json();
            let param = if json["error"].is_object() { &json["error"]["param"] } else { &json["param"] };
            assert_eq!(param, field, "{path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_list_is_no_body() {
    let harness = Harness::open().await;
    let token = harness.token("owner@acme.test").await;
    for path in ["/v1/responses", "/v1/chat/completions", "/api/auth/login", "/api/auth/logout"] {
        let answer = harness.post(path, &token, json!(["agent:analyst", "hello", false])).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
    }
}
