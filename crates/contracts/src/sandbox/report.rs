//! Running code without much ado: one request, one document.

use septet_kernel::{ContainerId, ExecutionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::types::{ContainerFile, ErrorReport, ExecutionEvent, ExecutionResult, NewExecution, Outcome};

/// Code to be run, in a sandbox that is made for it unless one is named.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ExecuteRequest {
    /// The code and its limits.
    #[serde(flatten)]
    pub execution: NewExecution,
    /// The sandbox to run it in. Without one it has an empty sandbox for itself.
    #[serde(default)]
    pub container: Option<ContainerId>,
    /// Whether events are wanted as they happen, instead of one document at the end: as server-sent events if the
    /// header `accept` asks for `text/event-stream`, else one JSON object a line.
    #[serde(default)]
    pub stream: bool,
}

/// Something shown that is no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Display {
    /// What `text` is.
    pub mime: String,
    /// Untrusted. Base64 where the type is binary, such as `image/png`.
    pub text: String,
}

/// A whole execution.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExecutionReport {
    /// Always `execution`.
    pub object: String,
    /// The execution, unless it never began.
    pub id: Option<ExecutionId>,
    /// The sandbox. None when it was made for this code alone and is gone, because the code left no files.
    pub container: Option<ContainerId>,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of the interpreter, or minus the signal that ended it.
    pub exit_code: i32,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
    /// The value of a last line that is an expression, or the rows of the last query.
    pub result: Option<ExecutionResult>,
    /// What was shown, in order.
    pub displays: Vec<Display>,
    /// Files that are new or changed, charts included.
    pub files: Vec<ContainerFile>,
    /// The error of the code, when there was one.
    pub error: Option<ErrorReport>,
    /// Wall time of the code.
    pub duration_ms: u64,
    /// Whether output or files were left out because of a limit.
    pub truncated: bool,
}

impl ExecutionEvent {
    /// Its type on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stdout { .. } => "stdout",
            Self::Stderr { .. } => "stderr",
            Self::Display { .. } => "display",
            Self::File { .. } => "file",
            Self::Done { .. } => "done",
        }
    }
}

impl ExecutionReport {
    /// A report without events yet. One that is never told how the execution ended says that it was killed.
    #[must_use]
    pub fn new(container: ContainerId) -> Self {
        Self {
            object: "execution".to_owned(),
            id: None,
            container: Some(container),
            outcome: Outcome::Killed,
            exit_code: -9,
            stdout: String::new(),
            stderr: String::new(),
            result: None,
            displays: Vec::new(),
            files: Vec::new(),
            error: None,
            duration_ms: 0,
            truncated: false,
        }
    }

    /// Adds what an event says.
    pub fn add(&mut self, event: ExecutionEvent) {
        match event {
            ExecutionEvent::Started { execution, .. } => self.id = Some(execution),
            ExecutionEvent::Stdout { text } => self.stdout.push_str(&text),
            ExecutionEvent::Stderr { text } => self.stderr.push_str(&text),
            ExecutionEvent::Display { mime, text } => self.displays.push(Display { mime, text }),
            ExecutionEvent::File { file } => self.files.push(*file),
            ExecutionEvent::Done { outcome, exit_code, error, result, duration_ms, truncated } => {
                self.outcome = outcome;
                self.exit_code = exit_code;
                self.error = error;
                self.result = result;
                self.duration_ms = duration_ms;
                self.truncated = truncated;
            }
        }
    }
}
