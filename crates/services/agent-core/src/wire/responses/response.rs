//! The response object: a run at a glance.

use septet_contracts::responses::{
    IncompleteDetails, InputTokensDetails, OutputTokensDetails, ResponseConversation, ResponseError, ResponseFacts,
    ResponseItem, ResponseObject, ResponseStatus, ResponseUsage, ResponseWait,
};
use serde_json::{Map, Value, json};

use crate::run::error::RunError;
use crate::run::event::{Status, Usage};
use crate::run::state::State;

/// A run as a Response, with the output items made so far; nothing before its first event.
///
/// An earlier state of the same run gives an object that differs only in `status`, `output`, `usage` and the like, so
/// the answer to a retrieve and the one inside the terminal event are the same.
#[must_use]
pub fn object(state: &State, output: &[ResponseItem]) -> Option<ResponseObject> {
    let created = state.created.as_ref()?;
    let finished = state.finished.as_ref();
    let usage = state.usage();
    let reason = finished.and_then(|finished| finished.error.as_ref());
    let incomplete = |reason: &str, message: Option<&str>| IncompleteDetails {
        reason: reason.to_owned(),
        message: message.map(str::to_owned),
    };
    let (failure, incomplete_details) = match finished.map(|finished| finished.status) {
        Some(Status::Cancelled) => (reason, Some(incomplete("cancelled", None))),
        Some(Status::Incomplete) => (None, reason.map(|reason| incomplete(&reason.code, Some(&reason.message)))),
        Some(Status::Completed | Status::Failed) | None => (reason, None),
    };
    Some(ResponseObject {
        id: created.run,
        object: "response".to_owned(),
        created_at: state.created_at_ms / 1000,
        status: finished.map_or(ResponseStatus::InProgress, |finished| status(finished.status)),
        model: format!("agent:{}", created.agent),
        output: output.to_vec(),
        error: failure.map(error),
        incomplete_details,
        instructions: created.instructions.clone(),
        previous_response_id: created.previous,
        conversation: Some(ResponseConversation { id: created.conversation }),
        metadata: created.metadata.clone(),
        usage: finished.map(|_end| used(usage)),
        septet: Some(ResponseFacts {
            cost_nano: usage.cost_nano,
            steps: state.steps.len(),
            tool_calls: state.n_tool_calls(),
            duration_ms: finished.map(|finished| finished.at_ms - state.created_at_ms),
            model: state.steps.last().map(|step| step.model.clone()),
            offline: state.steps.iter().any(|step| step.model == "offline-analyst"),
            waiting: state.waiting.as_ref().map(|waiting| ResponseWait {
                code: waiting.reason.code.clone(),
                message: waiting.reason.message.clone(),
                until_ms: waiting.until_ms,
                seconds: waiting.seconds,
            }),
            recoveries: Some(state.n_recoveries).filter(|n_recoveries| *n_recoveries > 0),
        }),
        extra: constants(),
    })
}

/// An error as the wire tells it.
#[must_use]
pub fn error(error: &RunError) -> ResponseError {
    ResponseError { code: error.code.clone(), message: error.message.clone() }
}

fn status(status: Status) -> ResponseStatus {
    match status {
        Status::Completed => ResponseStatus::Completed,
        Status::Failed => ResponseStatus::Failed,
        Status::Cancelled => ResponseStatus::Cancelled,
        Status::Incomplete => ResponseStatus::Incomplete,
    }
}

fn used(usage: Usage) -> ResponseUsage {
    ResponseUsage {
        input_tokens: usage.input_tokens,
        input_tokens_details: InputTokensDetails { cached_tokens: usage.cached_tokens },
        output_tokens: usage.output_tokens,
        output_tokens_details: OutputTokensDetails { reasoning_tokens: usage.reasoning_tokens },
        total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
    }
}

/// What a Response of OpenAI always has, and is the same for every run.
fn constants() -> Map<String, Value> {
    let constants = json!({
        "background": true,
        "max_output_tokens": null,
        "parallel_tool_calls": true,
        "reasoning": {"effort": null, "summary": null},
        "store": true,
        "temperature": null,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "truncation": "disabled",
        "user": null,
    });
    if let Value::Object(constants) = constants { constants } else { Map::new() }
}
