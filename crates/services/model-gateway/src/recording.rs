//! An answer as it grows: written by one task, read by any number of callers from the beginning.
//!
//! A caller that attaches late to a running answer gets all of it; a stored answer is a recording that is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// A growing answer.
pub(crate) struct Recording {
    /// What was asked, hashed.
    pub fingerprint: String,
    state: Mutex<State>,
    version: watch::Sender<u64>,
    /// Stops the call that writes it.
    pub cancel: CancellationToken,
    /// It was not made anew but taken from the store.
    is_stored: AtomicBool,
}

#[derive(Default)]
struct State {
    pieces: Vec<Piece>,
    end: Option<Result<(), Error>>,
}

/// One event of the answer, or the whole of it.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// JSON.
    pub data: Arc<str>,
    /// It carries usage and nothing else: for those only who asked for it.
    pub is_usage: bool,
}

impl Piece {
    /// A piece of a stream.
    pub(crate) fn new(data: String, parsed: &Value) -> Self {
        let has_choices = parsed.get("choices").and_then(Value::as_array).is_some_and(|choices| !choices.is_empty());
        let has_usage = parsed.get("usage").is_some_and(Value::is_object);
        Self { data: data.into(), is_usage: has_usage && !has_choices }
    }
}

impl Recording {
    pub(crate) fn new(fingerprint: String) -> Arc<Self> {
        let (version, _) = watch::channel(0);
        Arc::new(Self {
            fingerprint,
            state: Mutex::default(),
            version,
            cancel: CancellationToken::new(),
            is_stored: AtomicBool::new(false),
        })
    }

    /// Fills it with an answer that was given before.
    pub(crate) fn replay(&self, pieces: Vec<Piece>) {
        self.is_stored.store(true, Ordering::Relaxed);
        self.change(|state| state.pieces = pieces);
    }

    /// Whether it is an answer that was given before.
    pub(crate) fn is_stored(&self) -> bool {
        self.is_stored.load(Ordering::Relaxed)
    }

    /// Adds a piece.
    pub(crate) fn push(&self, piece: Piece) {
        self.change(|state| state.pieces.push(piece));
    }

    /// Ends it. Only the first end counts.
    pub(crate) fn end(&self, end: Result<(), Error>) {
        self.change(|state| {
            state.end.get_or_insert(end);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
    }

    /// All pieces, to store them.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).pieces.clone()
    }

    /// A reader from the beginning.
    pub(crate) fn reader(self: &Arc<Self>) -> Reader {
        Reader { version: self.version.subscribe(), recording: Arc::clone(self), next: 0 }
    }
}

/// Reads a recording piece by piece.
pub(crate) struct Reader {
    recording: Arc<Recording>,
    version: watch::Receiver<u64>,
    next: usize,
}

impl Reader {
    /// The next piece, once it is there; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        loop {
            self.version.borrow_and_update();
            {
                let state = self.recording.state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(piece) = state.pieces.get(self.next) {
                    self.next += 1;
                    return Some(Ok(piece.clone()));
                }
                match &state.end {
                    Some(Ok(())) => return None,
                    Some(Err(error)) => return Some(Err(error.clone())),
                    None => {}
                }
            }
            if self.version.changed().await.is_err() {
                return Some(Err(Error::Stopping));
            }
        }
    }

    /// Waits for the first piece and leaves it to be read.
    pub(crate) async fn first(&mut self) -> Result<(), Error> {
        match self.next().await {
            Some(Ok(_)) => {
                self.next = 0;
                Ok(())
            }
            Some(Err(error)) => Err(error),
            None => Ok(()),
        }
    }
}
