//! Holds: money that is promised to a call of a model until its usage record is booked.
//!
//! ```text
//!   reserve ──► held ── settle: it cost this much ──► spent ── its record is booked ──► settled
//!                 ├──── release: it cost nothing ───────────────────────────────────────► settled
//!                 └──── nobody renewed it, and the feed has caught up ──────────────────► expired
//! ```
//!
//! A hold is no booking: it only keeps the same money from being promised twice. The account's row is locked first in
//! every transaction here, so that two that change one account go one after the other.

use sea_orm::ConnectionTrait;
use septet_contracts::gateway::{Balance, BillingMode};
use septet_database::Sql;
use septet_kernel::{Money, TenantId};

use super::{Billing, read_account};
use crate::Error;

/// Ended holds are kept for a week, so that whatever comes late still finds them.
const RETENTION_MS: i64 = 7 * 86_400_000;

/// Holds that run out in one go; the next round takes the rest.
const EXPIRY_BATCH: u32 = 500;

/// What is asked for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The id of the hold.
    pub hold: &'a str,
    /// The most that the call can cost.
    pub most: Money,
    /// The least that lets it begin.
    pub least: Money,
    /// The run that it belongs to.
    pub run: Option<&'a str>,
}

/// A hold as its row says.
struct HoldRow {
    amount: i64,
    is_open: bool,
}

impl Billing {
    /// Keeps money back from a prepaid tenant's balance until a call is over: the most that it can cost, or all that is
    /// available when that is less and yet enough to begin. The same hold again changes nothing. Nothing is kept back of
    /// an unlimited tenant, which is answered with `None`.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`] when a prepaid tenant has less available; [`Error::Conflict`] when the hold is
    /// over, or another tenant's.
    pub async fn reserve(&self, tenant: TenantId, wanted: Wanted<'_>) -> Result<Option<Money>, Error> {
        if wanted.least <= Money::ZERO || wanted.least > wanted.most {
            return Err(Error::bad_request("an amount to reserve must be above zero", "least_nano"));
        }
        // Most tenants are unlimited, and their calls must not queue for the one writer.
        let seen = self.balance(tenant).await?;
        if seen.mode == BillingMode::Unlimited {
            return Ok(None);
        }
        let now_ms = self.clock.now_ms();
        let expires_at_ms = now_ms.saturating_add(self.config.hold_ms());
        let owner = tenant.to_string();
        self.database
            .write(async |tx| {
                self.ensure(tx, tenant).await?;
                let account = lock(tx, &owner, now_ms).await?;
                if account.mode == BillingMode::Unlimited {
                    return Ok(None);
                }
                if let Some(known) = repeated(tx, &owner, wanted.hold).await? {
                    return Ok(Some(known));
                }
                let available = Money(account.available_nano);
                if available < wanted.least {
                    return Err(Error::InsufficientBalance { available, needed: wanted.least });
                }
                let granted = available.min(wanted.most);
                let sql = "INSERT INTO gateway_holds
                           (id, tenant, amount_nano, state, settled_nano, created_at_ms, expires_at_ms, run)
                           VALUES ($1, $2, $3, 'held', 0, $4, $5, $6)";
                let values = [
                    wanted.hold.into(),
                    owner.clone().into(),
                    granted.0.into(),
                    now_ms.into(),
                    expires_at_ms.into(),
                    wanted.run.map(str::to_owned).into(),
                ];
                tx.run(sql, values).await?;
                give_back(tx, &owner, -granted.0, now_ms).await?;
                Ok(Some(granted))
            })
            .await
    }

    /// Says what the call of a hold came to: from now on that is what is kept back, until its record is booked. A second
    /// time, and for a hold that is over or that nobody knows, nothing happens.
    ///
    /// # Errors
    /// A bad request for a cost below zero, or above what a call can cost.
    pub async fn settle(&self, tenant: TenantId, hold: &str, cost: Money) -> Result<(), Error> {
        if !(Money::ZERO..=super::refused::MOST_COST).contains(&cost) {
            return Err(Error::bad_request("no call can have cost that", "cost_nano"));
        }
        let (now_ms, owner) = (self.clock.now_ms(), tenant.to_string());
        self.database
            .write(async |tx| {
                self.ensure(tx, tenant).await?;
                lock(tx, &owner, now_ms).await?;
                let sql = "SELECT amount_nano FROM gateway_holds WHERE id = $1 AND tenant = $2 AND state = 'held'";
                let Some(row) = tx.one(sql, [hold.into(), owner.clone().into()]).await? else { return Ok(()) };
                let amount: i64 = row.try_get("", "amount_nano")?;
                let sql = "UPDATE gateway_holds SET state = 'spent', amount_nano = $1 WHERE id = $2";
                tx.run(sql, [cost.0.into(), hold.into()]).await?;
                give_back(tx, &owner, amount.saturating_sub(cost.0), now_ms).await
            })
            .await
    }

    /// Gives a hold back whole. One that does not exist yet cannot be made any more: a request to make it may still be
    /// in flight.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release(&self, tenant: TenantId, hold: &str) -> Result<(), Error> {
        let (now_ms, owner) = (self.clock.now_ms(), tenant.to_string());
        self.database
            .write(async |tx| {
                self.ensure(tx, tenant).await?;
                lock(tx, &owner, now_ms).await?;
                let sql = "INSERT INTO gateway_holds
                           (id, tenant, amount_nano, state, settled_nano, created_at_ms, expires_at_ms)
                           VALUES ($1, $2, 0, 'settled', 0, $3, $3) ON CONFLICT (id) DO NOTHING";
                if tx.run(sql, [hold.into(), owner.clone().into(), now_ms.into()]).await? == 1 {
                    return Ok(());
                }
                end(tx, &owner, hold, "settled", 0, now_ms).await
            })
            .await
    }

    /// Keeps a hold from running out for another while.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew(&self, tenant: TenantId, hold: &str) -> Result<(), Error> {
        let expires_at_ms = self.clock.now_ms().saturating_add(self.config.hold_ms());
        let sql = "UPDATE gateway_holds SET expires_at_ms = $1 WHERE id = $2 AND tenant = $3 AND state = 'held'";
        let values = [expires_at_ms.into(), hold.into(), tenant.to_string().into()];
        self.database.writer().run(sql, values).await?;
        Ok(())
    }

    /// Gives back the holds that had run out at `before_ms`; tells how many. Only for a moment up to which the ledger
    /// has every record: the record of a hold must be booked before its money is promised to somebody else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire(&self, before_ms: i64) -> Result<usize, Error> {
        let now_ms = self.clock.now_ms();
        let sql = "SELECT id, tenant FROM gateway_holds
                   WHERE state IN ('held', 'spent') AND expires_at_ms <= $1 LIMIT $2";
        let due = self.database.reader().all(sql, vec![before_ms.into(), i64::from(EXPIRY_BATCH).into()]).await?;
        for row in &due {
            let (id, owner): (String, String) = (row.try_get("", "id")?, row.try_get("", "tenant")?);
            self.database
                .write(async |tx| {
                    lock(tx, &owner, now_ms).await?;
                    // It may have been renewed meanwhile.
                    let sql = "SELECT id FROM gateway_holds WHERE id = $1 AND expires_at_ms <= $2";
                    match tx.one(sql, [id.as_str().into(), before_ms.into()]).await? {
                        Some(_) => end(tx, &owner, &id, "expired", 0, now_ms).await,
                        None => Ok(()),
                    }
                })
                .await?;
        }
        let sql = "DELETE FROM gateway_holds WHERE state NOT IN ('held', 'spent') AND expires_at_ms < $1";
        self.database.writer().run(sql, [now_ms.saturating_sub(RETENTION_MS).into()]).await?;
        Ok(due.len())
    }
}

/// Ends a hold, if it is open, and gives back what it kept. The account is locked.
pub(super) async fn end(
    connection: &impl ConnectionTrait,
    owner: &str,
    hold: &str,
    state: &str,
    cost: i64,
    now_ms: i64,
) -> Result<(), Error> {
    let Some(HoldRow { amount, is_open: true }) = row(connection, owner, hold).await? else { return Ok(()) };
    let sql = "UPDATE gateway_holds SET state = $1, settled_nano = $2 WHERE id = $3";
    connection.run(sql, [state.into(), cost.into(), hold.into()]).await?;
    give_back(connection, owner, amount, now_ms).await
}

/// Locks the row of an account until the transaction ends, and reads it.
pub(super) async fn lock(connection: &impl ConnectionTrait, owner: &str, now_ms: i64) -> Result<Balance, Error> {
    let sql = "UPDATE gateway_accounts SET updated_at_ms = $1 WHERE tenant = $2
               RETURNING tenant, mode, balance_nano, held_nano";
    let row = connection.one(sql, [now_ms.into(), owner.into()]).await?;
    read_account(&row.ok_or(Error::Bug("an account vanished"))?)
}

/// What a hold that is there already keeps back.
async fn repeated(connection: &impl ConnectionTrait, owner: &str, hold: &str) -> Result<Option<Money>, Error> {
    let sql = "SELECT tenant FROM gateway_holds WHERE id = $1";
    let Some(known) = connection.one(sql, [hold.into()]).await? else { return Ok(None) };
    if known.try_get::<String>("", "tenant")? == owner
        && let Some(HoldRow { amount, is_open: true }) = row(connection, owner, hold).await?
    {
        return Ok(Some(Money(amount)));
    }
    Err(Error::Conflict("this hold is over, or somebody else's".to_owned()))
}

async fn row(connection: &impl ConnectionTrait, owner: &str, hold: &str) -> Result<Option<HoldRow>, Error> {
    let sql = "SELECT amount_nano, state FROM gateway_holds WHERE id = $1 AND tenant = $2";
    let Some(row) = connection.one(sql, [hold.into(), owner.into()]).await? else { return Ok(None) };
    let state: String = row.try_get("", "state")?;
    Ok(Some(HoldRow { amount: row.try_get("", "amount_nano")?, is_open: state == "held" || state == "spent" }))
}

/// Less is kept back, or more for an amount below zero. The held sum is bounded by what was available or by what calls
/// can cost, so it cannot overflow.
async fn give_back(connection: &impl ConnectionTrait, owner: &str, amount: i64, now_ms: i64) -> Result<(), Error> {
    let sql = "UPDATE gateway_accounts SET held_nano = held_nano - $1, updated_at_ms = $2 WHERE tenant = $3";
    connection.run(sql, [amount.into(), now_ms.into(), owner.into()]).await?;
    Ok(())
}
