//! Ollama's own chat (`POST /api/chat`), spoken to a provider only.
//!
//! - A call has its arguments as an object and, before 2025, no id; `call_<n>` is made up, in the order of the calls.
//! - A stream is one JSON value a line; the last has `done: true` and the figures.
//! - `prompt_eval_count` is absent where the whole prompt was cached. Then `input` is 0 and `raw` shows that nothing
//!   was said.
//! - Answers of `/api/generate` are read too: the same with `response` in place of `message`.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{OllamaDecoder, answer as decode_answer, failure as decode_failure, usage as decode_usage};
pub use write::encode as encode_request;
