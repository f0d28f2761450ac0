//! Knowledge bases: the rows that the knowledge engine hangs its documents on. Their documents are its business.
//!
//! A private one is there for nobody but the person who made it. Any other is changed and removed by that person and by
//! those who manage knowledge.

use septet_contracts::management as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, VectorStoreId};

use crate::check::{Fields, Name};
use crate::management::{denied, has, page_of};
use crate::store::{agents, knowledge_bases};
use crate::{Error, Management};

// Every search would write otherwise.
const ACTIVE_EVERY_MS: i64 = 60_000;

impl Management {
    /// Makes a knowledge base.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`].
    pub async fn create_knowledge_base(
        &self,
        caller: &Caller,
        new: wire::NewKnowledgeBase,
    ) -> Result<wire::KnowledgeBase, Error> {
        Permission::WriteKnowledge.check(caller)?;
        let fields = Fields {
            name: Name::Label(&new.name, 256),
            description: Some(&new.description),
            metadata: Some(&new.metadata),
            ..Fields::default()
        };
        fields.check()?;
        let id: VectorStoreId = self.ids.next();
        let now = self.clock.now_ms();
        let row = knowledge_bases::Model {
            id: id.to_string(),
            tenant: caller.tenant.to_string(),
            name: new.name.trim().to_owned(),
            description: new.description,
            metadata: crate::mapping::stored(&new.metadata)?,
            created_by: caller.user.map(|user| user.to_string()),
            created_at: now,
            last_active_at: now,
            private: i64::from(new.private),
        };
        if new.private && caller.user.is_none() {
            return Err(Error::invalid("private", "is for people: nobody would see it"));
        }
        let scope = self.store.change(caller.tenant).await?;
        scope.insert::<knowledge_bases::Entity>(row.clone(), &row.name).await?;
        scope.commit().await?;
        crate::mapping::knowledge_base(&row)
    }

    /// The knowledge bases of the tenant that the caller sees.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn knowledge_bases(&self, caller: &Caller, page: &PageQuery) -> Result<Page<wire::KnowledgeBase>, Error> {
        Permission::ReadKnowledge.check(caller)?;
        let scope = self.store.of(caller.tenant);
        let me = caller.user.map(|user| user.to_string());
        let rows = scope.bases_seen_by(me.as_deref(), page);
        page_of(rows, |row| crate::mapping::knowledge_base(&row), |base| base.id.to_string()).await
    }

    /// One knowledge base.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`].
    pub async fn knowledge_base(&self, caller: &Caller, id: VectorStoreId) -> Result<wire::KnowledgeBase, Error> {
        Permission::ReadKnowledge.check(caller)?;
        let row = self.store.of(caller.tenant).get::<knowledge_bases::Entity>(id).await?;
        check_sees(caller, &row)?;
        crate::mapping::knowledge_base(&row)
    }

    /// Changes a knowledge base. Marking it as used needs no more than reading it.
    ///
    /// # Errors
    /// [`Error::Denied`], also for somebody else's without the permission to manage knowledge; [`Error::Missing`]; [`Error::Invalid`].
    pub async fn update_knowledge_base(
        &self,
        caller: &Caller,
        id: VectorStoreId,
        change: wire::KnowledgeBaseChange,
    ) -> Result<wire::KnowledgeBase, Error> {
        let is_touch_only = change == wire::KnowledgeBaseChange { touch: true, ..Default::default() };
        let needed = if is_touch_only { Permission::ReadKnowledge } else { Permission::WriteKnowledge };
        needed.check(caller)?;
        let now = self.clock.now_ms();
        if is_touch_only {
            let row = self.store.of(caller.tenant).get::<knowledge_bases::Entity>(id).await?;
            check_sees(caller, &row)?;
            if now - row.last_active_at < ACTIVE_EVERY_MS {
                return crate::mapping::knowledge_base(&row);
            }
        }
        let fields = Fields {
            name: change.name.as_deref().map_or(Name::Absent, |name| Name::Label(name, 256)),
            description: change.description.as_deref(),
            metadata: change.metadata.as_ref(),
            ..Fields::default()
        };
        fields.check()?;
        let scope = self.store.change(caller.tenant).await?;
        let mut row = scope.get::<knowledge_bases::Entity>(id).await?;
        check_sees(caller, &row)?;
        if !is_touch_only {
            check_manages(caller, &row)?;
        }
        if let Some(name) = change.name {
            row.name = name.trim().to_owned();
        }
        row.description = change.description.unwrap_or(row.description);
        if let Some(metadata) = change.metadata {
            row.metadata = crate::mapping::stored(&metadata)?;
        }
        row.last_active_at = now;
        scope.save::<knowledge_bases::Entity>(row.clone(), &row.name).await?;
        scope.commit().await?;
        crate::mapping::knowledge_base(&row)
    }

    /// Removes a knowledge base.
    ///
    /// # Errors
    /// [`Error::Denied`], also for somebody else's without the permission to manage knowledge; [`Error::Missing`]; [`Error::InUse`] while an agent searches in it: an agent whose last
    /// knowledge base vanished would search everything.
    pub async fn delete_knowledge_base(&self, caller: &Caller, id: VectorStoreId) -> Result<(), Error> {
        Permission::WriteKnowledge.check(caller)?;
        let scope = self.store.change(caller.tenant).await?;
        scope.alone().await?;
        let row = scope.get::<knowledge_bases::Entity>(id).await?;
        check_sees(caller, &row)?;
        check_manages(caller, &row)?;
        for agent in scope.all::<agents::Entity>(&[]).await? {
            if crate::mapping::agent(&agent)?.knowledge_bases.contains(&id) {
                return Err(Error::InUse { noun: "knowledge base", id: row.id, by: format!("agent {:?}", agent.name) });
            }
        }
        scope.remove::<knowledge_bases::Entity>(row).await?;
        scope.commit().await
    }
}

fn is_own(caller: &Caller, row: &knowledge_bases::Model) -> bool {
    caller.user.is_some_and(|me| row.created_by.as_deref() == Some(me.to_string().as_str()))
}

fn check_sees(caller: &Caller, row: &knowledge_bases::Model) -> Result<(), Error> {
    // A service that acts for the tenant has to know what there is.
    if row.private == 0 || caller.user.is_none() || is_own(caller, row) {
        Ok(())
    } else {
        Err(Error::Missing { noun: "knowledge base", id: row.id.clone() })
    }
}

fn check_manages(caller: &Caller, row: &knowledge_bases::Model) -> Result<(), Error> {
    if is_own(caller, row) || has(caller, Permission::ManageKnowledge) {
        Ok(())
    } else {
        Err(denied(Permission::ManageKnowledge))
    }
}
