//! The output of a tool call.

use septet_kernel::ContainerId;
use serde::{Deserialize, Serialize};

use super::error::RunError;

/// The one output of a tool call: parts for the model, for the user, or for both.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
#[serde(from = "Stored")]
pub struct ToolOutput {
    /// Whether it did what it should.
    pub ok: bool,
    /// What it gave, in order.
    pub parts: Vec<Part>,
}

/// A part of an output.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// For the model to read.
    Text {
        /// The text.
        text: String,
    },
    /// For the model to read and cite, and for the user to look up.
    Passages {
        /// What was found, best first; numbered when the output is journaled.
        passages: Vec<Passage>,
    },
    /// Files for the user.
    Files {
        /// What was written.
        files: Vec<Artifact>,
    },
    /// What code printed, for the user.
    Logs {
        /// On standard output, with the value that the code came to.
        stdout: String,
        /// On standard error.
        stderr: String,
    },
    /// What went wrong, for the user. What the model is told of it is a text.
    Error(RunError),
}

/// A passage as the model saw it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Passage {
    /// Its number in this run, from 1; the model cites it by this. 0 before it has one.
    pub number: u32,
    /// The passage.
    pub id: String,
    /// The file it is from.
    pub file: String,
    /// The file's name.
    pub filename: String,
    /// The page it starts on, from 1; 0 when the document has no pages.
    pub page: u32,
    /// The page it ends on.
    pub page_end: u32,
    /// The headings above it.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// How well it fits, comparable within one search.
    pub score: f64,
}

/// A file that code wrote.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Artifact {
    /// The file in the sandbox.
    pub id: String,
    /// The sandbox.
    pub container: ContainerId,
    /// Its path there.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Its size.
    pub bytes: u64,
}

impl ToolOutput {
    /// A success that is told in words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { ok: true, parts: vec![Part::Text { text: text.into() }] }
    }

    /// A failure: told to the model, so that it can do better, and to the user.
    #[must_use]
    pub fn failed(code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let text = format!("error: {message}");
        let error = RunError { code: code.to_owned(), message };
        Self { ok: false, parts: vec![Part::Text { text }, Part::Error(error)] }
    }

    /// Its texts, one behind the other.
    #[must_use]
    pub fn texts(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| if let Part::Text { text } = part { Some(text) } else { None });
        texts.map(String::as_str).collect()
    }

    /// Its passages.
    pub fn passages(&self) -> impl Iterator<Item = &Passage> {
        self.parts.iter().flat_map(|part| if let Part::Passages { passages } = part { &passages[..] } else { &[] })
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &Artifact> {
        self.parts.iter().flat_map(|part| if let Part::Files { files } = part { &files[..] } else { &[] })
    }

    /// What was printed: standard output, then standard error.
    #[must_use]
    pub fn logs(&self) -> String {
        let logs = self.parts.iter().filter_map(|part| match part {
            Part::Logs { stdout, stderr } => Some([stdout.as_str(), stderr].concat()),
            _ => None,
        });
        logs.collect()
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> Option<&RunError> {
        self.parts.iter().find_map(|part| if let Part::Error(error) = part { Some(error) } else { None })
    }
}

/// An output as it lies in a journal: with parts, or with the fields that there were before there were parts.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Stored {
    ok: bool,
    parts: Vec<Part>,
    text: String,
    error: Option<RunError>,
    passages: Vec<Passage>,
    files: Vec<Artifact>,
    stdout: String,
    stderr: String,
}

impl From<Stored> for ToolOutput {
    fn from(stored: Stored) -> Self {
        let Stored { ok, mut parts, text, error, passages, files, stdout, stderr } = stored;
        // The text beside passages was made of them, and still is.
        if passages.is_empty() {
            parts.extend(Some(text).filter(|text| !text.is_empty()).map(|text| Part::Text { text }));
        } else {
            parts.push(Part::Passages { passages });
        }
        if !files.is_empty() {
            parts.push(Part::Files { files });
        }
        if !(stdout.is_empty() && stderr.is_empty()) {
            parts.push(Part::Logs { stdout, stderr });
        }
        parts.extend(error.map(Part::Error));
        Self { ok, parts }
    }
}
