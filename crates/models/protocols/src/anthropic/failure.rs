//! Errors in Messages.

use serde_json::{Value, json};

use crate::error::Failure;
use crate::json::Look;

// The types that Anthropic documents, with their statuses.
const TYPES: [(&str, u16); 11] = [
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("conflict_error", 409),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
    ("overloaded_error", 529),
];

/// Reads an error body, or the data of an `error` event (with status 0).
#[must_use]
pub fn decode(status: u16, body: &Value) -> Failure {
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let code = error.text("type").filter(|code| *code != "error").unwrap_or_default();
    let known = TYPES.iter().find(|(name, _)| *name == code).map(|(_, status)| *status);
    let message = error.as_str().or_else(|| error.text("message")).or_else(|| body.text("message"));
    Failure {
        status: if status == 0 || status == 200 { known.unwrap_or(0) } else { status },
        code: code.to_owned(),
        message: message.map_or_else(|| error.to_string(), str::to_owned),
        retry_after_ms: None,
        rest: None,
    }
}

/// Writes an error body, which is also the data of an `error` event. The type follows from the status unless the code
/// is one of Anthropic's own.
#[must_use]
pub fn encode(failure: &Failure) -> Value {
    let own = TYPES.iter().find(|(name, _)| *name == failure.code);
    let fits = TYPES.iter().find(|(_, status)| *status == failure.status);
    let name = match (own.or(fits), failure.status) {
        (Some((name, _)), _) => *name,
        (None, 503) => "overloaded_error",
        (None, 408) => "timeout_error",
        (None, 400..500) => "invalid_request_error",
        (None, _) => "api_error",
    };
    json!({"type": "error", "error": {"type": name, "message": failure.message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_from_a_body_and_from_an_event() {
        let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let failure = decode(0, &body);
        assert_eq!(
            (failure.status, failure.code.as_str(), failure.message.as_str()),
            (529, "overloaded_error", "Overloaded")
        );
        assert_eq!(encode(&failure), body);
        assert_eq!(decode(502, &json!("bad gateway")).message, "bad gateway");
        assert_eq!(decode(400, &json!({"message": "no"})).message, "no");
    }

    #[test]
    fn foreign_codes_become_the_type_of_their_status() {
        let kind = |status, code: &str| {
            encode(&Failure { status, code: code.to_owned(), ..Failure::default() })["error"]["type"].clone()
        };
        assert_eq!(kind(429, "RESOURCE_EXHAUSTED"), "rate_limit_error");
        assert_eq!(kind(503, ""), "overloaded_error");
        assert_eq!(kind(422, "unprocessable"), "invalid_request_error");
        assert_eq!(kind(0, ""), "api_error");
    }
}
