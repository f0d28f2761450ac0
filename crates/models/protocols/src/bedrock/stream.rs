//! An answer in pieces, from ConverseStream.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::invoke::{self, Invoke};
use super::{answer, failure, usage};
use crate::answer::Whole;
use crate::codec::Decoder;
use crate::dialect::Dialect;
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Place, Start};
use crate::framing::Frame;
use crate::json::Look;

// Messages that make an answer.
const KNOWN: [&str; 6] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];

/// Reads the messages of a stream. Where a frame has no name, its data is an object with the name as the only key.
#[derive(Debug, Default)]
pub struct BedrockDecoder {
    invoke: Option<Invoke>,
    has_started: bool,
    is_over: bool,
    has_failed: bool,
    // By Bedrock's index.
    open: BTreeMap<u64, Open>,
    n_blocks: u32,
}

/// A block that is not complete.
#[derive(Debug)]
enum Open {
    /// It is passed on as it grows.
    Known { place: Place, kind: BlockKind, is_empty: bool },
    /// It is kept until it is whole.
    Held { name: String, value: Map<String, Value> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    Text,
    Thinking,
    Call,
}

impl Decoder for BedrockDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        if self.has_failed {
            return Ok(Vec::new());
        }
        let unreadable = || Unreadable::new("a JSON message", &String::from_utf8_lossy(&frame.data));
        if frame.data.is_empty() && !frame.is_exception {
            return Ok(Vec::new());
        }
        let parsed = serde_json::from_slice::<Value>(&frame.data);
        if frame.is_exception {
            let text = || Value::String(String::from_utf8_lossy(&frame.data).into_owned());
            let failed = failure::named(0, &frame.name, &parsed.unwrap_or_else(|_| text()));
            (self.is_over, self.has_failed) = (true, true);
            return Ok(vec![Event::Failed(failed)]);
        }
        let data = parsed.map_err(|_| unreadable())?;
        let mut events = Vec::new();
        if frame.name.is_empty() {
            self.wrapped(&data, &mut events)?;
        } else if frame.name == "chunk" {
            let inner = invoke::unpack(&data)?;
            // Nova's own protocol is that of Converse.
            let is_nova =
                inner.as_object().is_some_and(|inner| inner.keys().any(|name| KNOWN.contains(&name.as_str())));
            if is_nova { self.wrapped(&inner, &mut events)? } else { self.message("chunk", &inner, &mut events)? }
        } else {
            self.message(&frame.name, &data, &mut events)?;
        }
        Ok(events)
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        match &mut self.invoke {
            _ if self.is_over => Ok(Vec::new()),
            Some(invoke) => invoke.end(),
            None => Err(Unreadable { what: "the answer broke off before its stop reason".to_owned() }),
        }
    }
}

impl BedrockDecoder {
    /// Reads an object with the name of the message as its key.
    fn wrapped(&mut self, data: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let fields = data.as_object().ok_or_else(|| Unreadable::new("a message with its name", &data.to_string()))?;
        fields.iter().try_for_each(|(name, inner)| self.message(name, inner, events))
    }

    fn message(&mut self, name: &str, data: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        if self.has_started && name == "chunk" || self.invoke.is_some() && KNOWN.contains(&name) {
            return Err(Unreadable::new("one protocol in one stream", name));
        }
        if name == "chunk" {
            events.extend(self.invoke.get_or_insert_default().chunk(data)?);
            return Ok(());
        }
        if name.ends_with("Exception") {
            (self.is_over, self.has_failed) = (true, true);
            events.push(Event::Failed(failure::named(0, name, data)));
            return Ok(());
        }
        if self.invoke.is_none() && !std::mem::replace(&mut self.has_started, true) {
            events.push(Event::Start(Start::default()));
        }
        let index = data.count("contentBlockIndex");
        match name {
            "contentBlockStart" | "contentBlockDelta" if self.is_over => {
                return Err(Unreadable::new("nothing more after the stop reason", &data.to_string()));
            }
            "messageStop" if self.is_over => {}
            "contentBlockStart" => self.begin(index, data.get("start").unwrap_or(&Value::Null), events),
            "contentBlockDelta" => self.grow(index, data.get("delta").unwrap_or(&Value::Null), events)?,
            "contentBlockStop" => self.complete(index, events),
            "messageStop" => {
                while let Some(index) = self.open.keys().next().copied() {
                    self.complete(index, events);
                }
                learn(data, events);
                let reason = data.text("stopReason").unwrap_or("end_turn");
                let (reason, stop) = (answer::finish(reason), answer::stop(data));
                events.push(Event::Finish { choice: 0, reason, stop });
                self.is_over = true;
            }
            "metadata" => {
                learn(data, events);
                events.extend(data.get("usage").and_then(usage::decode).map(Event::Usage));
            }
            // `messageStart` only says that the role is assistant; anything else belongs to a later version.
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, index: u64, start: &Value, events: &mut Vec<Event>) {
        let fields = start.as_object();
        let Some((name, inner)) = fields.and_then(|fields| fields.iter().find(|(name, _)| *name != "type")) else {
            // An empty start: the first delta says what kind of block it is.
            return;
        };
        self.complete_all_but_calls(index, events);
        if name == "toolUse" && !answer::is_of_server(inner) {
            let number = usize::try_from(self.n_blocks).unwrap_or(usize::MAX);
            let head = Block::Call { id: answer::call_id(inner, number), name: inner.string("name") };
            self.open(index, BlockKind::Call, head, events);
        } else {
            let value = inner.as_object().cloned().unwrap_or_default();
            self.open.insert(index, Open::Held { name: name.clone(), value });
        }
    }

    fn grow(&mut self, index: u64, delta: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let Some((name, more)) = delta.as_object().and_then(|fields| fields.iter().next()) else { return Ok(()) };
        if let Some(Open::Held { value, .. }) = self.open.get_mut(&index) {
            hold(value, more);
            return Ok(());
        }
        let grown = match name.as_str() {
            "text" => vec![(BlockKind::Text, text(Some(more)).map(Delta::Text))],
            "toolUse" => vec![(BlockKind::Call, text(more.get("input")).map(Delta::Arguments))],
            "reasoningContent" => [
                text(more.get("text")).map(Delta::Text),
                text(more.get("signature")).map(|text| Delta::Signature(answer::proof(&text))),
                text(more.get("redactedContent")).map(|text| Delta::Encrypted(answer::proof(&text))),
            ]
            .into_iter()
            .map(|grown| (BlockKind::Thinking, grown))
            .collect(),
            "citation" => {
                let citation = Delta::Citation { dialect: Dialect::Bedrock, value: more.clone() };
                vec![(BlockKind::Text, Some(citation))]
            }
            _ => {
                self.complete_all_but_calls(index, events);
                let mut value = Map::new();
                hold(&mut value, more);
                self.open.insert(index, Open::Held { name: name.clone(), value });
                return Ok(());
            }
        };
        for (kind, grown) in grown {
            let Some(grown) = grown else { continue };
            let place = self.place(index, kind, delta, events)?;
            events.push(Event::Delta(place, grown));
        }
        Ok(())
    }

    /// The place of a block that is open, or that this delta opens: text and thinking have no start message.
    fn place(
        &mut self,
        index: u64,
        kind: BlockKind,
        delta: &Value,
        events: &mut Vec<Event>,
    ) -> Result<Place, Unreadable> {
        if let Some(Open::Known { place, kind: open, is_empty }) = self.open.get_mut(&index)
            && *open == kind
        {
            *is_empty = false;
            return Ok(*place);
        }
        self.complete_all_but_calls(index, events);
        let head = match kind {
            BlockKind::Text => Block::Text,
            BlockKind::Thinking => Block::Reasoning { id: None },
            BlockKind::Call => return Err(Unreadable::new("a delta of an open call", &delta.to_string())),
        };
        Ok(self.open(index, kind, head, events))
    }

    fn open(&mut self, index: u64, kind: BlockKind, head: Block, events: &mut Vec<Event>) -> Place {
        let place = self.next();
        events.push(Event::Open(place, head));
        self.open.insert(index, Open::Known { place, kind, is_empty: true });
        place
    }

    fn next(&mut self) -> Place {
        let place = Place { choice: 0, block: self.n_blocks };
        self.n_blocks += 1;
        place
    }

    /// The end of a text is not always said when another block begins.
    fn complete_all_but_calls(&mut self, index: u64, events: &mut Vec<Event>) {
        let is_over =
            |number: &u64, open: &Open| *number == index || !matches!(open, Open::Known { kind: BlockKind::Call, .. });
        let over: Vec<u64> =
            self.open.iter().filter(|(number, open)| is_over(number, open)).map(|(number, _)| *number).collect();
        for number in over {
            self.complete(number, events);
        }
    }

    fn complete(&mut self, index: u64, events: &mut Vec<Event>) {
        match self.open.remove(&index) {
            None => {}
            Some(Open::Known { place, kind, is_empty }) => {
                if kind == BlockKind::Call && is_empty {
                    events.push(Event::Delta(place, Delta::Arguments("{}".to_owned())));
                }
                events.push(Event::Close(place));
            }
            Some(Open::Held { name, value }) => {
                let value = json!({name: value});
                let whole: Option<Whole> = answer::block(&value, 0);
                if let Some(whole) = whole {
                    let place = self.next();
                    events.push(Event::Open(place, whole.block.clone()));
                    events.extend(whole.deltas().into_iter().map(|delta| Event::Delta(place, delta)));
                    events.push(Event::Close(place));
                }
            }
        }
    }
}

fn learn(data: &Value, events: &mut Vec<Event>) {
    let facts = answer::facts(data);
    if !facts.is_empty() {
        events.push(Event::Facts(facts));
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Adds what comes to a block that is kept: a list is its content, texts grow, the rest is set.
fn hold(value: &mut Map<String, Value>, more: &Value) {
    match more {
        Value::Array(more) => {
            let content = value.entry("content").or_insert_with(|| json!([]));
            if let Some(content) = content.as_array_mut() {
                content.extend(more.iter().cloned());
            }
        }
        Value::Object(fields) => {
            for (name, more) in fields {
                match (value.get_mut(name), more) {
                    (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
                    _ => {
                        value.insert(name.clone(), more.clone());
                    }
                }
            }
        }
        _ => {}
    }
}
