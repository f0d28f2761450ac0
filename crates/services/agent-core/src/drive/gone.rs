//! Lets the sandboxes of deleted conversations go. What is to be let go is in the database, so it is tried until it succeeds,
//! however long the sandbox runner is away.

use std::sync::Arc;
use std::time::Duration;

use septet_kernel::{Caller, ConversationId, Role, causes};
use tracing::warn;

use super::scheduler::Scheduler;
use crate::error::Error;

/// How often it is tried again.
const TRY_EVERY: Duration = Duration::from_secs(60);

impl Scheduler {
    /// Lets the sandboxes of a conversation go that was deleted; later, when that fails now.
    pub(crate) async fn let_go(&self, caller: &Caller, conversation: ConversationId) {
        if let Err(error) = self.try_let_go(caller, conversation).await {
            warn!(conversation.id = %conversation, error.detail = %causes(&error),
                "the sandboxes of a deleted conversation stay for now");
        }
    }

    /// Sandboxes are named after their conversation.
    async fn try_let_go(&self, caller: &Caller, conversation: ConversationId) -> Result<(), Error> {
        self.ports.sandbox.delete_named(caller, &conversation.to_string()).await?;
        self.ports.store.forget_gone(conversation).await
    }

    /// Tries again what has not succeeded, until shutdown.
    pub(crate) async fn let_all_go(self: Arc<Self>) {
        let stopping = self.stopping();
        loop {
            let tried = async {
                if let Err(error) = self.try_all().await {
                    warn!(error.detail = %causes(&error), "the sandboxes of deleted conversations stay for now");
                }
                tokio::time::sleep(TRY_EVERY).await;
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tried => {}
            }
        }
    }

    /// Up to the first failure: where one cannot be let go, the others cannot either.
    async fn try_all(&self) -> Result<(), Error> {
        let mut last = String::new();
        while let Some((conversation, tenant)) = self.ports.store.gone(&last).await? {
            let caller = Caller { role: Role::Member, ..Caller::background(tenant, self.ports.ids.next()) };
            self.try_let_go(&caller, conversation).await?;
            last = conversation.to_string();
        }
        Ok(())
    }
}
