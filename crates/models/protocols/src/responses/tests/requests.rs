use super::*;

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
        if text == "hm" && *sealed == Proof::made_by(Dialect::Responses, "sealed")));
    assert_eq!(request.messages[2].parts.len(), 3);
    assert!(matches!(&request.messages[1].parts[1].kind, PartKind::Image(media)
        if media.source == Source::Base64("AAAA".to_owned()) && media.detail.as_deref() == Some("low")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".to_owned())));
    assert!(matches!(&request.tools[1], Tool::Opaque { dialect: Dialect::Responses, .. }));
    assert_eq!(request.logprobs, Some(3));
    assert!(matches!(&request.format, Some(Format::Schema { name, strict: None, .. }) if name == "n"));
    let summary = Some("auto".to_owned());
    assert_eq!(request.reasoning, Some(Reasoning { effort: Some(Effort::High), summary, ..Reasoning::default() }));
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
    request.messages.push(crate::Message::of(Role::System, PartKind::Text("Be short.".to_owned())));
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
        "model": "m", "store": false, "input": [{"type": "message", "role": "system", "content": "Be short."},
            {"type": "message", "role": "user", "content": "hi"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false}],
        "reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
    });
    assert_eq!((encoded.body, encoded.dropped), (expected, vec!["stop_sequences".to_owned()]));
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
fn what_has_no_field_is_said_in_words_or_named() {
    let mut request = Request::new(Dialect::Anthropic, "m");
    let parts = vec![Part::from(PartKind::Text("no such file".to_owned()))];
    let result = PartKind::Result { call_id: "c1".to_owned(), name: None, parts, is_error: true };
    request.messages.push(crate::Message::of(Role::Tool, result));
    request.max_output = Some(1);
    request.tools.push(Tool::Opaque { dialect: Dialect::Anthropic, value: json!({"type": "web_search_20250305"}) });
    let encoded = encode_request(&request, &Quirks::default());
    let expected = json!({
        "model": "m", "max_output_tokens": 16, "store": false,
        "input": [{"type": "function_call_output", "call_id": "c1", "output": "error: no such file"}],
    });
    assert_eq!(encoded.body, expected);
    assert_eq!(encoded.dropped, ["tools.web_search_20250305", "max_tokens"]);
}
