//! The rows of the sandbox runner.

mod cache;
mod owners;
mod space;

use std::str::FromStr;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, TryGetable, Value};
use septet_contracts::page::PageQuery;
use septet_database::Database;
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
        database.migrate::<crate::migration::Migrator>().await?;
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
        let rows = self.page(sql, values, page).await?;
        let (rows, has_more) = cut(rows, page, container)?;
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
        let backend = self.database.backend();
        self.cache.forget(id);
        let text = id.to_string();
        let deleted = self
            .database
            .write(async |transaction| {
                for (table, column) in
                    [("sandbox_executions", "container"), ("sandbox_files", "container"), ("sandbox_containers", "id")]
                {
                    let sql = format!("DELETE FROM {table} WHERE {column} = $1");
                    transaction
                        .execute_raw(Statement::from_sql_and_values(backend, sql, [Value::from(text.clone())]))
                        .await?;
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
        let backend = self.database.backend();
        let statement = |sql: String, values: Vec<Value>| Statement::from_sql_and_values(backend, sql, values);
        let mut statements = Vec::new();
        for path in gone.iter().chain(files.iter().map(|file| &file.path)) {
            let (sql, values) = retired(container, path);
            statements.push(statement(sql, values));
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
            statements.push(statement(sql, values));
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
                for statement in statements {
                    transaction.execute_raw(statement).await?;
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
        let rows = self.page(sql, vec![container.to_string().into()], page).await?;
        cut(rows, page, file)
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
            id: parsed(&row, "id")?,
            code_sha256: column(&row, "code_sha256")?,
            over_by_ms: column(&row, "over_by")?,
            events: column(&row, "events")?,
        }))
    }

    async fn write(&self, sql: String, values: Vec<Value>) -> Result<u64, Error> {
        let statement = Statement::from_sql_and_values(self.database.backend(), sql, values);
        Ok(self.database.writer().execute_raw(statement).await?.rows_affected())
    }

    async fn one(&self, sql: String, values: Vec<Value>) -> Result<Option<QueryResult>, Error> {
        let statement = Statement::from_sql_and_values(self.database.backend(), sql, values);
        Ok(self.database.reader().query_one_raw(statement).await?)
    }

    async fn many(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, Error> {
        let statement = Statement::from_sql_and_values(self.database.backend(), sql, values);
        Ok(self.database.reader().query_all_raw(statement).await?)
    }

    /// One more row than the page holds, to know whether more follow.
    async fn page(&self, mut sql: String, mut values: Vec<Value>, page: &PageQuery) -> Result<Vec<QueryResult>, Error> {
        let (after, order) = if page.is_ascending() { (">", "ASC") } else { ("<", "DESC") };
        if let Some(id) = &page.after {
            values.push(id.clone().into());
            sql.push_str(&format!(" AND id {after} ${}", values.len()));
        }
        if let Some(id) = &page.before {
            values.push(id.clone().into());
            let before = if page.is_ascending() { "<" } else { ">" };
            sql.push_str(&format!(" AND id {before} ${}", values.len()));
        }
        sql.push_str(&format!(" ORDER BY id {order} LIMIT {}", page.limit() + 1));
        self.many(sql, values).await
    }
}

fn retired(container: ContainerId, path: &str) -> (String, Vec<Value>) {
    let sql = "UPDATE sandbox_files SET is_current = 0 WHERE container = $1 AND path = $2 AND is_current = 1";
    (sql.to_owned(), vec![container.to_string().into(), path.into()])
}

fn cut<T>(
    mut rows: Vec<QueryResult>,
    page: &PageQuery,
    read: fn(&QueryResult) -> Result<T, Error>,
) -> Result<(Vec<T>, bool), Error> {
    let limit = page.limit() as usize;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows.iter().map(read).collect::<Result<_, _>>()?, has_more))
}

fn container(row: &QueryResult) -> Result<Container, Error> {
    let network: Option<String> = column(row, "network")?;
    let network = network.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Container {
        id: parsed(row, "id")?,
        tenant: parsed(row, "tenant")?,
        name: column(row, "name")?,
        created_at_ms: column(row, "created_at")?,
        last_active_at_ms: column(row, "last_active_at")?,
        expires_minutes: column::<Option<i64>>(row, "expires_minutes")?.and_then(|minutes| u32::try_from(minutes).ok()),
        network: network.map_err(|error| Error::BadRow(format!("network: {error}")))?,
    })
}

fn file(row: &QueryResult) -> Result<File, Error> {
    Ok(File {
        id: parsed(row, "id")?,
        container: parsed(row, "container")?,
        path: column(row, "path")?,
        bytes: column::<i64>(row, "bytes")?.unsigned_abs(),
        blob: parsed(row, "blob")?,
        source: if column::<String>(row, "source")? == "user" { Source::User } else { Source::Assistant },
        created_at_ms: column(row, "created_at")?,
    })
}

fn column<T: TryGetable>(row: &QueryResult, name: &str) -> Result<T, Error> {
    Ok(row.try_get("", name)?)
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(row: &QueryResult, name: &str) -> Result<T, Error> {
    let text: String = column(row, name)?;
    text.parse().map_err(|error: T::Err| Error::BadRow(format!("{name}: {error}")))
}
