//! Streams of JSON, one object a line: what services send each other where no public standard applies.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use septet_kernel::ServiceName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::CallError;

/// The media type.
pub const CONTENT_TYPE: &str = "application/x-ndjson";

/// One value as a line.
#[must_use]
pub fn line<T: Serialize>(value: &T) -> Bytes {
    // A wire type that does not serialize is a bug that the tests of its module find; readers skip the empty line that
    // this writes.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    Bytes::from(bytes)
}

/// The values of a stream of chunks from `service`. The first error ends it.
pub fn values<T: DeserializeOwned + Send>(
    service: ServiceName,
    chunks: impl Stream<Item = Result<Bytes, CallError>> + Send,
) -> impl Stream<Item = Result<T, CallError>> + Send {
    async_stream::stream! {
        let mut pending = BytesMut::new();
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => pending.extend_from_slice(&chunk),
                Err(error) => { yield Err(error); return }
            }
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line = pending.split_to(end + 1);
                if line.len() <= 1 { continue }
                match serde_json::from_slice(&line) {
                    Ok(value) => yield Ok(value),
                    Err(error) => { yield Err(CallError::garbled(service, &error)); return }
                }
            }
        }
    }
}
