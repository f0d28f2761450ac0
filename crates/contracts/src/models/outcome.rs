//! How answers turned out, as a tenant sees it: what routing by difficulty learns from.

use septet_kernel::RecordId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which calls were answered well enough.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutcomeReport {
    /// 1 to 1000 calls. One that was told of before takes the new word.
    pub outcomes: Vec<Outcome>,
}

/// How one call turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// The call, by the header `x-septet-call` of its answer.
    pub call: RecordId,
    /// Whether the answer was good enough, by whatever the tenant measures.
    pub good: bool,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutcomeReply {
    /// Every route that the report was about.
    pub routes: Vec<RouteOutcomes>,
}

/// What is known of one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteOutcomes {
    /// Its name.
    pub route: String,
    /// How many answers of its weak models were told of; only these say anything about its threshold.
    pub n_outcomes: usize,
    /// How many of these were not good enough.
    pub n_bad: usize,
    /// Whether the threshold is set by them now. It takes 50, with 5 of either kind.
    pub is_calibrated: bool,
}
