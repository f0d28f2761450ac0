//! The driver: opens the way to the cluster when it is first needed, and gives every session a pod.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use septet_chassis::{Lifecycle, Signer};
use septet_kernel::{Clock, Ids};
use tokio::time::Instant;
use tracing::warn;

use super::pool::{Parts, Pool};
use super::session::{ConnectedPod, Session};
use super::upkeep::Upkeep;
use crate::Config;
use crate::driver::{self, Error, SessionSpec, Walls};

/// Pods that are tried for one session: the agent of one that waited for hours may have died since the last look.
const N_TRIES: usize = 3;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs code in pods.
pub(crate) struct Driver {
    config: Config,
    clock: Clock,
    ids: Ids,
    lifecycle: Lifecycle,
    signer: Signer,
    pool: tokio::sync::Mutex<Option<Arc<Pool>>>,
    walls: Mutex<Option<Walls>>,
}

impl Driver {
    /// A driver that talks to nobody before it is needed. All runners of one installation share the secret of `signer`.
    pub(crate) fn new(config: Config, clock: Clock, lifecycle: Lifecycle, signer: Signer) -> Self {
        let ids = Ids::new(clock.clone());
        let (pool, walls) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { config, clock, ids, lifecycle, signer, pool, walls }
    }

    async fn pool(&self) -> Result<Arc<Pool>, Error> {
        let mut pool = self.pool.lock().await;
        if let Some(pool) = pool.as_ref() {
            return Ok(Arc::clone(pool));
        }
        let opened = Pool::open(Parts {
            config: self.config.kubernetes.clone(),
            sandbox: self.config.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            lifecycle: self.lifecycle.clone(),
            signer: self.signer.clone(),
        })
        .await?;
        self.lifecycle.spawn("keep the sandbox pods", Upkeep::new(Arc::clone(&opened)).run());
        *pool = Some(Arc::clone(&opened));
        Ok(opened)
    }

    fn known_walls(&self) -> Option<Walls> {
        self.walls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_walls(&self, walls: &Walls) {
        *self.walls.lock().unwrap_or_else(PoisonError::into_inner) = Some(walls.clone());
    }

    /// Asks a waiting pod how strong its walls are, without taking it.
    async fn ask_a_waiting_pod(&self, pool: &Arc<Pool>) -> Result<Walls, Error> {
        let give_up_at = Instant::now() + Duration::from_secs(u64::from(pool.config.ready_seconds));
        let mut status = pool.upkeep_status.subscribe();
        loop {
            if let Some(pod) = pool.peek_free() {
                return ConnectedPod::walls_of(pool, &pod).await;
            }
            let next = tokio::time::timeout_at(give_up_at, status.changed()).await;
            let diagnosis = status.borrow_and_update().diagnosis.clone();
            match (next, diagnosis) {
                // What keeps every pod from becoming ready is known before the time is over.
                (Ok(Ok(())), None) => {}
                (_, diagnosis) => return Err(pool.not_ready(diagnosis)),
            }
        }
    }
}

#[async_trait]
impl driver::Driver for Driver {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    async fn warm(&self) -> Result<Walls, Error> {
        let pool = self.pool().await?;
        if let Some(walls) = self.known_walls() {
            return Ok(walls);
        }
        let walls = match pool.config.n_warm {
            0 => {
                let nobody = SessionSpec { container: self.ids.next(), tenant: self.ids.next(), policy: None };
                ConnectedPod::connect(&pool, pool.claim(&nobody).await?, &nobody).await?.walls
            }
            _ => self.ask_a_waiting_pod(&pool).await?,
        };
        self.note_walls(&walls);
        Ok(walls)
    }

    async fn walls(&self) -> Option<Walls> {
        self.known_walls()
    }

    async fn open(&self, spec: SessionSpec) -> Result<Box<dyn driver::Session>, Error> {
        let pool = self.pool().await?;
        let mut n_left = N_TRIES;
        loop {
            let claim = pool.claim(&spec).await?;
            n_left -= 1;
            let name = claim.name.clone();
            match ConnectedPod::connect(&pool, claim, &spec).await {
                Ok(pod) => {
                    self.note_walls(&pod.walls);
                    return Ok(Box::new(Session::new(pool, spec, pod, &self.config)));
                }
                Err(error) if n_left == 0 => return Err(error),
                Err(error) => warn!(sandbox.pod = name, %error, "a pod is of no use, taking another"),
            }
        }
    }

    async fn close(&self) {
        let Some(pool) = self.pool.lock().await.take() else { return };
        pool.closing.cancel();
        if tokio::time::timeout(CLOSE_TIMEOUT, pool.delete_waiting()).await.is_err() {
            warn!("the waiting sandbox pods were not all deleted; another runner will, when their leases are over");
        }
    }
}
