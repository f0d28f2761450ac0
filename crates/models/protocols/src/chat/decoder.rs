//! Reads streamed Chat Completions.
//!
//! The end of a choice is held back until the stream is over: some servers say `finish_reason` and then go on.

mod calls;

use serde_json::{Map, Value};

use self::calls::{Step, ToolCalls};
use super::answer::{facts, failure, finish, old_call, part, picture, start, stop, thought};
use super::{extra, usage};
use crate::codec::Decoder;
use crate::dialect::Dialect;
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Finish, Place};
use crate::framing::Frame;
use crate::json::Look;
use crate::proof::Proof;

/// Reads one stream.
#[derive(Debug, Default)]
pub struct ChatDecoder {
    has_started: bool,
    is_over: bool,
    has_failed: bool,
    facts: Map<String, Value>,
    sources: Vec<Value>,
    choices: Vec<Open>,
    out: Vec<Event>,
}

/// What is open of one choice.
#[derive(Debug, Default)]
struct Open {
    number: u32,
    n_blocks: u32,
    /// The text, thinking or refusal that grows.
    single: Option<(BlockKind, u32)>,
    last_text: Option<u32>,
    calls: ToolCalls,
    /// Log probabilities of tokens that are no text, or of text that is still to come.
    logprobs: Vec<Value>,
    /// Fields of one server alone, as far as they came.
    extra: Map<String, Value>,
    finish: Option<String>,
    stop: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum BlockKind {
    Text,
    Refusal,
    /// With the key by which OpenRouter distinguishes its pieces of thinking.
    Reasoning(String),
}

impl Decoder for ChatDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            self.is_over = true;
            return Ok(Vec::new());
        }
        if data.is_empty() || self.has_failed {
            return Ok(Vec::new());
        }
        let came = || String::from_utf8_lossy(data).into_owned();
        let chunk: Value =
            serde_json::from_slice(data).map_err(|_bad| Unreadable::new("a chunk of a chat completion", &came()))?;
        if !chunk.is_object() {
            return Err(Unreadable::new("a chunk of a chat completion", &came()));
        }
        self.chunk(&chunk, frame.name == "error");
        Ok(std::mem::take(&mut self.out))
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        if self.has_failed {
            return Ok(Vec::new());
        }
        let has_finished = self.choices.iter().any(|choice| choice.finish.is_some());
        if self.is_over && self.choices.is_empty() {
            return Err(Unreadable {
                what: "the stream says that it is over, and there is no answer in it".to_owned(),
            });
        }
        if !(has_finished || self.is_over) {
            return Err(Unreadable { what: "the stream broke off before the answer was over".to_owned() });
        }
        for choice in std::mem::take(&mut self.choices) {
            choice.end(&mut self.out);
        }
        Ok(std::mem::take(&mut self.out))
    }
}

impl ChatDecoder {
    fn chunk(&mut self, chunk: &Value, is_error: bool) {
        let error = self::error(chunk).or_else(|| is_error.then_some(chunk));
        // Azure opens with an empty chunk about its filters.
        let usage = usage::find(chunk);
        let says = !chunk.string("id").is_empty() || !chunk.list("choices").is_empty() || usage.is_some();
        if !self.has_started && says {
            self.has_started = true;
            self.out.push(Event::Start(start(chunk)));
        }
        if let Some(error) = error {
            self.has_failed = true;
            self.out.push(Event::Failed(failure(0, error)));
            return;
        }
        self.news(chunk);
        self.out.extend(usage.map(Event::Usage));
        for value in chunk.list("choices") {
            let number = u32::try_from(value.count("index")).unwrap_or(0);
            let at = self.choices.iter().position(|choice| choice.number == number).unwrap_or_else(|| {
                self.choices.push(Open { number, ..Open::default() });
                self.choices.len() - 1
            });
            self.choices[at].take(value, &mut self.out);
        }
        // Perplexity repeats its sources in every chunk, beside the choices.
        let sources = ["citations", "search_results"].iter().map(|name| chunk.list(name)).find(|list| !list.is_empty());
        for source in sources.unwrap_or_default() {
            if !self.sources.contains(source)
                && let Some(choice) = self.choices.first()
                && choice.last_text.is_some_and(|text| choice.single == Some((BlockKind::Text, text)))
            {
                self.sources.push(source.clone());
                let place = Place { choice: choice.number, block: choice.last_text.unwrap_or_default() };
                self.out.push(Event::Delta(place, Delta::Citation { dialect: Dialect::Chat, value: source.clone() }));
            }
        }
    }

    fn news(&mut self, chunk: &Value) {
        let mut news = facts(chunk);
        // Padding against traffic analysis by packet length: of no meaning beyond the chunk.
        news.remove("obfuscation");
        news.retain(|name, value| self.facts.get(name) != Some(value));
        if self.has_started && !news.is_empty() {
            self.facts.extend(news.clone());
            self.out.push(Event::Facts(news));
        }
    }
}

impl Open {
    fn take(&mut self, choice: &Value, out: &mut Vec<Event>) {
        // Some servers close with a whole message.
        let delta = choice.get("delta").filter(|delta| delta.is_object());
        let delta = delta.or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let details = delta.list("reasoning_details");
        for detail in details {
            self.detail(detail, out);
        }
        extra::merge(&mut self.extra, extra::unknown(delta));
        for (dialect, value) in extra::items(delta) {
            self.whole(Block::Opaque { dialect, value }, out);
        }
        let thought = thought(delta);
        if details.is_empty() && !thought.is_empty() {
            self.grow(BlockKind::Reasoning(String::new()), Delta::Text(thought.to_owned()), out);
        }
        match delta.get("content") {
            Some(Value::String(text)) if !text.is_empty() => self.grow(BlockKind::Text, Delta::Text(text.clone()), out),
            Some(Value::Array(parts)) => parts.iter().for_each(|value| self.part(value, out)),
            _ => {}
        }
        if let Some(text) = delta.text("refusal").filter(|text| !text.is_empty()) {
            self.grow(BlockKind::Refusal, Delta::Text(text.to_owned()), out);
        }
        self.logprobs.extend(choice.get("logprobs").unwrap_or(&Value::Null).list("content").iter().cloned());
        if !self.logprobs.is_empty() && self.single.as_ref().is_some_and(|(open, _)| *open == BlockKind::Text) {
            let logprobs = std::mem::take(&mut self.logprobs);
            self.grow(BlockKind::Text, Delta::Logprobs(logprobs), out);
        }
        for source in delta.list("annotations") {
            self.grow(BlockKind::Text, Delta::Citation { dialect: Dialect::Chat, value: source.clone() }, out);
        }
        for image in delta.list("images") {
            let whole = picture(image);
            self.signed(whole.block, whole.signature, out);
        }
        if let Some(proof) = extra::signature(delta) {
            self.proof(proof, out);
        }
        for piece in delta.list("tool_calls").iter().chain(old_call(delta).as_ref()) {
            let steps = self.calls.piece(piece);
            self.step(steps, out);
        }
        if let Some(word) = choice.text("finish_reason").filter(|word| !word.is_empty()) {
            self.finish = Some(word.to_owned());
            self.stop = stop(choice);
        }
    }

    fn detail(&mut self, detail: &Value, out: &mut Vec<Event>) {
        let kind =
            BlockKind::Reasoning(format!("{}{}", detail.count("index"), detail.text("type").unwrap_or_default()));
        let text = detail.text("text").or_else(|| detail.text("summary")).filter(|text| !text.is_empty());
        let deltas = [
            text.map(|text| Delta::Text(text.to_owned())),
            extra::proof(detail, "signature").map(Delta::Signature),
            extra::proof(detail, "data").map(Delta::Encrypted),
        ];
        if self.single.as_ref().is_none_or(|(open, _)| *open != kind) {
            let id = detail.text("id").map(str::to_owned);
            self.begin(kind.clone(), Block::Reasoning { id }, out);
        }
        for delta in deltas.into_iter().flatten() {
            self.grow(kind.clone(), delta, out);
        }
    }

    fn part(&mut self, value: &Value, out: &mut Vec<Event>) {
        let whole = part(value);
        match whole.block {
            Block::Text => self.grow(BlockKind::Text, Delta::Text(whole.text), out),
            Block::Refusal => self.grow(BlockKind::Refusal, Delta::Text(whole.text), out),
            Block::Reasoning { .. } => self.grow(BlockKind::Reasoning(String::new()), Delta::Text(whole.text), out),
            Block::Call { .. } | Block::Media { .. } | Block::Opaque { .. } => self.whole(whole.block, out),
        }
    }

    /// A signature of the whole message, which is a block of its own.
    fn proof(&mut self, proof: Proof, out: &mut Vec<Event>) {
        self.begin(BlockKind::Reasoning(String::new()), Block::Reasoning { id: None }, out);
        self.grow(BlockKind::Reasoning(String::new()), Delta::Signature(proof), out);
        self.close_single(out);
    }

    fn next(&mut self) -> u32 {
        self.n_blocks += 1;
        self.n_blocks - 1
    }

    fn place(&self, block: u32) -> Place {
        Place { choice: self.number, block }
    }

    fn close_single(&mut self, out: &mut Vec<Event>) {
        if let Some((_, block)) = self.single.take() {
            out.push(Event::Close(self.place(block)));
        }
    }

    fn begin(&mut self, kind: BlockKind, block: Block, out: &mut Vec<Event>) {
        self.close_single(out);
        let number = self.next();
        if kind == BlockKind::Text {
            self.last_text = Some(number);
        }
        self.single = Some((kind, number));
        out.push(Event::Open(self.place(number), block));
    }

    fn grow(&mut self, kind: BlockKind, delta: Delta, out: &mut Vec<Event>) {
        if self.single.as_ref().is_none_or(|(open, _)| *open != kind) {
            let block = match kind {
                BlockKind::Text => Block::Text,
                BlockKind::Refusal => Block::Refusal,
                BlockKind::Reasoning(_) => Block::Reasoning { id: None },
            };
            self.begin(kind, block, out);
        }
        if let Some((_, block)) = self.single {
            out.push(Event::Delta(self.place(block), delta));
        }
    }

    /// What pieces of calls came to, with places for the calls that begin.
    fn step(&mut self, steps: Vec<Step>, out: &mut Vec<Event>) {
        for step in steps {
            match step {
                Step::Open { call, id, name } => {
                    self.close_single(out);
                    let block = self.next();
                    self.calls.placed(call, block);
                    out.push(Event::Open(self.place(block), Block::Call { id, name }));
                }
                Step::Grow { call, delta } => {
                    out.extend(self.calls.block(call).map(|block| Event::Delta(self.place(block), delta)));
                }
                Step::Close { call } => {
                    out.extend(self.calls.block(call).map(|block| Event::Close(self.place(block))));
                }
            }
        }
    }

    fn whole(&mut self, block: Block, out: &mut Vec<Event>) {
        self.signed(block, None, out);
    }

    fn signed(&mut self, block: Block, signature: Option<Proof>, out: &mut Vec<Event>) {
        self.close_single(out);
        let number = self.next();
        let place = self.place(number);
        out.push(Event::Open(place, block));
        out.extend(signature.map(|proof| Event::Delta(place, Delta::Signature(proof))));
        out.push(Event::Close(place));
    }

    fn end(mut self, out: &mut Vec<Event>) {
        if !self.logprobs.is_empty() {
            let logprobs = std::mem::take(&mut self.logprobs);
            self.grow(BlockKind::Text, Delta::Logprobs(logprobs), out);
        }
        self.close_single(out);
        let steps = self.calls.end();
        let has_calls = self.calls.is_any();
        self.step(steps, out);
        for block in extra::blocks(std::mem::take(&mut self.extra)) {
            self.whole(block, out);
        }
        let reason = match &self.finish {
            Some(word) => finish(word, has_calls),
            None if has_calls => Finish::Calls,
            None => Finish::Stop,
        };
        out.push(Event::Finish { choice: self.number, reason, stop: self.stop });
    }
}

/// What went wrong, wherever a chunk says it: Groq beside its own figures, vLLM in place of everything else.
fn error(chunk: &Value) -> Option<&Value> {
    let places = [chunk.get("error"), chunk.pointer("/choices/0/error"), chunk.pointer("/x_groq/error")];
    let is_whole = chunk.text("object") == Some("error");
    places.into_iter().flatten().find(|error| !error.is_null()).or_else(|| is_whole.then_some(chunk))
}

#[cfg(test)]
mod tests;
