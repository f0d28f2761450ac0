//! Files in and out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::StreamExt;
use http::header;
use serde_json::{Value, json};

use crate::harness::{Harness, config};

const BOUNDARY: &str = "a-boundary";

fn head(filename: &str) -> String {
    format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n\
         --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    )
}

fn form(path: &str, token: &str, body: Body) -> Request {
    Request::builder()
        .method("POST")
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body)
        .unwrap()
}

fn small(filename: &str, content: &str) -> Body {
    Body::from(format!("{}{content}\r\n--{BOUNDARY}--\r\n", head(filename)))
}

async fn upload(harness: &Harness, token: &str, filename: &str, content: &str) -> String {
    let answer = harness.send(form("/v1/files", token, small(filename, content))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The most memory that this process ever held, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[tokio::test]
async fn two_hundred_megabytes_go_in_with_flat_memory() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let sent = Arc::new(AtomicU64::new(0));
    let piece = Bytes::from(vec![7_u8; 64 << 10]);
    let n_pieces: u64 = (200 << 20) / (64 << 10);
    let counter = sent.clone();
    let content = futures::stream::iter(0..n_pieces).map(move |_| {
        counter.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok::<_, std::io::Error>(piece.clone())
    });
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let body = futures::stream::iter([Ok(Bytes::from(head("年报.pdf")))])
        .chain(content)
        .chain(futures::stream::iter([Ok(Bytes::from(end))]));
    let before = peak_memory();

    let answer = harness.send(form("/v1/files", &token, Body::from_stream(body))).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["bytes"], 200 << 20);
    assert_eq!(answer.json()["filename"], "年报.pdf");
    assert_eq!(answer.json()["purpose"], "user_data");
    assert_eq!(sent.load(Ordering::SeqCst), 200 << 20);
    let grown = peak_memory() - before;
    assert!(grown < 48 << 20, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn an_upload_beyond_the_limit_is_refused_and_leaves_nothing() {
    let mut tight = config();
    tight.upload_limit_mib = 1;
    let harness = Harness::with(tight).await;
    let token = harness.token("member@acme.test").await;
    let piece = Bytes::from(vec![7_u8; 64 << 10]);
    let body = futures::stream::iter([Bytes::from(head("x"))])
        .chain(futures::stream::iter(0..64).map(move |_| piece.clone()))
        .map(Ok::<_, std::io::Error>);

    let answer = harness.send(form("/v1/files", &token, Body::from_stream(body))).await;

    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"), "{}", answer.text);
    assert!(harness.peers.files.lock().unwrap().is_empty());
    let left: Vec<_> = std::fs::read_dir(harness.folder.path().join("blobs/new")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn what_comes_in_comes_out_and_only_to_its_tenant() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let rival = harness.token("owner@rival.test").await;
    let id = upload(&harness, &token, "chart.png", "the bytes").await;
    let path = format!("/v1/files/{id}/content");

    let own = harness.get(&path, &token).await;

    assert_eq!((own.status, own.text.as_str()), (200, "the bytes"));
    assert_eq!((own.header("content-type"), own.header("content-length")), ("image/png", "9"));
    assert!(own.header("content-disposition").starts_with("inline; filename=\"chart.png\""));
    assert_eq!(own.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(harness.get(&path, &rival).await.status, 404);
    let mut again = crate::harness::request("GET", &path, &token, None);
    again.headers_mut().insert("if-none-match", own.header("etag").parse().unwrap());
    assert_eq!(harness.send(again).await.status, 304);
}

#[tokio::test]
async fn a_page_in_a_file_is_downloaded_and_never_shown() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let id = upload(&harness, &token, "evil.html", "<script>alert(1)</script>").await;

    let answer = harness.get(&format!("/v1/files/{id}/content"), &token).await;

    assert!(answer.header("content-disposition").starts_with("attachment"));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
}

#[tokio::test]
async fn a_blob_is_never_named_from_outside() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let rival = harness.token("owner@rival.test").await;
    let secret = upload(&harness, &token, "secret.png", "secret").await;
    let blob = harness.peers.last_seen().body["blob"].clone();

    let by_hash = harness.post("/v1/files", &rival, json!({"blob": blob, "filename": "x", "bytes": 6})).await;
    let into_sandbox = harness.post("/v1/containers/cntr_1/files", &rival, json!({"blob": blob, "path": "x"})).await;
    let by_file = harness.post("/v1/containers/cntr_1/files", &rival, json!({"file_id": secret})).await;
    let own = harness.post("/v1/containers/cntr_1/files", &token, json!({"file_id": secret})).await;

    assert_eq!((by_hash.status, into_sandbox.status, by_file.status), (400, 400, 404));
    assert_eq!(own.status, 200, "{}", own.text);
    assert_eq!(harness.peers.last_seen().body, json!({"blob": blob, "path": "secret.png"}));
}

#[tokio::test]
async fn a_form_that_is_wrong_is_told_what_is_missing() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let without_file =
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nx\r\n--{BOUNDARY}--\r\n");
    let cut_off = head("x").into_bytes();
    let long_purpose = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n{}\r\n--{BOUNDARY}--\r\n",
        "x".repeat(10_000)
    );

    for body in [Body::from(without_file), Body::from(cut_off), Body::from(long_purpose), Body::empty()] {
        let answer = harness.send(form("/v1/files", &token, body)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.json()["error"]["param"].is_string(), "{}", answer.text);
    }
    assert_eq!(harness.blobs().put("x").await.unwrap().bytes, 1);
    assert_eq!(harness.peers.files.lock().unwrap().len(), 0);
    let list: Value = harness.get("/v1/files", &token).await.json();
    assert_eq!(list["data"], json!([]));
}
