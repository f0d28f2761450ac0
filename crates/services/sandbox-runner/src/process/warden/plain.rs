//! The warden's slots at level 1, inside a container: workers are only forked, and one session has the folder.
//!
//! Nothing is mounted and no namespace is made; the container is the outer wall. What is left to do here is to see
//! that a run ends with everything it started, whatever that has done to hide.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::mounts::doing;
use super::slots::{self, has_message};
use super::zygote::{Zygote, ZygoteSays};
use crate::process::protocol::Answer;
use crate::process::seccomp::Refusal;
use crate::process::socket;
use crate::process::tree::Tree;

const SESSION: &str = "/session";
const REPORT: &str = "/run/report";
/// What code may write to besides the session folder.
const SCRATCH: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

pub(super) struct Plain {
    zygote: Zygote,
    slots: BTreeMap<u64, Slot>,
    /// Slots whose end is still to be told, with the worker's status.
    over: Vec<(u64, i32)>,
    session: Option<String>,
}

struct Slot {
    worker: i32,
    /// Whether it has the session folder, and so may have run code.
    is_used: bool,
}

impl Plain {
    pub(super) fn new(zygote: Zygote) -> io::Result<Self> {
        // What has our user id must not trace us, and orphans come to us, where they are found.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        nix::sys::prctl::set_child_subreaper(true)?;
        for folder in [SESSION, REPORT] {
            rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)
                .map_err(|error| doing(format!("use {folder}, which the container must have"), error))?;
        }
        let uid = nix::unistd::geteuid().as_raw();
        slots::send_plan(&zygote, uid, false, Refusal::Error, true)?;
        Ok(Self { zygote, slots: BTreeMap::new(), over: Vec::new(), session: None })
    }

    /// The session folder. There is one, for one session: what one has touched serves no other.
    pub(super) fn open_session(&mut self, session: &str) -> io::Result<OwnedFd> {
        if self.session.is_some() {
            return Err(io::Error::other("this container has served its session"));
        }
        let folder = fs::File::open(SESSION)?;
        self.session = Some(session.to_owned());
        Ok(folder.into())
    }

    pub(super) fn park(&mut self, number: u64, control: &OwnedFd) -> io::Result<(Answer, OwnedFd)> {
        let report = fs::File::open(REPORT)?;
        // There is no init; the zygote does not look at the first descriptor.
        socket::send(self.zygote.socket.as_fd(), slots::PARK, &[control.as_fd(), control.as_fd()])?;
        let worker = loop {
            match self.zygote.says()? {
                ZygoteSays::Forked(pid) => break pid,
                ZygoteSays::Failed(why) => return Err(io::Error::other(why)),
                ZygoteSays::Exited { exited, status } => self.note_exit(exited, status)?,
            }
        };
        self.slots.insert(number, Slot { worker, is_used: false });
        Ok((Answer::Parked { init_pid: self.zygote.pid, worker_pid: worker }, report.into()))
    }

    pub(super) fn enter(&mut self, number: u64, session: &str) -> io::Result<()> {
        if self.session.as_deref() != Some(session) {
            return Err(io::Error::other("no such session"));
        }
        // What earlier runs have left outside of the session folder goes, unless an interpreter of theirs is kept.
        if !self.slots.values().any(|slot| slot.is_used) {
            SCRATCH.into_iter().chain([REPORT]).for_each(empty);
        }
        // All workers of the session share this folder, one after the other.
        fs::remove_file(format!("{REPORT}/report.json")).ok();
        make_job()?;
        let slot = self.slots.get_mut(&number).ok_or_else(|| io::Error::other("no such slot"))?;
        slot.is_used = true;
        Ok(())
    }

    pub(super) fn freeze(&self, number: u64) -> io::Result<()> {
        let slot = self.slots.get(&number).ok_or_else(|| io::Error::other("no such slot"))?;
        if self.tree(slot.worker).stop() { Ok(()) } else { Err(io::Error::other("a sandbox cannot be frozen")) }
    }

    pub(super) fn thaw(&self, number: u64) {
        if let Some(slot) = self.slots.get(&number) {
            self.tree(slot.worker).thaw();
        }
    }

    pub(super) fn kill(&self, number: u64) {
        if let Some(slot) = self.slots.get(&number) {
            // Its end is noted when the zygote tells it, and then nothing may be left.
            self.tree(slot.worker).kill();
        }
    }

    /// What to wait for besides the runner.
    pub(super) fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.zygote.socket.as_fd())
    }

    /// Takes note of what has ended. Returns the slots of which every process is gone, with the worker's status.
    ///
    /// # Errors
    /// When the zygote is gone, or a process cannot be killed: then only the end of the container helps.
    pub(super) fn settle(&mut self) -> io::Result<Vec<(u64, i32)>> {
        while has_message(self.zygote.socket.as_fd())? {
            if let ZygoteSays::Exited { exited, status } = self.zygote.says()? {
                self.note_exit(exited, status)?;
            }
        }
        reap();
        Ok(std::mem::take(&mut self.over))
    }

    fn note_exit(&mut self, pid: i32, status: i32) -> io::Result<()> {
        let Some(number) = self.slots.iter().find(|(_, slot)| slot.worker == pid).map(|(number, _)| *number) else {
            return Ok(());
        };
        self.slots.remove(&number);
        self.over.push((number, status));
        // Its children are strays now.
        if self.tree(pid).kill() { Ok(()) } else { Err(io::Error::other("a process cannot be killed")) }
    }

    fn tree(&self, worker: i32) -> Tree {
        let (agent, warden) = (nix::unistd::getppid().as_raw(), nix::unistd::getpid().as_raw());
        Tree { agent, warden, zygote: self.zygote.pid, worker }
    }
}

/// Takes away strays that have ended.
fn reap() {
    while matches!(
        waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)),
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
    ) {}
}

/// The file that a kept interpreter gets its jobs through must be there for it.
fn make_job() -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(format!("{REPORT}/job.json"), flags, Mode::from_raw_mode(0o600)).map(drop).map_err(io::Error::from)
}

/// Removes what is in a folder, as far as it lets itself be removed.
fn empty(folder: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // It takes space of this session alone.
        if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.ok();
    }
}
