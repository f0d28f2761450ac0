//! Peers that nobody knows: connections that say nothing, bodies that nobody reads, passwords that are guessed.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use septet_testkit::Client;
use septet_testkit::platform::{self, Topology, septet_binary};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Process, free_address};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A server that may have so many files open.
async fn server(n_files: u32, settings: &[(&str, &str)]) -> (Process, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh"])
        .arg(n_files.to_string())
        .arg(septet_binary().unwrap())
        .args(["up", "--data", folder.path().join("data").to_str().unwrap(), "--listen", &address.to_string()])
        .env_remove("OPENAI_API_KEY")
        .envs(settings.iter().copied());
    (Process::start(&mut command, address).await, address, folder)
}

async fn half_open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /api/auth/login HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_half_open_requests_keep_nobody_out() {
    let (process, address, _folder) = server(160, &[]).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(half_open(address).await);
    }

    for _ in 0..20 {
        let answer = tokio::time::timeout(TIMEOUT, Client::try_get(address, "/health/ready")).await;
        assert_eq!(answer, Ok(Some(200)));
    }
    drop((silent, process));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_closed_and_one_that_talks_is_not() {
    let settings = [("SEPTET__LISTEN__HEADER_TIMEOUT_S", "1"), ("SEPTET__LISTEN__IDLE_TIMEOUT_S", "3600")];
    let (process, address, _folder) = server(4096, &settings).await;
    let mut silent = half_open(address).await;
    let mut talking = TcpStream::connect(address).await.unwrap();
    talking.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(head(&mut talking).await.starts_with("HTTP/1.1 200"));

    let mut nothing = Vec::new();
    let closed = tokio::time::timeout(TIMEOUT, silent.read_to_end(&mut nothing)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    talking.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(head(&mut talking).await.starts_with("HTTP/1.1 200"));
    drop(process);
}

/// The next answer on a connection; the bodies of the answers here are shorter than a piece.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 64 << 10];
    let n = tokio::time::timeout(TIMEOUT, stream.read(&mut bytes)).await.expect("an answer").expect("an answer");
    String::from_utf8_lossy(&bytes[..n]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_does_not_kill_the_next_request_on_its_connection() {
    let platform = platform::start(Topology::Together).await;
    let http = septet_chassis::http::client(Duration::from_secs(5)).unwrap();
    let url = format!("http://{}", platform.address);

    for n in 0..300 {
        let body = vec![b' '; 1000 * (n % 200)];
        let refused = http.post(format!("{url}/v1/chat/completions")).body(body).send().await;
        assert_eq!(refused.expect("a refusal").status().as_u16(), 401, "request {n}");
        let live = http.get(format!("{url}/health/live")).send().await;
        assert_eq!(live.expect("an answer").status().as_u16(), 200, "behind request {n}");
    }

    // One that is still being sent, and far too long to be read away: the refusal arrives all the same.
    let mut stream = TcpStream::connect(platform.address).await.unwrap();
    let n_bytes = 64 << 20;
    stream
        .write_all(format!("POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: {n_bytes}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut stream = tokio::io::split(stream);
    let _cut_off = tokio::time::timeout(Duration::from_secs(1), stream.1.write_all(&vec![b'x'; 4 << 20])).await;
    let mut answer = vec![0; 4096];
    let n = tokio::time::timeout(TIMEOUT, stream.0.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..n]).to_lowercase();
    assert!(answer.starts_with("http/1.1 401") && answer.contains("connection: close"), "{answer}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_password_cannot_be_guessed_from_an_open_session() {
    let platform = platform::start(Topology::Together).await;
    let login = json!({"email": platform.email, "password": platform.password});
    let signed = platform.client.post("/api/auth/login", login).await.ok();
    let mine = platform.client.with_key(signed["access_token"].as_str().unwrap());
    let path = format!("/api/users/{}", signed["user"]["id"].as_str().unwrap());
    let change = |current: &str| json!({"current_password": current, "password": "a new and long password"});

    let mut codes = Vec::new();
    for n in 0..8 {
        let reply = mine.patch(&path, change(&format!("guess number {n}"))).await;
        codes.push(reply.status);
        // What needs no password opens the door to no more guesses.
        mine.patch(&path, json!({"current_password": "x", "name": "Somebody"})).await;
    }
    assert!(codes[..5].iter().all(|status| *status == 400 || *status == 422), "{codes:?}");
    assert!(codes[5..].iter().all(|status| *status == 429), "{codes:?}");
    // Nor by an id that is written in another way.
    let id = signed["user"]["id"].as_str().unwrap().to_uppercase().replace("USR_", "usr_");
    let reply = mine.patch(&format!("/api/users/{id}"), change("another guess")).await;
    assert_eq!(reply.status, 404, "{}", reply.body);
    // Not even with the right one, and other things go on.
    let right = change(&platform.password);
    assert_eq!(mine.patch(&path, right).await.body["code"], "login_throttled");
    assert_eq!(mine.get("/api/me").await.status, 200);
    platform.stop().await;
}
