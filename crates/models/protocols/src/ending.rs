//! Checks the finish reason of an answer against its content.
//!
//! Some servers say `stop` and have called tools, or say that they call tools and call none: the first is a turn with
//! calls, the second has failed. A client that believed the reason would skip the calls, or wait for results that never
//! come.

use std::collections::BTreeSet;

use crate::answer::Answer;
use crate::codec::Decoder;
use crate::error::{Failure, Unreadable};
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;

/// The code of an answer that announces calls and has none.
pub const CALLS_MISSING: &str = "calls_missing";

/// What an answer that announces calls and has none has failed with.
#[must_use]
pub fn calls_missing() -> Failure {
    Failure {
        status: 502,
        code: CALLS_MISSING.to_owned(),
        message: "the answer says that it calls tools, and there is no call in it".to_owned(),
        ..Failure::default()
    }
}

/// The reason that fits.
fn fit(reason: &Finish, has_calls: bool, has_strange: bool) -> Result<Finish, Failure> {
    match reason {
        Finish::Stop if has_calls => Ok(Finish::Calls),
        // What no other dialect has may be a call of one dialect alone.
        Finish::Calls if !has_calls && !has_strange => Err(calls_missing()),
        other => Ok(other.clone()),
    }
}

/// A whole answer with reasons that fit.
pub(crate) fn fitted(mut answer: Answer) -> Answer {
    for choice in &mut answer.choices {
        let has = |wanted: fn(&Block) -> bool| choice.blocks.iter().any(|whole| wanted(&whole.block));
        let (has_calls, has_strange) = (has(is_call), has(is_strange));
        match choice.finish.as_ref().map(|reason| fit(reason, has_calls, has_strange)) {
            Some(Ok(reason)) => choice.finish = Some(reason),
            Some(Err(failure)) => drop(answer.failed.get_or_insert(failure)),
            None => {}
        }
    }
    answer
}

/// A reader whose reasons fit.
pub(crate) struct Fitting {
    inner: Box<dyn Decoder>,
    // Choices with calls, and those with blocks of one dialect alone.
    calls: BTreeSet<u32>,
    strange: BTreeSet<u32>,
    has_failed: bool,
}

impl Fitting {
    pub(crate) fn new(inner: Box<dyn Decoder>) -> Self {
        Self { inner, calls: BTreeSet::new(), strange: BTreeSet::new(), has_failed: false }
    }

    fn fitted(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        for at in 0..events.len() {
            match &events[at] {
                Event::Open(place, block) if is_call(block) => drop(self.calls.insert(place.choice)),
                Event::Open(place, block) if is_strange(block) => drop(self.strange.insert(place.choice)),
                Event::Finish { choice, reason, stop } => {
                    let (choice, stop) = (*choice, stop.clone());
                    match fit(reason, self.calls.contains(&choice), self.strange.contains(&choice)) {
                        Ok(reason) => events[at] = Event::Finish { choice, reason, stop },
                        Err(failure) => {
                            self.has_failed = true;
                            // The figures that came with it count, and after a failure nothing comes.
                            let figures = events.drain(at..).filter(|event| matches!(event, Event::Usage(_)));
                            let figures: Vec<Event> = figures.collect();
                            events.extend(figures);
                            events.push(Event::Failed(failure));
                            return events;
                        }
                    }
                }
                _ => {}
            }
        }
        events
    }
}

impl Decoder for Fitting {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        if self.has_failed {
            return Ok(Vec::new());
        }
        let events = self.inner.frame(frame)?;
        Ok(self.fitted(events))
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        if self.has_failed {
            return Ok(Vec::new());
        }
        let events = self.inner.end()?;
        Ok(self.fitted(events))
    }
}

fn is_call(block: &Block) -> bool {
    matches!(block, Block::Call { .. })
}

fn is_strange(block: &Block) -> bool {
    matches!(block, Block::Opaque { .. })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::Dialect;

    /// The same ends in the dialects of providers: a stream of one frame with a name, or a whole body.
    fn whole(dialect: Dialect, body: &Value) -> Answer {
        dialect.decode_answer(body).unwrap()
    }

    fn finish(answer: &Answer) -> Option<Finish> {
        answer.choices[0].finish.clone()
    }

    #[test]
    fn calls_with_another_word_are_calls_in_every_dialect() {
        let function = json!({"name": "f", "arguments": "{}"});
        let chat = json!({"choices": [{"finish_reason": "stop", "message": {"tool_calls": [{"id": "a", "function": function}]}}]});
        let old = json!({"choices": [{"finish_reason": "stop", "message": {"function_call": function}}]});
        let anthropic =
            json!({"content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}], "stop_reason": "end_turn"});
        let bedrock = json!({"stopReason": "end_turn", "output": {"message": {"role": "assistant",
            "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]}}});
        for (dialect, body) in
            [(Dialect::Chat, chat), (Dialect::Chat, old), (Dialect::Anthropic, anthropic), (Dialect::Bedrock, bedrock)]
        {
            assert_eq!(finish(&whole(dialect, &body)), Some(Finish::Calls), "{body}");
        }
    }

    #[test]
    fn an_answer_that_announces_calls_and_has_none_has_failed() {
        let chat =
            json!({"choices": [{"finish_reason": "tool_calls", "message": {"content": "hm", "tool_calls": []}}]});
        let anthropic = json!({"content": [{"type": "text", "text": "hm"}], "stop_reason": "tool_use"});
        for (dialect, body) in [(Dialect::Chat, chat), (Dialect::Anthropic, anthropic)] {
            let failed = whole(dialect, &body).failed.unwrap();
            assert_eq!((failed.status, failed.code.as_str()), (502, CALLS_MISSING), "{body}");
        }
        let mut decoder = Dialect::Chat.decoder();
        let chunk = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": "hm"}, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
        let mut events = decoder.frame(&Frame::plain(chunk.to_string())).unwrap();
        events.extend(decoder.end().unwrap());
        assert_eq!(events.last(), Some(&Event::Failed(calls_missing())));
        assert_eq!(Answer::of(&events).usage.map(|usage| usage.input), Some(3));
    }

    #[test]
    fn calls_that_were_cut_off_stay_cut_off() {
        let body = json!({"choices": [{"finish_reason": "length",
            "message": {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{\"a\":"}}]}}]});
        assert_eq!(finish(&whole(Dialect::Chat, &body)), Some(Finish::Length));
    }
}
