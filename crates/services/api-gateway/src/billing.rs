//! Money: accounts, the ledger, holds.
//!
//! ```text
//!   request of a prepaid tenant ── reserve ──► hold ─────────────────────────┐
//!   model-gateway's usage feed ── each record once ──► ledger (debit+credit) │ released once the feed has
//!   top-up by the operator ──────────────────────────► ledger                │ caught up with the request
//!                                                        └──► balance ◄──────┘
//! ```
//!
//! The ledger is append only and the truth; balance and held sum are projections kept in the same transaction. A hold
//! is no booking: it only keeps the rest of the balance from being promised twice while a request runs.

mod feed;
mod ledger;
mod reports;

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::ConnectionTrait;
use septet_contracts::gateway::{Balance, BillingMode};
use septet_database::Database;
use septet_kernel::{Clock, Ids, Money, RequestId, TenantId};

use crate::config::BillingConfig;
use crate::{Error, rows};

/// Accounts, ledger and holds. Cheap to clone.
#[derive(Clone)]
pub struct Billing {
    database: Database,
    clock: Clock,
    ids: Ids,
    config: BillingConfig,
    /// Holds whose requests are over; the feed releases them once it has caught up.
    closing: Arc<Mutex<Vec<String>>>,
}

/// Where a hold is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// The amount is kept back.
    Held,
    /// It was charged for what was really used, or given back.
    Settled,
    /// Nobody settled it in time, so it was given back.
    Expired,
}

/// An amount kept back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// How much.
    pub amount: Money,
    /// Where it is in its life.
    pub state: HoldState,
}

/// Lets a request go on. When it is dropped, its hold is on its way back.
#[derive(Debug)]
pub(crate) struct Admission {
    hold: Option<String>,
    closing: Arc<Mutex<Vec<String>>>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.closing.lock().unwrap_or_else(PoisonError::into_inner).push(hold);
        }
    }
}

impl Billing {
    /// Billing over the gateway's own tables.
    #[must_use]
    pub fn new(database: Database, clock: Clock, ids: Ids, config: BillingConfig) -> Self {
        Self { database, clock, ids, config, closing: Arc::default() }
    }

    /// A tenant's account as it stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn balance(&self, tenant: TenantId) -> Result<Balance, Error> {
        Ok(match account(self.database.reader(), tenant).await? {
            Some(balance) => balance,
            None => {
                Balance { tenant, mode: self.config.default_mode, balance_nano: 0, held_nano: 0, available_nano: 0 }
            }
        })
    }

    /// All accounts that were ever touched, by tenant.
    pub(crate) async fn accounts(&self) -> Result<Vec<Balance>, Error> {
        let sql = "SELECT tenant, mode, balance_nano, held_nano FROM gateway_accounts ORDER BY tenant";
        rows::all(self.database.reader(), sql, vec![]).await?.iter().map(read_account).collect()
    }

    /// Changes how a tenant pays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_mode(&self, tenant: TenantId, mode: BillingMode) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        self.database
            .write(async |tx| {
                self.ensure(tx, tenant).await?;
                let sql = "UPDATE gateway_accounts SET mode = $1, updated_at_ms = $2 WHERE tenant = $3";
                rows::run(tx, sql, [mode.as_str().into(), now_ms.into(), tenant.to_string().into()]).await?;
                Ok(())
            })
            .await
    }

    /// Keeps `amount` back from the tenant's balance until the hold is settled or runs out. The same hold again gives
    /// the one that is there.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`] when a prepaid tenant has less available; [`Error::Conflict`] when the hold is
    /// there with another amount or for another tenant.
    pub async fn reserve(&self, tenant: TenantId, hold: &str, amount: Money) -> Result<Hold, Error> {
        if amount < Money::ZERO {
            return Err(Error::bad_request("an amount to reserve may not be negative", "amount"));
        }
        let now_ms = self.clock.now_ms();
        let expires_at_ms = now_ms + i64::from(self.config.hold_expiry_s) * 1000;
        self.database
            .write(async |tx| {
                self.ensure(tx, tenant).await?;
                let sql = "INSERT INTO gateway_holds
                           (id, tenant, amount_nano, state, settled_nano, created_at_ms, expires_at_ms)
                           VALUES ($1, $2, $3, 'held', 0, $4, $5) ON CONFLICT (id) DO NOTHING";
                let owner = tenant.to_string();
                let values = [hold.into(), owner.clone().into(), amount.0.into(), now_ms.into(), expires_at_ms.into()];
                if rows::run(tx, sql, values).await? == 0 {
                    return self.known_hold(tx, &owner, hold, amount).await;
                }
                let sql = "UPDATE gateway_accounts SET held_nano = held_nano + $1, updated_at_ms = $2
                           WHERE tenant = $3 AND (mode = 'unlimited' OR balance_nano - held_nano >= $1)";
                if rows::run(tx, sql, [amount.0.into(), now_ms.into(), owner.into()]).await? == 1 {
                    return Ok(Hold { amount, state: HoldState::Held });
                }
                let available = account(tx, tenant).await?.map_or(0, |balance| balance.available_nano);
                Err(Error::InsufficientBalance { available: Money(available) })
            })
            .await
    }

    async fn known_hold(
        &self,
        connection: &impl ConnectionTrait,
        tenant: &str,
        hold: &str,
        amount: Money,
    ) -> Result<Hold, Error> {
        let sql = "SELECT tenant, amount_nano, state FROM gateway_holds WHERE id = $1";
        let row = rows::one(connection, sql, [hold.into()]).await?.ok_or(Error::Bug("a hold vanished"))?;
        let known = Money(row.try_get("", "amount_nano")?);
        if row.try_get::<String>("", "tenant")? != tenant || known != amount {
            return Err(Error::Conflict("this hold exists with another amount".to_owned()));
        }
        let state = match row.try_get::<String>("", "state")?.as_str() {
            "held" => HoldState::Held,
            "expired" => HoldState::Expired,
            _ => HoldState::Settled,
        };
        Ok(Hold { amount: known, state })
    }

    /// Ends a hold and books what was really used, which may be less or more than was held. A second time, and for a
    /// hold that nobody knows, nothing happens; one that has run out is booked all the same, for the money was spent.
    ///
    /// # Errors
    /// When the database fails; nothing is booked then.
    pub async fn settle(&self, hold: &str, real: Money) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        self.database
            .write(async |tx| {
                let sql = "SELECT tenant, amount_nano, state FROM gateway_holds WHERE id = $1";
                let Some(row) = rows::one(tx, sql, [hold.into()]).await? else { return Ok(()) };
                let tenant: String = row.try_get("", "tenant")?;
                let state: String = row.try_get("", "state")?;
                let sql = "UPDATE gateway_holds SET state = 'settled', settled_nano = $1 WHERE id = $2 AND state = $3";
                // On PostgreSQL another settle may have come between; then this one finds the state changed.
                let is_ours = state != "settled"
                    && rows::run(tx, sql, [real.0.into(), hold.into(), state.as_str().into()]).await? == 1;
                if !is_ours {
                    return Ok(());
                }
                if state == "held" {
                    give_back(tx, &tenant, row.try_get("", "amount_nano")?, now_ms).await?;
                }
                let tenant = tenant.parse().map_err(Error::store)?;
                self.book_use(tx, tenant, &format!("hold:{hold}"), "hold", real, "").await
            })
            .await
    }

    /// Gives back the holds that nobody settled in time; tells how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire(&self) -> Result<usize, Error> {
        let now_ms = self.clock.now_ms();
        self.database
            .write(async |tx| {
                let sql = "SELECT id, tenant, amount_nano FROM gateway_holds
                           WHERE state = 'held' AND expires_at_ms <= $1 LIMIT 500";
                let due = rows::all(tx, sql, vec![now_ms.into()]).await?;
                for row in &due {
                    let sql = "UPDATE gateway_holds SET state = 'expired' WHERE id = $1 AND state = 'held'";
                    if rows::run(tx, sql, [row.try_get::<String>("", "id")?.into()]).await? == 1 {
                        give_back(tx, &row.try_get::<String>("", "tenant")?, row.try_get("", "amount_nano")?, now_ms)
                            .await?;
                    }
                }
                let sql = "DELETE FROM gateway_holds WHERE state <> 'held' AND expires_at_ms < $1";
                // Kept for a week, so that a late settle or a repeated reserve still finds it.
                rows::run(tx, sql, [(now_ms - 7 * 86_400_000).into()]).await?;
                Ok(due.len())
            })
            .await
    }

    /// Lets a request that costs money go on, or not.
    ///
    /// For a prepaid tenant it keeps back the configured amount, or what is left when that is less.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`] when nothing is left.
    pub(crate) async fn admit(&self, tenant: TenantId, request: RequestId) -> Result<Admission, Error> {
        let mut admission = Admission { hold: None, closing: self.closing.clone() };
        for _ in 0..8 {
            let balance = self.balance(tenant).await?;
            if balance.mode == BillingMode::Unlimited {
                return Ok(admission);
            }
            if balance.available_nano <= 0 {
                return Err(Error::InsufficientBalance { available: Money(balance.available_nano) });
            }
            let amount = Money(balance.available_nano.min(self.config.hold_nano));
            let hold = format!("{request}:{}", self.ids.next::<septet_kernel::RecordId>());
            match self.reserve(tenant, &hold, amount).await {
                Ok(_) => {
                    admission.hold = Some(hold);
                    return Ok(admission);
                }
                // Somebody else was faster; what is left now is less.
                Err(Error::InsufficientBalance { available }) if available > Money::ZERO => {}
                Err(error) => return Err(error),
            }
        }
        // So many at once that the rest of the balance changes faster than it can be read: it is as good as spent.
        Err(Error::InsufficientBalance { available: Money::ZERO })
    }

    async fn ensure(&self, connection: &impl ConnectionTrait, tenant: TenantId) -> Result<(), Error> {
        let sql = "INSERT INTO gateway_accounts (tenant, mode, balance_nano, held_nano, updated_at_ms)
                   VALUES ($1, $2, 0, 0, $3) ON CONFLICT (tenant) DO NOTHING";
        let mode = self.config.default_mode.as_str();
        rows::run(connection, sql, [tenant.to_string().into(), mode.into(), self.clock.now_ms().into()]).await?;
        Ok(())
    }
}

async fn give_back(connection: &impl ConnectionTrait, tenant: &str, amount: i64, now_ms: i64) -> Result<(), Error> {
    let sql = "UPDATE gateway_accounts SET held_nano = held_nano - $1, updated_at_ms = $2 WHERE tenant = $3";
    rows::run(connection, sql, [amount.into(), now_ms.into(), tenant.into()]).await?;
    Ok(())
}

async fn account(connection: &impl ConnectionTrait, tenant: TenantId) -> Result<Option<Balance>, Error> {
    let sql = "SELECT tenant, mode, balance_nano, held_nano FROM gateway_accounts WHERE tenant = $1";
    rows::one(connection, sql, [tenant.to_string().into()]).await?.as_ref().map(read_account).transpose()
}

fn read_account(row: &sea_orm::QueryResult) -> Result<Balance, Error> {
    let balance_nano: i64 = row.try_get("", "balance_nano")?;
    let held_nano: i64 = row.try_get("", "held_nano")?;
    let is_prepaid = row.try_get::<String>("", "mode")? == BillingMode::Prepaid.as_str();
    Ok(Balance {
        tenant: row.try_get::<String>("", "tenant")?.parse().map_err(Error::store)?,
        mode: if is_prepaid { BillingMode::Prepaid } else { BillingMode::Unlimited },
        balance_nano,
        held_nano,
        available_nano: balance_nano - held_nano,
    })
}
