//! What an answer that is no success says: what went wrong, and when to try again.

mod class;
mod meaning;
mod wait;

pub use meaning::{is_loading, is_too_long};

use http::HeaderMap;
use jiff::Timestamp;
use septet_protocols::{Dialect, Failure, anthropic, bedrock, chat, cohere, gemini, ollama, responses};
use serde_json::Value;

// Error pages of proxies are long; their first words name the error.
const MAX_WORDS: usize = 500;

/// Reads the answer to a request in `dialect` that failed with `status`.
///
/// `status` of what comes back is the one that fits what the provider says, which is not always the one of HTTP: Google
/// and xAI call a wrong key a bad request, Amazon names the exception in a header. So 401 and 403 are about the key,
/// 402 about money, 408 and 5xx about the provider and 429 about the rate, for every provider. `retry_after_ms` is the
/// longest wait that the headers or the body ask for. The message is the provider's: it may repeat the key, so pass it
/// through [`crate::Credentials::hide`] before it is shown.
#[must_use]
pub fn failure(dialect: Dialect, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Failure {
    let mut failure = match serde_json::from_slice(body) {
        Ok(json) => read(dialect, status, &unpacked(json)),
        Err(_no_json) => Failure { status, message: words(body), ..Failure::default() },
    };
    if failure.status == 0 {
        failure.status = status;
    }
    if let Some(code) = amazon_code(headers).filter(|_| failure.code.is_empty()) {
        failure.code = code;
    }
    class::fit(dialect, &mut failure);
    if failure.message.trim().is_empty() {
        failure.message = format!("HTTP {status} without a word");
    }
    failure.retry_after_ms = failure.retry_after_ms.max(wait::asked(failure.status, headers, now));
    failure
}

fn read(dialect: Dialect, status: u16, body: &Value) -> Failure {
    match dialect {
        Dialect::Chat => chat::decode_failure(status, body),
        Dialect::Responses => responses::decode_failure(status, body),
        Dialect::Anthropic => anthropic::decode_failure(status, body),
        Dialect::Gemini => gemini::decode_failure(status, body),
        Dialect::Bedrock => bedrock::decode_failure(status, body),
        Dialect::Ollama => ollama::decode_failure(status, body),
        Dialect::Cohere => cohere::decode_failure(status, body),
    }
}

/// Google's streams fail with a list of one.
fn unpacked(json: Value) -> Value {
    match json {
        Value::Array(mut list) if list.len() == 1 => list.remove(0),
        other => other,
    }
}

/// `x-amzn-errortype: ThrottlingException:http://..`, also with a namespace before it.
fn amazon_code(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-amzn-errortype")?.to_str().ok()?;
    Some(bedrock::exception(value).0.to_owned()).filter(|code| !code.is_empty())
}

/// The words of a body that is no JSON, without the tags if it is a page.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..64 << 10).unwrap_or(body));
    let is_page = text.trim_start().starts_with('<');
    let text = if is_page { without_tags(&text) } else { text.into_owned() };
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_WORDS).collect()
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    for piece in page.split('<') {
        let (tag, rest) = piece.split_once('>').unwrap_or((piece, ""));
        let is_hidden = ["style", "script"].iter().any(|name| tag.to_ascii_lowercase().starts_with(name));
        if !is_hidden {
            text.push(' ');
            text.push_str(rest);
        }
    }
    text
}

#[cfg(test)]
mod tests;
