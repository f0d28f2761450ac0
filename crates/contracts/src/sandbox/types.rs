//! The types on the wire of the sandbox runner.

use septet_kernel::{BlobId, ContainerFileId, ContainerId, ExecutionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When a sandbox ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpiresAfter {
    /// Always `last_active_at`.
    pub anchor: String,
    /// Minutes without an execution or a new file.
    pub minutes: u32,
}

/// A sandbox to be made.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct NewContainer {
    /// A name for people; need not be unique.
    pub name: String,
    /// Never expires when absent.
    pub expires_after: Option<ExpiresAfter>,
    /// What its code may reach. Nothing when absent.
    pub network_policy: Option<NetworkPolicy>,
}

/// What code in a sandbox may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NetworkPolicy {
    /// Nothing.
    Disabled,
    /// The named domains, over http and https, as far as the operator permits them.
    Allowlist {
        /// `example.com` is that host alone, `*.example.com` every host below it.
        allowed_domains: Vec<String>,
        /// Secrets that code can use and cannot read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        domain_secrets: Vec<DomainSecret>,
    },
}

/// A secret for one of the allowed domains. Code finds a placeholder in an environment variable; in the headers of
/// https requests to the domain the value takes its place, outside the sandbox.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DomainSecret {
    /// The domain that gets it.
    pub domain: String,
    /// The environment variable.
    pub name: String,
    /// 8 to 4096 printable ASCII characters. Kept in memory only, never shown again; lost when the service restarts.
    pub value: String,
}

impl std::fmt::Debug for DomainSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { domain, name, value: _ } = self;
        formatter.debug_struct("DomainSecret").field("domain", domain).field("name", name).finish_non_exhaustive()
    }
}

/// What code in a sandbox may reach, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContainerNetwork {
    /// Nothing.
    Disabled,
    /// The named domains.
    Allowlist {
        /// As they were given.
        allowed_domains: Vec<String>,
        /// Where secrets belong; their values are never shown.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        domain_secrets: Vec<SecretPlace>,
    },
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretPlace {
    /// The domain that gets it.
    pub domain: String,
    /// The environment variable.
    pub name: String,
}

/// A sandbox.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Always `container`.
    pub object: String,
    /// The name given to it.
    pub name: String,
    /// `running` or `expired`. One that expired keeps its files but runs no more code.
    pub status: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds of the last execution or new file.
    pub last_active_at: i64,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_after: Option<ExpiresAfter>,
    /// What its code may reach. Absent from services that know no network.
    #[serde(default)]
    pub network_policy: Option<ContainerNetwork>,
    /// What OpenAI's shape has no place for.
    pub septet: ContainerExtra,
}

/// How a sandbox is walled.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ContainerExtra {
    /// `L3` (built by root) or `L2` (without root, memory watched instead of capped); `none` when no code can run here.
    pub isolation: String,
    /// `process`, `docker` or `kubernetes`.
    pub driver: String,
    /// In the answer to a fork: the names of variables that have no copy, such as open files and connections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
}

/// A file to be put into the session folder.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewFile {
    /// The bytes.
    pub blob: BlobId,
    /// Where: `report.csv`, `data/report.csv` or `/session/report.csv`.
    pub path: String,
}

/// A file in the session folder, or an earlier version of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContainerFile {
    /// Its id. A file that is written over gets a new one; the old one stays readable until the file is deleted.
    pub id: ContainerFileId,
    /// Always `container.file`.
    pub object: String,
    /// The sandbox.
    pub container_id: ContainerId,
    /// The path as code sees it, such as `/session/chart-1.png`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Unix seconds.
    pub created_at: i64,
    /// `user` when it was put there, `assistant` when code wrote it.
    pub source: String,
    /// What OpenAI's shape has no place for.
    pub septet: ContainerFileExtra,
}

/// More about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContainerFileExtra {
    /// The last part of the path.
    pub name: String,
    /// Guessed from the name, `application/octet-stream` when it tells nothing.
    pub mime: String,
    /// The bytes.
    pub blob: BlobId,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FileContent {
    /// The bytes.
    pub blob: BlobId,
    /// The last part of the path.
    pub filename: String,
    /// Guessed from the name. The bytes are untrusted whatever it says: HTML and SVG must not be shown as pages.
    pub mime: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// What the code is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Python 3 with numpy, pandas, matplotlib, duckdb, openpyxl.
    #[default]
    Python,
    /// DuckDB's SQL over the files of the session: `SELECT * FROM 'report.csv'`.
    Sql,
}

impl Language {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Sql => "sql",
        }
    }
}

/// The longest wall time that may be asked for, in milliseconds: a week.
pub const MAX_TIMEOUT_MS: u64 = 604_800_000;
/// The most bytes that any limit may say: a tebibyte.
pub const MAX_LIMIT_BYTES: u64 = 1 << 40;
/// The most processes that may be asked for.
pub const MAX_PROCESSES: u32 = 1 << 20;

/// Limits of one execution, each lowered to what the service allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Limits {
    /// Memory of all processes together, in bytes.
    #[schema(maximum = 1_099_511_627_776_i64)]
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    #[schema(maximum = 1_048_576)]
    pub processes: Option<u32>,
    /// Bytes of standard output, and of standard error, that are kept.
    #[schema(maximum = 1_099_511_627_776_i64)]
    pub output_bytes: Option<u64>,
}

/// Code to be run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewExecution {
    /// The language.
    #[serde(default)]
    pub language: Language,
    /// The code, at most 1 MiB.
    pub code: String,
    /// Wall time in milliseconds, lowered to what the service allows.
    #[serde(default)]
    #[schema(maximum = 604_800_000)]
    pub timeout_ms: Option<u64>,
    /// Other limits.
    #[serde(default)]
    pub limits: Limits,
    /// Whether variables, imports and tables live on for the next stateful execution of this sandbox. Without it the
    /// code gets an interpreter of its own; files below `/session` are shared by both kinds.
    #[serde(default)]
    pub stateful: bool,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The code came to its end.
    Ok,
    /// It raised, exited with a code other than 0, or crashed.
    Error,
    /// It took too long.
    Timeout,
    /// It needed too much memory.
    OutOfMemory,
    /// It was stopped from outside: cancelled, too much output, or the service ended.
    Killed,
}

/// An error of the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorReport {
    /// Such as `ZeroDivisionError`.
    pub name: String,
    /// In the interpreter's words.
    pub message: String,
    /// The traceback as Python prints it, without frames of the sandbox; empty for SQL.
    #[serde(default)]
    pub traceback: String,
}

/// One thing that happened in an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ExecutionEvent {
    /// First. The walls stand and the code has been handed over.
    Started {
        /// The execution.
        execution: ExecutionId,
        /// Whether the interpreter is new. When `false`, the variables of earlier stateful executions are there; a
        /// stateful execution may find them gone, after a crash, a timeout, idleness or a restart.
        #[serde(default = "yes")]
        fresh: bool,
    },
    /// A piece of standard output.
    Stdout {
        /// Whole characters, lossily decoded.
        text: String,
    },
    /// A piece of standard error.
    Stderr {
        /// Whole characters, lossily decoded.
        text: String,
    },
    /// Something to be shown that is no file.
    Display {
        /// What `text` is.
        mime: String,
        /// Untrusted. Base64 where the type is binary, such as `image/png`.
        text: String,
    },
    /// A file that is new or changed, charts included.
    File {
        /// The file.
        file: Box<ContainerFile>,
    },
    /// Last.
    Done {
        /// How it ended.
        outcome: Outcome,
        /// The exit code of the interpreter, or minus the signal that ended it.
        exit_code: i32,
        /// The error, when there was one.
        #[serde(default)]
        error: Option<ErrorReport>,
        /// The value of a last line that is an expression, or the rows of the last query.
        #[serde(default)]
        result: Option<ExecutionResult>,
        /// Wall time of the code.
        duration_ms: u64,
        /// Whether output or files were left out because of a limit.
        truncated: bool,
    },
}

/// Before there were kept interpreters, all were new.
fn yes() -> bool {
    true
}

/// A value that the code came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionResult {
    /// For people and models.
    pub text: String,
    /// For tables: `{columns: [..], rows: [[..]], n_rows, truncated}`.
    #[serde(default)]
    pub json: Option<serde_json::Value>,
}

/// A whole execution, put together from its events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// Whether the interpreter was new.
    pub is_fresh: bool,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
    /// What is to be shown: media type and content.
    pub displays: Vec<(String, String)>,
    /// Files that are new or changed.
    pub files: Vec<ContainerFile>,
    /// The last event.
    pub done: Option<ExecutionEvent>,
}

impl Output {
    /// Adds what an event says.
    pub fn add(&mut self, event: ExecutionEvent) {
        match event {
            ExecutionEvent::Started { fresh, .. } => self.is_fresh = fresh,
            ExecutionEvent::Display { mime, text } => self.displays.push((mime, text)),
            ExecutionEvent::Stdout { text } => self.stdout.push_str(&text),
            ExecutionEvent::Stderr { text } => self.stderr.push_str(&text),
            ExecutionEvent::File { file } => self.files.push(*file),
            done @ ExecutionEvent::Done { .. } => self.done = Some(done),
        }
    }

    /// Whether the last event is here.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done.is_some()
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.done {
            Some(ExecutionEvent::Done { outcome, .. }) => Some(*outcome),
            _ => None,
        }
    }

    /// The error of the code, when there was one.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorReport> {
        match &self.done {
            Some(ExecutionEvent::Done { error, .. }) => error.as_ref(),
            _ => None,
        }
    }

    /// The value that the code came to.
    #[must_use]
    pub fn result(&self) -> Option<&ExecutionResult> {
        match &self.done {
            Some(ExecutionEvent::Done { result, .. }) => result.as_ref(),
            _ => None,
        }
    }
}

/// What the machine can do, and what is missing for more.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Doctor {
    /// `L3`, `L2`, or `none` when no code can run.
    pub level: String,
    /// `process`.
    pub driver: String,
    /// The version of the interpreter, when it was found.
    pub python: Option<String>,
    /// Provisioned packages, `name==version`.
    pub packages: Vec<String>,
    /// Font files with Chinese characters.
    pub fonts: Vec<String>,
    /// How memory is limited: `cgroup v1`, `cgroup v2` or `watchdog`.
    pub memory: String,
    /// What is missing, most important first.
    pub missing: Vec<Missing>,
}

/// Something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missing {
    /// What.
    pub what: String,
    /// What does not work without it.
    pub why: String,
    /// What to do.
    pub how: String,
}
