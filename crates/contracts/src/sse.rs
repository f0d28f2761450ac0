//! Server-sent events, read and written.
//!
//! Readers put events together from chunks whose borders mean nothing: the same stream arrives in other pieces when
//! the services run apart. Writers keep to what the official SDKs were seen to accept: `event:`, `id:` and one `data:`
//! line, keep-alives without a blank line, and never a `retry:` block.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use septet_sse::{Item, Reader};

pub use septet_sse::TooLong;

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

// No event of ours is longer than a picture.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// Takes chunks in, gives whole events out. Holds at most one unfinished event.
#[derive(Debug)]
pub struct Parser(Reader);

impl Default for Parser {
    fn default() -> Self {
        Self(Reader::new(MAX_EVENT_BYTES))
    }
}

impl Parser {
    /// Adds a chunk and gives the events that it completes, in order.
    ///
    /// # Errors
    /// [`TooLong`] when the other side never ends an event; the stream cannot be read on.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, TooLong> {
        self.0.push(chunk);
        let mut events = Vec::new();
        while let Some(item) = self.0.take()? {
            events.extend(event(item));
        }
        Ok(events)
    }

    /// The event that the end of the stream completes, if one is unfinished.
    pub fn finish(&mut self) -> Option<Event> {
        self.0.end().into_iter().find_map(event)
    }
}

/// The events of a stream of chunks. An error of the chunks, or an event without end, ends it.
pub fn events<E: Send>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send,
    too_long: impl Fn(TooLong) -> E + Send,
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

/// Lines that the standard does not define are ignored.
fn event(item: Item) -> Option<Event> {
    match item {
        Item::Event(event) => Some(event.into()),
        Item::Stray(_) => None,
    }
}

impl From<septet_sse::Event> for Event {
    fn from(event: septet_sse::Event) -> Self {
        Self { name: event.name, id: event.id, data: String::from_utf8_lossy(&event.data).into_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: Vec<&'static [u8]>) -> Vec<Event> {
        let chunks = futures::stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk))));
        events(chunks, |too_long: TooLong| too_long).map(Result::unwrap).collect().await
    }

    #[tokio::test]
    async fn chunk_borders_and_line_ends_do_not_matter() {
        const STREAM: &[u8] =
            b"\xef\xbb\xbfevent: a\nid: 1\ndata: {\"x\":1}\n\n: ping\nevent: b\r\ndata: one\rdata: two\r\n\r\ndata: last";
        let whole = read(vec![STREAM]).await;

        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0], Event { name: "a".into(), id: Some("1".into()), data: "{\"x\":1}".into() });
        assert_eq!(whole[1], Event { name: "b".into(), id: None, data: "one\ntwo".into() });
        for chunk_len in 1..STREAM.len() {
            assert_eq!(read(STREAM.chunks(chunk_len).collect()).await, whole, "chunks of {chunk_len}");
        }
    }

    #[tokio::test]
    async fn an_event_reads_back_from_the_wire() {
        let event = Event { name: "response.created".into(), id: Some("0".into()), data: "{\"a\":\n1}".into() };
        let wire: &'static [u8] = Box::leak(event.to_wire().to_vec().into_boxed_slice());

        assert_eq!(read(vec![wire]).await, [event]);
    }

    #[tokio::test]
    async fn a_keep_alive_is_no_event() {
        assert!(read(vec![KEEP_ALIVE.as_bytes(), KEEP_ALIVE.as_bytes()]).await.is_empty());
    }
}
