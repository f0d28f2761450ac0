//! Chat Completions: OpenAI's, and that of everyone who is compatible with it.
//!
//! Read generously, since every provider departs somewhere: thinking comes as `reasoning_content` (DeepSeek, Qwen, GLM,
//! Kimi), `reasoning` (OpenRouter, Groq, vLLM), `reasoning_details` (OpenRouter) or as parts of the content (Mistral).
//! Written strictly, with additions that clients are used to: `reasoning_content`, `reasoning_details` for what the
//! provider wants to have back unchanged, and `provider_items` for what no other dialect has.

mod answer;
mod ask;
mod decoder;
mod encoder;
mod extra;
mod read;
mod usage;

pub use answer::{decode as decode_answer, decode_failure, encode as encode_answer, encode_failure};
pub use ask::encode as encode_request;
pub use decoder::ChatDecoder;
pub use encoder::ChatEncoder;
pub use read::decode as decode_request;
pub use usage::{decode as decode_usage, encode as encode_usage, find as find_usage};
