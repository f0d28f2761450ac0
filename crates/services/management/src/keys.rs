//! API keys. The secret is shown once and kept nowhere; a key never may more than the person behind it.

use secrecy::ExposeSecret;
use septet_contracts::management as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{ApiKeyId, Caller, UserId};

use crate::check::{Fields, Name};
use crate::management::{denied, has, may_touch, page_of};
use crate::store::{Sessions, id_cursor, keys, users};
use crate::{Error, Management, secret};

impl Management {
    /// Makes a key. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when a key asks, or for a role above the caller's; [`Error::Invalid`];
    /// [`Error::Missing`] for the person.
    pub async fn create_key(&self, caller: &Caller, new: wire::NewApiKey) -> Result<wire::CreatedKey, Error> {
        Permission::ManageOwnKeys.check(caller)?;
        if caller.key.is_some() {
            // Otherwise a leaked key outlives its own expiry and revocation.
            return Err(Error::Refused { code: "key_makes_key", detail: "an API key cannot make API keys; sign in" });
        }
        let Some(owner) = new.user.or(caller.user) else {
            return Err(Error::invalid("user", "say whose key it is"));
        };
        if caller.user != Some(owner) {
            Permission::ManageKeys.check(caller)?;
        }
        let fields = Fields {
            name: Name::Named(&new.name, 100),
            requests_per_minute: new.requests_per_minute,
            ..Fields::default()
        };
        fields.check()?;
        let now = self.clock.now_ms();
        let expires_at = match new.expires_at {
            Some(at) if at.saturating_mul(1000) <= now => {
                return Err(Error::invalid("expires_at", "must be in the future, in seconds since 1970"));
            }
            at => at.map(|at| at.saturating_mul(1000)),
        };
        let scope = self.store.change(caller.tenant).await?;
        let person = scope.get::<users::Entity>(owner).await?;
        let persons_role = crate::mapping::role(&person.role)?;
        may_touch(caller, persons_role)?;
        let role = new.role.unwrap_or(persons_role);
        if role > persons_role {
            return Err(Error::invalid("role", "must not be above the role of the key's owner"));
        }
        let secret = secret::api_key();
        let id: ApiKeyId = self.ids.next();
        let row = keys::Model {
            id: id.to_string(),
            tenant: caller.tenant.to_string(),
            owner: owner.to_string(),
            name: new.name.trim().to_owned(),
            prefix: secret::shown(&secret),
            sha256: secret::sha256(&secret),
            role: role.as_str().to_owned(),
            requests_per_minute: new.requests_per_minute.map(i64::from),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        scope.insert::<keys::Entity>(row.clone(), &row.name).await?;
        scope.commit().await?;
        Ok(wire::CreatedKey { key: crate::mapping::key(&row)?, secret: secret.expose_secret().to_owned() })
    }

    /// The keys of the tenant for those who manage them, one's own for the others.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn keys(&self, caller: &Caller, page: &PageQuery) -> Result<Page<wire::ApiKey>, Error> {
        let mut wanted = Vec::new();
        if !has(caller, Permission::ManageKeys) {
            Permission::ManageOwnKeys.check(caller)?;
            let me = caller.user.ok_or_else(|| denied(Permission::ManageKeys))?;
            wanted.push((keys::Column::Owner, me.to_string().into()));
        }
        let scope = self.store.of(caller.tenant);
        let rows = scope.page::<keys::Entity>(&wanted, page, id_cursor::<ApiKeyId>);
        page_of(rows, |row| crate::mapping::key(&row), |key| key.id.to_string()).await
    }

    /// One key.
    ///
    /// # Errors
    /// [`Error::Missing`], also for a key that the caller may not see.
    pub async fn key(&self, caller: &Caller, id: ApiKeyId) -> Result<wire::ApiKey, Error> {
        let row = self.store.of(caller.tenant).get::<keys::Entity>(id).await?;
        check_sees(caller, &row)?;
        crate::mapping::key(&row)
    }

    /// Makes a key stop working at once. It stays in the list, so that its past use can be explained. Twice is no
    /// error.
    ///
    /// # Errors
    /// [`Error::Missing`], also for a key that the caller may not see.
    pub async fn revoke_key(&self, caller: &Caller, id: ApiKeyId) -> Result<(), Error> {
        let scope = self.store.change(caller.tenant).await?;
        let mut row = scope.get::<keys::Entity>(id).await?;
        check_sees(caller, &row)?;
        let now = self.clock.now_ms();
        let is_new = row.revoked_at.is_none();
        row.revoked_at = row.revoked_at.or(Some(now));
        let name = row.name.clone();
        scope.save::<keys::Entity>(row, &name).await?;
        if is_new {
            scope.rights_change(id, Sessions::GoOn, now).await?;
        }
        scope.commit().await
    }
}

fn check_sees(caller: &Caller, row: &keys::Model) -> Result<(), Error> {
    let is_own = |me: UserId| me.to_string() == row.owner;
    let sees = has(caller, Permission::ManageKeys)
        || has(caller, Permission::ManageOwnKeys) && caller.user.is_some_and(is_own);
    if sees { Ok(()) } else { Err(Error::Missing { noun: "API key", id: row.id.clone() }) }
}
