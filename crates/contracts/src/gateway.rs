//! The API gateway's own surface: signing in, who one is, money, the state of the installation.
//!
//! What it passes through to other services has its types in their modules. The inner side, for peers alone, is
//! [`Accounts`].

mod accounts;

use septet_kernel::{ApiKeyId, RequestId, Role, ServiceName, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use accounts::{Accounts, RefusedUsage, Reserve, Reserved, Settle};

use crate::management::{Permission, TenantRef};

/// Signs a person in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The address of the account.
    pub email: String,
    /// Its password.
    pub password: String,
    /// Whether the refresh token is wanted in the body too, for clients without cookies. Default false.
    #[serde(default)]
    pub return_refresh_token: bool,
}

// A request is easily printed by mistake: Debug shows no secret.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// A refresh token in the body, for clients without cookies.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RefreshProof {
    /// The token; the cookie counts when it is absent.
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for RefreshProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshProof").finish_non_exhaustive()
    }
}

/// What somebody who signed in, or refreshed, is given.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Signed {
    /// The access token, an EdDSA JWT.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// For how many seconds the access token is good.
    pub expires_in: i64,
    /// Who signed in.
    pub user: Person,
    /// The refresh token, when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// A person as they see themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The id.
    pub id: UserId,
    /// The mail address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role in the tenant.
    pub role: Role,
    /// The tenant.
    pub tenant: TenantRef,
}

/// Who is asking, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The person; also the one behind an API key.
    #[serde(flatten)]
    pub person: Person,
    /// The API key, when one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// Everything that the role in force may do.
    pub permissions: Vec<Permission>,
}

/// A ticket for a WebSocket: `GET /v1/responses?ticket=...`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// Good for one connection.
    pub ticket: String,
    /// For how many seconds.
    pub expires_in: i64,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// What this installation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of Septet.
    pub version: String,
    /// Whether the only chat model is the built-in rule-based stand-in, which is no language model.
    pub offline_model: bool,
    /// The model to talk to first, `agent:<name>`.
    pub default_agent: String,
    /// The code sandbox; absent when it does not answer.
    #[serde(default)]
    pub sandbox: Option<SandboxStatus>,
    /// The services that did not answer when this was asked.
    #[serde(default)]
    pub down: Vec<ServiceName>,
}

/// How code is isolated here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SandboxStatus {
    /// `L3` (strongest), `L2`, `L1`.
    pub level: String,
    /// `process`, `docker`, `kubernetes`.
    pub driver: String,
}

/// How a tenant pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BillingMode {
    /// Usage is written down and never refused.
    Unlimited,
    /// Nothing is called once the balance is spent.
    Prepaid,
}

impl BillingMode {
    /// The word on the wire and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unlimited => "unlimited",
            Self::Prepaid => "prepaid",
        }
    }
}

/// A tenant's account. Amounts are nano-units: `1_000_000_000` is one unit of currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// The tenant.
    pub tenant: TenantId,
    /// How it pays.
    pub mode: BillingMode,
    /// Everything topped up minus everything used; below zero for what an unlimited tenant has used.
    pub balance_nano: i64,
    /// Held back for requests that are running.
    pub held_nano: i64,
    /// The balance minus what is held back.
    pub available_nano: i64,
}

/// One side of one booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// The id; later ones sort later.
    pub id: String,
    /// What was booked: a usage record, a top-up. Each has one debit and one credit of the same amount.
    pub record: String,
    /// `debit` or `credit`.
    pub side: String,
    /// `tenant:<id>`, `platform:revenue` or `platform:cash`.
    pub account: String,
    /// `usage`, `top_up` or `hold`.
    pub kind: String,
    /// The amount, never negative.
    pub amount_nano: i64,
    /// What it was for: the model, or the note of a top-up.
    pub memo: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

/// Puts money on a tenant's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// Whose account; the caller's own unless told.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// How much, in nano-units; above zero.
    pub amount_nano: i64,
    /// What for, up to 200 characters.
    #[serde(default)]
    pub memo: String,
}

/// Changes how a tenant pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BillingChange {
    /// How it pays from now on.
    pub mode: BillingMode,
}

/// What a usage report is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageGroup {
    /// The day in UTC, `2026-01-31`.
    #[default]
    Day,
    /// The model.
    Model,
    /// The person.
    User,
    /// The API key; empty for people.
    Key,
}

/// Which usage to report.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct UsageReportQuery {
    /// From this moment on, milliseconds since 1970. Default: 30 days ago.
    pub from_ms: Option<i64>,
    /// Before this moment, milliseconds since 1970. Default: now.
    pub to_ms: Option<i64>,
    /// What to group by. Default `day`.
    #[param(inline)]
    pub group_by: UsageGroup,
}

/// What a tenant used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageReport {
    /// From this moment on.
    pub from_ms: i64,
    /// Before this moment.
    pub to_ms: i64,
    /// All of it.
    pub total: UsageSum,
    /// By group: days in order, everything else by cost, highest first.
    pub groups: Vec<UsageSum>,
}

/// A sum of usage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageSum {
    /// What it is the sum of: a day, a model, a person, a key; empty for the total.
    pub group: String,
    /// Calls to models.
    pub n_calls: i64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Of these, from the provider's cache.
    pub cached_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// The price in nano-units.
    pub cost_nano: i64,
}

/// An error in the shape of the OpenAI API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenAiError {
    /// What went wrong.
    pub error: OpenAiErrorBody,
}

/// What went wrong, in the shape of the OpenAI API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenAiErrorBody {
    /// What happened and what to do.
    pub message: String,
    /// `invalid_request_error`, `authentication_error`, `permission_error`, `billing_error`, `rate_limit_error` or
    /// `server_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A stable word for programs.
    pub code: Option<String>,
    /// The field at fault.
    pub param: Option<String>,
    /// The id to find the request by in logs and traces.
    pub request_id: Option<RequestId>,
}
