//! The event that makes up nearly all of a stream, deserialised without building a JSON tree.

use std::borrow::Cow;

use serde::Deserialize;

/// A block grows by text of some kind.
#[derive(Debug, Deserialize)]
pub(super) struct Grown<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    pub(super) index: u64,
    #[serde(borrow)]
    delta: Piece<'a>,
}

#[derive(Debug, Deserialize)]
struct Piece<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
}

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeltaKind {
    Text,
    Thinking,
    Json,
}

impl<'a> Grown<'a> {
    /// Reads it; `None` for any other event, which is then read as a JSON tree.
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(data).ok().filter(|grown| grown.r#type == "content_block_delta")
    }

    /// The text and its kind.
    pub(super) fn piece(self) -> Option<(DeltaKind, String)> {
        let Piece { r#type, text, thinking, partial_json } = self.delta;
        match &*r#type {
            "text_delta" => Some((DeltaKind::Text, text?)),
            "thinking_delta" => Some((DeltaKind::Thinking, thinking?)),
            "input_json_delta" => Some((DeltaKind::Json, partial_json?)),
            _ => None,
        }
    }
}
