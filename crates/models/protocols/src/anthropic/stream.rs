//! An answer in pieces, from Messages.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{answer, block, failure, usage};
use crate::answer::Whole;
use crate::dialect::{Decoder, Dialect};
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Finish, Place};
use crate::framing::Frame;
use crate::json::Look;

/// Reads the events of a stream.
#[derive(Debug, Default)]
pub struct AnthropicDecoder {
    id: Option<String>,
    // Between `message_start` and `message_stop`.
    is_open: bool,
    is_over: bool,
    // By Anthropic's index.
    open: BTreeMap<u64, Open>,
    n_blocks: u32,
    usage: Map<String, Value>,
    facts: Map<String, Value>,
    stop_reason: Option<String>,
    stop: Option<String>,
    // The message is over, but another one may go on with it.
    may_go_on: bool,
}

/// A block that is not complete.
#[derive(Debug)]
enum Open {
    /// It is passed on as it grows.
    Known { place: Place, call: Option<Call> },
    /// It is kept until it is whole, since nobody else knows how it grows.
    Held { value: Value, json: String },
}

/// A call whose arguments may come with the head or in pieces.
#[derive(Debug)]
struct Call {
    input: Value,
    has_arguments: bool,
}

impl Decoder for AnthropicDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        let data: Value = serde_json::from_slice(&frame.data)
            .map_err(|_| Unreadable::new("a JSON event", &String::from_utf8_lossy(&frame.data)))?;
        self.value(&frame.name, &data)
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        let mut events = Vec::new();
        if self.is_over && !self.may_go_on {
            return Ok(events);
        }
        // Everything that counts was said when the reason is known; only `message_stop` is missing.
        if self.stop_reason.is_none() {
            return Err(Unreadable { what: "the answer broke off before its stop reason".to_owned() });
        }
        self.close(&mut events);
        self.finish(&mut events);
        Ok(events)
    }
}

impl AnthropicDecoder {
    /// Reads one event. `name` is only looked at when the data has no type.
    pub(crate) fn value(&mut self, name: &str, data: &Value) -> Result<Vec<Event>, Unreadable> {
        let mut events = Vec::new();
        if self.is_over && self.id.is_none() {
            return Ok(events);
        }
        match data.text("type").unwrap_or(name) {
            "message_start" => self.start(data.get("message").unwrap_or(&Value::Null), &mut events)?,
            "content_block_start" => {
                let value = data.get("content_block").unwrap_or(&Value::Null);
                self.begin(data.count("index"), value, &mut events);
            }
            "content_block_delta" => {
                self.grow(data.count("index"), data.get("delta").unwrap_or(&Value::Null), &mut events)?;
            }
            "content_block_stop" => {
                if let Some(open) = self.open.remove(&data.count("index")) {
                    self.complete(open, &mut events);
                }
            }
            "message_delta" => self.delta(data, &mut events),
            "message_stop" => {
                self.close(&mut events);
                // Where calls were made beside the stream, the message that goes on with their results was seen to
                // come in the same stream.
                self.may_go_on = matches!(self.stop_reason.as_deref(), Some("tool_use" | "pause_turn"));
                if !self.may_go_on {
                    self.finish(&mut events);
                }
            }
            "error" => {
                self.is_over = true;
                self.id = None;
                events.push(Event::Failed(failure::decode(0, data)));
            }
            // `ping`, and whatever comes to be: new events are announced as safe to ignore.
            _ => {}
        }
        Ok(events)
    }

    fn start(&mut self, message: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let start = answer::start(message);
        if self.is_open {
            // Seen twice for one message; another message inside of one is two answers in one stream.
            if self.id.as_deref() == Some(start.id.as_str()) {
                return Ok(());
            }
            return Err(Unreadable { what: "another message began inside of one".to_owned() });
        }
        if self.id.is_none() {
            events.push(Event::Start(start.clone()));
        }
        (self.id, self.is_open, self.is_over, self.may_go_on) = (Some(start.id), true, false, false);
        (self.stop_reason, self.stop) = (None, None);
        let facts = answer::facts(message);
        self.learn(facts, events);
        self.count(message.get("usage"), events);
        // A message that goes on with an earlier one may begin with blocks, and be over already.
        for (at, value) in message.list("content").iter().enumerate() {
            self.whole(block::decode(value, at), events);
            self.caller(value, events);
        }
        self.stop(message);
        Ok(())
    }

    fn begin(&mut self, index: u64, value: &Value, events: &mut Vec<Event>) {
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
                self.caller(value, events);
                let input = value.get("input").cloned().unwrap_or_default();
                (place, Some(Call { input, has_arguments: false }))
            }
            _ => {
                self.open.insert(index, Open::Held { value: value.clone(), json: String::new() });
                return;
            }
        };
        self.open.insert(index, Open::Known { place, call });
    }

    fn grow(&mut self, index: u64, delta: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let kind = delta.text("type").unwrap_or_default();
        if !self.open.contains_key(&index) {
            // Some that are compatible with Anthropic leave the beginning of a block out.
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
                    ("signature_delta", _) => text(delta, "signature").map(Delta::Signature),
                    ("input_json_delta", Some(call)) => text(delta, "partial_json").map(|json| {
                        call.has_arguments = true;
                        Delta::Arguments(json)
                    }),
                    ("citations_delta", _) => {
                        let value = delta.get("citation").cloned().unwrap_or_default();
                        Some(Delta::Citation { dialect: Dialect::Anthropic, value })
                    }
                    _ => return Err(Unreadable::new("a delta that fits its block", &delta.to_string())),
                };
                events.extend(grown.map(|grown| Event::Delta(*place, grown)));
            }
            Some(Open::Held { json, .. }) if kind == "input_json_delta" => json.push_str(&delta.string("partial_json")),
            Some(Open::Held { value, .. }) => extend(value, delta),
            None => {}
        }
        Ok(())
    }

    /// For those that leave the end of a block out: another one begins.
    fn complete_all_but_calls(&mut self, index: u64, events: &mut Vec<Event>) {
        let is_over =
            |number: &u64, open: &Open| *number == index || !matches!(open, Open::Known { call: Some(_), .. });
        let over: Vec<u64> =
            self.open.iter().filter(|(number, open)| is_over(number, open)).map(|(number, _)| *number).collect();
        for number in over {
            if let Some(open) = self.open.remove(&number) {
                self.complete(open, events);
            }
        }
    }

    fn complete(&mut self, open: Open, events: &mut Vec<Event>) {
        match open {
            Open::Known { place, call } => {
                if let Some(Call { input, has_arguments: false }) = call {
                    let arguments = block::arguments(Some(&input));
                    events.push(Event::Delta(place, Delta::Arguments(arguments)));
                }
                events.push(Event::Close(place));
            }
            Open::Held { mut value, json } => {
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

    fn delta(&mut self, data: &Value, events: &mut Vec<Event>) {
        let delta = data.get("delta").unwrap_or(&Value::Null);
        let mut facts = answer::facts(data);
        facts.remove("delta");
        facts.extend(answer::facts(delta));
        self.learn(facts, events);
        self.stop(delta);
        self.count(data.get("usage"), events);
    }

    fn stop(&mut self, said: &Value) {
        if let Some(reason) = said.text("stop_reason") {
            self.stop_reason = Some(reason.to_owned());
            self.stop = said.text("stop_sequence").map(str::to_owned);
        }
    }

    /// The message is over.
    fn close(&mut self, events: &mut Vec<Event>) {
        for (_, open) in std::mem::take(&mut self.open) {
            self.complete(open, events);
        }
        (self.is_open, self.is_over) = (false, true);
    }

    /// The answer is over.
    fn finish(&mut self, events: &mut Vec<Event>) {
        self.may_go_on = false;
        if let Some(words) = block::explanation(&self.facts).map(str::to_owned) {
            self.whole(Whole { text: words, ..Whole::from(Block::Refusal) }, events);
        }
        let reason = self.stop_reason.take().map_or(Finish::Stop, |word| block::finish(&word));
        events.push(Event::Finish { choice: 0, reason, stop: self.stop.take() });
    }

    fn open(&mut self, block: Block, events: &mut Vec<Event>) -> Place {
        let place = Place { choice: 0, block: self.n_blocks };
        self.n_blocks += 1;
        events.push(Event::Open(place, block));
        place
    }

    fn whole(&mut self, whole: Whole, events: &mut Vec<Event>) {
        let place = self.open(whole.block.clone(), events);
        events.extend(whole.deltas().into_iter().map(|delta| Event::Delta(place, delta)));
        events.push(Event::Close(place));
    }

    fn caller(&mut self, value: &Value, events: &mut Vec<Event>) {
        let Some((id, caller)) = block::caller(value) else { return };
        let mut callers = self.facts.get("tool_callers").and_then(Value::as_object).cloned().unwrap_or_default();
        callers.insert(id, caller);
        self.learn(Map::from_iter([("tool_callers".to_owned(), Value::Object(callers))]), events);
    }

    fn learn(&mut self, facts: Map<String, Value>, events: &mut Vec<Event>) {
        if !facts.is_empty() {
            self.facts.extend(facts.clone());
            events.push(Event::Facts(facts));
        }
    }

    fn count(&mut self, said: Option<&Value>, events: &mut Vec<Event>) {
        let Some(said) = said.filter(|said| said.is_object()) else { return };
        usage::merge(&mut self.usage, said);
        events.extend(usage::decode(&Value::Object(self.usage.clone())).map(Event::Usage));
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
