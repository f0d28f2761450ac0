//! Chat Completions: OpenAI's, and that of everyone who is compatible with it.
//!
//! Read generously, since every provider departs somewhere: thinking comes as `reasoning_content` (DeepSeek, Qwen, GLM,
//! Kimi), `reasoning` (OpenRouter, Groq, vLLM), `reasoning_details` (OpenRouter) or as parts of the content (Mistral).
//! Written strictly, with two additions that clients are used to: `reasoning_content`, and `reasoning_details` for what
//! the provider wants to have back unchanged.

mod read;
mod usage;

pub use read::decode as decode_request;
pub use usage::{decode as decode_usage, encode as encode_usage};
