//! Tokens, with one meaning.

use serde_json::Value;

/// What an answer used. Running totals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// Read by the model, all of it: fresh, from the cache and into the cache. Providers differ here: OpenAI and Gemini
    /// count the cached ones in, Anthropic and Bedrock count them apart; decoders add them up.
    pub input: u64,
    /// Of `input`, from the provider's cache.
    pub cached: u64,
    /// Of `input`, written to the provider's cache.
    pub cache_write: u64,
    /// Of `cache_write`, kept for an hour, which costs more.
    pub cache_write_1h: u64,
    /// Written by the model, all of it, thinking included. Gemini counts thinking apart; decoders add it.
    pub output: u64,
    /// Of `output`, thinking.
    pub reasoning: u64,
    /// What the provider says the call cost, in its currency, as the decimal text it wrote (OpenRouter, xAI, Perplexity).
    pub said_cost: Option<String>,
    /// The provider's own figures, as they stand.
    pub raw: Value,
}

impl Usage {
    /// All tokens.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}
