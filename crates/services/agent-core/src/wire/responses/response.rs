//! The response object: a run at a glance, as OpenAI writes it.

use serde_json::{Value, json};

use crate::run::event::Status;
use crate::run::state::State;

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
    let reason = finished.and_then(|finished| finished.error.as_ref());
    let (error, incomplete) = match finished.map(|finished| finished.status) {
        Some(Status::Cancelled) => (reason, Some(json!({"reason": "cancelled"}))),
        Some(Status::Incomplete) => {
            (None, reason.map(|reason| json!({"reason": reason.code, "message": reason.message})))
        }
        Some(Status::Completed | Status::Failed) | None => (reason, None),
    };
    let mut object = json!({
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
            "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
            "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
        })),
        "septet": {
            "cost_nano": usage.cost_nano,
            "steps": state.steps.len(),
            "tool_calls": state.n_tool_calls(),
            "duration_ms": finished.map(|finished| finished.at_ms - state.created_at_ms),
            "model": state.steps.last().map(|step| step.model.clone()),
            "offline": state.steps.iter().any(|step| step.model == "offline-analyst"),
        },
    });
    // Only where there is something to say: the object of a run from before stays as it was, byte for byte.
    if let Some(waiting) = &state.waiting {
        object["septet"]["waiting"] = json!({
            "code": waiting.reason.code,
            "message": waiting.reason.message,
            "until_ms": waiting.until_ms,
            "seconds": waiting.seconds,
        });
    }
    if state.n_recoveries > 0 {
        object["septet"]["recoveries"] = json!(state.n_recoveries);
    }
    object
}
