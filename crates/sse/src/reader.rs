//! Events from lines.

use bytes::{Bytes, BytesMut};

use crate::lines::Lines;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The `event:` field; empty when absent, which the standard calls `message`.
    pub name: String,
    /// The `id:` field of this event. Where an event has none, the standard takes that of the last one that had:
    /// [`Reader::last_id`].
    pub id: Option<String>,
    /// The `data:` lines, joined by line feeds.
    pub data: Bytes,
}

/// What a stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event with data. Those without are none by the standard.
    Event(Event),
    /// A whole line between events whose field the standard does not know. It is to be ignored, unless one knows better.
    Stray(Bytes),
}

/// The other side never ends an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {max_bytes} bytes")]
pub struct TooLong {
    /// The most that an event may have.
    pub max_bytes: usize,
}

/// Takes chunks in, gives whole events out.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    max_bytes: usize,
    event: Event,
    // The data of an event that has several lines of it.
    joined: BytesMut,
    has_data: bool,
    last_id: String,
}

impl Reader {
    /// A reader at the beginning of a stream whose events have at most so many bytes.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            lines: Lines::default(),
            max_bytes,
            event: Event::default(),
            joined: BytesMut::new(),
            has_data: false,
            last_id: String::new(),
        }
    }

    /// Adds a chunk. [`Self::take`] gives what it completes.
    pub fn push(&mut self, chunk: &[u8]) {
        self.lines.push(chunk);
    }

    /// The next whole item, or nothing until more bytes come.
    ///
    /// # Errors
    /// [`TooLong`] when an event does not end within its bytes; the stream cannot be read on.
    pub fn take(&mut self) -> Result<Option<Item>, TooLong> {
        while let Some(line) = self.lines.take() {
            if let Some(item) = self.line(&line) {
                return Ok(Some(item));
            }
            // What waits behind this line may be whole events of their own.
            self.check(0)?;
        }
        self.check(self.lines.n_pending())?;
        Ok(None)
    }

    /// The stream is over: the items that its last bytes make when a blank line is thought behind them. By the standard
    /// they are to be dropped.
    pub fn end(&mut self) -> Vec<Item> {
        let rest = self.lines.rest();
        let stray = if rest.is_empty() { None } else { self.line(&rest) };
        stray.into_iter().chain(self.line(&Bytes::new())).collect()
    }

    /// The last `id:` of the stream so far: what a client that connects again says in `Last-Event-ID`.
    #[must_use]
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    /// `n_pending` bytes wait for the end of their line.
    fn check(&self, n_pending: usize) -> Result<(), TooLong> {
        let n_bytes = n_pending + self.event.data.len() + self.joined.len();
        if n_bytes > self.max_bytes { Err(TooLong { max_bytes: self.max_bytes }) } else { Ok(()) }
    }

    fn line(&mut self, line: &Bytes) -> Option<Item> {
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            if !self.joined.is_empty() {
                event.data = self.joined.split().freeze();
            }
            return std::mem::take(&mut self.has_data).then_some(Item::Event(event));
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = match line.get(colon + 1) {
            None => Bytes::new(),
            Some(b' ') => line.slice(colon + 2..),
            Some(_) => line.slice(colon + 1..),
        };
        match &line[..colon] {
            b"data" => self.data(value),
            b"event" => self.event.name = text(&value),
            // An id with a NUL in it is none.
            b"id" if !value.contains(&0) => {
                self.last_id = text(&value);
                self.event.id = Some(self.last_id.clone());
            }
            // A comment; how long to wait before one connects again.
            b"" | b"id" | b"retry" => {}
            _ if !self.has_data => return Some(Item::Stray(line.clone())),
            _ => {}
        }
        None
    }

    fn data(&mut self, value: Bytes) {
        if !std::mem::replace(&mut self.has_data, true) {
            self.event.data = value;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&std::mem::take(&mut self.event.data));
        }
        self.joined.extend_from_slice(b"\n");
        self.joined.extend_from_slice(&value);
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests;
