//! What Cohere answers in pieces.

use serde_json::Value;

use super::read;
use crate::blocks::Blocks;
use crate::codec::Decoder;
use crate::dialect::Dialect;
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Place, Start};
use crate::framing::Frame;
use crate::json::Look;

/// Reads the events of a stream.
#[derive(Debug, Default)]
pub struct CohereDecoder {
    has_started: bool,
    is_over: bool,
    n_calls: usize,
    // Whether the open call got arguments.
    has_arguments: bool,
    call: Option<Place>,
    blocks: Blocks,
}

impl Decoder for CohereDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        let mut out = Vec::new();
        if self.is_over || frame.data.as_ref() == b"[DONE]" {
            return Ok(out);
        }
        let value: Value = serde_json::from_slice(&frame.data)
            .map_err(|_| Unreadable::new("a JSON event", &String::from_utf8_lossy(&frame.data)))?;
        let name = value.text("type").unwrap_or(&frame.name);
        self.event(name, &value, &mut out)?;
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        if self.is_over {
            return Ok(Vec::new());
        }
        Err(Unreadable { what: "the stream ended without a message-end event".to_owned() })
    }
}

impl CohereDecoder {
    fn event(&mut self, name: &str, value: &Value, out: &mut Vec<Event>) -> Result<(), Unreadable> {
        let message = value.pointer("/delta/message").unwrap_or(&Value::Null);
        let content = message.get("content").unwrap_or(&Value::Null);
        if !matches!(name, "" | "error") {
            self.start(value, out);
        }
        match name {
            "message-start" => {}
            "content-start" => {
                self.close_call(out);
                let is_thinking = content.text("type") == Some("thinking");
                let block = if is_thinking { Block::Reasoning { id: None } } else { Block::Text };
                self.blocks.open(block, out);
                self.content(content, out);
            }
            "content-delta" => {
                self.content(content, out);
                let said = value.get("logprobs").map(read::logprobs).unwrap_or_default();
                if !said.is_empty() {
                    let place = self.blocks.text_place(out);
                    out.push(Event::Delta(place, Delta::Logprobs(said)));
                }
            }
            "tool-plan-delta" => {
                self.blocks.reasoning(message.text("tool_plan").unwrap_or_default(), out);
            }
            "tool-call-start" => {
                self.close_call(out);
                let call = message.get("tool_calls").unwrap_or(&Value::Null);
                self.call = Some(self.blocks.open(read::call(call, self.n_calls), out));
                self.n_calls += 1;
                self.has_arguments = false;
                self.arguments(call, out);
            }
            "tool-call-delta" => self.arguments(message.get("tool_calls").unwrap_or(&Value::Null), out),
            "tool-call-end" => self.close_call(out),
            "citation-start" => {
                // One citation, or a list of them in early versions.
                let said = message.get("citations").unwrap_or(&Value::Null);
                let place = match self.blocks.current() {
                    Some(place) => place,
                    None => self.blocks.text_place(out),
                };
                let all = said.as_array().map_or(std::slice::from_ref(said), Vec::as_slice);
                for citation in all.iter().filter(|citation| citation.is_object()) {
                    let value = citation.clone();
                    out.push(Event::Delta(place, Delta::Citation { dialect: Dialect::Cohere, value }));
                }
            }
            "message-end" => {
                self.close_call(out);
                self.blocks.close(out);
                self.is_over = true;
                read::finish(value.get("delta").unwrap_or(&Value::Null), self.n_calls > 0, out);
            }
            // The block is closed when the next begins: citations may follow.
            "content-end" | "citation-end" | "debug" => {}
            _ if value.get("message").is_some() || value.get("error").is_some() => {
                self.start(value, out);
                self.close_call(out);
                self.blocks.close(out);
                self.is_over = true;
                out.push(Event::Failed(read::failure(0, value)));
            }
            "" => return Err(Unreadable::new("an event of Cohere", &value.to_string())),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, value: &Value, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_started, true) {
            out.push(Event::Start(Start { id: value.string("id"), ..Start::default() }));
        }
    }

    fn content(&mut self, content: &Value, out: &mut Vec<Event>) {
        self.blocks.reasoning(content.text("thinking").unwrap_or_default(), out);
        self.blocks.text(content.text("text").unwrap_or_default(), out);
    }

    fn arguments(&mut self, call: &Value, out: &mut Vec<Event>) {
        let more = call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default();
        let is_nothing = more.is_empty() || more == "null" && !self.has_arguments;
        if let Some(place) = self.open_call().filter(|_| !is_nothing) {
            self.has_arguments = true;
            out.push(Event::Delta(place, Delta::Arguments(more.to_owned())));
        }
    }

    /// The call that is open; none when a damaged stream went on to something else.
    fn open_call(&self) -> Option<Place> {
        self.call.filter(|place| self.blocks.current() == Some(*place))
    }

    /// A function that takes nothing is called without arguments, which are JSON all the same.
    fn close_call(&mut self, out: &mut Vec<Event>) {
        let Some(place) = self.open_call() else { return };
        if !self.has_arguments {
            out.push(Event::Delta(place, Delta::Arguments("{}".to_owned())));
        }
        self.blocks.close(out);
    }
}
