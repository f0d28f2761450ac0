//! Process 1 of a run's namespaces: finishes the walls from the inside, then only waits.
//!
//! Everything in its pid namespace dies with it, which is how a run is killed whatever it has forked. It may
//! signal them and nothing more by the time the code runs, and has another user id than the code where there are two.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::{Gid, Pid, Uid, setresgid, setresuid};
use rustix::process::DumpableBehavior;
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::mounts::{self, doing};
use super::{INSIDE, Ids, close_others};
use crate::egress;
use crate::process::socket;

/// The first byte of the second message, when the session has egress.
pub(super) const WITH_EGRESS: u8 = b'N';
/// The warden's request to stop everything, and our answer when that is done.
pub(super) const FREEZE: &[u8] = b"Z";
pub(super) const THAW: &[u8] = b"C";

/// Never returns. `warden` is our end of the socket to it.
pub(super) fn run(warden: OwnedFd, ids: Ids, scratch_bytes: u64) -> ! {
    close_others(&warden);
    let code = match serve(&warden, ids, scratch_bytes) {
        Ok(()) => 0,
        Err(error) => {
            let text = format!("E{error}");
            // The warden may be gone, which is why we are leaving.
            socket::send(warden.as_fd(), text.as_bytes(), &[]).ok();
            1
        }
    };
    std::process::exit(code)
}

fn serve(warden: &OwnedFd, ids: Ids, scratch_bytes: u64) -> io::Result<()> {
    // The standard three are the warden's: its socket to the runner must not stay open here.
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    drop(null);

    // First message: the id maps are written.
    if socket::receive(warden.as_fd())?.0.is_empty() {
        return Ok(());
    }
    let inside = if ids.host.is_some() { 0 } else { INSIDE };
    setresgid(Gid::from_raw(inside), Gid::from_raw(inside), Gid::from_raw(inside))?;
    setresuid(Uid::from_raw(inside), Uid::from_raw(inside), Uid::from_raw(inside))?;
    // After the change of user, which would have cleared it.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;

    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), quiet, Some("subset=pid,hidepid=invisible"))
        .map_err(|error| doing("mount /proc", error))?;
    let scratch = format!("mode=1777,nr_inodes=4096,size={scratch_bytes}");
    for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
        mounts::private_tmpfs(folder, &scratch)?;
    }
    mounts::private_tmpfs("/run/report", "mode=1777,nr_inodes=16,size=8m")?;
    nix::unistd::sethostname("sandbox")?;
    // The runner's own user has no name in here, so it can write files but make none.
    std::fs::File::create("/run/report/job.json")?;
    let report = std::fs::File::open("/run/report")?;
    // Children whose parent is gone come to us; nobody waits for their status.
    ignore_children()?;
    socket::send(warden.as_fd(), b"R", &[report.as_fd()])?;
    drop(report);

    // Second message: the session folder.
    let (message, fds) = socket::receive(warden.as_fd())?;
    let Some(session) = fds.first().filter(|_| !message.is_empty()) else { return Ok(()) };
    mounts::attach(session, Path::new("/session"))?;
    let listener = if message.first() == Some(&WITH_EGRESS) { Some(listen_for_egress()?) } else { None };
    drop(fds);
    give_up_privileges()?;
    socket::send(warden.as_fd(), b"M", &listener.iter().map(AsFd::as_fd).collect::<Vec<_>>())?;
    drop(listener);

    // All others say that everything else in here stops or goes on; the socket closes when the warden is gone.
    loop {
        let (message, _) = socket::receive(warden.as_fd())?;
        match message.as_slice() {
            [] => return Ok(()),
            FREEZE => {
                signal_all(Signal::SIGSTOP)?;
                socket::send(warden.as_fd(), FREEZE, &[])?;
            }
            _ => signal_all(Signal::SIGCONT)?,
        }
    }
}

/// To every process in here but ourselves. The kernel lets no fork slip through between them.
fn signal_all(signal: Signal) -> io::Result<()> {
    match kill(Pid::from_raw(-1), signal) {
        Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
        Err(error) => Err(doing("signal a sandbox", error)),
    }
}

/// A socket that listens where code in these namespaces, and nobody else, can connect to it.
fn listen_for_egress() -> io::Result<std::net::TcpListener> {
    raise_loopback().map_err(|error| doing("raise the loopback interface", error))?;
    std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, egress::PORT))
        .map_err(|error| doing("listen inside the sandbox", error))
}

#[expect(unsafe_code, reason = "interfaces are raised by an ioctl that has no safe wrapper")]
fn raise_loopback() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: all zeros is a valid `ifreq`, a C struct of integers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a live `ifreq` with a name that ends in zero, as SIOCSIFFLAGS reads it.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "signal dispositions are process-wide")]
fn ignore_children() -> io::Result<()> {
    // SAFETY: SIG_IGN installs no handler, so no code runs in signal context.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }?;
    Ok(())
}

fn give_up_privileges() -> io::Result<()> {
    // Not earlier: without root, the worker could not join the namespaces of a process that hides its memory.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    // What is left reaches no further than the processes in here.
    let (none, kill) = (CapabilitySet::empty(), CapabilitySet::KILL);
    rustix::thread::set_capabilities(None, CapabilitySets { effective: kill, permitted: kill, inheritable: none })?;
    Ok(())
}
