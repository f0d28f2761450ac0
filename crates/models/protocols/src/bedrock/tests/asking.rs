use serde_json::json;

use super::*;
use crate::dialect::{Dialect, Quirks};
use crate::request::{
    Cache, Effort, Format, Media, Message, Part, PartKind, Reasoning, Request, Role, Tool, ToolChoice,
};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn encoded(request: &Request) -> (Value, Vec<String>) {
    let encoded = encode_request(request, &Quirks::default());
    (encoded.body, encoded.dropped)
}

fn asked(model: &str) -> Request {
    let mut request = Request::new(Dialect::Chat, model);
    request.messages.push(Message::of(Role::User, PartKind::Text("hi".into())));
    request
}

fn function(name: &str) -> Tool {
    let parameters = Some(json!({"type": "object", "properties": {"x": {"type": "integer"}}}));
    let cache = Some(Cache { ttl: None });
    Tool::Function { name: name.into(), description: Some("F".into()), parameters, strict: None, cache }
}

#[test]
fn a_conversation_with_tools_is_written_whole() {
    let mut request = asked(CLAUDE);
    request.max_output = Some(100);
    request.temperature = Some(0.5);
    request.stop = vec!["END".into()];
    request.tools = vec![function("f")];
    request.tool_choice = Some(ToolChoice::Named("f".into()));
    request.messages.insert(
        0,
        Message {
            role: Role::System,
            name: None,
            parts: vec![Part {
                kind: PartKind::Text("Be brief.".into()),
                cache: Some(Cache { ttl: Some("1h".into()) }),
            }],
        },
    );
    let thought = PartKind::Reasoning {
        text: "hm".into(),
        signature: Some(Proof::made_by(Dialect::Anthropic, "p")),
        encrypted: None,
        id: None,
    };
    let hidden = PartKind::Reasoning {
        text: String::new(),
        signature: None,
        encrypted: Some(Proof::made_by(Dialect::Anthropic, "Ehid")),
        id: None,
    };
    let call = PartKind::Call { id: "a".into(), name: "f".into(), arguments: "{\"x\":1}".into(), signature: None };
    let parts = [thought, hidden, call].map(Part::from).to_vec();
    request.messages.push(Message { role: Role::Assistant, name: None, parts });
    let picture = PartKind::Image(Media::base64("iVBORw0K".into()));
    let parts = [PartKind::Text("no".into()), picture].map(Part::from).to_vec();
    let result = PartKind::Result { call_id: "a".into(), name: None, parts, is_error: true };
    request.messages.push(Message::of(Role::Tool, result));
    request.messages.push(Message::of(Role::User, PartKind::Text("so?".into())));

    let (body, dropped) = encoded(&request);

    let schema = json!({"json": {"type": "object", "properties": {"x": {"type": "integer"}}}});
    let expected = json!({
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "p"}}},
                {"reasoningContent": {"redactedContent": "RWhpZA=="}},
                {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "a", "status": "error", "content": [
                    {"text": "no"},
                    {"image": {"format": "png", "source": {"bytes": "iVBORw0K"}}},
                ]}},
                {"text": "so?"},
            ]},
        ],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "description": "F", "inputSchema": schema}},
                {"cachePoint": {"type": "default"}},
            ],
            "toolChoice": {"tool": {"name": "f"}},
        },
        "additionalModelResponseFieldPaths": ["/stop_sequence", "/delta/stop_sequence"],
    });
    assert_eq!((body, dropped), (expected, vec![]));
}

#[test]
fn each_maker_is_told_to_think_in_its_own_words() {
    let fields = |model: &str, effort: Effort| {
        let mut request = asked(model);
        request.reasoning = Some(Reasoning { effort: Some(effort), ..Reasoning::default() });
        let (body, dropped) = encoded(&request);
        (body["additionalModelRequestFields"].clone(), body["inferenceConfig"]["maxTokens"].clone(), dropped)
    };
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 3276}});
    assert_eq!(fields(CLAUDE, Effort::Low), (budget, json!(11468), vec![]));
    let effort = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}});
    assert_eq!(fields("anthropic.claude-opus-4-8", Effort::Low), (effort, Value::Null, vec![]));
    let nova = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}});
    assert_eq!(fields("us.amazon.nova-2-lite-v1:0", Effort::Medium).0, nova);
    assert_eq!(fields("openai.gpt-oss-120b-1:0", Effort::High).0, json!({"reasoning_effort": "high"}));
    assert_eq!(fields("amazon.nova-micro-v1:0", Effort::High).2, ["reasoning_effort"]);
    assert_eq!(fields("amazon.nova-micro-v1:0", Effort::None).2, Vec::<String>::new());
}

#[test]
fn a_schema_goes_as_text_and_what_has_no_word_is_named() {
    let mut request = asked(CLAUDE);
    let schema = json!({"type": "object", "properties": {}});
    request.format = Some(Format::Schema { name: "a".into(), description: None, schema, strict: None });
    let (body, dropped) = encoded(&request);
    let schema = "{\"additionalProperties\":false,\"properties\":{},\"type\":\"object\"}";
    let structure = json!({"jsonSchema": {"name": "a", "schema": schema}});
    assert_eq!(body["outputConfig"], json!({"textFormat": {"type": "json_schema", "structure": structure}}));
    assert!(dropped.is_empty());

    request.model = "amazon.nova-lite-v1:0".into();
    request.top_k = Some(5);
    request.seed = Some(1);
    request.tools = vec![function("f")];
    request.parallel_calls = Some(false);
    let url = PartKind::Image(Media::at("https://a.example/a.png"));
    request.messages.push(Message::of(Role::User, url));
    let (body, dropped) = encoded(&request);
    assert_eq!(body["additionalModelRequestFields"], json!({"inferenceConfig": {"topK": 5}}));
    assert_eq!(body["toolConfig"]["tools"].as_array().map(Vec::len), Some(1));
    assert_eq!(dropped, ["messages[1].content[0].image_url", "seed", "parallel_tool_calls", "response_format"]);
}

#[test]
fn tools_that_may_not_be_called_are_not_offered_unless_the_history_needs_them() {
    let mut request = asked(CLAUDE);
    request.tools = vec![function("f")];
    request.tool_choice = Some(ToolChoice::None);
    assert_eq!(encoded(&request).0.get("toolConfig"), None);
    let call = PartKind::Call { id: "a".into(), name: "g".into(), arguments: "{}".into(), signature: None };
    request.messages.push(Message::of(Role::Assistant, call));
    let (body, dropped) = encoded(&request);
    assert_eq!((body["toolConfig"].get("toolChoice"), dropped), (None, vec!["tool_choice".to_owned()]));
    request.tools.clear();
    request.tool_choice = None;
    assert_eq!(encoded(&request).0["toolConfig"]["tools"][0]["toolSpec"]["name"], "g");
}

#[test]
fn documents_have_names_that_bedrock_takes_and_a_text_beside_them() {
    let mut request = asked(CLAUDE);
    let named = |name: &str| PartKind::File(Media { name: Some(name.into()), ..Media::base64("QQ==".into()) });
    request.messages[0].parts = [named("Q3_report  (a).csv"), named("Q3_report  (a).csv")].map(Part::from).to_vec();
    let (body, _) = encoded(&request);
    let content = &body["messages"][0]["content"];
    assert_eq!(content[0]["document"]["name"], "Q3 report (a)");
    assert_eq!(content[0]["document"]["format"], "csv");
    assert_eq!(content[1]["document"]["name"], "Q3 report (a) 2");
    assert_eq!(content[2]["text"], "Q3 report (a)");
}

#[test]
fn a_model_that_cannot_be_made_to_call_is_allowed_to() {
    let choice = |model: &str, choice: ToolChoice, names: &[&str]| {
        let mut request = asked(model);
        request.tools = names.iter().map(|name| function(name)).collect();
        request.tool_choice = Some(choice);
        let (body, dropped) = encoded(&request);
        (body["toolConfig"].get("toolChoice").cloned(), dropped)
    };
    let named = || ToolChoice::Named("f".into());
    let told = vec!["tool_choice".to_owned()];
    assert_eq!(choice("meta.llama3-1-70b-instruct-v1:0", ToolChoice::Required, &["f"]), (None, told.clone()));
    assert_eq!(choice("mistral.mistral-large-2407-v1:0", named(), &["f"]), (Some(json!({"any": {}})), vec![]));
    assert_eq!(choice("mistral.mistral-large-2407-v1:0", named(), &["f", "g"]), (None, told));
    assert_eq!(choice(CLAUDE, named(), &["f", "g"]), (Some(json!({"tool": {"name": "f"}})), vec![]));
}
