//! An answer in Responses, in pieces: the events that OpenAI sends, in its order, and no others, since its JavaScript
//! client refuses types that it does not know.
//!
//! Blocks of text that follow each other are parts of one message; everything else is an item of its own.

mod grow;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::item;
use super::object::Object;
use crate::answer::Whole;
use crate::codec::{Context, Encoder};
use crate::dialect::Dialect;
use crate::event::{Block, Event, Place};
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
                // Clients tell an answer of this dialect by its id, so one of another dialect gets an id of ours.
                let is_foreign = self.context.id.starts_with("resp_") && !start.id.starts_with("resp");
                self.object.id.clone_from(if is_foreign { &self.context.id } else { &start.id });
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
            object: Object { echo: Arc::clone(&context.echo), ..Object::default() },
            context,
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
            Block::Media { mime, data } if mime.starts_with("image/") => item::picture(&id, mime, data, &whole),
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
        if matches!(block, Block::Opaque { .. }) {
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

    fn close_message(&mut self, status: &str, out: &mut Vec<Frame>) {
        let Some(message) = self.message.take() else { return };
        self.put(message.output_index, item::message(&message.id, status, &message.parts), out);
    }
}
