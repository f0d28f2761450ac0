//! Amazon's Bedrock Converse.
//!
//! One form for the models of many makers. What only one maker's models know (thinking, `top_k`) goes beside it, into
//! `additionalModelRequestFields`, in that maker's words; which maker it is, the model's name says. The answer names
//! neither itself nor the model. Streams of the older `InvokeModelWithResponseStream` are read too, since gateways in
//! front of Bedrock give them for Anthropic's and Titan models.

mod answer;
mod failure;
mod invoke;
mod stream;
mod usage;
mod write;

pub use answer::decode as decode_answer;
pub use failure::{decode as decode_failure, exception};
pub use stream::BedrockDecoder;
pub use usage::decode as decode_usage;
pub use write::encode as encode_request;

#[cfg(test)]
mod tests;
