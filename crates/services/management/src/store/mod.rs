//! Persistence, and the fence between tenants.
//!
//! A [`Scope`] is the only way to a row: it is made for one tenant, adds that tenant to every query, and refuses to
//! write a row of another. The one exception is named for what it is: [`Installation`] is asked before any tenant is
//! known (signing in) or above all of them (tenants).

mod bases;
mod installation;
mod rights;
mod tables;

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    DbErr, EntityTrait, IntoActiveModel, ModelTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select, SqlErr,
    Value,
};
use septet_contracts::page::PageQuery;
use septet_database::Database;
use septet_kernel::TenantId;

pub(crate) use installation::Installation;
pub(crate) use rights::Sessions;
pub(crate) use tables::{agents, keys, knowledge_bases, prompt_versions, prompts, tenants, users};

use crate::Error;

/// A table whose rows belong to tenants.
pub(crate) trait Table: EntityTrait {
    /// What a row is called to a person.
    const NOUN: &'static str;
    /// What its pages are ordered by.
    fn id() -> Self::Column;
    /// Whose the row is.
    fn tenant() -> Self::Column;
    /// Whose this row is.
    fn tenant_of(row: &Self::Model) -> &str;
    /// Which row this is.
    fn id_of(row: &Self::Model) -> &str;
}

/// Opens scopes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The tenant's rows, for reading.
    pub(crate) fn of(&self, tenant: TenantId) -> Scope<DatabaseConnection> {
        Scope { on: self.database.reader().clone(), tenant: tenant.to_string() }
    }

    /// The tenant's rows in a transaction: nothing is written until [`Scope::commit`].
    pub(crate) async fn change(&self, tenant: TenantId) -> Result<Scope<DatabaseTransaction>, Error> {
        let on = self.database.begin().await.map_err(Error::doing("begin a change"))?;
        Ok(Scope { on, tenant: tenant.to_string() })
    }

    /// All tenants: for signing in, and for the owners of the home tenant.
    pub(crate) fn installation(&self) -> Installation {
        Installation::new(self.database.clone())
    }
}

/// The rows of one tenant.
pub(crate) struct Scope<C> {
    on: C,
    tenant: String,
}

impl Scope<DatabaseTransaction> {
    /// Makes everything written in this scope true at once.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.on.commit().await.map_err(Error::doing("commit a change"))
    }

    /// Waits until no other change of this tenant is under way: for rules over several rows. SQLite has one writer
    /// anyway.
    pub(crate) async fn alone(&self) -> Result<(), Error> {
        self.find::<tenants::Entity>()
            .lock_exclusive()
            .one(&self.on)
            .await
            .map(|_row| ())
            .map_err(Error::doing("lock a tenant"))
    }
}

impl<C: ConnectionTrait> Scope<C> {
    /// Whose rows these are.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    fn find<T: Table>(&self) -> Select<T> {
        T::find().filter(T::tenant().eq(self.tenant.as_str()))
    }

    /// One row.
    ///
    /// # Errors
    /// [`Error::Missing`], also for another tenant's row.
    pub(crate) async fn get<T: Table>(&self, id: impl ToString) -> Result<T::Model, Error> {
        let id = id.to_string();
        self.first::<T>(&[(T::id(), id.as_str().into())]).await?.ok_or(Error::Missing { noun: T::NOUN, id })
    }

    /// The first row in which all these columns have these values.
    pub(crate) async fn first<T: Table>(&self, wanted: &[(T::Column, Value)]) -> Result<Option<T::Model>, Error> {
        self.filtered::<T>(wanted).one(&self.on).await.map_err(Error::doing("read a row"))
    }

    /// All rows in which these columns have these values.
    pub(crate) async fn all<T: Table>(&self, wanted: &[(T::Column, Value)]) -> Result<Vec<T::Model>, Error> {
        self.filtered::<T>(wanted).all(&self.on).await.map_err(Error::doing("read rows"))
    }

    fn filtered<T: Table>(&self, wanted: &[(T::Column, Value)]) -> Select<T> {
        wanted.iter().fold(self.find::<T>(), |select, (column, value)| select.filter(column.eq(value.clone())))
    }

    /// A page of the rows in which these columns have these values, and whether more follow. `cursor` reads the ids in
    /// the query.
    pub(crate) async fn page<T: Table>(
        &self,
        wanted: &[(T::Column, Value)],
        page: &PageQuery,
        cursor: impl Fn(&str) -> Option<Value>,
    ) -> Result<(Vec<T::Model>, bool), Error> {
        paged::<T>(self.filtered::<T>(wanted), page, cursor, &self.on).await
    }

    /// Writes a new row.
    ///
    /// # Errors
    /// [`Error::Taken`] with `name` when a unique column clashes.
    pub(crate) async fn insert<T>(&self, row: T::Model, name: &str) -> Result<(), Error>
    where
        T: Table,
        T::Model: IntoActiveModel<T::ActiveModel>,
        T::ActiveModel: Send,
    {
        self.fence::<T>(&row)?;
        let inserted = T::insert(row.into_active_model()).exec_without_returning(&self.on).await;
        inserted.map(|_n| ()).map_err(|error| clash::<T>(error, name))
    }

    /// Writes a changed row.
    ///
    /// # Errors
    /// [`Error::Taken`] with `name` when a unique column clashes.
    pub(crate) async fn save<T>(&self, row: T::Model, name: &str) -> Result<(), Error>
    where
        T: Table,
        T::Model: IntoActiveModel<T::ActiveModel>,
        T::ActiveModel: ActiveModelBehavior + Send,
    {
        self.fence::<T>(&row)?;
        let saved = row.into_active_model().reset_all().update(&self.on).await;
        saved.map(|_row| ()).map_err(|error| clash::<T>(error, name))
    }

    /// Removes a row.
    pub(crate) async fn remove<T>(&self, row: T::Model) -> Result<(), Error>
    where
        T: Table,
        T::Model: IntoActiveModel<T::ActiveModel>,
        T::ActiveModel: ActiveModelBehavior + Send,
    {
        self.fence::<T>(&row)?;
        row.delete(&self.on).await.map(|_n| ()).map_err(Error::doing("remove a row"))
    }

    fn fence<T: Table>(&self, row: &T::Model) -> Result<(), Error> {
        if T::tenant_of(row) == self.tenant {
            Ok(())
        } else {
            Err(Error::Missing { noun: T::NOUN, id: T::id_of(row).to_owned() })
        }
    }
}

/// A unique column that clashes is the user's name that is taken; anything else is ours.
fn clash<T: Table>(error: DbErr, name: &str) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Taken { noun: T::NOUN, name: name.to_owned() },
        _ => Error::Store { doing: "write a row", source: error },
    }
}

/// A page of what `select` finds, and whether more follow.
async fn paged<T: Table>(
    mut select: Select<T>,
    page: &PageQuery,
    cursor: impl Fn(&str) -> Option<Value>,
    on: &impl ConnectionTrait,
) -> Result<(Vec<T::Model>, bool), Error> {
    let read = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match cursor(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::invalid(name, "is not an id of such a list")),
        },
    };
    let (after, before) = (read("after", &page.after)?, read("before", &page.before)?);
    if !matches!(page.order.as_deref(), None | Some("asc" | "desc")) {
        return Err(Error::invalid("order", "must be asc or desc"));
    }
    // With `before` alone the wanted rows are the last ones before it, so they are read backwards.
    let is_backwards = before.is_some() && after.is_none();
    for (bound, is_after) in [(after, true), (before, false)] {
        let Some(bound) = bound else { continue };
        let is_above = is_after == page.is_ascending();
        select = select.filter(if is_above { T::id().gt(bound) } else { T::id().lt(bound) });
    }
    let order = if page.is_ascending() == is_backwards { Order::Desc } else { Order::Asc };
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let mut rows = select
        .order_by(T::id(), order)
        .limit(u64::from(page.limit()) + 1)
        .all(on)
        .await
        .map_err(Error::doing("list rows"))?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    if is_backwards {
        rows.reverse();
    }
    Ok((rows, has_more))
}

/// Reads a typed id as the cursor of a page.
pub(crate) fn id_cursor<Id: std::str::FromStr + ToString>(text: &str) -> Option<Value> {
    text.parse::<Id>().ok().map(|id| id.to_string().into())
}

/// Reads a version number as the cursor of a page.
pub(crate) fn number_cursor(text: &str) -> Option<Value> {
    text.parse::<i64>().ok().map(Value::from)
}
