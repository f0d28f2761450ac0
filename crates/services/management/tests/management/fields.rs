//! Bodies that no typed client would send.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use septet_kernel::{Caller, ServiceName, Transport};
use tower::ServiceExt;

use crate::bench::Bench;

async fn send(
    transport: Transport,
    caller: Option<Caller>,
    method: &str,
    path: &str,
    body: &str,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(caller) = caller {
        request = request.extension(caller);
    }
    let response = transport.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn odd_requests_are_refused_with_a_reason() {
    let bench = Bench::new().await;
    let transport = || bench.platform.directory.transport(ServiceName::Management);
    let owner = || Some(bench.owner.clone());

    let (status, text) = send(transport(), owner(), "POST", "/users", "{\"email\":\"a@b\",").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    let (status, text) = send(transport(), owner(), "POST", "/users", "{\"email\":\"a@b\",\"admin\":true}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("admin"), "an unknown field is named: {text}");
    let (status, _) = send(
        transport(),
        owner(),
        "POST",
        "/users",
        "{\"email\":\"a@b\",\"password\":\"0123456789\",\"role\":\"god\"}",
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for path in ["/users/1", "/users/usr_%00", "/prompts/prm_1/versions/1", "/agents/agt_..%2F", "/keys/'"] {
        let (status, text) = send(transport(), owner(), "GET", path, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {text}");
    }
    let (status, _) = send(transport(), owner(), "GET", "/users?limit=many", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_request_without_an_identity_is_refused_everywhere() {
    let bench = Bench::new().await;
    for (method, path, body) in [
        ("GET", "/users", ""),
        ("GET", "/roles", ""),
        ("GET", "/internal/home-tenant", ""),
        ("GET", "/internal/agents/analyst", ""),
        ("POST", "/internal/credentials/verify", "{\"email\":\"admin@localhost\",\"password\":\"x\"}"),
        ("POST", "/internal/keys/verify", "{\"sha256\":\"00\"}"),
    ] {
        let transport = bench.platform.directory.transport(ServiceName::Management);
        let (status, _) = send(transport, None, method, path, body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}
