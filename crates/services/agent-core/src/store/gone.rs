//! Conversations of which nothing is left to show, but perhaps sandboxes.

use sea_orm::ConnectionTrait;
use septet_kernel::{ConversationId, TenantId};

use super::{Store, parsed};
use crate::error::Error;

/// Notes that a conversation without runs needs no sandbox any more; in the transaction that takes the last one.
pub(super) const NOTE_GONE: &str = "INSERT INTO agent_gone (conversation, tenant)
    SELECT id, tenant FROM agent_conversations WHERE id = $1
    AND NOT EXISTS (SELECT 1 FROM agent_runs WHERE agent_runs.conversation = agent_conversations.id)
    ON CONFLICT DO NOTHING";

impl Store {
    /// The conversations whose sandboxes are still to be let go, but for those in which somebody asked again.
    pub(crate) async fn gone(&self) -> Result<Vec<(ConversationId, TenantId)>, Error> {
        let sql = "SELECT conversation, tenant FROM agent_gone
                   WHERE NOT EXISTS (SELECT 1 FROM agent_runs WHERE agent_runs.conversation = agent_gone.conversation)";
        let rows = self.database.reader().query_all_raw(self.statement(sql, [])).await?;
        rows.iter().map(|row| Ok((parsed(row, "conversation")?, parsed(row, "tenant")?))).collect()
    }

    /// Notes that a conversation has no sandboxes any more.
    pub(crate) async fn forget_gone(&self, id: ConversationId) -> Result<(), Error> {
        let statement = self.statement("DELETE FROM agent_gone WHERE conversation = $1", [id.to_string().into()]);
        self.database.writer().execute_raw(statement).await?;
        Ok(())
    }
}
