//! Stopping: a cancel ends a run, a client that leaves does not, and an ordinary call ends with its caller.

use std::time::Duration;

use futures::StreamExt;
use septet_testkit::model::Turn;
use serde_json::json;

use crate::in_both_with_model;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_with_an_event_that_says_so() {
    let script = vec![Turn::SaySlowly("one two three four ".repeat(200), Duration::from_millis(30))];
    in_both_with_model(script, async |platform, _model, transcript| {
        let body = json!({"model": "agent:analyst", "input": "go", "stream": true});
        let mut events = std::pin::pin!(platform.client.events("/v1/responses", body).await);
        let (_, created) = events.next().await.unwrap();
        let id = created["response"]["id"].as_str().unwrap().to_owned();
        while let Some((name, _)) = events.next().await {
            if name == "response.output_text.delta" {
                break;
            }
        }
        let cancelled = platform.client.post(&format!("/v1/responses/{id}/cancel"), json!({})).await.ok();
        assert_eq!(cancelled["status"], "cancelled");
        let rest: Vec<_> = events.collect().await;
        let (name, last) = rest.last().unwrap();
        assert_eq!(name, "response.incomplete");
        transcript.value("reason", &last["response"]["incomplete_details"]);
        // Cancelling what has ended changes nothing.
        let again = platform.client.post(&format!("/v1/responses/{id}/cancel"), json!({})).await;
        transcript.line(format!("again {} {}", again.status, again.body["status"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_does_not_stop_the_run() {
    let script = vec![Turn::SaySlowly("word ".repeat(30), Duration::from_millis(20))];
    in_both_with_model(script, async |platform, _model, transcript| {
        let body = json!({"model": "agent:analyst", "input": "go", "stream": true});
        let id = {
            let mut events = std::pin::pin!(platform.client.events("/v1/responses", body).await);
            let (_, created) = events.next().await.unwrap();
            created["response"]["id"].as_str().unwrap().to_owned()
        };
        let path = format!("/v1/responses/{id}?stream=true");
        let events: Vec<_> = platform.client.get_events(&path).await.collect().await;
        transcript.events(&events);
        assert_eq!(events.last().unwrap().0, "response.completed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_whose_caller_leaves_is_cancelled_two_hops_away() {
    let script = vec![Turn::SaySlowly("word ".repeat(2000), Duration::from_millis(10))];
    in_both_with_model(script, async |platform, model, transcript| {
        let body = json!({"model": "scripted", "stream": true, "messages": [{"role": "user", "content": "go"}]});
        {
            let mut events = std::pin::pin!(platform.client.events("/v1/chat/completions", body).await);
            events.next().await.unwrap();
        }
        // client -> api-gateway -> model-gateway -> provider: the provider sees that nobody listens any more.
        tokio::time::timeout(Duration::from_secs(5), model.left()).await.expect("the provider's stream is dropped");
        transcript.line("dropped");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_loops_for_ever_is_stopped_by_a_cancel() {
    let script = vec![Turn::Call("run_python".to_owned(), json!({"code": "while True: pass"}))];
    in_both_with_model(script, async |platform, _model, transcript| {
        let body = json!({"model": "agent:analyst", "input": "go", "stream": true});
        let mut events = std::pin::pin!(platform.client.events("/v1/responses", body).await);
        let mut id = String::new();
        while let Some((name, data)) = events.next().await {
            if name == "response.created" {
                data["response"]["id"].as_str().unwrap().clone_into(&mut id);
            }
            if name == "response.code_interpreter_call.interpreting" {
                break;
            }
        }
        let cancelled = platform.client.post(&format!("/v1/responses/{id}/cancel"), json!({})).await.ok();
        transcript.value("status", &cancelled["status"]);
        let rest: Vec<_> = events.collect().await;
        assert_eq!(rest.last().unwrap().0, "response.incomplete");
        let item = &cancelled["output"][0];
        transcript.value("code", &json!([item["type"], item["status"], item["septet"]["error"]["code"]]));
    })
    .await;
}
