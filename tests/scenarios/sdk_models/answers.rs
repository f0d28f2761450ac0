//! The same three answers in each of the dialects that providers have, as the providers write them: a sentence, a call
//! of a tool, and a sentence about what the tool said.
//!
//! All of them used 11 tokens, 4 of these from the cache, to write 7. Ollama's API knows no cached ones.

use serde_json::{Value, json};

/// The dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Chat,
    Responses,
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
    Cohere,
}

/// What the model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Say {
    /// This, in two pieces.
    Text(&'static str, &'static str),
    /// `weather({"city": "Paris"})`; the arguments come in two pieces where the dialect has pieces of arguments.
    Call,
}

const ARGUMENTS: (&str, &str) = ("{\"city\": ", "\"Paris\"}");

impl Say {
    fn pieces(self) -> [&'static str; 2] {
        let (first, second) = match self {
            Self::Text(first, second) => (first, second),
            Self::Call => ARGUMENTS,
        };
        [first, second]
    }

    fn whole(self) -> String {
        self.pieces().concat()
    }

    /// Why the answer ended, in the dialect's words for a text and for a call.
    fn pick(self, of_text: &'static str, of_call: &'static str) -> &'static str {
        match self {
            Self::Text(..) => of_text,
            Self::Call => of_call,
        }
    }
}

/// A whole answer.
pub(super) fn whole(dialect: Dialect, say: Say) -> Value {
    let (text, arguments) = (say.whole(), json!({"city": "Paris"}));
    let is_call = say == Say::Call;
    match dialect {
        Dialect::Chat => {
            let call = json!({"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": text}});
            let message = if is_call {
                json!({"role": "assistant", "content": null, "tool_calls": [call]})
            } else {
                json!({"role": "assistant", "content": text})
            };
            json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "chat", "usage": chat_usage(),
                "choices": [{"index": 0, "message": message, "finish_reason": say.pick("stop", "tool_calls")}]})
        }
        Dialect::Responses => response(say, "completed", &[item(say, "completed", true)]),
        Dialect::Anthropic => {
            let block = if is_call {
                json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": arguments})
            } else {
                json!({"type": "text", "text": text})
            };
            json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "chat", "content": [block],
                "stop_reason": say.pick("end_turn", "tool_use"), "stop_sequence": null,
                "usage": {"input_tokens": 7, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0, "output_tokens": 7}})
        }
        Dialect::Gemini => {
            let part = if is_call {
                json!({"functionCall": {"name": "weather", "args": arguments}})
            } else {
                json!({"text": text})
            };
            gemini(&part, json!("STOP"))
        }
        Dialect::Bedrock => {
            let block = if is_call {
                json!({"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": arguments}})
            } else {
                json!({"text": text})
            };
            json!({"output": {"message": {"role": "assistant", "content": [block]}}, "metrics": {"latencyMs": 9},
                "stopReason": say.pick("end_turn", "tool_use"), "usage": bedrock_usage()})
        }
        Dialect::Ollama => {
            let mut line = ollama(&message_of_ollama(say, &text), true);
            line["done_reason"] = json!("stop");
            line
        }
        Dialect::Cohere => {
            let call =
                json!({"id": "weather_1", "type": "function", "function": {"name": "weather", "arguments": text}});
            let message = if is_call {
                json!({"role": "assistant", "tool_calls": [call]})
            } else {
                json!({"role": "assistant", "content": [{"type": "text", "text": text}]})
            };
            json!({"id": "c1", "message": message, "finish_reason": say.pick("COMPLETE", "TOOL_CALL"),
                "usage": cohere_usage()})
        }
    }
}

/// The events of an answer in pieces: their names, where the dialect names them, and their data. `counts` is whether
/// the client of Chat Completions asked for a chunk with usage; without it usage comes with the last piece, as from
/// providers that send it unasked.
pub(super) fn pieces(dialect: Dialect, say: Say, counts: bool) -> Vec<(&'static str, Value)> {
    match dialect {
        Dialect::Chat => chat_pieces(say, counts).into_iter().map(|chunk| ("", chunk)).collect(),
        Dialect::Responses => responses_pieces(say),
        Dialect::Anthropic => anthropic_pieces(say),
        Dialect::Gemini => match say {
            Say::Call => vec![("", whole(dialect, say))],
            Say::Text(first, second) => vec![
                ("", gemini(&json!({"text": first}), Value::Null)),
                ("", gemini(&json!({"text": second}), json!("STOP"))),
            ],
        },
        Dialect::Bedrock => bedrock_pieces(say),
        Dialect::Ollama => {
            let mut lines: Vec<Value> = match say {
                Say::Call => vec![ollama(&message_of_ollama(say, ""), false)],
                Say::Text(..) => say.pieces().map(|text| ollama(&message_of_ollama(say, text), false)).to_vec(),
            };
            let mut last = ollama(&json!({"role": "assistant", "content": ""}), true);
            last["done_reason"] = json!("stop");
            lines.push(last);
            lines.into_iter().map(|line| ("", line)).collect()
        }
        Dialect::Cohere => cohere_pieces(say),
    }
}

fn chat_usage() -> Value {
    json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "prompt_tokens_details": {"cached_tokens": 4}})
}

fn chat_pieces(say: Say, counts: bool) -> Vec<Value> {
    let chunk = |delta: Value, reason: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "chat",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    };
    let call =
        json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}});
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    if say == Say::Call {
        chunks[0] = chunk(json!({"role": "assistant", "content": null, "tool_calls": [call]}), Value::Null);
    }
    chunks.extend(say.pieces().map(|piece| match say {
        Say::Text(..) => chunk(json!({"content": piece}), Value::Null),
        Say::Call => chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), Value::Null),
    }));
    let mut last = chunk(json!({}), json!(say.pick("stop", "tool_calls")));
    if !counts {
        last["usage"] = chat_usage();
    }
    chunks.push(last);
    if counts {
        chunks
            .push(json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "chat", "choices": [],
            "usage": chat_usage()}));
    }
    chunks
}

fn item(say: Say, status: &str, has_content: bool) -> Value {
    let text = if has_content { say.whole() } else { String::new() };
    match say {
        Say::Call => json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather",
            "arguments": text, "status": status}),
        Say::Text(..) => {
            let content = if has_content { vec![part(&text)] } else { Vec::new() };
            json!({"type": "message", "id": "msg_1", "status": status, "role": "assistant", "content": content})
        }
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn response(say: Say, status: &str, output: &[Value]) -> Value {
    let usage = json!({"input_tokens": 11, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 18});
    let id = say.pick("resp_1", "resp_2");
    json!({"id": id, "object": "response", "created_at": 1, "status": status, "model": "chat", "output": output,
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "error": null, "incomplete_details": null,
        "instructions": null, "metadata": {}, "temperature": 1.0, "top_p": 1.0,
        "usage": if status == "completed" { usage } else { Value::Null }})
}

fn responses_pieces(say: Say) -> Vec<(&'static str, Value)> {
    let mut events: Vec<(&'static str, Value)> = vec![
        ("response.created", json!({"response": response(say, "in_progress", &[])})),
        ("response.in_progress", json!({"response": response(say, "in_progress", &[])})),
        ("response.output_item.added", json!({"output_index": 0, "item": item(say, "in_progress", false)})),
    ];
    let at = |mut data: Value| {
        data["output_index"] = json!(0);
        data["item_id"] = json!(say.pick("msg_1", "fc_1"));
        if say != Say::Call {
            data["content_index"] = json!(0);
        }
        data
    };
    let text = say.whole();
    if say == Say::Call {
        let deltas = say.pieces().map(|piece| ("response.function_call_arguments.delta", at(json!({"delta": piece}))));
        events.extend(deltas);
        events.push(("response.function_call_arguments.done", at(json!({"arguments": text, "name": "weather"}))));
    } else {
        events.push(("response.content_part.added", at(json!({"part": part("")}))));
        let deltas =
            say.pieces().map(|piece| ("response.output_text.delta", at(json!({"delta": piece, "logprobs": []}))));
        events.extend(deltas);
        events.push(("response.output_text.done", at(json!({"text": text, "logprobs": []}))));
        events.push(("response.content_part.done", at(json!({"part": part(&text)}))));
    }
    let done = item(say, "completed", true);
    events.push(("response.output_item.done", json!({"output_index": 0, "item": done})));
    events.push(("response.completed", json!({"response": response(say, "completed", &[done])})));
    for (number, (name, data)) in events.iter_mut().enumerate() {
        data["type"] = json!(name);
        data["sequence_number"] = json!(number);
    }
    events
}

fn anthropic_pieces(say: Say) -> Vec<(&'static str, Value)> {
    let mut message = whole(Dialect::Anthropic, say);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"]["output_tokens"] = json!(1);
    let block = match say {
        Say::Text(..) => json!({"type": "text", "text": ""}),
        Say::Call => json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}),
    };
    let mut events = vec![
        ("message_start", json!({"message": message})),
        ("content_block_start", json!({"index": 0, "content_block": block})),
        ("ping", json!({})),
    ];
    events.extend(say.pieces().map(|piece| {
        let delta = match say {
            Say::Text(..) => json!({"type": "text_delta", "text": piece}),
            Say::Call => json!({"type": "input_json_delta", "partial_json": piece}),
        };
        ("content_block_delta", json!({"index": 0, "delta": delta}))
    }));
    let end = json!({"stop_reason": say.pick("end_turn", "tool_use"), "stop_sequence": null});
    events.extend([
        ("content_block_stop", json!({"index": 0})),
        ("message_delta", json!({"delta": end, "usage": {"output_tokens": 7}})),
        ("message_stop", json!({})),
    ]);
    for (name, data) in &mut events {
        data["type"] = json!(name);
    }
    events
}

fn gemini(part: &Value, reason: Value) -> Value {
    let mut chunk = json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}],
        "modelVersion": "chat", "responseId": "r1"});
    let mut usage = json!({"promptTokenCount": 11, "cachedContentTokenCount": 4, "totalTokenCount": 11});
    if !reason.is_null() {
        chunk["candidates"][0]["finishReason"] = reason;
        usage["candidatesTokenCount"] = json!(7);
        usage["totalTokenCount"] = json!(18);
    }
    chunk["usageMetadata"] = usage;
    chunk
}

fn bedrock_usage() -> Value {
    json!({"inputTokens": 7, "outputTokens": 7, "totalTokens": 18, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 0})
}

fn bedrock_pieces(say: Say) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    if say == Say::Call {
        let start = json!({"toolUse": {"toolUseId": "tooluse_1", "name": "weather"}});
        events.push(("contentBlockStart", json!({"contentBlockIndex": 0, "start": start})));
    }
    events.extend(say.pieces().map(|piece| {
        let delta = match say {
            Say::Text(..) => json!({"text": piece}),
            Say::Call => json!({"toolUse": {"input": piece}}),
        };
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": delta}))
    }));
    events.extend([
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": say.pick("end_turn", "tool_use")})),
        ("metadata", json!({"usage": bedrock_usage(), "metrics": {"latencyMs": 9}})),
    ]);
    events
}

fn message_of_ollama(say: Say, text: &str) -> Value {
    match say {
        Say::Text(..) => json!({"role": "assistant", "content": text}),
        Say::Call => json!({"role": "assistant", "content": "",
            "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Paris"}}}]}),
    }
}

fn ollama(message: &Value, is_last: bool) -> Value {
    let mut line = json!({"model": "chat", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": is_last});
    if is_last {
        line["prompt_eval_count"] = json!(11);
        line["eval_count"] = json!(7);
        line["total_duration"] = json!(9_000_000);
    }
    line
}

fn cohere_usage() -> Value {
    json!({"billed_units": {"input_tokens": 3, "output_tokens": 7}, "tokens": {"input_tokens": 11, "output_tokens": 7},
        "cached_tokens": 4})
}

fn cohere_pieces(say: Say) -> Vec<(&'static str, Value)> {
    let message = |inner: Value| json!({"index": 0, "delta": {"message": inner}});
    let begin = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let mut events = vec![("message-start", json!({"id": "c1", "delta": {"message": begin}}))];
    if say == Say::Call {
        let function = json!({"name": "weather", "arguments": ""});
        let call = json!({"id": "weather_1", "type": "function", "function": function});
        events.push(("tool-call-start", message(json!({"tool_calls": call}))));
        events.extend(
            say.pieces()
                .map(|piece| ("tool-call-delta", message(json!({"tool_calls": {"function": {"arguments": piece}}})))),
        );
        events.push(("tool-call-end", json!({"index": 0})));
    } else {
        events.push(("content-start", message(json!({"content": {"type": "text", "text": ""}}))));
        events.extend(say.pieces().map(|piece| ("content-delta", message(json!({"content": {"text": piece}})))));
        events.push(("content-end", json!({"index": 0})));
    }
    let end = json!({"finish_reason": say.pick("COMPLETE", "TOOL_CALL"), "usage": cohere_usage()});
    events.push(("message-end", json!({"delta": end})));
    for (name, data) in &mut events {
        data["type"] = json!(name);
    }
    events
}
