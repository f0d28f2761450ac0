//! Who sees which knowledge bases and files, and who may remove what.

use septet_contracts::management::{KnowledgeBase, Permission};
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, FileId, VectorStoreId};

use crate::Error;
use crate::engine::Engine;
use crate::store::FileRow;

impl Engine {
    /// Where the caller may search: of the named ones those that they see, and of all those that are not private. What
    /// was given to one conversation is thus found where it is named and nowhere else.
    pub(crate) async fn searchable(
        &self,
        caller: &Caller,
        named: Vec<VectorStoreId>,
    ) -> Result<Vec<VectorStoreId>, Error> {
        if named.is_empty() {
            return Ok(self.seen(caller).await?.iter().filter(|base| !base.private).map(|base| base.id).collect());
        }
        let mut seen = Vec::new();
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

    /// All knowledge bases that the caller sees.
    async fn seen(&self, caller: &Caller) -> Result<Vec<KnowledgeBase>, Error> {
        let mut seen = Vec::new();
        let mut page = PageQuery { limit: Some(100), ..PageQuery::default() };
        loop {
            let bases = self.management.knowledge_bases(caller, &page).await;
            let bases = bases.map_err(Error::calling("list the vector stores"))?;
            page.after = bases.data.last().map(|base| base.id.to_string());
            seen.extend(bases.data);
            if !bases.has_more {
                return Ok(seen);
            }
        }
    }

    /// A file that the caller sees: their own, and one in a knowledge base that they see. What nobody is known to have
    /// uploaded is everybody's until it lies in a knowledge base.
    ///
    /// # Errors
    /// [`Error::NoFile`], also for one that only others see.
    pub(crate) async fn file(&self, caller: &Caller, file: FileId) -> Result<FileRow, Error> {
        let rows = self.store.of(caller.tenant);
        let row = rows.file(file).await?;
        // A service that acts for the tenant has to know what there is.
        if caller.user.is_none() || row.created_by == caller.user {
            return Ok(row);
        }
        let stores = rows.stores_of(file).await?;
        if stores.is_empty() && row.created_by.is_none() {
            return Ok(row);
        }
        for store in stores {
            match self.knowledge_base(caller, store).await {
                Ok(_seen) => return Ok(row),
                Err(Error::NoStore(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::NoFile(file))
    }

    /// A page of the files that the caller sees, and whether more follow.
    pub(crate) async fn files(&self, caller: &Caller, page: &PageQuery) -> Result<(Vec<FileRow>, bool), Error> {
        let rows = self.store.of(caller.tenant);
        let Some(user) = caller.user else { return rows.files(page, None).await };
        let stores: Vec<VectorStoreId> = self.seen(caller).await?.iter().map(|base| base.id).collect();
        rows.files(page, Some((user, &stores))).await
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
    /// [`Error::NoFile`], also for one that only others see; [`Error::Denied`].
    pub(crate) async fn must_own_file(&self, caller: &Caller, file: FileId) -> Result<(), Error> {
        let row = self.store.of(caller.tenant).file(file).await?;
        if caller.user.is_some() && row.created_by == caller.user {
            return Ok(());
        }
        let managed = Permission::ManageKnowledge.check(caller);
        if managed.is_err() {
            self.file(caller, file).await?;
        }
        Ok(managed?)
    }
}
