//! The answer as an object, as it stands in the first and last events of a stream and by itself.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::usage;
use crate::error::Failure;
use crate::event::Finish;
use crate::usage::Usage;

/// The fields of a request that its answer repeats.
pub const ECHOED: [&str; 18] = [
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// What the object is made of.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) created: i64,
    pub(super) usage: Option<Usage>,
    pub(super) facts: Map<String, Value>,
    pub(super) finish: Option<Finish>,
    pub(super) stop: Option<String>,
    pub(super) failed: Option<Failure>,
    /// What the answer repeats of the request.
    pub(super) echo: Arc<Map<String, Value>>,
    /// Blocks that no item can hold.
    pub(super) strange: Vec<Value>,
    pub(super) refuses: bool,
}

impl Object {
    /// `completed`, `incomplete` or `failed`, with the reason of an incomplete one.
    fn end(&self) -> (&'static str, Option<&str>) {
        if self.failed.is_some() {
            return ("failed", None);
        }
        match &self.finish {
            Some(Finish::Stop | Finish::Calls | Finish::Paused) => ("completed", None),
            Some(Finish::Length) => ("incomplete", Some("max_output_tokens")),
            Some(Finish::Refused) if self.refuses => ("completed", None),
            Some(Finish::Filtered | Finish::Refused) => ("incomplete", Some("content_filter")),
            Some(Finish::Other(reason)) => ("incomplete", Some(reason)),
            None => ("failed", None),
        }
    }

    pub(super) fn status(&self) -> &'static str {
        self.end().0
    }

    /// The object while the answer comes.
    pub(super) fn begun(&self) -> Value {
        self.write("in_progress", None, &[])
    }

    /// The object at the end.
    pub(super) fn ended(&self, output: &[Value]) -> Value {
        let (status, reason) = self.end();
        let mut object = self.write(status, reason, output);
        if status == "failed" {
            object["error"] = self.error();
        }
        if let Some(usage) = &self.usage {
            object["usage"] = usage::encode(usage);
        }
        if let Some(stop) = &self.stop {
            object["stop_sequence"] = json!(stop);
        }
        if !self.strange.is_empty() {
            object["provider_blocks"] = json!(self.strange);
        }
        object
    }

    fn error(&self) -> Value {
        let Some(failure) = &self.failed else {
            return json!({"code": "server_error", "message": "the answer broke off"});
        };
        let code = match failure.status {
            _ if !failure.code.is_empty() => failure.code.as_str(),
            429 => "rate_limit_exceeded",
            400 => "invalid_prompt",
            _ => "server_error",
        };
        let mut error = json!({"code": code, "message": failure.message});
        if let Some(rest) = &failure.rest {
            error["failed_generation"] = rest.clone();
        }
        error
    }

    /// All fields that OpenAI sends. Those that repeat the request hold what applies when nothing is said.
    fn write(&self, status: &str, reason: Option<&str>, output: &[Value]) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": reason.map(|reason| json!({"reason": reason})),
            "instructions": null,
            "max_output_tokens": null,
            "max_tool_calls": null,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null},
            "safety_identifier": null,
            "service_tier": "default",
            "store": false,
            "temperature": null,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_logprobs": 0,
            "top_p": null,
            "truncation": "disabled",
            "usage": null,
            "user": null,
            "metadata": {},
        });
        if let Some(fields) = object.as_object_mut() {
            for (name, value) in
                self.echo.iter().filter(|(name, value)| ECHOED.contains(&name.as_str()) && !value.is_null())
            {
                fields.insert(name.clone(), value.clone());
            }
            for (name, value) in &self.facts {
                if name == "service_tier" || !fields.contains_key(name) {
                    fields.insert(name.clone(), value.clone());
                }
            }
        }
        object
    }
}
