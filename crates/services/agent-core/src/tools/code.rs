//! `run_python` and `run_sql`: code in the conversation's sandbox.

use std::time::Duration;

use futures::{Stream, StreamExt};
use septet_contracts::call::CallError;
use septet_contracts::sandbox::{
    ExecutionEvent, ExpiresAfter, Language, NewContainer, NewExecution, Outcome, Output, Sandbox,
};
use septet_kernel::{Caller, ContainerId, Failure, Kind};
use serde_json::{Value, json};

use super::{Tool, arguments, failed};
use crate::run::event::{Artifact, RunError, ToolCall, ToolOutput};

// As long as a person may think about an answer before asking on.
const EXPIRES_AFTER_MINUTES: u32 = 60;

/// Runs code for one run.
pub(crate) struct CodeRunner<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) caller: &'a Caller,
    pub(crate) timeout: Duration,
}

impl CodeRunner<'_> {
    /// The sandbox of the conversation: the one it has, if that still runs, or a new one.
    pub(crate) async fn container(&self, existing: Option<ContainerId>, name: &str) -> Result<ContainerId, CallError> {
        if let Some(id) = existing {
            match self.sandbox.get(self.caller, id).await {
                Ok(container) if container.status == "running" => return Ok(id),
                Ok(_expired) => {}
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let expires_after = Some(ExpiresAfter { anchor: "last_active_at".to_owned(), minutes: EXPIRES_AFTER_MINUTES });
        let new = NewContainer { name: name.to_owned(), expires_after, ..NewContainer::default() };
        Ok(self.sandbox.create(self.caller, &new).await?.id)
    }

    /// Starts the code of a call, or attaches to it when it was started under this key before.
    pub(crate) async fn start(
        &self,
        container: ContainerId,
        call: &ToolCall,
        key: &str,
    ) -> Result<impl Stream<Item = Result<ExecutionEvent, CallError>> + Send + use<>, CallError> {
        let arguments = arguments::read(&call.arguments).unwrap_or_default();
        let execution = NewExecution {
            language: if Tool::named(&call.name) == Some(Tool::RunSql) { Language::Sql } else { Language::Python },
            code: arguments.get("code").and_then(Value::as_str).unwrap_or_default().to_owned(),
            timeout_ms: u64::try_from(self.timeout.as_millis()).ok(),
            stateful: true,
            ..NewExecution::default()
        };
        Ok(self.sandbox.execute(self.caller, container, &execution, Some(key)).await?.boxed())
    }
}

/// Says what is wrong with the arguments of a call, if anything is.
pub(crate) fn complaint(call: &ToolCall) -> Option<ToolOutput> {
    let arguments = match arguments::read(&call.arguments) {
        Ok(arguments) => arguments,
        Err(problem) => return Some(failed("bad_arguments", format!("{problem}; write {{\"code\": \"...\"}}"))),
    };
    match arguments.get("code").and_then(Value::as_str) {
        Some(code) if !code.trim().is_empty() => None,
        Some(_) | None => Some(failed("bad_arguments", "\"code\" is missing or empty; write {\"code\": \"...\"}")),
    }
}

/// The output of code that has ended, as the model and the user see it.
pub(crate) fn output(container: ContainerId, output: Output) -> ToolOutput {
    let outcome = output.outcome().unwrap_or(Outcome::Killed);
    let files: Vec<Artifact> = output
        .files
        .iter()
        .map(|file| Artifact {
            id: file.id.to_string(),
            container,
            name: file.septet.name.clone(),
            mime: file.septet.mime.clone(),
            bytes: file.bytes,
        })
        .collect();
    let error = sentence(outcome, &output);
    let text = json!({
        "outcome": outcome,
        "stdout": output.stdout,
        "stderr": output.stderr,
        "result": output.result().map(|result| &result.text),
        "files": files.iter().map(|file| json!({"name": file.name, "mime": file.mime, "bytes": file.bytes})).collect::<Vec<_>>(),
        "error": output.error().map(|error| if error.traceback.is_empty() { &error.message } else { &error.traceback })
            .or(error.as_ref().map(|error| &error.message)),
    });
    let mut stdout = output.stdout.clone();
    if let Some(result) = output.result() {
        stdout.push_str(&result.text);
    }
    ToolOutput {
        ok: outcome == Outcome::Ok,
        text: text.to_string(),
        error,
        files,
        stdout,
        stderr: output.stderr,
        passages: Vec::new(),
    }
}

fn sentence(outcome: Outcome, output: &Output) -> Option<RunError> {
    let (code, message) = match outcome {
        Outcome::Ok => return None,
        Outcome::Error => (
            "code_error",
            output
                .error()
                .map_or_else(|| "the code failed".to_owned(), |error| format!("{}: {}", error.name, error.message)),
        ),
        Outcome::Timeout => {
            ("code_timeout", "the code took too long and was stopped; make it do less, or loop less".to_owned())
        }
        Outcome::OutOfMemory => {
            ("code_memory", "the code needed too much memory and was stopped; read less at a time".to_owned())
        }
        Outcome::Killed => ("code_killed", "the code was stopped from outside before it ended".to_owned()),
    };
    Some(RunError { code: code.to_owned(), message })
}
