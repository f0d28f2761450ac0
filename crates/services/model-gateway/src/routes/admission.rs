//! Admission: a caller with a signed identity is admitted, and so is a client with a key from the settings.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use septet_chassis::service_keys::ServiceKey;
use septet_kernel::Caller;

use crate::error::Error;
use crate::keys::{Grant, Keys};

/// Who calls, if anybody is known.
pub(crate) struct ClientIdentity {
    pub caller: Option<Caller>,
    pub key: Option<Arc<ServiceKey<Grant>>>,
}

impl ClientIdentity {
    /// Refuses when nobody is known, before anything is said about the body.
    pub(super) fn known(&self) -> Result<(), Error> {
        if self.caller.is_some() { Ok(()) } else { Err(Error::NoKey) }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientIdentity {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let extensions = &parts.extensions;
        Ok(Self { caller: extensions.get().cloned(), key: extensions.get().cloned() })
    }
}

/// Admits a client by its key. A signed caller was admitted before; a request with neither is refused by its handler.
pub(crate) async fn admit(State(keys): State<Keys>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Caller>().is_none()
        && let Some(key) = keys.shown_in(request.headers())
    {
        request.extensions_mut().insert(keys.caller(&key));
        request.extensions_mut().insert(key);
    }
    next.run(request).await
}
