//! A provider's answer in Responses, in pieces or whole.
//!
//! Every item ends with `output_item.done`, which repeats all of it. So what the pieces left out is made up from there:
//! some providers send no pieces at all, some no annotations or log probabilities with them.

mod blocks;
mod echo;

use std::borrow::Cow;
use std::collections::BTreeSet;

use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;

use self::blocks::{BlockKind, Blocks};
use self::echo::{customs, facts, failed};
use super::{failure, usage};
use crate::codec::Decoder;
use crate::dialect::Dialect;
use crate::error::{Failure, Unreadable};
use crate::event::{Block, Delta, Event, Finish, Start};
use crate::framing::Frame;
use crate::json::Look;

/// Reads an answer in pieces.
#[derive(Debug, Default)]
pub struct ResponsesDecoder {
    is_started: bool,
    is_over: bool,
    is_told_over: bool,
    has_calls: bool,
    blocks: Blocks,
    // The tools for free text that the request offered, where the answer repeats them.
    customs: Option<BTreeSet<String>>,
    // Which items were read to their end, by number and by id.
    done: Vec<u64>,
    done_ids: Vec<String>,
}

impl Decoder for ResponsesDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        let mut out = Vec::new();
        if self.is_over || frame.data.is_empty() {
            return Ok(out);
        }
        if frame.data == "[DONE]" {
            self.is_told_over = true;
            return Ok(out);
        }
        if self.piece(frame, &mut out) {
            return Ok(out);
        }
        let unreadable = || Unreadable::new("an event of Responses", &String::from_utf8_lossy(&frame.data));
        let event: Value = serde_json::from_slice(&frame.data).map_err(|_| unreadable())?;
        let name = event.text("type").unwrap_or(&frame.name);
        let is_error = event.get("error").is_some_and(|error| !error.is_null());
        if name.is_empty() && event.is_object() && self.is_started && !is_error {
            return Ok(out);
        }
        if !event.is_object() || (name.is_empty() && !is_error) {
            return Err(unreadable());
        }
        self.read(name, &event, &mut out);
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        if self.is_over {
            return Ok(Vec::new());
        }
        // Some servers end as in Chat Completions, without a last event.
        if self.is_told_over && !self.done.is_empty() {
            let mut out = Vec::new();
            self.finish(&Value::Null, &mut out);
            return Ok(out);
        }
        Err(Unreadable { what: "the answer broke off before response.completed".to_owned() })
    }
}

/// The event that comes for every token.
#[derive(Debug, Deserialize)]
struct Piece<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    delta: Cow<'a, str>,
    output_index: u64,
    content_index: u64,
    #[serde(default)]
    logprobs: Option<Vec<Value>>,
}

impl ResponsesDecoder {
    /// The fast path for a delta of text; returns whether it was one.
    fn piece(&mut self, frame: &Frame, out: &mut Vec<Event>) -> bool {
        const NAME: &str = "response.output_text.delta";
        if !self.is_started || memmem::find(&frame.data, NAME.as_bytes()).is_none() {
            return false;
        }
        let Ok(piece) = serde_json::from_slice::<Piece<'_>>(&frame.data) else { return false };
        if piece.r#type != NAME {
            return false;
        }
        let key = (piece.output_index, piece.content_index);
        self.blocks.text(key, BlockKind::Text, &piece.delta, out);
        self.blocks.logprobs(key, &piece.logprobs.unwrap_or_default(), out);
        true
    }

    fn read(&mut self, name: &str, event: &Value, out: &mut Vec<Event>) {
        let is_head = matches!(name, "response.created" | "response.in_progress" | "response.queued");
        self.blocks.is_partial |= !self.is_started && !is_head;
        let (index, part) = (event.count("output_index"), event.count("content_index"));
        match name {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(event.get("response").unwrap_or(&Value::Null), out);
            }
            "response.output_item.added" => {
                self.start(&Value::Null, out);
                let item = event.get("item").unwrap_or(&Value::Null);
                self.begin(index, out);
                match item.text("type") {
                    Some("function_call") => self.open_call(index, item, false, out),
                    Some("custom_tool_call") if self.is_for_client(item) => self.open_call(index, item, true, out),
                    Some("reasoning") => self.blocks.remember(index, item.text("id")),
                    _ => {}
                }
            }
            "response.output_text.delta" => {
                self.start(&Value::Null, out);
                let key = (index, part);
                self.blocks.text(key, BlockKind::Text, event.text("delta").unwrap_or_default(), out);
                self.blocks.logprobs(key, event.list("logprobs"), out);
            }
            "response.refusal.delta" => {
                self.start(&Value::Null, out);
                let delta = event.text("delta").unwrap_or_default();
                self.blocks.text((index, part), BlockKind::Refusal, delta, out);
            }
            "response.output_text.annotation.added" => {
                self.start(&Value::Null, out);
                if let Some(annotation) = event.get("annotation").filter(|annotation| annotation.is_object()) {
                    self.blocks.citation((index, part), annotation, out);
                }
            }
            "response.content_part.done" => {
                let part_done = event.get("part").unwrap_or(&Value::Null);
                if part_done.text("type") != Some("reasoning_text") {
                    self.start(&Value::Null, out);
                    self.part((index, part), part_done, out);
                }
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_summary.delta" => {
                self.start(&Value::Null, out);
                let place = (false, event.count("summary_index"));
                self.blocks.thinking(index, place, event.text("delta").unwrap_or_default(), out);
            }
            "response.reasoning_text.delta" | "response.reasoning.delta" => {
                self.start(&Value::Null, out);
                self.blocks.thinking(index, (true, part), event.text("delta").unwrap_or_default(), out);
            }
            "response.function_call_arguments.delta" => {
                self.blocks.arguments(index, event.text("delta").unwrap_or_default(), out);
            }
            "response.custom_tool_call_input.delta" => {
                self.blocks.input(index, event.text("delta").unwrap_or_default(), out);
            }
            "response.output_item.done" => {
                self.start(&Value::Null, out);
                self.item(index, event.get("item").unwrap_or(&Value::Null), out);
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled"
            | "response.done" => {
                self.finish(event.get("response").unwrap_or(&Value::Null), out);
            }
            "error" | "response.error" | "" => {
                self.start(&Value::Null, out);
                self.fail(failure::decode(0, event), out);
            }
            // Steps of the provider's own tools, whose items come whole at their end; padding; keep-alives.
            _ => {}
        }
    }

    /// Reads a whole answer: every item, then its end.
    pub(super) fn finish(&mut self, response: &Value, out: &mut Vec<Event>) {
        self.start(response, out);
        // Of what came in pieces. Within one list two items may share an id, as xAI's do.
        let done_ids = std::mem::take(&mut self.done_ids);
        for (index, item) in (0_u64..).zip(response.list("output")) {
            let has_id = item.text("id").is_some_and(|id| done_ids.iter().any(|done| done == id));
            if !has_id && !self.done.contains(&index) {
                self.item(index, item, out);
            }
        }
        self.blocks.close_all(out);
        let facts = facts(response);
        if !facts.is_empty() {
            out.push(Event::Facts(facts));
        }
        out.extend(response.get("usage").and_then(usage::decode).map(Event::Usage));
        let reason = match response.text("status") {
            Some("failed") => return self.fail(failed(response), out),
            Some("incomplete") => match response.pointer("/incomplete_details/reason").and_then(Value::as_str) {
                Some("max_output_tokens" | "max_tokens") => Finish::Length,
                Some("content_filter") => Finish::Filtered,
                Some(other) => Finish::Other(other.to_owned()),
                None => Finish::Other("incomplete".to_owned()),
            },
            Some(status @ ("cancelled" | "queued" | "in_progress")) => Finish::Other(status.to_owned()),
            _ if response.get("error").is_some_and(Value::is_object) => return self.fail(failed(response), out),
            _ if self.has_calls => Finish::Calls,
            _ => Finish::Stop,
        };
        out.push(Event::Finish { choice: 0, reason, stop: None });
        self.is_over = true;
    }

    fn fail(&mut self, failure: Failure, out: &mut Vec<Event>) {
        out.push(Event::Failed(failure));
        self.is_over = true;
    }

    fn start(&mut self, response: &Value, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.is_started, true) {
            return;
        }
        self.customs = response.get("tools").and_then(Value::as_array).map(|tools| customs(tools));
        let created = response.get("created_at").and_then(Value::as_f64);
        #[expect(clippy::cast_possible_truncation, reason = "a time in seconds; a mad one saturates")]
        let created = created.map(|created| created as i64);
        out.push(Event::Start(Start { id: response.string("id"), model: response.string("model"), created }));
    }

    /// Some servers give all items the same number.
    fn begin(&mut self, index: u64, out: &mut Vec<Event>) {
        self.blocks.forget(index, out);
        self.done.retain(|done| *done != index);
    }

    /// A tool that the request did not offer is the provider's own: xAI shows its searches as calls of such.
    fn is_for_client(&self, item: &Value) -> bool {
        let name = item.text("name").unwrap_or_default();
        self.customs.as_ref().is_none_or(|customs| customs.contains(name))
    }

    fn open_call(&mut self, index: u64, item: &Value, is_custom: bool, out: &mut Vec<Event>) {
        let n_calls = self.blocks.n_calls();
        let id = item.text("call_id").or_else(|| item.text("id")).filter(|id| !id.is_empty());
        let id = id.map_or_else(|| format!("call_{n_calls}"), str::to_owned);
        self.has_calls = true;
        self.blocks.open_call(index, Block::Call { id, name: item.string("name") }, is_custom, out);
    }

    fn item(&mut self, index: u64, item: &Value, out: &mut Vec<Event>) {
        match item.text("type") {
            Some("message") => {
                let parts = item.list("content");
                let known = self.blocks.parts_of(index);
                for (at, value) in parts.iter().enumerate() {
                    // Some servers count the parts of their pieces otherwise than those of the item that they make.
                    let same = known.get(at).filter(|_| known.len() == parts.len()).copied();
                    self.part((index, same.unwrap_or(at as u64)), value, out);
                }
                // LM Studio and others with no content parts at all.
                if let Some(text) = item.text("content") {
                    self.blocks.text_done((index, 0), BlockKind::Text, text, out);
                    self.blocks.close((index, 0), out);
                }
            }
            Some("reasoning") => self.blocks.thinking_done(index, item, out),
            Some("function_call") => {
                self.open_call(index, item, false, out);
                let arguments = match item.get("arguments") {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Null) | None => String::new(),
                    Some(object) => object.to_string(),
                };
                self.blocks.arguments_done(index, &arguments, item, out);
            }
            Some("custom_tool_call") if self.is_for_client(item) => {
                self.open_call(index, item, true, out);
                self.blocks.input_done(index, item.text("input").unwrap_or_default(), out);
            }
            Some(_) => self.blocks.opaque(item, out),
            None => return,
        }
        self.done.push(index);
        self.done_ids.extend(item.text("id").map(str::to_owned));
    }

    fn part(&mut self, key: (u64, u64), part: &Value, out: &mut Vec<Event>) {
        match part.text("type") {
            Some("output_text" | "text") => {
                self.blocks.text_done(key, BlockKind::Text, part.text("text").unwrap_or_default(), out);
                self.blocks.rest_of_logprobs(key, part.list("logprobs"), out);
                self.blocks.rest_of_citations(key, part.list("annotations"), out);
                self.blocks.close(key, out);
            }
            Some("refusal") => {
                self.blocks.text_done(key, BlockKind::Refusal, part.text("refusal").unwrap_or_default(), out);
                self.blocks.close(key, out);
            }
            Some(_) if self.blocks.is_new(key) => self.blocks.opaque_part(key, part, out),
            Some(_) | None => {}
        }
    }
}

/// Wraps a source of the text.
fn citation(value: &Value) -> Delta {
    Delta::Citation { dialect: Dialect::Responses, value: value.clone() }
}
