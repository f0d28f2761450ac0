//! The warden: a small process of its own that builds walls and starts what runs inside them.
//!
//! ```text
//!  runner (tokio) ──seqpacket──▶ warden ──fork──▶ init 1, init 2, ...   pid 1 of its own namespaces
//!                                   └──exec──▶ zygote ──fork──▶ worker  joins them, then runs the code
//! ```
//!
//! It exists because forking a process with many threads and making namespaces do not go together, and so that
//! everything dies with one process: inits and the zygote are killed by the kernel when the warden ends, which it
//! does as soon as the runner closes its end of the socket.
//!
//! It has one thread, always. It never runs, reads or interprets what a tenant wrote.

mod init;
mod mounts;
mod plain;
mod root;
mod slots;
mod zygote;

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};

use super::protocol::{Answer, Envelope, Event, Request, Setup};
use super::socket;
use plain::Plain;
use slots::{SlotEvent, Slots};

use crate::driver::Level;

/// The user and group id of sandboxed code inside its namespace.
const INSIDE: u32 = 1000;

/// How the host ids of the walls are laid out.
#[derive(Debug, Clone, Copy)]
struct Ids {
    level: Level,
    /// The ids of the host that are used up, when they are not our own.
    host: Option<HostIds>,
}

#[derive(Debug, Clone, Copy)]
struct HostIds {
    first: u32,
    /// Whether session folders can be shown to every slot as its own, so that each can have another pair of ids. Where
    /// the kernel cannot do that (before 6.3), all slots share the first pair.
    has_own_pairs: bool,
}

impl Ids {
    /// Who owns session folders and what is in them, as the warden sees it.
    fn owner(self) -> u32 {
        match self.host {
            // The id that the worker has inside: the id map of the slot that enters says who that is on the host.
            Some(HostIds { has_own_pairs: true, .. }) => INSIDE,
            Some(HostIds { first, .. }) => first + 1,
            None => 0,
        }
    }

    /// The id map of a slot, and whether init has another id in it than the worker.
    fn map(self, pair: u32) -> String {
        match self.host {
            Some(HostIds { first, has_own_pairs }) => {
                let init = if has_own_pairs { first + 2 * pair } else { first };
                format!("0 {init} 1\n{INSIDE} {} 1\n", init + 1)
            }
            None => format!("{INSIDE} 0 1\n"),
        }
    }
}

/// The sessions and runs of this warden, with namespaces around them or without.
enum Backend {
    Walled(Box<Slots>),
    Plain(Plain),
}

impl Backend {
    fn watched(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Walled(slots) => slots.watched().collect(),
            Self::Plain(plain) => plain.watched().collect(),
        }
    }

    fn settle(&mut self) -> io::Result<Vec<SlotEvent>> {
        match self {
            Self::Walled(slots) => slots.settle(),
            Self::Plain(plain) => {
                Ok(plain.settle()?.into_iter().map(|(slot, status)| SlotEvent::Ended { slot, status }).collect())
            }
        }
    }
}

/// Runs the warden; its standard input is the socket to the runner.
///
/// The binary calls this before it starts any thread, when its arguments say so.
#[must_use]
pub fn warden_main() -> ExitCode {
    match serve(io::stdin().as_fd()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox warden: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(runner: BorrowedFd<'_>) -> io::Result<()> {
    // A Ctrl-C on the terminal is for the runner, which then closes the socket.
    nix::unistd::setsid().ok();
    let (envelope, _) = request(runner)?.ok_or_else(|| io::Error::other("closed before the setup"))?;
    let Request::Setup(setup) = envelope.request else {
        return Err(io::Error::other("the first request was not the setup"));
    };
    let mut backend = match prepare(&setup) {
        Ok((backend, ids, zygote)) => {
            let owner = ids.host.is_some().then(|| ids.owner());
            answer(runner, envelope.seq, Answer::Ready { level: ids.level, owner, zygote }, &[])?;
            backend
        }
        Err(error) => return answer(runner, envelope.seq, Answer::Failed { why: error.to_string() }, &[]),
    };
    loop {
        let is_due = {
            let mut watched = vec![PollFd::new(runner, PollFlags::POLLIN)];
            watched.extend(backend.watched().into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
            match poll(&mut watched, PollTimeout::NONE) {
                Err(nix::Error::EINTR) => continue,
                other => other?,
            };
            watched[0].any().unwrap_or(true)
        };
        for event in backend.settle()? {
            tell(runner, event)?;
        }
        if is_due {
            let Some((envelope, fds)) = request(runner)? else { return Ok(()) };
            handle(runner, &mut backend, envelope, fds)?;
        }
    }
}

fn tell(runner: BorrowedFd<'_>, event: SlotEvent) -> io::Result<()> {
    match event {
        SlotEvent::Parked { seq, answer: parked, report } => answer(runner, seq, parked, &[report.as_fd()]),
        SlotEvent::NotParked { seq, why } => answer(runner, seq, Answer::Failed { why }, &[]),
        SlotEvent::Ended { slot, status } => socket::send(runner, &encode(&Event::Exited { slot, status })?, &[]),
    }
}

fn handle(runner: BorrowedFd<'_>, backend: &mut Backend, envelope: Envelope, fds: Vec<OwnedFd>) -> io::Result<()> {
    let outcome = match envelope.request {
        Request::Setup(_) => Err(io::Error::other("set up twice")),
        Request::OpenSession { session, bytes, n_inodes } => match backend {
            Backend::Walled(slots) => slots.open_session(&session, bytes, n_inodes),
            Backend::Plain(plain) => plain.open_session(&session),
        }
        .map(|folder| (Answer::Done, Some(folder))),
        Request::CloseSession { session } => match backend {
            Backend::Walled(slots) => slots.close_session(&session),
            // It is gone with the container.
            Backend::Plain(_) => Ok(()),
        }
        .map(|()| (Answer::Done, None)),
        Request::Park { slot, pair } => match (fds.as_slice(), &mut *backend) {
            ([], _) => Err(io::Error::other("a park request without a socket")),
            (_, Backend::Walled(slots)) => match slots.park(envelope.seq, slot, pair, fds) {
                // The answer is sent with a later event.
                Ok(()) => return Ok(()),
                Err(error) => Err(error),
            },
            ([control, ..], Backend::Plain(plain)) => plain.park(slot, control),
        }
        .map(|(answer, report)| (answer, Some(report))),
        Request::Enter { slot, session, has_egress } => match backend {
            Backend::Walled(slots) => slots.enter(slot, &session, has_egress),
            // The agent has the listener.
            Backend::Plain(_) if has_egress => Err(io::Error::other("there is no init that could open egress")),
            Backend::Plain(plain) => plain.enter(slot, &session).map(|()| None),
        }
        .map(|listener| (Answer::Done, listener)),
        Request::Freeze { slot } => match backend {
            Backend::Walled(slots) => slots.freeze(slot),
            Backend::Plain(plain) => plain.freeze(slot),
        }
        .map(|()| (Answer::Done, None)),
        Request::Thaw { slot } => {
            match backend {
                Backend::Walled(slots) => slots.thaw(slot),
                Backend::Plain(plain) => plain.thaw(slot),
            }
            return Ok(());
        }
        Request::Kill { slot } => {
            match backend {
                Backend::Walled(slots) => slots.kill(slot),
                Backend::Plain(plain) => plain.kill(slot),
            }
            return Ok(());
        }
    };
    match outcome {
        Ok((text, fd)) => {
            let fds: Vec<BorrowedFd<'_>> = fd.iter().map(AsFd::as_fd).collect();
            answer(runner, envelope.seq, text, &fds)
        }
        Err(error) => answer(runner, envelope.seq, Answer::Failed { why: error.to_string() }, &[]),
    }
}

/// Gets the privileges to build walls, then starts the warm interpreter inside its root.
fn prepare(setup: &Setup) -> io::Result<(Backend, Ids, super::protocol::ZygoteReady)> {
    if setup.is_plain {
        let (zygote, ready) = root::start_zygote(setup)?;
        return Ok((Backend::Plain(Plain::new(zygote)?), Ids { level: Level::L1, host: None }, ready));
    }
    let mut ids = gain_privileges(setup)?;
    let (zygote, ready) = root::start_zygote(setup)?;
    // Only now: this hides /tmp from us, and the run-time tree may be there.
    mounts::private_tmpfs("/tmp", "mode=0700,size=1m")?;
    if let Some(host) = &mut ids.host
        && let Err(error) = try_own_pairs(*host)
    {
        host.has_own_pairs = false;
        eprintln!("all sandboxes share one pair of user ids, because {error}");
    }
    let slots = Slots::new(setup, ids, zygote)?;
    Ok((Backend::Walled(Box::new(slots)), ids, ready))
}

/// Shows a folder in memory through an id map once, as every slot will need it.
fn try_own_pairs(host: HostIds) -> io::Result<()> {
    let ids = Ids { level: Level::L3, host: Some(host) };
    let Some(child) = fork_into(CloneFlags::CLONE_NEWUSER)? else {
        loop {
            nix::unistd::pause();
        }
    };
    let tried = slots::write_maps(child, &ids.map(0))
        .and_then(|()| fs::File::open(format!("/proc/{child}/ns/user")))
        .and_then(|users| mounts::show_as(&mounts::copy(std::path::Path::new("/tmp"))?, users.as_fd()));
    // Its namespace goes with it.
    nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL)?;
    nix::sys::wait::waitpid(child, None)?;
    tried
}

fn gain_privileges(setup: &Setup) -> io::Result<Ids> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let (first, n_ids) = (setup.host_uid, setup.n_pairs.saturating_mul(2));
    if uid.is_root() && has_ids(first, n_ids) && unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        mounts::make_private()?;
        return Ok(Ids { level: Level::L3, host: Some(HostIds { first, has_own_pairs: true }) });
    }
    if uid.is_root() && has_ids(1, 2) {
        // The only other way would map the sandbox to the root user of the host.
        let why = if has_ids(first, n_ids) {
            "running as root without the right to make mount namespaces (CAP_SYS_ADMIN)".to_owned()
        } else {
            format!(
                "this machine has no user ids {first} to {}: set sandbox.host_uid or sandbox.n_slots",
                first + n_ids - 1
            )
        };
        return Err(io::Error::other(why));
    }
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(|error| io::Error::other(format!("user namespaces are not available here ({error})")))?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    mounts::make_private()?;
    Ok(Ids { level: Level::L2, host: None })
}

/// Whether our user namespace has so many ids from `first` on. A root user inside a container often has few.
fn has_ids(first: u32, n_ids: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let (Some(start), Some(_), Some(count)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return false;
        };
        start <= u64::from(first) && u64::from(first) + u64::from(n_ids) <= start + count
    })
}

fn request(runner: BorrowedFd<'_>) -> io::Result<Option<(Envelope, Vec<OwnedFd>)>> {
    let (message, fds) = socket::receive(runner)?;
    if message.is_empty() {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&message)?, fds)))
}

fn answer(runner: BorrowedFd<'_>, seq: u64, answer: Answer, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    socket::send(runner, &encode(&Event::Answer { seq, answer })?, fds)
}

fn encode(event: &Event) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(event)?)
}

/// Forks into new namespaces: `None` in the child.
#[expect(unsafe_code, reason = "no safe wrapper makes a fork with namespaces that goes on where it is")]
fn fork_into(namespaces: CloneFlags) -> io::Result<Option<nix::unistd::Pid>> {
    let flags = namespaces.bits() | libc::SIGCHLD;
    // SAFETY: a clone without CLONE_VM and with no stack of its own is a fork. This process has one thread, so the
    // child inherits no lock that another thread holds.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags), 0, 0, 0, 0) };
    match i32::try_from(pid) {
        Ok(0) => Ok(None),
        Ok(pid) if pid > 0 => Ok(Some(nix::unistd::Pid::from_raw(pid))),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Closes every descriptor but the standard three and `keep`.
#[expect(unsafe_code, reason = "closes descriptors by number, whoever owns them")]
fn close_others(keep: &OwnedFd) {
    let keep = keep.as_raw_fd() as u32;
    // SAFETY: called in a fresh child, which from here on uses `keep` only; owners of the other descriptors are
    // never dropped there, since the child execs or exits without unwinding.
    unsafe {
        if keep > 3 {
            libc::syscall(libc::SYS_close_range, 3, keep - 1, 0);
        }
        libc::syscall(libc::SYS_close_range, keep + 1, u32::MAX, 0);
    }
}
