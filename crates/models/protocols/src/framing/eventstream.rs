//! Amazon's binary event stream: a prelude with lengths and a checksum, headers, a payload, a checksum.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use bytes::BytesMut;

use super::Frame;
use crate::error::Unreadable;

/// Takes the whole messages from the beginning of `pending`.
pub(super) fn take(pending: &mut BytesMut, out: &mut Vec<Frame>) -> Result<(), Unreadable> {
    loop {
        // The decoder consumes what it reads, so it is only asked for messages that are there as a whole.
        let Some(length) = pending.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)) else { return Ok(()) };
        if pending.len() < usize::try_from(length).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let damaged = |error: &dyn std::fmt::Display| Unreadable { what: format!("a damaged binary frame: {error}") };
        let decoded = MessageFrameDecoder::new().decode_frame(&mut *pending).map_err(|error| damaged(&error))?;
        let DecodedFrame::Complete(message) = decoded else { return Ok(()) };
        let header = |name: &str| {
            let found = message.headers().iter().find(|header| header.name().as_str() == name);
            found.and_then(|header| header.value().as_string().ok()).map(|text| text.as_str().to_owned())
        };
        let kind = header(":message-type").unwrap_or_default();
        let name = match kind.as_str() {
            "exception" => header(":exception-type"),
            "error" => header(":error-code"),
            _ => header(":event-type"),
        };
        out.push(Frame {
            name: name.unwrap_or_default(),
            is_exception: matches!(kind.as_str(), "exception" | "error"),
            data: message.payload().clone(),
        });
    }
}
