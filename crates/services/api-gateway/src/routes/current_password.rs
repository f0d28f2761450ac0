//! Throttles checks of the current password: whoever finds an open session must not be able to guess it.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use septet_chassis::http::{Problem, read_json};
use septet_contracts::management::UserChange;
use septet_kernel::UserId;

use crate::Error;
use crate::gateway::Gateway;

// A refusal is a sentence or two.
const MAX_PROBLEM_BYTES: usize = 64 << 10;

/// Passes a change of one's own account on, and counts it when it says the current password.
///
/// # Errors
/// [`Error::LoginThrottled`] after too many wrong ones; nobody looks at the password then.
pub(super) async fn guarded(app: &Gateway, person: UserId, request: Request) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let limit_bytes = app.config.json_limit_bytes();
    let bytes = to_bytes(body, usize::try_from(limit_bytes).unwrap_or(usize::MAX)).await;
    let bytes = bytes.map_err(|_| Error::TooLarge { limit_bytes })?;
    // What is no change is Management's to refuse.
    let change = read_json::<UserChange>(Some(&app.cpu), bytes.clone()).await.ok();
    let request = Request::from_parts(parts, Body::from(bytes));
    let Some(change) = change.filter(|change| change.current_password.is_some()) else {
        return Ok(app.change_rights(request).await);
    };
    let attempt = app.auth.say_password_again(person)?;
    let (response, is_wrong) = about_password(app.change_rights(request).await).await;
    if is_wrong {
        // Dropped, it counts as failed.
        drop(attempt);
    } else if response.status().is_success() && change.password.is_some() {
        attempt.succeeded();
    } else {
        // Where nothing needed the password, nobody looked at it, so nothing is forgiven either.
        attempt.void();
    }
    Ok(response)
}

/// An answer of Management, and whether it says that the current password is wrong.
async fn about_password(response: Response) -> (Response, bool) {
    if !response.status().is_client_error() {
        return (response, false);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_PROBLEM_BYTES).await.unwrap_or_default();
    let problem = serde_json::from_slice::<Problem>(&bytes).ok();
    let is_wrong = problem.is_some_and(|problem| problem.param.as_deref() == Some("current_password"));
    (Response::from_parts(parts, Body::from(bytes)), is_wrong)
}
