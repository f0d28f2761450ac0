//! A walled interpreter that has its session folder: one run, or one after the other while it is kept.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::time::Instant;
use tracing::warn;

use super::cgroup::Group;
use super::output::{Pending, Stream};
use super::parked::{Parked, caps};
use super::protocol::{Report, Request, WorkerJob, WorkerLimits};
use super::tree;
use crate::Config;
use crate::driver::{Cause, Ended, Error, RunSpec, Said, Signals};

const MEMORY_INTERVAL: Duration = Duration::from_millis(100);
/// Output goes out at most this often, so that prints in a loop are not an event each.
const OUTPUT_INTERVAL: Duration = Duration::from_millis(25);
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// How long no report is read after something that was none.
const REPORT_RETRY_DELAY: Duration = Duration::from_millis(20);
/// CPU time that a run may take beyond its share before it is held back.
const CPU_BURST: Duration = Duration::from_secs(1);
/// How often it is checked whether the worker has stopped, at some microseconds each, before the warden is asked.
const N_STOP_CHECKS: usize = 20;
/// How long code that was interrupted may take to notice.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where output goes as it comes.
pub(super) type Say<'a> = &'a mut (dyn FnMut(Said) + Send);

/// Killed when dropped.
pub(super) struct Worker {
    parked: Parked,
    file_bytes: u64,
    cpu_milli: u32,
    /// When the run was first looked at, and what its processes had spent by then.
    looked: Option<(Instant, Duration)>,
    stdout: Stream,
    stderr: Stream,
    /// The worker's ends of the two pipes, until the first run has taken them along.
    pipes: Option<[OwnedFd; 2]>,
    seq: u64,
    /// What the container around us, if any, counted before the run.
    n_out_of_memory: u64,
    /// Whether processes besides the worker were stopped.
    is_frozen: bool,
}

/// What ended the waiting.
enum End {
    Reported(Box<Report>),
    /// Every process is gone: an exit code, or minus a signal.
    Exited(i32),
    Lost,
}

impl Worker {
    /// `parked` must have its session folder by now.
    pub(super) fn new(parked: Parked, config: &Config) -> io::Result<Self> {
        let (stdout, out) = Stream::open(false)?;
        let (stderr, err) = Stream::open(true)?;
        let (file_bytes, cpu_milli) = (config.file_bytes, config.cpu_milli);
        let pipes = Some([out, err]);
        let (n_out_of_memory, looked) = (0, None);
        Ok(Self {
            parked,
            file_bytes,
            cpu_milli,
            looked,
            stdout,
            stderr,
            pipes,
            seq: 0,
            n_out_of_memory,
            is_frozen: false,
        })
    }

    /// Whether no code has reached it yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.pipes.is_some()
    }

    /// Whether it can take another run.
    pub(super) fn is_alive(&self) -> bool {
        !self.parked.warden.is_lost() && self.parked.exited.as_ref().is_some_and(|exited| exited.is_empty())
    }

    /// Runs code to its end, whichever that is. With `keep` and an end of its own accord, the interpreter is there for
    /// another one afterwards; otherwise it is dead, or as good as that: stopped, alone, and to be dropped.
    pub(super) async fn run(
        &mut self,
        spec: &RunSpec,
        keep: bool,
        signals: &Signals,
        say: Say<'_>,
    ) -> Result<Ended, Error> {
        self.begin(spec, keep).await?;
        let started = Instant::now();
        let mut pending = Pending::default();
        let (end, mut cause) = self.wait(spec, started, signals, &mut pending, say).await?;
        let duration = started.elapsed();
        match &end {
            End::Reported(_) => self.settle(keep, &mut pending).await?,
            // Nobody is left to write.
            End::Exited(_) | End::Lost => self.drain(&mut pending),
        }
        pending.take().into_iter().for_each(say);
        let (status, report) = match end {
            End::Reported(report) => (report.exit, *report),
            End::Exited(status) => (status, Report::default()),
            End::Lost => {
                cause = Cause::Lost;
                (-libc::SIGKILL, Report::default())
            }
        };
        if cause == Cause::Itself && status < 0 && self.was_full() {
            cause = Cause::Memory;
        }
        Ok(Ended {
            cause,
            status,
            duration,
            is_cut: self.stdout.is_cut || self.stderr.is_cut,
            error: report.error,
            result: report.result,
            displays: report.displays,
            is_kept: keep && self.is_alive(),
        })
    }

    async fn begin(&mut self, spec: &RunSpec, keep: bool) -> Result<(), Error> {
        if let Some(group) = &self.parked.group {
            group.limit(caps(spec.memory_bytes, spec.n_processes, self.cpu_milli)).map_err(Error::Io)?;
        }
        self.stdout.begin(spec.output_bytes);
        self.stderr.begin(spec.output_bytes);
        if let Some(serving) = self.parked.egress.as_ref().and_then(|egress| egress.serving.as_ref()) {
            serving.renew();
        }
        self.looked = None;
        self.seq += 1;
        if self.parked.group.is_none() {
            self.n_out_of_memory = tree::n_out_of_memory();
        }
        let message = self.message(spec, keep)?;
        if std::mem::take(&mut self.is_frozen) {
            // What earlier runs have left running goes on with this one.
            self.parked.warden.thaw(self.parked.slot);
        }
        match (self.parked.control.take(), self.pipes.take()) {
            (Some(control), Some(pipes)) => hand_over(control, &message, pipes).await.map_err(|_gone| Error::Lost),
            _ => self.parked.mailbox.post(&message).map_err(|error| {
                warn!(sandbox.slot = self.parked.slot, %error, "a kept interpreter takes no job");
                Error::Lost
            }),
        }
    }

    fn message(&self, spec: &RunSpec, keep: bool) -> Result<Vec<u8>, Error> {
        let limits = WorkerLimits {
            // Threads add up, so this is only a backstop behind the wall clock. What is kept has no end to count to.
            cpu_s: (!keep).then(|| spec.timeout.as_secs().saturating_mul(4).saturating_add(5)),
            file_bytes: self.file_bytes,
            n_processes: u64::from(spec.n_processes),
            memory_bytes: spec.memory_bytes,
            // Where memory is only watched, one huge allocation must fail at once: the watch is too slow for it.
            address_bytes: self.parked.group.is_none().then_some(spec.memory_bytes.saturating_add(2 << 30)),
        };
        let egress = self.parked.egress.as_ref().filter(|_| self.is_fresh());
        let network = egress.map(|egress| &egress.outlet);
        let job = WorkerJob { seq: self.seq, keep, language: &spec.language, code: &spec.code, limits, network };
        serde_json::to_vec(&job).map_err(|error| Error::Io(error.into()))
    }

    /// Listens until the worker reports or everything is dead, and sees to it that one of the two comes.
    async fn wait(
        &mut self,
        spec: &RunSpec,
        started: Instant,
        signals: &Signals,
        pending: &mut Pending,
        say: Say<'_>,
    ) -> Result<(End, Cause), Error> {
        let mut exited = self.parked.exited.take().ok_or(Error::Lost)?;
        let mut deadline = started + spec.timeout;
        let mut cause = Cause::Itself;
        let mut memory = tokio::time::interval_at(started + MEMORY_INTERVAL, MEMORY_INTERVAL);
        let mut tell_at = started;
        let mut give_up_at = None;
        let mut is_interrupted = false;
        loop {
            tokio::select! {
                status = &mut exited => {
                    // The end may be heard of before the report that came first: a report that is there still counts.
                    let last_report = self.parked.mailbox.report(self.seq).filter(|_| cause == Cause::Itself);
                    let end = match (status, last_report) {
                        (Err(_closed), _) => End::Lost,
                        (Ok(_), Some(report)) => End::Reported(Box::new(report)),
                        (Ok(status), None) => End::Exited(status),
                    };
                    return Ok((end, cause));
                }
                arrived = self.parked.mailbox.arrival(), if give_up_at.is_none() => {
                    arrived.map_err(Error::Io)?;
                    if let Some(report) = self.parked.mailbox.report(self.seq) {
                        self.parked.exited = Some(exited);
                        return Ok((End::Reported(Box::new(report)), cause));
                    }
                    // Code that leaves there what is no report must not keep us busy reading it.
                    tokio::time::sleep(REPORT_RETRY_DELAY).await;
                }
                text = self.stdout.next(), if self.stdout.is_open() => pending.add_some(self.stdout.said_some(text)),
                text = self.stderr.next(), if self.stderr.is_open() => pending.add_some(self.stderr.said_some(text)),
                () = tokio::time::sleep_until(tell_at), if !pending.is_empty() => {
                    pending.take().into_iter().for_each(&mut *say);
                    tell_at = Instant::now() + OUTPUT_INTERVAL;
                }
                () = tokio::time::sleep_until(deadline), if give_up_at.is_none() => {
                    cause = if is_interrupted { Cause::Cancelled } else { Cause::Timeout };
                }
                () = signals.cancel.cancelled(), if give_up_at.is_none() => cause = Cause::Cancelled,
                () = signals.interrupt.cancelled(), if !is_interrupted && give_up_at.is_none() => {
                    is_interrupted = true;
                    deadline = deadline.min(Instant::now() + INTERRUPT_TIMEOUT);
                    // Gone by now is fine.
                    self.parked.mailbox.interrupt().ok();
                }
                _ = memory.tick(), if give_up_at.is_none() => {
                    if self.is_out_of_memory(spec.memory_bytes).await {
                        cause = Cause::Memory;
                    }
                }
                () = tokio::time::sleep_until(give_up_at.unwrap_or(deadline)), if give_up_at.is_some() => {
                    // The kernel does not end a process, and nothing else can be done about it here.
                    warn!(sandbox.slot = self.parked.slot, "a sandbox does not end");
                    return Err(Error::Lost);
                }
            }
            if cause != Cause::Itself && give_up_at.is_none() {
                self.kill();
                give_up_at = Some(Instant::now() + END_TIMEOUT);
            }
        }
    }

    /// After a report: nothing of the run goes on, and all that it has written is here.
    async fn settle(&mut self, keep: bool, pending: &mut Pending) -> Result<(), Error> {
        // Dead by now, it is stopped too.
        self.parked.mailbox.pause().ok();
        if keep && self.is_alone() {
            // The usual case, without a way through the warden.
        } else if keep && self.parked.warden.ask(Request::Freeze { slot: self.parked.slot }, &[]).await.is_ok() {
            // In one step for all of them, so that nothing is forked away meanwhile.
            self.is_frozen = true;
        } else if keep || !self.left_nothing() {
            // They could still write into the session folder, so their end is waited for.
            self.kill();
            if let Some(exited) = self.parked.exited.take()
                && tokio::time::timeout(END_TIMEOUT, exited).await.is_err()
            {
                warn!(sandbox.slot = self.parked.slot, "a sandbox does not end");
                return Err(Error::Lost);
            }
        }
        self.drain(pending);
        Ok(())
    }

    /// Whether the kernel has killed a process of the run for its memory.
    fn was_full(&self) -> bool {
        match &self.parked.group {
            Some(group) => group.ran_out(),
            None => tree::n_out_of_memory() > self.n_out_of_memory,
        }
    }

    /// Whether the worker has stopped and there is nothing besides it.
    fn is_alone(&self) -> bool {
        (0..N_STOP_CHECKS).any(|_| tree::is_stopped(self.parked.worker_pid)) && self.left_nothing()
    }

    /// Whether the code has started nothing that goes on.
    fn left_nothing(&self) -> bool {
        // The first question is the cheaper one. A worker that is gone is not the one that is left.
        (tree::is_stopped(self.parked.worker_pid) && self.parked.group.as_ref().is_some_and(Group::is_single))
            || self.others().is_empty()
    }

    /// What the code has started and left behind.
    fn others(&self) -> Vec<i32> {
        let mut all = match (&self.parked.group, &self.parked.watched) {
            (Some(group), _) => group.processes(),
            (None, Some(watched)) => watched.processes(),
            (None, None) => Vec::new(),
        };
        all.retain(|pid| *pid != self.parked.worker_pid && *pid != self.parked.init_pid);
        all
    }

    fn drain(&mut self, pending: &mut Pending) {
        let text = self.stdout.drain();
        pending.add_some(self.stdout.said_some(text));
        let text = self.stderr.drain();
        pending.add_some(self.stderr.said_some(text));
    }

    async fn is_out_of_memory(&mut self, limit_bytes: u64) -> bool {
        if let Some(group) = &self.parked.group {
            return group.ran_out();
        }
        let Some(watched) = self.parked.watched.clone() else { return false };
        let looked = tokio::task::spawn_blocking(move || watched.used()).await;
        let used = looked.unwrap_or_default();
        self.hold_back(used.cpu).await;
        used.memory_bytes > limit_bytes
    }

    /// Where nothing caps its CPU time, a run that takes more than its share gets the lowest priority.
    async fn hold_back(&mut self, spent: Duration) {
        let (since, before) = *self.looked.get_or_insert((Instant::now(), spent));
        let share = since.elapsed() * self.cpu_milli / 1000 + CPU_BURST;
        if spent.saturating_sub(before) > share
            && let Some(watched) = self.parked.watched.clone()
            && tokio::task::spawn_blocking(move || watched.demote()).await.is_err()
        {
            warn!(sandbox.slot = self.parked.slot, "a sandbox that takes too much could not be held back");
        }
    }

    /// Kills every process of it. Does not wait.
    fn kill(&self) {
        if let Some(group) = &self.parked.group {
            // Ending takes CPU time too, which processes over their cap would have to wait for.
            group.lift_cpu_cap();
        }
        self.parked.warden.kill(self.parked.slot);
    }

    /// Kills it and waits until nothing is left of it.
    pub(super) async fn end(self) {
        self.parked.end().await;
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
