//! One attempt at one job: call the owner, listen, and settle what came of it.
//!
//! The lease is renewed by a task of its own, so that nothing the attempt does can let it run out. The attempt ends
//! early when somebody cancels the job, when the lease is lost (then nothing more is written), and at shutdown or when the
//! rights of whoever asked for it changed (then the job goes back, and the attempt does not count). Ending early drops the call, which is how the owner learns it.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::StreamExt;
use septet_contracts::call::CallError;
use septet_contracts::jobs::{JobEvent, Owner, RunJob};
use septet_kernel::{JobId, Kind, Role, causes};
use septet_queue::{Error as QueueError, Failed, Lease, Progress, State};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::metrics;
use crate::rights::NoRights;
use crate::worker::Worker;

/// Owners report every page; a person sees three changes a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(300);
/// Then the job is put off; while it runs a question may not hold up the next renewal either.
const RIGHTS_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer ones are cut: they are for a person, and land in a list.
const MAX_MESSAGE_CHARS: usize = 2000;
const MAX_NOTE_CHARS: usize = 200;

/// What came of an attempt.
enum Outcome {
    Done(serde_json::Value),
    Failed {
        failed: Failed,
        retry: bool,
    },
    /// Nothing was tried: the owner is not there.
    Unreachable(Failed),
    Cancelled,
    Lost,
    Released,
}

/// Why the keeper of the lease wants the attempt to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Cancelled,
    Lost,
    RightsChanged,
}

impl Worker {
    /// Runs a held job to the end of this attempt.
    pub(crate) async fn run(self, lease: Lease, cancellations: broadcast::Receiver<JobId>) {
        let id = lease.id();
        let attempt = lease.job.attempt;
        metrics::started(self.clock.now_ms() - lease.job.run_at_ms);
        debug!(job.id = %id, job.kind = %lease.job.kind, job.attempt = attempt, "job started");

        let lease = Arc::new(lease);
        let (stop, stopped) = watch::channel(None);
        let granted = Arc::new(OnceLock::new());
        let keeping = self.clone().keep(Arc::clone(&lease), Arc::clone(&granted), stop);
        let keeper = self.lifecycle.spawn("keep a lease", keeping);
        let stopping = self.lifecycle.stopping();
        let outcome = tokio::select! {
            // In this order: what already happened counts, and a lost lease before everything that would write.
            biased;
            stop = told(stopped) => match stop {
                Stop::Cancelled => Outcome::Cancelled,
                Stop::Lost => Outcome::Lost,
                Stop::RightsChanged => Outcome::Released,
            },
            outcome = self.attempt(&lease, &granted) => outcome,
            () = heard(cancellations, id) => Outcome::Cancelled,
            () = stopping.cancelled() => Outcome::Released,
        };
        keeper.abort();
        // Aborting an ended task is no error, and an aborted one has let go of the lease.
        let _ended = keeper.await;
        match Arc::into_inner(lease) {
            Some(lease) => self.settle(lease, outcome).await,
            None => warn!(job.id = %id, "the lease is still in use; it will end by time"),
        }
    }

    /// Renews the lease every third of its time, until it is aborted or the lease is gone. Each time it looks whether
    /// whoever asked for the job may still do what the attempt does in their name.
    async fn keep(self, lease: Arc<Lease>, granted: Arc<OnceLock<Role>>, stop: watch::Sender<Option<Stop>>) {
        let held_for = self.config.lease();
        let mut held_since = Instant::now();
        loop {
            sleep(held_for / 3).await;
            match self.queue.renew(&lease, held_for).await {
                Ok(hold) if hold.cancel_requested => {
                    stop.send_replace(Some(Stop::Cancelled));
                    held_since = Instant::now();
                }
                Ok(_held) => {
                    held_since = Instant::now();
                    if let Some(role) = granted.get()
                        && self.have_changed(&lease, *role).await
                    {
                        stop.send_replace(Some(Stop::RightsChanged));
                    }
                }
                Err(QueueError::LeaseLost(_)) => {
                    stop.send_replace(Some(Stop::Lost));
                    return;
                }
                // The database may come back in time. If not, somebody else may have the job by then.
                Err(error) => {
                    warn!(job.id = %lease.id(), error.detail = %causes(&error), "the lease could not be renewed");
                    if held_since.elapsed() >= held_for {
                        stop.send_replace(Some(Stop::Lost));
                        return;
                    }
                }
            }
        }
    }

    /// Whether whoever asked for the job may do something else now than `role`. Rights that cannot be asked about hold on:
    /// they were good a moment ago.
    async fn have_changed(&self, lease: &Lease, role: Role) -> bool {
        match self.rights.now(&lease.job, RIGHTS_TIMEOUT.min(self.config.lease() / 3)).await {
            Ok(now) => now.role != role,
            Err(NoRights::Lost(_)) => true,
            Err(NoRights::Unknown(_)) => false,
        }
    }

    /// Calls the owner with the rights that hold now, and listens until it is done.
    async fn attempt(&self, lease: &Lease, granted: &OnceLock<Role>) -> Outcome {
        let job = &lease.job;
        let caller = match self.rights.now(job, RIGHTS_TIMEOUT).await {
            Ok(caller) => caller,
            Err(NoRights::Lost(failed)) => return Outcome::Failed { failed, retry: false },
            Err(NoRights::Unknown(failed)) => return Outcome::Unreachable(failed),
        };
        let role = *granted.get_or_init(|| caller.role);
        debug!(job.id = %job.id, job.role = role.as_str(), "job runs with these rights");
        let owner = Owner::new(job.owner, self.directory.transport(job.owner));
        let request = RunJob {
            job: job.id,
            kind: job.kind.clone(),
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            payload: job.payload.clone(),
        };
        let events = match timeout(self.config.silence(), owner.run(&caller, &request)).await {
            Ok(Ok(events)) => events,
            Ok(Err(error)) if error.code == "service_down" => return Outcome::Unreachable(failed(&error)),
            Ok(Err(error)) => return refused(&error),
            Err(_elapsed) => return self.silent(),
        };
        let mut events = pin!(events);
        let mut reported = Reported::new(&job.progress);
        loop {
            let next = tokio::select! {
                biased;
                next = timeout(self.config.silence(), events.next()) => next,
                () = reported.due() => {
                    self.report(lease, &mut reported).await;
                    continue;
                }
            };
            match next {
                Ok(Some(Ok(JobEvent::Progress { done, total, note }))) => {
                    reported.latest = Progress { done, total, note: cut(note, MAX_NOTE_CHARS) };
                }
                Ok(Some(Ok(JobEvent::Done { result }))) => {
                    self.report(lease, &mut reported).await;
                    return Outcome::Done(result);
                }
                Ok(Some(Ok(JobEvent::Failed { message, code, retry }))) => {
                    self.report(lease, &mut reported).await;
                    let code = if code.is_empty() { "failed".to_owned() } else { cut(code, 64) };
                    return Outcome::Failed {
                        failed: Failed { code, message: cut(message, MAX_MESSAGE_CHARS) },
                        retry,
                    };
                }
                Ok(Some(Ok(JobEvent::Unknown))) => {}
                Ok(Some(Err(error))) => return refused(&error),
                Ok(None) => {
                    let message = format!("{} stopped in the middle", job.owner);
                    return Outcome::Failed { failed: Failed { code: "broken_off".to_owned(), message }, retry: true };
                }
                Err(_elapsed) => return self.silent(),
            }
        }
    }

    /// Stores progress that is not stored yet. A lost lease is the keeper's to notice.
    async fn report(&self, lease: &Lease, reported: &mut Reported) {
        if reported.latest == reported.stored {
            return;
        }
        if let Err(error) = self.queue.progress(lease, &reported.latest).await.map(|_hold| ()) {
            debug!(job.id = %lease.id(), error.detail = %causes(&error), "progress could not be stored");
        }
        reported.stored = reported.latest.clone();
        reported.stored_at = Some(Instant::now());
    }

    fn silent(&self) -> Outcome {
        let message = format!("the owner said nothing for {} s", self.config.silence_s);
        Outcome::Failed { failed: Failed { code: "silent".to_owned(), message }, retry: true }
    }

    async fn settle(&self, lease: Lease, outcome: Outcome) {
        let (id, kind, attempt) = (lease.id(), lease.job.kind.clone(), lease.job.attempt);
        let (label, settled) = match outcome {
            Outcome::Done(result) => ("done", self.queue.complete(lease, &result).await),
            Outcome::Failed { failed, retry } => ("failed", self.queue.fail(lease, &failed, retry).await),
            Outcome::Unreachable(failed) => ("unreachable", self.queue.defer(lease, &failed).await),
            Outcome::Cancelled => ("cancelled", self.queue.stopped(lease).await),
            Outcome::Released => ("released", self.queue.release(lease).await),
            Outcome::Lost => ("lost", Err(QueueError::LeaseLost(id))),
        };
        metrics::ended(label);
        match settled {
            Ok(job) => {
                let code = job.error.as_ref().map_or("", |failed| failed.code.as_str());
                info!(
                    job.id = %id, job.kind = %kind, job.attempt = attempt, job.outcome = label,
                    job.state = job.state.as_str(), error.code = code, "job attempt ended"
                );
                if matches!(job.state, State::Dead | State::Cancelled) {
                    self.notices.tell(&job).await;
                }
            }
            Err(QueueError::LeaseLost(_)) => {
                warn!(job.id = %id, job.kind = %kind, job.attempt = attempt, "the lease was lost, another worker has the job");
            }
            Err(error) => {
                warn!(job.id = %id, error.detail = %causes(&error), "the end of an attempt could not be stored; the job runs again");
            }
        }
    }
}

/// Progress on its way to the table.
struct Reported {
    latest: Progress,
    stored: Progress,
    stored_at: Option<Instant>,
}

impl Reported {
    fn new(progress: &Progress) -> Self {
        Self { latest: progress.clone(), stored: progress.clone(), stored_at: None }
    }

    /// Returns when there is something to store and it is time; never while there is nothing.
    async fn due(&self) {
        if self.latest == self.stored {
            std::future::pending::<()>().await;
        }
        if let Some(stored_at) = self.stored_at {
            sleep_until(stored_at + PROGRESS_EVERY).await;
        }
    }
}

/// Returns when the keeper wants the attempt to end.
async fn told(mut stopped: watch::Receiver<Option<Stop>>) -> Stop {
    loop {
        if let Some(stop) = *stopped.borrow_and_update() {
            return stop;
        }
        if stopped.changed().await.is_err() {
            // The keeper was aborted at shutdown, which has its own way to end the attempt.
            std::future::pending::<()>().await;
        }
    }
}

/// Returns when somebody in this process cancels this job.
async fn heard(mut cancellations: broadcast::Receiver<JobId>, id: JobId) {
    loop {
        match cancellations.recv().await {
            Ok(cancelled) if cancelled == id => return,
            // What is missed here is noticed at the next renewal.
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}

fn failed(error: &CallError) -> Failed {
    Failed { code: cut(error.code.clone(), 64), message: cut(error.detail.clone(), MAX_MESSAGE_CHARS) }
}

/// A refusal by the owner, or a stream that broke.
fn refused(error: &CallError) -> Outcome {
    let retry = match error.kind {
        Kind::Exhausted | Kind::Unavailable | Kind::Timeout | Kind::Internal => true,
        Kind::BadRequest
        | Kind::Unauthenticated
        | Kind::PaymentRequired
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::Unprocessable
        | Kind::TooLarge => false,
    };
    Outcome::Failed { failed: failed(error), retry }
}

/// Text of an owner as it may be stored: not endless, and without the one character that PostgreSQL refuses.
fn cut(text: String, max_chars: usize) -> String {
    let is_fine = text.len() <= max_chars && !text.contains('\0');
    if is_fine { text } else { text.chars().filter(|c| *c != '\0').take(max_chars).collect() }
}
