use serde_json::json;

use super::*;
use crate::answer::{Answer, Whole};

fn read(chunks: &[Value], is_done: bool) -> Result<Answer, Unreadable> {
    let mut decoder = ChatDecoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        events.extend(decoder.frame(&Frame::plain(chunk.to_string()))?);
    }
    if is_done {
        events.extend(decoder.frame(&Frame::plain("[DONE]"))?);
    }
    events.extend(decoder.end()?);
    Ok(Answer::of(&events))
}

fn delta(delta: Value) -> Value {
    json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

#[test]
fn thinking_text_and_parallel_calls_become_blocks_of_their_own() {
    let piece = |index, id: &str, name: &str, arguments: &str| {
        delta(json!({"tool_calls": [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]}))
    };
    let answer = read(
        &[
            delta(json!({"role": "assistant", "reasoning_content": "hm"})),
            delta(json!({"content": "Let me "})),
            delta(json!({"content": "look."})),
            piece(0, "a", "find", ""),
            piece(1, "b", "draw", "{}"),
            piece(0, "", "", "{\"q\":1}"),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        ],
        true,
    )
    .unwrap();

    let blocks: Vec<(&Block, &str)> =
        answer.choices[0].blocks.iter().map(|whole| (&whole.block, whole.text.as_str())).collect();
    assert_eq!(
        blocks,
        [
            (&Block::Reasoning { id: None }, "hm"),
            (&Block::Text, "Let me look."),
            (&Block::Call { id: "a".into(), name: "find".into() }, "{\"q\":1}"),
            (&Block::Call { id: "b".into(), name: "draw".into() }, "{}"),
        ]
    );
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    assert_eq!(answer.usage.unwrap().input, 3);
}

#[test]
fn calls_that_all_have_the_number_0_are_told_apart_by_their_ids() {
    let piece = |id: &str, name: &str| {
        delta(json!({"tool_calls": [{"index": 0, "id": id, "function": {"name": name, "arguments": "{}"}}]}))
    };
    let answer = read(&[piece("a", "one"), piece("b", "two")], true).unwrap();

    assert_eq!(answer.choices[0].blocks.len(), 2);
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
}

#[test]
fn a_stream_that_merely_stops_broke_off() {
    assert!(read(&[delta(json!({"content": "half"}))], false).is_err());
    assert!(read(&[], true).is_err());
}

#[test]
fn an_error_in_the_stream_ends_it_wherever_it_stands() {
    for error in [
        json!({"error": {"message": "busy", "code": 503}}),
        json!({"object": "error", "message": "busy", "type": "ServiceUnavailable", "code": 503}),
        json!({"choices": [{"index": 0, "delta": {}, "error": {"message": "busy", "code": 503}}]}),
    ] {
        let answer = read(&[delta(json!({"content": "x"})), error], false).unwrap();
        assert_eq!(answer.failed.map(|failed| (failed.status, failed.message)), Some((503, "busy".to_owned())));
    }
    let groq = json!({"choices": [], "x_groq": {"id": "r", "error": "over capacity"}});
    let answer = read(&[delta(json!({"content": "x"})), groq], false).unwrap();
    assert_eq!(answer.failed.map(|failed| failed.message).as_deref(), Some("over capacity"));
    assert_eq!(answer.choices[0].blocks[0].text, "x");
}

#[test]
fn log_probabilities_of_thinking_do_not_cut_it_into_pieces() {
    let piece = |delta: Value, token: &str| json!({"id": "c", "choices": [{"index": 0, "delta": delta, "logprobs": {"content": [{"token": token}]}}]});
    let answer = read(
        &[
            piece(json!({"reasoning_content": "a"}), "1"),
            piece(json!({"reasoning_content": "", "reasoning": "b"}), "2"),
            piece(json!({"content": "c"}), "3"),
        ],
        true,
    )
    .unwrap();
    let [thought, text] = answer.choices[0].blocks.as_slice() else { panic!("{answer:?}") };
    assert_eq!((thought.text.as_str(), text.text.as_str(), text.logprobs.len()), ("ab", "c", 3));
}

#[test]
fn a_call_in_the_words_of_old_is_a_call() {
    let piece = |call: Value| delta(json!({ "function_call": call }));
    let answer = read(
        &[
            piece(json!({"name": "find", "arguments": ""})),
            piece(json!({"arguments": "{\"q\":"})),
            piece(json!({"arguments": "1}"})),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "function_call"}]}),
        ],
        true,
    )
    .unwrap();
    assert_eq!(answer.choices[0].blocks, [Whole::call("call_0", "find", "{\"q\":1}")]);
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
}

#[test]
fn a_signature_of_the_message_and_a_stop_text_are_kept() {
    let google = json!({"extra_content": {"google": {"thought_signature": "proof"}}});
    let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "END"}]});
    let answer = read(&[delta(json!({"content": "x"})), delta(google), last], true).unwrap();
    let [text, thought] = answer.choices[0].blocks.as_slice() else { panic!("{answer:?}") };
    assert_eq!((text.text.as_str(), thought.signature.clone()), ("x", Some(Proof::made_by(Dialect::Gemini, "proof"))));
    assert_eq!(answer.choices[0].stop.as_deref(), Some("END"));
}

#[test]
fn a_picture_that_stands_elsewhere_is_not_lost_and_fields_of_nothing_are_no_blocks() {
    let image = json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}});
    let nothing = json!({"audio": {"id": "", "data": "", "expires_at": 0}, "annotations": null});
    let answer = read(&[delta(json!({"images": [image]})), delta(nothing)], true).unwrap();
    let block = Block::Opaque { dialect: Dialect::Chat, value: image };
    assert_eq!(answer.choices[0].blocks, [Whole::from(block)]);
}
