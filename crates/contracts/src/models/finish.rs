//! Why an answer ended, whatever word a provider has for it.

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was over.
    Stop,
    /// The limit of tokens was reached, or the context was full.
    Length,
    /// The provider held the rest back.
    Filtered,
    /// Calls are to be made.
    Calls,
    /// The provider gave up, in its own word.
    Broken(String),
    /// Something else, in the provider's word.
    Other(String),
}

impl Finish {
    /// Reads the word that a provider wrote into `finish_reason`. What the model gateway translates reads the same words in
    /// `septet_protocols::chat`, which knows this crate as little as this one knows it.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" | "" => Self::Stop,
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "model_length"
            | "max_length"
            | "model_context_window_exceeded" => Self::Length,
            "content_filter"
            | "content_filtered"
            | "sensitive"
            | "safety"
            | "refusal"
            | "recitation"
            | "blocklist"
            | "prohibited_content"
            | "spii"
            | "guardrail_intervened" => Self::Filtered,
            "tool_calls" | "tool_call" | "tool_use" | "function_call" => Self::Calls,
            "error"
            | "network_error"
            | "insufficient_system_resource"
            | "malformed_function_call"
            | "malformed_tool_use"
            | "malformed_model_output"
            | "abort" => Self::Broken(word.to_owned()),
            _ => Self::Other(word.to_owned()),
        }
    }
}
