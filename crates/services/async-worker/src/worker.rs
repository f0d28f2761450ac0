//! Claims jobs and runs them, so many at a time.

use std::sync::Arc;
use std::time::Duration;

use septet_chassis::{Directory, Lifecycle, Platform, Shares};
use septet_contracts::management::Management;
use septet_kernel::{Clock, ServiceName, causes};
use septet_queue::Queue;
use tokio::time::sleep;
use tracing::{debug, error, warn};

use crate::instance::Instance;
use crate::notices::Notices;
use crate::rights::Rights;
use crate::{Config, metrics};

const STATS_EVERY: Duration = Duration::from_secs(15);
const PURGE_EVERY: u32 = 240; // of those, so once an hour

/// What running a job needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) config: Arc<Config>,
    pub(crate) queue: Queue,
    pub(crate) notices: Notices,
    pub(crate) rights: Rights,
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
    pub(crate) lifecycle: Lifecycle,
}

impl Worker {
    pub(crate) fn new(config: Config, queue: Queue, notices: Notices, platform: &Platform) -> Self {
        let management = Management::new(platform.directory.transport(ServiceName::Management));
        Self {
            config: Arc::new(config),
            queue,
            notices,
            rights: Rights::new(management, platform.ids.clone()),
            directory: platform.directory.clone(),
            clock: platform.clock.clone(),
            lifecycle: platform.lifecycle.clone(),
        }
    }

    /// Starts claiming, until shutdown.
    pub(crate) fn start(self, instance: Instance) {
        metrics::describe();
        self.lifecycle.spawn("tidy the job queue", self.clone().tidy());
        self.lifecycle.clone().spawn("claim jobs", self.claim(instance));
    }

    async fn claim(self, instance: Instance) {
        let stopping = self.lifecycle.stopping();
        let places = Shares::new(self.config.concurrency);
        loop {
            while !places.has_any() && !stopping.is_cancelled() {
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = places.freed() => {}
                }
            }
            if stopping.is_cancelled() {
                break;
            }
            // Subscribed before the claim, so that no cancellation falls between the two.
            let cancellations = self.queue.cancellations();
            let may = |tenant| places.is_open_to(tenant);
            match self.queue.claim_of_some(&instance.name, self.config.lease(), may).await {
                // Shutdown began during the claim: this may be a job that was just given back.
                Ok(Some(lease)) if stopping.is_cancelled() => {
                    if let Err(error) = self.queue.release(lease).await {
                        warn!(error.detail = %causes(&error), "a job could not be given back; its lease ends by time");
                    }
                    break;
                }
                Ok(Some(lease)) => {
                    let worker = self.clone();
                    // There is one: nobody else takes any between the question and here.
                    let place = places.try_enter(lease.tenant());
                    self.lifecycle.spawn("run a job", async move {
                        worker.run(lease, cancellations).await;
                        drop(place);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) if stopping.is_cancelled() => {
                    debug!(error.detail = %causes(&error), "no job could be claimed at shutdown");
                }
                Err(error) => error!(error.detail = %causes(&error), "no job can be claimed"),
            }
            tokio::select! {
                () = stopping.cancelled() => break,
                () = places.freed() => {}
                () = self.queue.woken() => {}
                () = sleep(self.config.poll()) => {}
            }
        }
        // The lock of the instance is held until the last job has let go of its lease.
        while !places.is_empty() {
            places.freed().await;
        }
        drop(instance);
    }

    /// Counts what waits, and forgets what is old.
    async fn tidy(self) {
        let stopping = self.lifecycle.stopping();
        let mut n_rounds = 0_u32;
        loop {
            match self.queue.stats().await {
                Ok(stats) => metrics::queue(&stats),
                Err(error) => warn!(error.detail = %causes(&error), "jobs could not be counted"),
            }
            if n_rounds.is_multiple_of(PURGE_EVERY) {
                let keep_ms = i64::try_from(self.config.keep().as_millis()).unwrap_or(i64::MAX);
                match self.queue.purge(self.clock.now_ms() - keep_ms).await {
                    Ok(0) => {}
                    Ok(n_jobs) => debug!(n_jobs, "old jobs forgotten"),
                    Err(error) => warn!(error.detail = %causes(&error), "old jobs could not be forgotten"),
                }
            }
            n_rounds = n_rounds.wrapping_add(1);
            tokio::select! {
                () = stopping.cancelled() => return,
                () = sleep(STATS_EVERY) => {}
            }
        }
    }
}
