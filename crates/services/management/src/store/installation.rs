//! What is asked before or above any tenant: who signs in, whose key this is, which tenants there are.

use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use septet_contracts::page::PageQuery;
use septet_database::Database;
use septet_kernel::TenantId;

use super::{Scope, keys, tenants, users};
use crate::Error;

/// All tenants.
pub(crate) struct Installation {
    pub(super) database: Database,
}

impl Installation {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The account with this address, with its tenant.
    pub(crate) async fn user_by_email(&self, email: &str) -> Result<Option<(users::Model, tenants::Model)>, Error> {
        let user = users::Entity::find().filter(users::Column::Email.eq(email)).one(self.database.reader()).await;
        self.with_tenant(user.map_err(Error::doing("look up an address"))?).await
    }

    /// An account, with its tenant.
    pub(crate) async fn user(&self, id: &str) -> Result<Option<(users::Model, tenants::Model)>, Error> {
        let user = users::Entity::find_by_id(id).one(self.database.reader()).await;
        self.with_tenant(user.map_err(Error::doing("look up an account"))?).await
    }

    async fn with_tenant(&self, user: Option<users::Model>) -> Result<Option<(users::Model, tenants::Model)>, Error> {
        let Some(user) = user else { return Ok(None) };
        let tenant = tenants::Entity::find_by_id(user.tenant.as_str()).one(self.database.reader()).await;
        Ok(tenant.map_err(Error::doing("look up a tenant"))?.map(|tenant| (user, tenant)))
    }

    /// The key with this hash.
    pub(crate) async fn key_by_sha256(&self, sha256: &str) -> Result<Option<keys::Model>, Error> {
        keys::Entity::find()
            .filter(keys::Column::Sha256.eq(sha256))
            .one(self.database.reader())
            .await
            .map_err(Error::doing("look up a key"))
    }

    /// Notes that a key was used.
    pub(crate) async fn key_used(&self, id: &str, now_ms: i64) -> Result<(), Error> {
        let update = keys::Entity::update_many()
            .col_expr(keys::Column::LastUsedAt, Expr::value(now_ms))
            .filter(keys::Column::Id.eq(id));
        update.exec(self.database.writer()).await.map(|_n| ()).map_err(Error::doing("note the use of a key"))
    }

    /// Notes that somebody signed in.
    pub(crate) async fn signed_in(&self, id: &str, now_ms: i64) -> Result<(), Error> {
        let update = users::Entity::update_many()
            .col_expr(users::Column::LastLoginAt, Expr::value(now_ms))
            .filter(users::Column::Id.eq(id));
        update.exec(self.database.writer()).await.map(|_n| ()).map_err(Error::doing("note a login"))
    }

    /// The tenant made at the first start; nothing before that.
    pub(crate) async fn home(&self) -> Result<Option<tenants::Model>, Error> {
        tenants::Entity::find()
            .filter(tenants::Column::Home.eq(1))
            .one(self.database.reader())
            .await
            .map_err(Error::doing("look up the home tenant"))
    }

    /// Any tenant.
    pub(crate) async fn tenant(&self, id: TenantId) -> Result<tenants::Model, Error> {
        tenants::Entity::find_by_id(id.to_string())
            .one(self.database.reader())
            .await
            .map_err(Error::doing("look up a tenant"))?
            .ok_or(Error::Missing { noun: "tenant", id: id.to_string() })
    }

    /// A page of all tenants, and whether more follow.
    pub(crate) async fn tenants(&self, page: &PageQuery) -> Result<(Vec<tenants::Model>, bool), Error> {
        super::paged::<tenants::Entity>(
            tenants::Entity::find(),
            page,
            super::id_cursor::<TenantId>,
            self.database.reader(),
        )
        .await
    }
}

impl<C: ConnectionTrait> Scope<C> {
    /// How many people who are not locked out own this tenant, besides one.
    pub(crate) async fn n_other_owners(&self, besides: &str) -> Result<usize, Error> {
        let wanted = [(users::Column::Role, "owner".into()), (users::Column::Disabled, 0.into())];
        Ok(self.all::<users::Entity>(&wanted).await?.iter().filter(|owner| owner.id != besides).count())
    }
}
