//! Usage records that cannot be true.
//!
//! A provider that says a call had 9,000,000,000,000,000,000 tokens has a bug. Booked, such a record would ruin an
//! account and every sum that it is part of. It is quarantined as a whole and logged as an error, and the feed goes on
//! with the next one; the operator finds it at `/api/usage/refused` and corrects by hand what it stands for.

use sea_orm::ConnectionTrait;
use septet_contracts::gateway::RefusedUsage;
use septet_contracts::models::{MOST_COST_NANO, UsageRecord};
use septet_contracts::page::{Page, PageQuery};
use septet_database::{Sql, cut, page_clause};
use septet_kernel::Money;
use tracing::error;

use super::Billing;
use crate::{Error, metrics};

/// The most that one call can cost.
pub(super) const MOST_COST: Money = Money(MOST_COST_NANO);

impl Billing {
    /// Puts a record aside. `booked` is what was booked in its place.
    pub(super) async fn refuse(
        &self,
        connection: &impl ConnectionTrait,
        record: &UsageRecord,
        reason: &str,
        booked: Money,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO gateway_refused_usage
                   (record, tenant, model, provider, reason, booked_nano, body, at_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (record) DO NOTHING";
        let values = [
            record.id.to_string().into(),
            record.tenant.to_string().into(),
            record.model.as_str().into(),
            record.provider.as_str().into(),
            reason.into(),
            booked.0.into(),
            serde_json::to_string(record).unwrap_or_default().into(),
            self.clock.now_ms().into(),
        ];
        if connection.run(sql, values).await? == 1 {
            metrics::refused_usage();
            error!(
                usage.id = %record.id, tenant.id = %record.tenant, model = record.model, provider = record.provider,
                usage.doubt = reason, usage.booked_nano = booked.0,
                "a usage record cannot be true and was put aside; look at /api/usage/refused"
            );
        }
        Ok(())
    }

    /// The records that were put aside, newest first.
    pub(crate) async fn refused(&self, page: &PageQuery) -> Result<Page<RefusedUsage>, Error> {
        let mut values = Vec::new();
        let sql = format!(
            "SELECT record, tenant, model, provider, reason, booked_nano, body, at_ms FROM gateway_refused_usage
             WHERE 1 = 1{}",
            page_clause(page, "record", &mut values)
        );
        let found = self.database.reader().all(&sql, values).await?;
        let refused = found.iter().map(|row| {
            Ok(RefusedUsage {
                record: row.try_get::<String>("", "record")?.parse().map_err(Error::store)?,
                tenant: row.try_get::<String>("", "tenant")?.parse().map_err(Error::store)?,
                model: row.try_get("", "model")?,
                provider: row.try_get("", "provider")?,
                reason: row.try_get("", "reason")?,
                booked_nano: row.try_get("", "booked_nano")?,
                body: row.try_get("", "body")?,
                at_ms: row.try_get("", "at_ms")?,
            })
        });
        let (refused, has_more) = cut(page, refused.collect::<Result<Vec<_>, Error>>()?);
        Ok(Page::new(refused, has_more, |refused| refused.record.to_string()))
    }
}
