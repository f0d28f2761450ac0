//! A job as the queue knows it.

use septet_kernel::{ApiKeyId, JobId, Role, ServiceName, TenantId, UserId};

/// Where a job is in its life; see the drawing at the top of the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for a worker, or for its time.
    Ready,
    /// A worker holds its lease.
    Running,
    /// Finished.
    Done,
    /// Gave up: the dead letter.
    Dead,
    /// Stopped on request.
    Cancelled,
}

impl State {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// The word in the table.
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

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// How far a job is, in a unit of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// Out of how much; 0 while that is not known.
    pub total: u64,
    /// What is going on now, for a person.
    pub note: String,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// A stable word for programs.
    pub code: String,
    /// For a person.
    pub message: String,
}

/// Who asks for a job. It is kept with the job, for the job runs with no more rights than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester {
    /// The person, unless a service asks for its tenant.
    pub user: Option<UserId>,
    /// The API key that was used, if one was.
    pub key: Option<ApiKeyId>,
    /// What the person or key might do at that moment.
    pub role: Role,
}

/// A job. All moments are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The id; sorts by creation.
    pub id: JobId,
    /// Whose job it is.
    pub tenant: TenantId,
    /// Who asked for it, and what they might do then.
    pub requester: Requester,
    /// What kind of work.
    pub kind: String,
    /// The service that does it.
    pub owner: ServiceName,
    /// What the owner is given.
    pub payload: serde_json::Value,
    /// Where it is in its life.
    pub state: State,
    /// Higher goes first within one tenant.
    pub priority: i32,
    /// Not before this moment.
    pub run_at_ms: i64,
    /// How many times it was started.
    pub attempt: u32,
    /// After how many attempts it is dead.
    pub max_attempts: u32,
    /// How many times in a row its owner could not be reached.
    pub n_deferrals: u32,
    /// How far it is.
    pub progress: Progress,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
    /// The last failure.
    pub error: Option<Failed>,
    /// What its owner gave back.
    pub result: Option<serde_json::Value>,
    /// Until when its worker need not say anything, while it runs.
    pub lease_until_ms: Option<i64>,
    /// Which worker holds it, while it runs.
    pub worker: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// The start of the latest attempt.
    pub started_at_ms: Option<i64>,
    /// When it came to an end.
    pub finished_at_ms: Option<i64>,
}

/// A job to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Who asks, and what they may do: the job may do no more.
    pub requester: Requester,
    /// What kind of work.
    pub kind: String,
    /// The service that does it.
    pub owner: ServiceName,
    /// What the owner is given.
    pub payload: serde_json::Value,
    /// The same key with the same kind in the same tenant is the same job, for as long as its row is kept.
    pub idempotency_key: Option<String>,
    /// After how many attempts it is dead, at least 1.
    pub max_attempts: u32,
    /// Higher goes first within one tenant.
    pub priority: i32,
    /// Not before this moment; at once when absent.
    pub run_at_ms: Option<i64>,
}

/// Which jobs to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only jobs older than this one.
    pub after: Option<JobId>,
    /// At most this many.
    pub limit: u32,
}

/// The queue as an operator sees it, over all tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Jobs that wait, those whose time has not come included.
    pub n_ready: u64,
    /// Jobs that a worker holds.
    pub n_running: u64,
    /// Dead letters.
    pub n_dead: u64,
    /// How long the job that waits longest has been due, in milliseconds.
    pub oldest_ready_ms: u64,
}
