//! Failures that one tenant's requests cause are not counted against the provider, so they do not affect other tenants.

use serde_json::json;

use crate::gateway::{Gateway, provider};
use crate::upstream::{Turn, Upstream, good};

const GOOD: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#;

#[tokio::test]
async fn malformed_chats_are_refused_before_a_provider_is_called_in_every_dialect() {
    let upstream = Upstream::start(vec![good("hi")]).await;
    let gateway = Gateway::with(provider(&upstream.url)).await;
    let messages = [
        json!([{}]),
        json!(["x"]),
        json!({"role": "user"}),
        json!([{"role": "usr", "content": "x"}]),
        json!([{"role": "user", "content": {"text": "x"}}]),
        json!([{"role": "user", "content": [{"text": "x"}]}]),
        json!([{"role": ["user"], "content": "x"}]),
    ];
    for wrong in messages {
        for (path, body) in [
            ("/v1/chat/completions", json!({"model": "m", "messages": wrong})),
            ("/v1/messages", json!({"model": "m", "max_tokens": 9, "messages": wrong})),
            ("/v1/responses", json!({"model": "m", "input": wrong})),
        ] {
            let (status, _, said) = gateway.raw(path, &body.to_string(), &[]).await;
            assert_eq!((status, said.contains("invalid_request")), (400, true), "{path} {body}: {said}");
        }
    }
    assert_eq!(upstream.asked().len(), 0);
    let (status, ..) = gateway.raw("/v1/chat/completions", GOOD, &[]).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_tenant_whose_requests_break_a_provider_rests_alone() {
    let broken = |at: usize| match at % 3 {
        0 => Turn::Status(500, vec![], json!({"error": {"message": "template error"}}).to_string()),
        1 => Turn::Status(404, vec![], json!({"error": {"message": "file_1 is no file"}}).to_string()),
        _ => Turn::Events(vec!["data: {\n\n".to_owned()]),
    };
    let upstream = Upstream::start((0..30).map(broken).chain([good("hi"), good("hi")]).collect()).await;
    let mut gateway = Gateway::with(provider(&upstream.url)).await;
    let mut n_rested = 0;
    for _ in 0..40 {
        n_rested += usize::from(gateway.say("x").await.unwrap_err().code == "all_deployments_resting");
    }
    assert!(n_rested > 20, "the one who breaks it is left alone: {n_rested}");
    // The rest of what would break it is not asked for any more.
    let n_left = 30 - upstream.asked().len();
    assert!(n_left > 5);
    upstream.skip(n_left);

    gateway.caller.tenant = gateway.platform.ids.next();

    for _ in 0..2 {
        assert_eq!(gateway.say("x").await.unwrap(), "hi");
    }
    let (_, _, body) = gateway.get("/internal/deployments").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["data"][0]["n_tenants_resting"], &body["data"][0]["breaker"]), (&json!(1), &json!("open")));
}
