//! The console's files.

use std::fs;

use serde_json::json;

use crate::harness::{Harness, config, request};

async fn harness() -> (Harness, tempfile::TempDir) {
    let dist = tempfile::tempdir().unwrap();
    fs::create_dir(dist.path().join("assets")).unwrap();
    let index = "<meta name=csp-nonce content=__SEPTET_NONCE__><script src=/assets/app-1.js></script>";
    fs::write(dist.path().join("index.html"), index).unwrap();
    fs::write(dist.path().join("assets/app-1.js"), "plain").unwrap();
    fs::write(dist.path().join("assets/app-1.js.br"), "brotli").unwrap();
    fs::write(dist.path().join("assets/app-1.js.gz"), "gzip").unwrap();
    fs::write(dist.path().join("favicon.svg"), "<svg/>").unwrap();
    let mut config = config();
    config.console_folder = Some(dist.path().to_owned());
    (Harness::with(config).await, dist)
}

#[tokio::test]
async fn the_page_allows_only_its_own_scripts_and_a_nonce_that_is_new_each_time() {
    let (harness, _dist) = harness().await;

    let first = harness.get("/", "").await;
    let second = harness.get("/chat/conv_1?x=1", "").await;

    for page in [&first, &second] {
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), "no-store");
        let nonce = page.text.split("content=").nth(1).unwrap().split('>').next().unwrap();
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("style-src 'self' 'nonce-{nonce}'")), "{policy}");
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
    }
    assert_ne!(first.text, second.text);
}

#[tokio::test]
async fn assets_are_small_and_cached_for_ever() {
    let (harness, _dist) = harness().await;
    let get = |path: &'static str, accept: &'static str, etag: &str| {
        let mut request = request("GET", path, "", None);
        request.headers_mut().insert("accept-encoding", accept.parse().unwrap());
        request.headers_mut().insert("if-none-match", etag.parse().unwrap());
        harness.send(request)
    };

    let br = get("/assets/app-1.js", "gzip, br", "x").await;
    let gzip = get("/assets/app-1.js", "gzip", "x").await;
    let plain = get("/assets/app-1.js", "identity", "x").await;

    assert_eq!((br.text.as_str(), br.header("content-encoding")), ("brotli", "br"));
    assert_eq!((gzip.text.as_str(), gzip.header("content-encoding")), ("gzip", "gzip"));
    assert_eq!((plain.text.as_str(), plain.header("content-encoding")), ("plain", ""));
    assert_eq!(br.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(br.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(br.header("vary"), "accept-encoding");
    assert_eq!(br.header("x-content-type-options"), "nosniff");
    let again = get("/assets/app-1.js", "gzip, br", br.header("etag")).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
}

#[tokio::test]
async fn a_missing_file_is_no_page_and_an_api_path_never_is_one() {
    let (harness, _dist) = harness().await;

    assert_eq!(harness.get("/assets/gone.js", "").await.status, 404);
    assert_eq!(harness.get("/gone.png", "").await.status, 404);
    assert_eq!(harness.get("/../Cargo.toml", "").await.status, 404);
    for path in ["/v1", "/v1/nothing", "/api/nothing", "/.well-known/x", "/api"] {
        let answer = harness.get(path, "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.header("content-type").contains("json"), "{path}: {}", answer.header("content-type"));
    }
    let page = harness.get("/v1beta", "").await;
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert_eq!(harness.post("/chat", "", json!({})).await.status, 405);
}

#[tokio::test]
async fn an_address_that_the_console_has_not_is_404_and_still_shows_a_page() {
    let (harness, _dist) = harness().await;

    for path in ["/", "/chat", "/chat/conv_1", "/knowledge/", "/knowledge/vs_1", "/account"] {
        assert_eq!(harness.get(path, "").await.status, 200, "{path}");
    }
    for path in ["/nothing", "/chats", "/chat/conv_1/more", "/wp-admin/", "/v1beta"] {
        let page = harness.get(path, "").await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains("csp-nonce"), "{path}");
    }
}

/// What balancers and people try first.
#[tokio::test]
async fn health_answers_without_a_sign_in() {
    let (harness, _dist) = harness().await;

    for path in ["/health", "/health/ready", "/health/live"] {
        assert_eq!(harness.get(path, "").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_page_of_the_api_has_a_style_that_its_policy_lets_in() {
    let (harness, _dist) = harness().await;

    let page = harness.get("/docs", "").await;

    let nonce = page.text.split("<style nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(page.header("content-security-policy").contains(&format!("style-src 'nonce-{nonce}'")));
    assert!(page.text.contains("/v1/responses"));
}

#[tokio::test]
async fn without_a_console_the_page_says_how_to_get_one() {
    let empty = tempfile::tempdir().unwrap();
    let mut config = config();
    config.console_folder = Some(empty.path().to_owned());
    let harness = Harness::with(config).await;

    let page = harness.get("/", "").await;

    assert_eq!(page.status, 200);
    assert!(page.text.contains("make web"));
}
