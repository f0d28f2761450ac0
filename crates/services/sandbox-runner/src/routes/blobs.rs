//! Which blobs are still needed, and containers that are not.

use axum::extract::Path;
use axum::http::StatusCode;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::blobs::{BlobsAsked, BlobsHeld, N_ASKED_MAX};
use septet_kernel::Caller;

use super::{Answer, Shared};
use crate::Error;

/// Says which of the blobs a file of a container has.
pub(super) async fn held(sandbox: Shared, Json(asked): Json<BlobsAsked>) -> Answer<BlobsHeld> {
    if asked.blobs.len() > N_ASKED_MAX {
        return Err(Error::BadBody(format!("ask for at most {N_ASKED_MAX} blobs at a time")).into());
    }
    Ok(Json(BlobsHeld { held: sandbox.store.held_blobs(&asked.blobs).await? }))
}

/// Deletes all containers of the tenant that have a name; when there is none, that is fine.
pub(super) async fn delete_named(
    sandbox: Shared,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal<Error>> {
    sandbox.delete_named(caller.tenant, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
