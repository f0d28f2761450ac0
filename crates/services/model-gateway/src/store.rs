//! What model-gateway keeps: usage records in their order, and answers under their keys.

mod outcomes;
mod row;

use std::time::Duration;

use sea_orm::{DatabaseTransaction, DbBackend, DbErr, Value};
use septet_contracts::models::{UsagePage, UsageRecord};
use septet_database::{Columns, Database, Sql};
use septet_kernel::TenantId;

pub(crate) use self::outcomes::Judged;
use self::row::{COLUMNS, record, values};
use crate::error::Error;

/// The tables. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

/// An answer that was given before.
pub(crate) struct Stored {
    /// What was asked, hashed.
    pub fingerprint: String,
    /// Which deployment gave it.
    pub deployment: String,
    /// The bytes that the client got.
    pub body: String,
}

// Rows of one INSERT. Only a few sizes, for a connection keeps every statement that it has prepared: with one for each
// number of rows it would hold some twenty megabytes of them.
const PORTIONS: [usize; 4] = [64, 16, 4, 1];

const APPEND_TIMEOUT: Duration = Duration::from_secs(30);

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Places for `n` values from the `first` on. `SQLite` looks up every numbered place in a list of all of them, which
    /// takes a hundred times as long as the insert itself, and counts nameless ones by itself.
    fn marks(&self, first: usize, n: usize) -> String {
        let mark = |at: usize| match self.database.backend() {
            DbBackend::Sqlite => "?".to_owned(),
            _ => format!("${at}"),
        };
        (first..first + n).map(mark).collect::<Vec<_>>().join(", ")
    }

    /// Appends records to the feed in their order, each once: one that is there already is left out. Gives up on a
    /// database that says nothing for half a minute: all later records wait for these.
    pub(crate) async fn record(&self, records: &[UsageRecord]) -> Result<(), Error> {
        tokio::time::timeout(APPEND_TIMEOUT, self.append(records)).await.unwrap_or_else(|_elapsed| {
            Err(DbErr::Custom(format!("it did not take usage records within {} s", APPEND_TIMEOUT.as_secs())).into())
        })
    }

    async fn append(&self, records: &[UsageRecord]) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        let mut rest = records;
        for portion in PORTIONS {
            let (whole, smaller) = rest.split_at(rest.len() / portion * portion);
            for rows in whole.chunks(portion) {
                self.insert(&transaction, rows).await?;
            }
            rest = smaller;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Appends a record to the feed and keeps the answer that it was for; both or neither.
    pub(crate) async fn record_with_answer(
        &self,
        record: &UsageRecord,
        key: &str,
        answer: &Stored,
        (now_ms, expires_at): (i64, i64),
    ) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        self.insert(&transaction, std::slice::from_ref(record)).await?;
        transaction.run("DELETE FROM models_answers WHERE expires_at < $1", [now_ms.into()]).await?;
        let values: [Value; 6] = [
            record.tenant.to_string().into(),
            key.into(),
            answer.fingerprint.clone().into(),
            answer.deployment.clone().into(),
            answer.body.clone().into(),
            expires_at.into(),
        ];
        let insert = "INSERT INTO models_answers (tenant, idempotency_key, fingerprint, head, body, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, idempotency_key) DO NOTHING";
        transaction.run(insert, values).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn insert(&self, transaction: &DatabaseTransaction, records: &[UsageRecord]) -> Result<(), Error> {
        // The row of the feed is locked first, so that places are committed in order and a record is not put in twice
        // by two who try at once.
        let n = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let take = "UPDATE models_feed SET place = place + $1 WHERE name = 'usage' RETURNING place";
        let last = transaction.one(take, [n.into()]).await?.ok_or(Error::Stored { what: "place of the usage feed" })?;
        let last: i64 = last.column("place")?;
        let known = format!("SELECT id FROM models_usage WHERE id IN ({})", self.marks(1, records.len()));
        let ids = records.iter().map(|record| Value::from(record.id.to_string()));
        let known = transaction.all(&known, ids).await?;
        let known: Vec<String> = known.iter().map(|row| row.column::<String>("id")).collect::<Result<_, _>>()?;
        let fresh: Vec<&UsageRecord> =
            records.iter().filter(|record| !known.contains(&record.id.to_string())).collect();
        let n_known = i64::try_from(records.len() - fresh.len()).unwrap_or(0);
        if n_known > 0 {
            let give_back = "UPDATE models_feed SET place = place - $1 WHERE name = 'usage'";
            transaction.run(give_back, [n_known.into()]).await?;
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let first = last - n + 1;
        let rows: Vec<String> =
            (0..fresh.len()).map(|row| format!("({})", self.marks(row * COLUMNS.len() + 1, COLUMNS.len()))).collect();
        let insert = format!("INSERT INTO models_usage ({}) VALUES {}", COLUMNS.join(", "), rows.join(", "));
        let values = (first..).zip(&fresh).flat_map(|(place, record)| values(record, place));
        transaction.run(&insert, values).await?;
        Ok(())
    }

    /// The answer under a key, unless its time is over.
    pub(crate) async fn answer(&self, tenant: TenantId, key: &str, now_ms: i64) -> Result<Option<Stored>, Error> {
        let select = "SELECT fingerprint, head, body FROM models_answers
            WHERE tenant = $1 AND idempotency_key = $2 AND expires_at >= $3";
        let values: [Value; 3] = [tenant.to_string().into(), key.into(), now_ms.into()];
        let Some(row) = self.database.reader().one(select, values).await? else {
            return Ok(None);
        };
        Ok(Some(Stored {
            fingerprint: row.column("fingerprint")?,
            deployment: row.column("head")?,
            body: row.column("body")?,
        }))
    }

    /// The records after a place of the feed.
    pub(crate) async fn usage_after(&self, after: i64, limit: u32) -> Result<UsagePage, Error> {
        let select = "SELECT * FROM models_usage WHERE place > $1 ORDER BY place LIMIT $2";
        let values: [Value; 2] = [after.into(), (i64::from(limit) + 1).into()];
        let rows = self.database.reader().all(select, values).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let data = rows.iter().take(wanted).map(record).collect::<Result<Vec<UsageRecord>, Error>>()?;
        Ok(UsagePage { next: data.last().map_or(after, |record| record.cursor), has_more: rows.len() > wanted, data })
    }
}
