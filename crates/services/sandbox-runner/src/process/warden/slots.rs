//! The warden's book: sessions that are mounted, runs that are parked or going on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::SockType;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::PidfdFlags;

use super::mounts::{self, doing};
use super::root::Zygote;
use super::{HostIds, INSIDE, Ids, fork_into, init};
use crate::process::wire::{Answer, Setup};
use crate::process::{seccomp, socket};

/// Longer than any step takes on a machine that is merely busy.
pub(super) const PATIENCE_S: i64 = 20;

/// What the zygote is told to have a worker forked.
pub(super) const PARK: &[u8] = b"P";

pub(super) struct Slots {
    ids: Ids,
    scratch_bytes: u64,
    zygote: Zygote,
    /// Our own mount namespace, to come back to.
    home: OwnedFd,
    slots: BTreeMap<u64, Slot>,
    sessions: BTreeSet<String>,
}

struct Slot {
    init: Pid,
    pidfd: OwnedFd,
    socket: OwnedFd,
    worker: Option<i32>,
    worker_status: Option<i32>,
    init_gone: bool,
}

#[derive(serde::Serialize)]
struct Spec {
    uid: u32,
    map_groups: bool,
    inherited: Vec<String>,
    own: Vec<String>,
    own_with_way_out: Vec<String>,
    /// Whether there are no namespaces to join.
    plain: bool,
}

/// Tells the zygote what `walls.Plan` needs to know, once.
pub(super) fn brief(
    zygote: &Zygote,
    uid: u32,
    map_groups: bool,
    refusal: seccomp::Refusal,
    plain: bool,
) -> io::Result<()> {
    let programs = seccomp::programs(refusal, plain).map_err(io::Error::other)?;
    let text = |programs: &[Vec<u8>]| programs.iter().map(hex::encode).collect();
    let spec = Spec {
        uid,
        map_groups,
        inherited: text(&programs.inherited),
        own: text(&programs.own),
        own_with_way_out: text(&programs.own_with_way_out),
        plain,
    };
    socket::send(zygote.socket.as_fd(), &serde_json::to_vec(&spec)?, &[])
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ZygoteSays {
    Forked(i32),
    Failed(String),
    #[serde(untagged)]
    Exited {
        exited: i32,
        status: i32,
    },
}

impl Slots {
    pub(super) fn new(setup: &Setup, ids: Ids, zygote: Zygote) -> io::Result<Self> {
        let refusal = if setup.crash_on_denied_calls { seccomp::Refusal::Crash } else { seccomp::Refusal::Error };
        brief(&zygote, INSIDE, ids.host.is_some(), refusal, false)?;
        Ok(Self {
            ids,
            scratch_bytes: setup.scratch_bytes,
            zygote,
            home: fs::File::open("/proc/self/ns/mnt")?.into(),
            slots: BTreeMap::new(),
            sessions: BTreeSet::new(),
        })
    }

    /// What to wait for besides the runner.
    pub(super) fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let inits = self.slots.values().filter(|slot| !slot.init_gone).map(|slot| slot.pidfd.as_fd());
        std::iter::once(self.zygote.socket.as_fd()).chain(inits)
    }

    /// An empty folder in memory, of limited size, seen by nobody until a run enters it.
    pub(super) fn open_session(&mut self, session: &str, bytes: u64, n_inodes: u64) -> io::Result<OwnedFd> {
        let folder = folder(session)?;
        if self.sessions.contains(session) {
            return Err(io::Error::other("the session is open already"));
        }
        fs::create_dir(&folder)?;
        let owner = self.ids.owner();
        let options = format!("mode=0700,uid={owner},gid={owner},size={bytes},nr_inodes={n_inodes}");
        mounts::private_tmpfs(&folder.to_string_lossy(), &options)?;
        self.sessions.insert(session.to_owned());
        Ok(fs::File::open(&folder)?.into())
    }

    pub(super) fn close_session(&mut self, session: &str) -> io::Result<()> {
        if self.sessions.remove(session) {
            let folder = folder(session)?;
            umount2(&folder, MntFlags::MNT_DETACH).map_err(|error| doing("unmount a session", error))?;
            fs::remove_dir(&folder)?;
        }
        Ok(())
    }

    /// Makes the namespaces of a run and forks a worker into them, which gets its socket and the entrances of its group.
    pub(super) fn park(&mut self, number: u64, pair: u32, handed: &[OwnedFd]) -> io::Result<(Answer, OwnedFd)> {
        let (ours, theirs) = socket::pair(SockType::SeqPacket)?;
        socket::set_patience(&ours, PATIENCE_S)?;
        // A child in the zygote's mounts, so that it starts from the finished root and never sees ours.
        setns(&self.zygote.mounts, CloneFlags::CLONE_NEWNS).map_err(|error| doing("enter the root", error))?;
        let forked = fork_into(
            CloneFlags::CLONE_NEWUSER
                | CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWNET
                | CloneFlags::CLONE_NEWIPC
                | CloneFlags::CLONE_NEWUTS,
        );
        if matches!(forked, Ok(None)) {
            init::run(theirs, self.ids, self.scratch_bytes);
        }
        setns(&self.home, CloneFlags::CLONE_NEWNS).map_err(|error| doing("come back from the root", error))?;
        let Some(pid) = forked.map_err(|error| doing("make namespaces", error))? else {
            return Err(io::Error::other("a child went astray")); // the child never returns from init::run
        };
        drop(theirs);
        let slot = Slot {
            init: pid,
            pidfd: rustix::process::pidfd_open(to_rustix(pid)?, PidfdFlags::empty())?,
            socket: ours,
            worker: None,
            worker_status: None,
            init_gone: false,
        };
        match self.fill(&slot, pair, handed) {
            Ok((worker, report)) => {
                self.slots.insert(number, Slot { worker: Some(worker), ..slot });
                Ok((Answer::Parked { init_pid: pid.as_raw(), worker_pid: worker }, report))
            }
            Err(error) => {
                kill(pid, Signal::SIGKILL).ok();
                waitpid(pid, None).ok();
                Err(error)
            }
        }
    }

    fn fill(&mut self, slot: &Slot, pair: u32, handed: &[OwnedFd]) -> io::Result<(i32, OwnedFd)> {
        write_maps(slot.init, &self.ids.map(pair))?;
        socket::send(slot.socket.as_fd(), b"G", &[])?;
        let (message, fds) = socket::receive(slot.socket.as_fd())?;
        let report = match (message.first(), fds.into_iter().next()) {
            (Some(b'R'), Some(report)) => report,
            _ => return Err(io::Error::other(format!("walls: {}", String::from_utf8_lossy(&message)))),
        };
        let fds: Vec<BorrowedFd<'_>> =
            std::iter::once(slot.pidfd.as_fd()).chain(handed.iter().map(AsFd::as_fd)).collect();
        socket::send(self.zygote.socket.as_fd(), PARK, &fds)?;
        loop {
            match self.zygote.says()? {
                ZygoteSays::Forked(pid) => return Ok((pid, report)),
                ZygoteSays::Failed(why) => return Err(io::Error::other(why)),
                ZygoteSays::Exited { exited, status } => self.note_exit(exited, status),
            }
        }
    }

    /// Gives a parked run its session folder and, when it has a way out, answers with the socket that it begins at.
    pub(super) fn enter(&mut self, number: u64, session: &str, has_way_out: bool) -> io::Result<Option<OwnedFd>> {
        let slot = self.slots.get(&number).ok_or_else(|| io::Error::other("no such slot"))?;
        if !self.sessions.contains(session) {
            return Err(io::Error::other("no such session"));
        }
        let tree = mounts::copy(&folder(session)?)?;
        if matches!(self.ids.host, Some(HostIds { has_own_pairs: true, .. })) {
            mounts::show_as(&tree, fs::File::open(format!("/proc/{}/ns/user", slot.init))?.as_fd())?;
        }
        let request = if has_way_out { init::WITH_DOOR } else { b'S' };
        socket::send(slot.socket.as_fd(), &[request], &[tree.as_fd()])?;
        let (message, fds) = socket::receive(slot.socket.as_fd())?;
        match message.first() {
            Some(b'M') => Ok(fds.into_iter().next()),
            _ => Err(io::Error::other(format!("walls: {}", String::from_utf8_lossy(&message)))),
        }
    }

    /// Stops every process of a slot but its init, which does it: only from inside can all be reached in one step.
    pub(super) fn still(&self, number: u64) -> io::Result<()> {
        let slot = self.slots.get(&number).ok_or_else(|| io::Error::other("no such slot"))?;
        socket::send(slot.socket.as_fd(), init::STILL, &[])?;
        let (message, _) = socket::receive(slot.socket.as_fd())?;
        if message == init::STILL { Ok(()) } else { Err(io::Error::other("a sandbox does not stand still")) }
    }

    pub(super) fn go_on(&self, number: u64) {
        if let Some(slot) = self.slots.get(&number) {
            // Gone by now is fine.
            socket::send(slot.socket.as_fd(), init::GO_ON, &[]).ok();
        }
    }

    pub(super) fn kill(&self, number: u64) {
        if let Some(slot) = self.slots.get(&number) {
            // Gone already is as good.
            kill(slot.init, Signal::SIGKILL).ok();
        }
    }

    /// Takes note of what has ended. Returns the slots of which every process is gone, with the worker's status.
    ///
    /// # Errors
    /// When the zygote is gone: nothing can be started any more, so the warden ends too.
    pub(super) fn settle(&mut self) -> io::Result<Vec<(u64, i32)>> {
        while has_message(self.zygote.socket.as_fd())? {
            if let ZygoteSays::Exited { exited, status } = self.zygote.says()? {
                self.note_exit(exited, status);
            }
        }
        for slot in self.slots.values_mut().filter(|slot| !slot.init_gone) {
            match waitpid(slot.init, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(nix::Error::EINTR) => {}
                Ok(_) | Err(_) => slot.init_gone = true,
            }
        }
        let is_over = |slot: &Slot| slot.init_gone && slot.worker_status.is_some();
        let over: Vec<(u64, i32)> = self
            .slots
            .iter()
            .filter(|(_, slot)| is_over(slot))
            .map(|(number, slot)| (*number, slot.worker_status.unwrap_or(-9)))
            .collect();
        for (number, _) in &over {
            self.slots.remove(number);
        }
        Ok(over)
    }

    /// The worker has ended: whatever it left behind in its namespaces ends too.
    fn note_exit(&mut self, pid: i32, status: i32) {
        if let Some(slot) = self.slots.values_mut().find(|slot| slot.worker == Some(pid)) {
            slot.worker_status = Some(status);
            kill(slot.init, Signal::SIGKILL).ok();
        }
    }
}

/// Says who the ids inside the namespaces of `child` are outside.
pub(super) fn write_maps(child: Pid, map: &str) -> io::Result<()> {
    for kind in ["uid", "gid"] {
        fs::write(format!("/proc/{child}/{kind}_map"), map)
            .map_err(|error| doing(format!("write the {kind} map"), error))?;
    }
    Ok(())
}

fn folder(session: &str) -> io::Result<PathBuf> {
    if session.is_empty() || !session.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(io::Error::other("not a session name"));
    }
    Ok(PathBuf::from("/tmp").join(session))
}

fn to_rustix(pid: Pid) -> io::Result<rustix::process::Pid> {
    rustix::process::Pid::from_raw(pid.as_raw()).ok_or_else(|| io::Error::other("not a pid"))
}

pub(super) fn has_message(fd: BorrowedFd<'_>) -> io::Result<bool> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut watched = [PollFd::new(fd, PollFlags::POLLIN)];
    match poll(&mut watched, PollTimeout::ZERO) {
        Err(nix::Error::EINTR) => Ok(false),
        other => Ok(other? > 0),
    }
}
