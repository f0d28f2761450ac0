//! A pod as the API described it, reduced to what decisions need.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;

use super::diagnosis;
use super::pod::{CLAIMED, CONTAINER_NAME, INSTANCE, LEASE, POOL, PORT, STATE, WARM};

/// What the label says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PodState {
    Warm,
    Claimed,
}

/// A pod at some moment.
#[derive(Debug, Clone)]
pub(super) struct PodSnapshot {
    pub(super) name: String,
    pub(super) uid: String,
    /// The version that a claim names.
    pub(super) version: String,
    pub(super) pool: String,
    pub(super) instance: String,
    pub(super) state: PodState,
    pub(super) lease: String,
    pub(super) created_ms: i64,
    pub(super) address: Option<IpAddr>,
    pub(super) is_ready: bool,
    /// Whether it is being deleted.
    pub(super) is_terminating: bool,
    /// Since when it is over, if it is.
    pub(super) finished_ms: Option<i64>,
    /// What keeps it from becoming ready, or ended it.
    pub(super) diagnosis: Option<String>,
    /// Whether waiting does not help against that.
    pub(super) is_permanent: bool,
}

impl PodSnapshot {
    /// `None` for a pod without our labels: it is none of ours.
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        let meta = &pod.metadata;
        let label = |key: &str| meta.labels.as_ref()?.get(key).cloned();
        let state = match label(STATE)?.as_str() {
            WARM => PodState::Warm,
            CLAIMED => PodState::Claimed,
            _ => return None,
        };
        let created_ms = meta.creation_timestamp.as_ref().map_or(0, |time| time.0.as_millisecond());
        let status = pod.status.as_ref();
        let diagnosis = diagnosis::of_pod(pod);
        Some(Self {
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            version: meta.resource_version.clone()?,
            pool: label(POOL)?,
            instance: label(INSTANCE)?,
            state,
            lease: meta.annotations.as_ref().and_then(|all| all.get(LEASE)).cloned().unwrap_or_default(),
            created_ms,
            address: status.and_then(|status| status.pod_ip.as_deref()).and_then(|text| text.parse().ok()),
            is_ready: is_ready(pod),
            is_terminating: meta.deletion_timestamp.is_some(),
            finished_ms: is_finished(pod).then(|| ended_ms(pod).unwrap_or(created_ms)),
            is_permanent: diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.is_permanent),
            diagnosis: diagnosis.map(|diagnosis| diagnosis.why),
        })
    }

    /// Where its agent listens.
    pub(super) fn agent(&self) -> Option<SocketAddr> {
        self.address.map(|address| SocketAddr::new(address, PORT))
    }

    /// Whether a session can have it now.
    pub(super) fn is_free(&self) -> bool {
        self.state == PodState::Warm
            && self.is_ready
            && !self.is_terminating
            && self.finished_ms.is_none()
            && self.address.is_some()
    }
}

/// Where the agent of a pod listens, once it does.
pub(super) fn ready_address(pod: &Pod) -> Option<IpAddr> {
    let address = pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()?;
    (is_ready(pod) && pod.metadata.deletion_timestamp.is_none()).then_some(address)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether nothing runs in it any more.
pub(super) fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn ended_ms(pod: &Pod) -> Option<i64> {
    let statuses = pod.status.as_ref()?.container_statuses.as_deref()?;
    let container = statuses.iter().find(|status| status.name == CONTAINER_NAME)?;
    let ended = container.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?;
    Some(ended.0.as_millisecond())
}
