//! What models and their clients speak: seven protocols, and one form that all of them are translated through.
//!
//! ```text
//!   client's bytes ──► request in its dialect ──► Request ──► request in the provider's dialect ──► provider
//!   client's bytes ◄── frames, or one body    ◄── Events  ◄── frames, or one body               ◄── provider
//! ```
//!
//! - No IO, no clock, no configuration: bytes in, bytes out. The model gateway does the rest.
//! - An answer is a sequence of [`Event`]s, whether it came whole or in pieces; so every pair of dialects is one
//!   decoder and one encoder.
//! - Nothing is dropped in silence: what a dialect cannot say is named in [`Encoded::dropped`], and what we do not
//!   understand in an answer is carried as [`Block::Opaque`].
//! - [`Usage`] has one meaning here, whatever the provider's counting habits: see its fields.
//! - What one provider has signed is never sent to another: see [`proof`].
//! - The same dialect on both sides is not translated at all; the gateway passes the bytes on and reads the usage.

pub mod answer;
pub mod anthropic;
pub mod bedrock;
mod blocks;
pub mod chat;
pub mod codec;
pub mod cohere;
pub mod dialect;
mod dispatch;
pub mod embeddings;
pub mod ending;
pub mod error;
pub mod event;
pub mod framing;
pub mod gemini;
mod json;
mod leftover;
mod mime;
pub mod ollama;
pub mod proof;
mod reasoning;
pub mod request;
pub mod rerank;
pub mod responses;
mod schema;
pub mod usage;

pub use answer::{Answer, Choice, Whole};
pub use codec::{Context, Decoder, Encoded, Encoder};
pub use dialect::{Dialect, Forcing, Quirks, Thinking};
pub use error::{Failure, Unreadable, Wrong};
pub use event::{Block, Delta, Event, Finish, Place, Start};
pub use framing::{Frame, Framer, Framing};
pub use proof::Proof;
pub use request::{
    Cache, Effort, Format, Media, Message, Part, PartKind, Reasoning, Request, Role, Source, Tool, ToolChoice,
};
pub use usage::Usage;
