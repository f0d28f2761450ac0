//! Clients that speak something else than the provider.

use septet_model_gateway::{Config, ProviderConfig, ProviderKind, Unsupported};
use serde_json::{Value, json};

use crate::gateway::{Gateway, provider};
use crate::upstream::{Turn, Upstream, done, good, good_whole, says, stops, used};

async fn up(script: Vec<Turn>) -> (Upstream, Gateway) {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    (upstream, gateway)
}

fn events(body: &str) -> Vec<Value> {
    body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

const MESSAGES: &str =
    r#"{"model":"m","max_tokens":100,"system":"be kind","messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test]
async fn anthropics_client_asks_a_provider_with_chat_completions() {
    let (upstream, gateway) = up(vec![good_whole("hello"), good("hello")]).await;

    let (status, _, body) = gateway.raw("/v1/messages", MESSAGES, &[]).await;
    let whole: Value = serde_json::from_str(&body).unwrap();
    let streamed = MESSAGES.replace("{\"model\"", "{\"stream\":true,\"model\"");
    let (_, headers, stream) = gateway.raw("/v1/messages", &streamed, &[]).await;
    let stream = events(&stream);

    let text = whole["content"].as_array().unwrap().iter().find(|block| block["type"] == "text").unwrap();
    assert_eq!((status, &text["text"], &whole["stop_reason"]), (200, &json!("hello"), &json!("end_turn")));
    assert_eq!((&whole["usage"]["input_tokens"], &whole["usage"]["output_tokens"]), (&json!(10), &json!(5)));
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(
        (&stream[0]["type"], &stream.last().unwrap()["type"]),
        (&json!("message_start"), &json!("message_stop"))
    );
    let sent = &upstream.asked()[0];
    assert_eq!((&sent["messages"][0]["role"], &sent["messages"][0]["content"]), (&json!("system"), &json!("be kind")));
    let records = gateway.all_usage().await;
    assert_eq!((records.len(), records[1].output_tokens, records[1].estimated), (2, 5, false));
}

#[tokio::test]
async fn responses_are_served_from_a_provider_with_chat_completions() {
    let (_upstream, gateway) = up(vec![good("hello")]).await;

    let (_, _, body) = gateway.raw("/v1/responses", r#"{"model":"m","input":"hi","stream":true}"#, &[]).await;

    let events = events(&body);
    let last = events.last().unwrap();
    assert_eq!((&events[0]["type"], &last["type"]), (&json!("response.created"), &json!("response.completed")));
    assert_eq!(last["response"]["usage"]["output_tokens"], 5);
}

#[tokio::test]
async fn a_provider_that_speaks_anthropic_answers_a_client_of_chat_completions() {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hello"}],
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5, "output_tokens": 6}});
    let upstream = Upstream::start(vec![Turn::Status(200, vec![], message.to_string())]).await;
    let provider = ProviderConfig { kind: Some(ProviderKind::Anthropic), ..provider(&upstream.url) };
    let gateway = Gateway::with(provider).await;

    let body = r#"{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]}"#;
    let (_, _, body) = gateway.raw("/v1/chat/completions", body, &[]).await;

    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "hello");
    assert_eq!(
        (&answer["usage"]["prompt_tokens"], &answer["usage"]["prompt_tokens_details"]["cached_tokens"]),
        (&json!(12), &json!(4))
    );
    assert_eq!(upstream.headers()["x-api-key"], "sk-test-secret");
    assert_eq!(upstream.asked()[0]["system"][0]["text"], "be kind");
    let record = &gateway.all_usage().await[0];
    assert_eq!((record.input_tokens, record.cached_tokens, record.cache_write_tokens), (12, 4, 5));
}

#[tokio::test]
async fn what_a_provider_has_no_word_for_is_refused_by_name_or_dropped_with_a_header() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"seed":7}"#;
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 3, "output_tokens": 6}});
    for (unsupported, expected) in [(Unsupported::Refuse, 400), (Unsupported::Drop, 200)] {
        let upstream = Upstream::start(vec![Turn::Status(200, vec![], message.to_string())]).await;
        let mut config = Config { unsupported, ..Config::default() };
        config
            .providers
            .insert("up".into(), ProviderConfig { kind: Some(ProviderKind::Anthropic), ..provider(&upstream.url) });
        let gateway = Gateway::open(config).await;

        let (status, headers, body) = gateway.raw("/v1/chat/completions", body, &[]).await;

        assert_eq!(status, expected, "{body}");
        match unsupported {
            Unsupported::Refuse => assert!(body.contains("seed"), "{body}"),
            Unsupported::Drop => assert_eq!(headers["x-septet-dropped"], "seed"),
        }
    }
}

#[tokio::test]
async fn errors_are_in_the_clients_own_shape() {
    let (_upstream, gateway) =
        up(vec![Turn::Status(429, vec![("retry-after", "7")], "{}".into()), Turn::Events(vec![says("Hal")])]).await;

    let (status, headers, body) = gateway.raw("/v1/messages", MESSAGES, &[]).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!("rate_limit_error")));

    let streamed = MESSAGES.replace("{\"model\"", "{\"stream\":true,\"model\"");
    let gateway = Gateway::with(provider(&Upstream::start(vec![Turn::Events(vec![says("Hal")])]).await.url)).await;
    let (_, _, body) = gateway.raw("/v1/messages", &streamed, &[]).await;
    assert_eq!(events(&body).last().unwrap()["type"], "error");
}

#[tokio::test]
async fn a_broken_body_says_where_and_an_unknown_model_names_the_nearest() {
    let (_upstream, gateway) = up(vec![]).await;

    let (status, _, body) = gateway.raw("/v1/messages", "{\"model\": \"m\",\n\"messages\": [}", &[]).await;
    assert!(status == 400 && body.contains("line 2, column 14"), "{body}");
    let (status, _, body) = gateway.raw("/v1/responses", r#"{"model":"text-embedding-n","input":"x"}"#, &[]).await;
    assert!(status == 404 && body.contains("text-embedding-m"), "{body}");
    let (status, _, body) = gateway.raw("/v1/responses", r#"{"model":"m"}"#, &[]).await;
    assert!(status == 400 && body.contains("input"), "{body}");
}

#[tokio::test]
async fn bytes_of_the_same_dialect_go_through_untouched() {
    // As no writer of JSON would write it again.
    let odd = concat!(
        r#"data: { "id":"c1" ,  "zzz": 1.50,"big":1e3, "twice":1,"twice":2,"#,
        r#""choices": [ {"index":0, "delta":{"content":"\u4f60 \"usage\": {} \"error\":"}} ] }"#,
        "\n\n"
    );
    let (upstream, gateway) = up(vec![Turn::Events(vec![odd.to_owned(), stops(), used(1, 2), done()])]).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"big":123456789012345678901234567890}"#;

    let (_, _, stream) = gateway.raw("/v1/chat/completions", body, &[]).await;

    assert!(stream.starts_with(odd), "{stream}");
    assert!(!stream.contains("prompt_tokens"), "the client did not ask for usage");
    assert_eq!(gateway.all_usage().await[0].output_tokens, 2);
    assert!(upstream.raw().contains("\"big\":123456789012345678901234567890"));
}

#[tokio::test]
async fn thinking_is_switched_in_the_words_of_the_provider_for_a_client_of_the_same_protocol() {
    let upstream = Upstream::start(vec![good_whole("hello"), good_whole("hello")]).await;
    let qwen = ProviderConfig { kind: Some(ProviderKind::DashScope), ..provider(&upstream.url) };
    let gateway = Gateway::with(qwen).await;
    let ask = |fields: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#);

    gateway.raw("/v1/chat/completions", &ask(r#""reasoning_effort":"none","odd":1.50"#), &[]).await;
    gateway.raw("/v1/chat/completions", &ask(r#""thinking":{"type":"enabled"}"#), &[]).await;

    let asked = upstream.asked();
    assert_eq!((&asked[0]["enable_thinking"], &asked[1]["enable_thinking"]), (&json!(false), &json!(true)));
    assert!(asked[0].get("reasoning_effort").is_none() && asked[1].get("thinking").is_none(), "{asked:?}");
    assert_eq!(asked[0]["odd"], 1.5);
}

#[tokio::test]
async fn what_came_whole_before_damage_in_the_same_packet_reaches_the_client() {
    let (_upstream, gateway) = up(vec![Turn::Events(vec![format!("{}data: {{broken\n\n", says("Hal"))])]).await;
    let streamed = MESSAGES.replace("{\"model\"", "{\"stream\":true,\"model\"");

    let (status, _, body) = gateway.raw("/v1/messages", &streamed, &[]).await;

    let events = events(&body);
    assert_eq!(status, 200, "{body}");
    assert!(events.iter().any(|event| event.pointer("/delta/text") == Some(&json!("Hal"))), "{body}");
    assert_eq!(events.last().unwrap()["type"], "error");
}
