//! An answer on its way from the one task that makes it to the callers that read it.
//!
//! Without an idempotency key it goes through a short channel: a reader that is slow slows the provider down, a reader
//! that leaves ends the call, and nothing is kept. With a key it is recorded: any number of callers read it, late ones
//! from the beginning or from an offset, and it goes on when they leave, until somebody cancels it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

// Enough that reader and writer need not alternate, little enough that a slow reader ties up no memory.
const LIVE_PIECES: usize = 16;

/// What is known before the first byte of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The id of the call, which is that of its record; empty where an answer is given again.
    pub call: String,
    /// Which deployment answers: `provider/model`.
    pub deployment: String,
    /// Why that one.
    pub reason: String,
    /// What the client asked for and the provider was not told.
    pub dropped: Vec<String>,
    /// `attached` to a running call, `stored` under its key, or `cached`; absent for a new answer.
    pub replayed: Option<&'static str>,
}

/// Where an answer is written.
#[derive(Clone)]
pub(crate) enum Sink {
    Live(mpsc::Sender<Result<Piece, Error>>),
    Kept(Arc<Recording>),
}

/// A part of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Head(Head),
    /// Whole events of a stream, or a whole body.
    Bytes(Bytes),
}

/// The caller has left: nobody reads on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left;

impl Sink {
    /// A live answer and its reader.
    pub(crate) fn live() -> (Self, Reader) {
        let (sender, receiver) = mpsc::channel(LIVE_PIECES);
        (Self::Live(sender), Reader(Source::Live(receiver)))
    }

    /// Writes a piece. Waits while a live reader is busy with earlier ones.
    pub(crate) async fn push(&self, piece: Piece) -> Result<(), Left> {
        match self {
            Self::Live(sender) => sender.send(Ok(piece)).await.map_err(|_closed| Left),
            Self::Kept(recording) => {
                recording.push(piece);
                Ok(())
            }
        }
    }

    /// Ends the answer. A failure is for the reader to tell: only before the first bytes were written.
    pub(crate) async fn end(&self, failed: Option<Error>) {
        match (self, failed) {
            // A reader that has left needs no telling.
            (Self::Live(sender), Some(error)) => drop(sender.send(Err(error)).await),
            (Self::Live(_), None) => {}
            (Self::Kept(recording), failed) => recording.end(failed.map_or(Ok(()), Err)),
        }
    }

    /// Ends when nobody wants the rest: the live reader has left, or the recording was cancelled. Gives which.
    pub(crate) async fn unwanted(&self) -> Error {
        match self {
            Self::Live(sender) => {
                sender.closed().await;
                Error::CallerLeft
            }
            Self::Kept(recording) => {
                recording.cancelled.cancelled().await;
                Error::Cancelled
            }
        }
    }
}

/// A recorded answer.
pub(crate) struct Recording {
    /// What was asked, hashed.
    pub fingerprint: String,
    cancelled: CancellationToken,
    state: Mutex<RecordingState>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct RecordingState {
    pieces: Vec<Piece>,
    end: Option<Result<(), Error>>,
}

impl Recording {
    pub(crate) fn new(fingerprint: String) -> Arc<Self> {
        let (version, _) = watch::channel(0);
        Arc::new(Self { fingerprint, cancelled: CancellationToken::new(), state: Mutex::default(), version })
    }

    /// Says that nobody wants the rest.
    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
    }

    fn push(&self, piece: Piece) {
        self.change(|state| state.pieces.push(piece));
    }

    /// Ends it. Only the first end counts.
    pub(crate) fn end(&self, end: Result<(), Error>) {
        self.change(|state| {
            state.end.get_or_insert(end);
        });
    }

    fn change(&self, change: impl FnOnce(&mut RecordingState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
    }

    /// All bytes so far, to store them.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = state.pieces.iter().filter_map(|piece| match piece {
            Piece::Head(_) => None,
            Piece::Bytes(bytes) => Some(bytes),
        });
        bytes.fold(Vec::new(), |mut all, bytes| {
            all.extend_from_slice(bytes);
            all
        })
    }

    /// A reader from the beginning, who has `offset` bytes of the answer already.
    pub(crate) fn reader(self: &Arc<Self>, offset: usize) -> Reader {
        let version = self.version.subscribe();
        Reader(Source::Kept { recording: Arc::clone(self), version, next: 0, skip: offset, is_attached: false })
    }
}

/// Reads an answer piece by piece.
pub(crate) struct Reader(Source);

enum Source {
    Live(mpsc::Receiver<Result<Piece, Error>>),
    Kept { recording: Arc<Recording>, version: watch::Receiver<u64>, next: usize, skip: usize, is_attached: bool },
}

impl Reader {
    /// The same, of a running answer that another caller began.
    pub(crate) fn attached(mut self) -> Self {
        if let Source::Kept { is_attached, .. } = &mut self.0 {
            *is_attached = true;
        }
        self
    }

    /// The next piece, once it is there; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        match &mut self.0 {
            Source::Live(receiver) => receiver.recv().await,
            Source::Kept { recording, version, next, skip, is_attached } => loop {
                version.borrow_and_update();
                {
                    let state = recording.state.lock().unwrap_or_else(PoisonError::into_inner);
                    while let Some(piece) = state.pieces.get(*next) {
                        *next += 1;
                        if let Some(mut piece) = beyond(piece, skip) {
                            if let Piece::Head(head) = &mut piece
                                && *is_attached
                            {
                                head.replayed.get_or_insert("attached");
                            }
                            return Some(Ok(piece));
                        }
                    }
                    match &state.end {
                        Some(Ok(())) => return None,
                        Some(Err(error)) => return Some(Err(error.clone())),
                        None => {}
                    }
                }
                if version.changed().await.is_err() {
                    return Some(Err(Error::Stopping));
                }
            },
        }
    }
}

/// The part of a piece beyond the bytes that the reader has already.
fn beyond(piece: &Piece, skip: &mut usize) -> Option<Piece> {
    let Piece::Bytes(bytes) = piece else { return Some(piece.clone()) };
    let skipped = bytes.len().min(*skip);
    *skip -= skipped;
    (skipped < bytes.len()).then(|| Piece::Bytes(bytes.slice(skipped..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Piece {
        Piece::Bytes(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn a_late_reader_gets_all_and_one_with_an_offset_the_rest() {
        let recording = Recording::new("f".to_owned());
        let sink = Sink::Kept(Arc::clone(&recording));
        for piece in [Piece::Head(Head::default()), bytes("abc"), bytes("def")] {
            sink.push(piece).await.unwrap();
        }
        sink.end(None).await;

        let mut seen = Vec::new();
        for offset in [0, 2, 3, 6] {
            let (mut reader, mut all) = (recording.reader(offset), Vec::new());
            while let Some(piece) = reader.next().await {
                if let Piece::Bytes(bytes) = piece.unwrap() {
                    all.extend_from_slice(&bytes);
                }
            }
            seen.push(String::from_utf8(all).unwrap());
        }
        assert_eq!(seen, ["abcdef", "cdef", "def", ""]);
        assert_eq!(recording.bytes(), b"abcdef");
    }

    #[tokio::test]
    async fn a_live_answer_ends_when_its_reader_leaves() {
        let (sink, reader) = Sink::live();
        sink.push(bytes("x")).await.unwrap();
        drop(reader);

        assert!(matches!(sink.unwanted().await, Error::CallerLeft));
        assert!(sink.push(bytes("y")).await.is_err());
    }
}
