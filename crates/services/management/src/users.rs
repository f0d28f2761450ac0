//! Users. Everybody may change their own name, address and password; accounts are managed by admins up to their own
//! role. A tenant always keeps an owner who can sign in.

use secrecy::SecretString;
use septet_contracts::management as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, Role, TenantId, UserId};

use crate::check::{Fields, Name, normal_email};
use crate::management::{by_a_person, denied, has, may_touch, page_of};
use crate::store::{Scope, Sessions, id_cursor, users};
use crate::{Error, Management};

impl Management {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] for a role above the caller's and for an API key; [`Error::Invalid`];
    /// [`Error::Taken`] for the address.
    pub async fn create_user(&self, caller: &Caller, new: wire::NewUser) -> Result<wire::User, Error> {
        Permission::ManageUsers.check(caller)?;
        by_a_person(caller)?;
        may_touch(caller, new.role)?;
        let tenant = self.tenant_row(caller).await?;
        let row = self.user_row(caller.tenant, new).await?;
        let scope = self.store.change(caller.tenant).await?;
        scope.insert::<users::Entity>(row.clone(), &row.email).await?;
        scope.commit().await?;
        crate::mapping::user(&row, &tenant)
    }

    /// A checked and hashed user, not yet stored.
    pub(crate) async fn user_row(&self, tenant: TenantId, new: wire::NewUser) -> Result<users::Model, Error> {
        let email = normal_email(&new.email);
        let fields = Fields {
            email: Some(&email),
            password: Some(&new.password),
            name: Name::Label(&new.name, 100),
            ..Fields::default()
        };
        fields.check()?;
        let id: UserId = self.ids.next();
        let now = self.clock.now_ms();
        let name = if new.name.trim().is_empty() { email.clone() } else { new.name.trim().to_owned() };
        Ok(users::Model {
            id: id.to_string(),
            tenant: tenant.to_string(),
            email,
            name,
            role: new.role.as_str().to_owned(),
            password_hash: self.passwords.hash(SecretString::from(new.password)).await?,
            disabled: 0,
            created_at: now,
            updated_at: now,
            last_login_at: None,
        })
    }

    /// The users of the tenant.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn users(&self, caller: &Caller, page: &PageQuery) -> Result<Page<wire::User>, Error> {
        Permission::ReadUsers.check(caller)?;
        let tenant = self.tenant_row(caller).await?;
        let scope = self.store.of(caller.tenant);
        let rows = scope.page::<users::Entity>(&[], page, id_cursor::<UserId>);
        page_of(rows, |row| crate::mapping::user(&row, &tenant), |user| user.id.to_string()).await
    }

    /// One user of the tenant.
    ///
    /// # Errors
    /// [`Error::Denied`] unless it is the caller's own; [`Error::Missing`].
    pub async fn user(&self, caller: &Caller, id: UserId) -> Result<wire::User, Error> {
        if caller.user != Some(id) {
            Permission::ReadUsers.check(caller)?;
        }
        let tenant = self.tenant_row(caller).await?;
        crate::mapping::user(&self.store.of(caller.tenant).get::<users::Entity>(id).await?, &tenant)
    }

    /// Changes a user.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`]; [`Error::Invalid`]; [`Error::Taken`]; [`Error::Refused`] for a role
    /// above the caller's and for an API key; [`Error::LastOwner`].
    pub async fn update_user(
        &self,
        caller: &Caller,
        id: UserId,
        change: wire::UserChange,
    ) -> Result<wire::User, Error> {
        let is_self = caller.user == Some(id);
        if !has(caller, Permission::ManageUsers) && (!is_self || change.role.is_some() || change.disabled.is_some()) {
            return Err(denied(Permission::ManageUsers));
        }
        by_a_person(caller)?;
        let tenant = self.tenant_row(caller).await?;
        let before = self.store.of(caller.tenant).get::<users::Entity>(id).await?;
        if !is_self {
            may_touch(caller, crate::mapping::role(&before.role)?)?;
        }
        let email = change.email.as_deref().map(normal_email);
        let fields = Fields {
            email: email.as_deref(),
            password: change.password.as_deref(),
            name: change.name.as_deref().map_or(Name::Absent, |name| Name::Named(name, 100)),
            ..Fields::default()
        };
        fields.check()?;
        if is_self && (change.password.is_some() || email.as_ref().is_some_and(|email| *email != before.email)) {
            self.check_current(&before, change.current_password).await?;
        }
        // Hashed before the transaction, which holds up every other writer.
        let password_hash = match change.password {
            Some(password) => Some(self.passwords.hash(SecretString::from(password)).await?),
            None => None,
        };

        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let mut row = scope.get::<users::Entity>(id).await?;
        let before = row.clone();
        if !is_self {
            may_touch(caller, crate::mapping::role(&row.role)?)?;
        }
        if let Some(role) = change.role {
            may_touch(caller, role)?;
            row.role = role.as_str().to_owned();
        }
        if let Some(disabled) = change.disabled {
            row.disabled = i64::from(disabled);
        }
        if let Some(name) = change.name {
            row.name = name.trim().to_owned();
        }
        row.email = email.unwrap_or(row.email);
        row.password_hash = password_hash.unwrap_or(row.password_hash);
        row.updated_at = self.clock.now_ms();
        if !is_active_owner(&row) {
            keep_an_owner(&scope, id).await?;
        }
        scope.save::<users::Entity>(row.clone(), &row.email).await?;
        if let Some(sessions) = change_of_rights(&before, &row) {
            scope.rights_change(id, sessions, row.updated_at).await?;
        }
        scope.commit().await?;
        crate::mapping::user(&row, &tenant)
    }

    /// Removes a user and revokes the keys.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`]; [`Error::Refused`] for a role above the caller's and for an API key;
    /// [`Error::LastOwner`].
    pub async fn delete_user(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        Permission::ManageUsers.check(caller)?;
        by_a_person(caller)?;
        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let row = scope.get::<users::Entity>(id).await?;
        may_touch(caller, crate::mapping::role(&row.role)?)?;
        keep_an_owner(&scope, id).await?;
        scope.remove::<users::Entity>(row).await?;
        scope.rights_change(id, Sessions::End, self.clock.now_ms()).await?;
        scope.commit().await
    }

    /// A stolen session must not become a stolen account, so people prove that they know their password.
    async fn check_current(&self, row: &users::Model, current: Option<String>) -> Result<(), Error> {
        let Some(current) = current else {
            return Err(Error::invalid("current_password", "is needed to change one's own password or address"));
        };
        if self.passwords.verify(SecretString::from(current), Some(&row.password_hash)).await? {
            Ok(())
        } else {
            Err(Error::invalid("current_password", "is not right"))
        }
    }
}

/// What a change of an account means for what is open in its name; nothing for a new name.
fn change_of_rights(before: &users::Model, after: &users::Model) -> Option<Sessions> {
    let is_locked_out = after.disabled != 0 && before.disabled == 0;
    if is_locked_out || after.password_hash != before.password_hash {
        return Some(Sessions::End);
    }
    (after.role != before.role || after.disabled != before.disabled).then_some(Sessions::GoOn)
}

fn is_active_owner(row: &users::Model) -> bool {
    row.role == Role::Owner.as_str() && row.disabled == 0
}

/// Passes when somebody besides `id` owns the tenant, or `id` did not own it in the first place.
async fn keep_an_owner<C: sea_orm::ConnectionTrait>(scope: &Scope<C>, id: UserId) -> Result<(), Error> {
    let was_owner = is_active_owner(&scope.get::<users::Entity>(id).await?);
    if was_owner && scope.n_other_owners(&id.to_string()).await? == 0 {
        return Err(Error::LastOwner);
    }
    Ok(())
}
