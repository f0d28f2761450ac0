//! One spool as all its clones see it: appending at the end, reading and forgetting at the front.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use septet_kernel::Clock;
use tokio::sync::Notify;

use crate::position::Position;
use crate::segment::{self, CHUNK_BYTES, Found, Reader};
use crate::{Batch, Error, Options, frame};

// A record this large is rare: the memory it took is given back.
const KEEP_FRAME_BYTES: usize = 1 << 20;

pub(crate) struct Inner {
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) state: Mutex<State>,
    /// Told when something waits that did not before.
    pub(crate) more: Notify,
    /// Told when the store has taken a batch.
    pub(crate) fewer: Notify,
    pub(crate) n_damaged: AtomicU64,
    /// Held while the position moves, so that two acknowledgements do not overtake each other on disk.
    pub(crate) moving: Mutex<()>,
    /// Held while the disk is flushed; the number of the last append that is surely there.
    pub(crate) flushed: tokio::sync::Mutex<u64>,
    // Keeps other processes out for as long as it is open.
    pub(crate) _lock: File,
}

pub(crate) struct State {
    /// The segments that hold what waits, oldest first.
    pub(crate) segments: VecDeque<Segment>,
    /// What was read of the first segment.
    pub(crate) offset: u64,
    /// The last segment, when this process began it.
    pub(crate) end: Option<Arc<File>>,
    /// The number of the next segment.
    pub(crate) next_number: u64,
    pub(crate) frame: Vec<u8>,
    /// Files with appends that were not flushed yet; only with `fsync`.
    pub(crate) unflushed: Vec<Arc<File>>,
    pub(crate) n_appended: u64,
    /// Segments whose files are to be deleted, once nobody waits for it.
    pub(crate) finished: Vec<u64>,
}

pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) n_bytes: u64,
    pub(crate) n_waiting: u64,
    /// Damage that begins before this place was counted already.
    pub(crate) looked_at: u64,
}

impl State {
    pub(crate) fn n_waiting(&self) -> u64 {
        self.segments.iter().map(|segment| segment.n_waiting).sum()
    }

    pub(crate) fn n_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.n_bytes).sum::<u64>() - self.offset
    }

    /// Takes the segments from the front that were read to their end, except a last one that still grows.
    pub(crate) fn forget_finished(&mut self) {
        while let Some(first) = self.segments.front() {
            let still_grows = self.segments.len() == 1 && self.end.is_some();
            if first.n_bytes > self.offset || still_grows {
                break;
            }
            self.finished.push(first.number);
            self.segments.pop_front();
            self.offset = 0;
        }
    }
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below panics halfway through a change, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a record; the number that comes back says how many were appended so far.
    pub(crate) fn write(&self, record: &[u8]) -> Result<u64, Error> {
        let at_ms = self.clock.now_ms();
        let (limit_bytes, head) = (self.options.segment_bytes, frame::HEAD as u64);
        let too_large = || Error::TooLarge { n_bytes: record.len() as u64, limit_bytes: limit_bytes - head };
        let length = u32::try_from(record.len()).map_err(|_| too_large())?;
        let added = u64::from(length) + head;
        if added > limit_bytes {
            return Err(too_large());
        }
        let mut state = self.state();
        let state = &mut *state;
        let (n_waiting, n_bytes, max_bytes) = (state.n_waiting(), state.n_bytes(), self.options.max_bytes);
        if n_bytes + added > max_bytes {
            return Err(Error::Full { n_waiting, n_bytes, max_bytes });
        }
        frame::write(&mut state.frame, record, length, at_ms);
        let is_full = state.segments.back().is_none_or(|segment| segment.n_bytes + added > limit_bytes);
        let file = match state.end.take() {
            Some(file) if !is_full => file,
            _ => self.begin(state).map_err(Error::Write)?,
        };
        let file = state.end.insert(file);
        let segment = state.segments.back_mut().expect("a segment was begun");
        if let Err(error) = file.write_all_at(&state.frame, segment.n_bytes) {
            // Half a frame is overwritten by the next one; this only spares a warning at the next start.
            let _ = file.set_len(segment.n_bytes);
            return Err(Error::Write(error));
        }
        segment.n_bytes += added;
        segment.n_waiting += 1;
        state.n_appended += 1;
        state.frame.shrink_to(KEEP_FRAME_BYTES);
        if n_waiting == 0 {
            self.more.notify_waiters();
        }
        Ok(state.n_appended)
    }

    fn begin(&self, state: &mut State) -> io::Result<Arc<File>> {
        let number = state.next_number;
        let path = segment::path(&self.folder, number);
        let file = Arc::new(File::options().write(true).create_new(true).open(path)?);
        state.next_number += 1;
        state.forget_finished();
        if self.options.fsync {
            state.unflushed.push(Arc::clone(&file));
        }
        state.segments.push_back(Segment { number, n_bytes: 0, n_waiting: 0, looked_at: 0 });
        Ok(file)
    }

    /// Waits until the disk has everything up to the append with this number.
    pub(crate) async fn flush(self: &Arc<Self>, n_appended: u64) -> Result<(), Error> {
        let mut flushed = self.flushed.lock().await;
        if *flushed >= n_appended {
            return Ok(());
        }
        let inner = Arc::clone(self);
        *flushed = crate::blocking(move || inner.flush_all().map_err(Error::Write)).await?;
        Ok(())
    }

    fn flush_all(&self) -> io::Result<u64> {
        let (files, n_appended) = {
            let state = self.state();
            (state.unflushed.clone(), state.n_appended)
        };
        for file in &files {
            file.sync_data()?;
        }
        // The names of new segments have to be there too.
        File::open(&self.folder)?.sync_all()?;
        let mut state = self.state();
        let State { unflushed, end, .. } = &mut *state;
        // The last segment still grows; the others are done with.
        unflushed.retain(|file| {
            let is_end = end.as_ref().is_some_and(|end| Arc::ptr_eq(end, file));
            is_end || !files.iter().any(|done| Arc::ptr_eq(done, file))
        });
        Ok(n_appended)
    }

    /// The oldest records; see [`crate::Spool::batch`].
    pub(crate) fn batch(&self, max_records: usize, max_bytes: usize) -> Result<Option<Batch>, Error> {
        loop {
            let Some((from, n_bytes)) = self.front() else { return Ok(None) };
            // A batch is seldom as large as it may be.
            let chunk_bytes = max_bytes.saturating_add(frame::HEAD).min(CHUNK_BYTES);
            let mut reader = self.reader(from, n_bytes, chunk_bytes)?;
            let mut records = Vec::new();
            let (mut to, mut size) = (from, 0_usize);
            while records.len() < max_records.max(1) {
                let start = to.offset;
                match reader.next().map_err(Error::Read)? {
                    None => break,
                    Some(Found::Record { record, to: end, .. }) => {
                        size = size.saturating_add(record.len());
                        if size > max_bytes && !records.is_empty() {
                            break;
                        }
                        records.push(record);
                        to.offset = end;
                    }
                    Some(Found::Damage { to: end }) => {
                        self.report_damage(from.segment, start, end);
                        to.offset = end;
                    }
                    Some(Found::Torn) => {
                        self.report_damage(from.segment, start, n_bytes);
                        to.offset = n_bytes;
                    }
                }
            }
            if !records.is_empty() {
                return Ok(Some(Batch { records, from, to }));
            }
            // Nothing but damage: go past it. Another reader may have done so already, which is as good.
            match self.advance(from, to, 0) {
                Ok(()) | Err(Error::NotTheOldest) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn front(&self) -> Option<(Position, u64)> {
        let state = self.state();
        let first = state.segments.front()?;
        let is_read = state.offset == first.n_bytes;
        (!is_read).then_some((Position { segment: first.number, offset: state.offset }, first.n_bytes))
    }

    fn reader(&self, from: Position, end: u64, chunk_bytes: usize) -> Result<Reader, Error> {
        let file = File::open(segment::path(&self.folder, from.segment)).map_err(Error::Read)?;
        Ok(Reader::new(file, from.offset, end, chunk_bytes))
    }

    fn report_damage(&self, number: u64, start: u64, end: u64) {
        let mut state = self.state();
        let Some(segment) = state.segments.iter_mut().find(|segment| segment.number == number) else { return };
        let is_new = segment.looked_at <= start;
        segment.looked_at = segment.looked_at.max(end);
        drop(state);
        if is_new {
            self.n_damaged.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                spool.segment = number,
                spool.offset = start,
                n_bytes = end - start,
                "records in the spool are damaged and are left out"
            );
        }
    }

    /// Moves the front, on disk first, and deletes what is done.
    pub(crate) fn advance(&self, from: Position, to: Position, n_records: u64) -> Result<(), Error> {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let front = {
            let state = self.state();
            state.segments.front().map(|first| Position { segment: first.number, offset: state.offset })
        };
        if front != Some(from) {
            return Err(Error::NotTheOldest);
        }
        to.write(&self.folder, self.options.fsync).map_err(Error::Write)?;
        let finished = {
            let mut state = self.state();
            let state = &mut *state;
            state.offset = to.offset;
            if let Some(first) = state.segments.front_mut() {
                first.n_waiting = first.n_waiting.saturating_sub(n_records);
                if first.n_bytes == to.offset {
                    first.n_waiting = 0;
                }
            }
            state.forget_finished();
            std::mem::take(&mut state.finished)
        };
        self.fewer.notify_waiters();
        for number in finished {
            self.delete(number);
        }
        Ok(())
    }

    pub(crate) fn delete(&self, number: u64) {
        if let Err(error) = std::fs::remove_file(segment::path(&self.folder, number)) {
            // It lies before the position: the next start deletes it.
            tracing::warn!(spool.segment = number, %error, "a finished spool segment could not be deleted");
        }
    }

    /// See [`crate::Spool::oldest_age`].
    pub(crate) fn oldest_age(&self) -> Result<Option<Duration>, Error> {
        let Some((from, n_bytes)) = self.front() else { return Ok(None) };
        let mut reader = match self.reader(from, n_bytes, frame::HEAD) {
            Ok(reader) => reader,
            // It was stored and deleted just now; what is the oldest has changed.
            Err(_) if self.front().is_none_or(|(front, _)| front != from) => return self.oldest_age(),
            Err(error) => return Err(error),
        };
        loop {
            match reader.next().map_err(Error::Read)? {
                Some(Found::Record { at_ms, .. }) => {
                    let age_ms = self.clock.now_ms().saturating_sub(at_ms);
                    return Ok(Some(Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))));
                }
                Some(Found::Damage { .. }) => {}
                Some(Found::Torn) | None => return Ok(None),
            }
        }
    }
}
