//! The relational store: SQLite on a laptop, PostgreSQL at scale, chosen by the URI.
//!
//! One code base serves both through SeaORM. This crate holds no domain SQL: it opens connections, keeps SQLite's
//! one-writer rule, runs migrations, and has the few lines of SQL that every service would write again. A service
//! touches only the tables with its own prefix.

mod migration;
mod page;
mod sql;

use std::future::Future;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTraitSelf;
use septet_kernel::{Failure, Kind};
use tracing::warn;

pub use migration::{Migrations, Step, StepFunction};
pub use page::{cut, page_clause};
pub use sea_orm_migration::SchemaManagerConnection;
pub use sql::{Columns, Sql, places, stored};

/// A connection to the database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URI names no known kind of database.
    #[error("the database URI {uri:?} is not understood; use sqlite:///absolute/path.db or postgres://user@host/name")]
    UnknownUri {
        /// The URI, with any password cut out.
        uri: String,
    },
    /// Opening failed.
    #[error("cannot open the database {uri}")]
    Open {
        /// The URI, with any password cut out.
        uri: String,
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The tables could not be brought up to date.
    #[error("cannot bring the tables up to date")]
    Migrate(#[source] DbErr),
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownUri { .. } => Kind::BadRequest,
            Self::Open { .. } => Kind::Unavailable,
            Self::Migrate(_) => Kind::Internal,
        }
    }
}

// SQLite has one writer: whoever holds it this long makes everybody wait, and should be found.
const SLOW: Duration = Duration::from_secs(1);

// A reader waits this long for a writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

impl Database {
    /// Opens `sqlite:///absolute/path.db` (created when absent) or `postgres://...`.
    ///
    /// # Errors
    /// When the URI is not understood or the database cannot be reached; a password in it is never printed.
    pub async fn open(uri: &str) -> Result<Self, Error> {
        match uri.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::open_sqlite(uri).await,
            Some("postgres" | "postgresql") => Self::open_postgres(uri).await,
            _ => Err(Error::UnknownUri { uri: without_password(uri) }),
        }
    }

    /// The SQLite URI of a file.
    #[must_use]
    pub fn sqlite_uri(path: &Path) -> String {
        format!("sqlite://{}", path.display())
    }

    async fn open_sqlite(uri: &str) -> Result<Self, Error> {
        make_private_file(uri);
        let open = |n_connections: u32| {
            let mut options = ConnectOptions::new(uri);
            options.max_connections(n_connections).sqlx_logging(false).acquire_timeout(Duration::from_secs(30));
            // A connection that is open already answers in microseconds; asking it first would double that.
            options.test_before_acquire(false);
            options.map_sqlx_sqlite_opts(|options| {
                options
                    .create_if_missing(true)
                    .busy_timeout(BUSY_TIMEOUT)
                    .foreign_keys(true)
                    .pragma("journal_mode", "WAL")
                    // In WAL mode a killed process loses nothing at NORMAL; only a power cut may cost the last commits.
                    .pragma("synchronous", "NORMAL")
                    .pragma("temp_store", "MEMORY")
                    .pragma("journal_size_limit", "67108864")
                    .pragma("cache_size", "-2000")
            });
            sea_orm::Database::connect(options)
        };
        let failed = |source| Error::Open { uri: without_password(uri), source };
        // SQLite has one writer; a pool of one makes writers queue in fairness instead of fighting for the lock.
        let writer = open(1).await.map_err(failed)?;
        let reader = open(8).await.map_err(failed)?;
        Ok(Self { reader, writer })
    }

    async fn open_postgres(uri: &str) -> Result<Self, Error> {
        let mut options = ConnectOptions::new(uri);
        options.max_connections(16).sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
        let pool = sea_orm::Database::connect(options)
            .await
            .map_err(|source| Error::Open { uri: without_password(uri), source })?;
        Ok(Self { reader: pool.clone(), writer: pool })
    }

    /// For reading.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For a single writing statement; for more than one use [`Database::write`].
    #[must_use]
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Which kind of database this is, for the few statements that differ.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Runs `work` in one writing transaction: committed when it succeeds, rolled back when it fails or is dropped.
    ///
    /// On SQLite the write lock is taken at the start, so that a read inside never turns out stale at the first write.
    ///
    /// # Errors
    /// What `work` gives, or the database's own failure turned into it.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&DatabaseTransaction) -> Result<T, E>,
        E: From<DbErr>,
    {
        let begun = Instant::now();
        let transaction = self.begin().await?;
        let held = Instant::now();
        let value = work(&transaction).await?;
        transaction.commit().await?;
        if begun.elapsed() > SLOW {
            warn!(
                waited_ms = (held - begun).as_millis() as u64,
                held_ms = held.elapsed().as_millis() as u64,
                work = std::any::type_name::<F>(),
                "slow transaction"
            );
        }
        Ok(value)
    }

    /// Begins a writing transaction; dropped without a commit it is rolled back.
    ///
    /// # Errors
    /// When the database cannot begin one.
    pub fn begin(&self) -> impl Future<Output = Result<DatabaseTransaction, DbErr>> + Send + '_ {
        self.writer.begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
    }

    /// Brings the tables of one service up to date.
    ///
    /// # Errors
    /// [`Error::Migrate`] when a step fails; the steps before it stay, and nothing of it does.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), Error> {
        migrations.up(&self.writer, None).await.map_err(Error::Migrate)
    }

    /// Closes all connections; SQLite folds its log into the file.
    ///
    /// # Errors
    /// When the driver says so.
    pub async fn close(self) -> Result<(), DbErr> {
        if self.backend() == DbBackend::Sqlite {
            self.writer.execute_unprepared("PRAGMA optimize").await?;
            self.reader.close().await?;
        }
        self.writer.close().await
    }
}

/// Makes a new database file that only this user can read; SQLite gives its own files beside it the same rights. What
/// goes wrong here, opening says better.
fn make_private_file(uri: &str) {
    let path = uri.trim_start_matches("sqlite://").trim_start_matches("sqlite:").split('?').next().unwrap_or_default();
    if Path::new(path).is_absolute() {
        let _said_by_opening = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    }
}

fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    match rest.split_once('@') {
        Some((credentials, place)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{place}")
        }
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("t.db"))).await.unwrap();
        database.writer().execute_unprepared("CREATE TABLE t (n BIGINT NOT NULL)").await.unwrap();
        (folder, database)
    }

    async fn n_rows(database: &Database) -> i64 {
        let row = database
            .reader()
            .query_one_raw(sea_orm::Statement::from_string(DbBackend::Sqlite, "SELECT COUNT(*) AS n FROM t"));
        row.await.unwrap().unwrap().try_get("", "n").unwrap()
    }

    #[tokio::test]
    async fn a_failed_transaction_leaves_nothing_behind() {
        let (_folder, database) = open().await;

        let failed: Result<(), DbErr> = database
            .write(async |transaction| {
                transaction.execute_unprepared("INSERT INTO t VALUES (1)").await?;
                Err(DbErr::Custom("no".into()))
            })
            .await;

        assert!(failed.is_err());
        assert_eq!(n_rows(&database).await, 0);
    }

    #[tokio::test]
    async fn writers_queue_instead_of_failing() {
        let (_folder, database) = open().await;

        let mut writes = tokio::task::JoinSet::new();
        for n in 0..50 {
            let database = database.clone();
            writes.spawn(async move {
                let done: Result<(), DbErr> = database
                    .write(async |transaction| {
                        transaction.execute_unprepared(&format!("INSERT INTO t VALUES ({n})")).await.map(|_| ())
                    })
                    .await;
                done
            });
        }
        for done in writes.join_all().await {
            done.unwrap();
        }

        assert_eq!(n_rows(&database).await, 50);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_dropped_half_way_takes_nothing_else_with_it() {
        let (_folder, database) = open().await;
        let insert = |n: u32| {
            let database = database.clone();
            async move {
                let done: Result<(), DbErr> = database
                    .write(async |transaction| {
                        for _ in 0..3 {
                            transaction.execute_unprepared(&format!("INSERT INTO t VALUES ({n})")).await?;
                        }
                        Ok(())
                    })
                    .await;
                done
            }
        };
        let mut n_committed = 0;
        for n in 0..400 {
            let patience = std::time::Duration::from_micros(u64::from(n) * 7 % 900);
            if tokio::time::timeout(patience, insert(n)).await.is_ok_and(|done| done.is_ok()) {
                n_committed += 1;
            }
            insert(10_000 + n).await.unwrap();
            n_committed += 1;
        }

        let n_rows = n_rows(&database).await;
        assert_eq!(n_rows % 3, 0, "a transaction is whole or not there");
        assert!(n_rows >= 3 * n_committed, "{n_committed} transactions were committed, {n_rows} rows are there");
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(without_password("postgres://septet:secret@db/septet"), "postgres://septet@db/septet");
    }
}
