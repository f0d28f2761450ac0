//! Failures in Responses: error bodies, the event `error`, and the `error` of a failed answer.

use serde_json::{Value, json};

use crate::error::Failure;
use crate::json::Look;

/// Reads an error body, an event `error` or a failed answer. `status` is 0 when it did not come with one.
#[must_use]
pub fn decode(status: u16, body: &Value) -> Failure {
    let inner =
        [body.pointer("/response/error"), body.get("error")].into_iter().flatten().find(|inner| !inner.is_null());
    let error = inner.unwrap_or(body);
    if let Some(text) = error.as_str() {
        // xAI: `{"code": "..", "error": "text"}`.
        let code = body.string("code");
        return Failure { status: known(status, &code), code, message: text.to_owned(), ..Failure::default() };
    }
    let code = match error.get("code") {
        Some(Value::String(code)) if !code.is_empty() => code.clone(),
        // OpenRouter's codes are HTTP statuses.
        Some(Value::Number(number)) if status == 0 => {
            let said = number.as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(0);
            return Failure { status: said, code: error.string("type"), message: message(error), ..Failure::default() };
        }
        _ => error.text("type").filter(|kind| *kind != "error").unwrap_or_default().to_owned(),
    };
    Failure { status: known(status, &code), code, message: message(error), ..Failure::default() }
}

fn message(error: &Value) -> String {
    error.text("message").or_else(|| error.text("detail")).unwrap_or_default().to_owned()
}

fn known(status: u16, code: &str) -> u16 {
    match code {
        _ if status != 0 => status,
        "rate_limit_exceeded" | "insufficient_quota" | "tokens" | "requests" => 429,
        "invalid_api_key" | "authentication_error" => 401,
        "invalid_prompt" | "invalid_request_error" | "context_length_exceeded" | "string_above_max_length" => 400,
        "server_error" | "internal_error" => 500,
        "server_overloaded" | "overloaded" | "slow_down" | "server_is_overloaded" => 503,
        "vector_store_timeout" | "timeout" => 504,
        _ if code.starts_with("invalid_") || code.starts_with("image_") => 400,
        _ => 0,
    }
}

/// Writes an error body.
#[must_use]
pub fn encode(failure: &Failure) -> Value {
    let kind = match failure.status {
        400 | 404 | 405 | 409 | 413 | 415 | 422 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        _ => "server_error",
    };
    let code = (!failure.code.is_empty()).then_some(&failure.code);
    json!({"error": {"message": failure.message, "type": kind, "param": null, "code": code}})
}
