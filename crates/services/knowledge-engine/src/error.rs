//! What can go wrong in the knowledge engine.

use septet_contracts::call::CallError;
use septet_contracts::management::Denied;
use septet_kernel::{BadId, Failure, FileId, Kind, VectorStoreId};

use crate::index::IndexError;
use crate::parse::ParseFailure;

/// A request or a job of the knowledge engine failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file, or not for this tenant.
    #[error("file {0} does not exist")]
    NoFile(FileId),
    /// There is no such knowledge base, or not for this tenant.
    #[error("vector store {0} does not exist")]
    NoStore(VectorStoreId),
    /// The file is not in the knowledge base.
    #[error("file {file} is not in vector store {store}")]
    NotAttached {
        /// The knowledge base.
        store: VectorStoreId,
        /// The file.
        file: FileId,
    },
    /// A field of the request is wrong.
    #[error("{detail}")]
    BadRequest {
        /// Which field.
        param: &'static str,
        /// What is wrong with it and what to send.
        detail: String,
    },
    /// An id in the path or the query string is none.
    #[error(transparent)]
    BadId(#[from] BadId),
    /// The file is larger than allowed.
    #[error("the file has {bytes} bytes, more than the {limit} that are allowed; split it")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The files of the tenant would have more bytes than it may keep.
    #[error(
        "the files of this tenant would have more than the {limit} bytes that it may keep; delete files that are not needed, or have knowledge.tenant_storage_bytes raised"
    )]
    StorageFull {
        /// The limit in bytes.
        limit: u64,
    },
    /// The caller's role does not allow it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The file cannot be read.
    #[error("{0}")]
    Parse(ParseFailure),
    /// The reader could not be started.
    #[error("the program that reads files could not be started; check knowledge.parse_command")]
    Reader(#[source] std::io::Error),
    /// Another service refused or is down.
    #[error("failed to {doing}")]
    Call {
        /// What was being done.
        doing: &'static str,
        /// What the other service said.
        #[source]
        source: CallError,
    },
    /// The embedding model answered something unusable.
    #[error("the embedding model {model} answered {got} vectors for {wanted} texts, or of changing length")]
    Vectors {
        /// Which model.
        model: String,
        /// How many came.
        got: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// The database failed.
    #[error("failed to {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it says.
        #[source]
        source: sea_orm::DbErr,
    },
    /// Pages that were read are gone: another reading of the same file was at work.
    #[error("only {n_pages} of {pages_total} pages are kept; the file is read again")]
    PagesLost {
        /// Pages that are there.
        n_pages: usize,
        /// Pages of the file.
        pages_total: u32,
    },
    /// A row that this service wrote cannot be read back.
    #[error("a stored {what} cannot be read")]
    BadRow {
        /// What it holds.
        what: &'static str,
    },
    /// The blob store failed.
    #[error("failed to reach the bytes of the file")]
    Blobs(#[from] septet_blobs::Error),
    /// The search index failed.
    #[error("the search index failed")]
    Index(#[from] IndexError),
    /// CPU work panicked.
    #[error("a bug stopped this")]
    Panicked(#[from] septet_chassis::cpu::Panicked),
}

impl Error {
    /// True when another attempt may go better without anybody doing anything.
    pub(crate) fn is_passing(&self) -> bool {
        match self.kind() {
            Kind::Conflict | Kind::Exhausted | Kind::Unavailable | Kind::Timeout | Kind::Internal => true,
            Kind::BadRequest
            | Kind::Unauthenticated
            | Kind::PaymentRequired
            | Kind::Forbidden
            | Kind::NotFound
            | Kind::Unprocessable
            | Kind::TooLarge => false,
        }
    }

    /// Wraps a failure of the database with what was being done.
    pub(crate) fn doing(doing: &'static str) -> impl FnOnce(sea_orm::DbErr) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// Wraps the failure of another service.
    pub(crate) fn calling(doing: &'static str) -> impl FnOnce(CallError) -> Self {
        move |source| Self::Call { doing, source }
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(source: sea_orm::DbErr) -> Self {
        Self::Database { doing: "read or write a table", source }
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoFile(_) | Self::NoStore(_) | Self::NotAttached { .. } => Kind::NotFound,
            Self::BadRequest { .. } | Self::BadId(_) => Kind::BadRequest,
            Self::TooLarge { .. } | Self::StorageFull { .. } => Kind::TooLarge,
            Self::Denied(denied) => denied.kind(),
            Self::Parse(_) => Kind::Unprocessable,
            // What the other service said stays what it is all the way up.
            Self::Call { source, .. } => source.kind,
            Self::Blobs(source) => source.kind(),
            Self::Vectors { .. } => Kind::Unavailable,
            Self::PagesLost { .. } => Kind::Unavailable,
            Self::Reader(_) | Self::Database { .. } | Self::BadRow { .. } | Self::Index(_) | Self::Panicked(_) => {
                Kind::Internal
            }
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Parse(failure) => failure.code(),
            Self::StorageFull { .. } => "storage_quota_exceeded",
            Self::Call { source, .. } => &source.code,
            Self::NoFile(_)
            | Self::NoStore(_)
            | Self::NotAttached { .. }
            | Self::BadRequest { .. }
            | Self::BadId(_)
            | Self::TooLarge { .. }
            | Self::Denied(_)
            | Self::Reader(_)
            | Self::Vectors { .. }
            | Self::Database { .. }
            | Self::BadRow { .. }
            | Self::PagesLost { .. }
            | Self::Blobs(_)
            | Self::Index(_)
            | Self::Panicked(_) => self.kind().name(),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::BadRequest { param, .. } => Some(param),
            Self::Call { source, .. } => source.param.as_deref(),
            Self::NoFile(_)
            | Self::NoStore(_)
            | Self::NotAttached { .. }
            | Self::BadId(_)
            | Self::TooLarge { .. }
            | Self::StorageFull { .. }
            | Self::Denied(_)
            | Self::Parse(_)
            | Self::Reader(_)
            | Self::Vectors { .. }
            | Self::Database { .. }
            | Self::BadRow { .. }
            | Self::PagesLost { .. }
            | Self::Blobs(_)
            | Self::Index(_)
            | Self::Panicked(_) => None,
        }
    }
}
