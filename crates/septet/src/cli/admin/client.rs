//! Management without a server in front of it, with an owner's rights.

use anyhow::{Context, bail};
use rand::distr::{Alphanumeric, SampleString};
use septet_contracts::management::{ApiKey, CreatedKey, NewApiKey, NewUser, User, UserChange};
use septet_contracts::page::{Page, PageQuery};
use septet_database::Database;
use septet_kernel::{ApiKeyId, Caller, Clock, Ids, Role, TenantId};
use septet_management::Management;

/// What the command line does to users and keys. Everything goes through Management, so its rules hold here too: a
/// tenant keeps an owner, and what is taken away stops working in servers that run meanwhile.
pub struct AdminClient {
    management: Management,
    ids: Ids,
    home: TenantId,
}

impl AdminClient {
    /// A client of an installation that has been started once.
    ///
    /// # Errors
    /// When it has not been started yet, or the database fails.
    pub async fn open(database: Database) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let ids = Ids::new(clock.clone());
        let management = Management::new(database, clock, ids.clone()).await?;
        let home =
            management.home_tenant().await.context("the installation has not been started once; run: septet up")?;
        Ok(Self { management, ids, home: home.id })
    }

    /// Makes a key of the home tenant and gives its secret.
    ///
    /// # Errors
    /// When there is no such user, or Management refuses.
    pub async fn create_key(&self, name: &str, email: Option<&str>, role: Option<Role>) -> anyhow::Result<String> {
        Ok(self.created_key(name, email, role).await?.secret)
    }

    /// Makes a key of a user, or of the home tenant's first owner.
    pub(super) async fn created_key(
        &self,
        name: &str,
        email: Option<&str>,
        role: Option<Role>,
    ) -> anyhow::Result<CreatedKey> {
        let user = match email {
            Some(email) => self.user(email).await?,
            None => {
                let users = self.users(None).await?;
                users
                    .into_iter()
                    .find(|user| user.role == Role::Owner)
                    .context("there is no user with the role owner")?
            }
        };
        let new =
            NewApiKey { name: name.to_owned(), user: Some(user.id), role, requests_per_minute: None, expires_at: None };
        Ok(self.management.create_key(&self.caller(user.tenant.id), new).await?)
    }

    /// Makes a user; gives the generated password too.
    pub(super) async fn create_user(
        &self,
        email: &str,
        name: &str,
        role: Role,
        tenant: Option<&str>,
    ) -> anyhow::Result<(User, String)> {
        let password = new_password();
        let new = NewUser { email: email.to_owned(), name: name.to_owned(), password: password.clone(), role };
        let caller = self.caller(self.tenant(tenant).await?);
        Ok((self.management.create_user(&caller, new).await?, password))
    }

    /// Every user of a tenant, in the order in which they were made.
    pub(super) async fn users(&self, tenant: Option<&str>) -> anyhow::Result<Vec<User>> {
        self.users_of(self.tenant(tenant).await?).await
    }

    async fn users_of(&self, tenant: TenantId) -> anyhow::Result<Vec<User>> {
        let caller = self.caller(tenant);
        all(async |page| Ok(self.management.users(&caller, &page).await?)).await
    }

    /// Every key of a tenant, in the order in which they were made.
    pub(super) async fn keys(&self, tenant: Option<&str>) -> anyhow::Result<Vec<ApiKey>> {
        let caller = self.caller(self.tenant(tenant).await?);
        all(async |page| Ok(self.management.keys(&caller, &page).await?)).await
    }

    pub(super) async fn reset_password(&self, email: &str) -> anyhow::Result<(User, String)> {
        let password = new_password();
        let change = UserChange { password: Some(password.clone()), ..UserChange::default() };
        Ok((self.update(email, change).await?, password))
    }

    pub(super) async fn set_disabled(&self, email: &str, disabled: bool) -> anyhow::Result<User> {
        self.update(email, UserChange { disabled: Some(disabled), ..UserChange::default() }).await
    }

    async fn update(&self, email: &str, change: UserChange) -> anyhow::Result<User> {
        let user = self.user(email).await?;
        Ok(self.management.update_user(&self.caller(user.tenant.id), user.id, change).await?)
    }

    /// Revokes a key of whatever tenant.
    pub(super) async fn revoke_key(&self, id: ApiKeyId) -> anyhow::Result<ApiKey> {
        for tenant in self.tenants().await? {
            let caller = self.caller(tenant);
            if self.management.key(&caller, id).await.is_ok() {
                self.management.revoke_key(&caller, id).await?;
                return Ok(self.management.key(&caller, id).await?);
            }
        }
        bail!("there is no API key {id}; septet admin list-keys shows the ids")
    }

    /// The user with an address, which only one user of the installation has.
    async fn user(&self, email: &str) -> anyhow::Result<User> {
        for tenant in self.tenants().await? {
            let users = self.users_of(tenant).await?;
            if let Some(user) = users.into_iter().find(|user| user.email.eq_ignore_ascii_case(email.trim())) {
                return Ok(user);
            }
        }
        bail!("there is no user {email}; septet admin list-users shows the addresses")
    }

    /// The ids of all tenants, the home tenant first.
    async fn tenants(&self) -> anyhow::Result<Vec<TenantId>> {
        let home = self.caller(self.home);
        let others = all(async |page| Ok(self.management.tenants(&home, &page).await?)).await?;
        let others = others.into_iter().map(|tenant| tenant.id).filter(|id| *id != self.home);
        Ok(std::iter::once(self.home).chain(others).collect())
    }

    async fn tenant(&self, wanted: Option<&str>) -> anyhow::Result<TenantId> {
        let Some(wanted) = wanted else { return Ok(self.home) };
        let home = self.caller(self.home);
        let tenants = all(async |page| Ok(self.management.tenants(&home, &page).await?)).await?;
        let names: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        let found = tenants.iter().find(|tenant| tenant.name == wanted || tenant.id.to_string() == wanted);
        found.map(|tenant| tenant.id).with_context(|| format!("there is no tenant {wanted}; there are {names:?}"))
    }

    fn caller(&self, tenant: TenantId) -> Caller {
        Caller::background(tenant, self.ids.next())
    }
}

/// Every page of a list, oldest first.
async fn all<T>(page: impl AsyncFn(PageQuery) -> anyhow::Result<Page<T>>) -> anyhow::Result<Vec<T>> {
    let mut things = Vec::new();
    let mut after = None;
    loop {
        let query = PageQuery { limit: Some(100), order: Some("asc".to_owned()), after, ..PageQuery::default() };
        let next = page(query).await?;
        things.extend(next.data);
        if !next.has_more {
            return Ok(things);
        }
        after = next.last_id;
    }
}

fn new_password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 20)
}
