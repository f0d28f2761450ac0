//! Chat Completions for agents: a request becomes a run, the events of the run become chunks.
//!
//! For programs that speak nothing newer. They get the text and the usage; searches, code and citations are in the run,
//! whose id every chunk carries as `septet.response_id`. Nothing here does IO.

use serde_json::{Map, Value, json};

use septet_contracts::sse::Event;

use crate::Error;

/// What a chat request asks of an agent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChatRun {
    /// The body for agent-core.
    pub(crate) run: Value,
    pub(crate) is_stream: bool,
    pub(crate) wants_usage: bool,
}

/// Turns a chat request into a run. System messages are added to the agent's own prompt.
pub(crate) fn to_run(request: &Value) -> Result<ChatRun, Error> {
    let messages = request["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages =
        messages.ok_or_else(|| Error::bad_request("messages must be a list with at least one message", "messages"))?;
    for name in ["tools", "functions"] {
        if request[name].as_array().is_some_and(|tools| !tools.is_empty()) {
            return Err(Error::bad_request(
                format!("an agent has its own tools; leave {name} out, or ask a model instead of an agent"),
                name,
            ));
        }
    }
    if request["n"].as_u64().is_some_and(|n| n > 1) {
        return Err(Error::bad_request("an agent gives one answer; leave n out", "n"));
    }
    let mut instructions = Vec::new();
    let mut input = Vec::new();
    for (idx, message) in messages.iter().enumerate() {
        let text = text_of(&message["content"]);
        match message["role"].as_str() {
            Some("system" | "developer") => instructions.push(text),
            Some(role @ ("user" | "assistant")) => {
                let kind = if role == "user" { "input_text" } else { "output_text" };
                input.push(json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]}));
            }
            _ => {
                return Err(Error::bad_request(
                    "an agent takes messages of the roles system, developer, user and assistant",
                    &format!("messages[{idx}].role"),
                ));
            }
        }
    }
    let mut run = Map::new();
    run.insert("model".to_owned(), request["model"].clone());
    run.insert("input".to_owned(), Value::Array(input));
    if !instructions.is_empty() {
        run.insert("instructions".to_owned(), Value::String(instructions.join("\n\n")));
    }
    if request["metadata"].is_object() {
        run.insert("metadata".to_owned(), request["metadata"].clone());
    }
    let is_stream = request["stream"].as_bool().unwrap_or(false);
    if is_stream {
        run.insert("stream".to_owned(), Value::Bool(true));
    }
    let wants_usage = request["stream_options"]["include_usage"].as_bool().unwrap_or(false);
    Ok(ChatRun { run: Value::Object(run), is_stream, wants_usage })
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// A finished run as a chat completion.
pub(crate) fn completion(response: &Value) -> Value {
    json!({
        "id": chat_id(response),
        "object": "chat.completion",
        "created": response["created_at"],
        "model": response["model"],
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant",
                "content": output_text(response),
                "refusal": null,
                "annotations": [],
            },
            "logprobs": null,
            "finish_reason": finish_reason(response),
        }],
        "usage": usage(response),
        "septet": {"response_id": response["id"]},
    })
}

fn chat_id(response: &Value) -> String {
    format!("chatcmpl-{}", response["id"].as_str().unwrap_or_default())
}

fn output_text(response: &Value) -> String {
    let items = response["output"].as_array().map(Vec::as_slice).unwrap_or_default();
    let parts = items.iter().filter_map(|item| item["content"].as_array()).flatten();
    parts.filter(|part| part["type"] == "output_text").filter_map(|part| part["text"].as_str()).collect()
}

fn finish_reason(response: &Value) -> &'static str {
    match response["incomplete_details"]["reason"].as_str() {
        // Chat Completions have one word for every limit.
        Some("max_output_tokens" | "max_steps" | "max_tool_calls" | "time_limit") => "length",
        Some("content_filter") => "content_filter",
        _ => "stop",
    }
}

fn usage(response: &Value) -> Value {
    let usage = &response["usage"];
    if !usage.is_object() {
        return Value::Null;
    }
    json!({
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
        "prompt_tokens_details": {"cached_tokens": usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0)},
        "completion_tokens_details": {
            "reasoning_tokens": usage["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
        },
    })
}

/// Turns the events of one run into chunks.
#[derive(Debug)]
pub(crate) struct Projection {
    base: Value,
    wants_usage: bool,
    n_messages: usize,
}

impl Projection {
    pub(crate) fn new(wants_usage: bool) -> Self {
        Self { base: Value::Null, wants_usage, n_messages: 0 }
    }

    /// The chunks that an event becomes; most become none.
    pub(crate) fn chunks(&mut self, event: &Event) -> Vec<Value> {
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return Vec::new() };
        match event.name.as_str() {
            "response.created" => {
                let response = &data["response"];
                self.base = json!({
                    "id": chat_id(response),
                    "object": "chat.completion.chunk",
                    "created": response["created_at"],
                    "model": response["model"],
                    "septet": {"response_id": response["id"]},
                });
                vec![self.chunk(json!({"role": "assistant", "content": ""}), None)]
            }
            "response.output_item.added" if data["item"]["type"] == "message" => {
                self.n_messages += 1;
                // A second message of the run starts on a line of its own.
                if self.n_messages > 1 { vec![self.chunk(json!({"content": "\n\n"}), None)] } else { Vec::new() }
            }
            "response.output_text.delta" => vec![self.chunk(json!({"content": data["delta"]}), None)],
            "response.completed" | "response.incomplete" | "response.cancelled" => {
                let response = &data["response"];
                let mut chunks = vec![self.chunk(json!({}), Some(finish_reason(response)))];
                if self.wants_usage {
                    let mut last = self.base.clone();
                    last["choices"] = json!([]);
                    last["usage"] = usage(response);
                    chunks.push(last);
                }
                chunks
            }
            "response.failed" => {
                let error = &data["response"]["error"];
                vec![failure(error["code"].as_str(), error["message"].as_str())]
            }
            "error" => vec![failure(data["code"].as_str(), data["message"].as_str())],
            _ => Vec::new(),
        }
    }

    fn chunk(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        let mut chunk = self.base.clone();
        chunk["choices"] = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        chunk
    }
}

fn failure(code: Option<&str>, message: Option<&str>) -> Value {
    json!({"error": {
        "message": message.unwrap_or("the run failed"),
        "type": "server_error",
        "code": code.unwrap_or("run_failed"),
        "param": null,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: Value) -> Event {
        Event { name: name.to_owned(), id: None, data: data.to_string() }
    }

    #[test]
    fn a_run_reads_as_a_chat() {
        let mut projection = Projection::new(true);
        let response = json!({"id": "resp_1", "created_at": 7, "model": "agent:analyst",
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}});
        let events = [
            event("response.created", json!({"response": response})),
            event("response.file_search_call.searching", json!({})),
            event("response.output_item.added", json!({"item": {"type": "message"}})),
            event("response.output_text.delta", json!({"delta": "净利"})),
            event("response.completed", json!({"response": response})),
        ];

        let chunks: Vec<Value> = events.iter().flat_map(|event| projection.chunks(event)).collect();

        assert_eq!(chunks.len(), 4);
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "净利");
        assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
        assert_eq!(chunks[3]["usage"]["total_tokens"], 7);
        assert_eq!(chunks[3]["choices"], json!([]));
        assert!(chunks.iter().all(|chunk| chunk["id"] == "chatcmpl-resp_1"));
    }

    #[test]
    fn a_run_that_is_incomplete_is_no_chat_that_stopped() {
        for (reason, expected) in [
            ("max_output_tokens", "length"),
            ("max_steps", "length"),
            ("max_tool_calls", "length"),
            ("time_limit", "length"),
            ("content_filter", "content_filter"),
        ] {
            let response = json!({"id": "resp_1", "status": "incomplete", "incomplete_details": {"reason": reason}});
            assert_eq!(completion(&response)["choices"][0]["finish_reason"], expected);
            let chunks = Projection::new(false).chunks(&event("response.incomplete", json!({"response": response})));
            assert_eq!(chunks[0]["choices"][0]["finish_reason"], expected);
        }
    }

    #[test]
    fn system_messages_become_instructions() {
        let run = to_run(&json!({"model": "agent:a", "messages": [
            {"role": "system", "content": "be short"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ]}));

        let run = run.unwrap().run;
        assert_eq!(run["instructions"], "be short");
        assert_eq!(run["input"][0]["content"][0]["text"], "hi");
        assert_eq!(run["input"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_an_agent_cannot_do_is_named() {
        let messages = json!([{"role": "user", "content": "hi"}]);
        for (request, param) in [
            (json!({"messages": []}), "messages"),
            (json!({"messages": messages, "tools": [{}]}), "tools"),
            (json!({"messages": messages, "n": 2}), "n"),
            (json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].role"),
        ] {
            let error = to_run(&request).unwrap_err();
            assert_eq!(septet_kernel::Failure::param(&error), Some(param));
        }
    }
}
