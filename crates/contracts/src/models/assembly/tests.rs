//! Pieces as providers were seen to send them.

use serde_json::{Value, json};

use super::*;

fn assemble(chunks: &[Value]) -> Assembly {
    let mut assembly = Assembly::default();
    for chunk in chunks {
        assembly.push(&serde_json::from_value(chunk.clone()).unwrap());
    }
    assembly
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta}]})
}

/// A piece of a call; null leaves a field out.
fn piece(index: Value, id: Value, name: Value, arguments: &str) -> Value {
    let mut call = json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
    call.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    delta(json!({"tool_calls": [call]}))
}

fn calls(chunks: &[Value]) -> Vec<(String, String)> {
    let assembly = assemble(chunks);
    assembly.calls().map(|call| (call.function.name.clone(), call.function.arguments.clone())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, arguments)| ((*name).to_owned(), (*arguments).to_owned())).collect()
}

#[test]
fn parallel_calls_keep_their_own_arguments() {
    let message = assemble(&[
        piece(json!(0), json!("a"), json!("run_python"), "{\"code\""),
        piece(json!(1), json!("b"), json!("run_sql"), "{}"),
        piece(json!(0), json!(""), json!(""), ":1}"),
    ])
    .message();

    let calls: Vec<_> =
        message.tool_calls.iter().map(|call| (call.id.as_str(), call.function.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "{\"code\":1}"), ("b", "{}")]);
    assert_eq!(message.content, None);
}

#[test]
fn two_calls_under_one_index_are_two() {
    let (x, y) = (r#"{"x":1}"#, r#"{"y":2}"#);
    let two = pairs(&[("f", x), ("f", y)]);
    let null = Value::Null;
    for (how, chunks) in [
        (
            "by ids",
            vec![
                piece(json!(0), json!("a"), json!("f"), &x[..3]),
                piece(json!(0), null.clone(), null.clone(), &x[3..]),
                piece(json!(0), json!("b"), json!("f"), &y[..3]),
                piece(json!(0), null.clone(), null.clone(), &y[3..]),
            ],
        ),
        (
            "without ids",
            vec![
                piece(json!(0), null.clone(), json!("f"), &x[..3]),
                piece(json!(0), null.clone(), null.clone(), &x[3..]),
                piece(json!(0), null.clone(), json!("f"), &y[..3]),
                piece(json!(0), null.clone(), null.clone(), &y[3..]),
            ],
        ),
        (
            "whole, the name once",
            vec![piece(json!(0), null.clone(), json!("f"), x), piece(json!(0), null.clone(), null.clone(), y)],
        ),
        (
            "with the same id",
            vec![piece(json!(0), json!("a"), json!("f"), x), piece(json!(0), json!("a"), json!("f"), y)],
        ),
        (
            "without an index",
            vec![piece(null.clone(), null.clone(), json!("f"), x), piece(null.clone(), null.clone(), json!("f"), y)],
        ),
        (
            "by turns",
            vec![
                piece(json!(0), json!("a"), json!("f"), &x[..3]),
                piece(json!(0), json!("b"), json!("f"), &y[..3]),
                piece(json!(0), json!("a"), null.clone(), &x[3..]),
                piece(json!(0), json!("b"), null.clone(), &y[3..]),
            ],
        ),
    ] {
        assert_eq!(calls(&chunks), two, "{how}");
    }
    let empty = [
        piece(json!(0), json!("a"), json!("f"), ""),
        piece(json!(0), json!("b"), json!("f"), ""),
        piece(json!(0), null.clone(), json!("g"), ""),
    ];
    assert_eq!(calls(&empty), pairs(&[("f", ""), ("f", ""), ("g", "")]));
}

#[test]
fn one_call_in_odd_pieces_is_one() {
    let whole = pairs(&[("f", r#"{"x":{"y":1}}"#)]);
    let null = Value::Null;
    for (how, chunks) in [
        (
            "a new id for every piece",
            vec![
                piece(json!(0), json!("r1"), json!("f"), "{\"x\":"),
                piece(json!(0), json!("r2"), null.clone(), "{\"y\":1}"),
                piece(json!(0), json!("r3"), null.clone(), "}"),
            ],
        ),
        (
            "whole, then an id without a word",
            vec![
                piece(json!(0), json!("r1"), json!("f"), r#"{"x":{"y":1}}"#),
                piece(json!(0), json!("r2"), null.clone(), ""),
            ],
        ),
        (
            "id and name in every piece",
            vec![
                piece(json!(0), json!("a"), json!("f"), "{\"x\":"),
                piece(json!(0), json!("a"), json!("f"), "{\"y\":1}}"),
                piece(json!(0), json!("a"), json!("f"), ""),
            ],
        ),
        (
            "an empty object first",
            vec![
                piece(json!(0), json!("a"), json!("f"), "{}"),
                piece(json!(0), null.clone(), null.clone(), "{\"x\":{\"y\""),
                piece(json!(0), null.clone(), null.clone(), ":1}}"),
            ],
        ),
        (
            "whole, and once more at the end",
            vec![
                piece(json!(0), json!("a"), json!("f"), "{\"x\":"),
                piece(json!(0), null.clone(), null.clone(), "{\"y\":1}}"),
                piece(json!(0), null.clone(), null.clone(), "{\"x\":{\"y\":1}}"),
            ],
        ),
        (
            "arguments that are no text",
            vec![delta(json!({"tool_calls": [
            {"index": 0, "function": {"name": "f", "arguments": {"x": {"y": 1}}}}]}))],
        ),
        (
            "as calls were at first",
            vec![
                delta(json!({"function_call": {"name": "f", "arguments": "{\"x\":"}})),
                delta(json!({"function_call": {"arguments": "{\"y\":1}}"}})),
            ],
        ),
    ] {
        assert_eq!(calls(&chunks), whole, "{how}");
    }
}

#[test]
fn thinking_is_kept_word_for_word_with_its_signatures() {
    let signature = |index: u32, text: &str| json!({"index": index, "type": "reasoning.text", "text": "", "signature": text, "format": "anthropic-claude-v1"});
    let assembly = assemble(&[
        delta(json!({"reasoning_content": "I will "})),
        delta(json!({"reasoning_content": "compute."})),
        delta(json!({"reasoning_details": [signature(0, "sig==")]})),
        delta(json!({"reasoning_details": [{"index": 1, "type": "reasoning.encrypted", "data": "AA"}]})),
        delta(json!({"reasoning_content": "Again."})),
        delta(json!({"reasoning_details": [signature(2, "sig2")]})),
        delta(json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "g"}}}]})),
    ]);

    let mut message = ChatMessage::calls(assembly.calls().cloned().collect());
    message.tool_calls[0].extra.clear();
    assembly.thinking("p").put_back(&mut message);

    let sent = serde_json::to_value(&message).unwrap();
    assert_eq!(sent["reasoning_content"], "I will compute.Again.");
    let details: Vec<_> = sent["reasoning_details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| (detail["text"].as_str(), detail["signature"].as_str(), detail["data"].as_str()))
        .collect();
    assert_eq!(
        details,
        [
            (Some("I will compute."), Some("sig=="), None),
            (None, None, Some("AA")),
            (Some("Again."), Some("sig2"), None),
        ]
    );
    assert_eq!(sent["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "g");
    assert_eq!(sent[crate::models::MAKER_FIELD], "p");
}

#[test]
fn thinking_in_other_words_is_joined_too() {
    let assembly = assemble(&[
        delta(json!({"reasoning": "a", "reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "a"}]})),
        delta(json!({"reasoning": "b", "reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "b"}]})),
        delta(json!({"reasoning_details": [{"index": 0, "type": "reasoning.text", "signature": "s"}]})),
        delta(json!({"thinking_blocks": [{"type": "thinking", "thinking": "x", "signature": null}]})),
        delta(json!({"thinking_blocks": [{"type": "thinking", "thinking": "y", "signature": "t"}]})),
        delta(json!({"thinking_blocks": [{"type": "thinking", "thinking": "z"}]})),
    ]);

    assert_eq!(assembly.reasoning(), "ab");
    let kept = assembly.thinking("p").message;
    assert_eq!(kept["reasoning"], "ab");
    assert_eq!(
        kept["reasoning_details"],
        json!([{"index": 0, "type": "reasoning.text", "text": "ab", "signature": "s"}])
    );
    assert_eq!(
        kept["thinking_blocks"],
        json!([
        {"type": "thinking", "thinking": "xy", "signature": "t"}, {"type": "thinking", "thinking": "z"}])
    );
}

#[test]
fn null_fields_and_unknown_fields_are_taken_as_they_come() {
    let assembly = assemble(&[
        json!({"id": "x", "choices": [{"index": 0, "finish_reason": "stop", "weird": 1,
        "delta": {"content": "hi", "tool_calls": null, "reasoning_content": null}}], "usage": {"prompt_tokens": 3}}),
        delta(json!({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": " you"}]})),
        delta(json!({"refusal": "!"})),
    ]);

    assert_eq!(assembly.text(), "hi you!");
    assert_eq!(assembly.usage().unwrap().prompt_tokens, 3);
    assert_eq!(assembly.finish(), Some(Finish::Stop));
    assert!(assembly.thinking("p").is_empty());
}
