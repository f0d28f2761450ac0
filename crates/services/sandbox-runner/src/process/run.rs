//! One run of a session: what happens to the worker before and after it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;

use super::link::Busy;
use super::worker::Worker;
use super::workers::Workers;
use crate::driver::{self, Ended, Error, RunSpec, Said, Signals};

/// The interpreter that a session keeps between runs.
pub(super) type Kept = Arc<Mutex<Option<Worker>>>;

pub(super) struct Entered {
    pub(super) workers: Workers,
    pub(super) worker: Worker,
    /// Where the worker goes after the run, if it is to be kept.
    pub(super) home: Option<Kept>,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) busy: Busy,
}

#[async_trait]
impl driver::Entered for Entered {
    fn is_fresh(&self) -> bool {
        self.worker.is_fresh()
    }

    async fn run(
        self: Box<Self>,
        spec: &RunSpec,
        signals: &Signals,
        say: &mut (dyn FnMut(Said) + Send),
    ) -> Result<Ended, Error> {
        let Self { workers, mut worker, home, permit, busy } = *self;
        let ended = worker.run(spec, home.is_some(), signals, say).await;
        match home {
            Some(home) if ended.as_ref().is_ok_and(|ended| ended.is_kept) => {
                *home.lock().unwrap_or_else(PoisonError::into_inner) = Some(worker);
            }
            // Its end takes longer than the answer should.
            _ => workers.retire(worker, busy),
        }
        drop(permit);
        ended
    }
}
