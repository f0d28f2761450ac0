//! What workers do with jobs: claim, hold, give back.
//!
//! Every write names the lease's token and changes nothing when another claim came after it.

use std::time::Duration;

use sea_orm::{DbBackend, Value};
use septet_database::{Columns, Sql, stored};
use septet_kernel::{JobId, TenantId};

use crate::row::{COLUMNS, job};
use crate::{Error, Failed, Job, Progress, Queue, State};

/// A held job. Not cloned, so that a job has one holder.
#[derive(Debug)]
pub struct Lease {
    /// The job as it was when it was claimed.
    pub job: Job,
    token: i64,
}

/// What a worker learns when it says that it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct LeaseStatus {
    /// Somebody asked the job to stop.
    pub cancel_requested: bool,
}

impl Queue {
    /// Takes the next job for `worker` and holds it for `lease`; nothing when no job is due.
    ///
    /// Leases that ran out are settled first, so their jobs may be the next.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn claim(&self, worker: &str, lease: Duration) -> Result<Option<Lease>, Error> {
        self.claim_of_some(worker, lease, |_anybody| true).await
    }

    /// As [`Queue::claim`], among the jobs of tenants that `may` have one more.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn claim_of_some(
        &self,
        worker: &str,
        lease: Duration,
        may: impl Fn(TenantId) -> bool,
    ) -> Result<Option<Lease>, Error> {
        self.recover_expired().await?;
        for tenant in self.turns().await? {
            if !tenant.parse().is_ok_and(&may) {
                continue;
            }
            // Another worker may have been faster with this tenant; the next one may still have something.
            if let Some(lease) = self.claim_of(&tenant, worker, lease).await? {
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    /// The tenants with due jobs, whose turn it is first.
    ///
    /// The tenants are found by a skip scan over the index, one step per tenant, so a tenant with a hundred thousand
    /// jobs costs as much as one with a single job.
    async fn turns(&self) -> Result<Vec<String>, Error> {
        let sql = "WITH RECURSIVE waiting(tenant) AS ( \
                     SELECT MIN(tenant) FROM worker_jobs WHERE state = 'ready' \
                     UNION ALL \
                     SELECT (SELECT MIN(j.tenant) FROM worker_jobs j WHERE j.state = 'ready' AND j.tenant > w.tenant) \
                     FROM waiting w WHERE w.tenant IS NOT NULL), \
                   turns AS ( \
                     SELECT w.tenant AS tenant, \
                       (SELECT COUNT(*) FROM worker_jobs r WHERE r.state = 'running' AND r.tenant = w.tenant) AS n_running, \
                       COALESCE((SELECT MAX(s.started_at) FROM worker_jobs s WHERE s.tenant = w.tenant), 0) AS served_at \
                     FROM waiting w WHERE w.tenant IS NOT NULL AND EXISTS ( \
                       SELECT 1 FROM worker_jobs d WHERE d.state = 'ready' AND d.tenant = w.tenant AND d.run_at <= $1)) \
                   SELECT tenant FROM turns ORDER BY n_running, served_at, tenant LIMIT 32";
        let rows =
            self.reader().all(sql, vec![self.clock.now_ms().into()]).await.map_err(Error::doing("find due jobs"))?;
        rows.iter().map(|row| row.column("tenant").map_err(Error::doing("read a job row"))).collect()
    }

    async fn claim_of(&self, tenant: &str, worker: &str, lease: Duration) -> Result<Option<Lease>, Error> {
        let now = self.clock.now_ms();
        // On PostgreSQL a row that another worker is claiming is skipped; SQLite has one writer at a time anyway.
        let skip_locked = match self.writer().get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _one_writer => "",
        };
        let sql = format!(
            "UPDATE worker_jobs SET state = 'running', attempt = attempt + 1, lease_token = lease_token + 1, \
             lease_until = $1, worker = $2, started_at = $3 \
             WHERE state = 'ready' AND id = (SELECT id FROM worker_jobs WHERE state = 'ready' AND tenant = $4 \
             AND run_at <= $3 ORDER BY priority DESC, run_at, id LIMIT 1 {skip_locked}) RETURNING {COLUMNS}"
        );
        let values = vec![(now + ms(lease)).into(), worker.into(), now.into(), tenant.into()];
        let row = self.writer().one(sql, values).await.map_err(Error::doing("claim a job"))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Lease { job: job(&row)?, token: row.column("lease_token").map_err(Error::doing("read a job row"))? }))
    }

    /// Says that the worker is still there, for another `lease`.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn renew(&self, lease: &Lease, by: Duration) -> Result<LeaseStatus, Error> {
        let until = self.clock.now_ms() + ms(by);
        self.held(lease, "lease_until = $3", vec![until.into()], "renew a lease").await.map(status)
    }

    /// Stores how far the job is.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn progress(&self, lease: &Lease, progress: &Progress) -> Result<LeaseStatus, Error> {
        let values = vec![stored(progress.done).into(), stored(progress.total).into(), progress.note.clone().into()];
        let set = "progress_done = $3, progress_total = $4, progress_note = $5, n_deferrals = 0";
        self.held(lease, set, values, "store progress").await.map(status)
    }

    /// The job is done. A request to stop that came too late is forgotten.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn complete(&self, lease: Lease, result: &serde_json::Value) -> Result<Job, Error> {
        let set = "state = 'done', result = $3, finished_at = $4, lease_until = NULL, worker = NULL, \
                   error_code = NULL, error_message = NULL, cancel_requested = 0";
        let values = vec![result.to_string().into(), self.clock.now_ms().into()];
        self.held(&lease, set, values, "complete a job").await
    }

    /// The attempt failed. With `retry` and attempts left the job waits out its back-off; otherwise it is dead. One
    /// that was asked to stop is cancelled.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn fail(&self, lease: Lease, failed: &Failed, retry: bool) -> Result<Job, Error> {
        let set = format!("{SETTLED}, error_code = $6, error_message = $7");
        let wait = self.backoff.delay(lease.job.attempt, rand::random::<f64>());
        let now = self.clock.now_ms();
        let values: Vec<Value> = vec![
            now.into(),
            (now + ms(wait)).into(),
            i64::from(retry).into(),
            failed.code.clone().into(),
            failed.message.clone().into(),
        ];
        let job = self.held(&lease, &set, values, "fail a job").await?;
        if job.state == State::Ready {
            self.wake();
        }
        Ok(job)
    }

    /// The owner could not be reached, so nothing was tried: the job waits and the attempt does not count.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn defer(&self, lease: Lease, failed: &Failed) -> Result<Job, Error> {
        let wait = self.backoff.delay(lease.job.n_deferrals.saturating_add(1), rand::random::<f64>());
        let set = format!("{GIVEN_BACK}, n_deferrals = n_deferrals + 1, error_code = $5, error_message = $6");
        let now = self.clock.now_ms();
        let values =
            vec![now.into(), (now + ms(wait)).into(), failed.code.clone().into(), failed.message.clone().into()];
        self.held(&lease, &set, values, "put a job off").await
    }

    /// The worker stops: the job is ready for any other at once, and the attempt does not count.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn release(&self, lease: Lease) -> Result<Job, Error> {
        let now = self.clock.now_ms();
        let job = self.held(&lease, GIVEN_BACK, vec![now.into(), now.into()], "release a job").await?;
        self.wake();
        Ok(job)
    }

    /// The worker stopped the job because somebody asked for it.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; [`Error::Database`].
    pub async fn stopped(&self, lease: Lease) -> Result<Job, Error> {
        let set = "state = 'cancelled', cancel_requested = 1, finished_at = $3, lease_until = NULL, worker = NULL";
        self.held(&lease, set, vec![self.clock.now_ms().into()], "stop a job").await
    }

    /// Gives back at once what a worker held that is known to be gone; returns how many jobs. Their attempts count.
    ///
    /// Only call it with proof that the process is dead: what it still does would be done twice.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn recover_lost(&self, worker: &str) -> Result<u64, Error> {
        let n = self.settle_lost("worker = $4", worker.into()).await?;
        if n > 0 {
            self.wake();
        }
        Ok(n)
    }

    async fn recover_expired(&self) -> Result<(), Error> {
        let now = self.clock.now_ms();
        // Looked at first, for an update takes SQLite's only writer even when it changes nothing.
        let sql = "SELECT 1 AS one FROM worker_jobs WHERE state = 'running' AND lease_until <= $1 LIMIT 1";
        let expired =
            self.reader().one(sql, vec![now.into()]).await.map_err(Error::doing("look for leases that ran out"))?;
        if expired.is_some() {
            let n = self.settle_lost("lease_until <= $4", now.into()).await?;
            tracing::warn!(n_jobs = n, "leases ran out, their jobs are ready again");
        }
        Ok(())
    }

    async fn settle_lost(&self, which: &str, value: Value) -> Result<u64, Error> {
        let sql = format!(
            "UPDATE worker_jobs SET \
             state = CASE WHEN cancel_requested = 1 THEN 'cancelled' WHEN attempt >= max_attempts THEN 'dead' ELSE 'ready' END, \
             finished_at = CASE WHEN cancel_requested = 1 OR attempt >= max_attempts THEN $1 ELSE finished_at END, \
             run_at = $1, lease_until = NULL, worker = NULL, error_code = $2, error_message = $3 \
             WHERE state = 'running' AND {which}"
        );
        let values = vec![
            self.clock.now_ms().into(),
            "worker_lost".into(),
            "the worker disappeared while it worked on this".into(),
            value,
        ];
        let done = self.writer().run(sql, values).await.map_err(Error::doing("settle leases that ran out"))?;
        Ok(done)
    }

    /// Writes under the lease; `set` may use `$3` and up.
    async fn held(&self, lease: &Lease, set: &str, more: Vec<Value>, doing: &'static str) -> Result<Job, Error> {
        let id: JobId = lease.job.id;
        let sql = format!(
            "UPDATE worker_jobs SET {set} WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING {COLUMNS}"
        );
        let mut values: Vec<Value> = vec![id.to_string().into(), lease.token.into()];
        values.extend(more);
        self.change(sql, values, doing).await?.ok_or(Error::LeaseLost(id))
    }
}

/// After a failure; `$3` now, `$4` the next attempt, `$5` whether one makes sense.
const SETTLED: &str = "state = CASE WHEN cancel_requested = 1 THEN 'cancelled' \
     WHEN $5 = 0 OR attempt >= max_attempts THEN 'dead' ELSE 'ready' END, \
     finished_at = CASE WHEN cancel_requested = 1 OR $5 = 0 OR attempt >= max_attempts THEN $3 ELSE finished_at END, \
     run_at = $4, n_deferrals = 0, lease_until = NULL, worker = NULL";

/// Back without a failure; `$3` now, `$4` the next attempt.
const GIVEN_BACK: &str = "state = CASE WHEN cancel_requested = 1 THEN 'cancelled' ELSE 'ready' END, \
     finished_at = CASE WHEN cancel_requested = 1 THEN $3 ELSE finished_at END, \
     run_at = $4, attempt = attempt - 1, lease_until = NULL, worker = NULL";

impl Lease {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// The job's tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.job.tenant
    }
}

fn status(job: Job) -> LeaseStatus {
    LeaseStatus { cancel_requested: job.cancel_requested }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
