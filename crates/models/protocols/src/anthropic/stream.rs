//! An answer in pieces, from Messages.

mod blocks;
mod grown;

use serde_json::{Map, Value};

use super::{answer, block, failure, usage};
use crate::answer::Whole;
use crate::codec::Decoder;
use crate::error::Unreadable;
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::json::Look;
use blocks::Blocks;
use grown::Grown;

/// Reads the events of a stream.
#[derive(Debug, Default)]
pub struct AnthropicDecoder {
    // Of the last message that began.
    id: Option<String>,
    has_failed: bool,
    // Between `message_start` and `message_stop`.
    is_open: bool,
    is_over: bool,
    blocks: Blocks,
    usage: Map<String, Value>,
    facts: Map<String, Value>,
    stop_reason: Option<String>,
    stop: Option<String>,
    // The message is over, but another one may go on with it.
    may_go_on: bool,
}

impl Decoder for AnthropicDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        if frame.name == "content_block_delta"
            && self.is_open
            && !self.has_failed
            && let Some(grown) = Grown::read(&frame.data)
            && let Some(event) = self.blocks.pass(grown)
        {
            return Ok(event);
        }
        // Relays that also speak OpenAI's protocol end with its `[DONE]`.
        if frame.data.is_empty() || frame.data == "[DONE]" {
            return Ok(Vec::new());
        }
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
        if self.has_failed {
            return Ok(events);
        }
        let kind = data.text("type").unwrap_or(name);
        if self.is_over && !self.may_go_on && !["message_start", "error"].contains(&kind) {
            return Ok(events);
        }
        let is_of_message = kind.starts_with("content_block") || ["message_delta", "message_stop"].contains(&kind);
        if is_of_message && self.id.is_none() {
            // Some that are compatible with Anthropic leave the beginning out.
            self.start(&Value::Null, &mut events)?;
        }
        match kind {
            "message_start" => self.start(data.get("message").unwrap_or(&Value::Null), &mut events)?,
            "content_block_start" => {
                let value = data.get("content_block").unwrap_or(&Value::Null);
                self.blocks.begin(data.count("index"), value, &mut events);
                self.caller(value, &mut events);
            }
            "content_block_delta" => {
                self.blocks.grow(data.count("index"), data.get("delta").unwrap_or(&Value::Null), &mut events)?;
            }
            "content_block_stop" => self.blocks.complete(data.count("index"), &mut events),
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
                (self.has_failed, self.is_over, self.may_go_on) = (true, true, false);
                events.push(Event::Failed(failure::decode(0, data)));
            }
            // `ping`, and events of later versions: Anthropic announces new events as safe to ignore.
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
        if self.is_over && !self.may_go_on {
            return Err(Unreadable { what: "another message began after the last one".to_owned() });
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
            self.blocks.whole(block::decode(value, at), events);
            self.caller(value, events);
        }
        self.stop(message);
        Ok(())
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
        self.blocks.complete_all(events);
        (self.is_open, self.is_over) = (false, true);
    }

    /// The answer is over.
    fn finish(&mut self, events: &mut Vec<Event>) {
        self.may_go_on = false;
        if let Some(words) = block::explanation(&self.facts).map(str::to_owned) {
            self.blocks.whole(Whole { text: words, ..Whole::from(Block::Refusal) }, events);
        }
        let reason = self.stop_reason.take().map_or(Finish::Stop, |word| block::finish(&word));
        events.push(Event::Finish { choice: 0, reason, stop: self.stop.take() });
    }

    fn caller(&mut self, value: &Value, events: &mut Vec<Event>) {
        if value.text("type") != Some("tool_use") {
            return;
        }
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
