//! Containers and their files belong to the person who made them: nobody else of the tenant finds them.

use std::sync::Arc;

use axum::extract::{RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use septet_chassis::http::Refusal;
use septet_kernel::{Caller, ContainerId};

use crate::Error;
use crate::sandbox::Sandbox;

/// Stands before every path that names a container.
pub(super) async fn only(
    State(sandbox): State<Arc<Sandbox>>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let named = params.iter().find(|(name, _)| *name == "container").and_then(|(_, text)| text.parse().ok());
    if let (Some(container), Some(caller)) = (named, request.extensions().get::<Caller>())
        && let Err(error) = check(&sandbox, caller, container).await
    {
        return Refusal::from(error).into_response();
    }
    next.run(request).await
}

/// Passes unless the container is somebody else's.
///
/// # Errors
/// [`Error::NoContainer`].
pub(super) async fn check(sandbox: &Sandbox, caller: &Caller, container: ContainerId) -> Result<(), Error> {
    match caller.user {
        Some(person) if sandbox.store.is_of_another(container, person).await? => Err(Error::NoContainer(container)),
        Some(_) | None => Ok(()),
    }
}
