//! Files, knowledge bases and search: OpenAI's Files and Vector Stores APIs, and the passages agents read.
//!
//! A knowledge base is a "vector store" on the OpenAI surface, whether or not vectors are configured. Adding a file to
//! one returns at once with status `in_progress`; reading, cutting and indexing happen in a background job whose stage
//! and page count are in [`VectorStoreFile::septet`].

mod types;

use septet_kernel::{Caller, FileId, ServiceName, Transport, VectorStoreId};

pub use types::{
    Deleted, File, FileContent, FileCounts, FileError, FileStatus, IngestPayload, IngestState, NewFile, NewVectorStore,
    NewVectorStoreFile, Passage, PassageBox, PassageQuery, Passages, QueryText, SearchContent, SearchHit, SearchPage,
    SearchRequest, Stage, VectorStore, VectorStoreChange, VectorStoreFile, VectorStoreFileChange,
    VectorStoreFileStatus,
};

use crate::call::{CallError, Client, segment};
use crate::page::{Page, PageQuery};

/// The kind of the background job that reads a file into a knowledge base; its payload is an [`IngestPayload`].
pub const INGEST_JOB: &str = "knowledge.ingest";

/// The knowledge engine.
#[derive(Clone)]
pub struct Knowledge {
    client: Client,
}

/// Files.
impl Knowledge {
    /// A client over a transport to the knowledge engine.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::KnowledgeEngine, transport) }
    }

    /// Registers a file whose bytes are in the blob store already.
    ///
    /// # Errors
    /// `bad_request` for an empty name, `not_found` when the blob is not there, `too_large`.
    pub async fn add_file(&self, caller: &Caller, new: &NewFile) -> Result<File, CallError> {
        self.client.post(caller, "/v1/files", new).answer().await
    }

    /// The files that the caller sees: their own, and those in knowledge bases that they see.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn files(&self, caller: &Caller, page: &PageQuery) -> Result<Page<File>, CallError> {
        self.client.get(caller, &format!("/v1/files{}", page.to_query())).answer().await
    }

    /// One file.
    ///
    /// # Errors
    /// `not_found`, also for another tenant's and for one that only others see.
    pub async fn file(&self, caller: &Caller, file: FileId) -> Result<File, CallError> {
        self.client.get(caller, &format!("/v1/files/{}", segment(file))).answer().await
    }

    /// Where the bytes of a file are.
    ///
    /// # Errors
    /// `not_found`, also for one that only others see.
    pub async fn file_content(&self, caller: &Caller, file: FileId) -> Result<FileContent, CallError> {
        self.client.get(caller, &format!("/v1/files/{}/content", segment(file))).answer().await
    }

    /// Deletes a file; it leaves every knowledge base it is in.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_file(&self, caller: &Caller, file: FileId) -> Result<Deleted, CallError> {
        self.client.delete(caller, &format!("/v1/files/{}", segment(file))).answer().await
    }
}

/// Knowledge bases.
impl Knowledge {
    /// Makes a knowledge base, and begins to read the files named.
    ///
    /// # Errors
    /// `bad_request`, `not_found` for a file.
    pub async fn create_store(&self, caller: &Caller, new: &NewVectorStore) -> Result<VectorStore, CallError> {
        self.client.post(caller, "/v1/vector_stores", new).answer().await
    }

    /// The tenant's knowledge bases.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn stores(&self, caller: &Caller, page: &PageQuery) -> Result<Page<VectorStore>, CallError> {
        self.client.get(caller, &format!("/v1/vector_stores{}", page.to_query())).answer().await
    }

    /// One knowledge base.
    ///
    /// # Errors
    /// `not_found`, also for another tenant's.
    pub async fn store(&self, caller: &Caller, store: VectorStoreId) -> Result<VectorStore, CallError> {
        self.client.get(caller, &path(store, "")).answer().await
    }

    /// Changes name or metadata.
    ///
    /// # Errors
    /// `not_found`, `bad_request`.
    pub async fn change_store(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        change: &VectorStoreChange,
    ) -> Result<VectorStore, CallError> {
        self.client.post(caller, &path(store, ""), change).answer().await
    }

    /// Deletes a knowledge base with all its passages; the files stay.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_store(&self, caller: &Caller, store: VectorStoreId) -> Result<Deleted, CallError> {
        self.client.delete(caller, &path(store, "")).answer().await
    }

    /// Puts a file into a knowledge base. A file that is in it already is read again only when it failed.
    ///
    /// # Errors
    /// `not_found` for either; `unavailable` when the async worker is down.
    pub async fn attach(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        new: &NewVectorStoreFile,
    ) -> Result<VectorStoreFile, CallError> {
        self.client.post(caller, &path(store, "/files"), new).answer().await
    }

    /// The files of a knowledge base.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn attached(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        page: &PageQuery,
    ) -> Result<Page<VectorStoreFile>, CallError> {
        self.client.get(caller, &path(store, &format!("/files{}", page.to_query()))).answer().await
    }

    /// One file of a knowledge base, with its stage.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn attachment(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        file: FileId,
    ) -> Result<VectorStoreFile, CallError> {
        self.client.get(caller, &path(store, &format!("/files/{}", segment(file)))).answer().await
    }

    /// Replaces the attributes of a file in a knowledge base.
    ///
    /// # Errors
    /// `not_found` for either; `bad_request` for attributes beyond their bounds.
    pub async fn change_attachment(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        file: FileId,
        change: &VectorStoreFileChange,
    ) -> Result<VectorStoreFile, CallError> {
        self.client.post(caller, &path(store, &format!("/files/{}", segment(file))), change).answer().await
    }

    /// Takes a file out of a knowledge base, with all its passages there.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn detach(&self, caller: &Caller, store: VectorStoreId, file: FileId) -> Result<Deleted, CallError> {
        self.client.delete(caller, &path(store, &format!("/files/{}", segment(file)))).answer().await
    }

    /// Searches one knowledge base, in OpenAI's shape.
    ///
    /// # Errors
    /// `not_found`; `bad_request` for a filter that is not understood.
    pub async fn search_store(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        request: &SearchRequest,
    ) -> Result<SearchPage, CallError> {
        self.client.post(caller, &path(store, "/search"), request).answer().await
    }

    /// The passages that best answer several queries together, best first, each at most once.
    ///
    /// Knowledge bases of other tenants, and ones that are gone, hold nothing: they give no passages and no error.
    ///
    /// # Errors
    /// `bad_request` for more than 16 queries or none.
    pub async fn search(&self, caller: &Caller, query: &PassageQuery) -> Result<Passages, CallError> {
        self.client.post(caller, "/internal/search", query).answer().await
    }
}

fn path(store: VectorStoreId, rest: &str) -> String {
    format!("/v1/vector_stores/{}{rest}", segment(store))
}
