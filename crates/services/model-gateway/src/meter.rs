//! Counts what a call used: the provider's own figures where it gives any, an estimate where it does not.

use septet_prices::Service;
use septet_protocols::{Delta, Event, Usage};
use serde_json::Value;

use crate::asked::Asked;
use crate::tier;

/// What a call has used so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    said: Option<Usage>,
    /// The service tier that the provider says it gave.
    tier: Option<Service>,
    /// What the model wrote, as far as it was heard: for the estimate when nobody says the figures.
    heard: Heard,
}

/// The text that a model wrote. Kept until the figures are there; a stream that is cut off may never give them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// As it stands in the JSON, with its escapes.
    text: Vec<u8>,
}

impl Heard {
    /// Adds text.
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// About how many tokens it is.
    fn n_tokens(&self) -> u64 {
        n_tokens(&unescaped(&self.text))
    }
}

/// Tokens, for the bill and the record.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Counted {
    /// The figures.
    pub usage: Usage,
    /// Whether they were counted here because the provider did not say.
    pub estimated: bool,
}

impl Meter {
    /// The provider says what was used so far.
    pub(crate) fn said(&mut self, usage: Usage) {
        let tier = usage.raw.get("service_tier").or_else(|| usage.raw.get("serviceTier"));
        self.got(tier);
        self.said = Some(usage);
    }

    /// The provider says which service tier the call got, as a word or as Bedrock's object.
    pub(crate) fn got(&mut self, tier: Option<&Value>) {
        let word = tier.and_then(|tier| tier.get("type").unwrap_or(tier).as_str());
        self.tier = word.and_then(tier::read).or(self.tier);
    }

    /// The service tier that the call got, as far as the provider says it.
    pub(crate) fn tier(&self) -> Option<Service> {
        self.tier
    }

    /// Whether anything is known that may have cost.
    pub(crate) fn is_used(&self) -> bool {
        self.said.is_some() || !self.heard.text.is_empty()
    }

    /// The model wrote this.
    pub(crate) fn heard(&mut self, text: &[u8]) {
        self.heard.add(text);
    }

    /// Looks at an event.
    pub(crate) fn see(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.said(usage.clone()),
            Event::Delta(_, Delta::Text(text) | Delta::Arguments(text)) => self.heard(text.as_bytes()),
            Event::Facts(facts) => self.got(facts.get("service_tier").or_else(|| facts.get("serviceTier"))),
            Event::Start(_)
            | Event::Open(..)
            | Event::Delta(..)
            | Event::Close(_)
            | Event::Finish { .. }
            | Event::Failed(_) => {}
        }
    }

    /// The provider's figures, where it gave any.
    pub(crate) fn figures(&self) -> Option<&Usage> {
        self.said.as_ref()
    }

    /// The figures that the provider did not say.
    pub(crate) fn estimate(&self, asked: &Asked) -> Usage {
        self.count(|| asked.input_tokens(), true).usage
    }

    /// The figures as they stand. `is_complete` says whether the answer came to its end: figures that came in the
    /// middle of a stream (Anthropic's first event) say nothing about what was written after them.
    pub(crate) fn count(&self, asked: impl FnOnce() -> u64, is_complete: bool) -> Counted {
        match &self.said {
            Some(usage) if is_complete => Counted { usage: usage.clone(), estimated: false },
            Some(usage) => {
                let output = usage.output.max(self.heard.n_tokens());
                let estimated = output != usage.output;
                // What the provider said it cost was for less.
                let said_cost = usage.said_cost.clone().filter(|_| !estimated);
                Counted { usage: Usage { output, said_cost, ..usage.clone() }, estimated }
            }
            None => {
                let usage = Usage { input: asked(), output: self.heard.n_tokens(), ..Usage::default() };
                Counted { usage, estimated: true }
            }
        }
    }
}

/// About how many tokens a text is: four letters are a token, and a Chinese character is about three quarters of one
/// (measured on o200k; other tokenisers differ by a third either way).
pub(crate) fn n_tokens(text: &str) -> u64 {
    let quarters: u64 = text.chars().map(|char| if char.is_ascii() { 1 } else { 3 }).sum();
    quarters.div_ceil(4)
}

/// Texts of JSON without their escapes. What is cut in the middle of an escape loses that one character.
fn unescaped(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if !text.contains('\\') {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                // Half of a pair stands for one character of the other planes.
                out.push(code.unwrap_or('\u{fffd}'));
            }
            Some(_) => out.push(' '),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_figures_the_text_is_counted() {
        let mut meter = Meter::default();
        meter.heard(b"abcdefgh");
        meter.heard("营业收入".as_bytes());

        let counted = meter.count(|| 3, true);
        assert_eq!((counted.usage.input, counted.usage.output, counted.estimated), (3, 5, true));
    }

    #[test]
    fn figures_from_the_middle_of_a_stream_do_not_hide_what_came_after() {
        let mut meter = Meter::default();
        meter.said(Usage { input: 12, output: 1, ..Usage::default() });
        meter.heard(b"abcdefghijklmnop");

        assert_eq!(meter.count(|| 0, true).usage.output, 1);
        let cut_off = meter.count(|| 0, false);
        assert_eq!((cut_off.usage.input, cut_off.usage.output, cut_off.estimated), (12, 4, true));
    }

    #[test]
    fn escapes_count_as_the_characters_that_they_stand_for() {
        assert_eq!(unescaped(br#"\u8425\u4e1a\n"#).chars().count(), 3);
    }
}
