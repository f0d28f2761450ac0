//! The offline analyst as a provider: its replies in the shapes of Chat Completions, streamed in small pieces.

use bytes::Bytes;
use septet_analyst::{MODEL, Reply, decide};
use septet_contracts::models::{ChatRequest, ToolCall};
use septet_kernel::Clock;
use serde_json::{Value, json};

/// The name of the provider.
pub(crate) const PROVIDER: &str = "offline";

// Small enough to look like a stream, large enough not to become a thousand events.
const PIECE_CHARS: usize = 12;

/// The pieces of the answer to a request.
fn pieces(request: &ChatRequest, clock: &Clock) -> Vec<Value> {
    let (id, created) = (id(request), clock.now_s());
    let head = |choices: Value| json!({"id": id, "object": "chat.completion.chunk", "created": created, "model": MODEL, "choices": choices});
    let delta = |delta: Value| head(json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let mut pieces = vec![delta(json!({"role": "assistant"}))];
    let reason = match decide(request) {
        Reply::Text(text) => {
            let chars: Vec<char> = text.chars().collect();
            pieces.extend(
                chars.chunks(PIECE_CHARS).map(|piece| delta(json!({"content": piece.iter().collect::<String>()}))),
            );
            "stop"
        }
        Reply::Calls(calls) => {
            for (index, call) in calls.iter().enumerate() {
                pieces.extend(call_pieces(index, call).into_iter().map(|piece| delta(json!({"tool_calls": [piece]}))));
            }
            "tool_calls"
        }
    };
    pieces.push(head(json!([{"index": 0, "delta": {}, "finish_reason": reason}])));
    pieces
}

/// The answer to a request as the bytes of a stream, one event each.
pub(crate) fn events(request: &ChatRequest, clock: &Clock) -> Vec<Bytes> {
    let pieces = pieces(request, clock).into_iter().map(|piece| format!("data: {piece}\n\n"));
    pieces.chain(["data: [DONE]\n\n".to_owned()]).map(Bytes::from).collect()
}

fn call_pieces(index: usize, call: &ToolCall) -> Vec<Value> {
    let mut pieces = vec![
        json!({"index": index, "id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": ""}}),
    ];
    let chars: Vec<char> = call.function.arguments.chars().collect();
    let arguments = chars
        .chunks(PIECE_CHARS * 4)
        .map(|piece| json!({"index": index, "function": {"arguments": piece.iter().collect::<String>()}}));
    pieces.extend(arguments);
    pieces
}

/// The whole answer to a request.
pub(crate) fn whole(request: &ChatRequest, clock: &Clock) -> Value {
    let (message, reason) = match decide(request) {
        Reply::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Reply::Calls(calls) => (json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls"),
    };
    json!({"id": id(request), "object": "chat.completion", "created": clock.now_s(), "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}]})
}

/// The same conversation has the same id: nothing here is random.
fn id(request: &ChatRequest) -> String {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    // Hashed as it is written: a conversation may be megabytes.
    let _cannot_fail = serde_json::to_writer(&mut hash, &request.messages);
    format!("chatcmpl-offline-{}", &hex::encode(hash.finalize())[..16])
}
