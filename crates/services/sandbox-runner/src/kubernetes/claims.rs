//! The pods that sessions use here, and what happens when one is let go: it is deleted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use septet_chassis::Lifecycle;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::cluster::Cluster;
use super::diagnosis;
use super::pod::PORT;
use super::snapshot;

/// How long a session waits to be told why its pod is over: longer than it takes to find out.
const END_REASON_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a node may take to say how a pod ended.
const NODE_STATUS_TIMEOUT: Duration = Duration::from_secs(2);
const NODE_STATUS_INTERVAL: Duration = Duration::from_millis(200);
const DELETE_RETRIES: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(100)).with_factor(4.0).with_max_times(3);

/// What a session runs in, and what is deleted at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workload {
    Pod,
    /// A job of the same name, and its pod with it.
    Job,
}

/// What others here may know of a claim.
#[derive(Debug, Clone)]
pub(super) struct ClaimRecord {
    pub(super) workload: Workload,
    /// Whether the API has said that it is ours: before that its absence means nothing.
    pub(super) is_placed: bool,
    pub(super) lost: CancellationToken,
    pub(super) address: Option<SocketAddr>,
}

/// All claims of this runner, by the name of the pod.
pub(super) struct Claims {
    cluster: Cluster,
    lifecycle: Lifecycle,
    records: Mutex<HashMap<String, ClaimRecord>>,
    /// Notified when a pod was claimed or let go, after which the pool may be short of pods that wait.
    pub(super) changed: Notify,
}

impl Claims {
    pub(super) fn new(cluster: Cluster, lifecycle: Lifecycle) -> Self {
        Self { cluster, lifecycle, records: Mutex::default(), changed: Notify::new() }
    }

    pub(super) fn records(&self) -> MutexGuard<'_, HashMap<String, ClaimRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that we are about to take a pod, so that nobody here takes it for left over in between. `None` when another
    /// session here has it: a list that is older than its claim still shows it as free.
    pub(super) fn begin(
        self: &Arc<Self>,
        name: &str,
        workload: Workload,
        permit: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Option<PodClaim> {
        let lost = CancellationToken::new();
        match self.records().entry(name.to_owned()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(free) => {
                free.insert(ClaimRecord { workload, is_placed: false, lost: lost.clone(), address: None });
            }
        }
        Some(PodClaim {
            name: name.to_owned(),
            claims: Arc::clone(self),
            workload,
            is_placed: false,
            lost,
            dropped: CancellationToken::new(),
            over: watch::Sender::new(None),
            address: None,
            ends_ms: 0,
            _permit: permit,
        })
    }

    /// Whether a pod whose agent does not answer any more was ended for its memory. Waits a little for the node to say.
    async fn ran_out_of_memory(&self, name: &str, workload: Workload) -> bool {
        let give_up_at = Instant::now() + NODE_STATUS_TIMEOUT;
        loop {
            let found = match workload {
                Workload::Pod => self.cluster.raw_pod(name).await,
                Workload::Job => self.cluster.pod_of_job(name).await,
            };
            match found {
                Ok(Some(pod)) if snapshot::is_finished(&pod) => return diagnosis::is_out_of_memory(&pod),
                Ok(Some(_)) if Instant::now() < give_up_at => tokio::time::sleep(NODE_STATUS_INTERVAL).await,
                Ok(_) | Err(_) => return false,
            }
        }
    }

    /// Deletes in the background. What cannot be deleted now is found by the upkeep, ours or another runner's.
    fn delete(self: &Arc<Self>, name: String, workload: Workload) {
        // Without a run-time nothing can be asked any more; the pod's lease runs out.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let claims = Arc::clone(self);
        self.lifecycle.spawn("delete a sandbox pod", async move {
            let delete = || async {
                match workload {
                    Workload::Pod => claims.cluster.delete(&name).await,
                    Workload::Job => claims.cluster.delete_job(&name).await,
                }
            };
            let deleted = delete
                .retry(DELETE_RETRIES)
                .notify(|error, _delay| warn!(sandbox.pod = name, %error, "cannot delete a sandbox pod, trying again"));
            if let Err(error) = deleted.await {
                warn!(sandbox.pod = name, %error, "a sandbox pod was not deleted and is left to the upkeep");
            }
        });
    }
}

/// A pod, from just before we ask for it until nobody needs it. Deleted when dropped.
pub(super) struct PodClaim {
    pub(super) name: String,
    claims: Arc<Claims>,
    workload: Workload,
    is_placed: bool,
    lost: CancellationToken,
    dropped: CancellationToken,
    /// Once the agent is lost: whether that was for memory.
    over: watch::Sender<Option<bool>>,
    address: Option<SocketAddr>,
    /// When the cluster ends it.
    pub(super) ends_ms: i64,
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl PodClaim {
    /// The API has said that it is ours.
    pub(super) fn place(&mut self) {
        self.is_placed = true;
        if let Some(record) = self.claims.records().get_mut(&self.name) {
            record.is_placed = true;
        }
    }

    /// It is ready at this address, until the cluster ends it.
    pub(super) fn settle(&mut self, address: IpAddr, ends_ms: i64) {
        self.address = Some(SocketAddr::new(address, PORT));
        self.ends_ms = ends_ms;
        if let Some(record) = self.claims.records().get_mut(&self.name) {
            record.address = self.address;
        }
    }

    /// Where the agent listens; nowhere before [`PodClaim::settle`].
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Deletes the pod as soon as its agent is lost, even while a session still has it: code that does not end when it
    /// is told to may still be running there.
    pub(super) fn delete_when(&self, is_lost: CancellationToken) {
        let (claims, name, workload) = (Arc::clone(&self.claims), self.name.clone(), self.workload);
        let (dropped, lost, over) = (self.dropped.clone(), self.lost.clone(), self.over.clone());
        self.claims.lifecycle.spawn("watch the agent of a sandbox pod", async move {
            tokio::select! {
                () = is_lost.cancelled() => {}
                () = lost.cancelled() => {}
                () = dropped.cancelled() => return,
            }
            let ran_out = claims.ran_out_of_memory(&name, workload).await;
            over.send_replace(Some(ran_out));
            claims.delete(name, workload);
        });
    }

    /// Once the agent is lost: whether that was for memory.
    pub(super) async fn ran_out_of_memory(&self) -> bool {
        let mut over = self.over.subscribe();
        let known = tokio::time::timeout(END_REASON_TIMEOUT, over.wait_for(Option::is_some)).await;
        known.is_ok_and(|known| known.is_ok_and(|ran_out| *ran_out == Some(true)))
    }

    /// Cancelled when the pod is over or gone.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

impl Drop for PodClaim {
    fn drop(&mut self) {
        self.dropped.cancel();
        self.claims.records().remove(&self.name);
        if self.is_placed {
            self.claims.delete(self.name.clone(), self.workload);
        }
        // Otherwise it is another's, or the answer to our asking was lost; the upkeep finds the latter.
        self.claims.changed.notify_one();
    }
}
