//! Bodies that stay inside their own walls.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, HttpBody};
use futures::{FutureExt, StreamExt, stream};
use septet_kernel::BoxError;
use tracing::error;

/// Turns a panic while a streamed body is produced into an error at its end.
///
/// In process the body is polled by the caller's task, so without this a bug in one service would unwind into
/// another. A body of known length is made already and passes as it is.
pub fn guard(body: Body) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    let chunks = stream::unfold(Some(body.into_data_stream()), |chunks| async move {
        let mut chunks = chunks?;
        match AssertUnwindSafe(chunks.next()).catch_unwind().await {
            Ok(None) => None,
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(chunks))),
            Ok(Some(Err(source))) => Some((Err(BoxError::from(source)), None)),
            Err(_panic) => {
                error!("a streamed body panicked");
                Some((Err(BoxError::from("the stream broke off because of a bug")), None))
            }
        }
    });
    Body::from_stream(chunks)
}
