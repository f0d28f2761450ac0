//! What a model answers, in the one form that every dialect is read into and written from.
//!
//! Order that decoders keep and encoders may rely on:
//! 1. `Start` first, once.
//! 2. `Open` of a block before its `Delta`s, then its `Close`; a place is used once. Text and thinking of one choice are
//!    closed before the next block of that choice opens; calls may be open side by side.
//! 3. All blocks of a choice are closed before its `Finish`.
//! 4. `Usage` may come at any time and several times; each holds running totals, so the last one counts.
//! 5. After `Failed` nothing comes.

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::Failure;
use crate::proof::Proof;
use crate::usage::Usage;

/// A step of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start(Start),
    /// A block begins.
    Open(Place, Block),
    /// A block grows.
    Delta(Place, Delta),
    /// A block is complete.
    Close(Place),
    /// A choice is complete.
    Finish {
        /// Which.
        choice: u32,
        /// Why.
        reason: Finish,
        /// Which of the stop texts, where the provider says it.
        stop: Option<String>,
    },
    /// Tokens so far.
    Usage(Usage),
    /// More facts about the whole answer, such as `system_fingerprint` or `service_tier`; later ones win.
    Facts(Map<String, Value>),
    /// The provider gave up in the middle of the answer.
    Failed(Failure),
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// The provider's id of the answer; empty when it gives none.
    pub id: String,
    /// The model that answers, as the provider names it; may be empty.
    pub model: String,
    /// Seconds since 1970, where the provider says it.
    pub created: Option<i64>,
}

/// Where in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which of several answers, from 0.
    pub choice: u32,
    /// Which block of that answer, from 0, in the order of their opening.
    pub block: u32,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Text.
    Text,
    /// Thinking.
    Reasoning {
        /// The provider's id of it.
        id: Option<String>,
    },
    /// A call for the client to make. Grows by [`Delta::Arguments`].
    Call {
        /// What the result refers to. Never empty: a decoder makes one up (`call_<n>`) where the provider has none.
        id: String,
        /// The function.
        name: String,
    },
    /// A refusal in words.
    Refusal,
    /// A picture or sound that the model made, whole.
    Media {
        /// Such as `image/png`.
        mime: String,
        /// Base64.
        data: String,
    },
    /// Something of one dialect that no other has: a search that the provider made, say. Whole; it does not grow.
    Opaque {
        /// Which dialect.
        dialect: Dialect,
        /// The thing, as it stands in a whole answer of that dialect.
        value: Value,
    },
}

/// How a block grows.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// More text, thinking or refusal.
    Text(String),
    /// More of a call's arguments, which are JSON.
    Arguments(String),
    /// Proof that the thinking (or the call, at Gemini) is the model's own.
    Signature(Proof),
    /// Thinking in a form that only the provider reads.
    Encrypted(Proof),
    /// A source of the text, as the dialect says it.
    Citation {
        /// Which dialect.
        dialect: Dialect,
        /// The source.
        value: Value,
    },
    /// Log probabilities of the tokens of the last text, in Chat Completions' shape: the array `content`.
    Logprobs(Vec<Value>),
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was over, or a stop text came.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// Calls are to be made.
    Calls,
    /// The provider held it back.
    Filtered,
    /// The model refused (Anthropic's `refusal`).
    Refused,
    /// The provider pauses a long turn; send the answer back to go on (Anthropic's `pause_turn`).
    Paused,
    /// Something else, in the provider's word.
    Other(String),
}
