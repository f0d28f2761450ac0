//! What Management refuses, and why.

use septet_contracts::call::CallError;
use septet_contracts::management::Denied;
use septet_kernel::{Failure, Kind};

/// What Management refuses, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none, or it belongs to another tenant.
    #[error("{noun} {id} does not exist")]
    Missing {
        /// What kind of thing.
        noun: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The name is in use.
    #[error("{noun} {name:?} exists already")]
    Taken {
        /// What kind of thing.
        noun: &'static str,
        /// The name.
        name: String,
    },
    /// A field does not pass.
    #[error("{param}: {detail}")]
    Invalid {
        /// Which field.
        param: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The role does not have the permission.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The role would do, but not for this.
    #[error("{detail}")]
    Refused {
        /// A stable word.
        code: &'static str,
        /// Why.
        detail: &'static str,
    },
    /// The tenant would be left without anybody who can manage it.
    #[error("this is the last owner of the tenant; make somebody else an owner first")]
    LastOwner,
    /// Something needs it.
    #[error("{noun} {id} is used by {by}; change that first")]
    InUse {
        /// What kind of thing.
        noun: &'static str,
        /// Which one.
        id: String,
        /// Who uses it.
        by: String,
    },
    /// Unknown address, wrong password or disabled account: which one is nobody's business.
    #[error("the address or the password is not right")]
    WrongCredentials,
    /// Unknown, revoked or expired key, or its owner is disabled: which one is nobody's business.
    #[error("the API key is not valid")]
    BadKey,
    /// Agent Core, which knows the tools, refused or is down.
    #[error("{0}")]
    Call(#[from] CallError),
    /// Hashing a password failed.
    #[error("failed to hash a password")]
    Hash,
    /// The database failed.
    #[error("failed to {doing}")]
    Store {
        /// What we were doing.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: sea_orm::DbErr,
    },
    /// A row holds what no version of this program writes.
    #[error("a row of {table} cannot be read: {detail}")]
    BadRow {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        detail: String,
    },
}

impl Error {
    pub(crate) fn invalid(param: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { param: param.into(), detail: detail.into() }
    }

    /// For `map_err`: says what we were doing.
    pub(crate) fn doing(doing: &'static str) -> impl Fn(sea_orm::DbErr) -> Self {
        move |source| Self::Store { doing, source }
    }
}

/// The first field that does not pass.
impl From<garde::Report> for Error {
    fn from(report: garde::Report) -> Self {
        match report.into_inner().into_iter().next() {
            Some((path, error)) => Self::invalid(path.to_string(), error.message()),
            None => Self::invalid("body", "is not valid"),
        }
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } => Kind::NotFound,
            Self::Taken { .. } | Self::LastOwner | Self::InUse { .. } => Kind::Conflict,
            Self::Invalid { .. } => Kind::Unprocessable,
            Self::Denied(_) | Self::Refused { .. } => Kind::Forbidden,
            Self::WrongCredentials | Self::BadKey => Kind::Unauthenticated,
            Self::Call(error) => error.kind,
            Self::Hash | Self::Store { .. } | Self::BadRow { .. } => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Taken { .. } => "name_taken",
            Self::Invalid { .. } => "invalid_field",
            Self::Refused { code, .. } => code,
            Self::LastOwner => "last_owner",
            Self::InUse { .. } => "in_use",
            Self::WrongCredentials => "wrong_credentials",
            Self::BadKey => "invalid_api_key",
            Self::Call(error) => &error.code,
            Self::Missing { .. } | Self::Denied(_) | Self::Hash | Self::Store { .. } | Self::BadRow { .. } => {
                self.kind().name()
            }
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid { param, .. } => Some(param),
            Self::Taken { .. } => Some("name"),
            Self::Call(error) => error.param.as_deref(),
            Self::Missing { .. }
            | Self::Denied(_)
            | Self::Refused { .. }
            | Self::LastOwner
            | Self::InUse { .. }
            | Self::WrongCredentials
            | Self::BadKey
            | Self::Hash
            | Self::Store { .. }
            | Self::BadRow { .. } => None,
        }
    }
}
