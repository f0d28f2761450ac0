use serde_json::{Value, json};

use super::*;
use crate::answer::{Answer, Whole};
use crate::dialect::{Context, Decoder, Dialect, Encoder, Quirks};
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::request::{Effort, Format, Part, PartKind, Reasoning, Request, Role, Source, Tool, ToolChoice};
use crate::usage::Usage;

fn context() -> Context {
    Context { id: "resp_1".to_owned(), model: "m".to_owned(), created: 7, wants_usage: true }
}

fn stream(events: &[Value]) -> (Answer, Vec<Event>) {
    let mut decoder = ResponsesDecoder::default();
    let mut out = Vec::new();
    for event in events {
        out.extend(decoder.frame(&Frame::plain(event.to_string())).unwrap());
    }
    out.extend(decoder.end().unwrap());
    (Answer::of(&out), out)
}

fn written(events: &[Event]) -> Vec<Value> {
    let (mut encoder, mut frames) = (ResponsesEncoder::new(context()), Vec::new());
    for event in events {
        encoder.event(event, &mut frames);
    }
    encoder.end(&mut frames);
    let read = |frame: &Frame| -> Value {
        let value: Value = serde_json::from_slice(&frame.data).unwrap();
        assert_eq!(value["type"], frame.name.as_str());
        value
    };
    frames.iter().map(read).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

fn completed(output: Value) -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_9", "status": "completed", "output": output}})
}

#[test]
fn a_request_is_read_with_calls_and_thinking_in_one_message() {
    let body = json!({
        "model": "m", "instructions": "Be short.", "stream": true, "max_output_tokens": 99, "store": false,
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "sealed"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true},
            {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"], "top_logprobs": 3,
    });
    let request = decode_request(&body).unwrap();
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool]);
    assert!(matches!(&request.messages[2].parts[0].kind, PartKind::Reasoning { text, encrypted: Some(sealed), .. }
        if text == "hm" && sealed == "sealed"));
    assert_eq!(request.messages[2].parts.len(), 3);
    assert!(matches!(&request.messages[1].parts[1].kind, PartKind::Image(media)
        if media.source == Source::Base64("AAAA".to_owned()) && media.detail.as_deref() == Some("low")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".to_owned())));
    assert!(matches!(&request.tools[1], Tool::Opaque { dialect: Dialect::Responses, .. }));
    assert_eq!(request.logprobs, Some(3));
    assert!(matches!(&request.format, Some(Format::Schema { name, strict: None, .. }) if name == "n"));
    let summary = Some("auto".to_owned());
    assert_eq!(request.reasoning, Some(Reasoning { effort: Some(Effort::High), budget: None, summary }));
    assert_eq!(Value::Object(request.extra.clone()), json!({"store": false, "text": {"verbosity": "low"}}));
    let again = encode_request(&request, &Quirks::default());
    assert_eq!(again.dropped, Vec::<String>::new());
    assert_eq!(decode_request(&again.body).unwrap(), request);
}

#[test]
fn stored_conversations_are_refused_with_the_reason() {
    for body in [
        json!({"input": "x", "previous_response_id": "resp_1"}),
        json!({"input": "x", "conversation": "conv_1"}),
        json!({"input": [{"type": "item_reference", "id": "msg_1"}]}),
    ] {
        let wrong = decode_request(&body).unwrap_err().to_string();
        assert!(wrong.contains("agents"), "{wrong}");
    }
    let wrong = decode_request(&json!({"input": [{"role": "user", "content": 5}]})).unwrap_err();
    assert_eq!(wrong.to_string(), "input[0].content must be text or a list of parts");
}

#[test]
fn a_request_from_elsewhere_is_not_strict_and_not_stored() {
    let mut request = Request::new(Dialect::Anthropic, "m");
    request.messages.push(crate::Message::of(Role::User, PartKind::Text("hi".to_owned())));
    request.tools.push(Tool::Function {
        name: "f".to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
    });
    request.stop = vec!["END".to_owned()];
    request.reasoning = Some(Reasoning { budget: Some(9_000), ..Reasoning::default() });
    let encoded = encode_request(&request, &Quirks::default());
    let expected = json!({
        "model": "m", "input": [{"type": "message", "role": "user", "content": "hi"}], "store": false,
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false}],
        "reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
    });
    assert_eq!((encoded.body, encoded.dropped), (expected, vec!["stop_sequences".to_owned()]));
}

#[test]
fn what_the_pieces_leave_out_is_made_up_from_the_finished_item() {
    let message = json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hello",
        "annotations": [{"type": "url_citation", "url": "u"}]}]});
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"});
    let (answer, _) = stream(&[
        json!({"type": "response.created", "response": {"id": "resp_9", "model": "m", "created_at": 5.0}}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": call}),
        completed(json!([message, call])),
    ]);
    let blocks = &answer.choices[0].blocks;
    assert_eq!((blocks[0].text.as_str(), blocks[0].citations.len()), ("Hello", 1));
    assert_eq!(blocks[1], Whole::call("c1", "f", "{\"a\":1}"));
    assert_eq!((blocks.len(), answer.choices[0].finish.clone()), (2, Some(Finish::Calls)));
    assert_eq!((answer.start.id.as_str(), answer.start.created), ("resp_9", Some(5)));
}

#[test]
fn free_text_for_a_custom_tool_becomes_an_argument_and_back() {
    let item =
        json!({"type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "sql", "input": "SELECT \"a\"\n"});
    let (answer, _) = stream(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "custom_tool_call",
            "id": "ct_1", "call_id": "c1", "name": "sql", "input": ""}}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "SELECT \""}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        completed(json!([item])),
    ]);
    assert_eq!(answer.choices[0].blocks, [Whole::call("c1", "sql", r#"{"input":"SELECT \"a\"\n"}"#)]);
    let request = decode_request(&json!({
        "model": "m", "tools": [{"type": "custom", "name": "sql"}],
        "input": [item, {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"}],
    }))
    .unwrap();
    let input = encode_request(&request, &Quirks::default()).body["input"].clone();
    assert_eq!(input[0]["input"], "SELECT \"a\"\n");
    assert_eq!(input[1]["type"], "custom_tool_call_output");
}

#[test]
fn items_that_all_have_the_number_0_are_told_apart() {
    let message = json!({"type": "message", "id": "m1", "content": [{"type": "output_text", "text": "a"}]});
    let call = json!({"type": "function_call", "id": "f1", "call_id": "c1", "name": "f", "arguments": "{}"});
    let (answer, _) = stream(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": message}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": call}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": call}),
        completed(json!([message, call])),
    ]);
    assert_eq!(answer.choices[0].blocks, [Whole::text("a"), Whole::call("c1", "f", "{}")]);
}

#[test]
fn free_text_for_a_tool_that_nobody_offered_is_the_providers_own_call() {
    let item = json!({"type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "x_search", "input": "{}"});
    let (answer, _) = stream(&[
        json!({"type": "response.created", "response": {"id": "r", "tools": [{"type": "x_search"}]}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "{}"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        completed(json!([item])),
    ]);
    let block = Block::Opaque { dialect: Dialect::Responses, value: item };
    assert_eq!(answer.choices[0].blocks, [Whole::from(block)]);
    assert_eq!(answer.choices[0].finish, Some(Finish::Stop));
}

#[test]
fn an_error_event_fails_the_answer_and_ends_it() {
    let error = json!({"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "no"}});
    let (answer, events) = stream(&[error, json!({"type": "response.failed", "response": {}})]);
    let failed = answer.failed.unwrap();
    assert_eq!((failed.status, failed.code.as_str(), failed.message.as_str()), (429, "insufficient_quota", "no"));
    assert!(matches!(events.last(), Some(Event::Failed(_))));
    let old = decode_failure(0, &json!({"type": "error", "code": "server_error", "message": "x", "param": null}));
    assert_eq!((old.status, old.code.as_str()), (500, "server_error"));
}

#[test]
fn a_stream_that_stops_early_is_unreadable() {
    let mut decoder = ResponsesDecoder::default();
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x"});
    decoder.frame(&Frame::plain(delta.to_string())).unwrap();
    assert!(decoder.end().is_err());
    assert!(ResponsesDecoder::default().frame(&Frame::plain("<html>")).is_err());
}

#[test]
fn an_incomplete_answer_says_why() {
    for (reason, finish) in [("max_output_tokens", Finish::Length), ("content_filter", Finish::Filtered)] {
        let body = json!({"id": "r", "status": "incomplete", "incomplete_details": {"reason": reason}, "output": []});
        let answer = decode_answer(&body).unwrap();
        assert_eq!(answer.choices[0].finish, Some(finish));
        let again = encode_answer(&answer, &context());
        assert_eq!((&again["status"], &again["incomplete_details"]["reason"]), (&json!("incomplete"), &json!(reason)));
    }
}

#[test]
fn a_stream_is_written_as_openai_writes_it() {
    let mut answer = Answer::default();
    answer.choices.push(crate::Choice {
        blocks: vec![
            Whole { signature: Some("sig".to_owned()), ..Whole::reasoning("think") },
            Whole::text("Hi"),
            Whole { text: "no".to_owned(), ..Whole::from(Block::Refusal) },
            Whole::call("c1", "f", ""),
        ],
        finish: Some(Finish::Calls),
        stop: None,
    });
    answer.usage = Some(Usage { input: 10, cached: 4, output: 6, reasoning: 3, ..Usage::default() });
    let events = written(&answer.events());
    assert_eq!(
        types(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.content_part.added",
            "response.refusal.delta",
            "response.refusal.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number));
    }
    let response = &events.last().unwrap()["response"];
    assert_eq!(
        response["output"],
        json!([
            {"id": "rs_1_0", "type": "reasoning", "status": "completed", "encrypted_content": "signature:sig",
                "summary": [{"type": "summary_text", "text": "think"}]},
            {"id": "msg_1_1", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []},
                {"type": "refusal", "refusal": "no"}]},
            {"id": "fc_1_2", "type": "function_call", "status": "completed", "call_id": "c1", "name": "f",
                "arguments": "{}"},
        ])
    );
    assert_eq!(
        response["usage"],
        json!({
            "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0}, "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 16,
        })
    );
    assert_eq!(*response, encode_answer(&answer, &context()));
    // Another provider's proof comes back through the client.
    let back = decode_request(&json!({"input": [response["output"][0]]})).unwrap();
    let expected = PartKind::Reasoning {
        text: "think".to_owned(),
        signature: Some("sig".to_owned()),
        encrypted: None,
        id: Some("rs_1_0".to_owned()),
    };
    assert_eq!(back.messages[0].parts, [Part::from(expected)]);
}

#[test]
fn a_failure_ends_the_stream_with_what_came_before() {
    let failure = crate::Failure { status: 529, code: "overloaded_error".to_owned(), ..Default::default() };
    let mut answer = Answer { failed: Some(failure), ..Answer::default() };
    answer.choices.push(crate::Choice { blocks: vec![Whole::text("par")], ..Default::default() });
    let events = written(&answer.events());
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.failed"), &json!("failed")));
    assert_eq!(last["response"]["error"]["code"], "overloaded_error");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], "par");
    let nothing = written(&[]);
    assert_eq!(types(&nothing), ["response.created", "response.in_progress", "response.failed"]);
}

#[test]
fn items_of_this_dialect_pass_and_blocks_of_others_are_kept_beside() {
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}});
    let mut answer = Answer::default();
    let foreign = Block::Opaque { dialect: Dialect::Gemini, value: json!({"executableCode": {"code": "1"}}) };
    let ours = Block::Opaque { dialect: Dialect::Responses, value: search.clone() };
    answer.choices.push(crate::Choice {
        blocks: vec![Whole::from(ours), Whole::from(foreign)],
        finish: Some(Finish::Stop),
        stop: None,
    });
    let written = encode_answer(&answer, &context());
    assert_eq!(written["output"], json!([search]));
    assert_eq!(written["provider_blocks"][0]["dialect"], "gemini");
    let mut pieces = answer.clone();
    pieces.choices[0].blocks.truncate(1);
    assert_eq!(decode_answer(&written).unwrap().choices, pieces.choices);
}

#[test]
fn usage_is_read_in_every_habit() {
    let usage = decode_usage(&json!({"input_tokens": 10, "output_tokens": 2, "total_tokens": 15,
        "output_tokens_details": {"reasoning_tokens": 3}, "cost_in_usd_ticks": 9_243_500}))
    .unwrap();
    assert_eq!((usage.output, usage.reasoning, usage.said_cost.as_deref()), (5, 3, Some("0.00092435")));
    assert_eq!(decode_usage(&json!({"total_tokens": 0})), None);
    assert!(decode_usage(&json!({"input_tokens": 0, "output_tokens": 0})).is_some());
}
