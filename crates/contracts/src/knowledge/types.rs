//! What files, knowledge bases and passages look like on the wire.

use std::collections::BTreeMap;

use septet_kernel::{BlobId, FileId, PassageId, VectorStoreId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Registers a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewFile {
    /// Where its bytes are.
    pub blob: BlobId,
    /// The name it was uploaded under, 1 to 255 characters.
    pub filename: String,
    /// Its size.
    pub bytes: u64,
    /// What for, in OpenAI's words; `user_data` unless told.
    #[serde(default)]
    pub purpose: Option<String>,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// The id.
    pub id: FileId,
    /// Always `file`.
    pub object: String,
    /// Its size.
    pub bytes: u64,
    /// Unix seconds.
    pub created_at: i64,
    /// The name it was uploaded under.
    pub filename: String,
    /// What for.
    pub purpose: String,
    /// OpenAI's old status; always `processed` here, because the state per knowledge base is what counts.
    pub status: FileStatus,
}

/// OpenAI's status of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// There.
    Uploaded,
    /// There, and usable.
    Processed,
    /// Unusable.
    Error,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileContent {
    /// The blob.
    pub blob: BlobId,
    /// The name it was uploaded under.
    pub filename: String,
    /// Media type by its name.
    pub mime: String,
    /// Its size.
    pub bytes: u64,
}

/// Says that something is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// What was deleted.
    pub id: String,
    /// `file`, `vector_store.deleted` or `vector_store.file.deleted`.
    pub object: String,
    /// Always true.
    pub deleted: bool,
}

/// Asks for a knowledge base.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct NewVectorStore {
    /// Shown to people; may be empty.
    pub name: Option<String>,
    /// What is in it.
    pub description: Option<String>,
    /// Files to begin with, at most 500.
    pub file_ids: Vec<FileId>,
    /// At most 16 pairs.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Not offered: anything but null is refused.
    pub expires_after: Option<Value>,
    /// Only `{"type":"auto"}` is offered.
    pub chunking_strategy: Option<Value>,
    /// For who makes it alone, and searched only where it is named: for what is given to one conversation.
    pub private: bool,
}

/// Changes a knowledge base; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct VectorStoreChange {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Replaces all pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Not offered: anything but null is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Value>,
}

/// A knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VectorStore {
    /// The id.
    pub id: VectorStoreId,
    /// Always `vector_store`.
    pub object: String,
    /// Its name, may be empty.
    pub name: String,
    /// What is in it.
    #[serde(default)]
    pub description: String,
    /// Unix seconds.
    pub created_at: i64,
    /// How many of its files are in which state.
    pub file_counts: FileCounts,
    /// `completed`, or `in_progress` while a file is being read.
    pub status: String,
    /// Bytes of text and vectors held for it.
    pub usage_bytes: u64,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Unix seconds.
    pub last_active_at: i64,
    /// Always null.
    #[serde(default)]
    pub expires_after: Option<Value>,
    /// Always null.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// Nobody but who made it sees it, and it is searched only where it is named.
    #[serde(default)]
    pub private: bool,
}

/// How many files of a knowledge base are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FileCounts {
    /// Waiting or being read.
    pub in_progress: u64,
    /// Searchable.
    pub completed: u64,
    /// Not readable; the file says why.
    pub failed: u64,
    /// Stopped by a person.
    pub cancelled: u64,
    /// All of them.
    pub total: u64,
}

/// Puts a file into a knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewVectorStoreFile {
    /// Which file.
    pub file_id: FileId,
    /// Free pairs (text, number, true or false) to filter a search by; at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Value>>,
    /// Only `{"type":"auto"}` is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunking_strategy: Option<Value>,
}

/// Changes a file in a knowledge base.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VectorStoreFileChange {
    /// Replaces all pairs; null takes them away. The same bounds as where the file is put in.
    pub attributes: Option<BTreeMap<String, Value>>,
}

/// A file in a knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VectorStoreFile {
    /// The file's id.
    pub id: FileId,
    /// Always `vector_store.file`.
    pub object: String,
    /// The knowledge base.
    pub vector_store_id: VectorStoreId,
    /// Where it is.
    pub status: VectorStoreFileStatus,
    /// Why it failed.
    pub last_error: Option<FileError>,
    /// Bytes of text held for it.
    pub usage_bytes: u64,
    /// Unix seconds.
    pub created_at: i64,
    /// Free pairs.
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
    /// How it is cut.
    #[serde(default)]
    pub chunking_strategy: Value,
    /// What OpenAI's shape has no place for.
    pub septet: IngestState,
}

/// OpenAI's status of a file in a knowledge base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VectorStoreFileStatus {
    /// Waiting or being read.
    InProgress,
    /// Searchable.
    Completed,
    /// Not readable.
    Failed,
    /// Stopped by a person.
    Cancelled,
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileError {
    /// One of the codes of documents in the list of errors, or the code of what failed inside.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

/// How far reading a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestState {
    /// The stage it is in.
    pub stage: Stage,
    /// Pages read.
    #[serde(default)]
    pub pages_done: u32,
    /// Pages in the file; 0 while that is not known.
    #[serde(default)]
    pub pages_total: u32,
    /// Passages made.
    #[serde(default)]
    pub n_chunks: u32,
    /// Which reader read it: `pdfium` or `pdf_oxide` for a PDF, otherwise the name of the format; empty before.
    #[serde(default)]
    pub reader: String,
    /// The name of the file.
    #[serde(default)]
    pub filename: String,
    /// Why the latest attempt failed, while the file waits for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrying: Option<FileError>,
    /// What of a searchable file could not be read, such as broken lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<FileError>,
}

/// What is being done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waits for the async worker.
    Queued,
    /// Pages are being read.
    Parsing,
    /// Passages are being cut.
    Chunking,
    /// Vectors are being asked for.
    Embedding,
    /// The search index takes it in.
    Indexing,
    /// Searchable.
    Ready,
    /// Not readable.
    Failed,
}

impl Stage {
    /// The word on the wire and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Parsing => "parsing",
            Self::Chunking => "chunking",
            Self::Embedding => "embedding",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// Searches a knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchRequest {
    /// One query or several, fused.
    pub query: QueryText,
    /// At most this many, 1 to 50; 10 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_num_results: Option<u32>,
    /// OpenAI's filter over attributes: `{"type":"eq","key":..,"value":..}` and `and`, `or`, `ne`, `gt`, `gte`, `lt`,
    /// `lte`, `in`, `nin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Value>,
    /// Accepted and without effect: the query is searched as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite_query: Option<bool>,
    /// OpenAI's ranking options; only `score_threshold` has an effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking_options: Option<Value>,
}

/// One query or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum QueryText {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl QueryText {
    /// As a list.
    #[must_use]
    pub fn into_list(self) -> Vec<String> {
        match self {
            Self::One(query) => vec![query],
            Self::Many(queries) => queries,
        }
    }
}

/// What a search found, in OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchPage {
    /// Always `vector_store.search_results.page`.
    pub object: String,
    /// The queries as searched.
    pub search_query: Vec<String>,
    /// Best first.
    pub data: Vec<SearchHit>,
    /// Always false.
    pub has_more: bool,
    /// Always null.
    pub next_page: Option<String>,
}

/// A passage in OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The file.
    pub file_id: FileId,
    /// Its name.
    pub filename: String,
    /// `0.0..=1.0`, comparable within one answer only.
    pub score: f32,
    /// The file's own attributes with `page`, `page_end` and `heading` of the passage.
    pub attributes: BTreeMap<String, Value>,
    /// The text.
    pub content: Vec<SearchContent>,
}

/// A piece of a hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchContent {
    /// Always `text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub text: String,
}

/// Asks for passages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassageQuery {
    /// Where to search; empty for all of the tenant.
    #[serde(default)]
    pub vector_stores: Vec<VectorStoreId>,
    /// What to search for, 1 to 16; they are fused.
    pub queries: Vec<String>,
    /// At most this many passages, 1 to 64; 12 for 0.
    #[serde(default)]
    pub limit: u32,
}

/// What was found, best first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passages {
    /// The passages.
    pub passages: Vec<Passage>,
}

/// A piece of a document, small enough to show to a model and exact enough to cite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    /// The id.
    pub id: PassageId,
    /// The knowledge base it was found in.
    pub vector_store: VectorStoreId,
    /// The file.
    pub file: FileId,
    /// Its name.
    pub filename: String,
    /// From 1; 1 for formats without pages.
    pub page: u32,
    /// Larger than `page` only when a paragraph runs over the foot of a page.
    pub page_end: u32,
    /// Headings above, joined by ` > `; may be empty.
    #[serde(default)]
    pub heading: String,
    /// The text; tables as lines with cells separated by ` | `, column heads first.
    pub text: String,
    /// `0.0..=1.0`, comparable within one answer only.
    pub score: f32,
    /// Where it stands on its pages.
    #[serde(default)]
    pub boxes: Vec<PassageBox>,
}

/// A rectangle on a page as displayed, in fractions of its width and height from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PassageBox {
    /// From 1.
    pub page: u32,
    /// Left edge, `0.0..=1.0`.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
}

/// The payload of a [`super::INGEST_JOB`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestPayload {
    /// The knowledge base.
    pub vector_store: VectorStoreId,
    /// The file to read into it.
    pub file: FileId,
}
