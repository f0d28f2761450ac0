//! The numbered changes of the passage table, as indexes are told of them.
//!
//! The store hands them out ([`crate::store`]), followers take them in ([`crate::follow`]), and each index keeps the
//! position up to which it has them. Here are only the words that the three share.

use septet_kernel::{FileId, TenantId, VectorStoreId};

/// A place in the feed: how many of the changes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Which database.
    pub epoch: i64,
    /// The number of the last change.
    pub sequence: i64,
}

/// A passage as indexes are told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexEntry {
    /// The number of the passage.
    pub number: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// The knowledge base.
    pub store: VectorStoreId,
    /// The file.
    pub file: FileId,
    /// Name of the file.
    pub title: String,
    /// Headings above.
    pub heading: String,
    /// The passage.
    pub text: String,
    /// It holds rows of a table.
    pub is_table: bool,
    /// Its embedding, for those who asked for one and where there is one.
    pub vector: Option<Vec<f32>>,
}

/// What changed in the passage table.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// What is gone; it goes before what is new.
    pub removals: Vec<Removal>,
    /// What is new.
    pub entries: Vec<IndexEntry>,
    /// The position after these.
    pub position: Position,
}

/// What is gone from the passage table.
#[derive(Debug, Clone, PartialEq)]
pub enum Removal {
    /// One file of a knowledge base.
    File(VectorStoreId, FileId),
    /// A whole knowledge base.
    Store(VectorStoreId),
}
