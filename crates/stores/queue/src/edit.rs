//! What people and services do with jobs: make, look, cancel, retry. Always within one tenant.

use sea_orm::{DatabaseConnection, Value};
use septet_database::{Columns, Sql};
use septet_kernel::{JobId, TenantId};

use crate::row::{COLUMNS, job};
use crate::{Error, Filter, Job, NewJob, Queue, State, Stats};

impl Queue {
    /// Makes a job, ready at once or at its time.
    ///
    /// With an idempotency key that was used before in this tenant for this kind, the job that is there already
    /// comes back, wherever it is in its life, with the rights of whoever asked first.
    ///
    /// # Errors
    /// [`Error::KeyReused`] when that job has another payload; [`Error::Database`].
    pub async fn enqueue(&self, tenant: TenantId, new: NewJob) -> Result<Job, Error> {
        // Owners ask for the same jobs time and again; one that is there costs no write.
        if new.idempotency_key.is_some()
            && let Some(earlier) = self.by_key(self.reader(), tenant, &new).await?
        {
            return same(earlier, &new);
        }
        let id: JobId = self.ids.next();
        let now = self.clock.now_ms();
        let payload = new.payload.to_string();
        let values: Vec<Value> = vec![
            id.to_string().into(),
            tenant.to_string().into(),
            new.requester.user.map(|user| user.to_string()).into(),
            new.kind.clone().into(),
            new.owner.as_str().into(),
            payload.into(),
            i64::from(new.priority).into(),
            new.run_at_ms.unwrap_or(now).into(),
            i64::from(new.max_attempts.max(1)).into(),
            new.idempotency_key.clone().into(),
            now.into(),
            new.requester.role.as_str().into(),
            new.requester.key.map(|key| key.to_string()).into(),
        ];
        let sql = format!(
            "INSERT INTO worker_jobs (id, tenant, created_by, kind, owner, payload, state, priority, run_at, attempt, \
             max_attempts, n_deferrals, lease_token, progress_done, progress_total, progress_note, cancel_requested, \
             idempotency_key, created_at, created_role, created_key) \
             VALUES ($1, $2, $3, $4, $5, $6, 'ready', $7, $8, 0, $9, 0, 0, 0, 0, '', 0, $10, $11, $12, $13) \
             ON CONFLICT (tenant, kind, idempotency_key) DO NOTHING RETURNING {COLUMNS}"
        );
        let inserted = self.writer().one(sql, values).await.map_err(Error::doing("enqueue a job"))?;
        if let Some(row) = inserted {
            self.wake();
            return job(&row);
        }
        // Asked of the writer: a reader may not see yet what just stood in the way.
        let earlier = self.by_key(self.writer(), tenant, &new).await?;
        // Only a purge in this very moment takes the row away between the two statements.
        let gone = || sea_orm::DbErr::RecordNotFound("the earlier job".to_owned());
        same(earlier.ok_or_else(gone).map_err(Error::doing("look up an idempotency key"))?, &new)
    }

    async fn by_key(&self, on: &DatabaseConnection, tenant: TenantId, new: &NewJob) -> Result<Option<Job>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM worker_jobs WHERE tenant = $1 AND kind = $2 AND idempotency_key = $3");
        let values = vec![tenant.to_string().into(), new.kind.clone().into(), new.idempotency_key.clone().into()];
        let row = on.one(sql, values).await.map_err(Error::doing("look up an idempotency key"))?;
        row.as_ref().map(job).transpose()
    }

    /// One job.
    ///
    /// # Errors
    /// [`Error::NoJob`] when there is none in this tenant; [`Error::Database`].
    pub async fn get(&self, tenant: TenantId, id: JobId) -> Result<Job, Error> {
        let sql = format!("SELECT {COLUMNS} FROM worker_jobs WHERE tenant = $1 AND id = $2");
        let values = vec![tenant.to_string().into(), id.to_string().into()];
        let row = self.reader().one(sql, values).await.map_err(Error::doing("read a job"))?;
        job(&row.ok_or(Error::NoJob(id))?)
    }

    /// The jobs of a tenant, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn list(&self, tenant: TenantId, filter: &Filter) -> Result<Vec<Job>, Error> {
        let mut sql = format!("SELECT {COLUMNS} FROM worker_jobs WHERE tenant = $1");
        let mut values: Vec<Value> = vec![tenant.to_string().into()];
        let conditions = [
            ("state =", filter.state.map(|state| state.as_str().to_owned())),
            ("kind =", filter.kind.clone()),
            ("id <", filter.after.map(|id| id.to_string())),
        ];
        for (condition, value) in conditions {
            let Some(value) = value else { continue };
            values.push(value.into());
            sql.push_str(&format!(" AND {condition} ${}", values.len()));
        }
        sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", filter.limit));
        let rows = self.reader().all(sql, values).await.map_err(Error::doing("list jobs"))?;
        rows.iter().map(job).collect()
    }

    /// Stops a job: one that waits at once, one that runs as soon as its worker notices. Asking twice is no error.
    ///
    /// # Errors
    /// [`Error::NoJob`]; [`Error::Finished`] when it is done or dead; [`Error::Database`].
    pub async fn cancel(&self, tenant: TenantId, id: JobId) -> Result<Job, Error> {
        let sql = format!(
            "UPDATE worker_jobs SET cancel_requested = 1, \
             finished_at = CASE WHEN state = 'ready' THEN $3 ELSE finished_at END, \
             state = CASE WHEN state = 'ready' THEN 'cancelled' ELSE state END \
             WHERE tenant = $1 AND id = $2 AND state IN ('ready', 'running') RETURNING {COLUMNS}"
        );
        let values = vec![tenant.to_string().into(), id.to_string().into(), self.clock.now_ms().into()];
        match self.change(sql, values, "cancel a job").await? {
            Some(changed) => {
                if changed.state == State::Running {
                    // Nobody listening means that no worker runs in this process.
                    let _n_listeners = self.cancelled.send(id);
                }
                Ok(changed)
            }
            None => {
                let there = self.get(tenant, id).await?;
                if there.state == State::Cancelled {
                    Ok(there)
                } else {
                    Err(Error::Finished { job: id, state: there.state, wanted: "cancelled" })
                }
            }
        }
    }

    /// Starts a dead or cancelled job anew, with all its attempts; one that waits for its next attempt does not wait
    /// any longer. It keeps the rights of whoever asked for it, for a retry says nothing about what the job may do.
    ///
    /// # Errors
    /// [`Error::NoJob`]; [`Error::Finished`] when it is done or running; [`Error::Database`].
    pub async fn retry(&self, tenant: TenantId, id: JobId) -> Result<Job, Error> {
        let sql = format!(
            "UPDATE worker_jobs SET attempt = CASE WHEN state = 'ready' THEN attempt ELSE 0 END, state = 'ready', \
             run_at = $3, n_deferrals = 0, cancel_requested = 0, finished_at = NULL \
             WHERE tenant = $1 AND id = $2 AND state IN ('ready', 'dead', 'cancelled') RETURNING {COLUMNS}"
        );
        let values = vec![tenant.to_string().into(), id.to_string().into(), self.clock.now_ms().into()];
        match self.change(sql, values, "retry a job").await? {
            Some(changed) => {
                self.wake();
                Ok(changed)
            }
            None => {
                let there = self.get(tenant, id).await?;
                Err(Error::Finished { job: id, state: there.state, wanted: "retried" })
            }
        }
    }

    /// Forgets jobs that were done or cancelled before `before_ms`, of all tenants; gives back how many. Dead letters
    /// stay until somebody looks at them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn purge(&self, before_ms: i64) -> Result<u64, Error> {
        let sql = "DELETE FROM worker_jobs WHERE state IN ('done', 'cancelled') AND finished_at < $1";
        let done = self.writer().run(sql, vec![before_ms.into()]).await.map_err(Error::doing("purge old jobs"))?;
        Ok(done)
    }

    /// Counts what waits, runs and died, over all tenants.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn stats(&self) -> Result<Stats, Error> {
        let sql = "SELECT state, COUNT(*) AS n, MIN(run_at) AS oldest FROM worker_jobs \
                   WHERE state IN ('ready', 'running', 'dead') GROUP BY state";
        let rows = self.reader().all(sql, Vec::new()).await.map_err(Error::doing("count jobs"))?;
        let unreadable = Error::doing("read a count of jobs");
        let mut stats = Stats::default();
        for row in &rows {
            let n = row.count::<u64>("n").map_err(&unreadable)?;
            match row.column::<String>("state").map_err(&unreadable)?.as_str() {
                "ready" => {
                    stats.n_ready = n;
                    let due_for = self.clock.now_ms() - row.column::<i64>("oldest").map_err(&unreadable)?;
                    stats.oldest_ready_ms = u64::try_from(due_for).unwrap_or(0);
                }
                "running" => stats.n_running = n,
                _dead => stats.n_dead = n,
            }
        }
        Ok(stats)
    }

    /// Runs an `UPDATE ... RETURNING`; nothing when no row fits.
    pub(crate) async fn change(
        &self,
        sql: String,
        values: Vec<Value>,
        doing: &'static str,
    ) -> Result<Option<Job>, Error> {
        let row = self.writer().one(sql, values).await.map_err(Error::doing(doing))?;
        row.as_ref().map(job).transpose()
    }
}

/// The job that a key made earlier, when it is the one that is asked for.
fn same(earlier: Job, new: &NewJob) -> Result<Job, Error> {
    if earlier.payload == new.payload && earlier.owner == new.owner {
        Ok(earlier)
    } else {
        Err(Error::KeyReused(earlier.id))
    }
}
