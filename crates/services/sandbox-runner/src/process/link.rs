//! The runner's connection to the warden.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::socket::{Shutdown, SockType, shutdown};
use septet_chassis::Lifecycle;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncBufReadExt, BufReader, Interest};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::protocol::{Answer, Envelope, Event, Request, Setup, ZygoteReady};
use super::socket;
use crate::Config;
use crate::driver::{Error, Level};

/// A running warden. When the last handle is dropped, it and everything it started end.
pub(super) struct Warden {
    socket: Arc<AsyncFd<OwnedFd>>,
    waiters: Arc<Mutex<Waiters>>,
    numbers: Arc<AtomicU64>,
    started: Instant,
    n_forks: AtomicU64,
    is_retired: AtomicBool,
    /// Runs that are going on; shutdown waits for them.
    pub(super) n_busy: Arc<AtomicUsize>,
    pub(super) level: Level,
    /// Who session folders belong to, when that is not us.
    pub(super) owner: Option<u32>,
    pub(super) zygote: ZygoteReady,
}

type Reply = (Answer, Vec<OwnedFd>);

/// Who waits for the warden's answers and for the ends of slots.
#[derive(Default)]
struct Waiters {
    answers: HashMap<u64, oneshot::Sender<Reply>>,
    exits: HashMap<u64, oneshot::Sender<i32>>,
    is_lost: bool,
}

impl Warden {
    /// Starts one and waits until its interpreter is warm, which takes about a second.
    ///
    /// `numbers` are shared by all wardens of a driver: groups of processes are named after them.
    pub(super) async fn start(
        config: &Config,
        is_plain: bool,
        lifecycle: &Lifecycle,
        numbers: Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let (ours, theirs) = socket::pair(SockType::SeqPacket).map_err(Error::Io)?;
        let (program, args) = config.warden();
        let last_line = Arc::new(Mutex::new(String::new()));
        let mut child = Command::new(&program)
            .args(&args)
            // Nothing of our environment may be seen from inside: /proc/<pid>/environ outlives every clean-up.
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Error::Unavailable(format!("cannot start the sandbox warden {}: {error}", program.display()))
            })?;
        if let Some(stderr) = child.stderr.take() {
            lifecycle.spawn("log the sandbox warden", log(stderr, Arc::clone(&last_line)));
        }
        nix::fcntl::fcntl(&ours, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
            .map_err(|error| Error::Io(error.into()))?;
        let socket = Arc::new(register(ours).map_err(Error::Io)?);
        let waiters = Arc::new(Mutex::new(Waiters::default()));
        let n_busy = Arc::new(AtomicUsize::new(0));
        lifecycle.spawn(
            "listen to the sandbox warden",
            listen(Arc::clone(&socket), Arc::clone(&waiters), child, lifecycle.clone(), Arc::clone(&n_busy)),
        );
        let zygote = ZygoteReady { python: String::new(), packages: std::collections::BTreeMap::new(), import_ms: 0 };
        let mut warden = Self {
            socket,
            waiters,
            numbers,
            started: Instant::now(),
            n_forks: AtomicU64::new(0),
            is_retired: AtomicBool::new(false),
            n_busy,
            level: Level::L2,
            owner: None,
            zygote,
        };
        let setup = Setup {
            is_plain,
            python: config.python.clone(),
            runtime: config.runtime(),
            host_uid: config.host_uid,
            n_pairs: config.n_slots,
            crash_on_denied_calls: config.crash_on_denied_calls,
            scratch_bytes: config.scratch_bytes,
        };
        let answer = warden.ask(Request::Setup(setup), &[]).await.map_err(|error| match error {
            // An agent in a container has no log that anybody reads.
            Error::Unavailable(why) if is_plain => {
                Error::Unavailable(format!("{why}: {}", last_line.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            other => other,
        });
        match answer? {
            (Answer::Ready { level, owner, zygote }, _) => {
                info!(sandbox.level = level.name(), sandbox.import_ms = zygote.import_ms, "sandbox is warm");
                (warden.level, warden.owner, warden.zygote) = (level, owner, zygote);
                Ok(warden)
            }
            (other, _) => Err(Error::Unavailable(format!("unexpected answer to the setup: {other:?}"))),
        }
    }

    /// Sends a request and waits for its answer; a refusal is an error.
    pub(super) async fn ask(&self, request: Request, fds: &[BorrowedFd<'_>]) -> Result<Reply, Error> {
        let seq = self.number();
        let (sender, receiver) = oneshot::channel();
        {
            let mut waiters = self.waiters();
            if waiters.is_lost {
                return Err(Error::Lost);
            }
            waiters.answers.insert(seq, sender);
        }
        self.tell(&Envelope { seq, request }, fds).await?;
        match receiver.await {
            Ok((Answer::Failed { why }, _)) => Err(Error::Unavailable(why)),
            Ok(reply) => Ok(reply),
            Err(_closed) => Err(Error::Lost),
        }
    }

    async fn tell(&self, envelope: &Envelope, fds: &[BorrowedFd<'_>]) -> Result<(), Error> {
        let message = serde_json::to_vec(envelope).map_err(|error| Error::Io(error.into()))?;
        let sent = self.socket.async_io(Interest::WRITABLE, |socket| socket::send(socket.as_fd(), &message, fds));
        sent.await.map_err(|_gone| Error::Lost)
    }

    /// Kills what runs in a slot. Does not wait, so that it can be called while dropping.
    pub(super) fn kill(&self, slot: u64) {
        let envelope = Envelope { seq: self.number(), request: Request::Kill { slot } };
        if let Ok(message) = serde_json::to_vec(&envelope) {
            // When the warden is gone, so is the slot.
            socket::send(self.socket.as_fd(), &message, &[]).ok();
        }
    }

    /// Continues what was frozen in a slot. Does not wait.
    pub(super) fn thaw(&self, slot: u64) {
        let envelope = Envelope { seq: self.number(), request: Request::Thaw { slot } };
        if let Ok(message) = serde_json::to_vec(&envelope) {
            socket::send(self.socket.as_fd(), &message, &[]).ok();
        }
    }

    /// Unmounts a session folder. Does not wait.
    pub(super) fn close_session(&self, session: &str) {
        let envelope = Envelope { seq: self.number(), request: Request::CloseSession { session: session.to_owned() } };
        if let Ok(message) = serde_json::to_vec(&envelope) {
            socket::send(self.socket.as_fd(), &message, &[]).ok();
        }
    }

    /// A number for a slot or a request, never given twice.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What will give the status of a slot once all its processes are gone; closes when the warden is lost.
    pub(super) fn watch(&self, slot: u64) -> oneshot::Receiver<i32> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.waiters();
        if !waiters.is_lost {
            waiters.exits.insert(slot, sender);
        }
        receiver
    }

    /// Notes a fork of its interpreter.
    pub(super) fn forked(&self) {
        self.n_forks.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether another should take over: forks share a layout of memory, which should not stay for ever.
    pub(super) fn is_worn(&self, config: &Config) -> bool {
        let is_old = self.started.elapsed() >= Duration::from_secs(u64::from(config.zygote_minutes) * 60);
        is_old || self.n_forks.load(Ordering::Relaxed) >= config.zygote_forks
    }

    /// Another has taken over; this one lives on for the sessions that it has.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.waiters().is_lost
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        // The listener holds the socket too, so closing our handle would not be noticed.
        shutdown(self.socket.as_raw_fd(), Shutdown::Both).ok();
    }
}

async fn listen(
    socket: Arc<AsyncFd<OwnedFd>>,
    waiters: Arc<Mutex<Waiters>>,
    mut child: Child,
    lifecycle: Lifecycle,
    n_busy: Arc<AtomicUsize>,
) {
    let stopping = lifecycle.stopping();
    loop {
        let received = tokio::select! {
            received = socket.async_io(Interest::READABLE, |socket| socket::receive(socket.as_fd())) => received,
            () = stopping.cancelled(), if n_busy.load(Ordering::SeqCst) == 0 => break,
            // Runs that go on hold up shutdown until they end or the grace period does.
            () = tokio::time::sleep(Duration::from_millis(50)), if stopping.is_cancelled() => continue,
        };
        match received {
            Ok((message, _)) if message.is_empty() => break,
            Ok((message, fds)) => note(&waiters, &message, fds),
            Err(error) => {
                warn!(%error, "the connection to the sandbox warden broke");
                break;
            }
        }
    }
    shutdown(socket.as_raw_fd(), Shutdown::Both).ok();
    {
        let mut waiters = waiters.lock().unwrap_or_else(PoisonError::into_inner);
        *waiters = Waiters { is_lost: true, ..Waiters::default() };
    }
    match child.wait().await {
        Ok(status) if status.success() => debug!("sandbox warden ended"),
        Ok(status) => warn!(%status, "sandbox warden ended; the next execution starts another"),
        Err(error) => warn!(%error, "cannot wait for the sandbox warden"),
    }
}

fn note(waiters: &Mutex<Waiters>, message: &[u8], fds: Vec<OwnedFd>) {
    let mut waiters = waiters.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody waits any more for an answer whose asker was dropped; its descriptors close here.
    match serde_json::from_slice(message) {
        Ok(Event::Answer { seq, answer }) => {
            if let Some(sender) = waiters.answers.remove(&seq) {
                sender.send((answer, fds)).ok();
            }
        }
        Ok(Event::Exited { slot, status }) => {
            if let Some(sender) = waiters.exits.remove(&slot) {
                sender.send(status).ok();
            }
        }
        Err(error) => warn!(%error, "the sandbox warden said something unexpected"),
    }
}

#[expect(unsafe_code, reason = "tokio cannot know that a descriptor stays open")]
pub(super) fn register(socket: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` gives out the same open descriptor for as long as it lives, and the `AsyncFd` owns it.
    Ok(unsafe { AsyncFd::register(socket) }?)
}

/// Logs what the warden says, and keeps its last line for an error message.
async fn log(stderr: ChildStderr, last: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        *last.lock().unwrap_or_else(PoisonError::into_inner) = line.chars().take(500).collect();
        warn!(sandbox.line = %line.chars().take(500).collect::<String>(), "sandbox warden says");
    }
}

/// Keeps shutdown waiting while a run is going on.
pub(super) struct Busy(Arc<AtomicUsize>);

impl Busy {
    pub(super) fn new(warden: &Warden) -> Self {
        warden.n_busy.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&warden.n_busy))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
