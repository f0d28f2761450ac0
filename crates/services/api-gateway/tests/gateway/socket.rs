//! The WebSocket, over a real connection.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::Harness;

pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

pub(crate) async fn serve(harness: &Harness) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    septet_chassis::http::serve(listener, harness.router.clone(), &harness.platform.lifecycle).unwrap()
}

pub(crate) async fn connect(address: SocketAddr, query: &str, token: Option<&str>) -> Result<Client, u16> {
    let mut request = format!("ws://{address}/v1/responses{query}").into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(Client(socket)),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

impl Client {
    pub(crate) async fn say(&mut self, event: Value) {
        self.0.send(Message::text(event.to_string())).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Value {
        let event = async {
            loop {
                match self.0.next().await.unwrap().unwrap() {
                    Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                    Message::Close(frame) => return json!({"closed": frame.map(|frame| u16::from(frame.code))}),
                    _ => {}
                }
            }
        };
        // Around all of it, for pings come as well, and an idle connection has no other end.
        tokio::time::timeout(Duration::from_secs(20), event).await.expect("an event")
    }

    /// Events up to and with the end of a run.
    pub(crate) async fn run(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.hear().await;
            let is_last = event["type"] == "response.completed" || event["type"] == "error";
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}

pub(crate) fn create(input: &str, stream_id: Option<&str>) -> Value {
    json!({"type": "response.create", "model": "agent:analyst", "input": input, "stream_id": stream_id})
}

#[tokio::test]
async fn one_connection_carries_runs_in_lanes() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();

    client.say(create("first", Some("a"))).await;
    client.say(create("second", Some("a"))).await;
    client.say(create("other", Some("b"))).await;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    while a.len() < 12 || b.len() < 6 {
        let event = client.hear().await;
        if event["stream_id"] == "a" { a.push(event) } else { b.push(event) }
    }

    let said = |events: &[Value]| events[4]["delta"].as_str().unwrap().to_owned();
    assert_eq!((said(&a[..6]), said(&a[6..]), said(&b)), ("first".to_owned(), "second".to_owned(), "other".to_owned()));
    let numbers: Vec<_> = a.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5], "one lane never mixes its runs");
    let seen = harness.peers.last_seen();
    assert!(seen.body.get("stream_id").is_none() && seen.body.get("type").is_none());
    assert_eq!(seen.body["stream"], true);
}

#[tokio::test]
async fn a_ticket_opens_one_connection_within_half_a_minute() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let address = serve(&harness).await;
    let ticket = || async {
        harness.post("/api/auth/ticket", &token, json!({})).await.json()["ticket"].as_str().unwrap().to_owned()
    };

    let first = ticket().await;
    let mut client = connect(address, &format!("?ticket={first}"), None).await.ok().unwrap();
    client.say(create("hi", None)).await;
    let events = client.run().await;
    assert_eq!(events.len(), 6);
    assert!(events[0].get("stream_id").is_none());
    assert_eq!(connect(address, &format!("?ticket={first}"), None).await.err(), Some(401));
    let late = ticket().await;
    harness.clock.advance(Duration::from_secs(31));
    assert_eq!(connect(address, &format!("?ticket={late}"), None).await.err(), Some(401));
    assert_eq!(connect(address, "", None).await.err(), Some(401));
    let elsewhere = ticket().await;
    assert_eq!(
        harness.get(&format!("/api/me?ticket={elsewhere}"), "").await.status,
        401,
        "a ticket is for the socket only"
    );
    let viewer = harness.token("viewer@acme.test").await;
    assert_eq!(connect(address, "", Some(&viewer)).await.err(), Some(403));
}

#[tokio::test]
async fn a_client_that_was_away_reads_on() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let address = serve(&harness).await;

    let mut client =
        connect(address, &format!("?resume={}:3", harness.peers.response), Some(&token)).await.ok().unwrap();
    let resumed = client.run().await;
    client.say(json!({"type": "septet.resume", "response_id": harness.peers.response, "starting_after": 4, "stream_id": "x"})).await;
    let by_event = client.run().await;

    let numbers: Vec<_> = resumed.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [4, 5]);
    assert_eq!((by_event.len(), by_event[0]["stream_id"].as_str()), (1, Some("x")));
    assert_eq!(connect(address, "?resume=nonsense", Some(&token)).await.err(), Some(400));
}

#[tokio::test]
async fn mistakes_are_answered_and_the_connection_goes_on() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();

    client.0.send(Message::text("not json")).await.unwrap();
    assert_eq!(client.hear().await["status"], 400);
    client.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.hear().await["type"], "error");
    client.say(json!({"type": "session.update"})).await;
    assert_eq!(client.hear().await["error"]["param"], "type");
    client.say(json!({"type": "response.create", "model": "gpt-x", "stream_id": "s"})).await;
    let refused = client.hear().await;
    assert_eq!((refused["stream_id"].as_str(), refused["error"]["param"].as_str()), (Some("s"), Some("model")));
    client.say(json!({"type": "response.create", "model": "agent:nobody", "input": "x"})).await;
    let unknown = client.hear().await;
    assert_eq!((unknown["status"].as_u64(), unknown["error"]["code"].as_str()), (Some(404), Some("no_such_agent")));
    assert!(unknown["error"]["request_id"].as_str().unwrap().starts_with("req_"));
    client.say(json!({"type": "response.steer", "previous_response_id": "resp_1", "input": "wait"})).await;
    assert_eq!(client.hear().await["type"], "response.steer.failed");
    client.say(create("still here", None)).await;
    assert_eq!(client.run().await.len(), 6);
}

#[tokio::test]
async fn a_signed_out_person_starts_nothing_more_on_an_open_connection() {
    let harness = Harness::open().await;
    let (token, refresh) = harness.sign_in("member@acme.test").await;
    let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();

    harness.post("/api/auth/logout", "", json!({"refresh_token": refresh})).await;
    client.say(create("hi", None)).await;

    let refused = client.hear().await;
    assert_eq!((refused["status"].as_u64(), refused["error"]["code"].as_str()), (Some(401), Some("session_ended")));
    assert_eq!(harness.peers.n_seen(septet_kernel::ServiceName::AgentCore, "/v1/responses"), 0);
}

#[tokio::test]
async fn a_run_that_nobody_can_pay_is_refused_on_the_socket() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();
    harness.peers.has_no_money.store(true, std::sync::atomic::Ordering::SeqCst);

    client.say(create("hi", None)).await;

    let refused = client.hear().await;
    assert_eq!((refused["status"].as_u64(), refused["error"]["type"].as_str()), (Some(402), Some("billing_error")));
}

#[tokio::test]
async fn a_restart_tells_the_client_to_come_back() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let mut client = connect(serve(&harness).await, "", Some(&token)).await.ok().unwrap();
    client.say(create("hi", None)).await;
    client.run().await;

    harness.platform.lifecycle.stop();

    assert_eq!(client.hear().await["closed"], 1012);
}

#[tokio::test]
async fn a_frame_is_held_to_the_caps_of_a_body_and_the_connection_lives_on() {
    let harness = Harness::open().await;
    let address = serve(&harness).await;
    let token = harness.token("member@acme.test").await;
    let mut client = connect(address, "", Some(&token)).await.ok().unwrap();

    let wide = format!("{{\"type\":\"response.create\",\"input\":[{}]}}", vec!["{}"; 5000].join(","));
    for frame in ["[".repeat(100_000), wide] {
        client.0.send(Message::text(frame)).await.unwrap();
        let refused = client.hear().await;
        assert_eq!(refused["error"]["code"], "body_too_complex", "{refused}");
    }
    client.say(create("hello", None)).await;
    assert_eq!(client.run().await.last().unwrap()["type"], "response.completed");
}
