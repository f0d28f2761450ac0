//! The listener, over real connections: who says nothing, who is refused, who is told to come back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use septet_chassis::Lifecycle;
use septet_chassis::http::{Listening, serve_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A server that refuses every POST without a look at its body.
async fn server(listening: Listening) -> (SocketAddr, Lifecycle) {
    let router = Router::new()
        .route("/", get(|| async { "yes" }))
        .route("/slow", get(std::future::pending::<&str>))
        .route("/refused", post(|| async { StatusCode::UNAUTHORIZED }));
    let lifecycle = Lifecycle::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (serve_with(listener, router, listening, &lifecycle).unwrap(), lifecycle)
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// What comes next; the answers here are shorter than a piece.
async fn hear(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 64 << 10];
    let n = tokio::time::timeout(TIMEOUT, stream.read(&mut bytes)).await.expect("an answer in time").unwrap_or(0);
    String::from_utf8_lossy(&bytes[..n]).into_owned()
}

async fn is_answered(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    say(&mut stream, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    hear(&mut stream).await.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn half_open_requests_make_room_and_requests_that_are_answered_do_not() {
    let (address, _lifecycle) = server(Listening { max_connections: 40, ..Listening::default() }).await;
    let mut busy = TcpStream::connect(address).await.unwrap();
    say(&mut busy, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Who was sent away may notice already.
        let _gone = stream.write_all(b"POST /refused HTTP/1.1\r\nhost: x\r\n").await;
        silent.push(stream);
    }

    for _ in 0..20 {
        assert!(is_answered(address).await);
    }
    let mut nothing = [0; 16];
    assert_eq!(busy.try_read(&mut nothing).unwrap_err().kind(), io::ErrorKind::WouldBlock, "it is waited for still");
}

#[tokio::test]
async fn when_every_connection_is_being_answered_the_next_is_told_so() {
    let (address, _lifecycle) = server(Listening { max_connections: 8, ..Listening::default() }).await;
    let mut busy = Vec::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        say(&mut stream, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        busy.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;

    let mut next = TcpStream::connect(address).await.unwrap();
    let told = hear(&mut next).await;
    assert!(told.starts_with("HTTP/1.1 429") && told.contains("too_many_connections"), "{told}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_and_one_that_has_asked_may_wait() {
    let header_timeout = Duration::from_millis(300);
    let (address, _lifecycle) = server(Listening { header_timeout, ..Listening::default() }).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    say(&mut silent, "GET / HTTP/1.1\r\n").await;
    let mut talking = TcpStream::connect(address).await.unwrap();
    say(&mut talking, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(hear(&mut talking).await.starts_with("HTTP/1.1 200"));

    assert_eq!(hear(&mut silent).await, "");
    say(&mut talking, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(hear(&mut talking).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_refused_body_leaves_the_connection_usable_when_it_is_short_and_is_heard_when_it_is_long() {
    let (address, _lifecycle) = server(Listening::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for n in 0..50 {
        let body = "x".repeat(n * 10_000);
        say(&mut stream, &format!("POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
            .await;
        assert!(hear(&mut stream).await.starts_with("HTTP/1.1 401"), "body {n}");
        say(&mut stream, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(hear(&mut stream).await.starts_with("HTTP/1.1 200"), "behind body {n}");
    }

    say(&mut stream, "POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n").await;
    // More than the buffers of both ends can hold.
    let body = vec![b'x'; 64 << 20];
    let (mut reading, mut writing) = stream.split();
    let sent = tokio::time::timeout(TIMEOUT, writing.write_all(&body));
    let mut answer = vec![0; 4096];
    let (sent, n) = tokio::join!(sent, reading.read(&mut answer));
    assert!(matches!(sent, Ok(Ok(()))), "the connection was reset: {sent:?}");
    let answer = String::from_utf8_lossy(&answer[..n.unwrap()]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close"), "{answer}");
    // Then nobody is there any more.
    let gone = async {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(3000)).await
        }
    };
    tokio::time::timeout(TIMEOUT, gone).await.expect("an end of the connection");
}

#[tokio::test]
async fn shutdown_finishes_open_requests_and_closes_idle_connections() {
    let (address, lifecycle) = server(Listening::default()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    say(&mut idle, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(hear(&mut idle).await.starts_with("HTTP/1.1 200"));

    tokio::time::timeout(TIMEOUT, lifecycle.finish(Duration::from_secs(10))).await.expect("an end");

    assert_eq!(hear(&mut idle).await, "");
}
