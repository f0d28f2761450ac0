//! Servers that are slow or have just begun.

use std::time::Duration;

use septet_model_gateway::{ModelConfig, ProviderConfig};
use serde_json::json;
use tokio::sync::mpsc;

use crate::gateway::{Gateway, provider};
use crate::upstream::{Turn, Upstream, done, good, says, stops, used};

#[tokio::test]
async fn comments_before_the_first_word_are_signs_of_life() {
    let (sender, feed) = mpsc::unbounded_channel();
    let upstream = Upstream::start(vec![Turn::Feed(feed)]).await;
    // The gateway of these tests has a timeout of one second for the first byte.
    let gateway = Gateway::with(provider(&upstream.url)).await;
    let server = async {
        for _ in 0..6 {
            sender.send(": reading the prompt\n\n".to_owned()).unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        sender.send(says("hi") + &stops() + &used(1, 1) + &done()).unwrap();
        drop(sender);
    };

    let (said, ()) = futures::join!(gateway.say("x"), server);

    assert_eq!(said.unwrap(), "hi");
}

#[tokio::test]
async fn a_server_without_a_sign_of_life_is_given_up_as_its_own_settings_say() {
    let upstream = Upstream::start(vec![Turn::Hang, Turn::Hang]).await;
    let named = |id: &str| ModelConfig { first_byte_timeout_s: Some(2), ..ModelConfig::named(id) };
    let patient = ProviderConfig { models: vec![named("slow"), ModelConfig::named("m")], ..provider(&upstream.url) };
    let gateway = Gateway::with(ProviderConfig { first_byte_timeout_s: Some(1), ..patient }).await;
    for (model, seconds) in [("slow", "2 s"), ("m", "1 s")] {
        let asked = crate::gateway::request(model, "x");
        let error = gateway.say_with(&asked, &Default::default()).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.detail.contains(seconds)), ("provider_silent", true), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_still_loads_its_model_is_told_apart_and_waited_for() {
    let loading = |after: &'static str| {
        let body = json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}).to_string();
        let headers = if after.is_empty() { vec![] } else { vec![("retry-after", after)] };
        Turn::Status(503, headers, body)
    };
    let upstream = Upstream::start(vec![loading(""), loading("1"), good("hi")]).await;
    let mut gateway = Gateway::with(provider(&upstream.url)).await;

    let error = gateway.say("x").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry_after_s), ("provider_loading", Some(5)));

    // One second is waited for by the gateway itself, where it may try again.
    let mut config = septet_model_gateway::Config { retries: 1, ..Default::default() };
    config.providers.insert("up".to_owned(), provider(&upstream.url));
    gateway = Gateway::open(config).await;
    assert_eq!(gateway.say("x").await.unwrap(), "hi");
}

#[tokio::test]
async fn whoever_stops_waiting_ends_the_providers_work_whole_or_streamed() {
    let (_sender, feed) = mpsc::unbounded_channel();
    let upstream = Upstream::start(vec![Turn::Hang, Turn::Feed(feed)]).await;
    let gateway = Gateway::with(ProviderConfig {
        first_byte_timeout_s: Some(60),
        answer_timeout_s: Some(60),
        ..provider(&upstream.url)
    })
    .await;
    for stream in [false, true] {
        let body = json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}]}).to_string();
        tokio::select! {
            said = gateway.raw("/v1/chat/completions", &body, &[]) => panic!("nobody answers: {said:?}"),
            () = upstream.arrived() => {}
        }
        tokio::time::timeout(Duration::from_secs(30), upstream.left()).await.expect("the provider was let go");
    }
    let records = gateway.all_usage().await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.input_tokens > 0 && record.estimated), "{records:?}");
}

#[tokio::test]
async fn plain_models_have_ids_of_responses_and_echo_what_was_asked() {
    let upstream = Upstream::start(vec![good("hi"), crate::upstream::good_whole("hi")]).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false}]);
    let mut asked = json!({"model": "m", "input": "x", "instructions": "be kind", "temperature": 0.5, "top_p": 0.9,
        "max_output_tokens": 77, "tools": tools, "tool_choice": "auto", "parallel_tool_calls": false,
        "metadata": {"a": "b"}, "stream": true, "text": {"format": {"type": "text"}}});
    let (_, _, streamed) = gateway.raw("/v1/responses", &asked.to_string(), &[]).await;
    asked["stream"] = json!(false);
    let (_, _, whole) = gateway.raw("/v1/responses", &asked.to_string(), &[]).await;
    let last: serde_json::Value = serde_json::from_str(streamed.trim().rsplit("data: ").next().unwrap()).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    for response in [&last["response"], &whole] {
        assert!(response["id"].as_str().unwrap().starts_with("resp_"), "{response}");
        for name in [
            "instructions",
            "temperature",
            "top_p",
            "max_output_tokens",
            "tools",
            "parallel_tool_calls",
            "metadata",
            "text",
        ] {
            assert_eq!(response[name], asked[name], "{name}");
        }
    }
}

#[tokio::test]
async fn a_count_of_tokens_says_whether_it_is_an_estimate() {
    let upstream = Upstream::start(vec![]).await;
    let models = vec![ModelConfig::named("gpt-4o-mini"), ModelConfig::named("somebody-7b")];
    let gateway = Gateway::with(ProviderConfig { models, ..provider(&upstream.url) }).await;
    for (model, is_estimate) in [("gpt-4o-mini", false), ("somebody-7b", true)] {
        let body = json!({"model": model, "system": "Be kind.", "messages": [{"role": "user", "content": "Hello, how are you?"}]});
        let (status, _, said) = gateway.raw("/v1/messages/count_tokens", &body.to_string(), &[]).await;
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        // OpenAI's own count of these messages, by its cookbook: 3 for each, their words and roles, 3 for the answer.
        assert_eq!((status, &said["input_tokens"], &said["estimated"]), (200, &json!(20), &json!(is_estimate)));
    }
}
