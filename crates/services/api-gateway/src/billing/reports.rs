//! What a tenant used, summed up.

use septet_contracts::gateway::{UsageGroup, UsageReport, UsageReportQuery, UsageSum};
use septet_database::Sql;
use septet_kernel::{TenantId, Timestamp};

use super::Billing;
use crate::Error;

const THIRTY_DAYS_MS: i64 = 30 * 86_400_000;
const DAY_MS: i64 = 86_400_000;

impl Billing {
    /// A tenant's usage in a span of time.
    ///
    /// # Errors
    /// A bad request when the span ends before it begins.
    pub(crate) async fn report(&self, tenant: TenantId, query: &UsageReportQuery) -> Result<UsageReport, Error> {
        let to_ms = query.to_ms.unwrap_or_else(|| self.clock.now_ms() + 1);
        let from_ms = query.from_ms.unwrap_or_else(|| to_ms.saturating_sub(THIRTY_DAYS_MS));
        if from_ms > to_ms {
            return Err(Error::bad_request("the span ends before it begins", "to_ms"));
        }
        let group = match query.group_by {
            UsageGroup::Day => format!("CAST(at_ms / {DAY_MS} AS TEXT)"),
            UsageGroup::Model => "model".to_owned(),
            UsageGroup::User => "COALESCE(person, '')".to_owned(),
            UsageGroup::Key => "COALESCE(api_key, '')".to_owned(),
        };
        let mut groups = self.sums(tenant, from_ms, to_ms, &group).await?;
        if query.group_by == UsageGroup::Day {
            groups.sort_by_key(|sum| sum.group.parse::<i64>().unwrap_or(0));
            for sum in &mut groups {
                sum.group = day(&sum.group);
            }
        } else {
            groups.sort_by(|one, other| other.cost_nano.cmp(&one.cost_nano).then_with(|| one.group.cmp(&other.group)));
        }
        let mut total = UsageSum::default();
        for sum in &groups {
            total.n_calls = total.n_calls.saturating_add(sum.n_calls);
            total.input_tokens = total.input_tokens.saturating_add(sum.input_tokens);
            total.cached_tokens = total.cached_tokens.saturating_add(sum.cached_tokens);
            total.output_tokens = total.output_tokens.saturating_add(sum.output_tokens);
            total.cost_nano = total.cost_nano.saturating_add(sum.cost_nano);
        }
        Ok(UsageReport { from_ms, to_ms, total, groups })
    }

    async fn sums(&self, tenant: TenantId, from_ms: i64, to_ms: i64, group: &str) -> Result<Vec<UsageSum>, Error> {
        let sum = |column: &str| format!("CAST(SUM({column}) AS BIGINT) AS {column}");
        let sql = format!(
            "SELECT {group} AS label, COUNT(*) AS n_calls, {}, {}, {}, {} FROM gateway_usage
             WHERE tenant = $1 AND at_ms >= $2 AND at_ms < $3 GROUP BY {group}",
            sum("input_tokens"),
            sum("cached_tokens"),
            sum("output_tokens"),
            sum("cost_nano"),
        );
        let values = vec![tenant.to_string().into(), from_ms.into(), to_ms.into()];
        let found = self.database.reader().all(&sql, values).await?;
        let sums = found.iter().map(|row| {
            Ok(UsageSum {
                group: row.try_get("", "label")?,
                n_calls: row.try_get("", "n_calls")?,
                input_tokens: row.try_get("", "input_tokens")?,
                cached_tokens: row.try_get("", "cached_tokens")?,
                output_tokens: row.try_get("", "output_tokens")?,
                cost_nano: row.try_get("", "cost_nano")?,
            })
        });
        Ok(sums.collect::<Result<_, sea_orm::DbErr>>()?)
    }
}

/// `2026-01-31` from the number of days since 1970.
fn day(n_days: &str) -> String {
    let moment = n_days.parse::<i64>().ok().and_then(|n| Timestamp::from_millisecond(n.checked_mul(DAY_MS)?).ok());
    moment.map_or_else(|| n_days.to_owned(), |moment| moment.strftime("%Y-%m-%d").to_string())
}
