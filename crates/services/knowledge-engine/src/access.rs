//! Who sees which knowledge bases, and who may remove what.

use septet_contracts::management::Permission;
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, FileId, VectorStoreId};

use crate::Error;
use crate::engine::Engine;

impl Engine {
    /// Where the caller may search: of the named ones those that they see, and of all those that are not private. What
    /// was given to one conversation is thus found where it is named and nowhere else.
    pub(crate) async fn searchable(
        &self,
        caller: &Caller,
        named: Vec<VectorStoreId>,
    ) -> Result<Vec<VectorStoreId>, Error> {
        let mut seen = Vec::new();
        if named.is_empty() {
            let mut page = PageQuery { limit: Some(100), ..PageQuery::default() };
            loop {
                let bases = self.management.knowledge_bases(caller, &page).await;
                let bases = bases.map_err(Error::calling("list the vector stores"))?;
                page.after = bases.data.last().map(|base| base.id.to_string());
                seen.extend(bases.data.iter().filter(|base| !base.private).map(|base| base.id));
                if !bases.has_more {
                    return Ok(seen);
                }
            }
        }
        for store in named {
            match self.knowledge_base(caller, store).await {
                Ok(base) => seen.push(base.id),
                // Gone, or somebody else's: nothing is found there.
                Err(Error::NoStore(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    /// Passes when there is no such knowledge base at all, for nobody.
    ///
    /// # Errors
    /// [`Error::NoStore`] when there is one that only the caller does not see.
    pub(crate) async fn must_be_gone(&self, caller: &Caller, store: VectorStoreId) -> Result<(), Error> {
        let service = Caller::background(caller.tenant, caller.request);
        match self.knowledge_base(&service, store).await {
            Ok(_somebody_elses) => Err(Error::NoStore(store)),
            Err(Error::NoStore(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Passes for whoever uploaded a file, and for those who manage knowledge.
    ///
    /// # Errors
    /// [`Error::NoFile`]; [`Error::Denied`].
    pub(crate) async fn must_own_file(&self, caller: &Caller, file: FileId) -> Result<(), Error> {
        let row = self.store.of(caller.tenant).file(file).await?;
        if caller.user.is_some() && row.created_by == caller.user {
            return Ok(());
        }
        Ok(Permission::ManageKnowledge.check(caller)?)
    }
}
