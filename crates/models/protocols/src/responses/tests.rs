mod order;
mod reading;
mod requests;
mod writing;

use serde_json::{Value, json};

use super::*;
use crate::answer::{Answer, Whole};
use crate::codec::{Context, Decoder, Encoder};
use crate::dialect::{Dialect, Quirks};
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::proof::Proof;
use crate::request::{Effort, Format, Part, PartKind, Reasoning, Request, Role, Source, Tool, ToolChoice};
use crate::usage::Usage;

fn context() -> Context {
    Context { id: "resp_1".to_owned(), model: "m".to_owned(), created: 7, wants_usage: true, ..Context::default() }
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
