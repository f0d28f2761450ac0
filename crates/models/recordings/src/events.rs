//! Events out of bytes and into bytes, without the code under test.

use septet_protocols::{Dialect, Framing};
use serde_json::Value;

/// The JSON events of server-sent events or of lines. What is no JSON, such as `[DONE]`, is left out.
pub fn of_text(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(bytes);
    let mut events = Vec::new();
    let mut data = String::new();
    for line in text.lines().chain([""]) {
        // llama.cpp gives up with a field of its own.
        let error = line.strip_prefix("error:").filter(|more| more.trim_start().starts_with('{'));
        if let Some(more) = line.strip_prefix("data:").or(error) {
            data.push_str(more);
        } else if line.trim().is_empty() {
            events.extend(serde_json::from_str::<Value>(&std::mem::take(&mut data)).ok());
        } else if line.starts_with(['{', '[']) {
            events.extend(serde_json::from_str::<Value>(line).ok());
        }
    }
    events
}

/// The events of Amazon's binary frames, each with its type as the one field: `{"messageStart": {..}}`.
pub fn of_binary(bytes: &[u8]) -> Vec<Value> {
    let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let mut events = Vec::new();
    let mut rest = bytes;
    while rest.len() > 16 {
        let (length, n_headers) = (number(&rest[..4]), number(&rest[4..8]));
        let Some(message) = rest.get(..length) else { break };
        rest = &rest[length..];
        let mut headers = &message[12..12 + n_headers];
        let mut kind = String::new();
        while let [n_name, after @ ..] = headers {
            let (name, after) = after.split_at(usize::from(*n_name));
            assert_eq!(after[0], 7, "a header that is no text");
            let n_value = number(&after[1..3]);
            let value = String::from_utf8_lossy(&after[3..3 + n_value]).into_owned();
            if [&b":event-type"[..], b":exception-type"].contains(&name) {
                kind = value;
            }
            headers = &after[3 + n_value..];
        }
        let body: Value = serde_json::from_slice(&message[12 + n_headers..length - 4]).unwrap_or_default();
        events.push(serde_json::json!({ kind: body }));
    }
    events
}

/// A binary frame.
fn binary(kind: &str, body: &Value, out: &mut Vec<u8>) {
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")] {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = body.to_string();
    let size = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let mut message = Vec::new();
    message.extend_from_slice(&size(16 + headers.len() + payload.len()));
    message.extend_from_slice(&size(headers.len()));
    message.extend_from_slice(&checksum(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&checksum(&message).to_be_bytes());
    out.extend_from_slice(&message);
}

/// CRC-32 as in Ethernet.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// The bytes that a provider would send for bare events.
pub fn framed(dialect: Dialect, framing: Framing, events: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        match framing {
            Framing::Lines => out.extend_from_slice(format!("{event}\n").as_bytes()),
            Framing::Sse => {
                if let (Dialect::Anthropic | Dialect::Responses | Dialect::Cohere, Some(kind)) =
                    (dialect, event["type"].as_str())
                {
                    out.extend_from_slice(format!("event: {kind}\n").as_bytes());
                }
                out.extend_from_slice(format!("data: {event}\n\n").as_bytes());
            }
            Framing::EventStream => {
                let Some((name, body)) = event.as_object().and_then(|fields| fields.iter().next()) else { continue };
                binary(name, body, &mut out);
            }
        }
    }
    if dialect == Dialect::Chat {
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
    out
}
