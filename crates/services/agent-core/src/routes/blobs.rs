//! Which blobs are still needed.

use axum::extract::State;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::blobs::{BlobsAsked, BlobsHeld, N_ASKED_MAX};

use crate::error::Error;
use crate::runs::Runs;

/// Says which of the blobs a run names.
pub(super) async fn held(
    State(runs): State<Runs>,
    Json(asked): Json<BlobsAsked>,
) -> Result<Json<BlobsHeld>, Refusal<Error>> {
    if asked.blobs.len() > N_ASKED_MAX {
        let problem = format!("is more than the {N_ASKED_MAX} blobs that may be asked for at a time");
        return Err(Error::BadInput { index: N_ASKED_MAX, problem }.into());
    }
    Ok(Json(BlobsHeld { held: runs.held_blobs(&asked.blobs).await? }))
}
