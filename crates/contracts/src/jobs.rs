//! Background jobs: what the async worker offers, and what it asks of the service that owns a job.
//!
//! A service asks for work with [`Jobs::enqueue`] and mounts `POST /jobs/run`, which the worker calls when it is the
//! job's turn, and `POST /jobs/moved`, where it hears that a job ended or begins anew without it. Delivery is at least once: the owner recognises a job that it began before by [`RunJob::job`].

mod types;

use futures::Stream;
use septet_kernel::{Caller, JobId, ServiceName, Transport};

pub use types::{Job, JobError, JobEvent, JobFilter, JobState, MovedJob, NewJob, Progress, RunJob};

use crate::call::{CallError, Client, query, segment};
use crate::ndjson;
use crate::page::Page;

/// The async worker.
#[derive(Clone)]
pub struct Jobs {
    client: Client,
}

impl Jobs {
    /// A client over a transport to the async worker.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::AsyncWorker, transport) }
    }

    /// Makes a job. It is durable when this returns, and safe to repeat with an idempotency key.
    ///
    /// # Errors
    /// `unprocessable` with the field; `conflict` when the key came with another payload before.
    pub async fn enqueue(&self, caller: &Caller, new: &NewJob) -> Result<Job, CallError> {
        self.client.post(caller, "/jobs", new).answer().await
    }

    /// The tenant's jobs, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list(&self, caller: &Caller, filter: &JobFilter) -> Result<Page<Job>, CallError> {
        let path = format!(
            "/jobs{}",
            query(&[
                ("state", filter.state.map(|state| state.as_str().to_owned())),
                ("kind", filter.kind.clone()),
                ("limit", filter.limit.map(|limit| limit.to_string())),
                ("after", filter.after.map(|id| id.to_string())),
            ])
        );
        self.client.get(caller, &path).answer().await
    }

    /// One job.
    ///
    /// # Errors
    /// `not_found`, also for another tenant's job.
    pub async fn get(&self, caller: &Caller, id: JobId) -> Result<Job, CallError> {
        self.client.get(caller, &format!("/jobs/{}", segment(id))).answer().await
    }

    /// Asks a job to stop. One that waits is cancelled when this returns, one that runs soon after. Safe to repeat.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is done or dead.
    pub async fn cancel(&self, caller: &Caller, id: JobId) -> Result<Job, CallError> {
        self.client.post(caller, &format!("/jobs/{}/cancel", segment(id)), &()).answer().await
    }

    /// Starts a dead or cancelled job anew; a job that waits for its next attempt does not wait any longer.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is done or running.
    pub async fn retry(&self, caller: &Caller, id: JobId) -> Result<Job, CallError> {
        self.client.post(caller, &format!("/jobs/{}/retry", segment(id)), &()).answer().await
    }
}

/// A service that owns jobs, as the worker sees it.
#[derive(Clone)]
pub struct Owner {
    client: Client,
}

impl Owner {
    /// A client over a transport to the owning service.
    #[must_use]
    pub fn new(service: ServiceName, transport: Transport) -> Self {
        Self { client: Client::new(service, transport) }
    }

    /// Runs a job. Dropping the stream stops it.
    ///
    /// # Errors
    /// [`CallError`] when the owner is down or refuses; the stream may break off later.
    pub async fn run(
        &self,
        caller: &Caller,
        run: &RunJob,
    ) -> Result<impl Stream<Item = Result<JobEvent, CallError>> + Send + use<>, CallError> {
        let chunks = self.client.post(caller, "/jobs/run", run).stream().await?;
        Ok(ndjson::values(self.client.service(), chunks))
    }

    /// Tells that a job moved without its owner.
    ///
    /// # Errors
    /// [`CallError`] when the owner is down; `not_found` from one that does not care.
    pub async fn moved(&self, caller: &Caller, moved: &MovedJob) -> Result<(), CallError> {
        self.client.post(caller, "/jobs/moved", moved).done().await
    }
}
