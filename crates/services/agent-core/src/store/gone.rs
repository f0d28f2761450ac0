//! Conversations of which nothing is left to show, but perhaps sandboxes.

use septet_database::{Columns, Sql};
use septet_kernel::{ConversationId, TenantId};

use super::Store;
use crate::error::Error;

/// Notes that a conversation without runs needs no sandbox any more; in the transaction that takes the last one.
pub(super) const NOTE_GONE: &str = "INSERT INTO agent_gone (conversation, tenant)
    SELECT id, tenant FROM agent_conversations WHERE id = $1
    AND NOT EXISTS (SELECT 1 FROM agent_runs WHERE agent_runs.conversation = agent_conversations.id)
    ON CONFLICT DO NOTHING";

/// A conversation that has no sandboxes any more, or needs them again.
pub(super) const FORGET_GONE: &str = "DELETE FROM agent_gone WHERE conversation = $1";

impl Store {
    /// The next conversation behind this one whose sandboxes are still to be let go. One at a time: somebody may ask
    /// again in the others while this one is let go.
    pub(crate) async fn gone(&self, after: &str) -> Result<Option<(ConversationId, TenantId)>, Error> {
        let sql = "SELECT conversation, tenant FROM agent_gone WHERE conversation > $1 ORDER BY conversation LIMIT 1";
        let row = self.database.reader().one(sql, [after.to_owned().into()]).await?;
        row.map(|row| Ok((row.parsed("conversation")?, row.parsed("tenant")?))).transpose()
    }

    /// Notes that a conversation has no sandboxes any more.
    pub(crate) async fn forget_gone(&self, id: ConversationId) -> Result<(), Error> {
        self.database.writer().run(FORGET_GONE, [id.to_string().into()]).await?;
        Ok(())
    }
}
