//! Chat Completions: OpenAI's, and that of everyone who is compatible with it.
//!
//! Reading is lenient, since every provider deviates somewhere: thinking comes as `reasoning_content` (DeepSeek, Qwen,
//! GLM, Kimi), `reasoning` (OpenRouter, Groq, vLLM), `reasoning_details` (OpenRouter) or as parts of the content
//! (Mistral). Asked in the provider's own words where the clients' differ: see [`Thinking`](crate::dialect::Thinking)
//! and [`Forcing`](crate::dialect::Forcing); [`adapt`] finds what has to change in a request that is not translated.
//! Writing is strict, with additions that are common among clients: `reasoning_content`, `reasoning_details` for what
//! the provider wants to have back unchanged, and `provider_items` for what no other dialect has.

mod adapt;
mod answer;
mod ask;
mod decoder;
mod encoder;
mod extent;
mod extra;
mod forced;
mod read;
mod thinking;
mod usage;

pub use adapt::{Adapted, STEERING, adapt};
pub use answer::{decode as decode_answer, decode_failure, encode as encode_answer, encode_failure};
pub use ask::encode as encode_request;
pub use decoder::ChatDecoder;
pub use encoder::ChatEncoder;
pub use read::decode as decode_request;
pub(crate) use thinking::effort_word;
pub use usage::{decode as decode_usage, encode as encode_usage, find as find_usage};

#[cfg(test)]
mod tests;
