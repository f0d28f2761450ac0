use super::*;

#[test]
fn a_stream_is_written_as_openai_writes_it() {
    let mut answer = Answer::default();
    answer.choices.push(crate::Choice {
        blocks: vec![
            Whole { signature: Some(Proof::made_by(Dialect::Anthropic, "sig")), ..Whole::reasoning("think") },
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
            {"id": "rs_1_0", "type": "reasoning", "status": "completed", "encrypted_content": "signature:septet:anthropic:sig",
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
        signature: Some(Proof::made_by(Dialect::Anthropic, "sig")),
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
fn sources_of_others_become_annotations_and_keep_what_else_they_say() {
    let google = json!({"web": {"uri": "https://a", "title": "A"}, "segments": [{"startIndex": 3, "endIndex": 6}]});
    let cited = json!({"type": "web_search_result_location", "url": "https://b", "title": "B", "cited_text": "said"});
    let page = json!({"type": "page_location", "document_index": 0, "cited_text": "p"});
    let mut text = Whole::text("你好");
    text.citations = vec![(Dialect::Gemini, google), (Dialect::Anthropic, cited), (Dialect::Anthropic, page.clone())];
    let finish = Some(Finish::Stop);
    let answer =
        Answer { choices: vec![crate::Choice { blocks: vec![text], finish, stop: None }], ..Answer::default() };
    let written = encode_answer(&answer, &context());
    let part = &written["output"][0]["content"][0];
    let place = |number: usize| {
        let annotation = &part["annotations"][number];
        (annotation["start_index"].clone(), annotation["end_index"].clone())
    };
    assert_eq!((place(0), place(1)), ((json!(1), json!(2)), (json!(0), json!(2))));
    let second = &part["annotations"][1];
    assert_eq!((&second["type"], &second["cited_text"]), (&json!("url_citation"), &json!("said")));
    assert_eq!(part["citations"], json!([page]));
}
