//! Proof that thinking, a call or a picture is a model's own, and who made it.
//!
//! Providers sign what their models think, or seal it, and want it back with the conversation. A provider that receives
//! another's proof answers 400, for example after a fallback in the middle of a conversation, or when a conversation is
//! resumed with another provider. So a proof knows its maker, and a request holds only those that its provider made;
//! the others are left out, with the thinking that they prove where the provider does not take it without.
//!
//! Who made it, in this order:
//! 1. **The mark** that we put before it when a client of another dialect got it in a field that has no place for the
//!    maker: `septet:gemini:AY89..`. Clients give such fields back as they came. In Chat Completions the maker stands
//!    beside the proof, as OpenRouter writes it: `"format": "anthropic-claude-v1"`.
//! 2. **Its form**, where it is of a known one. OpenAI's sealed thinking is a Fernet token (`gAAAA..`). Anthropic's and
//!    Google's are base64 of protocol buffers that begin in different ways; Anthropic's are the same at Amazon's Bedrock
//!    and at Google's Vertex AI, and good at all three.
//! 3. **The dialect that it came in by.** One that arrived in Anthropic's dialect and does not look like a proof at
//!    all, such as the ids that some compatible providers write there, has no maker.
//!
//! A request in the dialect of its provider is passed on untouched. [`has_foreign`] tells cheaply whether it should not be,
//! and [`strip_foreign`] takes out what the provider would refuse.

mod foreign;
mod form;

use std::borrow::Cow;

pub use foreign::{has_foreign, strip_foreign};

use crate::dialect::Dialect;

// What stands before a proof in a field of another dialect, with the name of the maker's and another colon behind it.
const MARK: &str = "septet:";

/// A signature, or something sealed that only its maker reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The dialect of the maker; [`Dialect::Anthropic`] for Anthropic's models at Bedrock, too. [`Dialect::Chat`]
    /// stands for an unknown maker: only a provider that sorts proofs out itself (OpenRouter) gets these back.
    pub by: Dialect,
    /// The proof, as the maker wrote it.
    pub text: String,
}

impl Proof {
    /// A proof of a known maker.
    #[must_use]
    pub fn made_by(by: Dialect, text: impl Into<String>) -> Self {
        Self { by, text: text.into() }
    }

    /// A proof that came in a field of `carrier` that tells no maker, from a client or from a provider.
    #[must_use]
    pub fn of(carrier: Dialect, text: &str) -> Self {
        if let Some((name, text)) = text.strip_prefix(MARK).and_then(|rest| rest.split_once(':'))
            && let Some(by) = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name)
        {
            return Self::made_by(by, text);
        }
        let by = match (form::maker(text), carrier) {
            (Some(by), _) => by,
            (None, Dialect::Anthropic) if !form::is_like_anthropics(text) => Dialect::Chat,
            (None, Dialect::Chat) if form::is_raw_googles(text) => Dialect::Gemini,
            (None, carrier) => carrier,
        };
        Self::made_by(by, text)
    }

    /// The text for a field of `client` that has no place for the maker: as it is where `client` is the maker's dialect,
    /// else with the mark.
    #[must_use]
    pub fn for_client(&self, client: Dialect) -> Cow<'_, str> {
        if self.by == client {
            return Cow::Borrowed(&self.text);
        }
        Cow::Owned(format!("{MARK}{}:{}", self.by.name(), self.text))
    }

    /// The maker in OpenRouter's words.
    pub(crate) fn format(&self) -> Option<&'static str> {
        Some(match self.by {
            Dialect::Anthropic => "anthropic-claude-v1",
            Dialect::Gemini => "google-gemini-v1",
            Dialect::Responses if form::maker(&self.text).is_some() => "openai-responses-v1",
            Dialect::Responses => "xai-responses-v1",
            Dialect::Bedrock => "septet-bedrock",
            Dialect::Chat | Dialect::Ollama | Dialect::Cohere => return None,
        })
    }

    /// A proof whose maker stands beside it in OpenRouter's words.
    pub(crate) fn with_format(format: Option<&str>, text: &str) -> Self {
        let known = [
            ("anthropic", Dialect::Anthropic),
            ("google", Dialect::Gemini),
            ("openai", Dialect::Responses),
            ("azure-openai", Dialect::Responses),
            ("xai", Dialect::Responses),
            ("septet-bedrock", Dialect::Bedrock),
        ];
        let by = known.into_iter().find(|(start, _)| format.is_some_and(|format| format.starts_with(start)));
        by.map_or_else(|| Self::of(Dialect::Chat, text), |(_, by)| Self::made_by(by, text))
    }

    /// Adds a piece to what came before.
    pub(crate) fn grow(before: &mut Option<Self>, more: &Self) {
        match before {
            Some(before) => before.text.push_str(&more.text),
            None => *before = Some(more.clone()),
        }
    }
}

/// The text of a proof that a provider of `target` made.
pub(crate) fn own(proof: Option<&Proof>, target: Dialect) -> Option<&str> {
    proof.filter(|proof| proof.by == target).map(|proof| proof.text.as_str())
}

/// Whether a name in [`Encoded::dropped`](crate::Encoded::dropped) is that of another provider's proof in the history.
/// The client did not ask for it, and the conversation is complete without it: leaving it out is no reason to refuse a
/// request.
#[must_use]
pub fn is_of_history(dropped: &str) -> bool {
    dropped.starts_with("messages[") && dropped.ends_with(".signature")
}

#[cfg(test)]
mod tests;
