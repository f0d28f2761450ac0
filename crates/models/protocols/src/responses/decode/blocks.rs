//! Which parts of which items are which blocks, and how much of each has come.

mod thinking;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::citation;
use crate::dialect::Dialect;
use crate::event::{Block, Delta, Event, Place};
use crate::json::Look;
use crate::responses::call_signature;

/// An item's number in the answer, and a part's in the item.
pub(super) type Key = (u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    Text,
    Refusal,
    Reasoning,
    Call,
}

#[derive(Debug)]
struct Slot {
    kind: BlockKind,
    place: Place,
    is_open: bool,
    // Bytes given out: of text or arguments; of a custom call's input, before its escapes.
    sent: usize,
    // Of thinking in full, and where the last piece stood.
    sent_full: usize,
    last: Option<(bool, u64)>,
    n_citations: usize,
    n_logprobs: usize,
    is_custom: bool,
}

impl Slot {
    fn new(kind: BlockKind, place: Place, is_open: bool) -> Self {
        let (sent, sent_full, last, is_custom) = (0, 0, None, false);
        Self { kind, place, is_open, sent, sent_full, last, n_citations: 0, n_logprobs: 0, is_custom }
    }
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    next: u32,
    calls: u32,
    slots: BTreeMap<Key, Slot>,
    // Text, refusal or thinking: only one may be open.
    single: Option<Key>,
    /// The stream was taken up in its middle, so what an item repeats at its end is more than its pieces were.
    pub(super) is_partial: bool,
    ids: BTreeMap<u64, String>,
}

impl Blocks {
    pub(super) fn n_calls(&self) -> u32 {
        self.calls
    }

    /// The numbers of an item's parts that have come, in order.
    pub(super) fn parts_of(&self, index: u64) -> Vec<u64> {
        self.slots.range((index, 0)..=(index, u64::MAX)).map(|((_, part), _)| *part).collect()
    }

    pub(super) fn is_new(&self, key: Key) -> bool {
        !self.slots.contains_key(&key)
    }

    /// Keeps the id of a reasoning item until its block opens.
    pub(super) fn remember(&mut self, index: u64, id: Option<&str>) {
        if let Some(id) = id {
            self.ids.insert(index, id.to_owned());
        }
    }

    fn place(&mut self) -> Place {
        let place = Place { choice: 0, block: self.next };
        self.next += 1;
        place
    }

    fn open(&mut self, key: Key, kind: BlockKind, block: Block, out: &mut Vec<Event>) {
        self.close_single(out);
        let place = self.place();
        out.push(Event::Open(place, block));
        self.slots.insert(key, Slot::new(kind, place, true));
        if kind != BlockKind::Call {
            self.single = Some(key);
        }
    }

    /// The open slot of a part; opened when it is new, and again as a new block when it was closed too early because
    /// something else began in between.
    fn slot(&mut self, key: Key, kind: BlockKind, out: &mut Vec<Event>) -> Option<&mut Slot> {
        if !self.slots.get(&key).is_some_and(|slot| slot.is_open && slot.kind == kind) {
            // What is there and of another kind ends here.
            self.close(key, out);
            let before = self.slots.remove(&key).filter(|before| before.kind == kind);
            let block = match kind {
                BlockKind::Text => Block::Text,
                BlockKind::Refusal => Block::Refusal,
                BlockKind::Reasoning => Block::Reasoning { id: self.ids.get(&key.0).cloned() },
                BlockKind::Call => return None,
            };
            self.open(key, kind, block, out);
            let slot = self.slots.get_mut(&key)?;
            if let Some(before) = before {
                *slot = Slot { place: slot.place, is_open: true, ..before };
            }
            return Some(slot);
        }
        self.slots.get_mut(&key)
    }

    pub(super) fn close(&mut self, key: Key, out: &mut Vec<Event>) {
        if let Some(slot) = self.slots.get_mut(&key)
            && std::mem::replace(&mut slot.is_open, false)
        {
            if slot.is_custom {
                out.push(Event::Delta(slot.place, Delta::Arguments("\"}".to_owned())));
            }
            out.push(Event::Close(slot.place));
        }
        if self.single == Some(key) {
            self.single = None;
        }
    }

    fn close_single(&mut self, out: &mut Vec<Event>) {
        if let Some(key) = self.single {
            self.close(key, out);
        }
    }

    /// Closes the parts of an item and takes their number back.
    pub(super) fn forget(&mut self, index: u64, out: &mut Vec<Event>) {
        let keys: Vec<Key> = self.slots.range((index, 0)..=(index, u64::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            self.close(key, out);
            self.slots.remove(&key);
        }
        self.ids.remove(&index);
    }

    pub(super) fn close_all(&mut self, out: &mut Vec<Event>) {
        let open: Vec<Key> = self.slots.iter().filter(|(_, slot)| slot.is_open).map(|(key, _)| *key).collect();
        for key in open {
            self.close(key, out);
        }
    }

    pub(super) fn text(&mut self, key: Key, kind: BlockKind, delta: &str, out: &mut Vec<Event>) {
        if delta.is_empty() {
            return;
        }
        if let Some(slot) = self.slot(key, kind, out) {
            slot.sent += delta.len();
            out.push(Event::Delta(slot.place, Delta::Text(delta.to_owned())));
        }
    }

    /// The whole text has come: gives what the pieces left out.
    pub(super) fn text_done(&mut self, key: Key, kind: BlockKind, whole: &str, out: &mut Vec<Event>) {
        let sent = self.slots.get(&key).filter(|slot| slot.kind == kind).map_or(0, |slot| slot.sent);
        if self.is_partial && sent > 0 {
            return;
        }
        self.text(key, kind, whole.get(sent..).unwrap_or_default(), out);
    }

    pub(super) fn citation(&mut self, key: Key, value: &Value, out: &mut Vec<Event>) {
        if let Some(slot) = self.slot(key, BlockKind::Text, out) {
            slot.n_citations += 1;
            out.push(Event::Delta(slot.place, citation(value)));
        }
    }

    pub(super) fn rest_of_citations(&mut self, key: Key, all: &[Value], out: &mut Vec<Event>) {
        let n_sent = self.slots.get(&key).map_or(0, |slot| slot.n_citations);
        for value in all.iter().skip(n_sent) {
            self.citation(key, value, out);
        }
    }

    pub(super) fn logprobs(&mut self, key: Key, values: &[Value], out: &mut Vec<Event>) {
        if values.is_empty() {
            return;
        }
        if let Some(slot) = self.slot(key, BlockKind::Text, out) {
            slot.n_logprobs += values.len();
            out.push(Event::Delta(slot.place, Delta::Logprobs(values.iter().map(logprob).collect())));
        }
    }

    pub(super) fn rest_of_logprobs(&mut self, key: Key, all: &[Value], out: &mut Vec<Event>) {
        let n_sent = self.slots.get(&key).map_or(0, |slot| slot.n_logprobs);
        self.logprobs(key, all.get(n_sent..).unwrap_or_default(), out);
    }

    pub(super) fn open_call(&mut self, index: u64, block: Block, is_custom: bool, out: &mut Vec<Event>) {
        let key = (index, 0);
        if self.slots.get(&key).is_some_and(|slot| slot.kind == BlockKind::Call) {
            return;
        }
        self.close(key, out);
        self.calls += 1;
        self.open(key, BlockKind::Call, block, out);
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.is_custom = is_custom;
            if is_custom {
                out.push(Event::Delta(slot.place, Delta::Arguments("{\"input\":\"".to_owned())));
            }
        }
    }

    pub(super) fn arguments(&mut self, index: u64, delta: &str, out: &mut Vec<Event>) {
        if delta.is_empty() {
            return;
        }
        if let Some(slot) = self
            .slots
            .get_mut(&(index, 0))
            .filter(|slot| slot.is_open && slot.kind == BlockKind::Call && !slot.is_custom)
        {
            slot.sent += delta.len();
            out.push(Event::Delta(slot.place, Delta::Arguments(delta.to_owned())));
        }
    }

    pub(super) fn arguments_done(&mut self, index: u64, whole: &str, item: &Value, out: &mut Vec<Event>) {
        let key = (index, 0);
        let sent = self.slots.get(&key).map_or(0, |slot| slot.sent);
        self.arguments(index, whole.get(sent..).unwrap_or_default(), out);
        if let (Some(proof), Some(slot)) = (call_signature(item), self.slots.get(&key)) {
            out.push(Event::Delta(slot.place, Delta::Signature(proof)));
        }
        self.close(key, out);
    }

    /// A piece of a custom call's input, which is no JSON; it becomes a text in an object of arguments.
    pub(super) fn input(&mut self, index: u64, delta: &str, out: &mut Vec<Event>) {
        if delta.is_empty() {
            return;
        }
        if let Some(slot) = self
            .slots
            .get_mut(&(index, 0))
            .filter(|slot| slot.is_open && slot.kind == BlockKind::Call && slot.is_custom)
        {
            slot.sent += delta.len();
            let quoted = Value::from(delta).to_string();
            let escaped = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
            out.push(Event::Delta(slot.place, Delta::Arguments(escaped.to_owned())));
        }
    }

    pub(super) fn input_done(&mut self, index: u64, whole: &str, out: &mut Vec<Event>) {
        let sent = self.slots.get(&(index, 0)).map_or(0, |slot| slot.sent);
        self.input(index, whole.get(sent..).unwrap_or_default(), out);
        self.close((index, 0), out);
    }

    pub(super) fn opaque(&mut self, item: &Value, out: &mut Vec<Event>) {
        self.close_single(out);
        let place = self.place();
        out.push(Event::Open(place, Block::Opaque { dialect: Dialect::Responses, value: item.clone() }));
        out.push(Event::Close(place));
    }

    /// A part of a message that is neither text nor refusal.
    pub(super) fn opaque_part(&mut self, key: Key, part: &Value, out: &mut Vec<Event>) {
        self.opaque(part, out);
        let place = Place { choice: 0, block: self.next.saturating_sub(1) };
        self.slots.insert(key, Slot::new(BlockKind::Text, place, false));
    }
}

/// Chat Completions requires `bytes` and `top_logprobs`; the pieces of a stream have neither.
fn logprob(value: &Value) -> Value {
    let top = value
        .list("top_logprobs")
        .iter()
        .map(|top| json!({"token": top.string("token"), "logprob": top.get("logprob"), "bytes": top.get("bytes")}));
    json!({
        "token": value.string("token"),
        "logprob": value.get("logprob"),
        "bytes": value.get("bytes"),
        "top_logprobs": top.collect::<Vec<Value>>(),
    })
}
