//! Two calls of a provider stay two at every client, and streams are read by their standard.

use serde_json::{Value, json};

use crate::gateway::{Gateway, provider};
use crate::upstream::{Turn, Upstream, done, event, good, says, stops, used};

const A: &str = "{\"code\":\"print(40+1)\"}";
const B: &str = "{\"code\":\"print(40+2)\"}";

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    event(&json!({"id": "c1", "object": "chat.completion.chunk", "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))
}

fn piece(id: Option<&str>, name: Option<&str>, arguments: &str) -> String {
    let mut call = json!({"index": 0, "type": "function", "function": {"arguments": arguments}});
    if let Some(id) = id {
        call["id"] = json!(id);
    }
    if let Some(name) = name {
        call["function"]["name"] = json!(name);
    }
    chunk(&json!({"tool_calls": [call]}), None)
}

/// Streams that put both calls under the number 0.
fn streams() -> Vec<Vec<String>> {
    let run = Some("run");
    vec![
        vec![
            piece(Some("a"), run, &A[..9]),
            piece(None, None, &A[9..]),
            piece(Some("b"), run, &B[..9]),
            piece(None, None, &B[9..]),
        ],
        vec![
            piece(None, run, &A[..9]),
            piece(None, None, &A[9..]),
            piece(None, run, &B[..9]),
            piece(None, None, &B[9..]),
        ],
        vec![piece(None, run, A), piece(None, None, B)],
        vec![piece(None, run, &format!("{A}{B}"))],
        vec![piece(Some("a"), run, A), piece(Some("b"), run, B), piece(Some("b"), run, B)],
    ]
}

async fn up(script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    (upstream, gateway)
}

fn events(body: &str) -> Vec<Value> {
    body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

/// The calls of a stream in Messages: each block's own JSON.
fn of_messages(body: &str) -> Vec<(Value, String)> {
    let mut calls: Vec<(Value, String)> = Vec::new();
    for event in events(body) {
        match event["type"].as_str() {
            Some("content_block_start") => calls.push((event["content_block"]["name"].clone(), String::new())),
            Some("content_block_delta") => {
                let more = event["delta"]["partial_json"].as_str().unwrap_or_default();
                calls.last_mut().unwrap().1.push_str(more);
            }
            _ => {}
        }
    }
    calls
}

fn of_response(response: &Value) -> Vec<(Value, String)> {
    let items = response["output"].as_array().unwrap().iter().filter(|item| item["type"] == "function_call");
    items.map(|item| (item["name"].clone(), item["arguments"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn two_calls_under_one_number_are_two_at_every_client() {
    let ends = [chunk(&json!({}), Some("tool_calls")), used(7, 3), done()];
    let turns = streams().into_iter().flat_map(|stream| {
        let turn = || Turn::Events(stream.iter().chain(&ends).cloned().collect());
        [turn(), turn(), turn()]
    });
    let (_upstream, gateway) = up(turns.collect()).await;
    let two = [(json!("run"), A.to_owned()), (json!("run"), B.to_owned())];
    for stream in streams() {
        let tools = json!([{"name": "run", "input_schema": {"type": "object"}}]);
        let body = json!({"model": "m", "max_tokens": 9, "stream": true, "tools": tools,
            "messages": [{"role": "user", "content": "go"}]});
        let (_, _, said) = gateway.raw("/v1/messages", &body.to_string(), &[]).await;
        assert_eq!(of_messages(&said), two, "{stream:?}");
        assert!(said.contains("\"stop_reason\":\"tool_use\""));

        let tools = json!([{"type": "function", "name": "run", "parameters": {"type": "object"}}]);
        let body = json!({"model": "m", "input": "go", "stream": true, "tools": tools});
        let (_, _, said) = gateway.raw("/v1/responses", &body.to_string(), &[]).await;
        assert_eq!(of_response(&events(&said).last().unwrap()["response"]), two, "{stream:?}");

        // Whoever speaks the provider's own dialect gets its own bytes.
        let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "go"}]});
        let (_, _, said) = gateway.raw("/v1/chat/completions", &body.to_string(), &[]).await;
        assert!(said.starts_with(&stream.concat()), "{said}");
    }
}

#[tokio::test]
async fn two_objects_in_the_arguments_of_a_whole_call_are_two_calls() {
    let call = json!({"id": "a", "type": "function", "function": {"name": "run", "arguments": format!("{A}{B}")}});
    let whole = json!({"id": "c1", "model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "tool_calls": [call]}}]});
    let (_upstream, gateway) = up(vec![Turn::Status(200, vec![], whole.to_string())]).await;

    let (_, _, said) = gateway.raw("/v1/responses", r#"{"model":"m","input":"go"}"#, &[]).await;

    let response: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(of_response(&response), [(json!("run"), A.to_owned()), (json!("run"), B.to_owned())]);
    assert_eq!(response["status"], "completed");
}

#[tokio::test]
async fn a_providers_stream_is_read_whatever_ends_its_lines() {
    let unix: String =
        ["\u{feff}: hello\n\n".to_owned(), says("Hal"), says("lo"), stops(), used(1, 1), done()].concat();
    let ends = ["\r\n", "\r", "\n"];
    let turns = ends.iter().map(|end| Turn::Events(unix.replace('\n', end).chars().map(String::from).collect()));
    let (_upstream, gateway) = up(turns.collect()).await;
    for end in ends {
        assert_eq!(gateway.say("x").await.unwrap(), "Hallo", "{end:?}");
    }
}

#[tokio::test]
async fn a_stream_that_only_says_that_it_is_over_is_an_error_at_every_client() {
    let nothing = || Turn::Events(vec![": ping\n\n".to_owned(), done()]);
    let (_upstream, gateway) = up(vec![nothing(), nothing(), nothing(), good("hi")]).await;
    for (path, body) in [
        ("/v1/chat/completions", r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#),
        ("/v1/messages", r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}"#),
        ("/v1/responses", r#"{"model":"m","stream":true,"input":"x"}"#),
    ] {
        let (status, _, said) = gateway.raw(path, body, &[]).await;
        assert_eq!((status, said.contains("provider_garbled")), (503, true), "{path}: {said}");
    }
    assert_eq!(gateway.say("x").await.unwrap(), "hi");
}
