//! Who is calling: minted once, on admission at the API gateway, and carried through every hop.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, RequestId, TenantId, Timestamp, UserId};

/// What a person may do in a tenant; each role includes the ones below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads what others made.
    Viewer,
    /// Talks to agents and uploads documents.
    Member,
    /// Changes agents, prompts and knowledge bases.
    Editor,
    /// Manages users, keys and budgets.
    Admin,
    /// Owns the tenant.
    Owner,
}

impl Role {
    /// All five, weakest first.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Member, Self::Editor, Self::Admin, Self::Owner];

    /// The word on the wire and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// The identity behind a call between services.
///
/// Every hop signs it into a short-lived token and the next one verifies it, in process too, so that the apart
/// topology has no security of its own. As a handler's argument it is extracted from the verified request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Whose data this is about.
    pub tenant: TenantId,
    /// The person, unless a service acts for the tenant.
    #[serde(default)]
    pub user: Option<UserId>,
    /// The API key used, if one was.
    #[serde(default)]
    pub key: Option<ApiKeyId>,
    /// What the person or key may do.
    pub role: Role,
    /// The request from outside that started it all.
    pub request: RequestId,
    /// When the outermost caller stops waiting. It travels beside the signed identity, in a header of its own.
    #[serde(skip)]
    pub deadline: Option<Timestamp>,
}

impl Caller {
    /// A service that acts for a tenant in the background, with an owner's rights and no person behind it.
    #[must_use]
    pub fn background(tenant: TenantId, request: RequestId) -> Self {
        Self { tenant, user: None, key: None, role: Role::Owner, request, deadline: None }
    }

    /// The same caller without a deadline: for work that outlives the request.
    #[must_use]
    pub fn without_deadline(&self) -> Self {
        Self { deadline: None, ..self.clone() }
    }
}

/// The request carries no verified identity.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the request carries no identity; go through the API gateway")]
pub struct NoCaller;

impl IntoResponse for NoCaller {
    fn into_response(self) -> Response {
        (http::StatusCode::UNAUTHORIZED, self.to_string()).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = NoCaller;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, NoCaller> {
        parts.extensions.get::<Self>().cloned().ok_or(NoCaller)
    }
}
