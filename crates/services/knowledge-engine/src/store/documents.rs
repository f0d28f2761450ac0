//! Files in knowledge bases, and how far reading them is.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{QueryResult, Value};
use septet_contracts::knowledge::Stage;
use septet_contracts::page::PageQuery;
use septet_database::{Columns, Sql, cut, page_clause, places};
use septet_kernel::{FileId, TenantId, VectorStoreId};

use super::{Store, Tenant, pages, sequence};
use crate::Error;

/// One reading of one file into one knowledge base. A later reading of the same file has a later moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub store: VectorStoreId,
    pub file: FileId,
    pub requested_at_ms: i64,
}

/// A file in a knowledge base.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub key: Key,
    pub tenant: TenantId,
    pub filename: String,
    pub stage: Stage,
    pub status: Status,
    pub reader: String,
    pub pages_done: u32,
    pub pages_total: u32,
    pub n_chunks: u32,
    pub usage_bytes: u64,
    pub error: Option<(String, String)>,
    pub attributes: BTreeMap<String, serde_json::Value>,
    pub created_at_ms: i64,
}

/// Where it is, coarsely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    InProgress,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::InProgress, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// How many files of a knowledge base are in which state, and the bytes they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub in_progress: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub usage_bytes: u64,
}

const COLUMNS: &str = "store, file, tenant, filename, stage, status, reader, pages_done, pages_total, n_chunks, usage_bytes, \
     error_code, error_message, attributes, created_at, requested_at";

fn stage_of(word: &str) -> Option<Stage> {
    [Stage::Queued, Stage::Parsing, Stage::Chunking, Stage::Embedding, Stage::Indexing, Stage::Ready, Stage::Failed]
        .into_iter()
        .find(|stage| stage.as_str() == word)
}

fn document(row: &QueryResult) -> Result<Document, Error> {
    let error_code: Option<String> = row.column("error_code")?;
    let error_message: Option<String> = row.column("error_message")?;
    Ok(Document {
        key: Key {
            store: row.parsed("store")?,
            file: row.parsed("file")?,
            requested_at_ms: row.column("requested_at")?,
        },
        tenant: row.parsed("tenant")?,
        filename: row.column("filename")?,
        stage: stage_of(&row.column::<String>("stage")?).ok_or(Error::BadRow { what: "stage" })?,
        status: Status::of_word(&row.column::<String>("status")?).ok_or(Error::BadRow { what: "status" })?,
        reader: row.column("reader")?,
        pages_done: row.count("pages_done")?,
        pages_total: row.count("pages_total")?,
        n_chunks: row.count("n_chunks")?,
        usage_bytes: row.count("usage_bytes")?,
        error: error_code.map(|code| (code, error_message.unwrap_or_default())),
        attributes: row.json("attributes")?,
        created_at_ms: row.column("created_at")?,
    })
}

impl Tenant<'_> {
    /// Puts a file into a knowledge base. One that is there stays as it is, unless it failed or was cancelled: then it
    /// waits to be read again.
    pub(crate) async fn attach(
        &self,
        store: VectorStoreId,
        file: FileId,
        filename: &str,
        attributes: &BTreeMap<String, serde_json::Value>,
    ) -> Result<Document, Error> {
        let now = self.store.clock.now_ms();
        let values: Vec<Value> = vec![
            store.to_string().into(),
            file.to_string().into(),
            self.id.to_string().into(),
            filename.into(),
            serde_json::to_string(attributes).unwrap_or_else(|_| "{}".to_owned()).into(),
            now.into(),
        ];
        let sql = "INSERT INTO knowledge_documents (store, file, tenant, filename, stage, status, reader, pages_done, pages_total, \
             n_chunks, usage_bytes, attributes, created_at, requested_at) \
             VALUES ($1, $2, $3, $4, 'queued', 'in_progress', '', 0, 0, 0, 0, $5, $6, $6) \
             ON CONFLICT (store, file) DO UPDATE SET stage = 'queued', status = 'in_progress', error_code = NULL, \
             error_message = NULL, attributes = $5, requested_at = $6 \
             WHERE knowledge_documents.status IN ('failed', 'cancelled')";
        self.store.run("put a file into a knowledge base", sql, values).await?;
        self.document(store, file).await
    }

    /// One file of a knowledge base.
    pub(crate) async fn document(&self, store: VectorStoreId, file: FileId) -> Result<Document, Error> {
        let sql = format!("SELECT {COLUMNS} FROM knowledge_documents WHERE tenant = $1 AND store = $2 AND file = $3");
        let values = vec![self.id.to_string().into(), store.to_string().into(), file.to_string().into()];
        let row = self.store.one("look up a file of a knowledge base", sql, values).await?;
        row.as_ref().map(document).transpose()?.ok_or(Error::NotAttached { store, file })
    }

    /// A page of the files of a knowledge base, and whether more follow.
    pub(crate) async fn documents(
        &self,
        store: VectorStoreId,
        status: Option<&str>,
        page: &PageQuery,
    ) -> Result<(Vec<Document>, bool), Error> {
        let mut values: Vec<Value> = vec![self.id.to_string().into(), store.to_string().into()];
        let mut filter = String::new();
        if let Some(status) = status {
            values.push(status.into());
            filter = format!(" AND status = ${}", values.len());
        }
        let clause = page_clause(page, "file", &mut values);
        let sql = format!("SELECT {COLUMNS} FROM knowledge_documents WHERE tenant = $1 AND store = $2{filter}{clause}");
        let rows = self.store.all("list the files of a knowledge base", sql, values).await?;
        Ok(cut(page, rows.iter().map(document).collect::<Result<_, _>>()?))
    }

    /// The attributes of every readable file of a knowledge base, for filters.
    pub(crate) async fn attributes(
        &self,
        stores: &[VectorStoreId],
    ) -> Result<Vec<(FileId, BTreeMap<String, serde_json::Value>)>, Error> {
        if stores.is_empty() {
            return Ok(Vec::new());
        }
        let mut values: Vec<Value> = vec![self.id.to_string().into()];
        values.extend(stores.iter().map(|store| Value::from(store.to_string())));
        let sql = format!(
            "SELECT file, attributes FROM knowledge_documents WHERE tenant = $1 AND store IN ({})",
            places(2, stores.len())
        );
        let rows = self.store.all("read the attributes of files", sql, values).await?;
        rows.iter().map(|row| Ok((row.parsed("file")?, row.json("attributes")?))).collect()
    }

    /// Replaces the attributes of a file of a knowledge base.
    pub(crate) async fn set_attributes(
        &self,
        store: VectorStoreId,
        file: FileId,
        attributes: &BTreeMap<String, serde_json::Value>,
    ) -> Result<Document, Error> {
        let sql = "UPDATE knowledge_documents SET attributes = $4 WHERE tenant = $1 AND store = $2 AND file = $3";
        let values = vec![
            self.id.to_string().into(),
            store.to_string().into(),
            file.to_string().into(),
            serde_json::to_string(attributes).unwrap_or_else(|_| "{}".to_owned()).into(),
        ];
        self.store.run("change the attributes of a file", sql, values).await?;
        self.document(store, file).await
    }

    /// Counts of these knowledge bases; one without files is not in the map.
    pub(crate) async fn counts(&self, stores: &[VectorStoreId]) -> Result<BTreeMap<VectorStoreId, Counts>, Error> {
        if stores.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut values: Vec<Value> = vec![self.id.to_string().into()];
        values.extend(stores.iter().map(|store| Value::from(store.to_string())));
        let sql = format!(
            "SELECT store, status, COUNT(*) AS n, CAST(SUM(usage_bytes) AS BIGINT) AS bytes FROM knowledge_documents \
             WHERE tenant = $1 AND store IN ({}) GROUP BY store, status",
            places(2, stores.len())
        );
        let mut counts: BTreeMap<VectorStoreId, Counts> = BTreeMap::new();
        for row in &self.store.all("count the files of knowledge bases", sql, values).await? {
            let of_store = counts.entry(row.parsed("store")?).or_default();
            let n: u64 = row.count("n")?;
            of_store.usage_bytes += row.count::<u64>("bytes")?;
            match Status::of_word(&row.column::<String>("status")?) {
                Some(Status::InProgress) => of_store.in_progress += n,
                Some(Status::Completed) => of_store.completed += n,
                Some(Status::Failed) => of_store.failed += n,
                Some(Status::Cancelled) => of_store.cancelled += n,
                None => return Err(Error::BadRow { what: "status" }),
            }
        }
        Ok(counts)
    }

    /// Takes a file out of a knowledge base with all that was read from it.
    pub(crate) async fn detach(&self, store: VectorStoreId, file: FileId) -> Result<(), Error> {
        let tenant = self.id;
        let n = self
            .store
            .database
            .write(async |on| {
                let sql = "DELETE FROM knowledge_documents WHERE tenant = $1 AND store = $2 AND file = $3";
                let n = on
                    .run(sql, vec![tenant.to_string().into(), store.to_string().into(), file.to_string().into()])
                    .await?;
                if n > 0 {
                    sequence::remove_file(on, store, file).await?;
                }
                Ok::<_, Error>(n)
            })
            .await?;
        if n == 0 { Err(Error::NotAttached { store, file }) } else { Ok(()) }
    }

    /// Deletes all that was read into a knowledge base; how many files that were.
    pub(crate) async fn delete_store(&self, store: VectorStoreId) -> Result<u64, Error> {
        let tenant = self.id;
        self.store
            .database
            .write(async |on| {
                let sql = "DELETE FROM knowledge_documents WHERE tenant = $1 AND store = $2";
                let n = on.run(sql, vec![tenant.to_string().into(), store.to_string().into()]).await?;
                if n > 0 {
                    sequence::remove_store(on, store).await?;
                }
                Ok(n)
            })
            .await
    }
}

/// What a reading writes down about itself. Each says whether the reading is still wanted: a file that was taken out,
/// or put in again, leaves the old reading without a row.
impl Store {
    /// Notes a stage.
    pub(crate) async fn set_stage(&self, key: Key, stage: Stage) -> Result<bool, Error> {
        let sql = "UPDATE knowledge_documents SET stage = $4 WHERE store = $1 AND file = $2 AND requested_at = $3 AND status = 'in_progress'";
        let mut values = key.values();
        values.push(stage.as_str().into());
        Ok(self.run("note a stage", sql, values).await? > 0)
    }

    /// Notes which reader reads it and how many pages there are.
    pub(crate) async fn set_opened(&self, key: Key, reader: &str, pages: u32) -> Result<bool, Error> {
        let sql = "UPDATE knowledge_documents SET reader = $4, pages_total = $5 WHERE store = $1 AND file = $2 AND requested_at = $3";
        let mut values = key.values();
        values.extend([Value::from(reader), Value::from(i64::from(pages))]);
        Ok(self.run("note the pages of a file", sql, values).await? > 0)
    }

    /// It is searchable, except for what could not be read.
    pub(crate) async fn set_ready(&self, key: Key, left_out: Option<&str>) -> Result<bool, Error> {
        let sql = "UPDATE knowledge_documents SET stage = 'ready', status = 'completed', error_code = $4, \
             error_message = $5 \
             WHERE store = $1 AND file = $2 AND requested_at = $3 AND status = 'in_progress'";
        let (code, message) = match left_out {
            Some(_) => (Value::from("partly_read"), Value::from(left_out)),
            None => (Value::from(None::<String>), Value::from(None::<String>)),
        };
        let mut values = key.values();
        values.extend([code, message]);
        Ok(self.run("note that a file is searchable", sql, values).await? > 0)
    }

    /// An attempt failed and another one follows: says why it waits.
    pub(crate) async fn set_waiting(&self, key: Key, code: &str, message: &str) -> Result<(), Error> {
        let sql = "UPDATE knowledge_documents SET error_code = $4, error_message = $5 \
             WHERE store = $1 AND file = $2 AND requested_at = $3 AND status = 'in_progress'";
        let mut values = key.values();
        values.extend([Value::from(code), Value::from(message)]);
        self.run("note that a file waits", sql, values).await?;
        Ok(())
    }

    /// One that failed or was cancelled is read again, as the same reading.
    pub(crate) async fn reopen(&self, key: Key) -> Result<(), Error> {
        let sql = "UPDATE knowledge_documents SET stage = 'queued', status = 'in_progress', error_code = NULL, \
             error_message = NULL \
             WHERE store = $1 AND file = $2 AND requested_at = $3 AND status IN ('failed', 'cancelled')";
        self.run("note that a file is read again", sql, key.values()).await?;
        Ok(())
    }

    /// It cannot be read; the pages that were read are dropped. What ended otherwise meanwhile stays as it is.
    pub(crate) async fn set_failed(&self, key: Key, code: &str, message: &str) -> Result<(), Error> {
        let sql = "UPDATE knowledge_documents SET stage = 'failed', status = 'failed', error_code = $4, error_message = $5 \
             WHERE store = $1 AND file = $2 AND requested_at = $3 AND status = 'in_progress'";
        let mut values = key.values();
        values.extend([Value::from(code), Value::from(message)]);
        self.end(key, sql, values).await
    }

    /// It was stopped by a person. What ended otherwise meanwhile stays as it is.
    pub(crate) async fn set_cancelled(&self, key: Key) -> Result<(), Error> {
        let sql = "UPDATE knowledge_documents SET stage = 'failed', status = 'cancelled' \
             WHERE store = $1 AND file = $2 AND requested_at = $3 AND status = 'in_progress'";
        self.end(key, sql, key.values()).await
    }

    /// Ends a reading, and forgets its pages with it.
    async fn end(&self, key: Key, sql: &str, values: Vec<Value>) -> Result<(), Error> {
        self.database
            .write(async |on| {
                if on.run(sql, values).await? > 0 {
                    pages::drop_pages(on, key).await?;
                }
                Ok(())
            })
            .await
    }

    /// At most `limit` readings that are not finished, of all tenants, in the order of their keys, after `after`; none
    /// that was asked for less than `age` ago.
    pub(crate) async fn unfinished(
        &self,
        after: Option<Key>,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<Document>, Error> {
        let (clause, mut values) = match after {
            Some(after) => ("AND (store, file, requested_at) > ($1, $2, $3)", after.values()),
            None => ("", Vec::new()),
        };
        values.push((self.clock.now_ms() - i64::try_from(age.as_millis()).unwrap_or(i64::MAX)).into());
        let sql = format!(
            "SELECT {COLUMNS} FROM knowledge_documents WHERE status = 'in_progress' {clause} AND requested_at <= ${} \
             ORDER BY store, file, requested_at LIMIT {limit}",
            values.len()
        );
        let rows = self.all("find unfinished readings", sql, values).await?;
        rows.iter().map(document).collect()
    }
}

impl Key {
    /// As `$1`, `$2`, `$3`.
    pub(super) fn values(self) -> Vec<Value> {
        vec![self.store.to_string().into(), self.file.to_string().into(), self.requested_at_ms.into()]
    }
}
