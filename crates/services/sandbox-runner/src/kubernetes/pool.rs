//! The pool: pods that wait, pods that are used here, and how the one becomes the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use secrecy::{ExposeSecret, SecretString};
use septet_chassis::{Lifecycle, Signer};
use septet_kernel::{Clock, ExecutionId, Ids};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Config;
use super::claims::{Claims, PodClaim, Workload};
use super::cluster::{Cluster, Refusal};
use super::diagnosis;
use super::pod::{CLAIMED, Shape, Tags, WARM};
use super::snapshot::{self, PodSnapshot, PodState};
use crate::driver::{Error, SessionSpec};

/// Between two looks at a pod that somebody waits for, without an end.
const READY_INTERVALS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(1))
    .without_max_times();
/// Between two looks at waiting pods that changed while they were to be deleted.
const DELETE_INTERVALS: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(50)).with_max_times(6);
/// How much longer a job lives than its start and its run may take: files have to be brought and fetched.
const JOB_MARGIN: Duration = Duration::from_secs(300);

/// What a pool is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) sandbox: crate::Config,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
    pub(super) lifecycle: Lifecycle,
    pub(super) signer: Signer,
}

/// What the upkeep last found.
#[derive(Debug, Default)]
pub(super) struct UpkeepStatus {
    pub(super) n_looks: u64,
    /// Why nothing is ready, if so.
    pub(super) diagnosis: Option<String>,
}

/// Pods of one shape.
pub(super) struct Pool {
    pub(super) config: Config,
    pub(super) cluster: Cluster,
    pub(super) shape: Shape,
    /// Who we are to other runners; new with every start.
    pub(super) instance: String,
    pub(super) clock: Clock,
    ids: Ids,
    signer: Signer,
    permits: Arc<Semaphore>,
    pub(super) claims: Arc<Claims>,
    free: Mutex<Vec<PodSnapshot>>,
    /// What came of the last look.
    pub(super) upkeep_status: watch::Sender<UpkeepStatus>,
    pub(super) closing: CancellationToken,
}

impl Pool {
    pub(super) async fn open(parts: Parts) -> Result<Arc<Self>, Error> {
        let Parts { config, sandbox, clock, ids, lifecycle, signer } = parts;
        let cluster = Cluster::open(&config).await?;
        // Runners that do not derive the same tokens could not use each other's pods.
        let shape = Shape::new(&config, &sandbox, &signer.derive("kubernetes pool"));
        let instance = ids.next::<ExecutionId>().uuid().simple().to_string();
        let permits = Arc::new(Semaphore::new(config.n_pods));
        let claims = Arc::new(Claims::new(cluster.clone(), lifecycle));
        Ok(Arc::new(Self {
            config,
            cluster,
            shape,
            instance,
            clock,
            ids,
            signer,
            permits,
            claims,
            free: Mutex::default(),
            upkeep_status: watch::Sender::default(),
            closing: CancellationToken::new(),
        }))
    }

    /// A pod for a session: one that waits, else a new one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be had in `ready_seconds`, with what stands in the way.
    pub(super) async fn claim(self: &Arc<Self>, whose: &SessionSpec) -> Result<PodClaim, Error> {
        let give_up_at = Instant::now() + Duration::from_secs(u64::from(self.config.ready_seconds));
        let permit = self.permit(give_up_at).await?;
        if let Some(claim) = self.claim_free(whose, &permit).await? {
            return Ok(claim);
        }
        // What waits may be newer than our last look.
        let snapshot = self.cluster.pods().await?;
        self.note_free(&snapshot);
        if let Some(claim) = self.claim_free(whose, &permit).await? {
            return Ok(claim);
        }
        self.make_claimed(whose, permit, give_up_at).await
    }

    async fn permit(&self, give_up_at: Instant) -> Result<Arc<OwnedSemaphorePermit>, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout_at(give_up_at, permit).await {
            Ok(Ok(permit)) => Ok(Arc::new(permit)),
            Ok(Err(_closed)) => Err(Error::Lost),
            Err(_elapsed) => Err(Error::Unavailable(format!(
                "all {} sandbox pods of this runner are in use; raise sandbox.kubernetes.n_pods or lower \
                 sandbox.session_idle_minutes",
                self.config.n_pods
            ))),
        }
    }

    /// Claims one of the pods that were free at the last look, if one still is.
    async fn claim_free(
        self: &Arc<Self>,
        whose: &SessionSpec,
        permit: &Arc<OwnedSemaphorePermit>,
    ) -> Result<Option<PodClaim>, Error> {
        while let Some(snapshot) = self.pop_free() {
            let Some(address) = snapshot.address else { continue };
            let claim = self.claims.begin(&snapshot.name, Workload::Pod, Some(Arc::clone(permit)));
            let Some(mut claim) = claim else { continue };
            match self.cluster.claim(&snapshot, &self.instance, &self.lease(), whose).await {
                Ok(()) => {
                    claim.place();
                    claim.settle(address, snapshot.created_ms + self.config.pod_life_s() * 1000);
                    self.claims.changed.notify_one();
                    return Ok(Some(claim));
                }
                Err(Refusal::Raced | Refusal::Exists) => debug!(sandbox.pod = snapshot.name, "another claimed the pod"),
                Err(Refusal::Diagnosis(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Makes a pod that is claimed from its birth, and waits for it, or for another that becomes free before.
    async fn make_claimed(
        self: &Arc<Self>,
        whose: &SessionSpec,
        permit: Arc<OwnedSemaphorePermit>,
        give_up_at: Instant,
    ) -> Result<PodClaim, Error> {
        let name = self.name();
        let claim = self.claims.begin(&name, Workload::Pod, Some(Arc::clone(&permit)));
        let mut claim = claim.ok_or(Error::Lost)?;
        let pod = self.shape.pod(&name, self.token(&name).expose_secret(), &self.tags(CLAIMED, Some(whose)));
        self.cluster.create(&pod).await?;
        claim.place();
        let mut diagnosis = None;
        for interval in READY_INTERVALS.build().take_while(|_| Instant::now() < give_up_at) {
            tokio::time::sleep(interval).await;
            if let Some(other) = self.claim_free(whose, &permit).await? {
                return Ok(other);
            }
            let Some(snapshot) = self.cluster.pod(&name).await? else { return Err(Error::Lost) };
            if let Some(address) = snapshot.address.filter(|_| snapshot.is_ready) {
                claim.settle(address, snapshot.created_ms + self.config.pod_life_s() * 1000);
                return Ok(claim);
            }
            diagnosis = snapshot.diagnosis;
            if snapshot.is_permanent {
                break;
            }
        }
        Err(self.not_ready(diagnosis))
    }

    /// A pod of its own for a run that takes longer than a pod of the pool lives.
    pub(super) async fn make_job(self: &Arc<Self>, whose: &SessionSpec, run: Duration) -> Result<PodClaim, Error> {
        let ready = Duration::from_secs(u64::from(self.config.ready_seconds));
        let give_up_at = Instant::now() + ready;
        let life_s = i64::try_from((run + ready + JOB_MARGIN).as_secs()).unwrap_or(i64::MAX);
        let name = self.name();
        // The session's first pod is let go as soon as the job has its files, so this needs no permit of its own.
        let mut claim = self.claims.begin(&name, Workload::Job, None).ok_or(Error::Lost)?;
        let job = self.shape.job(&name, self.token(&name).expose_secret(), &self.tags(CLAIMED, Some(whose)), life_s);
        self.cluster.create_job(&job).await?;
        let ends_ms = self.clock.now_ms().saturating_add(life_s.saturating_mul(1000));
        claim.place();
        let mut diagnosis = None;
        for interval in READY_INTERVALS.build().take_while(|_| Instant::now() < give_up_at) {
            tokio::time::sleep(interval).await;
            let Some(pod) = self.cluster.pod_of_job(&name).await? else { continue };
            if let Some(address) = snapshot::ready_address(&pod) {
                claim.settle(address, ends_ms);
                return Ok(claim);
            }
            diagnosis = diagnosis::of_pod(&pod);
            if diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.is_permanent) {
                break;
            }
        }
        Err(self.not_ready(diagnosis.map(|diagnosis| diagnosis.why)))
    }

    pub(super) fn not_ready(&self, diagnosis: Option<String>) -> Error {
        Error::Unavailable(diagnosis.unwrap_or_else(|| {
            format!(
                "no sandbox pod became ready within {} s; kubectl -n {} describe pods says what they wait for",
                self.config.ready_seconds, self.config.namespace
            )
        }))
    }

    /// Makes a pod that waits for anybody.
    pub(super) async fn make_warm(&self) -> Result<(), Error> {
        let name = self.name();
        let pod = self.shape.pod(&name, self.token(&name).expose_secret(), &self.tags(WARM, None));
        self.cluster.create(&pod).await
    }

    fn tags<'a>(&'a self, state: &'static str, whose: Option<&'a SessionSpec>) -> Tags<'a> {
        Tags { instance: &self.instance, state, lease: self.lease(), whose }
    }

    /// A name that was never used before, and with it a token that was not.
    pub(super) fn name(&self) -> String {
        format!("septet-sandbox-{}", self.ids.next::<ExecutionId>().uuid().simple())
    }

    /// What the agent of a pod wants to hear. Derived, so that a pod can be claimed by a runner that did not make it.
    pub(super) fn token(&self, name: &str) -> SecretString {
        self.signer.derive(&format!("kubernetes pod {name}"))
    }

    pub(super) fn lease(&self) -> String {
        self.clock.now().to_string()
    }

    /// Deletes our pods that nobody uses. One that has changed since the list is looked at again: it may only have become
    /// ready, and then nobody else would delete it before its lease runs out.
    pub(super) async fn delete_waiting(&self) {
        for interval in DELETE_INTERVALS.build() {
            let pods = match self.cluster.pods().await {
                Ok(pods) => pods,
                Err(error) => return warn!(%error, "the waiting sandbox pods cannot be listed and stay"),
            };
            let mut is_raced = false;
            for pod in pods
                .iter()
                .filter(|pod| pod.instance == self.instance && pod.state == PodState::Warm && !pod.is_terminating)
            {
                match self.cluster.delete_seen(pod).await {
                    Ok(()) => {}
                    Err(Refusal::Raced | Refusal::Exists) => is_raced = true,
                    Err(Refusal::Diagnosis(error)) => {
                        warn!(sandbox.pod = pod.name, %error, "a waiting sandbox pod stays")
                    }
                }
            }
            if !is_raced {
                return;
            }
            tokio::time::sleep(interval).await;
        }
        warn!("waiting sandbox pods that kept changing stay until their leases run out");
    }

    /// Between two renewals of a lease.
    pub(super) fn renewal(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.lease_seconds)) / 3
    }

    /// Remembers which pods can be had. Runners begin at different places, so that they rarely meet.
    pub(super) fn note_free(&self, snapshot: &[PodSnapshot]) {
        let mut free: Vec<PodSnapshot> =
            snapshot.iter().filter(|pod| pod.is_free() && pod.pool == self.shape.pool).cloned().collect();
        if !free.is_empty() {
            let n_turns = self.instance.bytes().map(usize::from).sum::<usize>() % free.len();
            free.rotate_left(n_turns);
        }
        *self.free() = free;
    }

    /// One that was free at the last look; it stays where it is.
    pub(super) fn peek_free(&self) -> Option<PodSnapshot> {
        self.free().last().cloned()
    }

    fn pop_free(&self) -> Option<PodSnapshot> {
        self.free().pop()
    }

    fn free(&self) -> MutexGuard<'_, Vec<PodSnapshot>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
