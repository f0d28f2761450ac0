//! Server-sent events, read and written.
//!
//! Readers put events together from chunks whose borders mean nothing: the same stream arrives in other pieces when
//! the services run apart. Writers keep to what the official SDKs were seen to accept: `event:`, `id:` and one `data:`
//! line, keep-alives without a blank line, and never a `retry:` block.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

/// A keep-alive comment. It has no blank line after it, because the Python SDK takes `id:` lines and a comment that
/// ends a block for an event without data.
pub const KEEP_ALIVE: &str = ": ping\n";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The `event:` field, empty when absent.
    pub name: String,
    /// The `id:` field.
    pub id: Option<String>,
    /// The `data:` lines, joined by newlines.
    pub data: String,
}

impl Event {
    /// The event as bytes on the wire.
    #[must_use]
    pub fn to_wire(&self) -> Bytes {
        let mut text = String::with_capacity(self.data.len() + 64);
        if !self.name.is_empty() {
            text.push_str("event: ");
            text.push_str(&self.name);
            text.push('\n');
        }
        if let Some(id) = &self.id {
            text.push_str("id: ");
            text.push_str(id);
            text.push('\n');
        }
        for line in self.data.split('\n') {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
        Bytes::from(text)
    }
}

/// Takes chunks in, gives whole events out. Holds at most one unfinished event.
#[derive(Debug, Default)]
pub struct Parser {
    pending: BytesMut,
    event: Event,
    has_data: bool,
}

/// A single line is longer than any event may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of the event stream is longer than 16 MiB")]
pub struct LineTooLong;

const MAX_LINE_BYTES: usize = 16 << 20;

impl Parser {
    /// Adds a chunk and gives the events that it completes, in order.
    ///
    /// # Errors
    /// [`LineTooLong`] when the other side never ends a line; the stream cannot be read on.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, LineTooLong> {
        self.pending.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let mut line = self.pending.split_to(end + 1);
            line.truncate(end);
            if line.last() == Some(&b'\r') {
                line.truncate(end - 1);
            }
            self.line(&String::from_utf8_lossy(&line), &mut events);
        }
        if self.pending.len() > MAX_LINE_BYTES {
            return Err(LineTooLong);
        }
        Ok(events)
    }

    /// The event that the end of the stream completes, if one is unfinished.
    pub fn finish(&mut self) -> Option<Event> {
        let mut events = Vec::new();
        if !self.pending.is_empty() {
            let line = self.pending.split();
            self.line(&String::from_utf8_lossy(&line), &mut events);
        }
        self.line("", &mut events);
        events.pop()
    }

    fn line(&mut self, line: &str, events: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments start with a colon and have an empty field; unknown fields are ignored by the standard.
            _ => {}
        }
    }
}

/// The events of a stream of chunks. An error of the chunks, or a line without end, ends it.
pub fn events<E: Send>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send,
    too_long: impl Fn(LineTooLong) -> E + Send,
) -> impl Stream<Item = Result<Event, E>> + Send {
    async_stream::stream! {
        let mut parser = Parser::default();
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => match parser.push(&chunk) {
                    Ok(events) => for event in events { yield Ok(event) },
                    Err(error) => { yield Err(too_long(error)); return }
                },
                Err(error) => { yield Err(error); return }
            }
        }
        if let Some(event) = parser.finish() { yield Ok(event) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"event: a\nid: 1\ndata: {\"x\":1}\n\n: ping\nevent: b\r\ndata: one\r\ndata: two\r\n\r\ndata: last";

    fn read(chunk_len: usize) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in STREAM.chunks(chunk_len) {
            events.extend(parser.push(chunk).unwrap());
        }
        events.extend(parser.finish());
        events
    }

    #[test]
    fn chunk_borders_do_not_matter() {
        let whole = read(STREAM.len());

        assert_eq!(whole.len(), 3);
        assert_eq!(whole[1], Event { name: "b".into(), id: None, data: "one\ntwo".into() });
        for chunk_len in 1..STREAM.len() {
            assert_eq!(read(chunk_len), whole, "chunks of {chunk_len}");
        }
    }

    #[test]
    fn an_event_reads_back_from_the_wire() {
        let event = Event { name: "response.created".into(), id: Some("0".into()), data: "{\"a\":\n1}".into() };

        assert_eq!(Parser::default().push(&event.to_wire()).unwrap(), [event]);
    }

    #[test]
    fn a_keep_alive_is_no_event() {
        assert!(Parser::default().push(KEEP_ALIVE.as_bytes()).unwrap().is_empty());
    }
}
