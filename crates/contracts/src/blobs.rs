//! What a service says about the blobs that its rows name, so that the rest can be swept.
//!
//! Every service that keeps ids of blobs answers `POST` at [`HELD`]. Blobs are shared by all tenants and so is the question:
//! only the sweep asks it, and the answer says nothing but which of the ids are still needed.

use septet_kernel::BlobId;
use serde::{Deserialize, Serialize};

/// Where services answer.
pub const HELD: &str = "/internal/blobs/held";

/// How many ids one question may have.
pub const N_ASKED_MAX: usize = 500;

/// Which of these are still named by a row?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobsAsked {
    /// At most [`N_ASKED_MAX`]; more are a mistake.
    pub blobs: Vec<BlobId>,
}

/// Those that are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobsHeld {
    /// In any order.
    pub held: Vec<BlobId>,
}
