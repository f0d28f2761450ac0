//! The job table: work that outlives the request that asked for it.
//!
//! ```text
//!              enqueue                claim                     complete
//!   (nothing) ─────────► ready ─────────────────► running ─────────────────► done
//!                          ▲   ◄───────────────── │  │  │
//!                          │    fail (back-off),  │  │  └── fail, out of attempts ──► dead
//!                          │    release, defer,   │  └── stopped on request ──► cancelled
//!                          │    lease ran out     │
//!                          └────── retry ─────────┴── (from dead and cancelled)
//! ```
//!
//! A job is *held* by a lease: a moment until which its worker need not say anything, and a token that grows with
//! every claim. Every write of a worker names the token, so that a worker which was believed dead and comes back
//! changes nothing. When a lease runs out the job is ready again; there is no sweeper, the next claim does it.
//!
//! One set of statements serves SQLite and PostgreSQL; they differ in one clause (`FOR UPDATE SKIP LOCKED`).
//!
//! **Fairness:** a free slot goes to the tenant with the fewest running jobs, among those to the one that waited
//! longest; priority orders the jobs of one tenant and never overtakes another tenant.
//!
//! The queue knows no HTTP and runs nothing. It delivers *at least once*: the owner of a job recognises a second
//! delivery by the job's id.

mod backoff;
mod edit;
mod error;
mod job;
mod lease;
mod migration;
mod row;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use septet_database::Database;
use septet_kernel::{Clock, Ids, JobId};
use tokio::sync::{Notify, broadcast};

pub use backoff::Backoff;
pub use error::Error;
pub use job::{Failed, Filter, Job, NewJob, Progress, Requester, State, Stats};
pub use lease::{Lease, LeaseStatus};

/// The job table. Cheap to clone; clones share their wake-ups.
#[derive(Clone)]
pub struct Queue {
    database: Database,
    clock: Clock,
    ids: Ids,
    backoff: Backoff,
    /// Somebody made a job ready in this process.
    woken: Arc<Notify>,
    /// Somebody asked a running job to stop in this process. Others notice when they renew their lease.
    cancelled: broadcast::Sender<JobId>,
}

impl Queue {
    /// Opens the table, creating or growing it when needed.
    ///
    /// # Errors
    /// [`Error::Database`] when the database does not let us.
    pub async fn open(database: Database, clock: Clock, ids: Ids) -> Result<Self, Error> {
        database.migrate(&migration::MIGRATIONS).await.map_err(Error::migrate)?;
        Ok(Self {
            database,
            clock,
            ids,
            backoff: Backoff::default(),
            woken: Arc::new(Notify::new()),
            cancelled: broadcast::channel(256).0,
        })
    }

    /// The same queue with another back-off between attempts.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Returns when a job may have become ready in this process. A wake-up that nobody waited for is kept for the
    /// next one who waits. Jobs of other processes, and jobs whose time comes, give none: poll as well.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Wakes one waiter of [`Queue::woken`].
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// The running jobs that somebody in this process asks to stop, from now on.
    #[must_use]
    pub fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.cancelled.subscribe()
    }

    fn reader(&self) -> &DatabaseConnection {
        self.database.reader()
    }

    fn writer(&self) -> &DatabaseConnection {
        self.database.writer()
    }
}
