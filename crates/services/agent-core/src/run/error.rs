//! Why something failed in a run.

use serde::{Deserialize, Serialize};

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The stable word for programs.
    pub code: String,
    /// The sentence for a person, with what to do.
    pub message: String,
}
