//! Texts into vectors: requested in OpenAI's shape, answered by any provider with embeddings.
//!
//! Token ids in place of texts go to OpenAI-compatible providers only: the others have other tokens, so they are
//! refused there instead of guessed at. A request with more texts than a provider takes becomes several.

mod read;
mod write;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use read::{answer as decode_answer, request as decode_request};
pub use write::{answer as encode_answer, request as encode_request};

use crate::usage::Usage;

/// How a provider is asked for vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI's `/v1/embeddings`, and all that are compatible with it.
    OpenAi,
    /// Voyage's: OpenAI's shape with `input_type` and `output_dimension`.
    Voyage,
    /// Mistral's: OpenAI's shape with `output_dimension`.
    Mistral,
    /// Cohere's `/v2/embed`.
    Cohere,
    /// Google's `models/<model>:batchEmbedContents`.
    Gemini,
    /// Vertex AI's `models/<model>:predict`.
    Vertex,
    /// Ollama's `/api/embed`.
    Ollama,
    /// Amazon's Titan through Bedrock's `invoke`; one text a call.
    Titan,
    /// Cohere's models through Bedrock's `invoke`.
    BedrockCohere,
}

impl Api {
    /// The most texts in one call.
    #[must_use]
    pub fn most_texts(self) -> usize {
        match self {
            Self::OpenAi => 2_048,
            Self::Voyage => 1_000,
            Self::Vertex => 250,
            Self::Mistral => 512,
            Self::Gemini => 100,
            Self::Cohere | Self::BedrockCohere => 96,
            Self::Titan => 1,
            // No limit is documented; the server cuts its own batches.
            Self::Ollama => 2_048,
        }
    }
}

/// A request for vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The model, as the client names it.
    pub model: String,
    /// What is embedded.
    pub input: Input,
    /// How long the vectors should be.
    pub dimensions: Option<u64>,
    /// Whether the client wants little-endian 32-bit floats in base64.
    pub is_base64: bool,
    /// What the vectors are for.
    pub purpose: Option<Purpose>,
    /// Who asks.
    pub user: Option<String>,
    /// Fields that are not understood.
    pub extra: Map<String, Value>,
}

/// What is embedded. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Texts.
    Texts(Vec<String>),
    /// Texts as token ids of the model.
    Tokens(Vec<Vec<u64>>),
}

/// What vectors are for. Some models make others for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To search with.
    Query,
    /// To be found.
    Document,
    /// To be sorted into classes.
    Classification,
    /// To be grouped.
    Clustering,
    /// To be compared.
    Similarity,
}

/// The vectors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The model as the provider names it; may be empty.
    pub model: String,
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f64>>,
    /// What was read; absent where the provider does not say it in the body (Bedrock's Cohere says it in a header).
    pub usage: Option<Usage>,
}

impl Answer {
    /// Adds the answer to the next part of a request that was cut.
    pub fn append(&mut self, next: Self) {
        self.vectors.extend(next.vectors);
        if self.model.is_empty() {
            self.model = next.model;
        }
        match (&mut self.usage, next.usage) {
            (Some(usage), Some(next)) => {
                usage.input = usage.input.saturating_add(next.input);
                usage.raw = match std::mem::take(&mut usage.raw) {
                    Value::Array(mut all) => {
                        all.push(next.raw);
                        all.into()
                    }
                    first => Value::Array(vec![first, next.raw]),
                };
            }
            (usage @ None, next) => *usage = next,
            (Some(_), None) => {}
        }
    }
}
