//! What can go wrong in the sandbox runner. Errors of the code itself are none of these: they are results.

use septet_chassis::http::form::BadForm;
use septet_kernel::{BlobId, ContainerFileId, ContainerId, Failure, Kind};

use crate::driver;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Whoever asks has not shown who they are.
    #[error("send a key of the settings as `Authorization: Bearer <key>`, or go through the API gateway")]
    NoKey,
    /// The upload is not understood.
    #[error(transparent)]
    Form(#[from] BadForm),
    /// The client went away in the middle of it.
    #[error("the upload broke off")]
    BrokenUpload,
    /// The body is not understood.
    #[error("the JSON body does not fit: {0}")]
    BadBody(String),
    /// There is none, or it is another tenant's.
    #[error("container {0} does not exist")]
    NoContainer(ContainerId),
    /// There is none in this container.
    #[error("file {0} does not exist in this container")]
    NoFile(ContainerFileId),
    /// The blob that was named is not in the store.
    #[error("blob {0} does not exist")]
    NoBlob(BlobId),
    /// It was not used for longer than it was made for.
    #[error("container {0} has expired; its files can still be read, code needs a new one")]
    Expired(ContainerId),
    /// The path leads out of the session folder or names no file.
    #[error("the path {0:?} is not below /session, or is deeper than eight folders")]
    BadPath(String),
    /// The network policy is not understood.
    #[error("network_policy: {0}")]
    BadNetwork(String),
    /// The operator permits less.
    #[error(
        "{0} cannot be allowed: the operator permits no egress to it; the setting sandbox.egress_domains names what may be"
    )]
    EgressNotPermitted(String),
    /// No key could be made for a session's certificates.
    #[error("the egress of the sandbox cannot be made")]
    Egress(#[source] anyhow::Error),
    /// An id in the address is not one.
    #[error("{0}")]
    BadId(#[from] septet_kernel::BadId),
    /// The expiry is not understood.
    #[error("expires_after.anchor must be \"last_active_at\" and minutes between 1 and 43200")]
    BadExpiry,
    /// More code than allowed.
    #[error("the code has {n_bytes} bytes, at most {limit_bytes} are allowed")]
    CodeTooLarge {
        /// How many it has.
        n_bytes: usize,
        /// How many it may have.
        limit_bytes: usize,
    },
    /// A limit with which no code could run.
    #[error("{0} must be more than 0; leave it out for what the service allows")]
    ZeroLimit(&'static str),
    /// A limit that no machine could keep.
    #[error("{name} may be {most} at most; leave it out for what the service allows")]
    HugeLimit {
        /// The field.
        name: &'static str,
        /// The most that it may be.
        most: u64,
    },
    /// The files do not fit into the session folder.
    #[error("the files of this container would need more than {limit_bytes} bytes")]
    Full {
        /// The size of the folder.
        limit_bytes: u64,
    },
    /// The files of the tenant would have more bytes than it may keep.
    #[error(
        "the containers of this tenant would have more than the {limit_bytes} bytes of files that it may keep; delete files or containers that are not needed, or have sandbox.tenant_storage_bytes raised"
    )]
    StorageFull {
        /// The limit.
        limit_bytes: u64,
    },
    /// The key came with other code before.
    #[error("this Idempotency-Key was used in this container for other code")]
    KeyReused,
    /// There is nothing to interrupt.
    #[error("no code runs in container {0} now")]
    NothingRuns(ContainerId),
    /// The interpreter did not give its variables away, or did not take them.
    #[error("the variables of this sandbox could not be copied: {0}")]
    NoCopy(String),
    /// All sessions that may be in use at a time are busy.
    #[error("{limit} sandboxes are in use and none of them is idle; wait for one to end, or delete one")]
    TooManySessions {
        /// How many may be.
        limit: usize,
    },
    /// Another process is running it.
    #[error("this execution is going on in another process; ask again later")]
    RunsElsewhere,
    /// The walls.
    #[error(transparent)]
    Driver(#[from] driver::Error),
    /// The tables.
    #[error("the sandbox's tables cannot be used")]
    Database(#[from] sea_orm::DbErr),
    /// A row that no version of this service wrote.
    #[error("a row of the sandbox's tables is not understood: {0}")]
    BadRow(String),
    /// The bytes.
    #[error("the blob store cannot be used")]
    Blobs(#[from] septet_blobs::Error),
    /// The session folder.
    #[error("the session folder cannot be used")]
    Folder(#[source] std::io::Error),
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoContainer(_) | Self::NoFile(_) | Self::NoBlob(_) => Kind::NotFound,
            Self::NoKey => Kind::Unauthenticated,
            Self::BadPath(_)
            | Self::BadId(_)
            | Self::BadExpiry
            | Self::ZeroLimit(_)
            | Self::HugeLimit { .. }
            | Self::BadNetwork(_)
            | Self::BadBody(_)
            | Self::BrokenUpload => Kind::BadRequest,
            Self::EgressNotPermitted(_) => Kind::Forbidden,
            Self::Form(error) => error.kind(),
            Self::NoCopy(_) => Kind::Unprocessable,
            Self::Expired(_) | Self::KeyReused | Self::NothingRuns(_) => Kind::Conflict,
            Self::CodeTooLarge { .. } | Self::Full { .. } | Self::StorageFull { .. } => Kind::TooLarge,
            Self::TooManySessions { .. } => Kind::Exhausted,
            Self::RunsElsewhere => Kind::Unavailable,
            Self::Driver(error) => error.kind(),
            Self::Blobs(error) => error.kind(),
            Self::Database(_) | Self::BadRow(_) | Self::Folder(_) | Self::Egress(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Expired(_) => "container_expired",
            Self::KeyReused => "idempotency_key_reused",
            Self::RunsElsewhere => "execution_elsewhere",
            Self::EgressNotPermitted(_) => "egress_not_permitted",
            Self::NothingRuns(_) => "nothing_runs",
            Self::StorageFull { .. } => "storage_quota_exceeded",
            Self::NoCopy(_) => "variables_not_copied",
            Self::TooManySessions { .. } => "too_many_sandboxes",
            Self::Driver(error) => error.code(),
            Self::NoKey => "no_key",
            Self::NoContainer(_)
            | Self::NoFile(_)
            | Self::NoBlob(_)
            | Self::BadPath(_)
            | Self::BadId(_)
            | Self::BadExpiry
            | Self::BadNetwork(_)
            | Self::Egress(_)
            | Self::ZeroLimit(_)
            | Self::HugeLimit { .. }
            | Self::BadBody(_)
            | Self::BrokenUpload
            | Self::Form(_)
            | Self::CodeTooLarge { .. }
            | Self::Full { .. }
            | Self::Database(_)
            | Self::BadRow(_)
            | Self::Blobs(_)
            | Self::Folder(_) => self.kind().name(),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::BadPath(_) => Some("path"),
            Self::BrokenUpload => Some("file"),
            Self::Form(error) => error.param(),
            Self::BadExpiry => Some("expires_after"),
            Self::BadNetwork(_) | Self::EgressNotPermitted(_) => Some("network_policy"),
            Self::CodeTooLarge { .. } => Some("code"),
            Self::ZeroLimit(name) | Self::HugeLimit { name, .. } => Some(name),
            Self::NoBlob(_) => Some("blob"),
            Self::NoContainer(_)
            | Self::NoFile(_)
            | Self::Expired(_)
            | Self::BadId(_)
            | Self::Egress(_)
            | Self::BadBody(_)
            | Self::NoKey
            | Self::Full { .. }
            | Self::StorageFull { .. }
            | Self::KeyReused
            | Self::NothingRuns(_)
            | Self::NoCopy(_)
            | Self::TooManySessions { .. }
            | Self::RunsElsewhere
            | Self::Driver(_)
            | Self::Database(_)
            | Self::BadRow(_)
            | Self::Blobs(_)
            | Self::Folder(_) => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RunsElsewhere | Self::TooManySessions { .. } => Some(5),
            _ => None,
        }
    }
}
