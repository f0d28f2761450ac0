use super::*;

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
    let item = json!({"type": "message", "content": [{"type": "output_text", "text": "x"}]});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    decoder.frame(&Frame::plain(done.to_string())).unwrap();
    assert!(decoder.end().is_err());
    decoder.frame(&Frame::plain("[DONE]")).unwrap();
    assert!(matches!(decoder.end().unwrap().as_slice(), [Event::Finish { reason: Finish::Stop, .. }]));
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
fn usage_is_read_in_every_habit() {
    let usage = decode_usage(&json!({"input_tokens": 10, "output_tokens": 2, "total_tokens": 15,
        "output_tokens_details": {"reasoning_tokens": 3}, "cost_in_usd_ticks": 9_243_500}))
    .unwrap();
    assert_eq!((usage.output, usage.reasoning, usage.said_cost.as_deref()), (5, 3, Some("0.00092435")));
    assert_eq!(decode_usage(&json!({"total_tokens": 0})), None);
    assert!(decode_usage(&json!({"input_tokens": 0, "output_tokens": 0})).is_some());
}

#[test]
fn parts_that_the_pieces_number_otherwise_than_the_item_come_once() {
    let message = json!({"type": "message", "id": "m1", "content": [{"type": "output_text", "text": "Sure."}]});
    let (answer, _) = stream(&[
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "m1"}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 1, "delta": "Sure."}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
        completed(json!([message])),
    ]);
    assert_eq!(answer.choices[0].blocks, [Whole::text("Sure.")]);
}

#[test]
fn items_of_a_whole_answer_that_share_an_id_all_count() {
    let sealed = |text: &str| json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": text});
    let (answer, _) = stream(&[completed(json!([sealed("one"), sealed("two")]))]);
    assert_eq!(answer.choices[0].blocks.len(), 2);
}
