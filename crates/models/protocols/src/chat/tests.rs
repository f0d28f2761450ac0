use serde_json::{Value, json};

use super::*;
use crate::answer::Whole;
use crate::codec::Context;
use crate::dialect::{Dialect, Forcing, Quirks, Thinking};
use crate::request::{Message, PartKind, Request, Role, Tool, ToolChoice};

fn asked(choice: ToolChoice, model: &str, names: &[&str]) -> Request {
    let mut request = Request::new(Dialect::Anthropic, model);
    request.messages.push(Message::of(Role::User, PartKind::Text("hi".to_owned())));
    let function = |name: &&str| Tool::Function {
        name: (*name).to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
    };
    request.tools = names.iter().map(function).collect();
    request.tool_choice = Some(choice);
    request
}

/// The choice and how many tools are offered, and what is dropped.
fn chosen(request: &Request, forcing: Forcing) -> (Value, usize, Vec<String>) {
    let encoded = encode_request(request, &Quirks { forcing, ..Quirks::default() });
    let n_tools = encoded.body["tools"].as_array().map_or(0, Vec::len);
    (encoded.body["tool_choice"].clone(), n_tools, encoded.dropped)
}

#[test]
fn a_call_that_a_provider_refuses_to_be_forced_to_is_allowed_and_that_is_named() {
    let told = vec!["tool_choice".to_owned()];
    let must = asked(ToolChoice::Required, "kimi-k2.6", &["f", "g"]);
    assert_eq!(chosen(&must, Forcing::Never), (json!("auto"), 2, told.clone()));
    assert_eq!(chosen(&must, Forcing::Any), (json!("required"), 2, vec![]));
    assert_eq!(chosen(&must, Forcing::Named), (json!("auto"), 2, told.clone()));
    let one = json!({"type": "function", "function": {"name": "f"}});
    let only = asked(ToolChoice::Required, "qwen-plus", &["f"]);
    assert_eq!(chosen(&only, Forcing::Named), (one.clone(), 1, vec![]));
    let named = asked(ToolChoice::Named("f".to_owned()), "deepseek-reasoner", &["f", "g"]);
    assert_eq!(chosen(&named, Forcing::Unthinking), (json!("auto"), 2, told));
    let named = asked(ToolChoice::Named("f".to_owned()), "deepseek-chat", &["f", "g"]);
    assert_eq!(chosen(&named, Forcing::Unthinking), (one, 2, vec![]));
    let none = asked(ToolChoice::None, "glm-4.6", &["f", "g"]);
    assert_eq!(chosen(&none, Forcing::AutoOnly), (Value::Null, 0, vec![]));
}

#[test]
fn an_odd_field_of_the_template_is_no_reason_to_stop() {
    let body = json!({"model": "m", "messages": [], "chat_template_kwargs": "odd", "enable_thinking": true});
    let request = decode_request(&body).unwrap();
    let encoded = encode_request(&request, &Quirks { thinking: Thinking::Template, ..Quirks::default() });
    assert_eq!(encoded.body["chat_template_kwargs"], json!({"enable_thinking": true, "thinking": true}));
}

#[test]
fn a_whole_answer_keeps_the_sources_of_its_text() {
    let source = json!({"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A",
        "start_index": 0, "end_index": 2}});
    let body = json!({"id": "c1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "你好", "annotations": [source]}}]});

    let answer = decode_answer(&body).unwrap();
    let written = encode_answer(&answer, &Context::default());

    let text = Whole { citations: vec![(Dialect::Chat, source.clone())], ..Whole::text("你好") };
    assert_eq!(answer.choices[0].blocks, [text]);
    assert_eq!(written["choices"][0]["message"]["annotations"], json!([source]));
}
