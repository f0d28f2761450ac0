//! Runs and their journals.
//!
//! Ownership is a lease with an epoch, and the epoch is checked inside every append: a process that lost its run can
//! write nothing more, however late it notices.

use std::collections::BTreeSet;

use sea_orm::{QueryResult, Value};
use septet_database::{Columns, Sql};
use septet_kernel::{Caller, ConversationId, ResponseId, TenantId};

use super::gone::{FORGET_GONE, NOTE_GONE};
use super::{Store, from_json, named_blobs, to_json};
use crate::error::Error;
use crate::run::event::{Event, Recorded};

/// A run's row.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) id: ResponseId,
    pub(crate) conversation: ConversationId,
    pub(crate) caller: Caller,
    pub(crate) status: String,
    pub(crate) epoch: i64,
    pub(crate) n_recoveries: i64,
    pub(crate) cancel_requested: bool,
}

/// A run that is about to exist.
pub(crate) struct NewRun<'a> {
    pub(crate) id: ResponseId,
    pub(crate) conversation: ConversationId,
    pub(crate) previous: Option<ResponseId>,
    pub(crate) caller: &'a Caller,
    pub(crate) first: Event,
    pub(crate) title: &'a str,
    pub(crate) at_ms: i64,
}

const COLUMNS: &str = "id, conversation, caller, status, epoch, n_recoveries, cancel_requested";

impl Store {
    /// Adds a run with its first event and makes it the last of its conversation, all or nothing.
    ///
    /// # Errors
    /// [`Error::Busy`] when the conversation has a run in progress.
    pub(crate) async fn add_run(&self, run: NewRun<'_>) -> Result<(), Error> {
        let NewRun { first, .. } = run;
        let event = to_json("event", &first)?;
        // What the user said may be megabytes: it is in the event now.
        drop(first);
        let blobs = named_blobs(&event);
        let caller = to_json("caller", run.caller)?;
        self.database
            .write(async |transaction| {
                let open = transaction
                    .one(
                        "SELECT id FROM agent_runs WHERE conversation = $1 AND status = 'in_progress' LIMIT 1",
                        [run.conversation.to_string().into()],
                    )
                    .await?;
                if let Some(open) = open {
                    return Err(Error::Busy(open.parsed("id")?));
                }
                transaction
                    .run(
                        "INSERT INTO agent_runs (id, tenant, conversation, previous, caller, status, epoch, owner,
                         lease_until, seq, n_recoveries, cancel_requested, created_at)
                         VALUES ($1, $2, $3, $4, $5, 'in_progress', 0, '', 0, 1, 0, 0, $6)",
                        [
                            run.id.to_string().into(),
                            run.caller.tenant.to_string().into(),
                            run.conversation.to_string().into(),
                            run.previous.map(|previous| previous.to_string()).into(),
                            caller.into(),
                            run.at_ms.into(),
                        ],
                    )
                    .await?;
                transaction
                    .run(
                        "INSERT INTO agent_journal (run, seq, at_ms, event) VALUES ($1, 0, $2, $3)",
                        [run.id.to_string().into(), run.at_ms.into(), event.into()],
                    )
                    .await?;
                self.note_blobs(transaction, run.id, &blobs).await?;
                transaction
                    .run(
                        "UPDATE agent_conversations SET last_run = $1, updated_at = $2,
                         title = CASE WHEN title = '' THEN $3 ELSE title END WHERE id = $4",
                        [
                            run.id.to_string().into(),
                            run.at_ms.into(),
                            run.title.to_owned().into(),
                            run.conversation.to_string().into(),
                        ],
                    )
                    .await?;
                transaction.run(FORGET_GONE, [run.conversation.to_string().into()]).await?;
                Ok(())
            })
            .await
    }

    /// A run of a tenant.
    pub(crate) async fn run(&self, tenant: TenantId, id: ResponseId) -> Result<RunRow, Error> {
        let sql = format!("SELECT {COLUMNS} FROM agent_runs WHERE id = $1 AND tenant = $2");
        let row = self
            .database
            .reader()
            .one(&sql, [id.to_string().into(), tenant.to_string().into()])
            .await?
            .ok_or(Error::NoRun(id))?;
        run_row(&row)
    }

    /// Runs that nobody owns, at most so many of each tenant: those that are to be cancelled first, then the oldest.
    pub(crate) async fn abandoned_runs(&self, now_ms: i64, n_of_tenant: usize) -> Result<Vec<RunRow>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (
               SELECT {COLUMNS}, created_at, ROW_NUMBER() OVER
                 (PARTITION BY tenant ORDER BY cancel_requested DESC, created_at, id) AS turn
               FROM agent_runs WHERE status = 'in_progress' AND lease_until < $1) AS waiting
             WHERE turn <= {n_of_tenant} ORDER BY turn, created_at, id LIMIT 512"
        );
        let rows = self.database.reader().all(&sql, [now_ms.into()]).await?;
        rows.iter().map(run_row).collect()
    }

    /// How many runs of a tenant wait for somebody to drive them.
    pub(crate) async fn n_waiting(&self, tenant: TenantId, now_ms: i64) -> Result<u64, Error> {
        let row = self.database.reader().one("SELECT COUNT(*) AS n FROM agent_runs WHERE status = 'in_progress' AND lease_until < $1 AND tenant = $2",
            [now_ms.into(), tenant.to_string().into()],).await?;
        let n: i64 = row.map_or(Ok(0), |row| row.column("n"))?;
        Ok(u64::try_from(n).unwrap_or(0))
    }

    /// Takes a run that nobody owns. Gives its new epoch, or nothing when another process was quicker.
    pub(crate) async fn take(
        &self,
        id: ResponseId,
        owner: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<i64>, Error> {
        let row = self
            .database
            .writer()
            .one(
                "UPDATE agent_runs SET epoch = epoch + 1, owner = $1, lease_until = $2, n_recoveries = n_recoveries + 1
             WHERE id = $3 AND status = 'in_progress' AND lease_until < $4 RETURNING epoch",
                [owner.to_owned().into(), until_ms.into(), id.to_string().into(), now_ms.into()],
            )
            .await?;
        Ok(row.map(|row| row.column("epoch")).transpose()?)
    }

    /// Renews the leases of all runs of this owner at once; gives the ids that are really its own still.
    pub(crate) async fn renew(&self, owner: &str, until_ms: i64) -> Result<Vec<ResponseId>, Error> {
        let rows = self
            .database
            .writer()
            .all(
                "UPDATE agent_runs SET lease_until = $1 WHERE owner = $2 AND status = 'in_progress' RETURNING id",
                [until_ms.into(), owner.to_owned().into()],
            )
            .await?;
        rows.iter().map(|row| Ok(row.parsed("id")?)).collect()
    }

    /// The owners of runs in progress, but for this one.
    pub(crate) async fn other_owners(&self, owner: &str) -> Result<Vec<String>, Error> {
        let rows = self
            .database
            .reader()
            .all(
                "SELECT DISTINCT owner FROM agent_runs WHERE status = 'in_progress' AND owner <> '' AND owner <> $1",
                [owner.to_owned().into()],
            )
            .await?;
        rows.iter().map(|row| Ok(row.column("owner")?)).collect()
    }

    /// Gives all runs of an owner up, so that the next process takes them at once.
    pub(crate) async fn free(&self, owner: &str) -> Result<(), Error> {
        self.database
            .writer()
            .run(
                "UPDATE agent_runs SET lease_until = 0, owner = '' WHERE owner = $1 AND status = 'in_progress'",
                [owner.to_owned().into()],
            )
            .await?;
        Ok(())
    }

    /// Gives a run up, so that the next process takes it at once.
    pub(crate) async fn release(&self, id: ResponseId, epoch: i64) -> Result<(), Error> {
        self.database
            .writer()
            .run(
                "UPDATE agent_runs SET lease_until = 0, owner = '' WHERE id = $1 AND epoch = $2",
                [id.to_string().into(), epoch.into()],
            )
            .await?;
        Ok(())
    }

    /// Appends events at `seq`, all or nothing.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the run has another owner or another end by now; nothing is written then.
    pub(crate) async fn append(&self, id: ResponseId, epoch: i64, events: &[Recorded]) -> Result<(), Error> {
        let Some(first) = events.first() else { return Ok(()) };
        let finished = events.iter().find_map(|recorded| match &recorded.event {
            Event::RunFinished { status, .. } => Some(status.as_str()),
            _ => None,
        });
        // Tokens alone do not show that a run gets on; a run that dies over and over at the same step must end.
        let is_progress =
            events.iter().any(|recorded| !matches!(recorded.event, Event::TextDelta { .. } | Event::LeaseTaken { .. }));
        let expected = i64::try_from(first.seq).unwrap_or(i64::MAX);
        let n_events = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let mut values: Vec<Value> = Vec::with_capacity(events.len() * 4);
        let mut places = String::new();
        let mut blobs = BTreeSet::new();
        for (number, recorded) in events.iter().enumerate() {
            let base = number * 4;
            let comma = if number == 0 { "" } else { ", " };
            places.push_str(&format!("{comma}(${}, ${}, ${}, ${})", base + 1, base + 2, base + 3, base + 4));
            values.push(id.to_string().into());
            values.push(i64::try_from(recorded.seq).unwrap_or(i64::MAX).into());
            values.push(recorded.at_ms.into());
            let event = to_json("event", &recorded.event)?;
            blobs.append(&mut named_blobs(&event));
            values.push(event.into());
        }
        self.database
            .write(async |transaction| {
                if transaction
                    .run(
                        "UPDATE agent_runs SET seq = seq + $1, status = COALESCE($2, status),
                     n_recoveries = CASE WHEN $3 = 1 THEN 0 ELSE n_recoveries END
                     WHERE id = $4 AND epoch = $5 AND seq = $6 AND status = 'in_progress'",
                        [
                            n_events.into(),
                            finished.map(str::to_owned).into(),
                            i64::from(is_progress).into(),
                            id.to_string().into(),
                            epoch.into(),
                            expected.into(),
                        ],
                    )
                    .await?
                    != 1
                {
                    return Err(Error::Fenced);
                }
                let sql = format!("INSERT INTO agent_journal (run, seq, at_ms, event) VALUES {places}");
                transaction.run(&sql, values).await?;
                self.note_blobs(transaction, id, &blobs).await
            })
            .await
    }

    /// The journal of a run from a place on, in order.
    pub(crate) async fn journal(&self, id: ResponseId, from_seq: u64) -> Result<Vec<Recorded>, Error> {
        let rows = self
            .database
            .reader()
            .all(
                "SELECT seq, at_ms, event FROM agent_journal WHERE run = $1 AND seq >= $2 ORDER BY seq",
                [id.to_string().into(), i64::try_from(from_seq).unwrap_or(i64::MAX).into()],
            )
            .await?;
        let mut journal = Vec::with_capacity(rows.len());
        for row in rows {
            let seq: i64 = row.column("seq")?;
            let event: String = row.column("event")?;
            journal.push(Recorded {
                seq: u64::try_from(seq).unwrap_or(0),
                at_ms: row.column("at_ms")?,
                event: from_json("event", &event)?,
            });
        }
        Ok(journal)
    }

    /// The first event of a run, which says what it started from; nothing for one that was deleted.
    pub(crate) async fn first_event(&self, id: ResponseId) -> Result<Option<Event>, Error> {
        let row = self
            .database
            .reader()
            .one("SELECT event FROM agent_journal WHERE run = $1 AND seq = 0", [id.to_string().into()])
            .await?;
        row.map(|row| from_json("event", &row.column::<String>("event")?)).transpose()
    }

    /// Notes that a run should stop; its owner, whoever that is, sees it at its next step.
    pub(crate) async fn request_cancel(&self, id: ResponseId) -> Result<(), Error> {
        self.database
            .writer()
            .run(
                "UPDATE agent_runs SET cancel_requested = 1 WHERE id = $1 AND status = 'in_progress'",
                [id.to_string().into()],
            )
            .await?;
        Ok(())
    }

    /// Which of the runs of this owner should stop.
    pub(crate) async fn cancel_requests(&self, owner: &str) -> Result<Vec<ResponseId>, Error> {
        let rows = self
            .database
            .reader()
            .all(
                "SELECT id FROM agent_runs WHERE owner = $1 AND status = 'in_progress' AND cancel_requested = 1",
                [owner.to_owned().into()],
            )
            .await?;
        rows.iter().map(|row| Ok(row.parsed("id")?)).collect()
    }

    /// Deletes a run of a conversation that has ended, with its journal. With the last one it notes that the sandboxes of the
    /// conversation are to be let go. Whether it was the last.
    pub(crate) async fn delete_run(&self, id: ResponseId, conversation: ConversationId) -> Result<bool, Error> {
        self.database
            .write(async |transaction| {
                let values = || [Value::from(id.to_string())];
                // First, for it holds the conversation: of two that delete its last runs at once, the second sees that.
                let forget =
                    "UPDATE agent_conversations SET last_run = CASE WHEN last_run = $1 THEN NULL ELSE last_run END
                              WHERE id = $2";
                let both = [id.to_string().into(), conversation.to_string().into()];
                transaction.run(forget, both).await?;
                let deleted = transaction
                    .run("DELETE FROM agent_runs WHERE id = $1 AND status <> 'in_progress'", values())
                    .await?;
                if deleted == 0 {
                    return Err(Error::StillRunning);
                }
                transaction.run("DELETE FROM agent_journal WHERE run = $1", values()).await?;
                transaction.run("DELETE FROM agent_blobs WHERE run = $1", values()).await?;
                Ok(transaction.run(NOTE_GONE, [conversation.to_string().into()]).await? > 0)
            })
            .await
    }
}

fn run_row(row: &QueryResult) -> Result<RunRow, Error> {
    let caller: String = row.column("caller")?;
    let cancel_requested: i64 = row.column("cancel_requested")?;
    Ok(RunRow {
        id: row.parsed("id")?,
        conversation: row.parsed("conversation")?,
        caller: from_json("caller", &caller)?,
        status: row.column("status")?,
        epoch: row.column("epoch")?,
        n_recoveries: row.column("n_recoveries")?,
        cancel_requested: cancel_requested != 0,
    })
}
