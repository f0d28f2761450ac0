//! The bytes of a file, out of the blob store.

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use septet_blobs::Blobs;
use septet_kernel::BlobId;

use crate::Error;

/// Which bytes, and what they are said to be.
pub(super) struct Content {
    pub(super) blob: BlobId,
    pub(super) filename: String,
    pub(super) mime: String,
}

/// Streams the bytes, with headers that prevent any script in them from running.
pub(super) async fn serve(blobs: &Blobs, content: Content, headers: &HeaderMap) -> Result<Response, Error> {
    let Content { blob, filename, mime } = content;
    let content = septet_chassis::http::Content { tag: blob.to_string(), filename, mime };
    if content.is_known_to(headers) {
        return Ok(content.unchanged());
    }
    let size = blobs.size(&blob).await.map_err(Error::blobs)?;
    Ok(content.answer(size, Body::from_stream(blobs.stream(&blob).await.map_err(Error::blobs)?)))
}
