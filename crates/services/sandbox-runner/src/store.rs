//! The rows of the sandbox runner.

mod cache;
mod owners;
mod space;

use std::sync::Arc;

use sea_orm::{DbBackend, QueryResult, Value};
use septet_contracts::page::PageQuery;
use septet_database::{Columns, Database, Sql, cut, page_clause};
use septet_kernel::{ContainerFileId, ContainerId, ExecutionId, TenantId, UserId};

use crate::Error;
use crate::container::{Container, File, Source};
use cache::ContainerCache;
pub(crate) use space::Quota;

const CONTAINER: &str = "id, tenant, name, created_at, last_active_at, expires_minutes, network";
const FILE: &str = "id, container, path, bytes, blob, source, created_at";

/// The tables with the prefix `sandbox_`.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    cache: Arc<ContainerCache>,
}

/// An execution with a key, as stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: ExecutionId,
    pub(crate) code_sha256: String,
    pub(crate) over_by_ms: i64,
    /// JSON of all its events, once it has ended.
    pub(crate) events: Option<String>,
}

impl Store {
    pub(crate) async fn open(database: Database) -> Result<Self, septet_database::Error> {
        database.migrate(&crate::migration::MIGRATIONS).await?;
        Ok(Self { database, cache: Arc::default() })
    }

    /// Whether nobody else can be working on these tables, so that what is not running here is not running.
    pub(crate) fn is_ours_alone(&self) -> bool {
        self.database.backend() == DbBackend::Sqlite
    }

    /// Does nothing when it is there already. Without an owner it is everybody's of its tenant.
    pub(crate) async fn add_container(&self, container: &Container, owner: Option<UserId>) -> Result<(), Error> {
        let network = container.network.as_ref().map(serde_json::to_string).transpose();
        let values = vec![
            container.id.to_string().into(),
            container.tenant.to_string().into(),
            container.name.clone().into(),
            container.created_at_ms.into(),
            container.last_active_at_ms.into(),
            container.expires_minutes.map(i64::from).into(),
            network.map_err(|error| Error::BadRow(error.to_string()))?.into(),
            owner.map(|owner| owner.to_string()).into(),
        ];
        let sql = format!(
            "INSERT INTO sandbox_containers ({CONTAINER}, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT DO NOTHING"
        );
        self.write(sql, values).await?;
        Ok(())
    }

    pub(crate) async fn container(&self, tenant: TenantId, id: ContainerId) -> Result<Container, Error> {
        if let Some(cached) = self.cache.get(id) {
            return if cached.tenant == tenant { Ok(cached) } else { Err(Error::NoContainer(id)) };
        }
        let n_deleted = self.cache.n_deleted();
        let sql = format!("SELECT {CONTAINER} FROM sandbox_containers WHERE tenant = $1 AND id = $2");
        let row = self.one(sql, vec![tenant.to_string().into(), id.to_string().into()]).await?;
        let container = container(&row.ok_or(Error::NoContainer(id))?)?;
        // Where others write to these tables too, they may delete it.
        if self.is_ours_alone() {
            self.cache.remember(&container, n_deleted);
        }
        Ok(container)
    }

    pub(crate) async fn containers(
        &self,
        tenant: TenantId,
        person: Option<UserId>,
        page: &PageQuery,
    ) -> Result<(Vec<Container>, bool), Error> {
        let mut sql = format!("SELECT {CONTAINER} FROM sandbox_containers WHERE tenant = $1");
        let mut values: Vec<Value> = vec![tenant.to_string().into()];
        if let Some(person) = person {
            sql.push_str(" AND (created_by IS NULL OR created_by = $2)");
            values.push(person.to_string().into());
        }
        let (rows, has_more) = self.page(sql, values, page, container).await?;
        Ok((rows.into_iter().map(|row| self.cache.get(row.id).unwrap_or(row)).collect(), has_more))
    }

    /// Makes a container active again.
    pub(crate) async fn touch(&self, id: ContainerId, now_ms: i64) -> Result<(), Error> {
        if !self.cache.touch(id, now_ms) {
            return Ok(());
        }
        self.write_active(id, now_ms).await
    }

    /// Writes down the activity that only the cache knows, at the end.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        for (id, at_ms) in self.cache.take_unwritten() {
            self.write_active(id, at_ms).await?;
        }
        Ok(())
    }

    async fn write_active(&self, id: ContainerId, now_ms: i64) -> Result<(), Error> {
        let sql = "UPDATE sandbox_containers SET last_active_at = $1 WHERE id = $2".to_owned();
        self.write(sql, vec![now_ms.into(), id.to_string().into()]).await?;
        Ok(())
    }

    pub(crate) async fn delete_container(&self, id: ContainerId) -> Result<(), Error> {
        self.cache.forget(id);
        let text = id.to_string();
        let deleted = self
            .database
            .write(async |transaction| {
                for (table, column) in
                    [("sandbox_executions", "container"), ("sandbox_files", "container"), ("sandbox_containers", "id")]
                {
                    let sql = format!("DELETE FROM {table} WHERE {column} = $1");
                    transaction.run(sql, [text.clone().into()]).await?;
                }
                Ok(())
            })
            .await;
        // Once more for whoever has read the row in between.
        self.cache.forget(id);
        deleted
    }

    /// Makes `file` the current one at its path.
    ///
    /// # Errors
    /// [`Error::StorageFull`].
    pub(crate) async fn add_file(&self, quota: Quota, file: &File) -> Result<(), Error> {
        self.change_files(quota, file.container, &[], std::slice::from_ref(file)).await
    }

    /// Takes files out of the session and makes others the current ones at their paths, in one step.
    ///
    /// # Errors
    /// [`Error::StorageFull`]; nothing is changed then.
    pub(crate) async fn change_files(
        &self,
        quota: Quota,
        container: ContainerId,
        gone: &[String],
        files: &[File],
    ) -> Result<(), Error> {
        let mut statements = Vec::new();
        for path in gone.iter().chain(files.iter().map(|file| &file.path)) {
            let (sql, values) = retired(container, path);
            statements.push((sql, values));
        }
        for file in files {
            let values: Vec<Value> = vec![
                file.id.to_string().into(),
                file.container.to_string().into(),
                file.path.clone().into(),
                i64::try_from(file.bytes).unwrap_or(i64::MAX).into(),
                file.blob.to_string().into(),
                file.source.name().into(),
                file.created_at_ms.into(),
            ];
            let sql = format!("INSERT INTO sandbox_files ({FILE}, is_current) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)");
            statements.push((sql, values));
        }
        if statements.is_empty() {
            return Ok(());
        }
        self.database
            .write(async |transaction| {
                let is_more = !files.is_empty();
                if is_more {
                    self.queue_up(transaction, quota).await?;
                }
                for (sql, values) in statements {
                    transaction.run(sql, values).await?;
                }
                if is_more { self.check(transaction, quota).await } else { Ok(()) }
            })
            .await
    }

    /// Deletes the file at a path with all that was written over there. A sweep finds that no row names the blobs any more.
    pub(crate) async fn delete_file(&self, container: ContainerId, path: &str) -> Result<(), Error> {
        let sql = "DELETE FROM sandbox_files WHERE container = $1 AND path = $2".to_owned();
        self.write(sql, vec![container.to_string().into(), path.into()]).await?;
        Ok(())
    }

    pub(crate) async fn file(&self, container: ContainerId, id: ContainerFileId) -> Result<File, Error> {
        let sql = format!("SELECT {FILE} FROM sandbox_files WHERE container = $1 AND id = $2");
        let row = self.one(sql, vec![container.to_string().into(), id.to_string().into()]).await?;
        file(&row.ok_or(Error::NoFile(id))?)
    }

    /// A page of the files that are in the session now.
    pub(crate) async fn files(&self, container: ContainerId, page: &PageQuery) -> Result<(Vec<File>, bool), Error> {
        let sql = format!("SELECT {FILE} FROM sandbox_files WHERE is_current = 1 AND container = $1");
        self.page(sql, vec![container.to_string().into()], page, file).await
    }

    /// All files that are in the session now.
    pub(crate) async fn all_files(&self, container: ContainerId) -> Result<Vec<File>, Error> {
        let sql = format!("SELECT {FILE} FROM sandbox_files WHERE is_current = 1 AND container = $1 ORDER BY id");
        self.many(sql, vec![container.to_string().into()]).await?.iter().map(file).collect()
    }

    /// Writes down that an execution is about to start. `false` when the key is taken.
    pub(crate) async fn begin(
        &self,
        container: ContainerId,
        key: &str,
        stored: &Stored,
        now_ms: i64,
    ) -> Result<bool, Error> {
        let sql = "INSERT INTO sandbox_executions (id, container, idempotency_key, code_sha256, started_at, over_by) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let values = vec![
            stored.id.to_string().into(),
            container.to_string().into(),
            key.into(),
            stored.code_sha256.clone().into(),
            now_ms.into(),
            stored.over_by_ms.into(),
        ];
        Ok(self.write(sql.to_owned(), values).await? == 1)
    }

    pub(crate) async fn finish(&self, id: ExecutionId, events: &str) -> Result<(), Error> {
        let sql = "UPDATE sandbox_executions SET events = $1 WHERE id = $2".to_owned();
        self.write(sql, vec![events.into(), id.to_string().into()]).await?;
        Ok(())
    }

    pub(crate) async fn execution(&self, container: ContainerId, key: &str) -> Result<Option<Stored>, Error> {
        let sql = "SELECT id, code_sha256, over_by, events FROM sandbox_executions WHERE container = $1 AND idempotency_key = $2";
        let Some(row) = self.one(sql.to_owned(), vec![container.to_string().into(), key.into()]).await? else {
            return Ok(None);
        };
        Ok(Some(Stored {
            id: row.parsed("id")?,
            code_sha256: row.column("code_sha256")?,
            over_by_ms: row.column("over_by")?,
            events: row.column("events")?,
        }))
    }

    async fn write(&self, sql: String, values: Vec<Value>) -> Result<u64, Error> {
        Ok(self.database.writer().run(sql, values).await?)
    }

    async fn one(&self, sql: String, values: Vec<Value>) -> Result<Option<QueryResult>, Error> {
        Ok(self.database.reader().one(sql, values).await?)
    }

    async fn many(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, Error> {
        Ok(self.database.reader().all(sql, values).await?)
    }

    async fn page<T>(
        &self,
        mut sql: String,
        mut values: Vec<Value>,
        page: &PageQuery,
        read: fn(&QueryResult) -> Result<T, Error>,
    ) -> Result<(Vec<T>, bool), Error> {
        sql.push_str(&page_clause(page, "id", &mut values));
        let rows = self.many(sql, values).await?;
        Ok(cut(page, rows.iter().map(read).collect::<Result<_, _>>()?))
    }
}

fn retired(container: ContainerId, path: &str) -> (String, Vec<Value>) {
    let sql = "UPDATE sandbox_files SET is_current = 0 WHERE container = $1 AND path = $2 AND is_current = 1";
    (sql.to_owned(), vec![container.to_string().into(), path.into()])
}

fn container(row: &QueryResult) -> Result<Container, Error> {
    Ok(Container {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        name: row.column("name")?,
        created_at_ms: row.column("created_at")?,
        last_active_at_ms: row.column("last_active_at")?,
        expires_minutes: row.column::<Option<i64>>("expires_minutes")?.and_then(|minutes| u32::try_from(minutes).ok()),
        network: match row.column::<Option<String>>("network")? {
            Some(_) => Some(row.json("network")?),
            None => None,
        },
    })
}

fn file(row: &QueryResult) -> Result<File, Error> {
    Ok(File {
        id: row.parsed("id")?,
        container: row.parsed("container")?,
        path: row.column("path")?,
        bytes: row.column::<i64>("bytes")?.unsigned_abs(),
        blob: row.parsed("blob")?,
        source: if row.column::<String>("source")? == "user" { Source::User } else { Source::Assistant },
        created_at_ms: row.column("created_at")?,
    })
}
