//! Reads the frames of a segment, and steps over what is damaged.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::frame::{HEAD, Head};

const ENDING: &str = "records";
/// How much of a segment is read at a time, as a rule.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// The file of a segment.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.{ENDING}"))
}

/// The number of a segment by its file; `None` when the file is none.
pub(crate) fn number(file: &Path) -> Option<u64> {
    if file.extension()? != ENDING {
        return None;
    }
    file.file_stem()?.to_str()?.parse().ok()
}

/// What lies at a place of a segment.
#[derive(Debug)]
pub(crate) enum Found {
    /// A record as it was written. `to` is where the next one begins.
    Record { record: Bytes, at_ms: i64, to: u64 },
    /// Nothing that can be read; after `to` it goes on.
    Damage { to: u64 },
    /// Nothing that can be read, and nothing after it.
    Torn,
}

/// Walks over the frames of a segment between two places.
pub(crate) struct Reader {
    file: File,
    // What was read from the file; `place` is where in the file it begins.
    chunk: Bytes,
    place: u64,
    end: u64,
    chunk_bytes: usize,
}

impl Reader {
    /// Reads from `start` to `end`, in pieces of about `chunk_bytes`.
    pub(crate) fn new(file: File, start: u64, end: u64, chunk_bytes: usize) -> Self {
        Self { file, chunk: Bytes::new(), place: start, end, chunk_bytes: chunk_bytes.max(HEAD) }
    }

    /// What lies next; `None` at the end. Nothing comes after [`Found::Torn`].
    pub(crate) fn next(&mut self) -> io::Result<Option<Found>> {
        if self.place >= self.end {
            return Ok(None);
        }
        if !self.holds(HEAD)? {
            self.place = self.end;
            return Ok(Some(Found::Torn));
        }
        let Some(head) = Head::read(&self.chunk) else { return self.find_next().map(Some) };
        if !self.holds(HEAD + head.n_bytes)? {
            self.place = self.end;
            return Ok(Some(Found::Torn));
        }
        let frame = self.chunk.split_to(HEAD + head.n_bytes);
        self.place += frame.len() as u64;
        let (record, to) = (frame.slice(HEAD..), self.place);
        if head.fits(&record) {
            return Ok(Some(Found::Record { record, at_ms: head.at_ms, to }));
        }
        // The last record may have its length and not all its bytes, when the power went.
        Ok(Some(if to == self.end { Found::Torn } else { Found::Damage { to } }))
    }

    /// Whether `n_bytes` lie before the end; then they are in the chunk.
    fn holds(&mut self, n_bytes: usize) -> io::Result<bool> {
        if self.chunk.len() >= n_bytes {
            return Ok(true);
        }
        let left = usize::try_from(self.end - self.place).unwrap_or(usize::MAX);
        if left < n_bytes {
            return Ok(false);
        }
        let mut chunk = vec![0; n_bytes.max(self.chunk_bytes).min(left)];
        self.file.read_exact_at(&mut chunk, self.place)?;
        self.chunk = chunk.into();
        Ok(true)
    }

    // A head is damaged, so nobody knows where the next one is: every place is tried. A whole frame has to fit.
    fn find_next(&mut self) -> io::Result<Found> {
        self.holds(usize::try_from(self.end - self.place).unwrap_or(usize::MAX))?;
        for start in 1..self.chunk.len() {
            let Some(head) = Head::read(&self.chunk[start..]) else { continue };
            let record = self.chunk.get(start + HEAD..start + HEAD + head.n_bytes);
            if record.is_some_and(|record| head.fits(record)) {
                self.place += start as u64;
                self.chunk = self.chunk.slice(start..);
                return Ok(Found::Damage { to: self.place });
            }
        }
        self.place = self.end;
        Ok(Found::Torn)
    }
}
