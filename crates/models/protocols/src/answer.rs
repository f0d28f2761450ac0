//! A whole answer: the sum of its events, and back.

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::Failure;
use crate::event::{Block, Delta, Event, Finish, Place, Start};
use crate::proof::Proof;
use crate::usage::Usage;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Its head.
    pub start: Start,
    /// The answers, usually one, by their number.
    pub choices: Vec<Choice>,
    /// The last figures that came; absent when none did.
    pub usage: Option<Usage>,
    /// More facts about it.
    pub facts: Map<String, Value>,
    /// What ended it early.
    pub failed: Option<Failure>,
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Its blocks in order.
    pub blocks: Vec<Whole>,
    /// Why it ended; absent when it did not.
    pub finish: Option<Finish>,
    /// The stop text that ended it.
    pub stop: Option<String>,
}

/// A whole block. What does not fit its kind is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    /// What it is.
    pub block: Block,
    /// Text, thinking or refusal; for a call its arguments.
    pub text: String,
    /// Proof that it is the model's own.
    pub signature: Option<Proof>,
    /// Thinking that only the provider reads.
    pub encrypted: Option<Proof>,
    /// Sources of the text.
    pub citations: Vec<(Dialect, Value)>,
    /// Log probabilities of its tokens, in Chat Completions' shape.
    pub logprobs: Vec<Value>,
}

impl From<Block> for Whole {
    fn from(block: Block) -> Self {
        Self {
            block,
            text: String::new(),
            signature: None,
            encrypted: None,
            citations: Vec::new(),
            logprobs: Vec::new(),
        }
    }
}

impl Whole {
    /// A block of text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::from(Block::Text) }
    }

    /// A call with its arguments.
    #[must_use]
    pub fn call(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { text: arguments.into(), ..Self::from(Block::Call { id: id.into(), name: name.into() }) }
    }

    /// A block of thinking.
    #[must_use]
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::from(Block::Reasoning { id: None }) }
    }
}

impl Answer {
    /// The sum of events.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut answer = Self::default();
        for event in events {
            answer.push(event);
        }
        answer
    }

    /// Adds an event.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::Open(place, block) => {
                let blocks = &mut self.choice(place.choice).blocks;
                // Places are given in order, so a block's place is its index.
                blocks.push(Whole::from(block.clone()));
            }
            Event::Delta(place, delta) => {
                if let Some(whole) = self.block(*place) {
                    whole.grow(delta);
                }
            }
            Event::Close(_) => {}
            Event::Finish { choice, reason, stop } => {
                let choice = self.choice(*choice);
                choice.finish = Some(reason.clone());
                choice.stop.clone_from(stop);
            }
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Facts(facts) => self.facts.extend(facts.clone()),
            Event::Failed(failure) => self.failed = Some(failure.clone()),
        }
    }

    fn choice(&mut self, number: u32) -> &mut Choice {
        let index = usize::try_from(number).unwrap_or(usize::MAX).min(127);
        while self.choices.len() <= index {
            self.choices.push(Choice::default());
        }
        &mut self.choices[index]
    }

    fn block(&mut self, place: Place) -> Option<&mut Whole> {
        self.choice(place.choice).blocks.get_mut(usize::try_from(place.block).ok()?)
    }

    /// The events that it is the sum of: each block in one piece.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::Start(self.start.clone())];
        if !self.facts.is_empty() {
            events.push(Event::Facts(self.facts.clone()));
        }
        for (number, choice) in (0_u32..).zip(&self.choices) {
            for (block, whole) in (0_u32..).zip(&choice.blocks) {
                let place = Place { choice: number, block };
                events.push(Event::Open(place, whole.block.clone()));
                events.extend(whole.deltas().into_iter().map(|delta| Event::Delta(place, delta)));
                events.push(Event::Close(place));
            }
            if let Some(reason) = &choice.finish {
                events.push(Event::Finish { choice: number, reason: reason.clone(), stop: choice.stop.clone() });
            }
        }
        events.extend(self.usage.clone().map(Event::Usage));
        events.extend(self.failed.clone().map(Event::Failed));
        events
    }
}

impl Whole {
    pub(crate) fn grow(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(more) | Delta::Arguments(more) => self.text.push_str(more),
            Delta::Signature(more) => Proof::grow(&mut self.signature, more),
            Delta::Encrypted(more) => Proof::grow(&mut self.encrypted, more),
            Delta::Citation { dialect, value } => self.citations.push((*dialect, value.clone())),
            Delta::Logprobs(more) => self.logprobs.extend(more.iter().cloned()),
        }
    }

    /// What it grows by, in one piece each.
    pub(crate) fn deltas(&self) -> Vec<Delta> {
        let mut deltas = Vec::new();
        if !self.text.is_empty() {
            let text = self.text.clone();
            deltas.push(match self.block {
                Block::Call { .. } => Delta::Arguments(text),
                _ => Delta::Text(text),
            });
        }
        if !self.logprobs.is_empty() {
            deltas.push(Delta::Logprobs(self.logprobs.clone()));
        }
        deltas.extend(self.signature.clone().map(Delta::Signature));
        deltas.extend(self.encrypted.clone().map(Delta::Encrypted));
        let citations = self.citations.iter().cloned();
        deltas.extend(citations.map(|(dialect, value)| Delta::Citation { dialect, value }));
        deltas
    }
}
