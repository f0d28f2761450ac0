//! An answer in Responses, in pieces: the events that OpenAI sends, in its order, and no others, since its JavaScript
//! client refuses types that it does not know.
//!
//! Blocks of text that follow each other are parts of one message; everything else is an item of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::Object;
use super::wire::Piece;
use super::{citation, item};
use crate::answer::Whole;
use crate::dialect::{Context, Dialect, Encoder};
use crate::event::{Block, Delta, Event, Place};
use crate::framing::Frame;

/// Writes an answer in pieces.
#[derive(Debug)]
pub struct ResponsesEncoder {
    context: Context,
    object: Object,
    // Only the last object is wanted.
    is_whole: bool,
    is_started: bool,
    is_over: bool,
    sequence: u64,
    output: Vec<Value>,
    message: Option<Message>,
    open: BTreeMap<Place, Slot>,
    last: Value,
}

#[derive(Debug)]
struct Message {
    id: String,
    output_index: usize,
    parts: Vec<Value>,
}

#[derive(Debug)]
struct Slot {
    id: String,
    output_index: usize,
    content_index: usize,
    whole: Whole,
    n_annotations: usize,
}

impl Encoder for ResponsesEncoder {
    fn event(&mut self, event: &Event, out: &mut Vec<Frame>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start(start) => {
                self.object.id.clone_from(&start.id);
                self.object.model.clone_from(&start.model);
                self.object.created = start.created.unwrap_or(self.context.created);
                self.start(out);
            }
            // A client of this dialect cannot ask for several answers.
            Event::Open(place, _) | Event::Delta(place, _) | Event::Close(place) if place.choice > 0 => {}
            Event::Finish { choice, .. } if *choice > 0 => {}
            Event::Open(place, block) => {
                self.start(out);
                self.open(*place, block, out);
            }
            Event::Delta(place, delta) => {
                if let Some(mut slot) = self.open.remove(place) {
                    self.grow(&mut slot, delta, out);
                    self.open.insert(*place, slot);
                }
            }
            Event::Close(place) => {
                if let Some(slot) = self.open.remove(place) {
                    self.close(slot, "completed", out);
                }
            }
            Event::Finish { reason, stop, .. } => {
                self.object.finish = Some(reason.clone());
                self.object.stop.clone_from(stop);
                let status = if self.object.status() == "completed" { "completed" } else { "incomplete" };
                self.close_message(status, out);
            }
            Event::Usage(usage) => self.object.usage = Some(usage.clone()),
            Event::Facts(facts) => self.object.facts.extend(facts.clone()),
            Event::Failed(failure) => {
                self.object.failed = Some(failure.clone());
                self.end(out);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.start(out);
        for (_, slot) in std::mem::take(&mut self.open) {
            self.close(slot, "incomplete", out);
        }
        self.close_message("incomplete", out);
        let response = self.object.ended(&self.output);
        let name = match self.object.status() {
            "completed" => "response.completed",
            "incomplete" => "response.incomplete",
            _ => "response.failed",
        };
        if self.is_whole {
            self.last = response;
        } else {
            self.send(name, json!({"response": response}), out);
        }
    }
}

impl ResponsesEncoder {
    /// An encoder for a stream.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            context,
            object: Object::default(),
            is_whole: false,
            is_started: false,
            is_over: false,
            sequence: 0,
            output: Vec::new(),
            message: None,
            open: BTreeMap::new(),
            last: Value::Null,
        }
    }

    /// An encoder for a whole answer; it writes no frames.
    pub(super) fn whole(context: Context) -> Self {
        Self { is_whole: true, ..Self::new(context) }
    }

    /// The whole answer, after its end.
    pub(super) fn into_response(self) -> Value {
        self.last
    }

    fn send(&mut self, name: &'static str, mut data: Value, out: &mut Vec<Frame>) {
        if self.is_whole {
            return;
        }
        data["type"] = json!(name);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        out.push(Frame::named(name, data.to_string()));
    }

    fn start(&mut self, out: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.is_started, true) {
            return;
        }
        if self.object.id.is_empty() {
            self.object.id.clone_from(&self.context.id);
        }
        if self.object.model.is_empty() {
            self.object.model.clone_from(&self.context.model);
        }
        if self.object.created == 0 {
            self.object.created = self.context.created;
        }
        let response = if self.is_whole { Value::Null } else { self.object.begun() };
        self.send("response.created", json!({"response": response}), out);
        self.send("response.in_progress", json!({"response": response}), out);
    }

    /// An id that is the same each time the same answer is written.
    fn item_id(&self, prefix: &str) -> String {
        let id = self.object.id.strip_prefix("resp_").unwrap_or(&self.object.id);
        format!("{prefix}_{id}_{}", self.output.len())
    }

    /// Adds an item and gives its number.
    fn add(&mut self, item: Value, out: &mut Vec<Frame>) -> usize {
        let output_index = self.output.len();
        self.send("response.output_item.added", json!({"output_index": output_index, "item": item}), out);
        self.output.push(item);
        output_index
    }

    /// Completes an item.
    fn put(&mut self, output_index: usize, item: Value, out: &mut Vec<Frame>) {
        self.send("response.output_item.done", json!({"output_index": output_index, "item": item}), out);
        if let Some(place) = self.output.get_mut(output_index) {
            *place = item;
        }
    }

    fn open(&mut self, place: Place, block: &Block, out: &mut Vec<Frame>) {
        let whole = Whole::from(block.clone());
        if matches!(block, Block::Text | Block::Refusal) {
            self.object.refuses |= *block == Block::Refusal;
            return self.open_part(place, whole, out);
        }
        self.close_message("completed", out);
        let id = match block {
            Block::Reasoning { id: Some(id) } if !id.is_empty() => id.clone(),
            Block::Reasoning { .. } => self.item_id("rs"),
            Block::Call { .. } => self.item_id("fc"),
            _ => self.item_id("ig"),
        };
        let item = match block {
            Block::Reasoning { .. } => item::reasoning(&id, "in_progress", &whole),
            Block::Call { id: call_id, name } => item::call(&id, "in_progress", call_id, name, &whole),
            Block::Media { mime, data } if mime.starts_with("image/") => item::picture(&id, mime, data),
            Block::Opaque { dialect: Dialect::Responses, value } => value.clone(),
            Block::Opaque { dialect, value } => {
                let dialect = format!("{dialect:?}").to_lowercase();
                return self.object.strange.push(json!({"dialect": dialect, "value": value}));
            }
            Block::Media { mime, data } => {
                return self.object.strange.push(json!({"media_type": mime, "data": data}));
            }
            Block::Text | Block::Refusal => return,
        };
        let output_index = self.add(item.clone(), out);
        if matches!(block, Block::Opaque { .. } | Block::Media { .. }) {
            return self.put(output_index, item, out);
        }
        self.open.insert(place, Slot { id, output_index, content_index: 0, whole, n_annotations: 0 });
    }

    fn open_part(&mut self, place: Place, whole: Whole, out: &mut Vec<Frame>) {
        if self.message.is_none() {
            let id = self.item_id("msg");
            let output_index = self.add(item::message(&id, "in_progress", &[]), out);
            self.message = Some(Message { id, output_index, parts: Vec::new() });
        }
        let Some(message) = &mut self.message else { return };
        let (id, output_index, content_index) = (message.id.clone(), message.output_index, message.parts.len());
        let part = item::part(&whole);
        message.parts.push(part.clone());
        let slot = Slot { id, output_index, content_index, whole, n_annotations: 0 };
        self.send("response.content_part.added", slot.place(json!({"part": part})), out);
        self.open.insert(place, slot);
    }

    fn grow(&mut self, slot: &mut Slot, delta: &Delta, out: &mut Vec<Frame>) {
        let is_first = slot.whole.text.is_empty();
        slot.whole.grow(delta);
        if self.is_whole {
            return;
        }
        match (delta, &slot.whole.block) {
            (Delta::Text(text), Block::Text) => self.piece("response.output_text.delta", slot, text, &[], out),
            (Delta::Text(text), Block::Refusal) => self.piece("response.refusal.delta", slot, text, &[], out),
            (Delta::Text(text), Block::Reasoning { .. }) => {
                if is_first {
                    let data = slot.summary_place(json!({"part": item::summary("")}));
                    self.send("response.reasoning_summary_part.added", data, out);
                }
                self.piece("response.reasoning_summary_text.delta", slot, text, &[], out);
            }
            (Delta::Arguments(more), Block::Call { .. }) => {
                self.piece("response.function_call_arguments.delta", slot, more, &[], out);
            }
            (Delta::Logprobs(values), Block::Text) => self.piece("response.output_text.delta", slot, "", values, out),
            (Delta::Citation { dialect, value }, Block::Text) => {
                if let Some(annotation) = citation::annotation(*dialect, value, &slot.whole.text) {
                    let data = json!({"annotation_index": slot.n_annotations, "annotation": annotation});
                    slot.n_annotations += 1;
                    self.send("response.output_text.annotation.added", slot.place(data), out);
                }
            }
            // Signatures and sealed thinking stand in the item when it is done.
            _ => {}
        }
    }

    fn piece(&mut self, name: &'static str, slot: &Slot, delta: &str, logprobs: &[Value], out: &mut Vec<Frame>) {
        let (is_text, is_refusal) = (slot.whole.block == Block::Text, slot.whole.block == Block::Refusal);
        let is_thinking = matches!(slot.whole.block, Block::Reasoning { .. });
        let piece = Piece {
            r#type: name,
            sequence_number: self.sequence,
            item_id: &slot.id,
            output_index: slot.output_index,
            content_index: (is_text || is_refusal).then_some(slot.content_index),
            summary_index: is_thinking.then_some(0),
            delta,
            logprobs: is_text.then_some(logprobs),
        };
        out.push(piece.frame());
        self.sequence += 1;
    }

    fn close(&mut self, mut slot: Slot, status: &str, out: &mut Vec<Frame>) {
        match slot.whole.block.clone() {
            Block::Text | Block::Refusal => self.close_part(&slot, out),
            Block::Reasoning { .. } => {
                let text = &slot.whole.text;
                if !text.is_empty() {
                    let (done, part) = (json!({"text": text}), json!({"part": item::summary(text)}));
                    self.send("response.reasoning_summary_text.done", slot.summary_place(done), out);
                    self.send("response.reasoning_summary_part.done", slot.summary_place(part), out);
                }
                self.put(slot.output_index, item::reasoning(&slot.id, status, &slot.whole), out);
            }
            Block::Call { id, name } => {
                // Clients parse the arguments, and no text is no JSON.
                if slot.whole.text.is_empty() && status == "completed" {
                    self.grow(&mut slot, &Delta::Arguments("{}".to_owned()), out);
                }
                let done = json!({
                    "item_id": slot.id, "output_index": slot.output_index, "name": name, "arguments": slot.whole.text,
                });
                self.send("response.function_call_arguments.done", done, out);
                self.put(slot.output_index, item::call(&slot.id, status, &id, &name, &slot.whole), out);
            }
            Block::Media { .. } | Block::Opaque { .. } => {}
        }
    }

    fn close_part(&mut self, slot: &Slot, out: &mut Vec<Frame>) {
        let part = item::part(&slot.whole);
        if slot.whole.block == Block::Refusal {
            let done = slot.place(json!({"refusal": slot.whole.text}));
            self.send("response.refusal.done", done, out);
        } else {
            let done = slot.place(json!({"text": slot.whole.text, "logprobs": slot.whole.logprobs}));
            self.send("response.output_text.done", done, out);
        }
        if !self.is_whole {
            self.send("response.content_part.done", slot.place(json!({"part": part})), out);
        }
        let parts = self.message.as_mut().map(|message| &mut message.parts);
        if let Some(place) = parts.and_then(|parts| parts.get_mut(slot.content_index)) {
            *place = part;
        }
    }

    fn close_message(&mut self, status: &str, out: &mut Vec<Frame>) {
        let Some(message) = self.message.take() else { return };
        self.put(message.output_index, item::message(&message.id, status, &message.parts), out);
    }
}

impl Slot {
    fn place(&self, mut data: Value) -> Value {
        data["item_id"] = json!(self.id);
        data["output_index"] = json!(self.output_index);
        data["content_index"] = json!(self.content_index);
        data
    }

    fn summary_place(&self, mut data: Value) -> Value {
        data["item_id"] = json!(self.id);
        data["output_index"] = json!(self.output_index);
        data["summary_index"] = json!(0);
        data
    }
}
