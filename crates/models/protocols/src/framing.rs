//! Where one message of a stream ends and the next begins.
//!
//! The chunks that the network gives mean nothing; a [`Framer`] holds at most one unfinished frame.

mod eventstream;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::Unreadable;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// What kind of message the framing says it is: SSE's `event:`, the event stream's `:event-type`; empty when absent.
    pub name: String,
    /// The framing itself says that it is an error (the event stream's `:message-type: exception`).
    pub is_exception: bool,
    /// JSON, except for Chat Completions' `[DONE]`.
    pub data: Bytes,
}

impl Frame {
    /// A frame with a name.
    #[must_use]
    pub fn named(name: &str, data: impl Into<Bytes>) -> Self {
        Self { name: name.to_owned(), is_exception: false, data: data.into() }
    }

    /// A frame without one.
    #[must_use]
    pub fn plain(data: impl Into<Bytes>) -> Self {
        Self { name: String::new(), is_exception: false, data: data.into() }
    }

    /// The frame as a server-sent event.
    pub fn write_sse(&self, out: &mut BytesMut) {
        if !self.name.is_empty() {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(self.name.as_bytes());
            out.extend_from_slice(b"\n");
        }
        for line in self.data.split(|byte| *byte == b'\n') {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(line);
            out.extend_from_slice(b"\n");
        }
        out.extend_from_slice(b"\n");
    }
}

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON value a line (Ollama).
    Lines,
    /// Amazon's binary event stream (Bedrock).
    EventStream,
}

// No provider was seen to send more than a picture in one frame.
const MAX_FRAME_BYTES: usize = 32 << 20;

/// Takes chunks in, gives whole frames out.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    pending: BytesMut,
    // How far `pending` was searched for the end of a line, so that a long one is not searched again with every chunk.
    searched: usize,
    event: Frame,
    // The data of an event that has several lines of it.
    lines: BytesMut,
    has_data: bool,
    has_begun: bool,
}

impl Framer {
    /// A framer at the beginning of a stream.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            pending: BytesMut::new(),
            searched: 0,
            event: Frame::default(),
            lines: BytesMut::new(),
            has_data: false,
            has_begun: false,
        }
    }

    /// Adds a chunk and the frames that it completes to `out`, in order.
    ///
    /// # Errors
    /// When a frame never ends or a binary one is damaged; the stream cannot be read on.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<Frame>) -> Result<(), Unreadable> {
        self.pending.extend_from_slice(chunk);
        match self.framing {
            Framing::EventStream => eventstream::take(&mut self.pending, out)?,
            Framing::Sse | Framing::Lines => {
                while let Some(line) = self.line() {
                    self.take(line, out);
                }
            }
        }
        if self.pending.len() + self.event.data.len() + self.lines.len() > MAX_FRAME_BYTES {
            return Err(Unreadable { what: format!("a frame of the stream is longer than {MAX_FRAME_BYTES} bytes") });
        }
        Ok(())
    }

    /// The bytes are over: adds the frame that this completes, if one is unfinished.
    ///
    /// # Errors
    /// When a binary frame was cut.
    pub fn end(&mut self, out: &mut Vec<Frame>) -> Result<(), Unreadable> {
        if self.framing == Framing::EventStream {
            let n = self.pending.len();
            return if n == 0 { Ok(()) } else { Err(Unreadable { what: format!("{n} bytes of an unfinished frame") }) };
        }
        if !self.pending.is_empty() {
            let rest = self.pending.split().freeze();
            self.take(without_return(rest), out);
        }
        if self.framing == Framing::Sse {
            self.take(Bytes::new(), out);
        }
        Ok(())
    }

    fn line(&mut self) -> Option<Bytes> {
        let found = memchr::memchr(b'\n', &self.pending[self.searched..]);
        let Some(end) = found.map(|offset| self.searched + offset) else {
            self.searched = self.pending.len();
            return None;
        };
        self.searched = 0;
        let line = self.pending.split_to(end).freeze();
        self.pending.advance(1);
        Some(without_return(line))
    }

    fn take(&mut self, line: Bytes, out: &mut Vec<Frame>) {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        // A stream may begin with the mark of its encoding, which is no part of the first field's name.
        let is_marked = !std::mem::replace(&mut self.has_begun, true) && line.starts_with(MARK);
        let line = if is_marked { line.slice(MARK.len()..) } else { line };
        if self.framing == Framing::Lines {
            if !line.iter().all(u8::is_ascii_whitespace) {
                out.push(Frame::plain(line));
            }
            return;
        }
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            if !self.lines.is_empty() {
                event.data = self.lines.split().freeze();
            }
            if std::mem::take(&mut self.has_data) {
                out.push(event);
            }
            return;
        }
        let colon = memchr::memchr(b':', &line).unwrap_or(line.len());
        let value = match line.get(colon + 1) {
            None => Bytes::new(),
            Some(b' ') => line.slice(colon + 2..),
            Some(_) => line.slice(colon + 1..),
        };
        match &line[..colon] {
            b"event" => self.event.name = String::from_utf8_lossy(&value).into_owned(),
            b"data" if self.has_data => {
                if self.lines.is_empty() {
                    self.lines.extend_from_slice(&std::mem::take(&mut self.event.data));
                }
                self.lines.extend_from_slice(b"\n");
                self.lines.extend_from_slice(&value);
            }
            b"data" => {
                self.has_data = true;
                self.event.data = value;
            }
            // llama.cpp, and who stands on it, gives up with `error: {..}`.
            b"error" if value.first() == Some(&b'{') && !self.has_data => {
                self.has_data = true;
                self.event = Frame::named("error", value);
            }
            // A field's name does not begin with a bracket: a server that fails in the middle of a stream, or a proxy
            // before it, writes its error as if there were none.
            field if field.first() == Some(&b'{') && line.last() == Some(&b'}') && !self.has_data => {
                out.push(Frame::plain(line));
            }
            // Comments have an empty field name; `id`, `retry` and unknown fields say nothing about the answer.
            _ => {}
        }
    }
}

fn without_return(line: Bytes) -> Bytes {
    if line.last() == Some(&b'\r') { line.slice(..line.len() - 1) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, bytes: &[u8], step: usize) -> Vec<Frame> {
        let (mut framer, mut out) = (Framer::new(framing), Vec::new());
        for chunk in bytes.chunks(step) {
            framer.push(chunk, &mut out).unwrap();
        }
        framer.end(&mut out).unwrap();
        out
    }

    #[test]
    fn events_come_out_the_same_however_the_bytes_are_cut() {
        let wire = b": hello\n\nevent: a\r\ndata: {\"x\":1}\r\n\r\nretry: 5\n\ndata:one\ndata: two\n\ndata: [DONE]";
        let expected = [Frame::named("a", "{\"x\":1}"), Frame::plain("one\ntwo"), Frame::plain("[DONE]")];
        for step in [1, 2, 3, 7, wire.len()] {
            assert_eq!(frames(Framing::Sse, wire, step), expected, "chunks of {step}");
        }
    }

    #[test]
    fn lines_are_frames_and_empty_ones_are_none() {
        assert_eq!(
            frames(Framing::Lines, b"{}\n\n {\"a\":1}\r\n", 2),
            [Frame::plain("{}"), Frame::plain(" {\"a\":1}")]
        );
    }

    #[test]
    fn errors_that_are_no_events_are_frames_all_the_same() {
        let wire = b"data: {}\n\nerror: {\"error\":{\"message\":\"full\"}}\n\n";
        let expected = [Frame::plain("{}"), Frame::named("error", "{\"error\":{\"message\":\"full\"}}")];
        assert_eq!(frames(Framing::Sse, wire, 5), expected);
        let wire = b"\xef\xbb\xbfdata: {}\n\n{\"error\":\"gone\"}\n";
        assert_eq!(frames(Framing::Sse, wire, 1), [Frame::plain("{}"), Frame::plain("{\"error\":\"gone\"}")]);
        assert_eq!(frames(Framing::Sse, b"error: none\nretry: 1\n\n", 4), []);
    }

    #[test]
    fn an_event_of_many_lines_takes_no_longer_than_its_bytes() {
        let wire = b"data: x\n".repeat(200_000);
        let out = frames(Framing::Sse, &wire, 1 << 16);
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].data.len(), 2 * 200_000 - 1);
    }

    #[test]
    fn a_frame_without_end_is_refused() {
        let (mut framer, mut out) = (Framer::new(Framing::Sse), Vec::new());
        let chunk = vec![b'x'; 1 << 20];
        let refused = (0..40).find_map(|_| framer.push(&chunk, &mut out).err());
        assert!(refused.is_some_and(|refused| refused.what.contains("longer than")));
    }
}
