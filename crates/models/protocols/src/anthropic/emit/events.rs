//! The events of a stream as they are written.

use serde::Serialize;
use serde_json::{Value, json};

use crate::framing::Frame;

#[derive(Serialize)]
struct Grown<'a> {
    r#type: &'static str,
    index: u64,
    delta: Piece<'a>,
}

/// How a block grows.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Piece<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "input_json_delta")]
    Json { partial_json: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "citations_delta")]
    Citation { citation: Value },
}

/// A block begins.
pub(super) fn begun(index: u64, head: &Value) -> Frame {
    frame("content_block_start", &json!({"type": "content_block_start", "index": index, "content_block": head}))
}

/// A block grows.
pub(super) fn grown(index: u64, delta: Piece<'_>) -> Frame {
    frame("content_block_delta", &Grown { r#type: "content_block_delta", index, delta })
}

/// A block is complete.
pub(super) fn ended(index: u64) -> Frame {
    frame("content_block_stop", &json!({"type": "content_block_stop", "index": index}))
}

/// An event.
pub(super) fn frame(name: &str, data: &impl Serialize) -> Frame {
    let data = serde_json::to_vec(data).expect("maps with names as keys are JSON");
    Frame::named(name, data)
}
