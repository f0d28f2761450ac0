//! The workers of a driver: one warden that forks them, and a few that are parked for the next run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use septet_chassis::Lifecycle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::cgroup::Hierarchy;
use super::link::{Busy, Warden};
use super::pairs::Pairs;
use super::parked::{Parked, WorkerContext, WorkerEgress, caps};
use super::protocol::Request;
use super::removals::Removals;
use super::worker::Worker;
use crate::Config;
use crate::driver::{Error, MemoryWall, Walls};
use crate::egress::{self, EgressPolicy, Outlet};

/// How many workers may die before they get their code, until that is an error.
const ATTEMPTS: usize = 4;
/// About as long as a short run takes.
const PARK_DELAY: Duration = Duration::from_millis(10);

/// Gives sessions their workers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Workers {
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

impl Workers {
    /// Starts nothing yet. Sweeps what a killed predecessor left behind.
    pub(super) fn new(config: Config, lifecycle: Lifecycle, container: Option<Arc<OnceLock<Outlet>>>) -> Self {
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

    pub(super) fn walls_of(&self, warden: &Warden) -> Walls {
        Walls { level: warden.level, memory: self.memory_wall(), python: warden.zygote.python.clone() }
    }

    /// The warden, which is started when there is none.
    pub(super) async fn warden(&self) -> Result<Arc<Warden>, Error> {
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
        let (workers, old) = (self.clone(), Arc::clone(old));
        self.inner.lifecycle.spawn("renew the sandbox", async move {
            match workers.start().await {
                Ok(fresh) => {
                    *workers.inner.warden.lock().await = Some(Arc::clone(&fresh));
                    old.retire();
                    let parked = std::mem::take(&mut *workers.parked());
                    workers.refill(&fresh);
                    drop(parked);
                }
                Err(error) => warn!(%error, "the warm interpreter could not be renewed; the old one goes on"),
            }
            workers.inner.is_renewing.store(false, Ordering::Relaxed);
        });
    }

    /// A place to run, for which others wait while too many are running.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.inner.running).acquire_owned().await.map_err(|_closed| Error::Lost)
    }

    /// A fresh worker with the folder of a session, ready for code. One that died while it was waiting is no reason to
    /// refuse.
    pub(super) async fn worker(
        &self,
        warden: &Arc<Warden>,
        session: &str,
        policy: Option<&Arc<EgressPolicy>>,
    ) -> Result<Worker, Error> {
        let mut n_left = ATTEMPTS;
        loop {
            n_left -= 1;
            match self.try_worker(warden, session, policy).await {
                Ok(worker) => return Ok(worker),
                Err(_) if warden.is_lost() => return Err(Error::Lost),
                Err(error) if n_left == 0 => return Err(error),
                Err(error) => debug!(%error, "a sandbox died before it got its code; taking another"),
            }
        }
    }

    async fn try_worker(
        &self,
        warden: &Arc<Warden>,
        session: &str,
        policy: Option<&Arc<EgressPolicy>>,
    ) -> Result<Worker, Error> {
        let waiting = self.parked().pop();
        let mut parked = match waiting.filter(|parked| Arc::ptr_eq(&parked.warden, warden)) {
            Some(parked) => parked,
            None => Parked::start(warden, &self.inner.context).await?,
        };
        let has_egress = policy.is_some();
        let request = Request::Enter { slot: parked.slot, session: session.to_owned(), has_egress };
        let entered = warden.ask(request, &[]).await;
        self.refill(warden);
        let (_, fds) = entered?;
        parked.egress = match (policy, &self.inner.container) {
            (Some(policy), _) => {
                let listener = fds.into_iter().next().ok_or(Error::Lost)?;
                let serving = Some(policy.serve(listener.into()).map_err(Error::Io)?);
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
    pub(super) fn refill(&self, warden: &Arc<Warden>) {
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
        let (workers, warden) = (self.clone(), Arc::clone(warden));
        self.inner.lifecycle.spawn("park a sandbox", async move {
            if !is_empty {
                // Not while the run that took one begins: it would wait for a processor.
                tokio::time::sleep(PARK_DELAY).await;
            }
            match Parked::start(&warden, &workers.inner.context).await {
                Ok(parked) => {
                    let surplus = {
                        let mut all = workers.parked();
                        if !warden.is_retired() && all.len() < workers.inner.config.n_parked {
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

    /// The warden that new sessions would use, if one was started.
    pub(super) async fn current(&self) -> Option<Arc<Warden>> {
        self.inner.warden.lock().await.clone()
    }

    /// Ends those that are parked, lets the warden go and waits until nothing is left of either.
    pub(super) async fn close(&self) {
        let parked = std::mem::take(&mut *self.parked());
        for one in parked {
            one.end().await;
        }
        *self.inner.warden.lock().await = None;
        self.inner.context.removals.finish().await;
    }
}
