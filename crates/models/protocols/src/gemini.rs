//! Google's generateContent, at the Gemini API and at Vertex AI. Clients do not speak it to us.
//!
//! Where it differs from the common form:
//! - The model and whether the answer streams stand in the URL (`models/<model>:streamGenerateContent?alt=sse`), not in
//!   the body.
//! - A stream has no last event. It is whole when a reason to finish was seen for every answer; early models give one
//!   with every chunk, so only the end of the bytes ends it.
//! - Calls have no ids as a rule. Ours are `call_<answer>_<n>`, so that those of two turns differ. Results name the
//!   function instead, and are matched by order.
//! - Thinking is counted separately from the output, and what the provider's own tools read separately from the prompt.
//! - Thought signatures stand on calls, thoughts and text. Text has no field for one in other dialects, so there the
//!   signature follows in an empty block of thinking of its own; it goes back to Google as an empty part.

mod args;
mod contents;
mod decode;
mod failure;
mod thinking;
mod usage;
mod write;

#[cfg(test)]
mod tests;

pub use decode::{GeminiDecoder, decode_answer};
pub use failure::decode as decode_failure;
pub use usage::decode as decode_usage;
pub use write::encode as encode_request;
