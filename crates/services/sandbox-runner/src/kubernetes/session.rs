//! A session in a pod: what the agent there offers, and the move to a job when a run is too long for the pod.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backon::{ConstantBuilder, Retryable};
use tokio::time::Instant;
use tracing::info;

use super::claims::PodClaim;
use super::pool::Pool;
use super::snapshot::PodSnapshot;
use crate::agent::{Address, Remote, given_up};
use crate::driver::{
    self, Cause, Changes, Chunks, Ended, Error, Level, MemoryWall, RunSpec, Said, Session as _, SessionSpec, Signals,
    Walls,
};

/// A pod that has just become ready may still be unknown to the network.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_RETRIES: ConstantBuilder =
    ConstantBuilder::new().with_delay(Duration::from_millis(200)).without_max_times();
/// What is left of a pod's life beyond a run, for its files.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A pod with its agent.
pub(super) struct ConnectedPod {
    remote: Remote,
    claim: PodClaim,
    pub(super) walls: Walls,
}

impl ConnectedPod {
    /// Connects to the agent in a pod of ours, and opens the session's egress there, if it has one. The pod is deleted
    /// when that fails.
    pub(super) async fn connect(pool: &Arc<Pool>, claim: PodClaim, whose: &SessionSpec) -> Result<Self, Error> {
        let Some(address) = claim.address() else { return Err(Error::Lost) };
        let (token, give_up_at) = (pool.token(&claim.name), Instant::now() + CONNECT_TIMEOUT);
        let connect = || Remote::connect(Address::Tcp(address), &token);
        let connected = connect.retry(CONNECT_RETRIES).when(|error| {
            // An image of another version, which time does not change.
            let is_final = matches!(error, Error::Unavailable(_));
            !is_final && Instant::now() < give_up_at && !claim.lost().is_cancelled()
        });
        let remote = connected.await.map_err(|error| match error {
            Error::Unavailable(why) => Error::Unavailable(why),
            error => Error::Unavailable(format!(
                "the agent of pod {} in namespace {} does not answer at {address}: {}; check that the network policy \
                 lets the sandbox runner in",
                claim.name,
                pool.config.namespace,
                septet_kernel::causes(&error)
            )),
        })?;
        let walls = walls(&remote).await?;
        if let Some(policy) = &whose.policy {
            // A pod has an address, and we cannot see whether a network policy really keeps the pod from others.
            remote.open_egress(policy, true).await?;
        }
        claim.delete_when(remote.lost());
        Ok(Self { remote, claim, walls })
    }

    /// Asks a pod that waits for anybody.
    pub(super) async fn walls_of(pool: &Arc<Pool>, pod: &PodSnapshot) -> Result<Walls, Error> {
        let Some(address) = pod.agent() else { return Err(Error::Lost) };
        let remote = Remote::connect(Address::Tcp(address), &pool.token(&pod.name)).await?;
        walls(&remote).await
    }

    fn is_lost(&self) -> bool {
        self.remote.is_lost() || self.claim.lost().is_cancelled()
    }
}

async fn walls(remote: &Remote) -> Result<Walls, Error> {
    let health = remote.health().await?;
    // What the agent builds inside comes on top. The pod has namespaces that the node's root made, ids of its own and a
    // cap on memory, which is what our own best level has; nodes have had control groups of version 2 alone for long.
    Ok(Walls { level: Level::L3, memory: MemoryWall::CgroupV2, python: health.python })
}

/// A session. Its pod is deleted when it is dropped.
pub(super) struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    spec: SessionSpec,
    pod: Mutex<Arc<ConnectedPod>>,
    /// The files that are known outside, which a move takes along without reporting them as new.
    known: Mutex<BTreeSet<String>>,
    /// With less life than this, a pod is not used for another run.
    least_life: Duration,
}

impl Session {
    pub(super) fn new(pool: Arc<Pool>, spec: SessionSpec, pod: ConnectedPod, config: &crate::Config) -> Self {
        let a_quarter = Duration::from_secs(u64::from(pool.config.pod_life_minutes) * 15);
        let least_life = (Duration::from_millis(config.timeout_max_ms) + COLLECT_TIMEOUT).min(a_quarter);
        let pod = Mutex::new(Arc::new(pod));
        Self { inner: Arc::new(Inner { pool, spec, pod, known: Mutex::default(), least_life }) }
    }
}

impl Inner {
    fn pod(&self) -> Arc<ConnectedPod> {
        Arc::clone(&self.pod.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life_left(&self, pod: &ConnectedPod) -> Duration {
        let left_ms = pod.claim.ends_ms.saturating_sub(self.pool.clock.now_ms());
        Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    }

    /// Moves the session into a job that lives long enough for the run, with all its files.
    async fn move_for(&self, run: Duration) -> Result<Arc<ConnectedPod>, Error> {
        let old = self.pod();
        let new = ConnectedPod::connect(&self.pool, self.pool.make_job(&self.spec, run).await?, &self.spec).await?;
        info!(sandbox.pod = old.claim.name, sandbox.job = new.claim.name, "a long run moves into a job of its own");
        let known = self.known().clone();
        for path in known {
            match old.remote.get(&path).await {
                Ok(content) => new.remote.put(&path, content).await.map_err(Error::Io)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::Io(error)),
            }
        }
        // Files that were not reported yet are reported after the move.
        for file in old.remote.changes(usize::MAX).await.map_err(Error::Io)?.found {
            new.remote.put(&file.path, file.content).await.map_err(Error::Io)?;
            new.remote.forget(&file.path).await;
        }
        let new = Arc::new(new);
        *self.pod.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        Ok(new)
    }
}

#[async_trait]
impl driver::Session for Session {
    fn is_lost(&self) -> bool {
        let pod = self.inner.pod();
        pod.is_lost() || self.inner.life_left(&pod) < self.inner.least_life
    }

    fn has_kept(&self) -> bool {
        self.inner.pod().remote.has_kept()
    }

    async fn enter(&self, keep: bool) -> Result<Box<dyn driver::Entered>, Error> {
        let pod = self.inner.pod();
        let worker = pod.remote.enter(keep).await?;
        Ok(Box::new(Entered { worker, pod, keep, session: Arc::clone(&self.inner) }))
    }

    async fn put(&self, path: &str, content: Chunks) -> io::Result<()> {
        self.inner.pod().remote.put(path, content).await?;
        self.inner.known().insert(path.to_owned());
        Ok(())
    }

    async fn get(&self, path: &str) -> io::Result<Chunks> {
        self.inner.pod().remote.get(path).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.pod().remote.remove(path).await?;
        self.inner.known().remove(path);
        Ok(())
    }

    async fn changes(&self, n_max: usize) -> io::Result<Changes> {
        let changes = self.inner.pod().remote.changes(n_max).await?;
        let mut known = self.inner.known();
        known.extend(changes.found.iter().map(|file| file.path.clone()));
        for path in &changes.gone {
            known.remove(path);
        }
        Ok(changes)
    }

    async fn forget(&self, path: &str) {
        self.inner.pod().remote.forget(path).await;
        self.inner.known().remove(path);
    }
}

/// A worker in the pod.
struct Entered {
    worker: Box<dyn driver::Entered>,
    pod: Arc<ConnectedPod>,
    keep: bool,
    session: Arc<Inner>,
}

#[async_trait]
impl driver::Entered for Entered {
    fn is_fresh(&self) -> bool {
        self.worker.is_fresh()
    }

    async fn run(
        self: Box<Self>,
        spec: &RunSpec,
        signals: &Signals,
        say: &mut (dyn FnMut(Said) + Send),
    ) -> Result<Ended, Error> {
        let Self { worker, pod, keep, session } = *self;
        let needed = spec.timeout + COLLECT_TIMEOUT;
        // A kept interpreter cannot move; its run ends with its pod at the latest.
        let (worker, pod) = if keep || session.life_left(&pod) >= needed {
            (worker, pod)
        } else {
            drop(worker);
            let pod = tokio::select! {
                moved = session.move_for(needed) => moved?,
                () = signals.cancel.cancelled() => return Ok(given_up(Cause::Cancelled, Duration::ZERO, false)),
            };
            (pod.remote.enter(false).await?, pod)
        };
        let started = Instant::now();
        let ended = tokio::select! {
            ended = worker.run(spec, signals, say) => ended,
            // A node that vanished closes no connection.
            () = pod.claim.lost().cancelled() => Err(Error::Lost),
        };
        match ended {
            Err(Error::Lost) => {
                // When the kernel took the agent for the biggest process, only the node knows why the run ended.
                let cause = if pod.claim.ran_out_of_memory().await { Cause::Memory } else { Cause::Lost };
                Ok(given_up(cause, started.elapsed(), true))
            }
            other => other,
        }
    }
}
