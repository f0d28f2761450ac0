//! How a provider's answers and failures come through.

use futures::StreamExt;
use septet_contracts::models::{Assembly, CallOptions, ToolDefinition};
use septet_kernel::Kind;
use septet_model_gateway::{Config, ProviderConfig};
use serde_json::json;
use tokio::sync::mpsc;

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, done, event, good, good_whole, says, stops, used};

async fn up(script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    (upstream, gateway)
}

#[tokio::test]
async fn a_stream_comes_through_piece_by_piece_with_unknown_fields() {
    let odd = event(
        &json!({"id": "c1", "service_tier": "odd", "choices": [{"index": 0, "delta": {"content": "Hel", "reasoning_content": "think", "weird": 7}}]}),
    );
    let (upstream, gateway) =
        up(vec![Turn::Events(vec![": hello\n\n".into(), odd, says("lo"), stops(), used(3, 2), done()])]).await;
    let mut asked = request("m", "hi");
    asked.extra.insert("top_k".into(), json!(40));
    asked.tools = vec![ToolDefinition::function("f", "", json!({"type": "object"}))];

    let chunks: Vec<_> =
        gateway.models.chat_stream(&gateway.caller, &asked, &CallOptions::default()).await.unwrap().collect().await;

    let chunks: Vec<_> = chunks.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        (chunks[0].extra["service_tier"].clone(), chunks[0].choices[0].delta.extra["weird"].clone()),
        (json!("odd"), json!(7))
    );
    assert_eq!(chunks[0].choices[0].delta.reasoning_content.as_deref(), Some("think"));
    assert_eq!(chunks.last().unwrap().usage.as_ref().unwrap().completion_tokens, 2);
    let sent = &upstream.asked()[0];
    assert_eq!(
        (&sent["top_k"], &sent["stream_options"]["include_usage"], &sent["tools"][0]["function"]["name"]),
        (&json!(40), &json!(true), &json!("f"))
    );
    assert_eq!(upstream.headers()["authorization"], "Bearer sk-test-secret");
}

#[tokio::test]
async fn usage_is_hidden_from_a_client_that_did_not_ask_for_it() {
    let (_upstream, gateway) = up(vec![good("hi"), good("hi")]).await;

    let (status, headers, text) = gateway
        .raw("/v1/chat/completions", r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}"#, &[])
        .await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("prompt_tokens"), "{text}");

    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}}"#;
    assert!(gateway.raw("/v1/chat/completions", body, &[]).await.2.contains("prompt_tokens"));
}

#[tokio::test]
async fn a_whole_answer_comes_through_with_unknown_fields() {
    let (upstream, gateway) = up(vec![good_whole("hi")]).await;

    let answer = gateway.models.chat(&gateway.caller, &request("up/m", "x"), &CallOptions::default()).await.unwrap();

    assert_eq!(answer.choices[0].message.all_text(), "hi");
    assert_eq!(
        (&answer.extra["system_fingerprint"], &answer.choices[0].message.extra["reasoning_content"]),
        (&json!("fp"), &json!("hm"))
    );
    assert_eq!(upstream.asked()[0]["model"], "m");
    assert!(upstream.asked()[0].get("stream_options").is_none());
}

#[tokio::test]
async fn tool_calls_are_put_together() {
    let piece = |index: u32, id: Option<&str>, arguments: &str| {
        event(
            &json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": id.map(|_| "run_python"), "arguments": arguments}}]}}]}),
        )
    };
    let (_upstream, gateway) = up(vec![Turn::Events(vec![
        piece(0, Some("a"), "{\"co"),
        piece(1, Some("b"), "{}"),
        piece(0, None, "de\":1}"),
        stops(),
        done(),
    ])])
    .await;

    let mut assembly = Assembly::default();
    let chunks =
        gateway.models.chat_stream(&gateway.caller, &request("m", "x"), &CallOptions::default()).await.unwrap();
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.next().await {
        assembly.push(&chunk.unwrap());
    }

    let calls: Vec<_> =
        assembly.message().tool_calls.into_iter().map(|call| (call.id, call.function.arguments)).collect();
    assert_eq!(calls, [("a".to_owned(), "{\"code\":1}".to_owned()), ("b".to_owned(), "{}".to_owned())]);
}

#[tokio::test]
async fn refusals_say_what_to_check_and_never_show_the_key() {
    let echo = r#"{"error":{"message":"Incorrect API key provided: sk-test-secret."}}"#.to_owned();
    for (turn, kind, words) in [
        (Turn::Status(401, vec![], echo.clone()), Kind::Unavailable, "provider up refused the key: check"),
        (Turn::Status(402, vec![], "{}".into()), Kind::Unavailable, "balance"),
        (Turn::Status(400, vec![], echo.clone()), Kind::Unavailable, "provider up refused the key: check"),
        (
            Turn::Status(400, vec![], r#"{"error":{"message":"no such field, sk-test-secret"}}"#.into()),
            Kind::BadRequest,
            "[key]",
        ),
        (Turn::Status(404, vec![], r#"{"detail":"model m not found"}"#.into()), Kind::NotFound, "model m not found"),
        (Turn::Status(429, vec![("retry-after", "7")], echo), Kind::Exhausted, "limits the rate"),
        (Turn::Status(500, vec![], "<html>oops".into()), Kind::Unavailable, "status 500"),
        (Turn::Status(200, vec![], "<html>a portal</html>".into()), Kind::Unavailable, "not its protocol"),
        (Turn::Events(vec!["data: not json\n\n".into()]), Kind::Unavailable, "not its protocol"),
        (Turn::Events(vec![]), Kind::Unavailable, "broke off"),
        (Turn::Events(vec![event(&json!({"error": {"message": "overloaded"}}))]), Kind::Unavailable, "overloaded"),
    ] {
        let (_upstream, gateway) = up(vec![turn]).await;
        let error = gateway.say("x").await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.detail.contains(words) && !format!("{error:?}").contains("sk-test-secret"), "{error}");
        assert_eq!(error.retry_after_s, (kind == Kind::Exhausted).then_some(7));
    }
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_event() {
    let failing = event(&json!({"error": {"message": "tool use failed", "code": "x"}}));
    let (sender, feed) = mpsc::unbounded_channel();
    let (_upstream, gateway) = up(vec![Turn::Feed(feed)]).await;
    sender.send(says("Hal")).unwrap();
    let chunks =
        gateway.models.chat_stream(&gateway.caller, &request("m", "x"), &CallOptions::default()).await.unwrap();
    sender.send(failing + &says("never")).unwrap();
    drop(sender);

    let chunks: Vec<_> = chunks.collect().await;

    assert_eq!(chunks.len(), 2);
    assert!(chunks[1].as_ref().unwrap_err().detail.contains("tool use failed"));
}

#[tokio::test]
async fn a_provider_that_is_down_is_named_with_its_address() {
    let gateway = Gateway::with(provider("http://127.0.0.1:9/v1")).await;

    let error = gateway.say("x").await.unwrap_err();

    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.detail.contains("http://127.0.0.1:9/v1") && !error.detail.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_provider_that_hangs_or_falls_silent_times_out() {
    let (sender, feed) = mpsc::unbounded_channel();
    sender.send(says("Hal")).unwrap();
    let (_upstream, gateway) = up(vec![Turn::Hang, Turn::Feed(feed)]).await;

    let error = gateway.say("x").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (Kind::Timeout, "provider_silent"), "{error}");
    let error = gateway.say("x").await.unwrap_err();
    assert!(error.detail.contains("fell silent in the middle"), "{error}");
    drop(sender);
}

#[tokio::test]
async fn a_provider_that_refuses_stream_options_is_asked_without() {
    let refusal = Turn::Status(400, vec![], r#"{"error":{"message":"unknown field: stream_options"}}"#.into());
    let (upstream, gateway) = up(vec![refusal, good("hi")]).await;

    assert_eq!(gateway.say("x").await.unwrap(), "hi");
    assert!(upstream.asked()[1].get("stream_options").is_none());
}

#[tokio::test]
async fn an_unknown_model_is_refused_with_the_nearest_names() {
    let (_upstream, gateway) = up(vec![]).await;

    let error = gateway.say_with(&request("mm", "x"), &CallOptions::default()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_str(), error.param.as_deref()),
        (Kind::NotFound, "model_not_found", Some("model"))
    );
    assert!(error.detail.contains("\"m\""), "{error}");

    let error = gateway.say_with(&request("text-embedding-m", "x"), &CallOptions::default()).await.unwrap_err();
    assert!(error.detail.contains("no chat model"), "{error}");
}

#[tokio::test]
async fn models_are_listed_with_the_default_first_and_asked_for_when_not_configured() {
    let (upstream, gateway) = up(vec![]).await;
    let list = gateway.models.list(&gateway.caller).await.unwrap();
    let shown: Vec<_> =
        list.data.iter().map(|model| (model.id.as_str(), model.septet.default, model.septet.offline)).collect();
    assert_eq!(shown, [("m", true, false), ("text-embedding-m", false, false), ("offline-analyst", false, true)]);

    let gateway = Gateway::with(ProviderConfig::compatible(&upstream.url, &[])).await;
    let list = gateway.models.list(&gateway.caller).await.unwrap();
    let shown: Vec<_> = list.data.iter().map(|model| (model.id.as_str(), model.septet.kind.as_str())).collect();
    assert_eq!(shown, [("listed-chat", "chat"), ("nomic-embed-text", "embedding"), ("offline-analyst", "chat")]);
}

#[tokio::test]
async fn a_provider_that_is_down_does_not_hide_behind_the_analyst() {
    let gateway = Gateway::with(ProviderConfig::compatible("http://127.0.0.1:9/v1", &[])).await;

    assert_eq!(
        gateway.say_with(&request("", "x"), &CallOptions::default()).await.unwrap_err().code,
        "provider_unreachable"
    );
    assert_eq!(gateway.models.list(&gateway.caller).await.unwrap().data.len(), 1);
}

#[tokio::test]
async fn odd_requests_are_refused_with_a_reason() {
    let gateway = Gateway::open(Config::default()).await;
    for (body, words) in [
        ("{", "not JSON"),
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"","messages":[]}"#, "messages is missing or empty"),
        (r#"{"messages":[{"content":"x"}]}"#, "role"),
    ] {
        let (status, _, text) = gateway.raw("/v1/chat/completions", body, &[]).await;
        assert!(status == 400 && text.contains(words), "{body}: {status} {text}");
    }
    let good = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(gateway.raw("/v1/chat/completions", good, &[("idempotency-key", &"k".repeat(256))]).await.0, 400);
    assert_eq!(gateway.raw("/v1/embeddings", r#"{"input":"x"}"#, &[]).await.0, 404);
}
