//! `run_python` and `run_sql`: code in the conversation's sandbox.

use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use futures::StreamExt;
use septet_contracts::call::CallError;
use septet_contracts::sandbox::{
    Container, ContainerNetwork, ExecutionEvent, ExpiresAfter, Language, NewContainer, NewExecution, Outcome, Output,
    Sandbox,
};
use septet_kernel::{ContainerId, Failure, Kind};
use serde_json::{Value, json};
use tracing::warn;

use super::{Called, Definition, Invocation, Prepared, Printed, Resource, Tool, arguments};
use crate::error::Error;
use crate::run::effect::Effect;
use crate::run::error::RunError;
use crate::run::output::{Artifact, Part, ToolOutput};
use crate::run::shape::Shape;
use crate::store::Store;

// As long as a person may think about an answer before asking on.
const EXPIRES_AFTER_MINUTES: u32 = 60;

/// Between the times that the outcome of code is asked for: 25 seconds in all.
const OUTCOME_BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_max_delay(Duration::from_secs(10)).with_max_times(5);

/// The sandboxes of conversations. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Containers {
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Store,
    /// How long one piece of code may run.
    pub(crate) timeout: Duration,
}

impl Containers {
    /// The sandbox of a conversation: the one it has, if that still runs, or a new one.
    async fn of(&self, call: &Invocation) -> Result<Container, Error> {
        let existing = self.store.container_of(call.conversation).await?;
        if let Some(id) = existing {
            match self.sandbox.get(&call.caller, id).await {
                Ok(container) if container.status == "running" => return Ok(container),
                Ok(_expired) => {}
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        let expires_after = Some(ExpiresAfter { anchor: "last_active_at".to_owned(), minutes: EXPIRES_AFTER_MINUTES });
        let name = call.conversation.to_string();
        let new = NewContainer { name, expires_after, ..NewContainer::default() };
        let container = self.sandbox.create(&call.caller, &new).await?;
        self.store.set_container(call.conversation, container.id).await?;
        Ok(container)
    }
}

pub(super) struct RunCode {
    containers: Containers,
    language: Language,
}

impl RunCode {
    pub(super) fn python(containers: Containers) -> Self {
        Self { containers, language: Language::Python }
    }

    pub(super) fn sql(containers: Containers) -> Self {
        Self { containers, language: Language::Sql }
    }

    fn code<'a>(&self, call: &'a Invocation) -> Result<&'a str, ToolOutput> {
        let code = call.arguments.get("code").and_then(Value::as_str).filter(|code| !code.trim().is_empty());
        code.ok_or_else(|| arguments::refused(self, "\"code\" is missing or empty"))
    }

    /// Runs the code, or attaches to it when it was started under this key before.
    ///
    /// # Errors
    /// When it was not even begun: the sandbox runner refuses or is away.
    async fn run(&self, call: &Invocation, code: &str, container: ContainerId) -> Result<Called, CallError> {
        let execution = NewExecution {
            language: self.language,
            code: code.to_owned(),
            timeout_ms: u64::try_from(self.containers.timeout.as_millis()).ok(),
            stateful: true,
            ..NewExecution::default()
        };
        let sandbox = &self.containers.sandbox;
        let mut events = sandbox.execute(&call.caller, container, &execution, Some(&call.key)).await?.boxed();
        let mut output = Output::default();
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => return Ok(Called::BrokenOff(refused(&error))),
            };
            print(&event, call);
            output.add(event);
            if let Some(outcome) = output.outcome() {
                let ended = output_of(container, output, outcome);
                return Ok(if outcome == Outcome::Killed { Called::BrokenOff(ended) } else { Called::Output(ended) });
            }
        }
        Ok(Called::BrokenOff(ToolOutput::failed("service_down", "the sandbox broke off")))
    }
}

#[async_trait]
impl Tool for RunCode {
    fn definition(&self) -> Definition {
        let (name, does, code) = match self.language {
            Language::Sql => (
                "run_sql",
                "Runs SQL (DuckDB) in the same sandbox folder. CSV, JSON and Parquet files there can be queried by name.",
                "One or several statements; the rows of the last one are the result.",
            ),
            _ => (
                "run_python",
                "Runs Python 3 in a sandbox without network. numpy, pandas, matplotlib, duckdb and openpyxl are there. \
                 Variables and files usually last during the conversation; an error about a missing name means that the interpreter \
                 was replaced, so run the earlier steps again. Save charts with plt.savefig(\"name.png\"); \
                 Chinese text in charts just works, so set no font. Print what you need to know.",
                "The code to run next.",
            ),
        };
        let parameters = json!({
            "type": "object",
            "properties": {"code": {"type": "string", "description": code}},
            "required": ["code"],
        });
        Definition::new(name, does, parameters)
    }

    fn shape(&self) -> Shape {
        Shape::code(self.language.name())
    }

    fn effect(&self) -> Effect {
        Effect::Keyed
    }

    fn holds(&self) -> Option<Resource> {
        Some(Resource::Sandbox)
    }

    async fn prepare(&self, call: &Invocation) -> Result<Prepared, Error> {
        if let Err(refused) = self.code(call) {
            return Ok(Prepared::Refused(refused));
        }
        let container = match self.containers.of(call).await {
            Ok(container) => container,
            Err(Error::Call(error)) => return Ok(Prepared::Refused(refused(&error))),
            Err(error) => return Err(error),
        };
        // What code has sent to somebody else is not undone when its sandbox is thrown away.
        let effect = if reaches_a_network(&container) { Effect::Once } else { self.effect() };
        Ok(Prepared::Ready { container: Some(container.id), effect })
    }

    async fn call(&self, call: &Invocation) -> Called {
        let code = match self.code(call) {
            Ok(code) => code,
            Err(refused) => return Called::Output(refused),
        };
        let Some(container) = call.container else {
            return Called::Output(ToolOutput::failed("not_found", "the sandbox is gone"));
        };
        self.run(call, code, container).await.unwrap_or_else(|error| Called::Output(refused(&error)))
    }

    async fn outcome(&self, call: &Invocation) -> Option<ToolOutput> {
        let (code, container) = (self.code(call).ok()?, call.container?);
        // The sandbox runner starts nothing under a key that it has seen.
        let ask = || self.run(call, code, container);
        // After a crash of the whole machine it may still be starting, or believe that another instance runs the code.
        match ask.retry(OUTCOME_BACKOFF).when(|error| error.kind().is_transient()).await {
            Ok(Called::Output(output)) => Some(output),
            Ok(Called::BrokenOff(_)) | Err(_) => None,
        }
    }

    async fn stop(&self, call: &Invocation) {
        let Some(container) = call.container else { return };
        if let Err(error) = self.containers.sandbox.stop(&call.caller, container, &call.key).await {
            warn!(container.id = %container, error.detail = %error, "cannot stop code");
        }
    }
}

fn reaches_a_network(container: &Container) -> bool {
    matches!(container.network_policy, Some(ContainerNetwork::Allowlist { .. }))
}

fn refused(error: &CallError) -> ToolOutput {
    ToolOutput::failed(&error.code, error.detail.clone())
}

fn print(event: &ExecutionEvent, call: &Invocation) {
    let printed = match event {
        ExecutionEvent::Stdout { text } => Printed { stdout: text.clone(), ..Printed::default() },
        ExecutionEvent::Stderr { text } => Printed { stderr: text.clone(), ..Printed::default() },
        _ => return,
    };
    call.progress.print(printed);
}

/// The output of code that has ended, as the model and the user see it.
fn output_of(container: ContainerId, output: Output, outcome: Outcome) -> ToolOutput {
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
    let told = json!({
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
    let mut parts = vec![Part::Text { text: told.to_string() }];
    if !files.is_empty() {
        parts.push(Part::Files { files });
    }
    if !(stdout.is_empty() && output.stderr.is_empty()) {
        parts.push(Part::Logs { stdout, stderr: output.stderr });
    }
    parts.extend(error.map(Part::Error));
    ToolOutput { ok: outcome == Outcome::Ok, parts }
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
