//! How the deployments behind the models are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All deployments that were asked since the start, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct DeploymentList {
    /// The deployments.
    pub data: Vec<Deployment>,
}

/// One model at one provider.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// `provider/model`.
    pub id: String,
    /// The state of its circuit breaker: `closed` is well, `open` gets no calls, `half_open` is being tried. Where it takes
    /// the calls of some tenants only, it is that of the tenant who is off worst.
    pub breaker: String,
    /// Of how many tenants it takes no calls, since theirs alone have failed.
    #[serde(default)]
    pub n_tenants_resting: u32,
    /// Until when it gets no calls, milliseconds since 1970.
    #[serde(default)]
    pub open_until_ms: Option<i64>,
    /// The share of calls that failed lately, 0 to 1.
    pub error_ratio: f64,
    /// What failed last, in words.
    #[serde(default)]
    pub last_fault: Option<String>,
    /// Calls that run now.
    pub in_flight: u32,
    /// The usual time to the first token, in milliseconds; absent before the first answer.
    #[serde(default)]
    pub first_token_ms: Option<f64>,
    /// The usual time of one token after that, in milliseconds.
    #[serde(default)]
    pub per_token_ms: Option<f64>,
}
