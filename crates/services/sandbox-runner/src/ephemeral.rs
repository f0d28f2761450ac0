//! Executions without a container of the caller's: one is made for each and goes away by itself.

use std::sync::Arc;

use futures::StreamExt;
use septet_chassis::service_keys::stable_id;
use septet_contracts::sandbox::{ExecutionEvent, NewExecution};
use septet_kernel::{ContainerId, Id, ServiceName, TenantId, UserId};
use tracing::warn;

use crate::Error;
use crate::container::Container;
use crate::execution::Events;
use crate::sandbox::Sandbox;

/// How long the files of such an execution can be fetched, or its container be used again.
const EXPIRY_MINUTES: u32 = 20;

impl Sandbox {
    /// Runs code in a container that is made for it.
    ///
    /// The folder leaves memory with the end of the code. The container itself stays for a while when there are files
    /// to be fetched or a key to be asked with again, else it is gone too.
    pub(crate) async fn execute_in_new_container(
        self: &Arc<Self>,
        tenant: TenantId,
        owner: Option<UserId>,
        new: NewExecution,
        key: Option<String>,
    ) -> Result<(ContainerId, Events), Error> {
        let id = match &key {
            // The same key of the same person finds the same container, and in it the execution.
            Some(key) => {
                let of = owner.map_or_else(|| tenant.to_string(), |owner| format!("{tenant} {owner}"));
                ContainerId::from_uuid(stable_id(ServiceName::SandboxRunner, "execute", &format!("{of} {key}")))
            }
            None => self.ids.next(),
        };
        let now_ms = self.clock.now_ms();
        let container = Container {
            id,
            tenant,
            name: "execute".to_owned(),
            created_at_ms: now_ms,
            last_active_at_ms: now_ms,
            expires_minutes: Some(EXPIRY_MINUTES),
            network: None,
        };
        self.store.add_container(&container, owner).await?;
        let mut clean_up = CleanUp { sandbox: Arc::clone(self), tenant, id, is_kept: key.is_some() };
        let mut events = self.execute(tenant, id, new, key).await?;
        let events = async_stream::stream! {
            while let Some(event) = events.next().await {
                clean_up.is_kept |= matches!(event, ExecutionEvent::File { .. });
                yield event;
            }
            // The code has ended, or nobody wants it to go on.
            drop(events);
            drop(clean_up);
        };
        Ok((id, events.boxed()))
    }
}

/// Closes the session of the container when dropped, or deletes the container.
struct CleanUp {
    sandbox: Arc<Sandbox>,
    tenant: TenantId,
    id: ContainerId,
    is_kept: bool,
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        let (sandbox, tenant, id, is_kept) = (Arc::clone(&self.sandbox), self.tenant, self.id, self.is_kept);
        self.sandbox.lifecycle.spawn("clean up a container", async move {
            if is_kept {
                sandbox.active.release(id);
            } else if let Err(error) = sandbox.delete(tenant, id).await {
                warn!(container.id = %id, error = %septet_kernel::causes(&error), "a container stays behind");
            }
        });
    }
}
