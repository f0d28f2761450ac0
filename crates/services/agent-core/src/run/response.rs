//! The response object: a run at a glance, as OpenAI writes it.

use serde_json::{Value, json};

use super::event::Status;
use super::state::State;

/// A run as a Response, with the output items made so far.
///
/// An earlier state of the same run gives an object that differs only in `status`, `output`, `usage` and the like, so
/// the answer to a retrieve and the one inside the terminal event are the same.
#[must_use]
pub fn object(state: &State, output: &[Value]) -> Value {
    let Some(created) = &state.created else { return Value::Null };
    let finished = state.finished.as_ref();
    let usage = state.usage();
    let status = match finished {
        None => "in_progress",
        Some(finished) => finished.status.as_str(),
    };
    let error = finished.and_then(|finished| finished.error.as_ref());
    let incomplete = finished
        .filter(|finished| finished.status == Status::Cancelled)
        .map(|_cancelled| json!({"reason": "cancelled"}));
    json!({
        "id": created.run,
        "object": "response",
        "created_at": state.created_at_ms / 1000,
        "status": status,
        "background": true,
        "error": error.map(|error| json!({"code": error.code, "message": error.message})),
        "incomplete_details": incomplete,
        "instructions": created.instructions,
        "max_output_tokens": null,
        "model": format!("agent:{}", created.agent),
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": created.previous,
        "conversation": {"id": created.conversation},
        "reasoning": {"effort": null, "summary": null},
        "store": true,
        "temperature": null,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "truncation": "disabled",
        "user": null,
        "metadata": created.metadata,
        "usage": finished.map(|_end| json!({
            "input_tokens": usage.input_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens},
            "output_tokens": usage.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input_tokens + usage.output_tokens,
        })),
        "septet": {
            "cost_nano": usage.cost_nano,
            "steps": state.steps.len(),
            "tool_calls": state.n_tool_calls(),
            "duration_ms": finished.map(|finished| finished.at_ms - state.created_at_ms),
            "model": state.steps.last().map(|step| step.model.clone()),
            "offline": state.steps.iter().any(|step| step.model == "offline-analyst"),
        },
    })
}
