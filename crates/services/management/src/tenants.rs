//! Tenants. Owners of the home tenant manage all of them; everybody else sees their own.

use septet_contracts::management as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, Role, TenantId};

use crate::check::{Fields, Name};
use crate::management::{by_a_person, denied, has, page_of};
use crate::store::{Sessions, id_cursor, tenants};
use crate::{Error, Management, seeds};

impl Management {
    /// Makes a tenant with its first owner and the agents that every tenant starts with.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] for an API key; [`Error::Invalid`]; [`Error::Taken`] for the tenant's name or
    /// the owner's address.
    pub async fn create_tenant(&self, caller: &Caller, new: wire::NewTenant) -> Result<wire::Tenant, Error> {
        self.check_manages_tenants(caller).await?;
        by_a_person(caller)?;
        Fields { name: Name::Named(&new.name, 64), ..Fields::default() }.check()?;
        let id: TenantId = self.ids.next();
        let now = self.clock.now_ms();
        let row = tenants::Model {
            id: id.to_string(),
            name: new.name.trim().to_owned(),
            home: 0,
            disabled: 0,
            created_at: now,
            updated_at: now,
        };
        let owner = wire::NewUser {
            email: new.owner.email,
            name: new.owner.name,
            password: new.owner.password,
            role: Role::Owner,
        };
        let owner = self.user_row(id, owner).await.map_err(|error| match error {
            Error::Invalid { param, detail } => Error::invalid(format!("owner.{param}"), detail),
            other => other,
        })?;
        let scope = self.store.change(id).await?;
        scope.insert::<tenants::Entity>(row.clone(), &row.name).await?;
        let email = owner.email.clone();
        scope.insert::<crate::store::users::Entity>(owner, &email).await?;
        seeds::plant(self, &scope).await?;
        scope.commit().await?;
        crate::mapping::tenant(&row)
    }

    /// The tenants that the caller may see.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Store`].
    pub async fn tenants(&self, caller: &Caller, page: &PageQuery) -> Result<Page<wire::Tenant>, Error> {
        Permission::ReadTenant.check(caller)?;
        let installation = self.store.installation();
        if self.manages_tenants(caller).await? {
            let rows = installation.tenants(page);
            return page_of(rows, |row| crate::mapping::tenant(&row), |tenant| tenant.id.to_string()).await;
        }
        let scope = self.store.of(caller.tenant);
        let rows = scope.page::<tenants::Entity>(&[], page, id_cursor::<TenantId>);
        page_of(rows, |row| crate::mapping::tenant(&row), |tenant| tenant.id.to_string()).await
    }

    /// One tenant.
    ///
    /// # Errors
    /// [`Error::Missing`], also for one that the caller may not see.
    pub async fn tenant(&self, caller: &Caller, id: TenantId) -> Result<wire::Tenant, Error> {
        Permission::ReadTenant.check(caller)?;
        self.check_sees(caller, id).await?;
        crate::mapping::tenant(&self.store.installation().tenant(id).await?)
    }

    /// Renames a tenant, or locks it.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Denied`]; [`Error::Invalid`]; [`Error::Taken`]; [`Error::Refused`] for locking
    /// the home tenant.
    pub async fn update_tenant(
        &self,
        caller: &Caller,
        id: TenantId,
        change: wire::TenantChange,
    ) -> Result<wire::Tenant, Error> {
        Permission::WriteTenant.check(caller)?;
        by_a_person(caller)?;
        self.check_sees(caller, id).await?;
        let scope = self.store.change(id).await?;
        let mut row = scope.get::<tenants::Entity>(id).await?;
        let was_disabled = row.disabled;
        if let Some(name) = change.name {
            Fields { name: Name::Named(&name, 64), ..Fields::default() }.check()?;
            row.name = name.trim().to_owned();
        }
        if let Some(disabled) = change.disabled {
            self.check_manages_tenants(caller).await?;
            if disabled && row.home != 0 {
                return Err(Error::Refused { code: "home_tenant", detail: "the home tenant cannot be disabled" });
            }
            row.disabled = i64::from(disabled);
        }
        row.updated_at = self.clock.now_ms();
        scope.save::<tenants::Entity>(row.clone(), &row.name).await?;
        if row.disabled != was_disabled {
            let sessions = if row.disabled != 0 { Sessions::End } else { Sessions::GoOn };
            scope.rights_change(id, sessions, row.updated_at).await?;
        }
        scope.commit().await?;
        crate::mapping::tenant(&row)
    }

    async fn check_sees(&self, caller: &Caller, id: TenantId) -> Result<(), Error> {
        if id == caller.tenant || self.manages_tenants(caller).await? {
            Ok(())
        } else {
            Err(Error::Missing { noun: "tenant", id: id.to_string() })
        }
    }

    async fn check_manages_tenants(&self, caller: &Caller) -> Result<(), Error> {
        if !has(caller, Permission::ManageTenants) {
            return Err(denied(Permission::ManageTenants));
        }
        if self.manages_tenants(caller).await? {
            Ok(())
        } else {
            Err(Error::Refused { code: "not_home", detail: "only owners of the home tenant manage tenants" })
        }
    }

    async fn manages_tenants(&self, caller: &Caller) -> Result<bool, Error> {
        Ok(has(caller, Permission::ManageTenants) && self.tenant_row(caller).await?.home != 0)
    }
}
