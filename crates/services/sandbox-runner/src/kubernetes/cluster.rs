//! What is asked of the API server. Every call has a time limit, and its refusals are told apart by what to do next.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::Config;
use super::diagnosis;
use super::pod::{CLAIMED, CONTAINER, INSTANCE, LEASE, MANAGER_LABEL, STATE, TENANT};
use super::snapshot::PodSnapshot;
use crate::driver::{Error, SessionSpec};

/// Longer than any answer of a healthy API server.
const API_TIMEOUT: Duration = Duration::from_secs(20);
const QUOTA_TRIES: usize = 5;

/// Why something was not done to a pod.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else was faster: it is not as it was seen, or gone.
    Raced,
    /// There is one of that name. Names are never used twice, so an earlier try of ours got through.
    Exists,
    /// Everything else.
    Diagnosis(Error),
}

/// The pods and jobs of one namespace.
#[derive(Clone)]
pub(super) struct Cluster {
    pods: Api<Pod>,
    jobs: Api<Job>,
    config: Config,
}

impl Cluster {
    /// Finds out where the API server is; does not talk to it yet.
    pub(super) async fn open(config: &Config) -> Result<Self, Error> {
        let found = match config.server.as_str() {
            "" => kube::Config::infer().await.map_err(|error| {
                Error::Unavailable(format!(
                    "there is no way to the Kubernetes API: run the sandbox runner in a pod with the service account of \
                     deploy/kubernetes, or give it a kubeconfig in KUBECONFIG ({})",
                    septet_kernel::causes(&error)
                ))
            })?,
            server => kube::Config::new(server.parse().map_err(|error| {
                Error::Unavailable(format!("sandbox.kubernetes.server is no address: {error}"))
            })?),
        };
        let client = Client::try_from(found).map_err(|error| diagnosis::of_api(&error, "connect", config))?;
        let pods = Api::namespaced(client.clone(), &config.namespace);
        let jobs = Api::namespaced(client, &config.namespace);
        Ok(Self { pods, jobs, config: config.clone() })
    }

    /// Every pod of the pools, those of other runners too.
    pub(super) async fn pods(&self) -> Result<Vec<PodSnapshot>, Error> {
        let (key, value) = MANAGER_LABEL;
        let ours = ListParams::default().labels(&format!("{key}={value},{STATE}"));
        let all = self.ask("list pods", self.pods.list(&ours)).await.map_err(Refusal::into_error)?;
        Ok(all.items.iter().filter_map(PodSnapshot::of).collect())
    }

    /// `None` when there is none of that name.
    pub(super) async fn pod(&self, name: &str) -> Result<Option<PodSnapshot>, Error> {
        Ok(self.raw_pod(name).await?.as_ref().and_then(PodSnapshot::of))
    }

    pub(super) async fn raw_pod(&self, name: &str) -> Result<Option<Pod>, Error> {
        self.ask("read pods", self.pods.get_opt(name)).await.map_err(Refusal::into_error)
    }

    pub(super) async fn create(&self, pod: &Pod) -> Result<(), Error> {
        let parameters = PostParams::default();
        self.make("create pods", || self.pods.create(&parameters, pod)).await
    }

    /// Creates something; more than once when two creations met at the quota, which the API calls a conflict.
    async fn make<T, F: Future<Output = kube::Result<T>>>(
        &self,
        doing: &str,
        call: impl Fn() -> F,
    ) -> Result<(), Error> {
        for _ in 0..QUOTA_TRIES {
            match self.ask(doing, call()).await {
                Ok(_) | Err(Refusal::Exists) => return Ok(()),
                Err(Refusal::Raced) => {}
                Err(Refusal::Diagnosis(error)) => return Err(error),
            }
        }
        Err(Error::Unavailable(format!("the Kubernetes API was too busy to {doing}; try again")))
    }

    /// Makes a pod ours, unless it has changed since it was seen.
    pub(super) async fn claim(
        &self,
        snapshot: &PodSnapshot,
        instance: &str,
        lease: &str,
        whose: &SessionSpec,
    ) -> Result<(), Refusal> {
        let (container, tenant) = (whose.container.to_string(), whose.tenant.to_string());
        let annotations = json!({ LEASE: lease, CONTAINER: container, TENANT: tenant });
        self.patch(snapshot, json!({ STATE: CLAIMED, INSTANCE: instance }), annotations).await
    }

    /// Takes a waiting pod over from a runner that is gone, unless it has changed since it was seen.
    pub(super) async fn adopt(&self, snapshot: &PodSnapshot, instance: &str, lease: &str) -> Result<(), Refusal> {
        self.patch(snapshot, json!({ INSTANCE: instance }), json!({ LEASE: lease })).await
    }

    /// Says that we are still here, unless it has changed since it was seen: it may be another's by now.
    pub(super) async fn renew(&self, snapshot: &PodSnapshot, lease: &str) -> Result<(), Refusal> {
        self.patch(snapshot, json!({}), json!({ LEASE: lease })).await
    }

    async fn patch(
        &self,
        snapshot: &PodSnapshot,
        labels: serde_json::Value,
        annotations: serde_json::Value,
    ) -> Result<(), Refusal> {
        // A merge patch that names a version is refused with a conflict when there is a newer one.
        let change = json!({ "metadata": {
            "resourceVersion": snapshot.version,
            "labels": labels,
            "annotations": annotations,
        }});
        self.ask("patch pods", self.pods.patch(&snapshot.name, &PatchParams::default(), &Patch::Merge(change))).await?;
        Ok(())
    }

    /// Deletes a pod of ours. One that is gone is fine.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        match self.ask("delete pods", self.pods.delete(name, &DeleteParams::default())).await {
            Ok(_) | Err(Refusal::Raced | Refusal::Exists) => Ok(()),
            Err(Refusal::Diagnosis(error)) => Err(error),
        }
    }

    /// Deletes a pod unless it has changed since it was seen: its owner may have come back.
    pub(super) async fn delete_seen(&self, snapshot: &PodSnapshot) -> Result<(), Refusal> {
        let as_seen =
            Preconditions { uid: Some(snapshot.uid.clone()), resource_version: Some(snapshot.version.clone()) };
        let params = DeleteParams::default().preconditions(as_seen);
        self.ask("delete pods", self.pods.delete(&snapshot.name, &params)).await?;
        Ok(())
    }

    /// Every job of ours: name, owner, lease.
    pub(super) async fn jobs(&self) -> Result<Vec<JobSnapshot>, Error> {
        let (key, value) = MANAGER_LABEL;
        let ours = ListParams::default().labels(&format!("{key}={value}"));
        let all = self.ask("list jobs", self.jobs.list(&ours)).await.map_err(Refusal::into_error)?;
        Ok(all.items.iter().filter_map(JobSnapshot::of).collect())
    }

    pub(super) async fn create_job(&self, job: &Job) -> Result<(), Error> {
        let parameters = PostParams::default();
        self.make("create jobs", || self.jobs.create(&parameters, job)).await
    }

    /// The pod of a job, once there is one.
    pub(super) async fn pod_of_job(&self, job: &str) -> Result<Option<Pod>, Error> {
        let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
        let found = self.ask("list pods", self.pods.list(&of_job)).await.map_err(Refusal::into_error)?;
        Ok(found.items.into_iter().next())
    }

    pub(super) async fn renew_job(&self, name: &str, lease: &str) -> Result<(), Refusal> {
        let change = json!({ "metadata": { "annotations": { LEASE: lease } } });
        self.ask("patch jobs", self.jobs.patch(name, &PatchParams::default(), &Patch::Merge(change))).await?;
        Ok(())
    }

    /// Deletes a job and its pod. One that is gone is fine.
    pub(super) async fn delete_job(&self, name: &str) -> Result<(), Error> {
        // Without the policy the pod would stay.
        match self.ask("delete jobs", self.jobs.delete(name, &DeleteParams::background())).await {
            Ok(_) | Err(Refusal::Raced | Refusal::Exists) => Ok(()),
            Err(Refusal::Diagnosis(error)) => Err(error),
        }
    }

    async fn ask<T>(&self, doing: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        match tokio::time::timeout(API_TIMEOUT, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => Err(Refusal::Exists),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 || is_object_gone(&status) => Err(Refusal::Raced),
            Ok(Err(error)) => Err(Refusal::Diagnosis(diagnosis::of_api(&error, doing, &self.config))),
            Err(_elapsed) => Err(Refusal::Diagnosis(Error::Unavailable(format!(
                "the Kubernetes API did not answer within {} s when we wanted to {doing}; check that it is not overloaded",
                API_TIMEOUT.as_secs()
            )))),
        }
    }
}

/// Whether a pod or job is missing, rather than the namespace.
fn is_object_gone(status: &kube::core::Status) -> bool {
    let kind = status.details.as_ref().map_or("", |details| details.kind.as_str());
    status.code == 404 && matches!(kind, "pods" | "jobs")
}

impl Refusal {
    fn into_error(self) -> Error {
        match self {
            Self::Raced | Self::Exists => Error::Lost,
            Self::Diagnosis(error) => error,
        }
    }
}

/// A job at some moment.
#[derive(Debug, Clone)]
pub(super) struct JobSnapshot {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) instance: String,
    pub(super) lease: String,
    pub(super) is_terminating: bool,
    pub(super) is_finished: bool,
}

impl JobSnapshot {
    fn of(job: &Job) -> Option<Self> {
        Some(Self {
            name: job.metadata.name.clone()?,
            uid: job.metadata.uid.clone()?,
            instance: job.labels().get(INSTANCE).cloned()?,
            lease: job.annotations().get(LEASE).cloned().unwrap_or_default(),
            is_terminating: job.metadata.deletion_timestamp.is_some(),
            is_finished: is_finished(job),
        })
    }
}

fn is_finished(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_over = |kind: &str| matches!(kind, "Complete" | "Failed" | "FailureTarget" | "SuccessCriteriaMet");
    conditions.iter().any(|condition| is_over(&condition.type_) && condition.status == "True")
}
