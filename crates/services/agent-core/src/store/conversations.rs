//! Conversations: which runs belong together, and whose they are.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, ContainerId, ConversationId, ResponseId};

use super::{Store, from_json, parsed, parsed_or_none, to_json};
use crate::error::Error;

/// A conversation's row.
#[derive(Debug, Clone)]
pub(crate) struct ConversationRow {
    pub(crate) id: ConversationId,
    pub(crate) title: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) last_run: Option<ResponseId>,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
}

const COLUMNS: &str = "id, title, metadata, last_run, created_at, updated_at";

/// Conversations belong to the person or key that began them, so that colleagues do not read each other's.
fn owner(caller: &Caller) -> String {
    caller.user.map(|user| user.to_string()).or_else(|| caller.key.map(|key| key.to_string())).unwrap_or_default()
}

impl Store {
    pub(crate) async fn add_conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
        metadata: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), Error> {
        let statement = self.statement(
            "INSERT INTO agent_conversations (id, tenant, owner, title, metadata, created_at, updated_at)
             VALUES ($1, $2, $3, '', $4, $5, $5)",
            [
                id.to_string().into(),
                caller.tenant.to_string().into(),
                owner(caller).into(),
                to_json("metadata", metadata)?.into(),
                now_ms.into(),
            ],
        );
        self.database.writer().execute_raw(statement).await?;
        Ok(())
    }

    pub(crate) async fn conversation(&self, caller: &Caller, id: ConversationId) -> Result<ConversationRow, Error> {
        let sql = format!("SELECT {COLUMNS} FROM agent_conversations WHERE id = $1 AND tenant = $2 AND owner = $3");
        let values = [id.to_string().into(), caller.tenant.to_string().into(), owner(caller).into()];
        let row = self.database.reader().query_one_raw(self.statement(&sql, values)).await?;
        conversation_row(&row.ok_or(Error::NoConversation(id))?)
    }

    /// The caller's conversations that have been used, the last used first, one more than asked for.
    pub(crate) async fn conversations(&self, caller: &Caller, page: &PageQuery) -> Result<Vec<ConversationRow>, Error> {
        let before = match &page.after {
            Some(id) => match id.parse() {
                Ok(id) => self.conversation(caller, id).await?.updated_at_ms,
                Err(_no_id) => i64::MAX,
            },
            None => i64::MAX,
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM agent_conversations WHERE tenant = $1 AND owner = $2 AND updated_at < $3
             AND title <> '' ORDER BY updated_at DESC LIMIT {}",
            page.limit() + 1
        );
        let values = [caller.tenant.to_string().into(), owner(caller).into(), before.into()];
        let rows = self.database.reader().query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(conversation_row).collect()
    }

    /// The runs of a conversation, oldest first.
    pub(crate) async fn runs_of(&self, id: ConversationId) -> Result<Vec<ResponseId>, Error> {
        let statement = self.statement(
            "SELECT id FROM agent_runs WHERE conversation = $1 ORDER BY created_at, id",
            [id.to_string().into()],
        );
        let rows = self.database.reader().query_all_raw(statement).await?;
        rows.iter().map(|row| parsed(row, "id")).collect()
    }

    /// Remembers the sandbox of a conversation.
    pub(crate) async fn set_container(&self, id: ConversationId, container: ContainerId) -> Result<(), Error> {
        let statement = self.statement(
            "UPDATE agent_conversations SET container = $1 WHERE id = $2",
            [container.to_string().into(), id.to_string().into()],
        );
        self.database.writer().execute_raw(statement).await?;
        Ok(())
    }

    /// The sandbox of a conversation, if it has one.
    pub(crate) async fn container_of(&self, id: ConversationId) -> Result<Option<ContainerId>, Error> {
        let statement =
            self.statement("SELECT container FROM agent_conversations WHERE id = $1", [id.to_string().into()]);
        let row = self.database.reader().query_one_raw(statement).await?;
        row.map_or(Ok(None), |row| parsed_or_none(&row, "container"))
    }

    /// Deletes a conversation with its runs and their journals.
    pub(crate) async fn delete_conversation(&self, id: ConversationId) -> Result<(), Error> {
        self.database
            .write(async |transaction| {
                let values = || [Value::from(id.to_string())];
                let open = self.statement(
                    "SELECT id FROM agent_runs WHERE conversation = $1 AND status = 'in_progress' LIMIT 1",
                    values(),
                );
                if let Some(open) = transaction.query_one_raw(open).await? {
                    return Err(Error::Busy(parsed(&open, "id")?));
                }
                for sql in [
                    "DELETE FROM agent_blobs WHERE run IN (SELECT id FROM agent_runs WHERE conversation = $1)",
                    "DELETE FROM agent_journal WHERE run IN (SELECT id FROM agent_runs WHERE conversation = $1)",
                    "DELETE FROM agent_runs WHERE conversation = $1",
                    "DELETE FROM agent_conversations WHERE id = $1",
                ] {
                    transaction.execute_raw(self.statement(sql, values())).await?;
                }
                Ok(())
            })
            .await
    }
}

fn conversation_row(row: &QueryResult) -> Result<ConversationRow, Error> {
    let metadata: String = row.try_get("", "metadata")?;
    Ok(ConversationRow {
        id: parsed(row, "id")?,
        title: row.try_get("", "title")?,
        metadata: from_json("metadata", &metadata)?,
        last_run: parsed_or_none(row, "last_run")?,
        created_at_ms: row.try_get("", "created_at")?,
        updated_at_ms: row.try_get("", "updated_at")?,
    })
}
