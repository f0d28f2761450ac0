//! The transport from one service to another.

use axum_core::body::Body;
use http::{Request, Response};
use tower::util::BoxCloneSyncService;

use crate::ServiceName;

/// Any error that a transport may give.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A way to reach one service: a request goes in, a streaming response comes out.
///
/// Together it is the other service's router, called in process; apart it is a pooled HTTP client. The typed
/// clients in `contracts` know only this type.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// The service runs neither in this process nor at a configured address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not running here and no address is configured for it; add [peers] {0} = \"http://host:port\" or run it in this process"
)]
pub struct NotPlugged(pub ServiceName);
