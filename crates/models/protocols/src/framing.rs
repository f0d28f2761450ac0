//! Where one message of a stream ends and the next begins.
//!
//! The boundaries of network chunks mean nothing; a [`Framer`] holds at most one unfinished frame.

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
pub struct Framer(FramerState);

#[derive(Debug)]
enum FramerState {
    Sse(septet_sse::Reader),
    Lines {
        pending: BytesMut,
        // How far `pending` was searched for the end of a line, so that a long one is not searched again with every chunk.
        searched: usize,
    },
    EventStream(BytesMut),
}

impl Framer {
    /// A framer at the beginning of a stream.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Sse => FramerState::Sse(septet_sse::Reader::new(MAX_FRAME_BYTES)),
            Framing::Lines => FramerState::Lines { pending: BytesMut::new(), searched: 0 },
            Framing::EventStream => FramerState::EventStream(BytesMut::new()),
        })
    }

    /// Adds a chunk and the frames that it completes to `out`, in order.
    ///
    /// # Errors
    /// When a frame never ends or a binary one is damaged; the stream cannot be read on.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<Frame>) -> Result<(), Unreadable> {
        let n_pending = match &mut self.0 {
            FramerState::Sse(reader) => {
                reader.push(chunk);
                loop {
                    match reader.take() {
                        Ok(Some(item)) => out.extend(frame(item)),
                        Ok(None) => return Ok(()),
                        Err(_too_long) => return Err(too_long()),
                    }
                }
            }
            FramerState::Lines { pending, searched } => {
                pending.extend_from_slice(chunk);
                while let Some(offset) = memchr::memchr(b'\n', &pending[*searched..]) {
                    let line = pending.split_to(std::mem::take(searched) + offset).freeze();
                    pending.advance(1);
                    out.extend(json_line(&line));
                }
                *searched = pending.len();
                pending.len()
            }
            FramerState::EventStream(pending) => {
                pending.extend_from_slice(chunk);
                eventstream::take(pending, out)?;
                pending.len()
            }
        };
        if n_pending > MAX_FRAME_BYTES { Err(too_long()) } else { Ok(()) }
    }

    /// The bytes are over: adds the frame that this completes, if one is unfinished.
    ///
    /// # Errors
    /// When a binary frame was cut.
    pub fn end(&mut self, out: &mut Vec<Frame>) -> Result<(), Unreadable> {
        match &mut self.0 {
            FramerState::Sse(reader) => out.extend(reader.end().into_iter().filter_map(frame)),
            FramerState::Lines { pending, .. } => out.extend(json_line(&pending.split().freeze())),
            FramerState::EventStream(pending) if pending.is_empty() => {}
            FramerState::EventStream(pending) => {
                return Err(Unreadable { what: format!("{} bytes of an unfinished frame", pending.len()) });
            }
        }
        Ok(())
    }
}

fn too_long() -> Unreadable {
    Unreadable { what: format!("a frame of the stream is longer than {MAX_FRAME_BYTES} bytes") }
}

/// An event as a frame; also the error that some servers write when they fail in the middle of a stream.
fn frame(item: septet_sse::Item) -> Option<Frame> {
    let line = match item {
        septet_sse::Item::Event(event) => {
            return Some(Frame { name: event.name, is_exception: false, data: event.data });
        }
        septet_sse::Item::Stray(line) => line,
    };
    // llama.cpp, and servers built on it, end a failed stream with `error: {..}`.
    if let Some(value) = line.strip_prefix(b"error:").map(<[u8]>::trim_ascii_start) {
        return value.starts_with(b"{").then(|| Frame::named("error", line.slice_ref(value)));
    }
    // A field's name does not begin with a bracket: a server, or a proxy before it, writes its error as if there were no
    // framing.
    (line.starts_with(b"{") && line.ends_with(b"}")).then(|| Frame::plain(line))
}

fn json_line(line: &Bytes) -> Option<Frame> {
    let line = if line.ends_with(b"\r") { line.slice(..line.len() - 1) } else { line.clone() };
    (!line.trim_ascii().is_empty()).then(|| Frame::plain(line))
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
