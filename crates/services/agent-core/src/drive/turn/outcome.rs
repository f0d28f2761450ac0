//! What came of a turn: decided by what arrived together with the reason that the provider gives, not by one of them.

use septet_contracts::call::CallError;
use septet_contracts::models::{Assembly, Finish};
use septet_kernel::{Kind, ServiceName};

use crate::run::event::{ToolCall, Usage};
use crate::tools::{Tools, arguments};

/// Says why an answer that has come to its end is of no use, if so. It may be asked for again.
pub(super) fn flaw(assembly: &Assembly) -> Option<CallError> {
    let has_calls = assembly.calls().next().is_some();
    let has_text = !assembly.text().trim().is_empty();
    let (code, detail) = match assembly.finish() {
        // What there is was cut off, and that is told in the run.
        Some(Finish::Length | Finish::Filtered) => return None,
        Some(Finish::Broken(word)) => {
            ("provider_error", format!("the model gave up in the middle of its answer ({word})"))
        }
        Some(Finish::Calls) if !has_calls => {
            ("calls_missing", "the model announced calls of tools and gave none".to_owned())
        }
        Some(Finish::Stop | Finish::Calls | Finish::Other(_)) | None if has_calls || has_text => return None,
        Some(Finish::Stop | Finish::Calls | Finish::Other(_)) | None => {
            ("empty_answer", "the model ended its answer without a word or a call".to_owned())
        }
    };
    Some(CallError {
        service: ServiceName::ModelGateway,
        kind: Kind::Unavailable,
        code: code.to_owned(),
        detail,
        param: None,
        retry_after_s: None,
    })
}

/// The calls of an answer, with ids of ours.
pub(super) fn calls(assembly: &Assembly, step: u32, tools: &Tools) -> Vec<ToolCall> {
    let numbered = assembly.calls().enumerate();
    numbered
        .map(|(number, call)| ToolCall {
            // Some local servers give no id, or the same one twice; ours must tell the calls apart.
            id: format!("call_{step}_{number}"),
            name: call.function.name.clone(),
            arguments: arguments::kept(&call.function.arguments),
            model_id: Some(call.id.clone()).filter(|id| !id.is_empty()),
            shape: Some(tools.shape(&call.function.name)),
        })
        .collect()
}

/// What an answer used.
pub(super) fn used(assembly: &Assembly) -> Usage {
    let Some(usage) = assembly.usage() else { return Usage::default() };
    Usage {
        input_tokens: usage.prompt_tokens,
        cached_tokens: usage.prompt_tokens_details.as_ref().map_or(0, |details| details.cached_tokens),
        output_tokens: usage.completion_tokens,
        reasoning_tokens: usage.completion_tokens_details.as_ref().map_or(0, |details| details.reasoning_tokens),
        cost_nano: usage.extra.get("septet_cost_nano").and_then(serde_json::Value::as_i64).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(delta: Value, finish: Value) -> Assembly {
        let mut assembly = Assembly::default();
        let chunk = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        assembly.push(&serde_json::from_value(chunk).unwrap());
        assembly
    }

    #[test]
    fn an_answer_is_judged_by_what_arrived_and_by_the_reason() {
        let text = json!({"content": "so"});
        let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]});
        let nothing = json!({"reasoning_content": "hm"});
        for (delta, finish, expected) in [
            (&text, json!("stop"), None),
            (&text, Value::Null, None),
            (&text, json!("whatever"), None),
            (&call, json!("stop"), None),
            (&call, json!("tool_calls"), None),
            (&nothing, json!("length"), None),
            (&nothing, json!("content_filter"), None),
            (&text, json!("tool_calls"), Some("calls_missing")),
            (&nothing, json!("tool_calls"), Some("calls_missing")),
            (&nothing, json!("stop"), Some("empty_answer")),
            (&nothing, Value::Null, Some("empty_answer")),
            (&text, json!("insufficient_system_resource"), Some("provider_error")),
            (&call, json!("MALFORMED_FUNCTION_CALL"), Some("provider_error")),
        ] {
            let flaw = flaw(&answer(delta.clone(), finish.clone())).map(|error| error.code);
            assert_eq!(flaw.as_deref(), expected, "{delta} {finish}");
        }
    }
}
