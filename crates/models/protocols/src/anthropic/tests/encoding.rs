use super::*;

fn start() -> Event {
    Event::Start(Start { model: "gpt".into(), ..Start::default() })
}

fn finish(reason: Finish) -> Event {
    Event::Finish { choice: 0, reason, stop: None }
}

fn text(text: &str) -> Delta {
    Delta::Text(text.to_owned())
}

fn usage(input: u64, output: u64) -> Event {
    Event::Usage(Usage { input, output, cached: 2, reasoning: 1, ..Usage::default() })
}

#[test]
fn a_stream_has_the_events_that_clients_expect() {
    let events = [
        start(),
        usage(9, 0),
        Event::Open(at(0), Block::Text),
        Event::Delta(at(0), text("hi")),
        Event::Close(at(0)),
        finish(Finish::Stop),
        usage(10, 4),
    ];
    let figures = |fresh: u64, output: u64| {
        json!({"input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens_details": {"thinking_tokens": 1}})
    };
    let [delta, stop] = stopped("end_turn", figures(8, 4));
    let mut first = started(figures(7, 0));
    first["message"]["id"] = json!("msg_ours");
    first["message"]["model"] = json!("gpt");
    let expected = [
        first,
        begun(0, json!({"type": "text", "text": ""})),
        grown(0, json!({"type": "text_delta", "text": "hi"})),
        ended(0),
        delta,
        stop,
    ];
    assert_eq!(written(&events), expected);
}

#[test]
fn calls_that_are_open_side_by_side_are_written_one_after_the_other() {
    let call = |id: &str| Block::Call { id: id.to_owned(), name: "f".to_owned() };
    let arguments = |json: &str| Delta::Arguments(json.to_owned());
    let events = [
        start(),
        Event::Open(at(0), call("a")),
        Event::Open(at(1), call("b")),
        Event::Delta(at(1), arguments("{\"b\"")),
        Event::Delta(at(0), arguments("{}")),
        Event::Delta(at(1), arguments(":1}")),
        Event::Close(at(1)),
        Event::Close(at(0)),
        finish(Finish::Stop),
    ];
    let written = written(&events);
    let tool = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
    let piece = |json: &str| json!({"type": "input_json_delta", "partial_json": json});
    let expected = [
        begun(0, tool("a")),
        grown(0, piece("{}")),
        ended(0),
        begun(1, tool("b")),
        grown(1, piece("{\"b\"")),
        grown(1, piece(":1}")),
        ended(1),
    ];
    assert_eq!(written[1..8], expected);
    assert_eq!(written[8]["delta"]["stop_reason"], "tool_use");
}

#[test]
fn thinking_keeps_its_proof_and_what_only_the_provider_reads() {
    let thinking = |block| Event::Open(at(block), Block::Reasoning { id: None });
    let events = [
        start(),
        thinking(0),
        Event::Delta(at(0), text("hm")),
        Event::Delta(at(0), Delta::Signature(Proof::made_by(Dialect::Anthropic, "pro"))),
        Event::Delta(at(0), Delta::Signature(Proof::made_by(Dialect::Anthropic, "of"))),
        Event::Delta(at(0), Delta::Encrypted(Proof::made_by(Dialect::Responses, "secret"))),
        Event::Close(at(0)),
        thinking(1),
        Event::Close(at(1)),
        finish(Finish::Stop),
    ];
    let expected = [
        begun(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        grown(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        grown(0, json!({"type": "signature_delta", "signature": "proof"})),
        ended(0),
        begun(1, json!({"type": "redacted_thinking", "data": "septet:responses:secret"})),
        ended(1),
    ];
    assert_eq!(written(&events)[1..7], expected);
    let again = Answer::of(&read(&written(&events)).unwrap());
    assert_eq!(again.choices[0].blocks.len(), 2);
}

#[test]
fn a_call_that_was_signed_keeps_the_signature_beside_it() {
    let call = Whole { signature: Some(Proof::made_by(Dialect::Gemini, "s")), ..Whole::call("a", "f", "{\"x\":1}") };
    let answer = Answer {
        choices: vec![crate::answer::Choice { blocks: vec![call.clone()], finish: Some(Finish::Calls), stop: None }],
        ..Answer::default()
    };
    let whole = encode_answer(&answer, &Context::default());
    assert_eq!(decode_answer(&whole).unwrap().choices[0].blocks, std::slice::from_ref(&call));
    let signed = [
        start(),
        Event::Open(at(0), call.block.clone()),
        Event::Delta(at(0), Delta::Signature(Proof::made_by(Dialect::Gemini, "s"))),
        Event::Delta(at(0), Delta::Arguments("{\"x\":1}".into())),
        Event::Close(at(0)),
        finish(Finish::Calls),
    ];
    assert_eq!(written(&signed)[1]["content_block"]["signature"], "septet:gemini:s");
}

#[test]
fn an_answer_that_fails_ends_with_an_error_event_and_nothing_else() {
    let failed = Event::Failed(Failure { status: 503, message: "gone".into(), ..Failure::default() });
    let events = [start(), Event::Open(at(0), Block::Text), failed, finish(Finish::Stop)];
    let written = written(&events);
    let expected = json!({"type": "error", "error": {"type": "overloaded_error", "message": "gone"}});
    assert_eq!(written.last(), Some(&expected));
    assert_eq!(written.iter().filter(|event| event["type"] == "error").count(), 1);
}

#[test]
fn an_answer_without_end_is_not_passed_off_as_complete() {
    let written = written(&[start(), Event::Open(at(0), Block::Text)]);
    assert_eq!(written.last().map(|last| &last["type"]), Some(&json!("error")));
}

#[test]
fn stop_reasons_keep_their_meaning() {
    let reason = |finish: Finish, stop: Option<&str>| {
        let events = [start(), Event::Finish { choice: 0, reason: finish, stop: stop.map(str::to_owned) }];
        let written = written(&events);
        let delta = written[written.len() - 2]["delta"].clone();
        (delta["stop_reason"].as_str().unwrap().to_owned(), delta["stop_sequence"].clone())
    };
    assert_eq!(reason(Finish::Stop, Some("END")), ("stop_sequence".into(), json!("END")));
    assert_eq!(reason(Finish::Length, None), ("max_tokens".into(), Value::Null));
    assert_eq!(reason(Finish::Filtered, None).0, "refusal");
    assert_eq!(reason(Finish::Paused, None).0, "pause_turn");
    assert_eq!(reason(Finish::Other("odd".into()), None).0, "odd");
}

#[test]
fn foreign_sources_pictures_and_things_have_a_place() {
    let source = json!({"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A",
        "content": "What it says."}});
    let thing = Block::Opaque { dialect: Dialect::Responses, value: json!({"type": "web_search_call"}) };
    let picture = Block::Media { mime: "image/png".into(), data: "QUJD".into() };
    let events = [
        start(),
        Event::Open(at(0), Block::Text),
        Event::Delta(at(0), Delta::Citation { dialect: Dialect::Chat, value: source }),
        Event::Close(at(0)),
        Event::Open(at(1), thing),
        Event::Close(at(1)),
        Event::Open(at(2), picture),
        Event::Close(at(2)),
        finish(Finish::Stop),
    ];
    let written = written(&events);
    assert_eq!(written[2]["delta"]["citation"]["url"], "https://a.example");
    assert_eq!(written[2]["delta"]["citation"]["cited_text"], "What it says.");
    assert_eq!(written[4]["content_block"]["value"]["type"], "web_search_call");
    assert_eq!(written[6]["content_block"]["source"]["data"], "QUJD");
}
