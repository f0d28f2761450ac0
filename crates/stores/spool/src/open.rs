//! Opens the folder of a spool: locks it, finds what waits, and cuts off what a crash left unfinished.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use septet_kernel::Clock;
use tokio::sync::Notify;

use crate::inner::{Inner, Segment, State};
use crate::position::Position;
use crate::segment::{self, CHUNK_BYTES, Found, Reader};
use crate::{Error, Options, frame};

pub(crate) fn open(folder: PathBuf, mut options: Options, clock: Clock) -> Result<Inner, Error> {
    // With one huge segment nothing could be given back to the disk until all of it is stored.
    options.segment_bytes = options.segment_bytes.min(options.max_bytes / 4).max(frame::HEAD as u64);
    let failed = |source| Error::Folder { folder: folder.display().to_string(), source };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let lock = lock(&folder)?;
    let numbers = numbers(&folder).map_err(failed)?;
    let position = Position::read(&folder).map_err(failed)?.unwrap_or(Position { segment: 0, offset: 0 });
    let last = numbers.last().copied().unwrap_or(0).max(position.segment);
    let mut state = State {
        segments: VecDeque::new(),
        offset: 0,
        end: None,
        next_number: last + 1,
        frame: Vec::new(),
        unflushed: Vec::new(),
        n_appended: 0,
        finished: Vec::new(),
    };
    let mut n_damaged = 0;
    for number in numbers {
        if number < position.segment {
            state.finished.push(number);
            continue;
        }
        let start = if number == position.segment { position.offset } else { 0 };
        let found = look_through(&folder, number, start, number == last).map_err(failed)?;
        if number == position.segment {
            state.offset = start.min(found.segment.n_bytes);
        }
        n_damaged += found.n_damaged;
        state.segments.push_back(found.segment);
        state.forget_finished();
    }
    if n_damaged > 0 {
        tracing::error!(n_damaged, "records in the spool are damaged and are left out");
    }
    let finished = std::mem::take(&mut state.finished);
    let inner = Inner {
        folder,
        options,
        clock,
        state: Mutex::new(state),
        more: Notify::new(),
        fewer: Notify::new(),
        n_damaged: AtomicU64::new(n_damaged),
        moving: Mutex::new(()),
        flushed: tokio::sync::Mutex::new(0),
        _lock: lock,
    };
    for number in finished {
        inner.delete(number);
    }
    Ok(inner)
}

fn lock(folder: &Path) -> Result<File, Error> {
    let shown = || folder.display().to_string();
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
    let file = file.map_err(|source| Error::Folder { folder: shown(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { folder: shown() }),
        Err(TryLockError::Error(source)) => Err(Error::Folder { folder: shown(), source }),
    }
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        numbers.extend(segment::number(&entry?.path()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

struct LookedThrough {
    segment: Segment,
    n_damaged: u64,
}

/// Counts the records of a segment from `start`, and cuts off an unfinished end when it is the last one.
fn look_through(folder: &Path, number: u64, start: u64, is_last: bool) -> io::Result<LookedThrough> {
    let file = File::options().read(true).write(is_last).open(segment::path(folder, number))?;
    let mut n_bytes = file.metadata()?.len();
    let (mut n_waiting, mut n_damaged) = (0, 0);
    // Where the last whole record ends, and the damage seen after it: at the very end that is unfinished, not damaged.
    let (mut place, mut n_after) = (start, 0);
    let mut reader = Reader::new(file.try_clone()?, start, n_bytes, CHUNK_BYTES);
    while let Some(found) = reader.next()? {
        match found {
            Found::Record { to, .. } => {
                n_waiting += 1;
                n_damaged += std::mem::take(&mut n_after);
                place = to;
            }
            Found::Damage { .. } => n_after += 1,
            Found::Torn if is_last => {
                tracing::warn!(
                    spool.segment = number,
                    spool.offset = place,
                    n_bytes = n_bytes - place,
                    "the last record in the spool was not finished, cutting it off"
                );
                file.set_len(place)?;
                n_bytes = place;
                n_after = 0;
            }
            Found::Torn => n_after += 1,
        }
    }
    n_damaged += n_after;
    Ok(LookedThrough { segment: Segment { number, n_bytes, n_waiting, looked_at: n_bytes }, n_damaged })
}
