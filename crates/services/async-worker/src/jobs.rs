//! The verbs of people and services: make, look, cancel, retry. Each asks the permission, checks the fields, and goes
//! to the queue inside the caller's tenant.

use septet_contracts::jobs as wire;
use septet_contracts::management::Permission;
use septet_contracts::page::Page;
use septet_kernel::{Caller, JobId};
use septet_queue::{Filter, Job, NewJob, Queue, Requester, State};

use crate::Error;
use crate::notices::Notices;

const MAX_PAYLOAD_BYTES: usize = 64 << 10;
const MAX_KEY_CHARS: usize = 200;
const DEFAULT_ATTEMPTS: u32 = 5;

/// What the async worker offers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Jobs {
    queue: Queue,
    notices: Notices,
}

impl Jobs {
    pub(crate) fn new(queue: Queue, notices: Notices) -> Self {
        Self { queue, notices }
    }

    pub(crate) async fn enqueue(&self, caller: &Caller, new: wire::NewJob) -> Result<wire::Job, Error> {
        Permission::ManageJobs.check(caller)?;
        let new = checked(caller, new)?;
        Ok(shown(self.queue.enqueue(caller.tenant, new).await?))
    }

    pub(crate) async fn list(&self, caller: &Caller, filter: &wire::JobFilter) -> Result<Page<wire::Job>, Error> {
        Permission::ReadJobs.check(caller)?;
        if filter.kind.as_ref().is_some_and(|kind| !is_kind(kind)) {
            return Ok(Page::new(Vec::new(), false, |job: &wire::Job| job.id.to_string()));
        }
        let limit = filter.limit.unwrap_or(20).clamp(1, 100);
        let wanted =
            Filter { state: filter.state.map(state), kind: filter.kind.clone(), after: filter.after, limit: limit + 1 };
        let mut jobs = self.queue.list(caller.tenant, &wanted).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = jobs.len() > limit;
        jobs.truncate(limit);
        Ok(Page::new(jobs.into_iter().map(shown).collect(), has_more, |job: &wire::Job| job.id.to_string()))
    }

    pub(crate) async fn get(&self, caller: &Caller, id: JobId) -> Result<wire::Job, Error> {
        Permission::ReadJobs.check(caller)?;
        Ok(shown(self.queue.get(caller.tenant, id).await?))
    }

    pub(crate) async fn cancel(&self, caller: &Caller, id: JobId) -> Result<wire::Job, Error> {
        Permission::ManageJobs.check(caller)?;
        let job = self.queue.cancel(caller.tenant, id).await?;
        self.notices.tell(&job).await;
        Ok(shown(job))
    }

    pub(crate) async fn retry(&self, caller: &Caller, id: JobId) -> Result<wire::Job, Error> {
        Permission::ManageJobs.check(caller)?;
        let job = self.queue.retry(caller.tenant, id).await?;
        self.notices.tell(&job).await;
        Ok(shown(job))
    }
}

fn checked(caller: &Caller, new: wire::NewJob) -> Result<NewJob, Error> {
    let invalid = |param, detail: &str| Err(Error::Invalid { param, detail: detail.to_owned() });
    if !is_kind(&new.kind) {
        return invalid("kind", "must be 1 to 64 characters of a-z 0-9 . _ -");
    }
    if new.payload.to_string().len() > MAX_PAYLOAD_BYTES {
        return invalid("payload", "must be at most 64 KiB of JSON; put larger things into a blob and send its id");
    }
    if let Some(key) = &new.idempotency_key
        && (key.is_empty() || key.chars().count() > MAX_KEY_CHARS || key.contains('\0'))
    {
        return invalid("idempotency_key", "must be 1 to 200 characters");
    }
    let max_attempts = new.max_attempts.unwrap_or(DEFAULT_ATTEMPTS);
    if !(1..=25).contains(&max_attempts) {
        return invalid("max_attempts", "must be 1 to 25");
    }
    let priority = new.priority.unwrap_or(0);
    if !(-100..=100).contains(&priority) {
        return invalid("priority", "must be -100 to 100");
    }
    let run_at_ms = match new.run_at {
        None => None,
        // The end of the year 9999.
        Some(at) if (0..=253_402_300_799).contains(&at) => Some(at * 1000),
        Some(_) => return invalid("run_at", "must be seconds since 1970"),
    };
    Ok(NewJob {
        requester: Requester { user: caller.user, key: caller.key, role: caller.role },
        kind: new.kind,
        owner: new.owner,
        payload: new.payload,
        idempotency_key: new.idempotency_key,
        max_attempts,
        priority,
        run_at_ms,
    })
}

fn is_kind(text: &str) -> bool {
    let is_kind_char = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(is_kind_char)
}

fn state(state: wire::JobState) -> State {
    match state {
        wire::JobState::Ready => State::Ready,
        wire::JobState::Running => State::Running,
        wire::JobState::Done => State::Done,
        wire::JobState::Dead => State::Dead,
        wire::JobState::Cancelled => State::Cancelled,
    }
}

fn shown(job: Job) -> wire::Job {
    let seconds = |ms: i64| ms.div_euclid(1000);
    wire::Job {
        id: job.id,
        tenant: job.tenant,
        created_by: job.requester.user,
        kind: job.kind,
        owner: job.owner,
        state: match job.state {
            State::Ready => wire::JobState::Ready,
            State::Running => wire::JobState::Running,
            State::Done => wire::JobState::Done,
            State::Dead => wire::JobState::Dead,
            State::Cancelled => wire::JobState::Cancelled,
        },
        payload: job.payload,
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        priority: job.priority,
        progress: wire::Progress { done: job.progress.done, total: job.progress.total, note: job.progress.note },
        cancel_requested: job.cancel_requested,
        error: job.error.map(|failed| wire::JobError { code: failed.code, message: failed.message }),
        result: job.result,
        created_at: seconds(job.created_at_ms),
        run_at: seconds(job.run_at_ms),
        started_at: job.started_at_ms.map(seconds),
        finished_at: job.finished_at_ms.map(seconds),
    }
}
