//! The verbs of Management, one file per noun. Each asks the permission, checks the fields, and then reads or writes
//! inside the caller's tenant.

use std::future::Future;

use septet_contracts::agents::Agents;
use septet_contracts::management::{Denied, Permission};
use septet_contracts::page::Page;
use septet_database::Database;
use septet_kernel::{Caller, Clock, Ids};

use crate::check::known_tools;
use crate::password::Passwords;
use crate::store::{Store, tenants};
use crate::{Error, mapping};

/// What Management can do. Cheap to clone.
#[derive(Clone)]
pub struct Management {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) passwords: Passwords,
    /// Who knows the tools that there are; absent for the command line, which makes no agents.
    pub(crate) agents: Option<Agents>,
}

impl Management {
    /// Management over tables that [`crate::open`] has prepared before, without a service around it: for the command
    /// line.
    ///
    /// # Errors
    /// When hashing passwords cannot be set up.
    pub async fn new(database: Database, clock: Clock, ids: Ids) -> Result<Self, Error> {
        Ok(Self { store: Store::new(database), clock, ids, passwords: Passwords::new().await?, agents: None })
    }

    /// The same, with Agent Core to ask which tools there are.
    pub(crate) fn with_agents(self, agents: Agents) -> Self {
        Self { agents: Some(agents), ..self }
    }

    /// Passes when there are all of these tools.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Call`] when Agent Core is away.
    pub(crate) async fn check_tools(&self, caller: &Caller, tools: &[String]) -> Result<(), Error> {
        let Some(agents) = self.agents.as_ref().filter(|_| !tools.is_empty()) else { return Ok(()) };
        let known: Vec<String> = agents.tools(caller).await?.into_iter().map(|tool| tool.name).collect();
        known_tools(tools, &known).map_err(|problem| Error::invalid("tools", problem))
    }

    /// The caller's tenant, which every user's row is shown with.
    pub(crate) async fn tenant_row(&self, caller: &Caller) -> Result<tenants::Model, Error> {
        self.store.installation().tenant(caller.tenant).await
    }

    /// The tenant that was made at the first start.
    ///
    /// # Errors
    /// [`Error::Missing`] before the first start has finished.
    pub async fn home_tenant(&self) -> Result<septet_contracts::management::Tenant, Error> {
        let home = self.store.installation().home().await?;
        mapping::tenant(&home.ok_or(Error::Missing { noun: "tenant", id: "home".to_owned() })?)
    }
}

/// The roles that a caller may hand out or touch: up to its own.
pub(crate) fn may_touch(caller: &Caller, role: septet_kernel::Role) -> Result<(), Error> {
    if role <= caller.role {
        Ok(())
    } else {
        Err(Error::Refused { code: "role_above_own", detail: "nobody changes or gives a role above their own" })
    }
}

/// Accounts are made and changed by people who signed in: a leaked key must not be able to make itself a way back in.
pub(crate) fn by_a_person(caller: &Caller) -> Result<(), Error> {
    if caller.key.is_none() {
        Ok(())
    } else {
        Err(Error::Refused {
            code: "key_manages_accounts",
            detail: "an API key cannot make, change or remove accounts and tenants; sign in",
        })
    }
}

pub(crate) fn has(caller: &Caller, permission: Permission) -> bool {
    permission.is_granted_to(caller.role)
}

pub(crate) fn denied(permission: Permission) -> Error {
    Error::Denied(Denied { permission })
}

/// A page of rows, each turned into what is sent.
pub(crate) async fn page_of<R, T>(
    rows: impl Future<Output = Result<(Vec<R>, bool), Error>>,
    convert: impl Fn(R) -> Result<T, Error>,
    id: impl Fn(&T) -> String,
) -> Result<Page<T>, Error> {
    let (rows, has_more) = rows.await?;
    let mut things = Vec::with_capacity(rows.len());
    for row in rows {
        things.push(convert(row)?);
    }
    Ok(Page::new(things, has_more, id))
}
