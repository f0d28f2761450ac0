//! Agents: a prompt, tools, knowledge bases and limits under a name.

use septet_contracts::management as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{AgentId, Caller};

use crate::check::{Fields, Name, handle};
use crate::management::page_of;
use crate::prompts::version_row;
use crate::store::{Scope, agents, id_cursor, knowledge_bases, prompts};
use crate::{Error, Management};

impl Management {
    /// Makes an agent.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`], also for a prompt or knowledge base that does not exist;
    /// [`Error::Taken`].
    pub async fn create_agent(&self, caller: &Caller, new: wire::NewAgent) -> Result<wire::Agent, Error> {
        Permission::WriteAgents.check(caller)?;
        self.check_tools(caller, &new.tools).await?;
        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let row = self.insert_agent(&scope, new).await?;
        scope.commit().await?;
        crate::mapping::agent(&row)
    }

    /// Checks and writes a new agent.
    pub(crate) async fn insert_agent<C: sea_orm::ConnectionTrait>(
        &self,
        scope: &Scope<C>,
        new: wire::NewAgent,
    ) -> Result<agents::Model, Error> {
        let id: AgentId = self.ids.next();
        let now = self.clock.now_ms();
        let title = if new.title.trim().is_empty() { new.name.clone() } else { new.title.trim().to_owned() };
        let agent = wire::Agent {
            id,
            name: new.name,
            title,
            description: new.description,
            model: new.model.trim().to_owned(),
            prompt_id: new.prompt_id,
            prompt_version: new.prompt_version,
            tools: new.tools,
            knowledge_bases: new.knowledge_bases,
            limits: new.limits,
            created_at: 0,
            updated_at: 0,
        };
        let row = checked_row(scope, &agent, now, now).await?;
        scope.insert::<agents::Entity>(row.clone(), &row.name).await?;
        Ok(row)
    }

    /// The agents of the tenant.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn agents(&self, caller: &Caller, page: &PageQuery) -> Result<Page<wire::Agent>, Error> {
        Permission::ReadAgents.check(caller)?;
        let scope = self.store.of(caller.tenant);
        let rows = scope.page::<agents::Entity>(&[], page, id_cursor::<AgentId>);
        page_of(rows, |row| crate::mapping::agent(&row), |agent| agent.id.to_string()).await
    }

    /// One agent.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn agent(&self, caller: &Caller, id: AgentId) -> Result<wire::Agent, Error> {
        Permission::ReadAgents.check(caller)?;
        crate::mapping::agent(&self.store.of(caller.tenant).get::<agents::Entity>(id).await?)
    }

    /// Changes an agent. Runs that are under way keep what they began with.
    ///
    /// # Errors
    /// As [`Management::create_agent`]; [`Error::Missing`].
    pub async fn update_agent(
        &self,
        caller: &Caller,
        id: AgentId,
        change: wire::AgentChange,
    ) -> Result<wire::Agent, Error> {
        Permission::WriteAgents.check(caller)?;
        // One that it has already may be gone by now, and stays.
        let has = crate::mapping::agent(&self.store.of(caller.tenant).get::<agents::Entity>(id).await?)?.tools;
        let mut added = change.tools.clone().unwrap_or_default();
        added.retain(|tool| !has.contains(tool));
        self.check_tools(caller, &added).await?;
        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let before = scope.get::<agents::Entity>(id).await?;
        let was = crate::mapping::agent(&before)?;
        // A pinned version belongs to its prompt: another prompt starts with its live one.
        let is_other_prompt = change.prompt_id.is_some_and(|prompt| prompt != was.prompt_id);
        let kept_version = if is_other_prompt { None } else { was.prompt_version };
        let agent = wire::Agent {
            id: was.id,
            name: change.name.unwrap_or(was.name),
            title: change.title.unwrap_or(was.title),
            description: change.description.unwrap_or(was.description),
            model: change.model.map_or(was.model, |model| model.trim().to_owned()),
            prompt_id: change.prompt_id.unwrap_or(was.prompt_id),
            prompt_version: change.prompt_version.unwrap_or(kept_version),
            tools: change.tools.unwrap_or(was.tools),
            knowledge_bases: change.knowledge_bases.unwrap_or(was.knowledge_bases),
            limits: change.limits.unwrap_or(was.limits),
            created_at: was.created_at,
            updated_at: was.updated_at,
        };
        let row = checked_row(&scope, &agent, before.created_at, self.clock.now_ms()).await?;
        scope.save::<agents::Entity>(row.clone(), &row.name).await?;
        scope.commit().await?;
        crate::mapping::agent(&row)
    }

    /// Removes an agent. Runs that are under way go on.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn delete_agent(&self, caller: &Caller, id: AgentId) -> Result<(), Error> {
        Permission::WriteAgents.check(caller)?;
        let scope = self.store.change(caller.tenant).await?;
        let row = scope.get::<agents::Entity>(id).await?;
        scope.remove::<agents::Entity>(row).await?;
        scope.commit().await
    }

    /// An agent by its name with its prompt's text, for running it.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn resolve_agent(&self, caller: &Caller, name: &str) -> Result<wire::ResolvedAgent, Error> {
        Permission::UseAgents.check(caller)?;
        let scope = self.store.of(caller.tenant);
        let missing = || Error::Missing { noun: "agent", id: name.chars().take(64).collect() };
        handle(name).map_err(|_no_name| missing())?;
        let row = scope.first::<agents::Entity>(&[(agents::Column::Name, name.into())]).await?;
        let row = row.ok_or_else(missing)?;
        let version = match row.prompt_version {
            Some(version) => version,
            None => scope.get::<prompts::Entity>(&row.prompt).await?.live_version,
        };
        let text = version_row(&scope, &row.prompt, version).await?.text;
        let agent = crate::mapping::agent(&row)?;
        Ok(wire::ResolvedAgent {
            id: agent.id,
            name: agent.name,
            title: agent.title,
            description: agent.description,
            model: agent.model,
            prompt: wire::ResolvedPrompt { id: agent.prompt_id, version: u32::try_from(version).unwrap_or(0), text },
            tools: agent.tools,
            knowledge_bases: agent.knowledge_bases,
            limits: agent.limits,
        })
    }
}

/// The row of an agent whose every field passes and whose every reference leads somewhere in this tenant.
async fn checked_row<C: sea_orm::ConnectionTrait>(
    scope: &Scope<C>,
    agent: &wire::Agent,
    created_at: i64,
    updated_at: i64,
) -> Result<agents::Model, Error> {
    let fields = Fields {
        name: Name::Handle(&agent.name),
        title: Some(&agent.title),
        description: Some(&agent.description),
        model: Some(&agent.model),
        tools: Some(&agent.tools),
        knowledge_bases: Some(&agent.knowledge_bases),
        limits: Some(agent.limits.into()),
        ..Fields::default()
    };
    fields.check()?;
    let prompt = scope.get::<prompts::Entity>(agent.prompt_id).await.map_err(|error| as_field("prompt_id", error))?;
    if let Some(version) = agent.prompt_version
        && !(1..=prompt.latest_version).contains(&i64::from(version))
    {
        return Err(Error::invalid("prompt_version", format!("must be 1 to {}", prompt.latest_version)));
    }
    for base in &agent.knowledge_bases {
        let found = scope.get::<knowledge_bases::Entity>(base).await;
        found.map_err(|error| as_field("knowledge_bases", error))?;
    }
    Ok(agents::Model {
        id: agent.id.to_string(),
        tenant: scope.tenant().to_owned(),
        name: agent.name.clone(),
        title: agent.title.clone(),
        description: agent.description.clone(),
        model: agent.model.clone(),
        prompt: agent.prompt_id.to_string(),
        prompt_version: agent.prompt_version.map(i64::from),
        tools: crate::mapping::stored(&agent.tools)?,
        knowledge_bases: crate::mapping::stored(&agent.knowledge_bases)?,
        limits: crate::mapping::stored(&agent.limits)?,
        created_at,
        updated_at,
    })
}

/// What a request names and nobody has is a bad field of the request, not a missing page.
fn as_field(param: &str, error: Error) -> Error {
    match error {
        Error::Missing { noun, id } => Error::invalid(param, format!("{noun} {id} does not exist")),
        other => other,
    }
}
