//! Which blobs are still needed.

use std::sync::Arc;

use axum::extract::State;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::blobs::{BlobsAsked, BlobsHeld, N_ASKED_MAX};

use crate::Error;
use crate::engine::Engine;

/// Says which of the blobs a file has.
pub(super) async fn held(
    State(engine): State<Arc<Engine>>,
    Json(asked): Json<BlobsAsked>,
) -> Result<Json<BlobsHeld>, Refusal<Error>> {
    if asked.blobs.len() > N_ASKED_MAX {
        let detail = format!("ask for at most {N_ASKED_MAX} blobs at a time");
        return Err(Error::BadRequest { param: "blobs", detail }.into());
    }
    Ok(Json(BlobsHeld { held: engine.store.held_blobs(&asked.blobs).await? }))
}
