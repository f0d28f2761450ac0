//! The blocks of a stream from Messages.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::Whole;
use crate::anthropic::block;
use crate::dialect::Dialect;
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Place};
use crate::json::Look;

use super::grown::{DeltaKind, Grown};

/// Gives the blocks their places and passes on how they grow.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    // By Anthropic's index.
    open: BTreeMap<u64, Open>,
    n_blocks: u32,
}

/// A block that is not complete.
#[derive(Debug)]
enum Open {
    /// It is passed on as it grows.
    Known { place: Place, call: Option<CallArguments> },
    /// It is kept until it is whole, since no other dialect has deltas for it.
    Held { value: Value, json: String },
}

/// A call whose arguments may come with the head or in pieces.
#[derive(Debug)]
struct CallArguments {
    input: Value,
    has_arguments: bool,
}

impl Blocks {
    /// A block begins.
    pub(super) fn begin(&mut self, index: u64, value: &Value, events: &mut Vec<Event>) {
        self.complete_all_but_calls(index, events);
        let kind = value.text("type").unwrap_or_default();
        let (place, call) = match kind {
            "text" | "thinking" | "redacted_thinking" => {
                let whole = block::decode(value, 0);
                let place = self.open(whole.block.clone(), events);
                events.extend(whole.deltas().into_iter().map(|delta| Event::Delta(place, delta)));
                (place, None)
            }
            "tool_use" => {
                let number = usize::try_from(self.n_blocks).unwrap_or(usize::MAX);
                let head = Block::Call { id: block::call_id(value, number), name: value.string("name") };
                let place = self.open(head, events);
                let input = value.get("input").cloned().unwrap_or_default();
                (place, Some(CallArguments { input, has_arguments: false }))
            }
            _ => {
                self.open.insert(index, Open::Held { value: value.clone(), json: String::new() });
                return;
            }
        };
        self.open.insert(index, Open::Known { place, call });
    }

    /// The fast path for a block that grows by text; `None` when the event needs [`Self::grow`].
    pub(super) fn pass(&mut self, grown: Grown<'_>) -> Option<Vec<Event>> {
        let Some(Open::Known { place, call }) = self.open.get_mut(&grown.index) else { return None };
        let (kind, text) = grown.piece()?;
        if text.is_empty() {
            return None;
        }
        let delta = match (kind, call) {
            (DeltaKind::Text | DeltaKind::Thinking, None) => Delta::Text(text),
            (DeltaKind::Json, Some(call)) => {
                call.has_arguments = true;
                Delta::Arguments(text)
            }
            _ => return None,
        };
        Some(vec![Event::Delta(*place, delta)])
    }

    /// A block grows.
    pub(super) fn grow(&mut self, index: u64, delta: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let kind = delta.text("type").unwrap_or_default();
        if !self.open.contains_key(&index) {
            // Some compatible servers omit `content_block_start`.
            let begun = match kind {
                "text_delta" => Block::Text,
                "thinking_delta" => Block::Reasoning { id: None },
                _ => return Err(Unreadable::new("a delta of an open block", &delta.to_string())),
            };
            self.complete_all_but_calls(index, events);
            let place = self.open(begun, events);
            self.open.insert(index, Open::Known { place, call: None });
        }
        match self.open.get_mut(&index) {
            Some(Open::Known { place, call }) => {
                let grown = match (kind, call) {
                    ("text_delta", _) => text(delta, "text").map(Delta::Text),
                    ("thinking_delta", _) => text(delta, "thinking").map(Delta::Text),
                    ("signature_delta", _) => {
                        text(delta, "signature").map(|text| Delta::Signature(block::proof(&text)))
                    }
                    ("input_json_delta", Some(call)) => text(delta, "partial_json").map(|json| {
                        call.has_arguments = true;
                        Delta::Arguments(json)
                    }),
                    ("citations_delta", _) => {
                        let value = delta.get("citation").cloned().unwrap_or_default();
                        Some(Delta::Citation { dialect: Dialect::Anthropic, value })
                    }
                    ("input_json_delta", _) => {
                        return Err(Unreadable::new("a delta that fits its block", &delta.to_string()));
                    }
                    // A delta of a later version: Anthropic announces new types as safe to ignore, unlike a known one
                    // that does not fit its block.
                    _ => None,
                };
                events.extend(grown.map(|grown| Event::Delta(*place, grown)));
            }
            Some(Open::Held { json, .. }) if kind == "input_json_delta" => json.push_str(&delta.string("partial_json")),
            Some(Open::Held { value, .. }) => extend(value, delta),
            None => {}
        }
        Ok(())
    }

    /// For servers that omit `content_block_stop`: another block begins.
    fn complete_all_but_calls(&mut self, index: u64, events: &mut Vec<Event>) {
        let is_over =
            |number: &u64, open: &Open| *number == index || !matches!(open, Open::Known { call: Some(_), .. });
        let over: Vec<u64> =
            self.open.iter().filter(|(number, open)| is_over(number, open)).map(|(number, _)| *number).collect();
        for number in over {
            self.complete(number, events);
        }
    }

    /// A block ends.
    pub(super) fn complete(&mut self, index: u64, events: &mut Vec<Event>) {
        match self.open.remove(&index) {
            None => {}
            Some(Open::Known { place, call }) => {
                if let Some(CallArguments { input, has_arguments: false }) = call {
                    let arguments = block::arguments(Some(&input));
                    events.push(Event::Delta(place, Delta::Arguments(arguments)));
                }
                events.push(Event::Close(place));
            }
            Some(Open::Held { mut value, json }) => {
                if !json.trim().is_empty()
                    && let Some(object) = value.as_object_mut()
                {
                    let input = serde_json::from_str(&json).unwrap_or(Value::String(json));
                    object.insert("input".to_owned(), input);
                }
                self.whole(Whole::from(Block::Opaque { dialect: Dialect::Anthropic, value }), events);
            }
        }
    }

    fn open(&mut self, block: Block, events: &mut Vec<Event>) -> Place {
        let place = Place { choice: 0, block: self.n_blocks };
        self.n_blocks += 1;
        events.push(Event::Open(place, block));
        place
    }

    /// A block that comes whole.
    pub(super) fn whole(&mut self, whole: Whole, events: &mut Vec<Event>) {
        let place = self.open(whole.block.clone(), events);
        events.extend(whole.deltas().into_iter().map(|delta| Event::Delta(place, delta)));
        events.push(Event::Close(place));
    }

    /// The message is over.
    pub(super) fn complete_all(&mut self, events: &mut Vec<Event>) {
        while let Some(index) = self.open.keys().next().copied() {
            self.complete(index, events);
        }
    }
}

fn text(delta: &Value, name: &str) -> Option<String> {
    delta.text(name).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Adds a delta of a kind that we do not know: texts grow, the rest is replaced.
fn extend(value: &mut Value, delta: &Value) {
    let (Some(value), Some(delta)) = (value.as_object_mut(), delta.as_object()) else { return };
    for (name, more) in delta.iter().filter(|(name, more)| *name != "type" && !more.is_null()) {
        match (value.get_mut(name), more) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
            _ => {
                value.insert(name.clone(), more.clone());
            }
        }
    }
}
