//! How rights are taken back: everything that may change what somebody can do has a number, and the numbers only grow.
//!
//! Whoever acts for a person notes the number that was current when the person's rights were read. A later number on
//! the person, the tenant or the key means that the note is out of date, in whichever process it is held.

use septet_kernel::{ApiKeyId, TenantId, UserId};
use serde::{Deserialize, Serialize};

use super::User;

/// Whose rights changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Everybody of a tenant.
    Tenant(TenantId),
    /// A person, with all sessions and keys.
    User(UserId),
    /// One API key.
    Key(ApiKeyId),
}

/// A person who may come in, and as of when that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// The number that was current when this was read: what changes later has a greater one.
    #[serde(default)]
    pub epoch: i64,
    /// Sessions that began before this number are over: the password was changed, or the person or the tenant was
    /// locked out since.
    #[serde(default)]
    pub sessions_epoch: i64,
}

/// One change of rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsChange {
    /// Whose.
    pub subject: Subject,
    /// Its number. A subject that changes again gets a new one; the old one is not told any more.
    pub epoch: i64,
}

/// Changes of rights, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsChanges {
    /// At most a thousand.
    pub data: Vec<RightsChange>,
    /// Whether there are more after the last of them.
    #[serde(default)]
    pub has_more: bool,
}
