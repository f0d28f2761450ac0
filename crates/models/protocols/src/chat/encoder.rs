//! Writes streamed Chat Completions.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::answer::{citation, encode_failure, finish_word, image};
use super::ask::detail;
use super::{extra, usage};
use crate::codec::{Context, Encoder};
use crate::event::{Block, Delta, Event, Place};
use crate::framing::Frame;
use crate::usage::Usage;

/// Writes one stream.
#[derive(Debug)]
pub struct ChatEncoder {
    context: Context,
    /// Facts that no chunk has carried yet.
    facts: Map<String, Value>,
    blocks: HashMap<Place, Written>,
    /// How many calls and pictures each choice has.
    n_calls: HashMap<u32, usize>,
    n_images: HashMap<u32, usize>,
    /// How many entries each other list of each choice has.
    n_entries: HashMap<(u32, &'static str), usize>,
    has_role: Vec<u32>,
    usage: Option<Usage>,
    has_failed: bool,
}

#[derive(Debug)]
enum Written {
    Text,
    Refusal,
    Reasoning { id: Option<String> },
    Call { index: usize },
    Image { index: usize },
    Whole,
}

impl ChatEncoder {
    /// A writer.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            context,
            facts: Map::new(),
            blocks: HashMap::new(),
            n_calls: HashMap::new(),
            n_images: HashMap::new(),
            n_entries: HashMap::new(),
            has_role: Vec::new(),
            usage: None,
            has_failed: false,
        }
    }

    fn chunk(&mut self, choices: Value, more: Option<(&str, Value)>) -> Frame {
        let mut body = std::mem::take(&mut self.facts);
        body.insert("id".to_owned(), json!(self.context.id));
        body.insert("object".to_owned(), json!("chat.completion.chunk"));
        body.insert("created".to_owned(), json!(self.context.created));
        body.insert("model".to_owned(), json!(self.context.model));
        body.insert("choices".to_owned(), choices);
        if let Some((name, value)) = more {
            body.insert(name.to_owned(), value);
        }
        Frame::plain(Value::Object(body).to_string())
    }

    fn delta(&mut self, choice: u32, mut delta: Value, logprobs: Option<&[Value]>, out: &mut Vec<Frame>) {
        if !self.has_role.contains(&choice) {
            self.has_role.push(choice);
            delta["role"] = json!("assistant");
        }
        let mut body = json!({"index": choice, "delta": delta, "finish_reason": null});
        if let Some(logprobs) = logprobs {
            body["logprobs"] = json!({"content": logprobs, "refusal": null});
        }
        let frame = self.chunk(json!([body]), None);
        out.push(frame);
    }

    fn open(&mut self, place: Place, block: &Block, out: &mut Vec<Frame>) {
        let choice = place.choice;
        let written = match block {
            Block::Text => Written::Text,
            Block::Refusal => Written::Refusal,
            Block::Reasoning { id } => Written::Reasoning { id: id.clone() },
            Block::Call { id, name } => {
                let n_calls = self.n_calls.entry(choice).or_default();
                let index = *n_calls;
                *n_calls += 1;
                let call = json!({"index": index, "id": id, "type": "function",
                    "function": {"name": name, "arguments": ""}});
                self.delta(choice, json!({"tool_calls": [call]}), None, out);
                Written::Call { index }
            }
            Block::Media { mime, data } => {
                let n_images = self.n_images.entry(choice).or_default();
                let index = *n_images;
                let picture = image(index, mime, data);
                *n_images += 1;
                self.delta(choice, json!({"images": [picture]}), None, out);
                Written::Image { index }
            }
            Block::Opaque { dialect, value } => {
                let index = self.next(choice, "provider_items");
                self.delta(choice, json!({"provider_items": [extra::item(index, *dialect, value)]}), None, out);
                Written::Whole
            }
        };
        self.blocks.insert(place, written);
    }

    fn next(&mut self, choice: u32, list: &'static str) -> usize {
        let n_entries = self.n_entries.entry((choice, list)).or_default();
        *n_entries += 1;
        *n_entries - 1
    }

    /// The one new entry of a list. It has a number, by which clients' libraries add up the lists of a stream.
    fn entry(&mut self, choice: u32, list: &'static str, mut entry: Value) -> Value {
        if entry.is_object() {
            entry["index"] = json!(self.next(choice, list));
        }
        json!({ list: [entry] })
    }

    fn grow(&mut self, place: Place, delta: &Delta, out: &mut Vec<Frame>) {
        let choice = place.choice;
        let body = match (self.blocks.get(&place), delta) {
            (Some(Written::Text), Delta::Text(text)) => json!({"content": text}),
            (Some(Written::Refusal), Delta::Text(text)) => json!({"refusal": text}),
            (Some(Written::Reasoning { .. }), Delta::Text(text)) => json!({"reasoning_content": text}),
            (Some(Written::Reasoning { id }), Delta::Signature(proof)) => {
                let entry = detail("", Some(proof), None, id.as_ref());
                self.entry(choice, "reasoning_details", entry)
            }
            (Some(Written::Reasoning { id }), Delta::Encrypted(data)) => {
                let entry = detail("", None, Some(data), id.as_ref());
                self.entry(choice, "reasoning_details", entry)
            }
            (Some(Written::Call { index }), Delta::Arguments(more) | Delta::Text(more)) => {
                json!({"tool_calls": [{"index": index, "function": {"arguments": more}}]})
            }
            (Some(Written::Call { index }), Delta::Signature(proof)) => {
                let mut call = json!({"index": index, "function": {}});
                extra::sign(&mut call, Some(proof));
                json!({"tool_calls": [call]})
            }
            (Some(Written::Image { index }), Delta::Signature(proof)) => {
                let mut image = json!({"index": index});
                extra::sign(&mut image, Some(proof));
                json!({"images": [image]})
            }
            (_, Delta::Citation { dialect, value }) => self.entry(choice, "annotations", citation(*dialect, value)),
            (_, Delta::Logprobs(list)) => {
                self.delta(choice, json!({}), Some(list), out);
                return;
            }
            // What else a decoder might say has no meaning here.
            _ => return,
        };
        self.delta(choice, body, None, out);
    }
}

impl Encoder for ChatEncoder {
    fn event(&mut self, event: &Event, out: &mut Vec<Frame>) {
        match event {
            Event::Start(start) => {
                if !start.id.is_empty() {
                    self.context.id.clone_from(&start.id);
                }
                if !start.model.is_empty() {
                    self.context.model.clone_from(&start.model);
                }
                self.context.created = start.created.unwrap_or(self.context.created);
                self.delta(0, json!({"content": ""}), None, out);
            }
            Event::Open(place, block) => self.open(*place, block, out),
            Event::Delta(place, delta) => self.grow(*place, delta, out),
            Event::Close(place) => {
                self.blocks.remove(place);
            }
            Event::Finish { choice, reason, .. } => {
                let body = json!([{"index": choice, "delta": {}, "finish_reason": finish_word(reason)}]);
                let frame = self.chunk(body, None);
                out.push(frame);
            }
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Facts(facts) => self.facts.extend(facts.clone()),
            Event::Failed(failure) => {
                self.has_failed = true;
                out.push(Frame::plain(encode_failure(failure).to_string()));
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        if self.has_failed {
            return;
        }
        let usage = self.usage.take().filter(|_| self.context.wants_usage);
        if usage.is_some() || !self.facts.is_empty() {
            let used = usage.map(|usage| ("usage", usage::encode(&usage)));
            let frame = self.chunk(json!([]), used);
            out.push(frame);
        }
        out.push(Frame::plain("[DONE]"));
    }
}
