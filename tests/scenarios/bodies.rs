//! Bodies of every shape at every route of the real binary: what they cost, and who has to wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Process, free_address, septet};

// A request may take this many times its bytes while it is worked on, and beside that what any request may take.
const GROWTH: u64 = 10;
const FREE_BYTES: u64 = 8 << 20;
// The allocator, caches that fill for the first time, and code of the binary that is only loaded when it runs.
const NOISE_BYTES: u64 = 96 << 20;
// On a machine with nothing else to do it is milliseconds; a server that stood still was silent for most of a minute.
const MAX_DELAY: Duration = Duration::from_secs(10);

const SHAPE_BYTES: usize = 2 << 20;

struct Server {
    process: Process,
    http: reqwest::Client,
    base: String,
    key: String,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let data = data.to_str().unwrap();
        let address = free_address();
        let mut command = septet();
        command.args(["up", "--data", data, "--listen", &address.to_string()]);
        command.env("SEPTET__GATEWAY__REQUESTS_PER_MINUTE", "1000000");
        command.env("SEPTET__GATEWAY__TENANT_REQUESTS_PER_MINUTE", "1000000");
        let process = Process::start(&mut command, address).await;
        let output = septet().args(["admin", "create-key", "--name", "bodies", "--data", data]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let http = septet_chassis::http::client(Duration::from_secs(5)).unwrap();
        Self { process, http, base: format!("http://{address}"), key, _folder: folder }
    }

    async fn send(&self, method: &str, path: &str, body: String) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key);
        let request = request.header("content-type", "application/json").body(body);
        let answer =
            request.timeout(Duration::from_secs(180)).send().await.expect("an answer, not a broken connection");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Every method and path that takes a body, from the server's own description, with the names of its fields.
    async fn routes(&self) -> Vec<(String, String, Vec<String>)> {
        let (_, api) = self.send("GET", "/openapi.json", String::new()).await;
        let mut routes = Vec::new();
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let content = &operation["requestBody"]["content"];
                if content.is_null() {
                    continue;
                }
                let schema = &content["application/json"]["schema"];
                let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
                let fields = api["components"]["schemas"][name]["properties"].as_object();
                let fields = fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
                let path = path.replace(['{', '}'], "");
                routes.push((method.to_uppercase(), path, fields));
            }
        }
        routes
    }
}

/// `begin`, then `item` again and again with commas between, then `end`: two megabytes of it.
fn repeated(begin: &str, item: &str, end: &str) -> String {
    let n = SHAPE_BYTES / (item.len() + 1);
    let mut body = String::with_capacity(SHAPE_BYTES + 100);
    body.push_str(begin);
    for at in 0..n {
        if at > 0 {
            body.push(',');
        }
        body.push_str(item);
    }
    body + end
}

fn wide(n: usize) -> String {
    let fields: Vec<String> = (0..n).map(|n| format!("\"f{n}\":{n}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// Shapes that no request needs, and the fields that a route knows filled with them.
fn shapes(fields: &[String]) -> Vec<String> {
    let dense = vec!["{\"a\":1}"; 2000].join(",");
    let mut shapes = vec![
        "[".repeat(SHAPE_BYTES),
        "{\"a\":".repeat(SHAPE_BYTES / 5),
        repeated("[", "{}", "]"),
        repeated("{", "\"same\":1", "}"),
        wide(SHAPE_BYTES / 16),
        repeated("{\"x\":[", &format!("[{dense}]"), "]}"),
        repeated("{\"x\":[", "[[]]", "]}"),
    ];
    for field in fields {
        let name = Value::from(field.as_str());
        shapes.push(repeated(&format!("{{{name}:["), "{}", "]}"));
        shapes.push(format!("{{{name}:{}", "[".repeat(100_000)));
    }
    shapes
}

/// Somebody else, who asks small things all the time: the longest that one of them took, in milliseconds.
fn neighbour(server: &Server, is_over: Arc<AtomicBool>) -> tokio::task::JoinHandle<u64> {
    let (http, url, key) = (server.http.clone(), format!("{}/v1/models", server.base), server.key.clone());
    let longest = AtomicU64::new(0);
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let answer = http.get(&url).bearer_auth(&key).timeout(Duration::from_secs(60)).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 200);
            longest.fetch_max(u64::try_from(begun.elapsed().as_millis()).unwrap(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        longest.into_inner()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_shape_of_a_body_costs_memory_or_holds_up_a_neighbour_at_any_route() {
    let server = Server::start().await;
    let routes = server.routes().await;
    assert!(routes.len() > 20, "{routes:?}");
    let is_over = Arc::<AtomicBool>::default();
    let neighbour = neighbour(&server, is_over.clone());
    let (_, before) = server.process.memory();

    for (method, path, fields) in &routes {
        for shape in shapes(fields) {
            let begun: String = shape.chars().take(60).collect();
            let (status, answer) = server.send(method, path, shape).await;
            assert_ne!(status, 429, "this would test the rate limit");
            assert!((400..500).contains(&status), "{method} {path} answered {status} to {begun}: {answer}");
        }
    }

    is_over.store(true, Ordering::Relaxed);
    let longest = Duration::from_millis(neighbour.await.unwrap());
    let (most, _) = server.process.memory();
    assert!(longest < MAX_DELAY, "a neighbour waited for {longest:?}");
    let grown = most.saturating_sub(before);
    let allowed = GROWTH * SHAPE_BYTES as u64 + FREE_BYTES + NOISE_BYTES;
    assert!(grown < allowed, "the process grew by {} MiB for bodies of 2 MiB", grown >> 20);
    eprintln!("{} routes: grew by {} MiB, a neighbour waited for {longest:?}", routes.len(), grown >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_bodies_that_are_taken_cost_a_few_times_their_bytes() {
    let server = Server::start().await;
    let long = "Wie hoch war der Umsatz? 营业收入是多少？ ".repeat(100_000);
    let short = vec![json!({"role": "user", "content": "hello there"}); 2048];
    let texts: Vec<String> = (0..2048).map(|n| format!("text {n} {}", "word ".repeat(300))).collect();
    let n_bytes = 4 * long.len() as u64;
    let is_over = Arc::<AtomicBool>::default();
    let neighbour = neighbour(&server, is_over.clone());
    // Whatever is made once is made.
    server.send("POST", "/v1/responses", json!({"model": "agent:analyst", "input": "hello"}).to_string()).await;
    let (_, before) = server.process.memory();

    let bodies = [
        ("/v1/responses", 200, json!({"model": "agent:analyst", "input": long})),
        ("/v1/responses", 200, json!({"model": "agent:analyst", "input": short})),
        (
            "/v1/chat/completions",
            200,
            json!({"model": "agent:analyst", "messages": [{"role": "user", "content": long}]}),
        ),
        ("/v1/chat/completions", 200, json!({"model": "agent:analyst", "messages": short})),
        (
            "/v1/chat/completions",
            200,
            json!({"model": "offline-analyst", "messages": [{"role": "user", "content": long}]}),
        ),
        // There is no such model, which is known when the body has been read.
        ("/v1/embeddings", 404, json!({"model": "none", "input": texts})),
        ("/v1/messages/count_tokens", 200, json!({"model": "x", "messages": [{"role": "user", "content": long}]})),
    ];
    for (path, expected, body) in bodies {
        let asked = Instant::now();
        // Four at a time.
        let body = body.to_string();
        let ask = || server.send("POST", path, body.clone());
        for (status, answer) in <[_; 4]>::from(tokio::join!(ask(), ask(), ask(), ask())) {
            assert_eq!(status, expected, "{path}: {answer}");
        }
        let (most, now) = server.process.memory();
        let (most, now) = (most.saturating_sub(before) >> 20, now.saturating_sub(before) >> 20);
        eprintln!("{path}, 4 x {} KiB: at most {most} MiB, {now} MiB now, {:?}", body.len() >> 10, asked.elapsed());
    }

    is_over.store(true, Ordering::Relaxed);
    let longest = Duration::from_millis(neighbour.await.unwrap());
    let (most, _) = server.process.memory();
    assert!(longest < MAX_DELAY, "a neighbour waited for {longest:?}");
    let grown = most.saturating_sub(before);
    assert!(
        grown < GROWTH * n_bytes + 4 * FREE_BYTES + NOISE_BYTES,
        "the process grew by {} MiB for {} MiB of bodies",
        grown >> 20,
        n_bytes >> 20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_fields_never_begin_is_refused_before_it_is_read() {
    let server = Server::start().await;
    let (_, before) = server.process.memory();
    let n_bytes = 48 << 20;
    for begin in ["", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\""] {
        let body = format!("{begin}{}", "x".repeat(n_bytes));
        let request = server.http.post(format!("{}/v1/files", server.base)).bearer_auth(&server.key);
        let request = request.header("content-type", "multipart/form-data; boundary=x").body(body);
        // The server may hang up on what it does not want to read.
        if let Ok(answer) = request.timeout(Duration::from_secs(60)).send().await {
            assert_eq!(answer.status().as_u16(), 400);
        }
    }
    let (most, _) = server.process.memory();
    let grown = most.saturating_sub(before);
    assert!(grown < 24 << 20, "the process grew by {} MiB", grown >> 20);
}
