use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::answer::{Answer, Whole};
use crate::codec::Decoder;
use crate::dialect::Dialect;
use crate::error::Unreadable;
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::proof::Proof;

mod asking;

fn read(stream: &[(&str, Value)]) -> Result<Vec<Event>, Unreadable> {
    let mut decoder = BedrockDecoder::default();
    let mut events = Vec::new();
    for (name, data) in stream {
        events.extend(decoder.frame(&Frame::named(name, data.to_string()))?);
    }
    events.extend(decoder.end()?);
    Ok(events)
}

fn grown(index: u64, delta: Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta, "p": "abc"}))
}

fn ended(index: u64) -> (&'static str, Value) {
    ("contentBlockStop", json!({"contentBlockIndex": index}))
}

#[test]
fn blocks_begin_without_a_word_and_end_with_the_next_one() {
    let call = json!({"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t1", "name": "now"}}});
    let usage = json!({"inputTokens": 10, "outputTokens": 2, "totalTokens": 112, "cacheReadInputTokens": 100});
    let stream = [
        ("messageStart", json!({"role": "assistant"})),
        grown(0, json!({"reasoningContent": {"text": "hm"}})),
        grown(0, json!({"reasoningContent": {"signature": "EgQKAhgC"}})),
        ended(0),
        grown(1, json!({"reasoningContent": {"redactedContent": "RWdRS0FoZ0Q="}})),
        ended(1),
        grown(2, json!({"text": "let me see"})),
        ("contentBlockStart", call),
        grown(3, json!({"toolUse": {"input": ""}})),
        ended(3),
        ("messageStop", json!({"stopReason": "tool_use"})),
        ("metadata", json!({"usage": usage, "metrics": {"latencyMs": 5}})),
    ];
    let answer = Answer::of(&read(&stream).unwrap());
    let thought = Whole { signature: Some(Proof::made_by(Dialect::Anthropic, "EgQKAhgC")), ..Whole::reasoning("hm") };
    let hidden = Whole { encrypted: Some(Proof::made_by(Dialect::Anthropic, "RWdRS0FoZ0Q=")), ..Whole::reasoning("") };
    let expected = [thought, hidden, Whole::text("let me see"), Whole::call("t1", "now", "{}")];
    assert_eq!(answer.choices[0].blocks, expected);
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.cached, usage.output)), Some((110, 100, 2)));
    assert_eq!(answer.facts["metrics"]["latencyMs"], 5);
}

#[test]
fn what_the_server_does_itself_is_kept_whole() {
    let tool = json!({"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"}});
    let result = json!({"toolResult": {"toolUseId": "s1", "type": "nova_grounding_result", "status": "success"}});
    let stream = [
        ("contentBlockStart", json!({"contentBlockIndex": 0, "start": tool})),
        grown(0, json!({"toolUse": {"input": "{}"}})),
        ended(0),
        ("contentBlockStart", json!({"contentBlockIndex": 1, "start": result})),
        grown(1, json!({"toolResult": [{"text": "found"}]})),
        ended(1),
        grown(2, json!({"text": "cited"})),
        grown(2, json!({"citation": {"title": "A"}})),
        ended(2),
        ("messageStop", json!({"stopReason": "end_turn"})),
    ];
    let answer = Answer::of(&read(&stream).unwrap());
    let blocks = &answer.choices[0].blocks;
    let Block::Opaque { value, .. } = &blocks[1].block else { panic!("{blocks:?}") };
    assert_eq!(value["toolResult"]["content"][0]["text"], "found");
    assert!(matches!(blocks[0].block, Block::Opaque { .. }));
    assert_eq!(blocks[2].citations.len(), 1);
}

#[test]
fn exceptions_end_the_answer_and_a_cut_one_is_refused() {
    let frame = Frame { is_exception: true, ..Frame::named("throttlingException", "{\"message\":\"slow\"}") };
    let mut decoder = BedrockDecoder::default();
    let events = decoder.frame(&frame).unwrap();
    let [Event::Failed(failure)] = &*events else { panic!("{events:?}") };
    assert_eq!((failure.status, failure.code.as_str()), (429, "ThrottlingException"));
    assert_eq!(decoder.end(), Ok(Vec::new()));

    assert!(read(&[grown(0, json!({"text": "half"}))]).is_err());
    assert!(read(&[grown(0, json!({"toolUse": {"input": "{"}}))]).is_err());
}

#[test]
fn the_older_streams_hold_events_of_the_models_own_protocol() {
    let chunk = |event: Value| ("chunk", json!({"bytes": STANDARD.encode(event.to_string()), "p": "a"}));
    let anthropic = [
        chunk(json!({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}})),
        chunk(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}})),
        chunk(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})),
        chunk(json!({"type": "message_stop"})),
    ];
    let answer = Answer::of(&read(&anthropic).unwrap());
    assert_eq!(answer.choices[0].blocks, [Whole::text("hi")]);
    assert_eq!(answer.usage.map(|usage| usage.total()), Some(5));

    let titan = [
        chunk(json!({"outputText": "hi ", "inputTextTokenCount": 3.0, "completionReason": null})),
        chunk(json!({"outputText": "you", "totalOutputTextTokenCount": 2.0, "inputTextTokenCount": 3.0,
            "completionReason": "FINISH"})),
    ];
    let answer = Answer::of(&read(&titan).unwrap());
    assert_eq!(answer.choices[0].blocks, [Whole::text("hi you")]);
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)));
    assert!(read(&titan[..1]).is_err());

    let nova = [
        chunk(json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "hi"}}})),
        chunk(json!({"messageStop": {"stopReason": "end_turn"}})),
        chunk(json!({"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2}}})),
    ];
    let answer = Answer::of(&read(&nova).unwrap());
    assert_eq!(answer.choices[0].blocks, [Whole::text("hi")]);
    assert_eq!(answer.usage.map(|usage| usage.total()), Some(5));
}

#[test]
fn answers_of_the_first_models_are_read_whole() {
    let titan = json!({"inputTextTokenCount": 3,
        "results": [{"tokenCount": 2, "outputText": "hi", "completionReason": "LENGTH"}]});
    let llama =
        json!({"generation": "hi", "prompt_token_count": 3, "generation_token_count": 2, "stop_reason": "length"});
    for body in [titan, llama] {
        let answer = decode_answer(&body).unwrap();
        assert_eq!(answer.choices[0].blocks, [Whole::text("hi")]);
        assert_eq!(answer.choices[0].finish, Some(Finish::Length));
        assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)));
    }
}

#[test]
fn a_whole_answer_reads_like_a_stream() {
    let content = json!([
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "EgQKAhgC"}}},
        {"type": "text", "text": "so"},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}, "type": "tool_use"}},
        {"citationsContent": {"content": [{"text": "cited"}], "citations": [{"title": "A"}]}},
    ]);
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "stop_sequence",
        "additionalModelResponseFields": {"stop_sequence": "END"}, "usage": {"inputTokens": 1, "outputTokens": 2}});
    let answer = decode_answer(&body).unwrap();
    let texts: Vec<&str> = answer.choices[0].blocks.iter().map(|whole| whole.text.as_str()).collect();
    assert_eq!(texts, ["hm", "so", "{\"a\":1}", "cited"]);
    assert_eq!(answer.choices[0].stop.as_deref(), Some("END"));
    assert!(decode_answer(&json!({"message": "no"})).is_err());
}
