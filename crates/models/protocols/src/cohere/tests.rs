use serde_json::{Value, json};

use super::*;
use crate::codec::Decoder;
use crate::dialect::{Dialect, Quirks};
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::request::{Format, Message, Part, PartKind, Reasoning, Request, Role, Tool, ToolChoice};
use crate::{Answer, Unreadable};

fn text(text: &str) -> PartKind {
    PartKind::Text(text.to_owned())
}

#[test]
fn a_request_keeps_plan_calls_and_results() {
    let mut request = Request::new(Dialect::Anthropic, "command-a");
    let thinking = PartKind::Reasoning { text: "I will look".to_owned(), signature: None, encrypted: None, id: None };
    let call =
        PartKind::Call { id: "c1".to_owned(), name: "look".to_owned(), arguments: String::new(), signature: None };
    let result =
        PartKind::Result { call_id: "c1".to_owned(), name: None, parts: vec![Part::from(text("4"))], is_error: false };
    request.messages = vec![
        Message::of(Role::System, text("be brief")),
        Message::of(Role::User, text("2 + 2?")),
        Message { role: Role::Assistant, name: None, parts: vec![Part::from(thinking), Part::from(call)] },
        Message::of(Role::Tool, result),
    ];
    let tool = |name: &str| Tool::Function {
        name: name.to_owned(),
        description: None,
        parameters: Some(json!({"type": "object"})),
        strict: Some(true),
        cache: None,
    };
    request.tools = vec![tool("look"), tool("leap")];
    request.tool_choice = Some(ToolChoice::Named("look".to_owned()));
    request.top_p = Some(0.5);
    request.stop = vec!["END".to_owned()];
    request.reasoning = Some(Reasoning { budget: Some(2_000), ..Reasoning::default() });
    request.format = Some(Format::Schema {
        name: "a".to_owned(),
        description: None,
        schema: json!({"type": "object"}),
        strict: None,
    });
    let encoded = encode_request(&request, &Quirks::default());
    let expected = json!({
        "model": "command-a", "stream": false, "p": 0.5, "stop_sequences": ["END"],
        "thinking": {"type": "enabled", "token_budget": 2000},
        "response_format": {"type": "json_object", "schema": {"type": "object"}},
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "2 + 2?"},
            {"role": "assistant", "tool_plan": "I will look",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        "strict_tools": true, "tool_choice": "REQUIRED",
    });
    assert_eq!((encoded.body, encoded.dropped), (expected, vec![]));
}

#[test]
fn a_whole_answer_keeps_thinking_plan_calls_citations_and_the_figures_of_the_model() {
    let body = json!({"id": "a1", "finish_reason": "TOOL_CALL",
        "message": {"role": "assistant", "tool_plan": "plan", "content": [
                {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "So"}],
            "citations": [{"start": 0, "end": 2, "text": "So"}],
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
        "usage": {"billed_units": {"input_tokens": 8, "output_tokens": 5}, "cached_tokens": 100,
            "tokens": {"input_tokens": 500, "output_tokens": 9, "reasoning_tokens": 3}}});
    let answer = decode_answer(&body).unwrap();
    let blocks: Vec<(&Block, &str, usize)> = answer.choices[0]
        .blocks
        .iter()
        .map(|whole| (&whole.block, whole.text.as_str(), whole.citations.len()))
        .collect();
    let thinking = Block::Reasoning { id: None };
    let call = Block::Call { id: "c1".to_owned(), name: "f".to_owned() };
    assert_eq!(
        blocks,
        [(&thinking, "hm", 0), (&Block::Text, "So", 1), (&thinking, "plan", 0), (&call, "{\"x\":1}", 0)]
    );
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output, usage.reasoning), (500, 100, 9, 3));
    assert_eq!(usage.raw["billed_units"]["input_tokens"], 8);
}

fn stream(events: &[Value]) -> Result<Answer, Unreadable> {
    let mut decoder = CohereDecoder::default();
    let mut out = Vec::new();
    for event in events {
        out.extend(decoder.frame(&Frame::plain(event.to_string()))?);
    }
    out.extend(decoder.end()?);
    let opened = out.iter().filter(|event| matches!(event, Event::Open(..))).count();
    let closed = out.iter().filter(|event| matches!(event, Event::Close(_))).count();
    assert_eq!(opened, closed, "{out:?}");
    Ok(Answer::of(&out))
}

#[test]
fn a_stream_says_the_same_as_the_whole() {
    let content =
        |kind: &str, content: Value| json!({"type": kind, "index": 0, "delta": {"message": {"content": content}}});
    let call = |kind: &str, call: Value| json!({"type": kind, "index": 0, "delta": {"message": {"tool_calls": call}}});
    let answer = stream(&[
        json!({"id": "a1", "type": "message-start", "delta": {"message": {"role": "assistant"}}}),
        content("content-start", json!({"type": "thinking", "thinking": ""})),
        content("content-delta", json!({"thinking": "hm"})),
        json!({"type": "content-end", "index": 0}),
        content("content-start", json!({"type": "text", "text": ""})),
        content("content-delta", json!({"text": "So"})),
        json!({"type": "content-end", "index": 1}),
        json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"start": 0, "end": 2}}}}),
        json!({"type": "citation-end", "index": 0}),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "plan"}}}),
        call("tool-call-start", json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}})),
        call("tool-call-delta", json!({"function": {"arguments": "{\"x\":"}})),
        call("tool-call-delta", json!({"function": {"arguments": "1}"}})),
        json!({"type": "tool-call-end", "index": 0}),
        call("tool-call-start", json!({"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}})),
        json!({"type": "tool-call-end", "index": 1}),
        json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL",
            "usage": {"tokens": {"input_tokens": 5, "output_tokens": 2}}}}),
    ])
    .unwrap();
    let texts: Vec<&str> = answer.choices[0].blocks.iter().map(|whole| whole.text.as_str()).collect();
    assert_eq!(texts, ["hm", "So", "plan", "{\"x\":1}", "{}"]);
    assert_eq!(answer.choices[0].blocks[1].citations.len(), 1);
    assert_eq!((answer.start.id.as_str(), answer.usage.unwrap().input), ("a1", 5));
}

#[test]
fn a_stream_without_end_is_unreadable_and_one_that_fails_says_so() {
    let start = json!({"id": "a1", "type": "message-start", "delta": {}});
    assert!(stream(std::slice::from_ref(&start)).is_err());
    let end = json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no memory"}});
    let failed = stream(&[start, end]).unwrap().failed.unwrap();
    assert_eq!((failed.code.as_str(), failed.message.as_str()), ("ERROR", "no memory"));
    assert_eq!(decode_failure(401, &json!({"id": "x", "message": "bad key"})).message, "bad key");
}
