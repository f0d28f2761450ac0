use serde_json::{Value, json};

use super::*;
use crate::answer::{Answer, Whole};
use crate::codec::{Context, Decoder, Encoder};
use crate::dialect::Dialect;
use crate::error::{Failure, Unreadable};
use crate::event::{Block, Delta, Event, Finish, Place, Start};
use crate::framing::Frame;
use crate::proof::Proof;
use crate::usage::Usage;

mod asking;
mod decoding;
mod encoding;

fn read(stream: &[Value]) -> Result<Vec<Event>, Unreadable> {
    let mut decoder = AnthropicDecoder::default();
    let mut events = Vec::new();
    for event in stream {
        events.extend(decoder.frame(&Frame::plain(event.to_string()))?);
    }
    events.extend(decoder.end()?);
    Ok(events)
}

fn written(events: &[Event]) -> Vec<Value> {
    let context = Context { id: "msg_ours".into(), model: "route".into(), ..Context::default() };
    let mut encoder = AnthropicEncoder::new(context);
    let mut frames = Vec::new();
    events.iter().for_each(|event| encoder.event(event, &mut frames));
    encoder.end(&mut frames);
    let value = |frame: &Frame| {
        let value: Value = serde_json::from_slice(&frame.data).unwrap();
        assert_eq!(value["type"], frame.name.as_str());
        value
    };
    frames.iter().map(value).collect()
}

fn started(usage: Value) -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "content": [],
        "model": "claude", "stop_reason": null, "stop_sequence": null, "usage": usage}})
}

fn begun(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn grown(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn ended(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn stopped(reason: &str, usage: Value) -> [Value; 2] {
    let delta = json!({"stop_reason": reason, "stop_sequence": null});
    [json!({"type": "message_delta", "delta": delta, "usage": usage}), json!({"type": "message_stop"})]
}

fn at(block: u32) -> Place {
    Place { choice: 0, block }
}
