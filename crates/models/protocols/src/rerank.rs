//! Documents in the order of their relevance to a question: asked in the shape that Jina and Cohere share.
//!
//! Documents are not sent back by every provider, so they are put into the answer from the request.

mod read;
mod write;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use read::{answer as decode_answer, request as decode_request};
pub use write::{answer as encode_answer, request as encode_request};

use crate::usage::Usage;

/// How a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// Cohere's `/v2/rerank`.
    Cohere,
    /// Jina's `/v1/rerank`; also vLLM, OpenRouter, Together, Infinity and others.
    Jina,
    /// Voyage's `/v1/rerank`.
    Voyage,
    /// DashScope's `/services/rerank/text-rerank/text-rerank`.
    DashScope,
    /// The `/rerank` of text-embeddings-inference, with `texts`.
    Texts,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The model, as the client names it.
    pub model: String,
    /// The question.
    pub query: String,
    /// The documents' texts. Never empty.
    pub documents: Vec<String>,
    /// How many to give back; all when absent.
    pub top_n: Option<u64>,
    /// Whether the answer holds the texts.
    pub wants_documents: bool,
    /// Fields that are not understood.
    pub extra: Map<String, Value>,
}

/// The order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The provider's id; may be empty.
    pub id: String,
    /// The model as the provider names it; may be empty.
    pub model: String,
    /// Best first.
    pub ranks: Vec<Rank>,
    /// What was read, where the provider counts tokens.
    pub usage: Option<Usage>,
    /// What Cohere counts in place of tokens.
    pub search_units: Option<u64>,
}

/// One document's worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rank {
    /// Its place in the request.
    pub index: usize,
    /// More is better; comparable within one answer.
    pub score: f64,
}
