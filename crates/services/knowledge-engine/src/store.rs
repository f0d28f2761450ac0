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

use sea_orm::{QueryResult, Value};
use septet_database::{Database, Sql};
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
        on.all(sql, values).await.map_err(Error::doing(doing))
    }

    async fn one(
        &self,
        doing: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>, Error> {
        let on = self.database.reader();
        on.one(sql, values).await.map_err(Error::doing(doing))
    }

    /// How many rows it changed.
    async fn run(&self, doing: &'static str, sql: impl Into<String>, values: Vec<Value>) -> Result<u64, Error> {
        let on = self.database.writer();
        on.run(sql, values).await.map_err(Error::doing(doing))
    }
}
