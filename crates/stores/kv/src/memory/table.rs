//! The counters that last, in a database.

use std::sync::atomic::{AtomicI64, Ordering};

use sea_orm::{DbErr, QueryResult, Value};
use septet_database::{Columns, Database, Sql, places};
use septet_kernel::causes;
use tokio::sync::{Mutex, MutexGuard};
use tracing::warn;

use super::migration::MIGRATIONS;
use crate::Error;
use crate::limit::Limit;
use crate::window::Bounds;

/// A window that is over is kept another day, for those who look at the file.
const WINDOW_KEPT_MS: i64 = 86_400_000;

/// A correction that is sent again within this time is recognised.
pub(crate) const CORRECTION_KEPT_MS: i64 = 90 * 86_400_000;

const TIDY_EVERY_MS: i64 = 3_600_000;

/// Rows in one statement; each has four values, and SQLite takes 32,766 of them.
const N_ROWS: usize = 500;

/// A counter as it is stored: its name, its window, what is used in it.
pub(super) type StoredCounter = (String, Bounds, i64);

pub(super) struct CounterTable {
    database: Database,
    writing: Mutex<()>,
    correcting: Mutex<()>,
    /// When rows that are over were last dropped.
    tidied_ms: AtomicI64,
}

impl CounterTable {
    /// Makes the tables when they are not there, and drops what is over.
    pub(super) async fn open(database: Database, now_ms: i64) -> Result<Self, Error> {
        database.migrate(&MIGRATIONS).await.map_err(Error::unavailable("bring the tables up to date"))?;
        let tidied_ms = AtomicI64::new(now_ms);
        let table = Self { database, writing: Mutex::default(), correcting: Mutex::default(), tidied_ms };
        table.tidy(now_ms).await.map_err(Error::unavailable("drop counters that are over"))?;
        Ok(table)
    }

    /// The turn to write. One write at a time, or an older number could come last.
    pub(super) async fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// The turn to correct.
    pub(super) async fn correcting(&self) -> MutexGuard<'_, ()> {
        self.correcting.lock().await
    }

    async fn tidy(&self, now_ms: i64) -> Result<(), DbErr> {
        let sql = "DELETE FROM kv_counters WHERE window_end IS NOT NULL AND window_end < $1";
        self.database.writer().run(sql, vec![(now_ms - WINDOW_KEPT_MS).into()]).await?;
        let sql = "DELETE FROM kv_corrections WHERE made_at < $1";
        self.database.writer().run(sql, vec![(now_ms - CORRECTION_KEPT_MS).into()]).await?;
        Ok(())
    }

    /// What is stored of each of these counters, in their order.
    pub(super) async fn read(&self, limits: &[Limit]) -> Result<Vec<Option<(Bounds, i64)>>, Error> {
        let names: Vec<_> = limits.iter().map(Limit::key).collect();
        let sql = format!(
            "SELECT name, window_start, window_end, used FROM kv_counters WHERE name IN ({})",
            places(1, names.len())
        );
        let values = names.iter().map(|name| name.clone().into());
        let doing = "read counters";
        let rows = self.database.reader().all(&sql, values).await.map_err(Error::unavailable(doing))?;
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>().map_err(Error::unreadable(doing))?;
        let stored = |name: &String| rows.iter().find(|row| row.0 == *name).map(|row| (row.1, row.2));
        Ok(names.iter().map(stored).collect())
    }

    /// Writes all of it or nothing. What is over goes once an hour.
    pub(super) async fn write(&self, rows: &[StoredCounter], corrections: &[String], now_ms: i64) -> Result<(), Error> {
        self.write_all(rows, corrections, now_ms).await.map_err(Error::unavailable("write counters"))?;
        let tidied_ms = self.tidied_ms.load(Ordering::Relaxed);
        if now_ms - tidied_ms >= TIDY_EVERY_MS {
            self.tidied_ms.store(now_ms, Ordering::Relaxed);
            if let Err(error) = self.tidy(now_ms).await {
                warn!(error = %causes(&error), "counters that are over could not be dropped");
            }
        }
        Ok(())
    }

    async fn write_all(&self, rows: &[StoredCounter], corrections: &[String], now_ms: i64) -> Result<(), DbErr> {
        let transaction = self.database.begin().await?;
        for rows in rows.chunks(N_ROWS) {
            let of_rows: Vec<_> = (0..rows.len()).map(|n| format!("({})", places(4 * n + 1, 4))).collect();
            let sql = format!(
                "INSERT INTO kv_counters (name, window_start, window_end, used) VALUES {} \
                 ON CONFLICT (name) DO UPDATE SET window_start = excluded.window_start, \
                 window_end = excluded.window_end, used = excluded.used",
                of_rows.join(", ")
            );
            let values = rows.iter().flat_map(|(name, bounds, used)| -> [Value; 4] {
                [name.clone().into(), bounds.start_ms.into(), bounds.end_ms.into(), (*used).into()]
            });
            transaction.run(&sql, values).await?;
        }
        for id in corrections {
            let sql = "INSERT INTO kv_corrections (id, made_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
            transaction.run(sql, vec![id.clone().into(), now_ms.into()]).await?;
        }
        transaction.commit().await
    }

    /// Whether a correction was made already.
    pub(super) async fn is_corrected(&self, id: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 AS one FROM kv_corrections WHERE id = $1";
        let found = self.database.reader().one(sql, vec![id.into()]).await;
        Ok(found.map_err(Error::unavailable("look for a correction"))?.is_some())
    }
}

fn row(row: &QueryResult) -> Result<StoredCounter, DbErr> {
    let bounds = Bounds { start_ms: row.column("window_start")?, end_ms: row.column("window_end")? };
    Ok((row.column("name")?, bounds, row.column("used")?))
}
