//! Bookings: one debit and one credit of the same amount, once for each record.
//!
//! A tenant's account is what the platform owes the tenant: a top-up credits it against the platform's cash, usage
//! debits it in favour of the platform's revenue. Balance = credits - debits.

use sea_orm::ConnectionTrait;
use septet_contracts::gateway::{Balance, LedgerEntry};
use septet_contracts::page::{Page, PageQuery};
use septet_database::{Sql, cut, page_clause};
use septet_kernel::{Money, RecordId, TenantId};

use super::holds::lock;
use super::{Billing, account};
use crate::Error;

const REVENUE: &str = "platform:revenue";
const CASH: &str = "platform:cash";

/// No balance goes beyond this, above or below zero: 9,000,000,000 units. It leaves room to add and subtract in whole
/// numbers, also where SQLite would silently continue in floating point.
const MAX_BALANCE: i64 = 9_000_000_000_000_000_000;

/// Whether something was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Booked {
    /// It was, now.
    Now,
    /// It had been before.
    Before,
    /// The balance would go beyond what an account can hold.
    TooFar,
}

struct Booking<'a> {
    record: &'a str,
    kind: &'a str,
    debit: &'a str,
    credit: &'a str,
    tenant: TenantId,
    amount: Money,
    memo: &'a str,
}

impl Billing {
    /// Puts money on a tenant's account. The same `key` again changes nothing and gives the balance as it stands.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key was used for another amount; a bad request for an amount of nothing or less.
    pub async fn top_up(&self, tenant: TenantId, amount: Money, key: &str, memo: &str) -> Result<Balance, Error> {
        if amount <= Money::ZERO {
            return Err(Error::bad_request("the amount must be above zero", "amount_nano"));
        }
        let record = format!("top_up:{tenant}:{key}");
        let customer = customer(tenant);
        self.database
            .write(async |tx| {
                self.ensure(tx, tenant).await?;
                let booking =
                    Booking { record: &record, kind: "top_up", debit: CASH, credit: &customer, tenant, amount, memo };
                let booked = self.book(tx, &booking).await?;
                if booked == Booked::TooFar {
                    return Err(Error::bad_request("no account holds that much", "amount_nano"));
                }
                if booked == Booked::Before {
                    let sql = "SELECT amount_nano FROM gateway_ledger WHERE record = $1 AND side = 'debit'";
                    let known = tx.one(sql, [record.as_str().into()]).await?;
                    let known: Option<i64> = known.map(|row| row.try_get("", "amount_nano")).transpose()?;
                    if known != Some(amount.0) {
                        return Err(Error::Conflict("this key was used for another amount".to_owned()));
                    }
                }
                account(tx, tenant).await?.ok_or(Error::Bug("an account vanished"))
            })
            .await
    }

    /// Books what a tenant used, which is nothing or more.
    pub(super) async fn book_use(
        &self,
        connection: &impl ConnectionTrait,
        tenant: TenantId,
        record: &str,
        amount: Money,
        memo: &str,
    ) -> Result<Booked, Error> {
        if amount == Money::ZERO {
            return Ok(Booked::Before);
        }
        let debit = customer(tenant);
        let booking = Booking { record, kind: "usage", debit: &debit, credit: REVENUE, tenant, amount, memo };
        self.book(connection, &booking).await
    }

    /// Books once for each record. The amount is above zero.
    async fn book(&self, connection: &impl ConnectionTrait, booking: &Booking<'_>) -> Result<Booked, Error> {
        let now_ms = self.clock.now_ms();
        let owner = booking.tenant.to_string();
        let account = lock(connection, &owner, now_ms).await?;
        let sql = "SELECT record FROM gateway_ledger WHERE record = $1 AND side = 'debit'";
        if connection.one(sql, [booking.record.into()]).await?.is_some() {
            return Ok(Booked::Before);
        }
        let is_credit = booking.credit == customer(booking.tenant);
        let change = if is_credit { booking.amount.0 } else { -booking.amount.0 };
        let balance = account.balance_nano.checked_add(change).filter(|sum| (-MAX_BALANCE..=MAX_BALANCE).contains(sum));
        let Some(balance) = balance else { return Ok(Booked::TooFar) };
        let sql = "INSERT INTO gateway_ledger (id, record, side, account, tenant, kind, amount_nano, memo, at_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (record, side) DO NOTHING";
        for (side, account) in [("debit", booking.debit), ("credit", booking.credit)] {
            let values = [
                self.ids.next::<RecordId>().to_string().into(),
                booking.record.into(),
                side.into(),
                account.into(),
                owner.clone().into(),
                booking.kind.into(),
                booking.amount.0.into(),
                booking.memo.into(),
                now_ms.into(),
            ];
            if connection.run(sql, values).await? == 0 {
                return Ok(Booked::Before);
            }
        }
        let sql = "UPDATE gateway_accounts SET balance_nano = $1, updated_at_ms = $2 WHERE tenant = $3";
        connection.run(sql, [balance.into(), now_ms.into(), owner.into()]).await?;
        Ok(Booked::Now)
    }

    /// A tenant's bookings, newest first: only the side on its own account.
    pub(crate) async fn ledger(&self, tenant: TenantId, page: &PageQuery) -> Result<Page<LedgerEntry>, Error> {
        let mut values = vec![tenant.to_string().into(), customer(tenant).into()];
        let sql = format!(
            "SELECT id, record, side, account, kind, amount_nano, memo, at_ms FROM gateway_ledger
             WHERE tenant = $1 AND account = $2{}",
            page_clause(page, "id", &mut values)
        );
        let entries = self
            .database
            .reader()
            .all(&sql, values)
            .await?
            .iter()
            .map(|row| {
                Ok(LedgerEntry {
                    id: row.try_get("", "id")?,
                    record: row.try_get("", "record")?,
                    side: row.try_get("", "side")?,
                    account: row.try_get("", "account")?,
                    kind: row.try_get("", "kind")?,
                    amount_nano: row.try_get("", "amount_nano")?,
                    memo: row.try_get("", "memo")?,
                    at_ms: row.try_get("", "at_ms")?,
                })
            })
            .collect::<Result<Vec<_>, sea_orm::DbErr>>()?;
        let (entries, has_more) = cut(page, entries);
        Ok(Page::new(entries, has_more, |entry| entry.id.clone()))
    }

    /// Compares the projections with the ledger and the open holds; gives the tenants where they differ, and whether
    /// all debits equal all credits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn check(&self) -> Result<(Vec<String>, bool), Error> {
        let sql = "SELECT a.tenant AS tenant FROM gateway_accounts a WHERE
            a.balance_nano <> (SELECT CAST(COALESCE(SUM(CASE WHEN l.side = 'credit' THEN l.amount_nano
                               ELSE -l.amount_nano END), 0) AS BIGINT)
                               FROM gateway_ledger l WHERE l.account = 'tenant:' || a.tenant)
            OR a.held_nano <> (SELECT CAST(COALESCE(SUM(h.amount_nano), 0) AS BIGINT)
                               FROM gateway_holds h WHERE h.tenant = a.tenant AND h.state IN ('held', 'spent'))";
        let wrong = self.database.reader().all(sql, vec![]).await?;
        let wrong = wrong.iter().map(|row| row.try_get("", "tenant")).collect::<Result<_, _>>()?;
        let sql = "SELECT CAST(COALESCE(SUM(CASE WHEN side = 'credit' THEN amount_nano ELSE -amount_nano END), 0)
                   AS BIGINT) AS difference FROM gateway_ledger";
        let row = self.database.reader().one(sql, []).await?.ok_or(Error::Bug("a sum without a row"))?;
        Ok((wrong, row.try_get::<i64>("", "difference")? == 0))
    }
}

fn customer(tenant: TenantId) -> String {
    format!("tenant:{tenant}")
}
