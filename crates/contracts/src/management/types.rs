//! Tenants, users, keys: who may do what.

use septet_kernel::{ApiKeyId, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Permission;

/// A tenant: a team whose data nobody else sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    /// The id.
    pub id: TenantId,
    /// Unique on this installation.
    pub name: String,
    /// The tenant whose owners manage all tenants. There is exactly one.
    #[serde(default)]
    pub home: bool,
    /// Nobody of a disabled tenant can sign in, and its keys do not work.
    #[serde(default)]
    pub disabled: bool,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// Asks for a tenant, with its first owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// 1 to 64 characters, unique on this installation.
    pub name: String,
    /// Its first owner: a tenant without one could not be managed.
    pub owner: NewOwner,
}

/// The first owner of a new tenant.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOwner {
    /// The address to sign in with.
    pub email: String,
    /// What to call the person; the address unless told.
    #[serde(default)]
    pub name: String,
    /// At least 10 characters.
    pub password: String,
}

/// Changes of a tenant; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Stops everybody of the tenant, or lets them in again. Only from the home tenant, and never for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// The tenant of a user, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantRef {
    /// The id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
}

/// A person with an account. The password never leaves Management in any form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The address to sign in with, in lower case, unique on this installation.
    pub email: String,
    /// What to call the person.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The tenant.
    pub tenant: TenantRef,
    /// Cannot sign in, and the keys do not work.
    #[serde(default)]
    pub disabled: bool,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
    /// Unix seconds.
    #[serde(default)]
    pub last_login_at: Option<i64>,
}

/// Asks for a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The address to sign in with.
    pub email: String,
    /// What to call the person; the address unless told.
    #[serde(default)]
    pub name: String,
    /// At least 10 characters.
    pub password: String,
    /// What the person may do; `member` unless told. Nobody gives a role above their own.
    #[serde(default = "member")]
    pub role: Role,
}

fn member() -> Role {
    Role::Member
}

/// Changes of a user; what is absent stays.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// A new address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A new password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The present password: needed when people change their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<String>,
    /// Locks the person out, or lets them in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// What signing in needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credentials {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

// These carry passwords, and a request is easily printed by mistake: Debug shows who, never what.
macro_rules! debug_without_secrets {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_secrets! {
    NewOwner { name }
    NewUser { name, role }
    UserChange { name, role, disabled }
    Credentials {}
    KeyProof {}
    CreatedKey { key }
}

/// A role and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleInfo {
    /// The role.
    pub role: Role,
    /// Everything it may do.
    pub permissions: Vec<Permission>,
}

/// An API key as it is listed: without the secret, which is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// The first 8 characters after `sk-septet-`, to recognise it by.
    pub prefix: String,
    /// Whose key it is: it may never do more than this person.
    pub user: UserId,
    /// The most it may do; the person's role where that is less.
    pub role: Role,
    /// A limit of its own.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; never, when absent.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// Unix seconds, to the minute.
    #[serde(default)]
    pub last_used_at: Option<i64>,
    /// Unix seconds.
    #[serde(default)]
    pub revoked_at: Option<i64>,
}

/// Asks for an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for, 1 to 100 characters.
    pub name: String,
    /// Whose key; the caller's own unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The most it may do; the person's role unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A limit of its own, 1 to 1 000 000; none unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// When it stops working, unix seconds, in the future; never unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// A key that was just made. This is the only time that the secret is seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The key as it will be listed.
    #[serde(flatten)]
    pub key: ApiKey,
    /// `sk-septet-...`: keep it, it cannot be shown again.
    pub secret: String,
}

/// What proves a key: the SHA-256 of its text, so that the secret itself crosses no hop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyProof {
    /// 64 lower-case hex digits.
    pub sha256: String,
}

/// Whose a verified key is, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyGrant {
    /// The key.
    pub key: ApiKeyId,
    /// The tenant.
    pub tenant: TenantId,
    /// The person behind it.
    pub user: UserId,
    /// What it may do: the lesser of the key's and the person's role.
    pub role: Role,
    /// What the key is for.
    pub name: String,
    /// A limit of its own.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Unix seconds; never, when absent.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// The number that was current when this was read: what changes later has a greater one.
    #[serde(default)]
    pub epoch: i64,
}
