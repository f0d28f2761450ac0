use super::*;

#[test]
fn text_thinking_calls_and_the_servers_own_blocks_come_out_whole() {
    let mut stream = vec![
        started(json!({"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1})),
        json!({"type": "ping"}),
        begun(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        grown(0, json!({"type": "thinking_delta", "thinking": "so"})),
        grown(0, json!({"type": "signature_delta", "signature": "EgQKAhgC"})),
        ended(0),
        begun(1, json!({"type": "redacted_thinking", "data": "EgQKAhgD"})),
        ended(1),
        begun(2, json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}})),
        grown(2, json!({"type": "input_json_delta", "partial_json": "{\"query\""})),
        grown(2, json!({"type": "input_json_delta", "partial_json": ":\"x\"}"})),
        ended(2),
        begun(3, json!({"type": "compaction", "content": null})),
        grown(3, json!({"type": "compaction_delta", "content": "short"})),
        ended(3),
        begun(4, json!({"type": "text", "text": "", "citations": []})),
        grown(4, json!({"type": "citations_delta", "citation": {"type": "page_location"}})),
        grown(4, json!({"type": "text_delta", "text": "hi"})),
        ended(4),
        begun(5, json!({"type": "tool_use", "id": "t1", "name": "now", "input": {}})),
        grown(5, json!({"type": "input_json_delta", "partial_json": ""})),
        ended(5),
    ];
    stream.extend(stopped("tool_use", json!({"output_tokens": 20})));

    let answer = Answer::of(&read(&stream).unwrap());

    let opaque = |value| Whole::from(Block::Opaque { dialect: Dialect::Anthropic, value });
    let thought = Whole { signature: Some(Proof::made_by(Dialect::Anthropic, "EgQKAhgC")), ..Whole::reasoning("so") };
    let hidden = Whole { encrypted: Some(Proof::made_by(Dialect::Anthropic, "EgQKAhgD")), ..Whole::reasoning("") };
    let searched =
        opaque(json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}));
    let short = opaque(json!({"type": "compaction", "content": "short"}));
    let cited = (Dialect::Anthropic, json!({"type": "page_location"}));
    let text = Whole { citations: vec![cited], ..Whole::text("hi") };
    assert_eq!(answer.choices[0].blocks, [thought, hidden, searched, short, text, Whole::call("t1", "now", "{}")]);
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output), (12, 7, 20));
}

#[test]
fn a_message_that_begins_twice_is_read_once_and_another_inside_of_it_is_refused() {
    let start = started(json!({"input_tokens": 5, "output_tokens": 1}));
    let mut stream = vec![start.clone(), start.clone()];
    stream.extend(stopped("end_turn", json!({"output_tokens": 2})));
    let events = read(&stream).unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Start(_))).count(), 1);

    let mut other = start.clone();
    other["message"]["id"] = json!("msg_2");
    assert!(read(&[start, other]).is_err());
}

#[test]
fn a_message_that_goes_on_with_a_call_belongs_to_the_same_answer() {
    let mut stream = vec![started(json!({"input_tokens": 5, "output_tokens": 1}))];
    stream.extend(stopped("tool_use", json!({"output_tokens": 2})));
    let call = json!({"type": "tool_use", "id": "t1", "name": "roll", "input": {"die": 6},
        "caller": {"type": "code_execution_20250825", "tool_id": "s1"}});
    stream.push(json!({"type": "message_start", "message": {"id": "msg_2", "content": [call], "usage": null}}));
    stream.extend(stopped("end_turn", json!({"input_tokens": 9, "output_tokens": 3})));
    let events = read(&stream).unwrap();
    let answer = Answer::of(&events);
    assert_eq!(answer.choices[0].blocks, [Whole::call("t1", "roll", "{\"die\":6}")]);
    assert_eq!(answer.choices[0].finish, Some(Finish::Stop));
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((9, 3)));
    assert_eq!(answer.facts["tool_callers"]["t1"]["tool_id"], "s1");
    assert!(matches!(events.last(), Some(Event::Finish { .. })));
}

#[test]
fn a_stream_that_stops_early_is_told_from_one_that_only_lost_its_end() {
    let start = started(json!({"input_tokens": 5, "output_tokens": 1}));
    let text = begun(0, json!({"type": "text", "text": "half"}));
    assert!(read(&[start.clone(), text.clone()]).is_err());
    let [delta, _] = stopped("max_tokens", json!({"output_tokens": 2}));
    let events = read(&[start, text, delta]).unwrap();
    assert_eq!(Answer::of(&events).choices[0].finish, Some(Finish::Length));
    assert_eq!(events[events.len() - 2], Event::Close(at(0)));
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let start = started(json!({"input_tokens": 5, "output_tokens": 1}));
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let events = read(&[start, error, begun(0, json!({"type": "text", "text": "late"}))]).unwrap();
    let Some(Event::Failed(failure)) = events.last() else { panic!("{events:?}") };
    assert_eq!((failure.status, failure.message.as_str()), (529, "Overloaded"));
}

#[test]
fn blocks_without_beginning_or_end_are_read_all_the_same() {
    let mut stream = vec![
        started(Value::Null),
        grown(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        grown(1, json!({"type": "text_delta", "text": "yes"})),
    ];
    stream.extend(stopped("end_turn", Value::Null));
    let answer = Answer::of(&read(&stream).unwrap());
    assert_eq!(answer.choices[0].blocks, [Whole::reasoning("hm"), Whole::text("yes")]);
    assert_eq!(answer.usage, None);
    assert!(read(&[started(Value::Null), grown(3, json!({"type": "input_json_delta", "partial_json": "{"}))]).is_err());
}

#[test]
fn a_refusal_is_explained_in_words_and_in_facts() {
    let details = json!({"type": "refusal", "category": "cyber", "explanation": "No."});
    let body = json!({"id": "m", "model": "c", "type": "message", "role": "assistant", "content": [],
        "stop_reason": "refusal", "stop_details": details, "usage": {"input_tokens": 18, "output_tokens": 5}});
    let answer = decode_answer(&body).unwrap();
    assert_eq!(answer.choices[0].finish, Some(Finish::Refused));
    assert_eq!(answer.choices[0].blocks[0].text, "No.");
    let again = encode_answer(&answer, &Context::default());
    assert_eq!((&again["content"], &again["stop_details"]), (&json!([]), &details));
    assert_eq!(again["stop_reason"], "refusal");
}

#[test]
fn what_is_no_answer_is_refused() {
    assert!(decode_answer(&json!({"input_tokens": 5})).is_err());
    assert!(decode_answer(&json!("<html>")).is_err());
    let failed = decode_answer(&json!({"type": "error", "error": {"type": "api_error", "message": "m"}})).unwrap();
    assert_eq!(failed.failed.map(|failure| failure.status), Some(500));
    assert!(AnthropicDecoder::default().frame(&Frame::plain("<html>")).is_err());
    // Relays end with it; it does not end a stream that has no answer.
    let mut relayed = AnthropicDecoder::default();
    assert!(relayed.frame(&Frame::plain("[DONE]")).is_ok_and(|events| events.is_empty()) && relayed.end().is_err());
}

#[test]
fn a_delta_of_a_time_to_come_is_passed_by_and_one_that_does_not_fit_is_refused() {
    let ask = |delta: Value| {
        let mut stream = vec![started(json!({"input_tokens": 5, "output_tokens": 1}))];
        stream.extend([begun(0, json!({"type": "text", "text": ""})), grown(0, delta)]);
        stream.extend([grown(0, json!({"type": "text_delta", "text": "hi"})), ended(0)]);
        stream.extend(stopped("end_turn", json!({"output_tokens": 2})));
        read(&stream).map(|events| Answer::of(&events).choices.remove(0).blocks)
    };
    assert_eq!(ask(json!({"type": "mood_delta", "mood": "good"})), Ok(vec![Whole::text("hi")]));
    assert!(ask(json!({"type": "input_json_delta", "partial_json": "{}"})).is_err());
}
