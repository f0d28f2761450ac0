//! The types that every floor of Septet shares: ids, time, money, who is calling, what can go wrong.
//!
//! The kernel does no IO and reads no environment. It holds only what at least two floors need; a type that one service
//! alone uses lives in that service.

mod address;
mod caller;
mod clock;
mod failure;
mod id;
mod money;
mod service;
mod transport;

pub use address::{Reach, carries_ipv4};
pub use caller::{Caller, NoCaller, Role};
pub use clock::{Clock, Timestamp};
pub use failure::{Failure, Kind, causes};
pub use id::{
    AgentId, ApiKeyId, BadId, BlobId, ContainerFileId, ContainerId, ConversationId, ExecutionId, FileId, Id, Ids,
    ItemId, JobId, PassageId, PromptId, RecordId, RequestId, ResponseId, TenantId, UserId, VectorStoreId,
};
pub use money::Money;
pub use service::{ServiceName, UnknownService};
pub use transport::{BoxError, NotPlugged, Transport};
