//! Cancelling a call by its idempotency key.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which call is to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelCall {
    /// The idempotency key that it was begun under, 1 to 255 characters.
    pub key: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelledCall {
    /// Whether the call was running. One that had ended keeps its answer.
    pub cancelled: bool,
}
