//! How an answer ends is told in each dialect's own words, and what a provider cannot do has one code.

use serde_json::{Value, json};

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, done, event, says, used};

fn ends(word: &str) -> String {
    event(&json!({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": word}]}))
}

fn calls() -> String {
    let call = json!({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    event(
        &json!({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]}),
    )
}

const CHAT: (&str, &str) =
    ("/v1/chat/completions", r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#);
const MESSAGES: (&str, &str) =
    ("/v1/messages", r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}"#);
const RESPONSES: (&str, &str) = ("/v1/responses", r#"{"model":"m","stream":true,"input":"x"}"#);

async fn up(script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    (upstream, gateway)
}

async fn said(gateway: &Gateway, (path, body): (&str, &str)) -> (u16, String) {
    let (status, _, said) = gateway.raw(path, body, &[]).await;
    (status, said)
}

#[tokio::test]
async fn every_dialect_says_that_an_answer_was_cut_off_or_held_back() {
    for (word, stop, reason) in
        [("length", "max_tokens", "max_output_tokens"), ("content_filter", "refusal", "content_filter")]
    {
        for text in ["half", ""] {
            let begun = if text.is_empty() { String::new() } else { says(text) };
            let turn = || Turn::Events(vec![begun.clone(), ends(word), used(7, 3), done()]);
            let (_upstream, gateway) = up(vec![turn(), turn(), turn()]).await;
            assert!(said(&gateway, CHAT).await.1.contains(&format!("\"finish_reason\":\"{word}\"")));
            assert!(said(&gateway, MESSAGES).await.1.contains(&format!("\"stop_reason\":\"{stop}\"")));
            let responses = said(&gateway, RESPONSES).await.1;
            let incomplete = json!({"reason": reason}).to_string();
            assert!(responses.contains("event: response.incomplete"), "{responses}");
            assert!(responses.contains(&format!("\"incomplete_details\":{incomplete}")), "{responses}");
        }
    }
}

#[tokio::test]
async fn calls_that_are_announced_and_not_given_are_an_error_in_every_dialect() {
    let turn = || Turn::Events(vec![ends("tool_calls"), used(7, 3), done()]);
    let (_upstream, gateway) = up(vec![turn(), turn(), turn()]).await;
    for asked in [CHAT, MESSAGES, RESPONSES] {
        let (status, said) = said(&gateway, asked).await;
        // Messages and Responses have begun with their head by then, which is no piece of an answer yet.
        let is_error = status == 503 || said.contains("event: error");
        assert!(is_error && said.contains("there is no call in its answer"), "{said}");
    }
    // Words before it change nothing: where they were shown already, the stream ends with the error.
    let turn = || Turn::Events(vec![says("I call"), ends("tool_calls"), used(7, 3), done()]);
    let (_upstream, gateway) = up(vec![turn(), turn(), turn()]).await;
    for asked in [CHAT, MESSAGES, RESPONSES] {
        let (_, said) = said(&gateway, asked).await;
        assert!(said.contains("\"error\"") && said.contains("there is no call in its answer"), "{said}");
        assert!(
            !said.contains("[DONE]") && !said.contains("message_stop") && !said.contains("response.completed"),
            "{said}"
        );
    }
    let records = gateway.all_usage().await;
    let figures = records.iter().map(|record| (record.input_tokens, record.output_tokens, record.estimated));
    assert_eq!(figures.collect::<Vec<_>>(), [(7, 3, false); 3]);
}

#[tokio::test]
async fn calls_that_are_given_with_stop_are_calls() {
    let turn = || Turn::Events(vec![calls(), ends("stop"), used(7, 3), done()]);
    let (_upstream, gateway) = up(vec![turn(), turn()]).await;
    let messages = said(&gateway, MESSAGES).await.1;
    assert!(messages.contains("\"stop_reason\":\"tool_use\"") && messages.contains("\"name\":\"f\""), "{messages}");
    let responses = said(&gateway, RESPONSES).await.1;
    assert!(
        responses.contains("\"type\":\"function_call\"") && responses.contains("response.completed"),
        "{responses}"
    );
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_not_shown_as_complete() {
    let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"text\":\"half"}});
    let begun =
        event(&json!({"id": "c1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]}));
    let (_upstream, gateway) = up(vec![Turn::Events(vec![begun, ends("length"), used(7, 3), done()])]).await;

    let said = said(&gateway, RESPONSES).await.1;

    let last: Value = serde_json::from_str(said.trim().rsplit("data: ").next().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["output"][0]["status"]),
        (&json!("response.incomplete"), &json!("incomplete"))
    );
}

#[tokio::test]
async fn a_prompt_that_is_too_long_has_one_code_in_every_dialect_and_hurts_nobody() {
    let refused = || {
        let error = json!({"error": {"code": 400, "type": "exceed_context_size_error",
            "message": "request (9000 tokens) exceeds the available context size (4096 tokens)"}});
        Turn::Status(400, vec![], error.to_string())
    };
    let event = || Turn::Events(vec![event(&json!({"error": {"message": "prompt is too long: 9 > 8 maximum"}}))]);
    let (_upstream, gateway) =
        up((0..3).flat_map(|_| [refused(), event()]).chain((0..9).map(|_| refused())).collect()).await;
    for asked in [CHAT, MESSAGES, RESPONSES] {
        for _way in 0..2 {
            let (status, said) = said(&gateway, asked).await;
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!((status, &said["error"]["code"]), (400, &json!("context_length_exceeded")), "{said}");
            assert!(said["error"]["message"].as_str().unwrap().contains("too long"), "{said}");
        }
    }
    for _ in 0..9 {
        assert_eq!(gateway.say("x").await.unwrap_err().code, "context_length_exceeded");
    }
}

#[tokio::test]
async fn a_rate_limit_tells_the_seconds_before_and_within_a_stream() {
    let limited =
        Turn::Status(429, vec![("retry-after", "21")], json!({"error": {"message": "slow down"}}).to_string());
    let (_upstream, gateway) = up(vec![limited]).await;
    let error = gateway.say("x").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry_after_s), ("provider_rate_limit", Some(21)));

    let late = event(&json!({"error": {"message": "slow down", "code": 429}}));
    let (_upstream, gateway) = up(vec![Turn::Events(vec![says("Hal"), late])]).await;
    let error = gateway.say_with(&request("m", "x"), &Default::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.kind), ("provider_rate_limit", septet_kernel::Kind::Exhausted));
}
