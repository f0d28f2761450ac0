//! OpenAI's Responses, as plain models speak it: no stored conversation, one answer for one list of items.
//!
//! Where it differs from the common form:
//! - The input is a flat list of items. Items that the model made and that follow each other are one message here.
//! - An answer is a list of items too. Those that only this dialect has (searches, shells, patches) are carried whole.
//! - Functions are strict unless the request says otherwise, and answers are stored unless it says so; both are the
//!   other way round elsewhere, so a request from another dialect says so.
//! - A stored conversation (`previous_response_id`, `conversation`, `item_reference`) is refused: agents keep those.
//!
//! Our own additions, where clients give things back as they came: thinking that another provider has signed travels in
//! `encrypted_content` behind a prefix, a call's signature in `extra_content`, and blocks that no item can hold in
//! `provider_blocks` of the answer.

mod answer;
mod citation;
mod decode;
mod delta_event;
mod encode;
mod failure;
mod fields;
mod item;
mod object;
mod read;
mod read_item;
mod usage;
mod write;
mod write_item;

#[cfg(test)]
mod tests;

pub use answer::{decode as decode_answer, encode as encode_answer};
pub use decode::ResponsesDecoder;
pub use encode::ResponsesEncoder;
pub use failure::{decode as decode_failure, encode as encode_failure};
pub use object::ECHOED;
pub use read::decode as decode_request;
pub use usage::{decode as decode_usage, encode as encode_usage};
pub use write::encode as encode_request;

/// Google's thought signature of a call, where its own OpenAI surface puts it.
fn call_signature(item: &serde_json::Value) -> Option<crate::Proof> {
    let text = item.pointer("/extra_content/google/thought_signature")?.as_str()?;
    Some(crate::Proof::made_by(crate::Dialect::Gemini, text))
}

/// In front of another provider's signature, so that it can travel in a field that only the provider reads.
const SIGNED: &str = "signature:";
