//! Who a request comes from, once that is proven.

use septet_kernel::{ApiKeyId, Caller, RequestId, Role, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// A proven identity. It is stored with the ticket of a WebSocket, hence the serde.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) tenant: TenantId,
    pub(crate) person: UserId,
    /// The API key, when one was used.
    #[serde(default)]
    pub(crate) key: Option<ApiKeyId>,
    pub(crate) role: Role,
    /// The session, when it is a person's access token.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// The key's own limit.
    #[serde(default)]
    pub(crate) requests_per_minute: Option<u32>,
}

impl Identity {
    /// The caller that other services see.
    pub(crate) fn caller(&self, request: RequestId, deadline: Option<Timestamp>) -> Caller {
        Caller { tenant: self.tenant, user: Some(self.person), key: self.key, role: self.role, request, deadline }
    }

    /// What its requests are counted under.
    pub(crate) fn meter(&self) -> String {
        self.key.map_or_else(|| self.person.to_string(), |key| key.to_string())
    }
}
