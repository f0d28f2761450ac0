//! Cohere's chat, version 2 (`POST /v2/chat`), spoken to a provider only.
//!
//! - `tool_plan`, what the model says before it calls, is thinking here; so are parts of type `thinking`.
//! - Of the two figures that Cohere gives, `usage.tokens` is what the model read and wrote; `billed_units`, which
//!   leaves out the prompt's frame, stays in `raw`.
//! - Citations come between the deltas of the text that they belong to, sometimes after its end; a block is closed
//!   only when the next begins.

mod read;
mod stream;
mod write;

#[cfg(test)]
mod tests;

pub use read::{answer as decode_answer, failure as decode_failure, usage as decode_usage};
pub use stream::CohereDecoder;
pub use write::encode as encode_request;
