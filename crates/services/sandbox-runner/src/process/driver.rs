//! The driver: one warden, a few parked workers, open sessions.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::socket::SockType;
use septet_chassis::Lifecycle;
use septet_kernel::{Failure, Kind};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, oneshot};
use tracing::{debug, warn};

use super::cgroup::{Group, Hierarchy};
use super::link::{Busy, Warden};
use super::run::Entered;
use super::socket;
use super::watchdog;
use super::wire::{Answer, Level, Request};
use crate::Config;

/// A worker that does not park within this time never will.
const PARKING: Duration = Duration::from_secs(30);
const ENDING: Duration = Duration::from_secs(10);

/// Why no code runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The walls cannot be built; the sentence says what the system refused.
    #[error("the sandbox is not available: {0}")]
    Unavailable(String),
    /// The process that holds all walls ended. Trying again starts another.
    #[error("the sandbox broke down and is being restarted; try again")]
    Lost,
    /// The operating system refused something that always works.
    #[error("the sandbox met an error of the operating system")]
    Io(#[source] io::Error),
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Unavailable(_) | Self::Lost => Kind::Unavailable,
            Self::Io(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Unavailable(_) => "sandbox_unavailable",
            Self::Lost => "sandbox_lost",
            Self::Io(_) => "internal",
        }
    }
}

/// How the memory of a run is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryWall {
    /// Control groups, version 1.
    CgroupV1,
    /// Control groups, version 2.
    CgroupV2,
    /// The runner sums up the memory of all processes ten times a second.
    Watchdog,
}

impl MemoryWall {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupV1 => "cgroup v1",
            Self::CgroupV2 => "cgroup v2",
            Self::Watchdog => "watchdog",
        }
    }
}

/// Runs code inside walls. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: Config,
    lifecycle: Lifecycle,
    hierarchy: Hierarchy,
    running: Arc<Semaphore>,
    warden: tokio::sync::Mutex<Option<Arc<Warden>>>,
    parked: Mutex<Vec<Parked>>,
}

/// A folder in memory that outlives runs. Let go when dropped.
pub(crate) struct Session {
    pub(super) name: String,
    pub(super) warden: Arc<Warden>,
    /// The folder, from outside.
    pub(super) folder: Arc<OwnedFd>,
    /// Who owns what is in it, when that is not us.
    pub(super) owner: Option<u32>,
}

impl Session {
    /// Whether it went down with its warden; what was in it is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.warden.is_lost()
    }

    pub(crate) fn folder(&self) -> super::folder::Folder {
        super::folder::Folder::new(Arc::clone(&self.folder), self.owner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.warden.close_session(&self.name);
    }
}

/// A walled worker that waits for a folder and code. Killed when dropped.
pub(super) struct Parked {
    pub(super) slot: u64,
    /// Its pid namespace, where memory is watched.
    pub(super) watched: Option<std::path::PathBuf>,
    pub(super) warden: Arc<Warden>,
    pub(super) control: Option<UnixStream>,
    pub(super) report: OwnedFd,
    pub(super) group: Option<Group>,
    pub(super) exited: Option<oneshot::Receiver<i32>>,
}

impl Parked {
    /// Kills it and waits until nothing is left of it.
    pub(super) async fn end(mut self) {
        self.warden.kill(self.slot);
        if let Some(exited) = self.exited.take()
            && tokio::time::timeout(ENDING, exited).await.is_err()
        {
            warn!(sandbox.slot = self.slot, "a sandbox does not end");
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // After a regular end there is nothing left to kill, and the warden knows.
        self.warden.kill(self.slot);
    }
}

impl Driver {
    /// A driver that starts its processes when they are first needed. Sweeps what a killed predecessor left behind.
    #[must_use]
    pub fn new(config: Config, lifecycle: Lifecycle) -> Self {
        let hierarchy = config.cgroup_mount().map_or(Hierarchy::None, Hierarchy::detect);
        let n_swept = hierarchy.sweep();
        if n_swept > 0 {
            debug!(sandbox.n_swept = n_swept, "swept control groups of an earlier process");
        }
        let running = Arc::new(Semaphore::new(config.n_running()));
        let inner = Inner {
            config,
            lifecycle,
            hierarchy,
            running,
            warden: tokio::sync::Mutex::default(),
            parked: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How the memory of a run is limited on this machine.
    #[must_use]
    pub fn memory_wall(&self) -> MemoryWall {
        match self.inner.hierarchy {
            Hierarchy::V1 { .. } => MemoryWall::CgroupV1,
            Hierarchy::V2 { .. } => MemoryWall::CgroupV2,
            Hierarchy::None => MemoryWall::Watchdog,
        }
    }

    /// Starts the warm interpreter, if it is not there yet, and says how strong its walls are.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when this machine cannot build walls. Code is never run without them.
    pub async fn warm(&self) -> Result<Level, Error> {
        let warden = self.warden().await?;
        self.refill(&warden);
        Ok(warden.level)
    }

    /// How strong the walls are, once they have been built; starts nothing.
    pub async fn level(&self) -> Option<Level> {
        self.inner.warden.lock().await.as_ref().map(|warden| warden.level)
    }

    /// The version of the warm interpreter, once there is one.
    pub async fn python(&self) -> Option<String> {
        self.inner.warden.lock().await.as_ref().map(|warden| warden.zygote.python.clone())
    }

    async fn warden(&self) -> Result<Arc<Warden>, Error> {
        let mut current = self.inner.warden.lock().await;
        if let Some(warden) = current.as_ref().filter(|warden| !warden.is_lost()) {
            return Ok(Arc::clone(warden));
        }
        if self.inner.lifecycle.stopping().is_cancelled() {
            return Err(Error::Lost);
        }
        let site = self.inner.config.runtime().join("site");
        if !site.is_dir() {
            let why =
                format!("the Python run-time is not at {}; run `make runtime`", self.inner.config.runtime().display());
            return Err(Error::Unavailable(why));
        }
        self.parked().clear();
        let warden = Arc::new(Warden::start(&self.inner.config, &self.inner.lifecycle).await?);
        *current = Some(Arc::clone(&warden));
        Ok(warden)
    }

    /// An empty session folder.
    pub(crate) async fn open_session(&self, name: &str) -> Result<Session, Error> {
        let warden = self.warden().await?;
        // The number keeps a session that is opened again apart from one that is still being let go.
        let name = format!("{name}_{}", warden.number());
        let config = &self.inner.config;
        let request = Request::OpenSession {
            session: name.clone(),
            bytes: config.session_bytes,
            n_inodes: config.session_inodes,
        };
        let (_, fds) = warden.ask(request, &[]).await?;
        let folder = fds.into_iter().next().ok_or(Error::Lost)?;
        let owner = (warden.level == Level::L3).then_some(config.host_uid + 1);
        Ok(Session { name, warden, folder: Arc::new(folder), owner })
    }

    /// A worker with `session` as its folder, ready for code. Waits while too many are running.
    pub(crate) async fn enter(&self, session: &Session) -> Result<Entered, Error> {
        let permit = Arc::clone(&self.inner.running).acquire_owned().await.map_err(|_closed| Error::Lost)?;
        let warden = Arc::clone(&session.warden);
        let busy = Busy::new(&warden);
        let waiting = self.parked().pop();
        let parked = match waiting.filter(|parked| Arc::ptr_eq(&parked.warden, &warden)) {
            Some(parked) => parked,
            None => self.park(&warden).await?,
        };
        warden.ask(Request::Enter { slot: parked.slot, session: session.name.clone() }, &[]).await?;
        self.refill(&warden);
        Ok(Entered { parked, permit, busy, config: self.inner.config.clone() })
    }

    async fn park(&self, warden: &Arc<Warden>) -> Result<Parked, Error> {
        let (ours, theirs) = socket::pair(SockType::Stream).map_err(Error::Io)?;
        let slot = warden.number();
        let exited = warden.watch(slot);
        let (answer, fds) = warden.ask(Request::Park { slot }, &[theirs.as_fd()]).await?;
        drop(theirs);
        let (Answer::Parked { worker_pid }, Some(report)) = (answer, fds.into_iter().next()) else {
            return Err(Error::Lost);
        };
        let control = std::os::unix::net::UnixStream::from(ours);
        control.set_nonblocking(true).map_err(Error::Io)?;
        let control = UnixStream::from_std(control).map_err(Error::Io)?;
        let mut parked = Parked {
            slot,
            watched: None,
            warden: Arc::clone(warden),
            control: None,
            report,
            group: None,
            exited: Some(exited),
        };
        parked.group = self.inner.hierarchy.open(slot, worker_pid).map_err(Error::Io)?;
        parked.control = Some(ready(control).await?);
        if parked.group.is_none() {
            parked.watched = Some(watchdog::namespace(worker_pid).map_err(Error::Io)?);
        }
        Ok(parked)
    }

    /// Parks another worker in the background when there are too few.
    fn refill(&self, warden: &Arc<Warden>) {
        if self.parked().len() >= self.inner.config.n_parked || self.inner.lifecycle.stopping().is_cancelled() {
            return;
        }
        let (driver, warden) = (self.clone(), Arc::clone(warden));
        self.inner.lifecycle.spawn("park a sandbox", async move {
            match driver.park(&warden).await {
                Ok(parked) => {
                    let surplus = {
                        let mut all = driver.parked();
                        if all.len() < driver.inner.config.n_parked {
                            all.push(parked);
                            None
                        } else {
                            Some(parked)
                        }
                    };
                    if let Some(parked) = surplus {
                        parked.end().await;
                    }
                }
                Err(error) => warn!(%error, "cannot park a sandbox"),
            }
        });
    }

    /// Ends what is parked and lets the warden go. Runs that are going on keep it until they end.
    pub async fn close(&self) {
        let parked = std::mem::take(&mut *self.parked());
        for one in parked {
            one.end().await;
        }
        *self.inner.warden.lock().await = None;
    }

    fn parked(&self) -> std::sync::MutexGuard<'_, Vec<Parked>> {
        self.inner.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the worker says that it is parked.
async fn ready(mut control: UnixStream) -> Result<UnixStream, Error> {
    let mut byte = [0];
    match tokio::time::timeout(PARKING, control.read(&mut byte)).await {
        Ok(Ok(1)) => Ok(control),
        Ok(Ok(_)) => Err(Error::Unavailable("a sandbox worker ended before it was ready; the log says why".to_owned())),
        Ok(Err(error)) => Err(Error::Io(error)),
        Err(_late) => Err(Error::Unavailable("a sandbox worker was not ready in time".to_owned())),
    }
}
