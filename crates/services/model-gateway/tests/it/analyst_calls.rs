//! The offline analyst as a model like any other.

use futures::StreamExt;
use septet_contracts::models::{Assembly, CallOptions, ChatMessage, ChatRequest, ToolDefinition};
use septet_model_gateway::Config;
use serde_json::{Value, json};

use crate::gateway::{Gateway, request};

async fn stream(gateway: &Gateway, request: &ChatRequest) -> (usize, Assembly) {
    let chunks = gateway.models.chat_stream(&gateway.caller, request, &CallOptions::default()).await.unwrap();
    let mut chunks = std::pin::pin!(chunks);
    let (mut n_chunks, mut assembly) = (0, Assembly::default());
    while let Some(chunk) = chunks.next().await {
        n_chunks += 1;
        assembly.push(&chunk.unwrap());
    }
    (n_chunks, assembly)
}

#[tokio::test]
async fn it_is_the_default_when_there_is_no_provider() {
    let gateway = Gateway::open(Config::default()).await;

    let list = gateway.models.list(&gateway.caller).await.unwrap();
    assert!(list.data[0].septet.offline && list.data[0].septet.default);
    let (n_chunks, assembly) = stream(&gateway, &request("", "你好")).await;
    assert!(n_chunks > 5 && assembly.text().contains("离线分析器"), "{}", assembly.text());
    assert_eq!(assembly.finish_reason(), Some("stop"));
    assert!(assembly.usage().unwrap().completion_tokens > 0);
    let whole = gateway
        .models
        .chat(&gateway.caller, &request("offline-analyst", "你好"), &CallOptions::default())
        .await
        .unwrap();
    assert_eq!(whole.choices[0].message.all_text(), assembly.text());
    let records = gateway.all_usage().await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.cost_nano == 0 && record.provider == "offline" && record.estimated));
}

#[tokio::test]
async fn a_dialogue_with_tools_comes_to_an_answer_over_the_wire() {
    let gateway = Gateway::open(Config::default()).await;
    let tools = ["knowledge_search", "run_python"]
        .map(|name| ToolDefinition::function(name, "", json!({"type": "object"})))
        .to_vec();
    let mut asked = ChatRequest { tools, ..request("", "公司2024年营业收入是多少？") };

    let mut called = Vec::new();
    let text = loop {
        let (_, assembly) = stream(&gateway, &asked).await;
        let message = assembly.message();
        if message.tool_calls.is_empty() {
            break message.all_text();
        }
        asked.messages.push(message.clone());
        for call in message.tool_calls {
            let arguments: Value = serde_json::from_str(&call.function.arguments).unwrap();
            assert!(arguments.is_object());
            let output = if call.function.name == "knowledge_search" {
                "[1] file=\"r.pdf\" page=9 heading=\"合并利润表\"\n单位：元\n项目 | 附注 | 2024年度 | 2023年度\n营业收入 | 七、1 | 250,000,000.00 | 200,000,000.00\n\n"
            } else {
                r#"{"outcome":"ok","stdout":"","stderr":"","files":[{"name":"chart.png","mime":"image/png","bytes":1}],"error":null}"#
            };
            called.push(call.function.name);
            asked.messages.push(ChatMessage::tool(call.id, output));
        }
    };

    assert_eq!(called, ["knowledge_search", "run_python"]);
    assert!(text.contains("**2.50 亿元**") && text.contains("增长 25.00% [1]") && text.contains("chart.png"), "{text}");
}
