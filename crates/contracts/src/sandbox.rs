//! Sandboxes: OpenAI's Containers API, and running code in them.
//!
//! Code runs in a fresh interpreter, or in one that keeps its variables when it is asked to; what lasts longer is the
//! files below `/session`, the working directory. An execution with an idempotency key happens once, whatever happens to the network or to the
//! caller: asking again attaches to it or replays what it said.

mod report;
mod types;

use futures::{Stream, StreamExt};
use septet_kernel::{Caller, ContainerFileId, ContainerId, ServiceName, Transport};

pub use report::{Display, ExecuteRequest, ExecutionReport};
pub use types::{
    Container, ContainerExtra, ContainerFile, ContainerFileExtra, ContainerNetwork, Doctor, DomainSecret, ErrorReport,
    ExecutionEvent, ExecutionResult, ExpiresAfter, FileContent, Language, Limits, MAX_LIMIT_BYTES, MAX_PROCESSES,
    MAX_TIMEOUT_MS, Missing, NetworkPolicy, NewContainer, NewExecution, NewFile, Outcome, Output, SecretPlace,
};

use crate::call::{CallError, Client, segment};
use crate::ndjson;
use crate::page::{Page, PageQuery};

/// The sandbox runner.
#[derive(Clone)]
pub struct Sandbox {
    client: Client,
}

impl Sandbox {
    /// A client over a transport to the sandbox runner.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::SandboxRunner, transport) }
    }

    /// Makes a sandbox. Costs nothing until code runs in it.
    ///
    /// # Errors
    /// `bad_request` for an expiry or a network policy that is not understood; `forbidden` for a domain that the operator
    /// does not permit.
    pub async fn create(&self, caller: &Caller, new: &NewContainer) -> Result<Container, CallError> {
        self.client.post(caller, "/v1/containers", new).answer().await
    }

    /// The tenant's sandboxes.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list(&self, caller: &Caller, page: &PageQuery) -> Result<Page<Container>, CallError> {
        self.client.get(caller, &format!("/v1/containers{}", page.to_query())).answer().await
    }

    /// One sandbox.
    ///
    /// # Errors
    /// `not_found`, also for another tenant's and for a deleted one.
    pub async fn get(&self, caller: &Caller, container: ContainerId) -> Result<Container, CallError> {
        self.client.get(caller, &path(container, "")).answer().await
    }

    /// Deletes a sandbox with its files and ends what runs in it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete(&self, caller: &Caller, container: ContainerId) -> Result<(), CallError> {
        self.client.delete(caller, &path(container, "")).done().await
    }

    /// Deletes all containers of the tenant that have a name. When there is none, that is fine.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete_named(&self, caller: &Caller, name: &str) -> Result<(), CallError> {
        self.client.delete(caller, &format!("/internal/containers/named/{}", segment(name))).done().await
    }

    /// Puts a blob into the session folder, over a file of that name.
    ///
    /// # Errors
    /// `bad_request` for a path that leads out of the folder, `not_found` for the sandbox or the blob, `too_large`.
    pub async fn add_file(
        &self,
        caller: &Caller,
        container: ContainerId,
        new: &NewFile,
    ) -> Result<ContainerFile, CallError> {
        self.client.post(caller, &path(container, "/files"), new).answer().await
    }

    /// The files that are in the session folder now.
    ///
    /// # Errors
    /// `not_found` for the sandbox.
    pub async fn files(
        &self,
        caller: &Caller,
        container: ContainerId,
        page: &PageQuery,
    ) -> Result<Page<ContainerFile>, CallError> {
        self.client.get(caller, &path(container, &format!("/files{}", page.to_query()))).answer().await
    }

    /// One file, also an earlier version of one that was written over since.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn file(
        &self,
        caller: &Caller,
        container: ContainerId,
        file: ContainerFileId,
    ) -> Result<ContainerFile, CallError> {
        self.client.get(caller, &path(container, &format!("/files/{}", segment(file)))).answer().await
    }

    /// Where the bytes of a file are.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn content(
        &self,
        caller: &Caller,
        container: ContainerId,
        file: ContainerFileId,
    ) -> Result<FileContent, CallError> {
        self.client.get(caller, &path(container, &format!("/files/{}/content", segment(file)))).answer().await
    }

    /// Removes a file from the session folder.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_file(
        &self,
        caller: &Caller,
        container: ContainerId,
        file: ContainerFileId,
    ) -> Result<(), CallError> {
        self.client.delete(caller, &path(container, &format!("/files/{}", segment(file)))).done().await
    }

    /// Runs code and gives what happens as it happens; the last event is always [`ExecutionEvent::Done`].
    ///
    /// With `key` the code runs at most once for that key in that sandbox: a second call attaches to the running
    /// execution or replays a finished one from its first event. An execution that was running when the service died
    /// is replayed as ended with [`Outcome::Killed`]; it is never started again. Without a key, dropping the stream
    /// kills the code.
    ///
    /// # Errors
    /// `not_found` for the sandbox; `conflict` when it has expired, or when the key came with other code before;
    /// `too_large` for the code; `unavailable` when no sandbox can be built on this machine.
    pub async fn execute(
        &self,
        caller: &Caller,
        container: ContainerId,
        new: &NewExecution,
        key: Option<&str>,
    ) -> Result<impl Stream<Item = Result<ExecutionEvent, CallError>> + Send + use<>, CallError> {
        let call = self.client.post(caller, &path(container, "/executions"), new).maybe_header("idempotency-key", key);
        Ok(ndjson::values(ServiceName::SandboxRunner, call.stream().await?).boxed())
    }

    /// Runs code and waits for the end.
    ///
    /// # Errors
    /// As [`Sandbox::execute`]; also when the stream breaks off before its last event.
    pub async fn run(
        &self,
        caller: &Caller,
        container: ContainerId,
        new: &NewExecution,
        key: Option<&str>,
    ) -> Result<Output, CallError> {
        let mut events = std::pin::pin!(self.execute(caller, container, new, key).await?);
        let mut output = Output::default();
        while let Some(event) = events.next().await {
            output.add(event?);
        }
        if output.is_done() {
            return Ok(output);
        }
        Err(CallError::garbled(ServiceName::SandboxRunner, &std::io::Error::other("the execution's events broke off")))
    }

    /// Kills the execution that was started under `key`, if it still runs. Whoever follows it sees it end with
    /// [`Outcome::Killed`].
    ///
    /// # Errors
    /// `not_found` for the sandbox.
    pub async fn stop(&self, caller: &Caller, container: ContainerId, key: &str) -> Result<(), CallError> {
        let nothing = serde_json::json!({});
        let call = self.client.post(caller, &path(container, "/executions/stop"), &nothing);
        call.header("idempotency-key", key).done().await
    }

    /// Makes a second sandbox that begins where this one is: with its files, and with the variables of its stateful
    /// interpreter but those that the answer names. Waits while code runs in it.
    ///
    /// # Errors
    /// `not_found` for the sandbox; `conflict` when it has expired; `unprocessable` when the interpreter does not give its
    /// variables away; `unavailable` when no sandbox can be built on this machine.
    pub async fn fork(&self, caller: &Caller, container: ContainerId) -> Result<Container, CallError> {
        self.client.post(caller, &path(container, "/fork"), &serde_json::json!({})).answer().await
    }

    /// Has the code that runs in a sandbox raise `KeyboardInterrupt`, so that a stateful interpreter keeps its variables.
    /// Code that does not listen within two seconds is killed.
    ///
    /// # Errors
    /// `not_found` for the sandbox; `conflict` when nothing runs in it.
    pub async fn interrupt(&self, caller: &Caller, container: ContainerId) -> Result<(), CallError> {
        let nothing = serde_json::json!({});
        self.client.post(caller, &path(container, "/executions/interrupt"), &nothing).done().await
    }

    /// What this machine can do and what is missing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn doctor(&self, caller: &Caller) -> Result<Doctor, CallError> {
        self.client.get(caller, "/internal/doctor").answer().await
    }
}

fn path(container: ContainerId, rest: &str) -> String {
    format!("/v1/containers/{}{rest}", segment(container))
}
