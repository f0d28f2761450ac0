//! Money: accounts, the ledger, holds.
//!
//! ```text
//!   model-gateway, before each call ── reserve ──► hold ─────────────────────┐
//!   model-gateway's usage feed ── each record once ──► ledger (debit+credit) │ ended by the record that names it,
//!   top-up by the operator ──────────────────────────► ledger                │ in the same transaction
//!                                                        └──► balance ◄──────┘
//! ```
//!
//! The ledger is append only and authoritative; balance and held sum are projections updated in the same transaction.
//! No sum can overflow: a record with impossible figures is quarantined ([`refused`]).

mod feed;
mod holds;
mod ledger;
mod refused;
mod reports;

use sea_orm::ConnectionTrait;
use septet_contracts::gateway::{Balance, BillingMode};
use septet_database::{Database, Sql};
use septet_kernel::{Clock, Ids, TenantId};

pub use self::holds::Wanted;
use crate::Error;
use crate::config::BillingConfig;

/// Accounts, ledger and holds. Cheap to clone.
#[derive(Clone)]
pub struct Billing {
    database: Database,
    clock: Clock,
    ids: Ids,
    config: BillingConfig,
}

impl Billing {
    /// Billing over the gateway's own tables.
    #[must_use]
    pub fn new(database: Database, clock: Clock, ids: Ids, config: BillingConfig) -> Self {
        Self { database, clock, ids, config }
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
        self.database.reader().all(sql, vec![]).await?.iter().map(read_account).collect()
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
                tx.run(sql, [mode.as_str().into(), now_ms.into(), tenant.to_string().into()]).await?;
                Ok(())
            })
            .await
    }

    /// How long a hold lasts unless it is renewed, in milliseconds.
    pub(crate) fn hold_ms(&self) -> u64 {
        self.config.hold_ms().unsigned_abs()
    }

    async fn ensure(&self, connection: &impl ConnectionTrait, tenant: TenantId) -> Result<(), Error> {
        let sql = "INSERT INTO gateway_accounts (tenant, mode, balance_nano, held_nano, updated_at_ms)
                   VALUES ($1, $2, 0, 0, $3) ON CONFLICT (tenant) DO NOTHING";
        let mode = self.config.default_mode.as_str();
        connection.run(sql, [tenant.to_string().into(), mode.into(), self.clock.now_ms().into()]).await?;
        Ok(())
    }
}

async fn account(connection: &impl ConnectionTrait, tenant: TenantId) -> Result<Option<Balance>, Error> {
    let sql = "SELECT tenant, mode, balance_nano, held_nano FROM gateway_accounts WHERE tenant = $1";
    connection.one(sql, [tenant.to_string().into()]).await?.as_ref().map(read_account).transpose()
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
        available_nano: balance_nano.saturating_sub(held_nano),
    })
}
