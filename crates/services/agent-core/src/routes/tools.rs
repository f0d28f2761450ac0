//! The tools that agents can have.

use axum::extract::State;
use septet_chassis::http::Json;
use septet_contracts::agents::ToolSummary;

use crate::runs::Runs;

/// Lists them in the order in which they are offered.
pub(super) async fn list(State(runs): State<Runs>) -> Json<Vec<ToolSummary>> {
    Json(runs.tools())
}
