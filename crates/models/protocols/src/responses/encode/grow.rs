//! How blocks grow and close.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{ResponsesEncoder, Slot};
use crate::event::{Block, Delta};
use crate::framing::Frame;
use crate::responses::delta_event::DeltaEvent;
use crate::responses::{citation, item};

impl ResponsesEncoder {
    pub(super) fn grow(&mut self, slot: &mut Slot, delta: &Delta, out: &mut Vec<Frame>) {
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
            (Delta::Logprobs(values), Block::Text) => {
                self.piece("response.output_text.delta", slot, "", &item::logprobs(values), out);
            }
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
        let piece = DeltaEvent {
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

    pub(super) fn close(&mut self, mut slot: Slot, status: &str, out: &mut Vec<Frame>) {
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
                // Clients parse the arguments, and an empty text is not JSON.
                if slot.whole.text.is_empty() && status == "completed" {
                    self.grow(&mut slot, &Delta::Arguments("{}".to_owned()), out);
                }
                // The limit of tokens may cut a call anywhere.
                let is_json = serde_json::from_str::<IgnoredAny>(&slot.whole.text).is_ok();
                let status = if is_json { status } else { "incomplete" };
                let done = json!({
                    "item_id": slot.id, "output_index": slot.output_index, "name": name, "arguments": slot.whole.text,
                });
                self.send("response.function_call_arguments.done", done, out);
                self.put(slot.output_index, item::call(&slot.id, status, &id, &name, &slot.whole), out);
            }
            // Its signature comes behind it.
            Block::Media { mime, data } => {
                self.put(slot.output_index, item::picture(&slot.id, &mime, &data, &slot.whole), out);
            }
            Block::Opaque { .. } => {}
        }
    }

    fn close_part(&mut self, slot: &Slot, out: &mut Vec<Frame>) {
        let part = item::part(&slot.whole);
        if slot.whole.block == Block::Refusal {
            let done = slot.place(json!({"refusal": slot.whole.text}));
            self.send("response.refusal.done", done, out);
        } else {
            let done = slot.place(json!({"text": slot.whole.text, "logprobs": item::logprobs(&slot.whole.logprobs)}));
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
}

impl Slot {
    pub(super) fn place(&self, mut data: Value) -> Value {
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
