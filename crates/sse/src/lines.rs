//! Lines that end by CR, LF or CRLF, from chunks that may be cut between the two.

use bytes::{Buf, Bytes, BytesMut};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes chunks in, gives whole lines out, without their ends. The mark of the encoding at the beginning of the stream is
/// no part of the first line.
#[derive(Debug, Default)]
pub struct Lines {
    pending: BytesMut,
    // How far `pending` was searched, so that a long line is not searched again with every chunk.
    searched: usize,
    // The last line ended by CR at the end of its chunk. A line feed that comes now belongs to it; waiting for it would hold
    // the line back for as long as the server is silent.
    skips_feed: bool,
    has_begun: bool,
}

impl Lines {
    /// Adds a chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        let chunk = match chunk.split_first() {
            Some((first, rest)) if std::mem::take(&mut self.skips_feed) && *first == b'\n' => rest,
            _ => chunk,
        };
        self.pending.extend_from_slice(chunk);
    }

    /// The next whole line.
    pub fn take(&mut self) -> Option<Bytes> {
        let found = memchr::memchr2(b'\n', b'\r', &self.pending[self.searched..]);
        let Some(end) = found.map(|offset| self.searched + offset) else {
            self.searched = self.pending.len();
            return None;
        };
        self.searched = 0;
        let line = self.pending.split_to(end).freeze();
        let is_return = self.pending.first() == Some(&b'\r');
        self.pending.advance(1);
        match self.pending.first() {
            Some(b'\n') if is_return => self.pending.advance(1),
            None => self.skips_feed = is_return,
            Some(_) => {}
        }
        Some(self.unmarked(line))
    }

    /// What came after the last end of a line. The stream is over.
    pub fn rest(&mut self) -> Bytes {
        self.searched = 0;
        let rest = self.pending.split().freeze();
        self.unmarked(rest)
    }

    /// How many bytes wait for the end of their line.
    #[must_use]
    pub fn n_pending(&self) -> usize {
        self.pending.len()
    }

    fn unmarked(&mut self, line: Bytes) -> Bytes {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if is_first && line.starts_with(BYTE_ORDER_MARK) { line.slice(BYTE_ORDER_MARK.len()..) } else { line }
    }
}
