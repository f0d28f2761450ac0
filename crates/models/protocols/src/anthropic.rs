//! Anthropic's Messages.
//!
//! What its server runs (searches, code, other servers' tools, compaction) comes as blocks of its own and is carried as
//! [`Block::Opaque`](crate::event::Block::Opaque). Its usage counts cached tokens separately and may be corrected by
//! the last event of a stream. Its streams write one block after the other, so calls that others write side by side
//! wait.

mod answer;
mod block;
mod emit;
mod failure;
mod read;
mod stream;
mod usage;
mod write;

// Bedrock has Anthropic's models think in Anthropic's words.
pub(crate) use block::input;
pub(crate) use write::{BORROWED, called, is_in_vain, plan, version, wanted};

pub use answer::{decode as decode_answer, encode as encode_answer};
pub use emit::AnthropicEncoder;
pub use failure::{decode as decode_failure, encode as encode_failure};
pub use read::decode as decode_request;
pub use stream::AnthropicDecoder;
pub use usage::{decode as decode_usage, encode as encode_usage};
pub use write::encode as encode_request;

#[cfg(test)]
mod tests;
