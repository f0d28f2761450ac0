//! The parts of a message, and what an answer cites.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessagePart {
    /// What a person or a program said.
    InputText {
        /// The text.
        text: String,
    },
    /// What the model said.
    OutputText(OutputText),
    /// A part of another type, as it came.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(Value),
}

/// What the model said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutputText {
    /// The text, in Markdown.
    pub text: String,
    /// What the text cites and which files belong to it.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
    /// Always empty.
    #[serde(default)]
    pub logprobs: Vec<Value>,
}

/// What a place in a text points to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Annotation {
    /// A passage of a document.
    FileCitation(FileCitation),
    /// A file that code wrote.
    ContainerFileCitation(ContainerFileCitation),
    /// An annotation of another type, as it came.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(Value),
}

/// A mark such as `[1]` and the passage that it cites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileCitation {
    /// The document.
    #[schema(example = "file-0193a5c0e8f07c4d8e1f2a3b4c5d6e7f")]
    pub file_id: String,
    /// Its name.
    #[schema(example = "annual-report-2025.pdf")]
    pub filename: String,
    /// Where the mark stands in the text, in characters.
    pub index: usize,
    /// The mark as it stands there.
    #[schema(example = "[1]")]
    pub marker: String,
    /// The number of the passage in this run, from 1.
    pub number: u32,
    /// The page that it starts on, from 1; 0 when the document has no pages.
    pub page: u32,
    /// The page that it ends on.
    pub page_end: u32,
    /// The headings above it.
    pub heading: String,
    /// Its beginning, at most 600 characters.
    pub quote: String,
}

/// A file that belongs to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContainerFileCitation {
    /// The sandbox that it lies in.
    pub container_id: String,
    /// The file: `GET /v1/containers/{container_id}/files/{file_id}/content`.
    pub file_id: String,
    /// Its path in the sandbox.
    #[schema(example = "chart.png")]
    pub filename: String,
    /// Where the text ends, in characters.
    pub start_index: usize,
    /// The same.
    pub end_index: usize,
    /// Its media type.
    #[schema(example = "image/png")]
    pub mime: String,
}

impl MessagePart {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::InputText { text } | Self::OutputText(OutputText { text, .. }) => Some(text),
            Self::Other(value) => value["text"].as_str(),
        }
    }

    /// What somebody said.
    #[must_use]
    pub fn input(text: String) -> Self {
        Self::InputText { text }
    }

    /// What the model said.
    #[must_use]
    pub fn output(text: String, annotations: Vec<Annotation>) -> Self {
        Self::OutputText(OutputText { text, annotations, logprobs: Vec::new() })
    }
}
