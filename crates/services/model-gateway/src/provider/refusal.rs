//! A provider's failures in words.

use std::sync::Arc;

use septet_protocols::{Failure, ending};

use super::Provider;
use crate::error::Error;

// A model of some gigabytes is loaded within seconds, a large one within minutes.
const LOADING_MS: u64 = 5_000;

impl Provider {
    /// What a failure of the provider is to who asked.
    pub(crate) fn refused(&self, failure: &Failure) -> Error {
        let provider = self.name.to_string();
        let message = self.said(&failure.message);
        let retry_after_ms = failure.retry_after_ms;
        let word = format!("{} {}", failure.code, failure.message).to_lowercase();
        let has = |words: &[&str]| words.iter().any(|known| word.contains(known));
        if failure.code == ending::CALLS_MISSING {
            return Error::CallsMissing { provider };
        }
        if septet_providers::is_too_long(failure) {
            return Error::ContextTooLong { provider, message };
        }
        if septet_providers::is_loading(failure) {
            return Error::Loading { provider, retry_after_ms: retry_after_ms.unwrap_or(LOADING_MS) };
        }
        match failure.status {
            401 => Error::KeyRefused { provider },
            403 if has(&["moderation", "flagged", "content"]) => Error::Refused { provider, status: 403, message },
            403 => Error::KeyRefused { provider },
            402 => Error::ProviderUnpaid { provider },
            429 if has(&["insufficient_quota", "insufficient balance", "exceeded your current quota", "billing"]) => {
                Error::ProviderUnpaid { provider }
            }
            // One request that is more than a whole minute's tokens does not become smaller by waiting.
            429 if has(&["request too large"]) => Error::Refused { provider, status: 413, message },
            429 => Error::RateLimited { provider, message, retry_after_ms },
            // A file or an earlier answer that is not there is in the request, and says nothing about the model.
            404 if has(&["model", "deployment"])
                && !has(&[
                    "file_",
                    "file-",
                    " file ",
                    "file with",
                    "file not found",
                    "previous_response",
                    "container",
                    "vector store",
                ]) =>
            {
                Error::NoUpstream { provider, message }
            }
            408 | 409 | 424 | 425 | 500..=599 => {
                Error::Broken { provider, status: failure.status, message, retry_after_ms }
            }
            400..=499 => Error::Refused { provider, status: failure.status, message },
            // In the middle of a stream nobody gives a status.
            _ if has(&["overloaded", "unavailable", "throttl", "internal", "server_error", "api_error"]) => {
                Error::Broken { provider, status: 503, message, retry_after_ms }
            }
            _ if has(&["rate_limit", "resource_exhausted", "too many requests"]) => {
                Error::RateLimited { provider, message, retry_after_ms }
            }
            _ => Error::MidStream { provider, message },
        }
    }

    /// What a provider says, cleaned, after ": "; empty when it says nothing.
    fn said(&self, text: &str) -> String {
        let clean = self.clean(text);
        if clean.is_empty() { String::new() } else { format!(": {clean}") }
    }

    /// Without the key, without line breaks, at most 300 characters. A page of HTML helps nobody.
    pub(crate) fn clean(&self, text: &str) -> String {
        if text.trim_start().starts_with('<') {
            return String::new();
        }
        let hidden = self.credentials.hide(text);
        hidden.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
    }

    pub(super) fn unreachable(&self, error: reqwest::Error) -> Error {
        let provider = self.name.to_string();
        if let Some(refused) = septet_providers::Refused::among(&error) {
            return self.forbidden(refused);
        }
        if error.is_timeout() {
            return self.silent("could not be connected to", 0);
        }
        if error.is_builder() || error.is_connect() || error.is_request() {
            let url = self.endpoint.url().map_or_else(|_bad| "its address".to_owned(), |url| url.to_string());
            return Error::Unreachable { provider, url, source: Arc::new(error.without_url()) };
        }
        Error::CutOff { provider }
    }

    pub(super) fn forbidden(&self, refused: &septet_providers::Refused) -> Error {
        Error::Forbidden { provider: self.name.to_string(), what: refused.to_string() }
    }

    pub(crate) fn cut_off(&self) -> Error {
        Error::CutOff { provider: self.name.to_string() }
    }

    pub(crate) fn silent(&self, what: &'static str, seconds: u64) -> Error {
        Error::Silent { provider: self.name.to_string(), what, seconds }
    }

    pub(crate) fn garbled(&self, bytes: &[u8]) -> Error {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
        let what = format!("{:?}", self.clean(&text).chars().take(80).collect::<String>());
        Error::Garbled { provider: self.name.to_string(), what }
    }

    /// The answer is not in the dialect of the provider.
    pub(crate) fn unreadable(&self, error: &septet_protocols::Unreadable) -> Error {
        if error.what.contains("broke off") {
            return self.cut_off();
        }
        Error::Garbled { provider: self.name.to_string(), what: self.clean(&error.what) }
    }
}
