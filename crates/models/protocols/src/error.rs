//! What can be wrong with a request, an answer, and what a provider says went wrong.

use serde_json::Value;

/// A client's request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is no JSON.
    #[error("the body is not JSON: {what} at line {line}, column {column}")]
    Json {
        /// What is wrong.
        what: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A field has the wrong form.
    #[error("{param} {what}")]
    Field {
        /// The field, as a path: `messages[2].content`.
        param: String,
        /// What it should be: "must be a list of messages".
        what: String,
    },
}

impl Wrong {
    /// A field with the wrong form.
    #[must_use]
    pub fn field(param: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Field { param: param.into(), what: what.into() }
    }
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
        if error.is_data() {
            // It is JSON, and something in it is not what it should be.
            return Self::field(
                "body",
                format!("has a field of the wrong form at line {line}, column {column}: {what}"),
            );
        }
        Self::Json { what, line, column }
    }
}

/// A provider's answer is not in the dialect it should be in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unreadable {
    /// What was expected and what came, cut short.
    pub what: String,
}

impl Unreadable {
    /// What was expected and what came.
    #[must_use]
    pub fn new(expected: &str, came: &str) -> Self {
        let cut: String = came.chars().take(80).collect();
        Self { what: format!("expected {expected}, got {cut:?}") }
    }
}

/// What a provider says went wrong, from an error body or an error event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failure {
    /// The HTTP status that it had or that fits its type; 0 when nobody knows.
    pub status: u16,
    /// The provider's word for it: `overloaded_error`, `ThrottlingException`, `RESOURCE_EXHAUSTED`; may be empty.
    pub code: String,
    /// In words, uncleaned.
    pub message: String,
    /// When to try again, where the body says it (Google's `RetryInfo`).
    pub retry_after_ms: Option<u64>,
    /// What the model wrote before it failed, where the provider gives it (Groq's `failed_generation`).
    pub rest: Option<Value>,
}
