//! Counts what a call used: the provider's own figures where it gives any, an estimate where it does not.

use septet_contracts::models::{MOST_COST_NANO, MOST_TOKENS};
use septet_prices::Service;
use septet_protocols::{Delta, Event, Usage};
use serde_json::Value;

use crate::tier;

/// What a call has used so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    said: Option<Usage>,
    /// The service tier that the provider says it gave.
    tier: Option<Service>,
    /// What the model wrote, as far as it was received: for the estimate when the provider reports no usage.
    heard: Heard,
    /// The tokens of request and answer, once they were counted here.
    estimate: Option<Estimate>,
    /// Figures of the provider that cannot be true.
    doubt: Option<String>,
}

/// Tokens that were counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Estimate {
    pub input: u64,
    pub output: u64,
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

    /// Without the escapes.
    fn unescaped(&self) -> String {
        unescaped(&self.text)
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
        match absurdity(&usage) {
            Some(doubt) => self.doubt = Some(doubt),
            None => self.said = Some(usage),
        }
    }

    /// What the provider said that cannot be true, in words. It is not among the figures.
    pub(crate) fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
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
        self.estimate = None;
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

    /// What is still to be counted here: nothing where the provider said it all, or where it was counted before.
    ///
    /// `is_complete` says whether the answer came to its end: figures that came in the middle of a stream (Anthropic's
    /// first event) say nothing about what was written after them.
    pub(crate) fn uncounted(&self, is_complete: bool) -> Option<Uncounted> {
        let is_said = self.said.is_some();
        if self.estimate.is_some() || (is_said && is_complete) {
            return None;
        }
        Some(Uncounted { heard: self.heard.unescaped(), wants_input: !is_said })
    }

    /// What was counted.
    pub(crate) fn counted(&mut self, estimate: Estimate) {
        self.estimate = Some(estimate);
    }

    /// The figures as they stand; what [`Meter::uncounted`] names has to be counted before.
    pub(crate) fn count(&self, is_complete: bool) -> Counted {
        let Estimate { input, output } = self.estimate.unwrap_or_default();
        match &self.said {
            Some(usage) if is_complete => Counted { usage: usage.clone(), estimated: false },
            Some(usage) => {
                let output = usage.output.max(output);
                let estimated = output != usage.output;
                // What the provider said it cost was for less.
                let said_cost = usage.said_cost.clone().filter(|_| !estimated);
                Counted { usage: Usage { output, said_cost, ..usage.clone() }, estimated }
            }
            None => Counted { usage: Usage { input, output, ..Usage::default() }, estimated: true },
        }
    }
}

/// Why a provider's figures cannot be true: a bug of the provider must not be billed.
fn absurdity(usage: &Usage) -> Option<String> {
    let counts = [
        ("input", usage.input),
        ("cached", usage.cached),
        ("cache write", usage.cache_write),
        ("cache write for an hour", usage.cache_write_1h),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
    ];
    if let Some((name, count)) = counts.into_iter().find(|(_, count)| *count > MOST_TOKENS) {
        return Some(format!("{count} {name} tokens"));
    }
    let said = usage.said_cost.as_deref()?;
    let is_sound = septet_prices::nano(said).is_some_and(|cost| (0..=MOST_COST_NANO).contains(&cost));
    (!is_sound).then(|| format!("a cost of {}", said.chars().take(64).collect::<String>()))
}

/// What is to be counted of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Uncounted {
    /// What the model wrote.
    pub heard: String,
    /// Whether nobody said what it read either.
    pub wants_input: bool,
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
                // One half of a surrogate pair counts for the whole character.
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
    fn without_figures_everything_is_to_be_counted() {
        let mut meter = Meter::default();
        meter.heard(b"abcdefgh");
        meter.heard("营业收入".as_bytes());
        let uncounted = Uncounted { heard: "abcdefgh营业收入".to_owned(), wants_input: true };
        assert_eq!(meter.uncounted(true), Some(uncounted));

        meter.counted(Estimate { input: 3, output: 5 });
        assert_eq!(meter.uncounted(true), None);
        let counted = meter.count(true);
        assert_eq!((counted.usage.input, counted.usage.output, counted.estimated), (3, 5, true));

        meter.heard(b"more");
        assert!(meter.uncounted(true).is_some(), "what came later was not counted");
    }

    #[test]
    fn figures_from_the_middle_of_a_stream_do_not_hide_what_came_after() {
        let mut meter = Meter::default();
        meter.said(Usage { input: 12, output: 1, ..Usage::default() });
        meter.heard(b"abcdefghijklmnop");

        assert_eq!((meter.uncounted(true), meter.count(true).usage.output), (None, 1));
        assert!(meter.uncounted(false).is_some_and(|uncounted| !uncounted.wants_input));
        meter.counted(Estimate { input: 0, output: 4 });
        let cut_off = meter.count(false);
        assert_eq!((cut_off.usage.input, cut_off.usage.output, cut_off.estimated), (12, 4, true));
    }

    #[test]
    fn figures_that_cannot_be_true_are_not_believed() {
        let absurd = [
            Usage { input: 9_000_000_000_000_000_000, ..Usage::default() },
            Usage { output: MOST_TOKENS + 1, ..Usage::default() },
            Usage { input: 1, said_cost: Some("-3".to_owned()), ..Usage::default() },
            Usage { input: 1, said_cost: Some("1e30".to_owned()), ..Usage::default() },
        ];
        for usage in absurd {
            let mut meter = Meter::default();
            meter.said(usage);
            assert!(meter.doubt().is_some() && meter.figures().is_none());
            assert!(meter.uncounted(true).is_some(), "it is counted here");
        }
        let mut meter = Meter::default();
        meter.said(Usage { input: MOST_TOKENS, said_cost: Some("12.5".to_owned()), ..Usage::default() });
        assert!(meter.doubt().is_none() && meter.figures().is_some());
    }

    #[test]
    fn escapes_count_as_the_characters_that_they_stand_for() {
        assert_eq!(unescaped(br#"\u8425\u4e1a\n"#).chars().count(), 3);
    }
}
