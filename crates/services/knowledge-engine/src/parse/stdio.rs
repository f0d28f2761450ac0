//! The file and the way back, as readers in the child process see them: standard input and standard output.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;

use super::ParseFailure;
use super::protocol::{ReaderMessage, Request};

/// The file, open, with its first bytes.
pub(super) struct Input {
    pub(super) file: File,
    length: u64,
    pub(super) head: Vec<u8>,
}

impl Input {
    pub(super) fn open(request: &Request) -> io::Result<Self> {
        let mut file = match &request.path {
            Some(path) => File::open(path)?,
            None => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        };
        let length = file.metadata()?.len();
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(4_096).read_to_end(&mut head)?;
        Ok(Self { file, length, head })
    }

    /// The whole file, when reading it takes no more memory than allowed.
    pub(super) fn bytes(mut self, request: &Request, memory_per_byte: u64) -> Result<Vec<u8>, Stop> {
        if self.length.saturating_mul(memory_per_byte) > request.memory_bytes {
            return Err(ParseFailure::TooLarge.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes)).map_err(|_| Stop::Output)?;
        Ok(bytes)
    }
}

/// Why reading stopped.
pub(super) enum Stop {
    Failure(ParseFailure),
    /// The input cannot be read or the output not be written; nobody can be told.
    Output,
}

impl From<ParseFailure> for Stop {
    fn from(failure: ParseFailure) -> Self {
        Self::Failure(failure)
    }
}

/// The way back, as far as it may be used up.
pub(super) struct Output {
    out: io::StdoutLock<'static>,
    left: u64,
}

impl Output {
    /// Standard output, for as many bytes as the request allows.
    pub(super) fn open(request: &Request) -> Self {
        Self { out: io::stdout().lock(), left: request.output_bytes }
    }

    pub(super) fn send(&mut self, record: &ReaderMessage) -> Result<(), Stop> {
        let mut line = serde_json::to_vec(record).map_err(|_| Stop::Output)?;
        line.push(b'\n');
        let length = line.len() as u64;
        if length > self.left {
            return Err(ParseFailure::TooLarge.into());
        }
        self.left -= length;
        self.out.write_all(&line).and_then(|()| self.out.flush()).map_err(|_| Stop::Output)
    }
}
