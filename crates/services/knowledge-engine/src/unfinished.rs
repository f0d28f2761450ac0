//! Keeps the state of files and the state of their jobs together.
//!
//! A job may end without this service: its worker is killed time and again, a person stops it, this service was away
//! when it died. The worker says so at once ([`Engine::moved`]); what nobody said is found by asking for the job of each
//! unfinished file now and then, which also makes the job that a crash left out.

use std::time::Duration;

use septet_contracts::jobs::{JobState, MovedJob};
use septet_contracts::knowledge::IngestPayload;
use septet_kernel::{Caller, Failure as _, Kind, Role, causes};

use crate::Error;
use crate::engine::Engine;
use crate::store::{Key, Status};

/// Files that are asked about in one pass.
const FILES_AT_ONCE: u32 = 200;
/// Between two passes, once all were asked about after the start.
const PASS_INTERVAL: Duration = Duration::from_secs(15);
/// A file that was added less than this ago is left out: the request that added it is still asking for its job, with the
/// rights of the person.
const MIN_AGE: Duration = Duration::from_secs(15);

/// Lets the index catch up and then looks after unfinished files until it is dropped. The async worker may start later
/// than this service, so nothing here gives up.
pub(crate) async fn look_after(engine: &Engine) {
    if let Err(error) = engine.follow_all().await {
        tracing::warn!(error.detail = %causes(&error), "the search index could not catch up, the next search tries again");
    }
    let mut after = None;
    let mut has_seen_all = false;
    let mut pause = Duration::ZERO;
    loop {
        let asked = ask(engine, after).await;
        if let Ok((last, _)) = &asked {
            after = *last;
            has_seen_all |= last.is_none();
        }
        pause = match asked {
            Ok((_, None)) if has_seen_all => PASS_INTERVAL,
            Ok((_, None)) => Duration::ZERO,
            Ok((_, Some(error))) | Err(error) => {
                tracing::warn!(error.detail = %causes(&error), "unfinished files could not be asked about yet");
                (pause * 2).clamp(Duration::from_secs(1), PASS_INTERVAL)
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Asks about the next files; the last of them, `None` when there are no more. One that fails does not hold up the
/// others: the last failure comes back beside.
async fn ask(engine: &Engine, after: Option<Key>) -> Result<(Option<Key>, Option<Error>), Error> {
    let documents = engine.store.unfinished(after, MIN_AGE, FILES_AT_ONCE).await?;
    let mut failure = None;
    for document in &documents {
        // A file that nobody's job reads: the service asks, with no more rights than reading it takes.
        let caller = Caller { role: Role::Member, ..Caller::background(document.tenant, engine.ids.next()) };
        match engine.enqueue(&caller, document.key).await {
            Ok(()) => {}
            // Nobody can be asked about the others either.
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Timeout) => return Err(error),
            Err(error) => failure = Some(error),
        }
    }
    let is_full = documents.len() == FILES_AT_ONCE as usize;
    Ok((documents.last().filter(|_| is_full).map(|document| document.key), failure))
}

impl Engine {
    /// A job changed its state: its file follows, to the state that the job has now, because the message may be late. A
    /// job that another one replaced changes nothing.
    pub(crate) async fn moved(&self, caller: &Caller, moved: &MovedJob, payload: IngestPayload) -> Result<(), Error> {
        let document = match self.store.of(caller.tenant).document(payload.vector_store, payload.file).await {
            Ok(document) => document,
            Err(Error::NotAttached { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        match document.status {
            Status::Completed => Ok(()),
            Status::InProgress => self.enqueue(caller, document.key).await,
            Status::Failed | Status::Cancelled => match moved.state {
                JobState::Ready => {
                    let job = self.job(caller, document.key).await?;
                    let waits = job.id == moved.job && job.state == JobState::Ready;
                    if waits { self.store.reopen(document.key).await } else { Ok(()) }
                }
                JobState::Running | JobState::Done | JobState::Dead | JobState::Cancelled => Ok(()),
            },
        }
    }
}
