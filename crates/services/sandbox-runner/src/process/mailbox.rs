//! The folder through which the runner and a worker leave each other messages while untrusted code has the interpreter.
//!
//! There is no descriptor in the worker that code could find, listen to or write to: what it says is a file that is
//! moved into place, which the kernel tells us about; what it is told is a file and a signal. Code could put a report
//! there too, and could only lie about itself. A folder of the worker's own holds both, of limited size.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::process::{Pid, PidfdFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::link::register;
use super::protocol::Report;

const REPORT: &str = "report.json";
const JOB: &str = "job.json";
const REPORT_BYTES_MAX: u64 = 4 << 20;
/// What the worker waits for between two jobs, of the same name in `runtime/cell.py`. A real-time signal that neither the C
/// library nor Python uses.
const NEXT_JOB_SIGNAL: i32 = 40;
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// The runner's side.
pub(super) struct Mailbox {
    folder: OwnedFd,
    arrivals: AsyncFd<OwnedFd>,
    worker: OwnedFd,
}

impl Mailbox {
    /// `folder` is the worker's, seen from outside; `worker` its process as we see it.
    pub(super) fn open(folder: OwnedFd, worker: i32) -> io::Result<Self> {
        let arrivals = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        inotify::add_watch(&arrivals, path, WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)?;
        let worker = Pid::from_raw(worker).ok_or_else(|| io::Error::other("not a pid"))?;
        let worker = rustix::process::pidfd_open(worker, PidfdFlags::empty())?;
        Ok(Self { folder, arrivals: register(arrivals)?, worker })
    }

    /// Waits until something was put into the folder. May be dropped while waiting.
    pub(super) async fn arrival(&self) -> io::Result<()> {
        let mut buffer = [0_u8; 4096];
        self.arrivals
            .async_io(Interest::READABLE, |fd| rustix::io::read(fd.as_fd(), &mut buffer).map_err(io::Error::from))
            .await?;
        Ok(())
    }

    /// The worker's report about the run `seq`, as far as it is understood.
    pub(super) fn report(&self, seq: u64) -> Option<Report> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat2(&self.folder, REPORT, flags, Mode::empty(), BENEATH).ok()?;
        let file = std::fs::File::from(file);
        // A pipe in its place would let us wait for ever.
        if !file.metadata().is_ok_and(|meta| meta.is_file()) {
            return None;
        }
        let mut text = Vec::new();
        file.take(REPORT_BYTES_MAX).read_to_end(&mut text).ok()?;
        let report: Report = serde_json::from_slice(&text).ok()?;
        (report.seq == seq).then_some(report)
    }

    /// Leaves a job and wakes the worker, which must have reported about the one before.
    pub(super) fn post(&self, job: &[u8]) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, REPORT, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat2(&self.folder, JOB, flags, Mode::empty(), BENEATH)?;
        std::fs::File::from(file).write_all(job)?;
        self.signal(libc::SIGCONT)?;
        self.signal(NEXT_JOB_SIGNAL)
    }

    /// Has the code raise `KeyboardInterrupt`.
    pub(super) fn interrupt(&self) -> io::Result<()> {
        self.signal(libc::SIGINT)
    }

    /// Stops all threads of the worker until the next job.
    pub(super) fn pause(&self) -> io::Result<()> {
        self.signal(libc::SIGSTOP)
    }

    #[expect(unsafe_code, reason = "real-time signals have no safe wrapper")]
    fn signal(&self, number: i32) -> io::Result<()> {
        let worker: BorrowedFd<'_> = self.worker.as_fd();
        let nothing = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open for the call, a null siginfo means "as kill does", and 0 is no flag.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, worker.as_raw_fd(), number, nothing, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
