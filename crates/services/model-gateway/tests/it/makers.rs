//! What a model thought goes back to the provider that made it, and to no other.

use futures::StreamExt;
use septet_contracts::models::{Assembly, CallOptions, ChatMessage, ChatRequest, Thinking};
use septet_model_gateway::{Config, ProviderConfig, ProviderKind};
use serde_json::{Value, json};

use crate::gateway::{Gateway, provider, request};
use crate::upstream::{Turn, Upstream, done, event, good, stops, used};

/// Asks, and gives the answer with who made it.
async fn ask(gateway: &Gateway, request: &ChatRequest) -> (Assembly, Thinking) {
    let opened = gateway.models.open_chat(&gateway.caller, request.clone(), &CallOptions::default()).await.unwrap();
    let maker = opened.deployment.split('/').next().unwrap().to_owned();
    let mut chunks = std::pin::pin!(opened.chunks);
    let mut assembly = Assembly::default();
    while let Some(chunk) = chunks.next().await {
        assembly.push(&chunk.unwrap());
    }
    let thinking = assembly.thinking(&maker);
    (assembly, thinking)
}

/// The next request of a run: the calls with their thinking, and an output.
fn next(model: &str, assembly: Assembly, thinking: &Thinking) -> ChatRequest {
    let mut turn = assembly.message();
    turn.tool_calls.iter_mut().for_each(|call| call.extra.clear());
    thinking.put_back(&mut turn);
    let output = ChatMessage::tool(turn.tool_calls[0].id.clone(), "42");
    let mut next = request(model, "go");
    next.messages.extend([turn, output]);
    next
}

#[tokio::test]
async fn anthropics_thinking_goes_back_as_a_block_with_its_signature() {
    let named = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let delta =
        |index: u32, delta: Value| named(json!({"type": "content_block_delta", "index": index, "delta": delta}));
    let begin = |index: u32, block: Value| {
        named(json!({"type": "content_block_start", "index": index, "content_block": block}))
    };
    let end = |index: u32| named(json!({"type": "content_block_stop", "index": index}));
    let events = vec![
        named(json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "m", "content": [], "stop_reason": null, "usage": {"input_tokens": 5, "output_tokens": 1}}})),
        begin(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "I will "})),
        delta(0, json!({"type": "thinking_delta", "thinking": "compute."})),
        delta(0, json!({"type": "signature_delta", "signature": "sig=="})),
        end(0),
        begin(1, json!({"type": "redacted_thinking", "data": "sealed"})),
        end(1),
        begin(2, json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"a\": 1}"})),
        end(2),
        named(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 9}})),
        named(json!({"type": "message_stop"})),
    ];
    let upstream = Upstream::start(vec![Turn::Events(events.clone()), Turn::Events(events)]).await;
    let gateway =
        Gateway::with(ProviderConfig { kind: Some(ProviderKind::Anthropic), ..provider(&upstream.url) }).await;

    let (assembly, thinking) = ask(&gateway, &request("m", "go")).await;
    ask(&gateway, &next("m", assembly, &thinking)).await;

    let sent = &upstream.asked()[1]["messages"][1]["content"];
    assert_eq!(
        sent,
        &json!([
            {"type": "thinking", "thinking": "I will compute.", "signature": "sig=="},
            {"type": "redacted_thinking", "data": "sealed"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ])
    );
}

#[tokio::test]
async fn reasoning_goes_back_to_its_provider_under_its_own_name_and_to_no_other() {
    let chunk = |delta: Value| event(&json!({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta}]}));
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "g"}}}]});
    for field in ["reasoning_content", "reasoning"] {
        let thinks = vec![chunk(json!({field: "I will "})), chunk(json!({field: "compute."})), chunk(call.clone())];
        let thinks = Turn::Events([thinks, vec![stops(), used(1, 1), done()]].concat());
        let mine = Upstream::start(vec![thinks, good("done")]).await;
        let other = Upstream::start(vec![good("done")]).await;
        let mut config = Config { retries: 0, ..Config::default() };
        config.providers.insert("mine".into(), provider(&mine.url));
        config.providers.insert("other".into(), provider(&other.url));
        let gateway = Gateway::open(config).await;

        let (assembly, thinking) = ask(&gateway, &request("mine/m", "go")).await;
        ask(&gateway, &next("mine/m", assembly.clone(), &thinking)).await;
        ask(&gateway, &next("other/m", assembly, &thinking)).await;

        let back = &mine.asked()[1]["messages"][1];
        assert_eq!(back[field], "I will compute.");
        assert_eq!(back["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "g");
        let foreign = &other.asked()[0]["messages"][1];
        for sent in [back, foreign] {
            assert!(sent.get("septet_maker").is_none(), "{sent}");
        }
        assert!(foreign.get(field).is_none() && foreign["tool_calls"][0].get("extra_content").is_none(), "{foreign}");
    }
}
