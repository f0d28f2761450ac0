//! A walled worker that waits for a folder and code.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::SockType;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tracing::warn;

use super::cgroup::{Caps, Group, Hierarchy};
use super::link::Warden;
use super::mailbox::Mailbox;
use super::pairs::{Pair, Pairs};
use super::protocol::{Answer, Request};
use super::removals::Removals;
use super::socket;
use super::tree::Tree;
use super::watchdog::{self, Watched};
use crate::driver::{Error, Level};
use crate::egress::{Outlet, Serving};

/// A worker that does not park within this time never will.
const PARK_TIMEOUT: Duration = Duration::from_secs(30);
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// What all workers of a driver share.
pub(super) struct WorkerContext {
    pub(super) hierarchy: Hierarchy,
    pub(super) removals: Removals,
    pub(super) pairs: Pairs,
    /// The caps of a run that asks for no others.
    pub(super) caps: Caps,
}

/// The caps of a run that may have so many processes beside the worker.
pub(super) fn caps(memory_bytes: u64, n_processes: u32, cpu_milli: u32) -> Caps {
    Caps { memory_bytes, n_processes: u64::from(n_processes) + 1, cpu_milli }
}

/// What leads out of the session.
pub(super) struct WorkerEgress {
    pub(super) outlet: Outlet,
    /// Our end of it, when the socket that it begins at is in this worker's namespaces; in a container it is the
    /// agent's, for as long as the container is there.
    pub(super) serving: Option<Serving>,
}

/// Killed when dropped.
pub(super) struct Parked {
    pub(super) slot: u64,
    /// Its processes, as we see them.
    pub(super) init_pid: i32,
    pub(super) worker_pid: i32,
    /// Its processes, where memory is watched.
    pub(super) watched: Option<Watched>,
    pub(super) warden: Arc<Warden>,
    pub(super) control: Option<UnixStream>,
    pub(super) mailbox: Mailbox,
    pub(super) group: Option<Group>,
    pub(super) egress: Option<WorkerEgress>,
    pub(super) exited: Option<oneshot::Receiver<i32>>,
    /// The host ids of its processes.
    _pair: Pair,
}

impl Parked {
    /// Makes one, with its caps.
    pub(super) async fn start(warden: &Arc<Warden>, context: &WorkerContext) -> Result<Self, Error> {
        let pair = context.pairs.take()?;
        let (ours, theirs) = socket::pair(SockType::Stream).map_err(Error::Io)?;
        let slot = warden.number();
        let group = context.hierarchy.open(slot, &context.removals).map_err(Error::Io)?;
        let mut handed = vec![theirs];
        if let Some(group) = &group {
            group.limit(context.caps).map_err(Error::Io)?;
            handed.extend(group.entrances().map_err(Error::Io)?);
        }
        let exited = warden.watch(slot);
        let handed_fds: Vec<BorrowedFd<'_>> = handed.iter().map(AsFd::as_fd).collect();
        let guard = KillOnDrop { warden, slot };
        let asked = warden.ask(Request::Park { slot, pair: pair.number() }, &handed_fds);
        let late = |_| Error::Unavailable("a sandbox worker was not made in time".to_owned());
        let (answer, fds) = tokio::time::timeout(PARK_TIMEOUT, asked).await.map_err(late)??;
        drop(handed);
        warden.forked();
        let (Answer::Parked { init_pid, worker_pid }, Some(report)) = (answer, fds.into_iter().next()) else {
            return Err(Error::Lost);
        };
        let control = std::os::unix::net::UnixStream::from(ours);
        control.set_nonblocking(true).map_err(Error::Io)?;
        let control = UnixStream::from_std(control).map_err(Error::Io)?;
        let mut parked = Self {
            slot,
            init_pid,
            worker_pid,
            watched: None,
            warden: Arc::clone(warden),
            control: None,
            mailbox: Mailbox::open(report, worker_pid).map_err(Error::Io)?,
            group,
            egress: None,
            exited: Some(exited),
            _pair: pair,
        };
        // From here on dropping `parked` kills it.
        std::mem::forget(guard);
        parked.control = Some(ready(control).await?);
        if parked.group.is_none() {
            parked.watched = Some(match warden.level {
                Level::L1 => Watched::Tree(Tree::of(worker_pid, init_pid).ok_or(Error::Lost)?),
                Level::L2 | Level::L3 => Watched::Namespace(watchdog::namespace(worker_pid).map_err(Error::Io)?),
            });
        }
        Ok(parked)
    }

    /// Kills it and waits until nothing is left of it.
    pub(super) async fn end(mut self) {
        self.warden.kill(self.slot);
        if let Some(exited) = self.exited.take()
            && tokio::time::timeout(END_TIMEOUT, exited).await.is_err()
        {
            warn!(sandbox.slot = self.slot, "a sandbox does not end");
        }
    }
}

/// A slot that was asked for. Killed when dropped: the future that asks may be dropped before the answer.
struct KillOnDrop<'a> {
    warden: &'a Warden,
    slot: u64,
}

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.warden.kill(self.slot);
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // After a regular end there is nothing left to kill, and the warden knows.
        self.warden.kill(self.slot);
    }
}

/// Waits until the worker says that it is parked.
async fn ready(mut control: UnixStream) -> Result<UnixStream, Error> {
    let mut byte = [0];
    match tokio::time::timeout(PARK_TIMEOUT, control.read(&mut byte)).await {
        Ok(Ok(1)) => Ok(control),
        Ok(Ok(_)) => Err(Error::Unavailable("a sandbox worker ended before it was ready; the log says why".to_owned())),
        Ok(Err(error)) => Err(Error::Io(error)),
        Err(_late) => Err(Error::Unavailable("a sandbox worker was not ready in time".to_owned())),
    }
}
