//! The driver: one warden, a few parked workers, open sessions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use septet_chassis::Lifecycle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::cgroup::Hierarchy;
use super::link::{Busy, Warden};
use super::pairs::Pairs;
use super::parked::{Parked, WorkerContext, WorkerEgress, caps};
use super::removals::Removals;
use super::session::Session;
use super::wire::Request;
use super::worker::Worker;
use crate::Config;
use crate::driver::{self, Error, MemoryWall, Spec, Walls};
use crate::egress::{self, Outlet};

/// How many workers may die before they get their code, until that is an error.
const ATTEMPTS: usize = 4;
/// About as long as a short run takes.
const PARK_DELAY: Duration = Duration::from_millis(10);

/// Runs code inside walls. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    /// When there is a container around us, and no other wall: its egress, once it is opened.
    container: Option<Arc<OnceLock<Outlet>>>,
    lifecycle: Lifecycle,
    context: WorkerContext,
    running: Arc<Semaphore>,
    warden: tokio::sync::Mutex<Option<Arc<Warden>>>,
    parked: Mutex<Vec<Parked>>,
    /// For wardens, slots and sessions, never given twice.
    numbers: Arc<AtomicU64>,
    is_renewing: AtomicBool,
}

impl Driver {
    /// A driver that starts its processes when they are first needed. Sweeps what a killed predecessor left behind.
    #[must_use]
    pub fn new(config: Config, lifecycle: Lifecycle) -> Self {
        Self::with(config, lifecycle, None)
    }

    /// A driver at level 1, for inside a container that is the outer wall and has nothing in it but one session. Runs
    /// that begin when `outlet` is known have that egress.
    pub(crate) fn plain(config: Config, lifecycle: Lifecycle, outlet: Arc<OnceLock<Outlet>>) -> Self {
        Self::with(config, lifecycle, Some(outlet))
    }

    fn with(config: Config, lifecycle: Lifecycle, container: Option<Arc<OnceLock<Outlet>>>) -> Self {
        let hierarchy = config.cgroup_mount().map_or(Hierarchy::None, Hierarchy::detect);
        let n_swept = hierarchy.sweep();
        if n_swept > 0 {
            debug!(sandbox.n_swept = n_swept, "swept control groups of an earlier process");
        }
        let running = Arc::new(Semaphore::new(config.n_running()));
        let pairs = Pairs::new(config.n_slots);
        let caps = caps(config.memory_bytes, config.n_processes, config.cpu_milli);
        let inner = Inner {
            config,
            container,
            context: WorkerContext { hierarchy, removals: Removals::new(lifecycle.clone()), pairs, caps },
            lifecycle,
            running,
            warden: tokio::sync::Mutex::default(),
            parked: Mutex::default(),
            numbers: Arc::new(AtomicU64::new(1)),
            is_renewing: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    fn memory_wall(&self) -> MemoryWall {
        match self.inner.context.hierarchy {
            Hierarchy::V1 { .. } => MemoryWall::CgroupV1,
            Hierarchy::V2 { .. } => MemoryWall::CgroupV2,
            Hierarchy::None => MemoryWall::Watchdog,
        }
    }

    fn walls_of(&self, warden: &Warden) -> Walls {
        Walls { level: warden.level, memory: self.memory_wall(), python: warden.zygote.python.clone() }
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
        let warden = self.start().await?;
        *current = Some(Arc::clone(&warden));
        Ok(warden)
    }

    async fn start(&self) -> Result<Arc<Warden>, Error> {
        let Inner { config, container, lifecycle, numbers, .. } = self.inner.as_ref();
        let is_plain = container.is_some();
        let warden = Warden::start(config, is_plain, lifecycle, Arc::clone(numbers)).await?;
        if !is_plain && warden.level < config.min_level {
            let (found, wanted) = (warden.level.name(), config.min_level.name());
            return Err(Error::Unavailable(format!(
                "this machine gives walls of level {found}, and sandbox.min_level asks for {wanted}"
            )));
        }
        Ok(Arc::new(warden))
    }

    /// Has another warden take over, with an interpreter that was started anew, while this one goes on.
    fn renew(&self, old: &Arc<Warden>) {
        if self.inner.is_renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (driver, old) = (self.clone(), Arc::clone(old));
        self.inner.lifecycle.spawn("renew the sandbox", async move {
            match driver.start().await {
                Ok(fresh) => {
                    *driver.inner.warden.lock().await = Some(Arc::clone(&fresh));
                    old.retire();
                    let parked = std::mem::take(&mut *driver.parked());
                    driver.refill(&fresh);
                    drop(parked);
                }
                Err(error) => warn!(%error, "the warm interpreter could not be renewed; the old one goes on"),
            }
            driver.inner.is_renewing.store(false, Ordering::Relaxed);
        });
    }

    /// A place to run, for which others wait while too many are running.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.inner.running).acquire_owned().await.map_err(|_closed| Error::Lost)
    }

    /// A fresh worker with the folder of `session`, ready for code. One that died while it was waiting is no reason to refuse.
    pub(super) async fn worker(&self, session: &Session) -> Result<Worker, Error> {
        let mut n_left = ATTEMPTS;
        loop {
            n_left -= 1;
            match self.try_worker(session).await {
                Ok(worker) => return Ok(worker),
                Err(_) if session.warden.is_lost() => return Err(Error::Lost),
                Err(error) if n_left == 0 => return Err(error),
                Err(error) => debug!(%error, "a sandbox died before it got its code; taking another"),
            }
        }
    }

    async fn try_worker(&self, session: &Session) -> Result<Worker, Error> {
        let warden = &session.warden;
        let waiting = self.parked().pop();
        let mut parked = match waiting.filter(|parked| Arc::ptr_eq(&parked.warden, warden)) {
            Some(parked) => parked,
            None => Parked::start(warden, &self.inner.context).await?,
        };
        let has_egress = session.policy.is_some();
        let request = Request::Enter { slot: parked.slot, session: session.name.clone(), has_egress };
        let entered = warden.ask(request, &[]).await;
        self.refill(warden);
        let (_, fds) = entered?;
        parked.egress = match (&session.policy, &self.inner.container) {
            (Some(policy), _) => {
                let door = fds.into_iter().next().ok_or(Error::Lost)?;
                let serving = Some(policy.serve(door.into()).map_err(Error::Io)?);
                Some(WorkerEgress { outlet: policy.directions().at(egress::PORT, false), serving })
            }
            (None, Some(outlet)) => outlet.get().map(|outlet| WorkerEgress { outlet: outlet.clone(), serving: None }),
            (None, None) => None,
        };
        Worker::new(parked, &self.inner.config).map_err(Error::Io)
    }

    /// Ends a worker in the background.
    pub(super) fn retire(&self, worker: Worker, busy: Busy) {
        self.inner.lifecycle.spawn("end a sandbox", async move {
            worker.end().await;
            drop(busy);
        });
    }

    /// Parks another worker in the background when there are too few.
    fn refill(&self, warden: &Arc<Warden>) {
        if self.inner.lifecycle.stopping().is_cancelled() {
            return;
        }
        if warden.is_worn(&self.inner.config) && !warden.is_retired() {
            self.renew(warden);
        }
        if warden.is_retired() || self.parked().len() >= self.inner.config.n_parked {
            return;
        }
        let is_empty = self.parked().is_empty();
        let (driver, warden) = (self.clone(), Arc::clone(warden));
        self.inner.lifecycle.spawn("park a sandbox", async move {
            if !is_empty {
                // Not while the run that took one begins: it would wait for a processor.
                tokio::time::sleep(PARK_DELAY).await;
            }
            match Parked::start(&warden, &driver.inner.context).await {
                Ok(parked) => {
                    let surplus = {
                        let mut all = driver.parked();
                        if !warden.is_retired() && all.len() < driver.inner.config.n_parked {
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

    fn parked(&self) -> MutexGuard<'_, Vec<Parked>> {
        self.inner.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl driver::Driver for Driver {
    fn name(&self) -> &'static str {
        "process"
    }

    async fn warm(&self) -> Result<Walls, Error> {
        let warden = self.warden().await?;
        self.refill(&warden);
        Ok(self.walls_of(&warden))
    }

    async fn walls(&self) -> Option<Walls> {
        self.inner.warden.lock().await.as_ref().map(|warden| self.walls_of(warden))
    }

    async fn open(&self, spec: Spec) -> Result<Box<dyn driver::Session>, Error> {
        let warden = self.warden().await?;
        // The number keeps a session that is opened again apart from one that is still being let go.
        let name = format!("{}_{}", spec.container, warden.number());
        let config = &self.inner.config;
        let request = Request::OpenSession {
            session: name.clone(),
            bytes: config.session_bytes,
            n_inodes: config.session_inodes,
        };
        let (_, fds) = warden.ask(request, &[]).await?;
        let folder = fds.into_iter().next().ok_or(Error::Lost)?;
        let owner = warden.owner;
        Ok(Box::new(Session::new(self.clone(), name, warden, folder, owner, spec.policy)))
    }

    async fn close(&self) {
        let parked = std::mem::take(&mut *self.parked());
        for one in parked {
            one.end().await;
        }
        *self.inner.warden.lock().await = None;
        self.inner.context.removals.finish().await;
    }
}
