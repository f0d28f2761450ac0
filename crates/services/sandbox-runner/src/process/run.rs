//! One run: hands the code over, listens, watches the limits, ends everything, reads the report.

use std::io::{self, IoSlice, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::warn;


use super::link::Busy;
use super::output::{Pending, Stream};
use super::parked::Parked;
use super::watchdog;
use super::wire::{Report, WorkerJob, WorkerLimits};
use crate::Config;
use crate::driver::{self, Cause, Ended, Error, Job, Said, Signals};

const MEMORY_TICK: Duration = Duration::from_millis(100);
/// Output goes out at most this often, so that prints in a loop are not an event each.
const OUTPUT_TICK: Duration = Duration::from_millis(25);
const ENDING: Duration = Duration::from_secs(10);
const REPORT_BYTES_MAX: u64 = 4 << 20;

/// A walled worker with its session folder. Killed when dropped.
pub(super) struct Entered {
    pub(super) parked: Parked,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) busy: Busy,
    pub(super) config: Config,
}

#[async_trait]
impl driver::Entered for Entered {
    fn is_fresh(&self) -> bool {
        true
    }

    async fn run(
        mut self: Box<Self>,
        job: &Job,
        signals: &Signals,
        say: &mut (dyn FnMut(Said) + Send),
    ) -> Result<Ended, Error> {
        if let Some(group) = &self.parked.group {
            // One more for the worker itself.
            group.limit(job.memory_bytes, u64::from(job.n_processes) + 1).map_err(Error::Io)?;
        }
        let (mut stdout, out) = Stream::open(false, job.output_bytes).map_err(Error::Io)?;
        let (mut stderr, err) = Stream::open(true, job.output_bytes).map_err(Error::Io)?;
        let started = Instant::now();
        let control = self.parked.control.take().ok_or(Error::Lost)?;
        hand_over(control, &self.message(job)?, [out, err]).await.map_err(|_gone| Error::Lost)?;

        let mut exited = self.parked.exited.take().ok_or(Error::Lost)?;
        let deadline = started + job.timeout;
        let mut cause = Cause::Itself;
        let mut memory = tokio::time::interval(MEMORY_TICK);
        let mut pending = Pending::default();
        let mut tell_at = started;
        let mut give_up_at = None;
        let status = loop {
            tokio::select! {
                status = &mut exited => break status,
                text = stdout.next(), if stdout.is_open() => pending.add_some(stdout.said_some(text)),
                text = stderr.next(), if stderr.is_open() => pending.add_some(stderr.said_some(text)),
                () = tokio::time::sleep_until(tell_at), if !pending.is_empty() => {
                    pending.take().into_iter().for_each(&mut *say);
                    tell_at = Instant::now() + OUTPUT_TICK;
                }
                () = tokio::time::sleep_until(deadline), if give_up_at.is_none() => cause = Cause::Timeout,
                () = signals.cancel.cancelled(), if give_up_at.is_none() => cause = Cause::Cancelled,
                _ = memory.tick(), if give_up_at.is_none() => {
                    if self.is_out_of_memory(job.memory_bytes).await {
                        cause = Cause::Memory;
                    }
                }
                () = tokio::time::sleep_until(give_up_at.unwrap_or(deadline)), if give_up_at.is_some() => {
                    // The kernel does not let go of a process; leaving it is all that can be done.
                    warn!(sandbox.slot = self.parked.slot, "a sandbox does not end");
                    return Err(Error::Lost);
                }
            }
            if cause != Cause::Itself && give_up_at.is_none() {
                self.parked.warden.kill(self.parked.slot);
                give_up_at = Some(Instant::now() + ENDING);
            }
        };
        let duration = started.elapsed();
        // Nobody is left to write, so the pipes end.
        while stdout.is_open() || stderr.is_open() {
            tokio::select! {
                text = stdout.next(), if stdout.is_open() => pending.add_some(stdout.said_some(text)),
                text = stderr.next(), if stderr.is_open() => pending.add_some(stderr.said_some(text)),
            }
        }
        pending.take().into_iter().for_each(&mut *say);
        if status.is_err() {
            cause = Cause::Lost;
        }
        if cause == Cause::Itself && self.parked.group.as_ref().is_some_and(super::cgroup::Group::ran_out) {
            cause = Cause::Memory;
        }
        let report = match cause {
            Cause::Itself => read_report(&self.parked.report),
            Cause::Timeout | Cause::Memory | Cause::Cancelled | Cause::Lost => Report::default(),
        };
        drop(self.busy);
        drop(self.permit);
        Ok(Ended {
            cause,
            status: status.unwrap_or(-libc::SIGKILL),
            duration,
            is_cut: stdout.is_cut || stderr.is_cut,
            error: report.error,
            result: report.result,
            displays: report.displays,
            is_kept: false,
        })
    }
}

impl Entered {
    fn message(&self, job: &Job) -> Result<Vec<u8>, Error> {
        let limits = WorkerLimits {
            // Threads add up, so this is only a backstop behind the wall clock.
            cpu_s: job.timeout.as_secs().saturating_mul(4).saturating_add(5),
            file_bytes: self.config.file_bytes,
            n_processes: u64::from(job.n_processes),
            memory_bytes: job.memory_bytes,
            // Where memory is only watched, one huge allocation must fail at once: the watch is too slow for it.
            address_bytes: self.parked.group.is_none().then_some(job.memory_bytes.saturating_add(2 << 30)),
        };
        let job = WorkerJob { language: &job.language, code: &job.code, limits };
        serde_json::to_vec(&job).map_err(|error| Error::Io(error.into()))
    }

    async fn is_out_of_memory(&self, limit_bytes: u64) -> bool {
        if let Some(group) = &self.parked.group {
            return group.ran_out();
        }
        let Some(namespace) = self.parked.watched.clone() else { return false };
        let bytes = tokio::task::spawn_blocking(move || watchdog::memory_bytes(&namespace)).await;
        bytes.is_ok_and(|bytes| bytes > limit_bytes)
    }
}

impl Pending {
    fn add_some(&mut self, said: Option<Said>) {
        if let Some(said) = said {
            self.add(said);
        }
    }
}

impl Stream {
    fn said_some(&self, text: Option<String>) -> Option<Said> {
        text.map(|text| self.said(text))
    }
}

/// Sends the length with the two descriptors beside it, then the message.
async fn hand_over(mut control: UnixStream, message: &[u8], pipes: [OwnedFd; 2]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?.to_le_bytes();
    let raw: [RawFd; 2] = [pipes[0].as_raw_fd(), pipes[1].as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&raw)];
    control
        .async_io(Interest::WRITABLE, || {
            sendmsg::<()>(control.as_fd().as_raw_fd(), &[IoSlice::new(&length)], &rights, MsgFlags::MSG_NOSIGNAL, None)
                .map_err(io::Error::from)
        })
        .await?;
    control.write_all(message).await
}

/// The worker's words about itself, as far as they make sense.
fn read_report(folder: &OwnedFd) -> Report {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat2(folder, "report.json", flags, Mode::empty(), resolve) else {
        return Report::default(); // the code ended the interpreter its own way
    };
    let file = std::fs::File::from(file);
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Report::default();
    }
    let mut text = Vec::new();
    match file.take(REPORT_BYTES_MAX).read_to_end(&mut text) {
        Ok(_) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(_) => Report::default(),
    }
}
