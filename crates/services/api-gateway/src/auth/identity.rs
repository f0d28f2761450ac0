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
    /// The hash of the key, to ask about it again.
    #[serde(default)]
    pub(crate) key_sha256: Option<String>,
    /// When the key stops working, in unix seconds.
    #[serde(default)]
    pub(crate) expires_at: Option<i64>,
    /// Changes of rights with a greater number came after this was proven.
    #[serde(default)]
    pub(crate) epoch: i64,
}

impl Identity {
    /// The caller that other services see.
    pub(crate) fn caller(&self, request: RequestId, deadline: Option<Timestamp>) -> Caller {
        Caller { tenant: self.tenant, user: Some(self.person), key: self.key, role: self.role, request, deadline }
    }
}
