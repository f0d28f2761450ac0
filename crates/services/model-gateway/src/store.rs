//! What model-gateway keeps: usage records in their order, and answers under their keys.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use septet_contracts::models::{UsagePage, UsageRecord, UsageStatus};
use septet_database::Database;
use septet_kernel::TenantId;

use crate::error::Error;
use crate::recording::Piece;

/// The tables. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

/// An answer that was given before.
pub(crate) struct Stored {
    pub fingerprint: String,
    pub pieces: Vec<Piece>,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.database.backend(), sql, values)
    }

    /// Appends a record to the feed, with the answer that it was for if that is to be kept; both or neither.
    pub(crate) async fn record(
        &self,
        record: &UsageRecord,
        answer: Option<(&str, &Stored, i64)>,
        now_ms: i64,
    ) -> Result<(), Error> {
        let number = |value: u64| Value::from(i64::try_from(value).unwrap_or(i64::MAX));
        let transaction = self.database.begin().await?;
        let place = transaction
            .query_one_raw(
                self.statement("UPDATE models_feed SET place = place + 1 WHERE name = 'usage' RETURNING place", []),
            )
            .await?
            .ok_or(Error::Stored { what: "place of the usage feed" })?;
        let place: i64 = place.try_get("", "place")?;
        let values: Vec<Value> = vec![
            record.id.to_string().into(),
            place.into(),
            record.tenant.to_string().into(),
            record.user.map(|user| user.to_string()).into(),
            record.key.map(|key| key.to_string()).into(),
            record.request.to_string().into(),
            record.run.clone().into(),
            record.model.clone().into(),
            record.provider.clone().into(),
            number(record.input_tokens),
            number(record.cached_tokens),
            number(record.output_tokens),
            record.cost_nano.into(),
            i64::from(record.estimated).into(),
            record.started_at_ms.into(),
            record.duration_ms.into(),
            record.status.as_str().into(),
        ];
        let insert = "INSERT INTO models_usage (id, place, tenant, person, api_key, request, run, model, provider, input_tokens, cached_tokens,
            output_tokens, cost_nano, estimated, started_at, duration_ms, status)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        transaction.execute_raw(self.statement(insert, values)).await?;
        if let Some((key, stored, expires_at)) = answer {
            transaction
                .execute_raw(self.statement("DELETE FROM models_answers WHERE expires_at < $1", [now_ms.into()]))
                .await?;
            let pieces: Vec<&str> = stored.pieces.iter().map(|piece| &*piece.data).collect();
            let pieces = serde_json::to_string(&pieces).map_err(|_never| Error::Stored { what: "answer" })?;
            let values: [Value; 5] = [
                record.tenant.to_string().into(),
                key.into(),
                stored.fingerprint.clone().into(),
                pieces.into(),
                expires_at.into(),
            ];
            let insert = "INSERT INTO models_answers (tenant, idempotency_key, fingerprint, pieces, expires_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (tenant, idempotency_key) DO NOTHING";
            transaction.execute_raw(self.statement(insert, values)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The answer under a key, unless its time is over.
    pub(crate) async fn answer(&self, tenant: TenantId, key: &str, now_ms: i64) -> Result<Option<Stored>, Error> {
        let select = "SELECT fingerprint, pieces FROM models_answers WHERE tenant = $1 AND idempotency_key = $2 AND expires_at >= $3";
        let values: [Value; 3] = [tenant.to_string().into(), key.into(), now_ms.into()];
        let Some(row) = self.database.reader().query_one_raw(self.statement(select, values)).await? else {
            return Ok(None);
        };
        let pieces: String = row.try_get("", "pieces")?;
        let pieces: Vec<String> = serde_json::from_str(&pieces).map_err(|_bad| Error::Stored { what: "answer" })?;
        let parse = |data: String| {
            let parsed = serde_json::from_str(&data).map_err(|_bad| Error::Stored { what: "answer" })?;
            Ok::<_, Error>(Piece::new(data, &parsed))
        };
        let pieces = pieces.into_iter().map(parse).collect::<Result<Vec<Piece>, Error>>()?;
        Ok(Some(Stored { fingerprint: row.try_get("", "fingerprint")?, pieces }))
    }

    /// The records after a place of the feed.
    pub(crate) async fn usage_after(&self, after: i64, limit: u32) -> Result<UsagePage, Error> {
        let select = "SELECT * FROM models_usage WHERE place > $1 ORDER BY place LIMIT $2";
        let values: [Value; 2] = [after.into(), (i64::from(limit) + 1).into()];
        let rows = self.database.reader().query_all_raw(self.statement(select, values)).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let data = rows.iter().take(wanted).map(record).collect::<Result<Vec<UsageRecord>, Error>>()?;
        Ok(UsagePage { next: data.last().map_or(after, |record| record.cursor), has_more: rows.len() > wanted, data })
    }
}

fn record(row: &QueryResult) -> Result<UsageRecord, Error> {
    let bad = |_bad| Error::Stored { what: "usage record" };
    let number =
        |column: &str| -> Result<u64, Error> { Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or(0)) };
    let text = |column: &str| row.try_get::<String>("", column);
    let maybe = |column: &str| row.try_get::<Option<String>>("", column);
    let status = match text("status")?.as_str() {
        "completed" => UsageStatus::Completed,
        "cancelled" => UsageStatus::Cancelled,
        _ => UsageStatus::Failed,
    };
    Ok(UsageRecord {
        id: text("id")?.parse().map_err(bad)?,
        tenant: text("tenant")?.parse().map_err(bad)?,
        user: maybe("person")?.map(|user| user.parse()).transpose().map_err(bad)?,
        key: maybe("api_key")?.map(|key| key.parse()).transpose().map_err(bad)?,
        request: text("request")?.parse().map_err(bad)?,
        run: maybe("run")?,
        model: text("model")?,
        provider: text("provider")?,
        input_tokens: number("input_tokens")?,
        cached_tokens: number("cached_tokens")?,
        output_tokens: number("output_tokens")?,
        cost_nano: row.try_get("", "cost_nano")?,
        estimated: row.try_get::<i64>("", "estimated")? != 0,
        started_at_ms: row.try_get("", "started_at")?,
        duration_ms: row.try_get("", "duration_ms")?,
        status,
        cursor: row.try_get("", "place")?,
    })
}
