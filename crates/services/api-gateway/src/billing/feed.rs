//! Feeds the ledger with what model-gateway metered.
//!
//! Records, bookings and the cursor go into one transaction, so a kill at any moment neither loses a record nor books
//! one twice; and should a cursor ever be set back, the record's own id still books it only once.

use std::time::Duration;

use sea_orm::DatabaseTransaction;
use septet_contracts::models::{Models, UsageRecord};
use septet_database::Sql;
use septet_kernel::{Money, RequestId};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::holds::lock;
use super::ledger::Booked;
use super::{Billing, holds};
use crate::Error;
use crate::auth::nobody;

const CURSOR: &str = "usage";
const PAGE: u32 = 200;

impl Billing {
    /// Feeds the ledger until shutdown.
    pub(crate) async fn feed(self, models: Models, stopping: CancellationToken) {
        let pause = Duration::from_millis(self.config.feed_every_ms.into());
        let mut is_failing = false;
        loop {
            let begun_ms = self.clock.now_ms();
            match self.catch_up(&models).await {
                Ok(()) => {
                    if std::mem::take(&mut is_failing) {
                        info!("the ledger is fed again");
                    }
                    // What had run out before the records were fetched has no record, or one that is booked now.
                    if let Err(error) = self.expire(begun_ms).await {
                        warn!(error.detail = %septet_kernel::causes(&error), "holds cannot be expired");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!(error.detail = %septet_kernel::causes(&error), "usage cannot be fetched, the ledger waits");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    /// Books everything that the feed has.
    ///
    /// # Errors
    /// When the feed or the database fails; what was booked stays booked.
    pub async fn catch_up(&self, models: &Models) -> Result<(), Error> {
        loop {
            let cursor = self.cursor().await?;
            let request = self.ids.next::<RequestId>();
            let page = models.usage_after(&nobody(request), cursor, PAGE).await?;
            self.book_page(&page.data, page.next).await?;
            if !page.has_more {
                return Ok(());
            }
        }
    }

    async fn cursor(&self) -> Result<i64, Error> {
        let sql = "SELECT cursor_text FROM gateway_cursors WHERE name = $1";
        let row = self.database.reader().one(sql, [CURSOR.into()]).await?;
        let text: Option<String> = row.map(|row| row.try_get("", "cursor_text")).transpose()?;
        text.map_or(Ok(0), |text| text.parse().map_err(Error::store))
    }

    async fn book_page(&self, records: &[UsageRecord], next: i64) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        self.database
            .write(async |tx| {
                for record in records {
                    self.take(tx, record).await?;
                }
                let sql = "INSERT INTO gateway_cursors (name, cursor_text) VALUES ($1, $2)
                           ON CONFLICT (name) DO UPDATE SET cursor_text = excluded.cursor_text";
                tx.run(sql, [CURSOR.into(), next.to_string().into()]).await?;
                Ok(())
            })
            .await
    }

    /// Books a record and ends its hold, or puts the record aside.
    async fn take(&self, tx: &DatabaseTransaction, record: &UsageRecord) -> Result<(), Error> {
        let (now_ms, owner) = (self.clock.now_ms(), record.tenant.to_string());
        self.ensure(tx, record.tenant).await?;
        lock(tx, &owner, now_ms).await?;
        let cost = Money(record.cost_nano);
        let refused = match record.absurdity() {
            Some(reason) => Some(reason),
            None if !remember(tx, record).await? => None,
            None => match self.book_use(tx, record.tenant, &record.id.to_string(), cost, &record.model).await? {
                Booked::Now | Booked::Before => {
                    if let Some(doubt) = &record.doubt {
                        self.refuse(tx, record, doubt, cost).await?;
                    }
                    None
                }
                Booked::TooFar => {
                    let sql = "DELETE FROM gateway_usage WHERE record = $1";
                    tx.run(sql, [record.id.to_string().into()]).await?;
                    Some("its cost would take the balance beyond what an account can hold".to_owned())
                }
            },
        };
        if let Some(reason) = &refused {
            self.refuse(tx, record, reason, Money::ZERO).await?;
        }
        match record.hold {
            Some(hold) => {
                let booked = if refused.is_some() { 0 } else { cost.0 };
                holds::end(tx, &owner, &hold.to_string(), "settled", booked, now_ms).await
            }
            None => Ok(()),
        }
    }
}

/// Whether the record is new.
async fn remember(connection: &impl sea_orm::ConnectionTrait, record: &UsageRecord) -> Result<bool, Error> {
    let sql = "INSERT INTO gateway_usage (record, tenant, person, api_key, request, run, model, provider, input_tokens,
               cached_tokens, output_tokens, cost_nano, estimated, at_ms, duration_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
               ON CONFLICT (record) DO NOTHING";
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let values = [
        record.id.to_string().into(),
        record.tenant.to_string().into(),
        record.user.map(|user| user.to_string()).into(),
        record.key.map(|key| key.to_string()).into(),
        record.request.to_string().into(),
        record.run.clone().into(),
        record.model.as_str().into(),
        record.provider.as_str().into(),
        count(record.input_tokens).into(),
        count(record.cached_tokens).into(),
        count(record.output_tokens).into(),
        record.cost_nano.into(),
        i64::from(record.estimated).into(),
        record.started_at_ms.into(),
        record.duration_ms.into(),
    ];
    Ok(connection.run(sql, values).await? == 1)
}
