//! What a job looks like on the wire.

use septet_kernel::{JobId, ServiceName, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a job is in its life.
///
/// `ready` and `running` may go back and forth; `done`, `dead` and `cancelled` are ends. A dead job is the dead
/// letter: it stays, with its error, until somebody retries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for a worker, or for its time.
    Ready,
    /// A worker holds its lease.
    Running,
    /// Finished; the result is there.
    Done,
    /// Gave up: not worth a retry, or out of attempts.
    Dead,
    /// Stopped by a person.
    Cancelled,
}

impl JobState {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// The word on the wire and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How far a job is, in a unit of its own (pages, files, rows).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// How much is done.
    #[serde(default)]
    pub done: u64,
    /// Out of how much; 0 while that is not known.
    #[serde(default)]
    pub total: u64,
    /// What is going on now, for a person: `"embedding"`.
    #[serde(default)]
    pub note: String,
}

/// A job as its tenant sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// The id.
    pub id: JobId,
    /// Whose job it is.
    pub tenant: TenantId,
    /// Who asked for it, where a person did.
    #[serde(default)]
    pub created_by: Option<UserId>,
    /// What kind of work, `<area>.<verb>`: `knowledge.ingest`.
    pub kind: String,
    /// The service that does the work.
    pub owner: ServiceName,
    /// Where it is in its life.
    pub state: JobState,
    /// What its owner was given.
    #[serde(default)]
    pub payload: serde_json::Value,
    /// How many times it was started; 0 before the first start.
    pub attempt: u32,
    /// After how many attempts it is dead.
    pub max_attempts: u32,
    /// Higher goes first within one tenant; 0 is ordinary.
    #[serde(default)]
    pub priority: i32,
    /// How far it is.
    pub progress: Progress,
    /// Somebody asked it to stop and it has not stopped yet.
    #[serde(default)]
    pub cancel_requested: bool,
    /// The last failure, also while it waits for its next attempt.
    #[serde(default)]
    pub error: Option<JobError>,
    /// What its owner gave back, once `done`.
    #[serde(default)]
    pub result: Option<serde_json::Value>,
    /// Unix seconds.
    pub created_at: i64,
    /// The moment before which it does not start, unix seconds.
    pub run_at: i64,
    /// The start of the latest attempt, unix seconds.
    #[serde(default)]
    pub started_at: Option<i64>,
    /// Unix seconds.
    #[serde(default)]
    pub finished_at: Option<i64>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobError {
    /// A stable word for programs: `pdf_encrypted`, `lease_lost`.
    pub code: String,
    /// For a person.
    pub message: String,
}

/// Asks for a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// What kind of work, `<area>.<verb>`; at most 64 characters of `a-z 0-9 . _ -`.
    pub kind: String,
    /// The service whose `POST /jobs/run` does the work.
    pub owner: ServiceName,
    /// What the owner is given, at most 64 KiB of JSON; larger things go by blob id.
    #[serde(default)]
    pub payload: serde_json::Value,
    /// The same key with the same kind gives the job that is already there instead of a second one; with another
    /// payload it is a conflict. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// After how many attempts it is dead, 1 to 25; 5 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Higher goes first within one tenant, -100 to 100; 0 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Not before this moment, unix seconds; at once unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<i64>,
}

impl NewJob {
    /// A job with the usual limits, to start at once.
    #[must_use]
    pub fn new(kind: impl Into<String>, owner: ServiceName, payload: serde_json::Value) -> Self {
        Self {
            kind: kind.into(),
            owner,
            payload,
            idempotency_key: None,
            max_attempts: None,
            priority: None,
            run_at: None,
        }
    }

    /// The same job, made once however often it is asked for.
    #[must_use]
    pub fn once(mut self, idempotency_key: impl Into<String>) -> Self {
        self.idempotency_key = Some(idempotency_key.into());
        self
    }
}

/// Which jobs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobFilter {
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// At most this many, 1 to 100; 20 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::page::limit")]
    pub limit: Option<u32>,
    /// Only jobs that come after this one in the list (older ones).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<JobId>,
}

/// What the owner is given at `POST /jobs/run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunJob {
    /// The job; also the key by which the owner recognises a second delivery.
    pub job: JobId,
    /// What kind of work.
    pub kind: String,
    /// 1 for the first time. A higher one may find half-done work of the one before.
    pub attempt: u32,
    /// The attempt after which there is none; 0 when the worker does not say.
    #[serde(default)]
    pub max_attempts: u32,
    /// As it was enqueued.
    #[serde(default)]
    pub payload: serde_json::Value,
}

/// What the owner is told at `POST /jobs/moved`: a job ended without it, or was started anew by a person.
///
/// Told once, as well as it goes: an owner that was away asks for its job again and finds the state there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MovedJob {
    /// The job.
    pub job: JobId,
    /// What kind of work.
    pub kind: String,
    /// As it was enqueued.
    #[serde(default)]
    pub payload: serde_json::Value,
    /// Where it is now: `dead`, `cancelled`, or `ready` after a retry.
    pub state: JobState,
    /// Why it is dead.
    #[serde(default)]
    pub error: Option<JobError>,
}

/// One line of what the owner answers to [`RunJob`], as NDJSON.
///
/// Something comes at least every five seconds. `done` or `failed` is the last line; a stream that ends without
/// either is a failure that is retried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobEvent {
    /// It goes on.
    Progress {
        /// How much is done.
        #[serde(default)]
        done: u64,
        /// Out of how much; 0 while that is not known.
        #[serde(default)]
        total: u64,
        /// What is going on now, for a person.
        #[serde(default)]
        note: String,
    },
    /// It is done.
    Done {
        /// What to keep with the job.
        #[serde(default)]
        result: serde_json::Value,
    },
    /// It failed.
    Failed {
        /// For a person.
        message: String,
        /// A stable word for programs.
        #[serde(default)]
        code: String,
        /// Whether another attempt may help.
        #[serde(default)]
        retry: bool,
    },
    /// Something that a newer owner says; a worker passes it by.
    #[serde(other)]
    Unknown,
}
