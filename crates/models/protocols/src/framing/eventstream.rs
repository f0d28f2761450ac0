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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::framing::{Framer, Framing};

    // As Bedrock wrote them.
    const STARTED: &str = "AAAAkAAAAFIxQcihCzpldmVudC10eXBlBwAMbWVzc2FnZVN0YXJ0DTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvb\
        i9qc29uDTptZXNzYWdlLXR5cGUHAAVldmVudHsicCI6ImFiY2RlZmdoaWprbG1ub3BxcnMiLCJyb2xlIjoiYXNzaXN0YW50In0Rduqw";
    const COUNTED: &str = "AAAAzwAAAE6fA8z0CzpldmVudC10eXBlBwAIbWV0YWRhdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24\
        NOm1lc3NhZ2UtdHlwZQcABWV2ZW50eyJtZXRyaWNzIjp7ImxhdGVuY3lNcyI6NDIyfSwicCI6ImFiY2RlZmdoaWprbG0iLCJ1c2FnZSI6eyJpb\
        nB1dFRva2VucyI6NDcxLCJvdXRwdXRUb2tlbnMiOjkxLCJ0b3RhbFRva2VucyI6NTYyfX1CkSEx";

    // Made after the format's description.
    const REFUSED: &str = "AAAAYgAAAEDwDLrUDTptZXNzYWdlLXR5cGUHAAlleGNlcHRpb24POmV4Y2VwdGlvbi10eXBlBwATdGhyb3R0bGluZ0\
        V4Y2VwdGlvbnsibWVzc2FnZSI6InNsb3cifVSnc9M=";

    fn frames(bytes: &[u8], step: usize) -> Result<Vec<Frame>, Unreadable> {
        let (mut framer, mut out) = (Framer::new(Framing::EventStream), Vec::new());
        for chunk in bytes.chunks(step) {
            framer.push(chunk, &mut out)?;
        }
        framer.end(&mut out)?;
        Ok(out)
    }

    fn recorded() -> Vec<u8> {
        [STARTED, COUNTED].iter().flat_map(|frame| STANDARD.decode(frame).unwrap()).collect()
    }

    #[test]
    fn recorded_frames_come_out_the_same_however_the_bytes_are_cut() {
        let wire = recorded();
        let usage = r#"{"inputTokens":471,"outputTokens":91,"totalTokens":562}"#;
        let counted = format!(r#"{{"metrics":{{"latencyMs":422}},"p":"abcdefghijklm","usage":{usage}}}"#);
        let started = r#"{"p":"abcdefghijklmnopqrs","role":"assistant"}"#;
        let expected = [Frame::named("messageStart", started), Frame::named("metadata", counted)];
        for step in [1, 3, 144, wire.len()] {
            assert_eq!(frames(&wire, step).unwrap(), expected, "chunks of {step}");
        }
    }

    #[test]
    fn an_exception_is_told_by_its_headers() {
        let wire = STANDARD.decode(REFUSED).unwrap();
        let expected = Frame { is_exception: true, ..Frame::named("throttlingException", "{\"message\":\"slow\"}") };
        assert_eq!(frames(&wire, 7).unwrap(), [expected]);
    }

    #[test]
    fn damaged_and_cut_frames_are_refused() {
        let mut wire = recorded();
        assert!(frames(&wire[..wire.len() - 1], 50).is_err());
        wire[100] ^= 1;
        assert!(frames(&wire, 50).is_err());
        assert!(frames(&[0; 64], 64).is_err());
        assert!(frames(b"{\"message\":\"no stream at all\"}", 64).is_err());
    }
}
