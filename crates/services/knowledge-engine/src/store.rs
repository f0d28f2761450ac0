//! Persistence, and the fence between tenants.
//!
//! A [`Tenant`] is the only way to the rows of one: it adds the tenant to every query. What works for all tenants at
//! once (the index, jobs that were told whose file it is) is in [`Store`] itself and named for what it does. The
//! passage table is the truth that the search index follows: every change of it takes the next number of a sequence, in
//! the same transaction.

mod blobs;
mod changes;
mod chunks;
mod documents;
mod files;
mod pages;
mod sequence;

use sea_orm::{ConnectionTrait, QueryResult, Statement, TryGetable, Value};
use septet_contracts::page::PageQuery;
use septet_database::Database;
use septet_kernel::{Clock, Ids, TenantId};

pub(crate) use chunks::StoredChunk;
pub(crate) use documents::{Counts, Document, Key, Status};
pub(crate) use files::FileRow;

use crate::Error;

/// All rows of this service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    clock: Clock,
    ids: Ids,
}

/// The rows of one tenant.
pub(crate) struct Tenant<'a> {
    store: &'a Store,
    id: TenantId,
}

impl Store {
    pub(crate) fn new(database: Database, clock: Clock, ids: Ids) -> Self {
        Self { database, clock, ids }
    }

    /// The rows of one tenant.
    pub(crate) fn of(&self, tenant: TenantId) -> Tenant<'_> {
        Tenant { store: self, id: tenant }
    }

    async fn all(
        &self,
        doing: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, Error> {
        let on = self.database.reader();
        on.query_all_raw(statement(on, sql, values)).await.map_err(Error::doing(doing))
    }

    async fn one(
        &self,
        doing: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>, Error> {
        let on = self.database.reader();
        on.query_one_raw(statement(on, sql, values)).await.map_err(Error::doing(doing))
    }

    /// How many rows it changed.
    async fn run(&self, doing: &'static str, sql: impl Into<String>, values: Vec<Value>) -> Result<u64, Error> {
        let on = self.database.writer();
        let done = on.execute_raw(statement(on, sql, values)).await.map_err(Error::doing(doing))?;
        Ok(done.rows_affected())
    }
}

/// A statement with `$1`, `$2`, ... which both databases understand.
fn statement(on: &impl ConnectionTrait, sql: impl Into<String>, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(on.get_database_backend(), sql.into(), values)
}

async fn execute(on: &impl ConnectionTrait, sql: impl Into<String>, values: Vec<Value>) -> Result<u64, Error> {
    Ok(on.execute_raw(statement(on, sql, values)).await?.rows_affected())
}

fn column<T: TryGetable>(row: &QueryResult, name: &str) -> Result<T, Error> {
    row.try_get("", name).map_err(Error::doing("read a row"))
}

fn parsed<T: std::str::FromStr>(row: &QueryResult, name: &'static str) -> Result<T, Error> {
    column::<String>(row, name)?.parse().map_err(|_| Error::BadRow { what: name })
}

fn json<T: serde::de::DeserializeOwned>(row: &QueryResult, name: &'static str) -> Result<T, Error> {
    serde_json::from_str(&column::<String>(row, name)?).map_err(|_| Error::BadRow { what: name })
}

fn number<T: TryFrom<i64> + Default>(row: &QueryResult, name: &str) -> Result<T, Error> {
    Ok(T::try_from(column::<i64>(row, name)?).unwrap_or_default())
}

/// `$4, $5, $6` for three values after three others.
fn places(from: usize, n: usize) -> String {
    (from..from + n).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}

/// The end of a query for a page ordered by the column `id`, one row more than the page has. `values` gets what it
/// refers to.
fn page_clause(page: &PageQuery, id: &str, values: &mut Vec<Value>) -> String {
    let mut clause = String::new();
    // A page "before" an id is read backwards and turned round by the caller.
    let ascending = page.is_ascending() != (page.before.is_some() && page.after.is_none());
    let (after, before) = if page.is_ascending() { (">", "<") } else { ("<", ">") };
    for (bound, sign) in [(&page.after, after), (&page.before, before)] {
        if let Some(bound) = bound {
            values.push(bound.clone().into());
            clause.push_str(&format!(" AND {id} {sign} ${}", values.len()));
        }
    }
    let order = if ascending { "ASC" } else { "DESC" };
    clause.push_str(&format!(" ORDER BY {id} {order} LIMIT {}", page.limit() + 1));
    clause
}

/// Cuts what [`page_clause`] read to the page and tells whether there is more.
fn cut<T>(page: &PageQuery, mut rows: Vec<T>) -> (Vec<T>, bool) {
    let has_more = rows.len() > page.limit() as usize;
    rows.truncate(page.limit() as usize);
    if page.before.is_some() && page.after.is_none() {
        rows.reverse();
    }
    (rows, has_more)
}
