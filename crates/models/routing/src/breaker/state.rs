//! A breaker as others see it.

use serde::Serialize;

use crate::fault::Fault;

/// A breaker as it is shown in the API and in metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakerState {
    /// Closed, open or half-open.
    pub name: Name,
    /// Since when, in the caller's milliseconds.
    pub since_ms: u64,
    /// When the first probe may go; only while open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Calls that reported back within the window while closed.
    pub n_calls: u32,
    /// Of those, the share that failed, in 0..=1.
    pub error_ratio: f32,
    /// Probes under way.
    pub n_probes: u32,
    /// How often it opened since it was made.
    pub n_opened: u64,
    /// The last failure that counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<Fault>,
}

/// The three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open,
    /// A few calls pass, to see.
    HalfOpen,
}

impl Name {
    /// As it is written in metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}
