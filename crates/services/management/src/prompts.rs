//! Prompts and their versions. A version never changes; which one is live does.

use septet_contracts::management as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, PromptId};

use crate::check::{Fields, Name};
use crate::management::page_of;
use crate::store::{Scope, agents, id_cursor, number_cursor, prompt_versions, prompts};
use crate::{Error, Management};

impl Management {
    /// Makes a prompt with its first version, which is live.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`]; [`Error::Taken`].
    pub async fn create_prompt(&self, caller: &Caller, new: wire::NewPrompt) -> Result<wire::Prompt, Error> {
        Permission::WritePrompts.check(caller)?;
        let fields = Fields {
            name: Name::Named(&new.name, 100),
            description: Some(&new.description),
            text: Some(&new.text),
            ..Fields::default()
        };
        fields.check()?;
        let scope = self.store.change(caller.tenant).await?;
        let row = self.insert_prompt(&scope, Some(caller), new).await?;
        scope.commit().await?;
        crate::mapping::prompt(&row)
    }

    /// Writes a checked prompt. Without a caller it came with the installation.
    pub(crate) async fn insert_prompt<C: sea_orm::ConnectionTrait>(
        &self,
        scope: &Scope<C>,
        caller: Option<&Caller>,
        new: wire::NewPrompt,
    ) -> Result<prompts::Model, Error> {
        let id: PromptId = self.ids.next();
        let now = self.clock.now_ms();
        let row = prompts::Model {
            id: id.to_string(),
            tenant: scope.tenant().to_owned(),
            name: new.name.trim().to_owned(),
            description: new.description,
            live_version: 1,
            latest_version: 1,
            created_at: now,
            updated_at: now,
        };
        let first = prompt_versions::Model {
            prompt: row.id.clone(),
            version: 1,
            tenant: row.tenant.clone(),
            text: new.text,
            note: String::new(),
            created_by: caller.and_then(|caller| caller.user).map(|user| user.to_string()),
            created_at: now,
        };
        scope.insert::<prompts::Entity>(row.clone(), &row.name).await?;
        scope.insert::<prompt_versions::Entity>(first, "1").await?;
        Ok(row)
    }

    /// The prompts of the tenant.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn prompts(&self, caller: &Caller, page: &PageQuery) -> Result<Page<wire::Prompt>, Error> {
        Permission::ReadPrompts.check(caller)?;
        let scope = self.store.of(caller.tenant);
        let rows = scope.page::<prompts::Entity>(&[], page, id_cursor::<PromptId>);
        page_of(rows, |row| crate::mapping::prompt(&row), |prompt| prompt.id.to_string()).await
    }

    /// One prompt.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn prompt(&self, caller: &Caller, id: PromptId) -> Result<wire::Prompt, Error> {
        Permission::ReadPrompts.check(caller)?;
        crate::mapping::prompt(&self.store.of(caller.tenant).get::<prompts::Entity>(id).await?)
    }

    /// Renames a prompt, or makes another version live.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`]; [`Error::Invalid`]; [`Error::Taken`].
    pub async fn update_prompt(
        &self,
        caller: &Caller,
        id: PromptId,
        change: wire::PromptChange,
    ) -> Result<wire::Prompt, Error> {
        Permission::WritePrompts.check(caller)?;
        let fields = Fields {
            name: change.name.as_deref().map_or(Name::Absent, |name| Name::Named(name, 100)),
            description: change.description.as_deref(),
            ..Fields::default()
        };
        fields.check()?;
        let scope = self.store.change(caller.tenant).await?;
        let mut row = scope.get::<prompts::Entity>(id).await?;
        if let Some(name) = change.name {
            row.name = name.trim().to_owned();
        }
        row.description = change.description.unwrap_or(row.description);
        if let Some(version) = change.live_version {
            if !(1..=row.latest_version).contains(&i64::from(version)) {
                return Err(Error::invalid("live_version", format!("must be 1 to {}", row.latest_version)));
            }
            row.live_version = i64::from(version);
        }
        row.updated_at = self.clock.now_ms();
        scope.save::<prompts::Entity>(row.clone(), &row.name).await?;
        scope.commit().await?;
        crate::mapping::prompt(&row)
    }

    /// Removes a prompt with all its versions.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`]; [`Error::InUse`] while an agent has it.
    pub async fn delete_prompt(&self, caller: &Caller, id: PromptId) -> Result<(), Error> {
        Permission::WritePrompts.check(caller)?;
        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let row = scope.get::<prompts::Entity>(id).await?;
        let user = scope.first::<agents::Entity>(&[(agents::Column::Prompt, row.id.as_str().into())]).await?;
        if let Some(agent) = user {
            return Err(Error::InUse { noun: "prompt", id: row.id, by: format!("agent {:?}", agent.name) });
        }
        scope.remove::<prompts::Entity>(row).await?;
        scope.commit().await
    }

    /// Adds a version; unless told otherwise it is live at once.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`]; [`Error::Invalid`].
    pub async fn create_prompt_version(
        &self,
        caller: &Caller,
        id: PromptId,
        new: wire::NewPromptVersion,
    ) -> Result<wire::PromptVersion, Error> {
        Permission::WritePrompts.check(caller)?;
        Fields { text: Some(&new.text), note: Some(&new.note), ..Fields::default() }.check()?;
        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let mut row = scope.get::<prompts::Entity>(id).await?;
        let now = self.clock.now_ms();
        row.latest_version += 1;
        row.updated_at = now;
        if new.make_live {
            row.live_version = row.latest_version;
        }
        let version = prompt_versions::Model {
            prompt: row.id.clone(),
            version: row.latest_version,
            tenant: row.tenant.clone(),
            text: new.text,
            note: new.note,
            created_by: caller.user.map(|user| user.to_string()),
            created_at: now,
        };
        scope.insert::<prompt_versions::Entity>(version.clone(), &version.version.to_string()).await?;
        scope.save::<prompts::Entity>(row.clone(), &row.name).await?;
        scope.commit().await?;
        crate::mapping::version(version, row.live_version)
    }

    /// The versions of a prompt.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn prompt_versions(
        &self,
        caller: &Caller,
        id: PromptId,
        page: &PageQuery,
    ) -> Result<Page<wire::PromptVersion>, Error> {
        Permission::ReadPrompts.check(caller)?;
        let scope = self.store.of(caller.tenant);
        let live = scope.get::<prompts::Entity>(id).await?.live_version;
        let wanted = [(prompt_versions::Column::Prompt, id.to_string().into())];
        let rows = scope.page::<prompt_versions::Entity>(&wanted, page, number_cursor);
        page_of(rows, |row| crate::mapping::version(row, live), |version| version.version.to_string()).await
    }

    /// One version of a prompt.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn prompt_version(
        &self,
        caller: &Caller,
        id: PromptId,
        version: u32,
    ) -> Result<wire::PromptVersion, Error> {
        Permission::ReadPrompts.check(caller)?;
        let scope = self.store.of(caller.tenant);
        let live = scope.get::<prompts::Entity>(id).await?.live_version;
        crate::mapping::version(version_row(&scope, &id.to_string(), i64::from(version)).await?, live)
    }
}

/// One version of a prompt of this scope.
pub(crate) async fn version_row<C: sea_orm::ConnectionTrait>(
    scope: &Scope<C>,
    prompt: &str,
    version: i64,
) -> Result<prompt_versions::Model, Error> {
    let wanted = [(prompt_versions::Column::Prompt, prompt.into()), (prompt_versions::Column::Version, version.into())];
    let found = scope.first::<prompt_versions::Entity>(&wanted).await?;
    found.ok_or_else(|| Error::Missing { noun: "prompt version", id: format!("{prompt}/{version}") })
}
