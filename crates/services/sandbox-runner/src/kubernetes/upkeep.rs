//! Keeps the pool as it should be: looks every few seconds, and sooner after a claim.
//!
//! One list of a namespace every few seconds is less than a watch costs to keep right, and it cannot miss anything.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tracing::{debug, info, warn};

use super::claims::Workload;
use super::cluster::{JobSnapshot, Refusal};
use super::plan::{Leases, Rules, Step, plan};
use super::pool::Pool;
use super::snapshot::{PodSnapshot, PodState};
use crate::agent::{Address, Remote};
use crate::driver::Error;

/// Between two looks while pods are being made, and the longest there is.
const LOOK_INTERVALS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// Calls to the API at a time.
const N_CALLS: usize = 8;
/// How long no pods are made after a failure, at first and at most, in milliseconds.
const BACKOFF_MS: (i64, i64) = (1_000, 60_000);

/// What is remembered from look to look.
pub(super) struct Upkeep {
    pool: Arc<Pool>,
    leases: Leases,
    renewed_ms: HashMap<String, i64>,
    /// Failed pods that were counted.
    failed: HashSet<String>,
    backoff_ms: i64,
    backoff_until_ms: i64,
    is_hurried: bool,
}

impl Upkeep {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            leases: Leases::default(),
            renewed_ms: HashMap::new(),
            failed: HashSet::new(),
            backoff_ms: 0,
            backoff_until_ms: 0,
            is_hurried: false,
        }
    }

    /// Looks until the driver is closed.
    pub(super) async fn run(mut self) {
        let pool = Arc::clone(&self.pool);
        loop {
            let outcome = tokio::select! {
                outcome = self.look() => outcome,
                () = pool.closing.cancelled() => return,
            };
            self.tell(outcome);
            let pause = if self.is_hurried { LOOK_INTERVALS.0 } else { LOOK_INTERVALS.1.min(pool.renewal()) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = pool.claims.changed.notified() => {}
                () = pool.closing.cancelled() => return,
            }
        }
    }

    /// Says once what is wrong, and once that it is over.
    fn tell(&self, outcome: Result<Option<String>, Error>) {
        let now = match outcome {
            Ok(diagnosis) => diagnosis,
            Err(Error::Unavailable(why)) => Some(why),
            Err(error) => Some(septet_kernel::causes(&error)),
        };
        self.pool.upkeep_status.send_if_modified(|status| {
            if status.diagnosis != now {
                match &now {
                    Some(why) => warn!(sandbox.diagnosis = why, "sandbox pods are not as they should be"),
                    None => info!("sandbox pods are as they should be again"),
                }
            }
            status.n_looks += 1;
            status.diagnosis = now;
            true
        });
    }

    /// One look, and what follows from it. Says what is wrong with the pool, if something is.
    async fn look(&mut self) -> Result<Option<String>, Error> {
        let pool = Arc::clone(&self.pool);
        // Before the list: what is placed later may be missing from it.
        let placed: Vec<String> =
            pool.claims.records().iter().filter(|(_, claim)| claim.is_placed).map(|(name, _)| name.clone()).collect();
        let pods = pool.cluster.pods().await?;
        let jobs = pool.cluster.jobs().await?;
        let now_ms = pool.clock.now_ms();
        pool.note_free(&pods);
        self.note_lost(&placed, &pods, &jobs);
        let leases = pods.iter().map(|pod| (pod.uid.as_str(), pod.lease.as_str()));
        let leases = leases.chain(jobs.iter().map(|job| (job.uid.as_str(), job.lease.as_str())));
        self.leases.note(leases, now_ms, pool.config.lease_ms());
        self.note_failures(&pods, now_ms);

        let rules = Rules {
            instance: &pool.instance,
            pool: &pool.shape.pool,
            n_warm: pool.config.n_warm,
            stale_ms: pool.config.pod_life_s() * 500,
            ready_ms: pool.config.ready_ms(),
            finished_ms: pool.config.finished_ms(),
        };
        let is_held = |name: &str| pool.claims.records().contains_key(name);
        let is_orphan = |pod: &PodSnapshot| self.leases.is_over(&pod.uid, pool.config.lease_ms(), now_ms);
        let steps = plan(&pods, &rules, now_ms, &is_held, &is_orphan);
        self.is_hurried = steps.iter().any(|step| matches!(step, Step::Create(_)))
            || pods.iter().any(|pod| pod.state == PodState::Warm && pod.pool == pool.shape.pool && !pod.is_ready);
        let diagnosis = self.take(steps, now_ms).await;
        self.keep_jobs(&jobs, now_ms).await;

        let mine = || pods.iter().filter(|pod| pod.state == PodState::Warm && pod.pool == pool.shape.pool);
        let is_any_ready = mine().any(PodSnapshot::is_free);
        Ok(diagnosis.or_else(|| if is_any_ready { None } else { mine().find_map(|pod| pod.diagnosis.clone()) }))
    }

    /// Tells sessions whose pod is over, being deleted or gone.
    fn note_lost(&self, placed: &[String], pods: &[PodSnapshot], jobs: &[JobSnapshot]) {
        let live: HashSet<&str> = pods
            .iter()
            .filter(|pod| pod.finished_ms.is_none() && !pod.is_terminating)
            .map(|pod| pod.name.as_str())
            .chain(jobs.iter().filter(|job| !job.is_terminating && !job.is_finished).map(|job| job.name.as_str()))
            .collect();
        let claims = self.pool.claims.records();
        for name in placed.iter().filter(|name| !live.contains(name.as_str())) {
            if let Some(claim) = claims.get(name).filter(|claim| !claim.lost.is_cancelled()) {
                warn!(sandbox.pod = name, "the pod of a session is gone");
                claim.lost.cancel();
            }
        }
    }

    /// After waiting pods that failed, new ones are made ever more slowly: a broken image must not fill the cluster.
    fn note_failures(&mut self, pods: &[PodSnapshot], now_ms: i64) {
        let ours = |pod: &&PodSnapshot| {
            pod.instance == self.pool.instance && pod.state == PodState::Warm && pod.pool == self.pool.shape.pool
        };
        if pods.iter().filter(ours).any(PodSnapshot::is_free) {
            self.backoff_ms = 0;
        }
        let failed: HashSet<String> =
            pods.iter().filter(ours).filter(|pod| pod.finished_ms.is_some()).map(|pod| pod.uid.clone()).collect();
        if failed.difference(&self.failed).next().is_some() {
            self.back_off(now_ms);
        }
        self.failed = failed;
    }

    fn back_off(&mut self, now_ms: i64) {
        self.backoff_ms = (self.backoff_ms * 2).clamp(BACKOFF_MS.0, BACKOFF_MS.1);
        self.backoff_until_ms = now_ms + self.backoff_ms;
    }

    async fn take(&mut self, steps: Vec<Step>, now_ms: i64) -> Option<String> {
        let pool = Arc::clone(&self.pool);
        let renewal_ms = i64::try_from(pool.renewal().as_millis()).unwrap_or(i64::MAX);
        let is_fresh = |name: &str, renewed_ms: &HashMap<String, i64>| {
            renewed_ms.get(name).is_some_and(|renewed| now_ms - renewed < renewal_ms)
        };
        let steps: Vec<Step> = steps
            .into_iter()
            .filter(|step| !matches!(step, Step::Renew(pod) if is_fresh(&pod.name, &self.renewed_ms)))
            .filter(|step| !matches!(step, Step::Create(_)) || now_ms >= self.backoff_until_ms)
            .flat_map(|step| match step {
                Step::Create(n) => vec![Step::Create(1); n],
                other => vec![other],
            })
            .collect();
        let mut outcomes = futures::stream::iter(steps)
            .map(|step| async {
                let outcome = carry_out(&pool, &step).await;
                (step, outcome)
            })
            .buffer_unordered(N_CALLS);
        let (mut diagnosis, mut is_refused) = (None, false);
        while let Some((step, outcome)) = outcomes.next().await {
            match outcome {
                Ok(()) => {
                    if let Step::Renew(pod) | Step::Adopt(pod) = step {
                        self.renewed_ms.insert(pod.name, now_ms);
                    }
                }
                Err(Refusal::Raced | Refusal::Exists) => {}
                Err(Refusal::Diagnosis(error)) => {
                    is_refused |= matches!(step, Step::Create(_));
                    diagnosis = Some(match error {
                        Error::Unavailable(why) => why,
                        other => septet_kernel::causes(&other),
                    });
                }
            }
        }
        drop(outcomes);
        if is_refused {
            self.back_off(now_ms);
        }
        self.renewed_ms.retain(|_, renewed| now_ms - *renewed < 2 * renewal_ms);
        diagnosis
    }

    /// Renews the leases of our jobs and deletes those whose runner is gone.
    async fn keep_jobs(&mut self, jobs: &[JobSnapshot], now_ms: i64) {
        let pool = &self.pool;
        for job in jobs.iter().filter(|job| !job.is_terminating) {
            let is_ours = job.instance == pool.instance;
            let is_held = pool.claims.records().get(&job.name).is_some_and(|claim| claim.workload == Workload::Job);
            let done = if is_ours && is_held {
                let address = pool.claims.records().get(&job.name).and_then(|claim| claim.address);
                if let Some(address) = address {
                    ping_agent(pool, &job.name, address).await;
                }
                match pool.cluster.renew_job(&job.name, &pool.lease()).await {
                    Ok(()) | Err(Refusal::Raced | Refusal::Exists) => Ok(()),
                    Err(Refusal::Diagnosis(error)) => Err(error),
                }
            } else if is_ours || self.leases.is_over(&job.uid, pool.config.lease_ms(), now_ms) {
                info!(sandbox.job = job.name, "deleting a job that no session uses");
                pool.cluster.delete_job(&job.name).await
            } else {
                Ok(())
            };
            if let Err(error) = done {
                warn!(sandbox.job = job.name, %error, "cannot keep a job in order");
            }
        }
    }
}

async fn carry_out(pool: &Arc<Pool>, step: &Step) -> Result<(), Refusal> {
    match step {
        Step::Create(_) => pool.make_warm().await.map_err(Refusal::Diagnosis),
        Step::Delete { pod, why } => {
            info!(sandbox.pod = pod.name, why, "deleting a sandbox pod");
            pool.cluster.delete_seen(pod).await
        }
        Step::Adopt(pod) => {
            info!(sandbox.pod = pod.name, "taking a waiting pod over from a runner that is gone");
            pool.cluster.adopt(pod, &pool.instance, &pool.lease()).await
        }
        Step::Renew(pod) => {
            pool.cluster.renew(pod, &pool.lease()).await?;
            if let Some(address) = pod.agent().filter(|_| pod.is_ready) {
                ping_agent(pool, &pod.name, address).await;
            }
            Ok(())
        }
    }
}

/// Asks the agent of a pod how it is: one that hears nothing for long ends itself.
async fn ping_agent(pool: &Arc<Pool>, name: &str, address: SocketAddr) {
    if let Err(error) = Remote::connect(Address::Tcp(address), &pool.token(name)).await {
        debug!(sandbox.pod = name, %error, "the agent of a sandbox pod does not answer");
    }
}
