//! What every dialect has: a request written in it, a reader of answers, a writer of answers.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Unreadable;
use crate::event::Event;
use crate::framing::Frame;

/// A request in a provider's dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The body.
    pub body: Value,
    /// What the client asked for and this dialect cannot say, by the client's name of the field. Proofs of other makers
    /// in the history are among them: see [`is_of_history`](crate::proof::is_of_history).
    pub dropped: Vec<String>,
}

/// Reads an answer in pieces. One for each answer.
pub trait Decoder: Send {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is not in the dialect. What came before stands.
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable>;

    /// The bytes are over. Gives what was still held back: closing events of an answer that has all it needs.
    ///
    /// # Errors
    /// When the answer broke off.
    fn end(&mut self) -> Result<Vec<Event>, Unreadable>;
}

/// Writes an answer in pieces. One for each answer.
pub trait Encoder: Send {
    /// Writes an event.
    fn event(&mut self, event: &Event, out: &mut Vec<Frame>);

    /// The answer is over, well or not: writes what ends a stream.
    fn end(&mut self, out: &mut Vec<Frame>);
}

/// What an encoder should know of the request.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The id of the answer where the provider gives none.
    pub id: String,
    /// The model as the client named it; shown where the provider says none.
    pub model: String,
    /// Seconds since 1970, where the provider does not say.
    pub created: i64,
    /// Whether the client wants usage in the stream (Chat Completions only).
    pub wants_usage: bool,
    /// The fields of the request that an answer repeats (Responses only): see
    /// [`ECHOED`](crate::responses::ECHOED).
    pub echo: Arc<Map<String, Value>>,
}
