//! The warden's slots: sessions that are mounted, runs that are parked or going on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
use super::zygote::{ANSWER_TIMEOUT_S, Zygote, ZygoteSays};
use super::{HostIds, INSIDE, Ids, fork_into, init};
use crate::process::protocol::{Answer, Setup};
use crate::process::{seccomp, socket};

/// What the zygote is told to have a worker forked.
pub(super) const PARK: &[u8] = b"P";

pub(super) struct Slots {
    ids: Ids,
    scratch_bytes: u64,
    zygote: Zygote,
    /// Our own mount namespace, to come back to.
    home: OwnedFd,
    /// Whose init is still at work on the walls.
    walling: Vec<Walling>,
    /// Whose worker the zygote is asked for. It answers in order.
    forking: VecDeque<Forking>,
    slots: BTreeMap<u64, Slot>,
    sessions: BTreeSet<String>,
}

/// A slot on its way, and the request that it is the answer to. Slots are made side by side and do not wait for each other.
struct Making {
    seq: u64,
    number: u64,
    slot: Slot,
}

struct Walling {
    making: Making,
    /// For the worker: its socket and the entrances of its group.
    handed: Vec<OwnedFd>,
}

struct Forking {
    making: Making,
    report: OwnedFd,
}

/// What the runner is to be told.
pub(super) enum SlotEvent {
    Parked {
        seq: u64,
        answer: Answer,
        report: OwnedFd,
    },
    NotParked {
        seq: u64,
        why: String,
    },
    /// Every process of the slot is gone. With the worker's status.
    Ended {
        slot: u64,
        status: i32,
    },
}

impl Making {
    fn given_up(self, error: &io::Error) -> SlotEvent {
        kill(self.slot.init, Signal::SIGKILL).ok();
        waitpid(self.slot.init, None).ok();
        SlotEvent::NotParked { seq: self.seq, why: error.to_string() }
    }
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
struct Plan {
    uid: u32,
    map_groups: bool,
    inherited: Vec<String>,
    own: Vec<String>,
    own_with_egress: Vec<String>,
    /// Whether there are no namespaces to join.
    plain: bool,
}

/// Tells the zygote what `walls.Plan` needs to know, once.
pub(super) fn send_plan(
    zygote: &Zygote,
    uid: u32,
    map_groups: bool,
    refusal: seccomp::Refusal,
    plain: bool,
) -> io::Result<()> {
    let programs = seccomp::programs(refusal, plain).map_err(io::Error::other)?;
    let text = |programs: &[Vec<u8>]| programs.iter().map(hex::encode).collect();
    let plan = Plan {
        uid,
        map_groups,
        inherited: text(&programs.inherited),
        own: text(&programs.own),
        own_with_egress: text(&programs.own_with_egress),
        plain,
    };
    socket::send(zygote.socket.as_fd(), &serde_json::to_vec(&plan)?, &[])
}

impl Slots {
    pub(super) fn new(setup: &Setup, ids: Ids, zygote: Zygote) -> io::Result<Self> {
        let refusal = if setup.crash_on_denied_calls { seccomp::Refusal::Crash } else { seccomp::Refusal::Error };
        send_plan(&zygote, INSIDE, ids.host.is_some(), refusal, false)?;
        Ok(Self {
            ids,
            scratch_bytes: setup.scratch_bytes,
            zygote,
            home: fs::File::open("/proc/self/ns/mnt")?.into(),
            walling: Vec::new(),
            forking: VecDeque::new(),
            slots: BTreeMap::new(),
            sessions: BTreeSet::new(),
        })
    }

    /// What to wait for besides the runner.
    pub(super) fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let inits = self.slots.values().filter(|slot| !slot.init_gone).map(|slot| slot.pidfd.as_fd());
        let walling = self.walling.iter().map(|walling| walling.making.slot.socket.as_fd());
        std::iter::once(self.zygote.socket.as_fd()).chain(inits).chain(walling)
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

    /// Begins to make the namespaces of a run and a worker in them, which gets what is handed: its socket and the entrances
    /// of its group. The answer to the request `seq` comes with a later event.
    pub(super) fn park(&mut self, seq: u64, number: u64, pair: u32, handed: Vec<OwnedFd>) -> io::Result<()> {
        let slot = self.make_init()?;
        let init = slot.init;
        let making = Making { seq, number, slot };
        let begun =
            write_maps(init, &self.ids.map(pair)).and_then(|()| socket::send(making.slot.socket.as_fd(), b"G", &[]));
        if let Err(error) = begun {
            making.given_up(&error);
            return Err(error);
        }
        self.walling.push(Walling { making, handed });
        Ok(())
    }

    /// An init in new namespaces, which waits to be told who its ids are.
    fn make_init(&self) -> io::Result<Slot> {
        let (ours, theirs) = socket::pair(SockType::SeqPacket)?;
        socket::set_receive_timeout(&ours, ANSWER_TIMEOUT_S)?;
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
        let Some(init) = forked.map_err(|error| doing("make namespaces", error))? else {
            return Err(io::Error::other("a forked child has returned")); // the child never returns from init::run
        };
        let pidfd = rustix::process::pidfd_open(to_rustix(init)?, PidfdFlags::empty())?;
        Ok(Slot { init, pidfd, socket: ours, worker: None, worker_status: None, init_gone: false })
    }

    /// Asks the zygote for the workers of those whose walls stand by now.
    fn ask_for_workers(&mut self, events: &mut Vec<SlotEvent>) -> io::Result<()> {
        for walling in std::mem::take(&mut self.walling) {
            if !has_message(walling.making.slot.socket.as_fd())? {
                self.walling.push(walling);
                continue;
            }
            match self.ask_for_worker(&walling) {
                Ok(report) => self.forking.push_back(Forking { making: walling.making, report }),
                Err(error) => events.push(walling.making.given_up(&error)),
            }
        }
        Ok(())
    }

    fn ask_for_worker(&self, Walling { making, handed }: &Walling) -> io::Result<OwnedFd> {
        let (message, fds) = socket::receive(making.slot.socket.as_fd())?;
        let (Some(b'R'), Some(report)) = (message.first(), fds.into_iter().next()) else {
            return Err(io::Error::other(format!("walls: {}", String::from_utf8_lossy(&message))));
        };
        let fds: Vec<BorrowedFd<'_>> =
            std::iter::once(making.slot.pidfd.as_fd()).chain(handed.iter().map(AsFd::as_fd)).collect();
        socket::send(self.zygote.socket.as_fd(), PARK, &fds)?;
        Ok(report)
    }

    /// What the zygote says of workers.
    fn note(&mut self, said: ZygoteSays) -> Option<SlotEvent> {
        match said {
            ZygoteSays::Exited { exited, status } => {
                self.note_exit(exited, status);
                None
            }
            ZygoteSays::Forked(worker) => {
                let Forking { making: Making { seq, number, slot }, report } = self.forking.pop_front()?;
                let answer = Answer::Parked { init_pid: slot.init.as_raw(), worker_pid: worker };
                self.slots.insert(number, Slot { worker: Some(worker), ..slot });
                Some(SlotEvent::Parked { seq, answer, report })
            }
            ZygoteSays::Failed(why) => Some(self.forking.pop_front()?.making.given_up(&io::Error::other(why))),
        }
    }

    /// Gives a parked run its session folder and, when it has egress, answers with the socket that it begins at.
    pub(super) fn enter(&mut self, number: u64, session: &str, has_egress: bool) -> io::Result<Option<OwnedFd>> {
        let slot = self.slots.get(&number).ok_or_else(|| io::Error::other("no such slot"))?;
        if !self.sessions.contains(session) {
            return Err(io::Error::other("no such session"));
        }
        let tree = mounts::copy(&folder(session)?)?;
        if matches!(self.ids.host, Some(HostIds { has_own_pairs: true, .. })) {
            mounts::show_as(&tree, fs::File::open(format!("/proc/{}/ns/user", slot.init))?.as_fd())?;
        }
        let request = if has_egress { init::WITH_EGRESS } else { b'S' };
        socket::send(slot.socket.as_fd(), &[request], &[tree.as_fd()])?;
        let (message, fds) = socket::receive(slot.socket.as_fd())?;
        match message.first() {
            Some(b'M') => Ok(fds.into_iter().next()),
            _ => Err(io::Error::other(format!("walls: {}", String::from_utf8_lossy(&message)))),
        }
    }

    /// Stops every process of a slot except its init, which sends the signal: only from inside can all be reached in one
    /// step.
    pub(super) fn freeze(&self, number: u64) -> io::Result<()> {
        let slot = self.slots.get(&number).ok_or_else(|| io::Error::other("no such slot"))?;
        socket::send(slot.socket.as_fd(), init::FREEZE, &[])?;
        let (message, _) = socket::receive(slot.socket.as_fd())?;
        if message == init::FREEZE { Ok(()) } else { Err(io::Error::other("a sandbox cannot be frozen")) }
    }

    pub(super) fn thaw(&self, number: u64) {
        if let Some(slot) = self.slots.get(&number) {
            // Gone by now is fine.
            socket::send(slot.socket.as_fd(), init::THAW, &[]).ok();
        }
    }

    pub(super) fn kill(&self, number: u64) {
        let making = self.walling.iter().map(|walling| &walling.making);
        let making = making.chain(self.forking.iter().map(|forking| &forking.making));
        let mut made = making.filter(|making| making.number == number).map(|making| &making.slot);
        if let Some(slot) = self.slots.get(&number).or_else(|| made.next()) {
            // Gone already is as good.
            kill(slot.init, Signal::SIGKILL).ok();
        }
    }

    /// Goes on with the slots that are being made, and notes which have ended.
    ///
    /// # Errors
    /// When the zygote is gone: nothing can be started any more, so the warden ends too.
    pub(super) fn settle(&mut self) -> io::Result<Vec<SlotEvent>> {
        let mut events = Vec::new();
        self.ask_for_workers(&mut events)?;
        while has_message(self.zygote.socket.as_fd())? {
            let said = self.zygote.says()?;
            events.extend(self.note(said));
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
        for (slot, status) in over {
            self.slots.remove(&slot);
            events.push(SlotEvent::Ended { slot, status });
        }
        Ok(events)
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
