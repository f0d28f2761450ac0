//! Tells the owner of a job that it ended, or begins anew, without the owner.
//!
//! What a job stands for (a file that is being read) has a state of its own, and people look at that one. The owner hears
//! at once what became of its job; one that cannot be reached asks for its job later and finds the state there.

use std::time::Duration;

use septet_chassis::Directory;
use septet_contracts::jobs::{JobError, JobState, MovedJob, Owner};
use septet_kernel::{Ids, causes};
use septet_queue::{Job, State};

use crate::rights;

const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the owners. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Notices {
    directory: Directory,
    ids: Ids,
}

impl Notices {
    pub(crate) fn new(directory: Directory, ids: Ids) -> Self {
        Self { directory, ids }
    }

    /// Tells the owner where its job is now. Says nothing about a job that runs or is done: that the owner knows.
    pub(crate) async fn tell(&self, job: &Job) {
        let state = match job.state {
            State::Ready => JobState::Ready,
            State::Dead => JobState::Dead,
            State::Cancelled => JobState::Cancelled,
            State::Running | State::Done => return,
        };
        let moved = MovedJob {
            job: job.id,
            kind: job.kind.clone(),
            payload: job.payload.clone(),
            state,
            error: job
                .error
                .as_ref()
                .map(|failed| JobError { code: failed.code.clone(), message: failed.message.clone() }),
        };
        let owner = Owner::new(job.owner, self.directory.transport(job.owner));
        let caller = rights::kept(job, &self.ids);
        match tokio::time::timeout(NOTICE_TIMEOUT, owner.moved(&caller, &moved)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(job.id = %job.id, error.detail = %causes(&error), "the owner did not hear what became of its job");
            }
            Err(_elapsed) => {
                tracing::debug!(job.id = %job.id, "the owner took too long to hear what became of its job")
            }
        }
    }
}
