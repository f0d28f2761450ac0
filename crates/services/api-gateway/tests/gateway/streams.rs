//! Streams: events whole and numbered, runs read on after a break, work dropped when the client leaves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt;
use septet_contracts::sse::{Event, Parser};
use septet_kernel::{Role, ServiceName};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{Harness, config, request};

/// Sends a request and gives the answer's body as it comes.
pub(crate) async fn open(harness: &Harness, path: &str, token: &str, body: Value) -> BodyDataStream {
    let response = harness.router.clone().oneshot(request("POST", path, token, Some(body))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    response.into_body().into_data_stream()
}

fn events(text: &str) -> Vec<Event> {
    let mut parser = Parser::default();
    let events = parser.push(text.as_bytes()).unwrap();
    assert_eq!(parser.finish(), None, "the stream ends with a whole event");
    events
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.id.as_ref().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_run_streams_every_event_with_its_number() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let answer =
        harness.post("/v1/responses", &token, json!({"model": "agent:analyst", "input": "hi", "stream": true})).await;

    let events = events(&answer.text);
    assert_eq!(numbers(&events), [0, 1, 2, 3, 4, 5]);
    assert_eq!(events[0].name, "response.created");
    assert_eq!(events[5].name, "response.completed");
    let delta: Value = serde_json::from_str(&events[4].data).unwrap();
    assert_eq!(delta["delta"], "hi");
    assert!(!answer.text.contains("retry:"));
}

#[tokio::test]
async fn a_run_without_a_model_is_the_default_agents() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let answer = harness.post("/v1/responses", &token, json!({"input": "hi", "unknown_field": 7})).await;

    assert_eq!(answer.json()["status"], "completed");
    let seen = harness.peers.last_seen();
    assert_eq!(seen.body["model"], "agent:analyst");
    assert_eq!(seen.body["unknown_field"], 7, "what the gateway does not know passes");
}

#[tokio::test]
async fn a_run_without_a_model_in_a_conversation_is_left_to_the_conversation() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    harness.post("/v1/responses", &token, json!({"input": "hi", "model": null, "conversation": "conv_1"})).await;

    let seen = harness.peers.last_seen();
    assert_eq!((seen.body.get("model"), &seen.body["default_model"]), (None, &json!("agent:analyst")));
}

#[tokio::test]
async fn a_run_that_breaks_off_is_read_on_and_each_event_comes_once() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    harness.peers.script.lock().unwrap().break_after = Some(3);

    let answer = harness.post("/v1/responses", &token, json!({"input": "on", "stream": true})).await;

    let events = events(&answer.text);
    assert_eq!(numbers(&events), [0, 1, 2, 3, 4, 5]);
    let seen = harness.peers.last_seen();
    assert_eq!(seen.body["starting_after"], "2");
    assert_eq!(seen.caller.unwrap().deadline, None);
}

#[tokio::test]
async fn a_run_that_is_lost_ends_with_an_error_event() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    *harness.peers.script.lock().unwrap() =
        crate::peers::Script { break_after: Some(2), is_lost: true, pause_before: None };

    let answer = harness.post("/v1/responses", &token, json!({"input": "on", "stream": true})).await;

    let events = events(&answer.text);
    assert_eq!(events.len(), 3);
    assert_eq!((events[2].name.as_str(), &events[2].id), ("error", &None));
    let data: Value = serde_json::from_str(&events[2].data).unwrap();
    assert_eq!((data["code"].as_str(), data["sequence_number"].as_u64()), (Some("stream_interrupted"), Some(1)));
}

#[tokio::test]
async fn a_client_reads_on_where_it_left_off() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    let path = format!("/v1/responses/{}?stream=true", harness.peers.response);

    let by_query = harness.get(&format!("{path}&starting_after=3"), &token).await;
    let by_header = {
        let mut request = request("GET", &path, &token, None);
        request.headers_mut().insert("last-event-id", "4".parse().unwrap());
        harness.send(request).await
    };

    assert_eq!(numbers(&events(&by_query.text)), [4, 5]);
    assert_eq!(numbers(&events(&by_header.text)), [5]);
    let whole = harness.get(&format!("/v1/responses/{}?include[]=x", harness.peers.response), &token).await;
    assert_eq!(whole.json()["object"], "response");
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_by_a_single_line() {
    let mut lively = config();
    lively.keep_alive_s = 1;
    let harness = Harness::with(lively).await;
    let token = harness.token("member@acme.test").await;
    harness.peers.script.lock().unwrap().pause_before = Some((2, Duration::from_millis(1300)));

    let answer = harness.post("/v1/responses", &token, json!({"input": "on", "stream": true})).await;

    assert!(answer.text.contains("\n\n: ping\nevent: response.output_item.added\n"), "{}", answer.text);
    assert_eq!(events(&answer.text).len(), 6);
}

#[tokio::test]
async fn a_model_that_nobody_listens_to_is_stopped() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let mut stream =
        open(&harness, "/v1/chat/completions", &token, json!({"model": "endless", "messages": [], "stream": true}))
            .await;
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first, "data: {\"n\":1}\n\n", "an event is never cut");
    assert_eq!(harness.peers.n_dropped.load(Ordering::SeqCst), 0);
    drop(stream);

    harness
        .until("the model's work is dropped", || async { harness.peers.n_dropped.load(Ordering::SeqCst) == 1 })
        .await;
}

#[tokio::test]
async fn a_models_stream_and_its_unknown_fields_pass_as_they_are() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;

    let stream = harness
        .post("/v1/chat/completions", &token, json!({"model": "short", "messages": [], "stream": true, "top_k": 3}))
        .await;
    let whole = harness.post("/v1/chat/completions", &token, json!({"model": "short", "messages": []})).await;

    assert_eq!(stream.text, "data: {\"n\":1}\n\ndata: {\"n\":2}\n\ndata: {\"n\":3}\n\ndata: [DONE]\n\n");
    assert_eq!(harness.peers.seen.lock().unwrap()[0].body["top_k"], 3);
    assert_eq!(whole.json()["provider_extra"], 7);
}

#[tokio::test]
async fn an_agent_answers_as_a_chat() {
    let harness = Harness::open().await;
    let (key, _) = harness.peers.add_key("member@acme.test", Role::Member, None);
    let messages = json!([{"role": "system", "content": "be brief"}, {"role": "user", "content": "利润"}]);

    let whole = harness
        .post("/v1/chat/completions", &key, json!({"model": "agent:analyst", "messages": messages}))
        .await
        .json();
    let stream = json!({"model": "agent:analyst", "messages": messages, "stream": true, "stream_options": {"include_usage": true}});
    let stream = harness.post("/v1/chat/completions", &key, stream).await;

    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["choices"][0]["message"]["content"], "echo 利润");
    assert_eq!(whole["usage"]["prompt_tokens"], 5);
    assert_eq!(harness.peers.last_seen().body["instructions"], "be brief");
    assert_eq!(harness.peers.n_seen(ServiceName::ModelGateway, "/v1/chat/completions"), 0);
    let events = events(&stream.text);
    assert_eq!(events.last().unwrap().data, "[DONE]");
    let text: String = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str::<Value>(&event.data).unwrap())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, "echo 利润");
    assert!(events.iter().all(|event| event.id.is_none() && event.name.is_empty()));
}

#[tokio::test]
async fn a_restart_ends_a_stream_with_an_error_and_the_number_to_come_back_with() {
    let harness = Harness::open().await;
    let token = harness.token("member@acme.test").await;
    harness.peers.script.lock().unwrap().pause_before = Some((3, Duration::from_secs(60)));
    let mut stream = open(&harness, "/v1/responses", &token, json!({"input": "on", "stream": true})).await;
    let mut text = String::new();
    while !text.contains("id: 2\n") {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }

    harness.platform.lifecycle.stop();
    while let Some(chunk) = stream.next().await {
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }

    let events = events(&text);
    assert_eq!(events.len(), 4);
    let data: Value = serde_json::from_str(&events[3].data).unwrap();
    assert_eq!((data["code"].as_str(), data["sequence_number"].as_u64()), (Some("stream_interrupted"), Some(2)));
}
