//! Conversations: which runs belong together, and whose they are.

use std::collections::BTreeMap;

use sea_orm::{QueryResult, Value};
use septet_contracts::agents::{ConversationQuery, Source};
use septet_database::{Columns, Sql};
use septet_kernel::{Caller, ContainerId, ConversationId, ResponseId};

use super::gone::NOTE_GONE;
use super::{Store, from_json, to_json};
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
    pub(crate) source: Source,
}

const COLUMNS: &str = "id, title, metadata, last_run, created_at, updated_at, source";

/// Conversations belong to the person or key that began them, so that colleagues do not read each other's.
fn owner(caller: &Caller) -> String {
    caller.user.map(|user| user.to_string()).or_else(|| caller.key.map(|key| key.to_string())).unwrap_or_default()
}

/// More than this of what is searched for is no title.
const MAX_SEARCH_CHARS: usize = 200;

/// A program has a key; a person has signed in.
fn source(caller: &Caller) -> Source {
    if caller.key.is_some() { Source::Api } else { Source::Console }
}

/// A pattern for LIKE, with `!` before what would stand for something else.
fn pattern(words: &str) -> String {
    let words: String = words.trim().chars().take(MAX_SEARCH_CHARS).collect();
    let words = words.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{words}%")
}

impl Store {
    pub(crate) async fn add_conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
        metadata: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), Error> {
        self.database
            .writer()
            .run(
                "INSERT INTO agent_conversations (id, tenant, owner, title, metadata, created_at, updated_at, source)
             VALUES ($1, $2, $3, '', $4, $5, $5, $6)",
                [
                    id.to_string().into(),
                    caller.tenant.to_string().into(),
                    owner(caller).into(),
                    to_json("metadata", metadata)?.into(),
                    now_ms.into(),
                    source(caller).as_str().into(),
                ],
            )
            .await?;
        Ok(())
    }

    pub(crate) async fn conversation(&self, caller: &Caller, id: ConversationId) -> Result<ConversationRow, Error> {
        let sql = format!("SELECT {COLUMNS} FROM agent_conversations WHERE id = $1 AND tenant = $2 AND owner = $3");
        let values = [id.to_string().into(), caller.tenant.to_string().into(), owner(caller).into()];
        let row = self.database.reader().one(&sql, values).await?;
        conversation_row(&row.ok_or(Error::NoConversation(id))?)
    }

    /// The caller's conversations that have been used, the last used first, one more than asked for.
    pub(crate) async fn conversations(
        &self,
        caller: &Caller,
        wanted: &ConversationQuery,
    ) -> Result<Vec<ConversationRow>, Error> {
        // Several may have been used in the same millisecond; the id tells them apart.
        let (before, before_id) = match wanted.after.as_deref().map(str::parse) {
            Some(Ok(id)) => (self.conversation(caller, id).await?.updated_at_ms, id.to_string()),
            Some(Err(_)) | None => (i64::MAX, String::new()),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM agent_conversations WHERE tenant = $1 AND owner = $2 AND title <> ''
             AND (updated_at < $3 OR (updated_at = $3 AND id < $4))
             AND ($5 = '' OR source = $5) AND LOWER(title) LIKE $6 ESCAPE '!'
             ORDER BY updated_at DESC, id DESC LIMIT {}",
            wanted.limit() + 1
        );
        let values = [
            caller.tenant.to_string().into(),
            owner(caller).into(),
            before.into(),
            before_id.into(),
            wanted.source.map_or("", Source::as_str).into(),
            pattern(wanted.search.as_deref().unwrap_or_default()).into(),
        ];
        let rows = self.database.reader().all(&sql, values).await?;
        rows.iter().map(conversation_row).collect()
    }

    /// The runs of a conversation, oldest first.
    pub(crate) async fn runs_of(&self, id: ConversationId) -> Result<Vec<ResponseId>, Error> {
        let rows = self
            .database
            .reader()
            .all("SELECT id FROM agent_runs WHERE conversation = $1 ORDER BY created_at, id", [id.to_string().into()])
            .await?;
        rows.iter().map(|row| Ok(row.parsed("id")?)).collect()
    }

    /// Remembers the sandbox of a conversation.
    pub(crate) async fn set_container(&self, id: ConversationId, container: ContainerId) -> Result<(), Error> {
        self.database
            .writer()
            .run(
                "UPDATE agent_conversations SET container = $1 WHERE id = $2",
                [container.to_string().into(), id.to_string().into()],
            )
            .await?;
        Ok(())
    }

    /// The sandbox of a conversation, if it has one.
    pub(crate) async fn container_of(&self, id: ConversationId) -> Result<Option<ContainerId>, Error> {
        let row = self
            .database
            .reader()
            .one("SELECT container FROM agent_conversations WHERE id = $1", [id.to_string().into()])
            .await?;
        Ok(row.map_or(Ok(None), |row| row.parsed_or_none("container"))?)
    }

    /// Deletes a conversation with its runs and their journals, and notes that its sandboxes are to be let go.
    pub(crate) async fn delete_conversation(&self, id: ConversationId) -> Result<(), Error> {
        self.database
            .write(async |transaction| {
                let values = || [Value::from(id.to_string())];
                if let Some(open) = transaction
                    .one(
                        "SELECT id FROM agent_runs WHERE conversation = $1 AND status = 'in_progress' LIMIT 1",
                        values(),
                    )
                    .await?
                {
                    return Err(Error::Busy(open.parsed("id")?));
                }
                for sql in [
                    "DELETE FROM agent_blobs WHERE run IN (SELECT id FROM agent_runs WHERE conversation = $1)",
                    "DELETE FROM agent_journal WHERE run IN (SELECT id FROM agent_runs WHERE conversation = $1)",
                    "DELETE FROM agent_runs WHERE conversation = $1",
                    NOTE_GONE,
                    "DELETE FROM agent_conversations WHERE id = $1",
                ] {
                    transaction.run(sql, values()).await?;
                }
                Ok(())
            })
            .await
    }
}

fn conversation_row(row: &QueryResult) -> Result<ConversationRow, Error> {
    let metadata: String = row.column("metadata")?;
    let source: String = row.column("source")?;
    Ok(ConversationRow {
        id: row.parsed("id")?,
        title: row.column("title")?,
        metadata: from_json("metadata", &metadata)?,
        last_run: row.parsed_or_none("last_run")?,
        created_at_ms: row.column("created_at")?,
        updated_at_ms: row.column("updated_at")?,
        source: if source == Source::Api.as_str() { Source::Api } else { Source::Console },
    })
}

#[cfg(test)]
mod tests {
    use septet_database::Database;
    use septet_kernel::{ApiKeyId, Clock, Ids, RequestId, Role, TenantId, UserId};

    use super::*;
    use crate::migration::MIGRATIONS;

    #[tokio::test]
    async fn the_list_tells_people_from_programs_and_is_paged_and_searched() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("agents.db"))).await.unwrap();
        database.migrate(&MIGRATIONS).await.unwrap();
        let store = Store::new(database);
        let ids = Ids::new(Clock::manual(1_000));
        let person = Caller {
            tenant: ids.next::<TenantId>(),
            user: Some(ids.next::<UserId>()),
            key: None,
            role: Role::Member,
            request: ids.next::<RequestId>(),
            deadline: None,
        };
        let program = Caller { key: Some(ids.next::<ApiKeyId>()), ..person.clone() };
        let mut made = Vec::new();
        for (caller, title) in
            [(&person, "Cash 100%"), (&program, "batch"), (&person, "Revenue"), (&person, "cash flow")]
        {
            let id: ConversationId = ids.next();
            store.add_conversation(caller, id, &BTreeMap::new(), 1_000).await.unwrap();
            let name = "UPDATE agent_conversations SET title = $1 WHERE id = $2";
            store.database.writer().run(name, [title.to_owned().into(), id.to_string().into()]).await.unwrap();
            made.push((id.to_string(), title));
        }
        // All were used in the same millisecond, so their ids say the order.
        made.sort_unstable_by(|one, other| other.cmp(one));
        let those = |titles: &[&str]| -> Vec<String> {
            let found = made.iter().filter(|(_, title)| titles.contains(title));
            found.map(|(_, title)| (*title).to_owned()).collect()
        };
        let titles = async |wanted: ConversationQuery| {
            let rows = store.conversations(&person, &wanted).await.unwrap();
            rows.into_iter().map(|row| row.title).collect::<Vec<_>>()
        };

        let of = |source| ConversationQuery { source, ..ConversationQuery::default() };
        assert_eq!(titles(of(Some(Source::Console))).await, those(&["cash flow", "Revenue", "Cash 100%"]));
        assert_eq!(titles(of(Some(Source::Api))).await, ["batch"]);
        assert_eq!(titles(of(None)).await.len(), 4);

        let search = |words: &str| ConversationQuery { search: Some(words.to_owned()), ..ConversationQuery::default() };
        assert_eq!(titles(search("CASH")).await, those(&["cash flow", "Cash 100%"]));
        assert_eq!(titles(search("0%")).await, ["Cash 100%"]);
        assert_eq!(titles(search("_")).await, Vec::<String>::new());

        // None is told twice or left out.
        let first = store.conversations(&person, &ConversationQuery { limit: Some(2), ..of(None) }).await.unwrap();
        let after = Some(first[1].id.to_string());
        let second = titles(ConversationQuery { limit: Some(2), after, ..of(None) }).await;
        let pages = [vec![first[0].title.clone(), first[1].title.clone()], second].concat();
        assert_eq!(pages, made.iter().map(|(_, title)| (*title).to_owned()).collect::<Vec<_>>());
    }
}
