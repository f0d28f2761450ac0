//! How calls turned out, and what was learned from it.

use sea_orm::Value;
use septet_database::{Columns, Sql};
use septet_difficulty::{Calibration, Outcome, Probability};
use septet_kernel::{RecordId, TenantId};

use super::Store;
use crate::error::Error;

// Older outcomes say little about current models; this many are read and fitted within milliseconds.
const LATEST: i64 = 5_000;

/// A call of which a difficulty was judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub call: RecordId,
    pub route: String,
    /// In millionths; `None` where nothing was judged.
    pub difficulty: Option<i64>,
    /// Whether a weak model answered.
    pub is_weak: bool,
}

impl Store {
    /// Those of the calls that the tenant made, in no order.
    pub(crate) async fn judged(&self, tenant: TenantId, calls: &[RecordId]) -> Result<Vec<Judged>, Error> {
        let marks: Vec<String> = (2..calls.len() + 2).map(|at| format!("${at}")).collect();
        // A record that names a call is of an attempt before its last.
        let sql = format!(
            "SELECT id, route, difficulty, tier FROM models_usage WHERE tenant = $1 AND call_id IS NULL AND id IN ({})",
            marks.join(", ")
        );
        let ids = calls.iter().map(|call| Value::from(call.to_string()));
        let values = std::iter::once(Value::from(tenant.to_string())).chain(ids);
        let rows = self.database.reader().all(&sql, values).await?;
        let read = |row: &sea_orm::QueryResult| -> Result<Judged, Error> {
            let bad = |_bad| Error::Stored { what: "usage record" };
            Ok(Judged {
                call: row.column::<String>("id")?.parse().map_err(bad)?,
                route: row.column::<Option<String>>("route")?.unwrap_or_default(),
                difficulty: row.column("difficulty")?,
                is_weak: row.column::<Option<String>>("tier")?.as_deref() == Some("weak"),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Keeps how calls of a tenant turned out.
    pub(crate) async fn keep_outcomes(
        &self,
        tenant: TenantId,
        outcomes: &[(&Judged, bool)],
        now_ms: i64,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO models_outcomes (tenant, call_id, route, difficulty, good, told_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (tenant, call_id) DO UPDATE SET good = excluded.good, told_at = excluded.told_at";
        let transaction = self.database.begin().await?;
        for (judged, good) in outcomes {
            let values: [Value; 6] = [
                tenant.to_string().into(),
                judged.call.to_string().into(),
                judged.route.clone().into(),
                judged.difficulty.unwrap_or(0).into(),
                i64::from(*good).into(),
                now_ms.into(),
            ];
            transaction.run(sql, values).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The latest outcomes of a tenant's route, and the scores of its latest calls, whoever answered them.
    pub(crate) async fn history(
        &self,
        tenant: TenantId,
        route: &str,
    ) -> Result<(Vec<Outcome>, Vec<Probability>), Error> {
        let values = || -> [Value; 3] { [tenant.to_string().into(), route.into(), LATEST.into()] };
        let outcomes = "SELECT difficulty, good FROM models_outcomes WHERE tenant = $1 AND route = $2
            ORDER BY told_at DESC LIMIT $3";
        let outcomes = self.database.reader().all(outcomes, values()).await?;
        let outcome = |row: &sea_orm::QueryResult| -> Result<Outcome, Error> {
            let weak_was_good = row.column::<i64>("good")? != 0;
            Ok(Outcome { score: probability(row.column("difficulty")?), weak_was_good })
        };
        let outcomes = outcomes.iter().map(outcome).collect::<Result<_, _>>()?;
        let seen = "SELECT difficulty FROM models_usage WHERE tenant = $1 AND route = $2 AND difficulty IS NOT NULL
            ORDER BY place DESC LIMIT $3";
        let seen = self.database.reader().all(seen, values()).await?;
        let score = |row: &sea_orm::QueryResult| Ok(probability(row.column("difficulty")?));
        let seen = seen.iter().map(score).collect::<Result<_, Error>>()?;
        Ok((outcomes, seen))
    }

    /// Keeps what was learned for a tenant's route, in place of what was before.
    pub(crate) async fn keep_calibration(
        &self,
        tenant: TenantId,
        route: &str,
        learned: &Calibration,
    ) -> Result<(), Error> {
        let body = serde_json::to_string(learned).map_err(|_never| Error::Stored { what: "calibration" })?;
        let sql = "INSERT INTO models_calibrations (tenant, route, body) VALUES ($1, $2, $3)
            ON CONFLICT (tenant, route) DO UPDATE SET body = excluded.body";
        let values: [Value; 3] = [tenant.to_string().into(), route.into(), body.into()];
        let transaction = self.database.begin().await?;
        transaction.run(sql, values).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What was learned for a tenant's route.
    pub(crate) async fn calibration(&self, tenant: TenantId, route: &str) -> Result<Option<Calibration>, Error> {
        let sql = "SELECT body FROM models_calibrations WHERE tenant = $1 AND route = $2";
        let values: [Value; 2] = [tenant.to_string().into(), route.into()];
        let Some(row) = self.database.reader().one(sql, values).await? else {
            return Ok(None);
        };
        let body: String = row.column("body")?;
        serde_json::from_str(&body).map(Some).map_err(|_bad| Error::Stored { what: "calibration" })
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "millionths of 1")]
fn probability(millionths: i64) -> Probability {
    Probability::nearest((millionths as f64 / 1e6) as f32)
}
