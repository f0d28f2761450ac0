//! From a row to a [`Job`].

use sea_orm::{DbErr, QueryResult};
use septet_database::Columns;

use crate::{Error, Failed, Job, Progress, Requester, State};

/// Every column that [`job`] reads, for `SELECT` and `RETURNING`.
pub(crate) const COLUMNS: &str = "id, tenant, created_by, created_role, created_key, kind, owner, payload, state, priority, run_at, attempt, \
     max_attempts, n_deferrals, lease_until, lease_token, worker, progress_done, progress_total, progress_note, \
     cancel_requested, error_code, error_message, result, created_at, started_at, finished_at";

/// Reads a whole row.
pub(crate) fn job(row: &QueryResult) -> Result<Job, Error> {
    read(row).map_err(|error| Error::BadRow { id: row.column("id").unwrap_or_default(), detail: error.to_string() })
}

fn read(row: &QueryResult) -> Result<Job, DbErr> {
    let unknown = |what: &str, word: &str| DbErr::Type(format!("unknown {what} {word:?}"));
    let (state, role): (String, String) = (row.column("state")?, row.column("created_role")?);
    let error_code: Option<String> = row.column("error_code")?;
    let error_message: Option<String> = row.column("error_message")?;
    Ok(Job {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        requester: Requester {
            user: row.parsed_or_none("created_by")?,
            key: row.parsed_or_none("created_key")?,
            role: serde_json::from_value(role.as_str().into()).map_err(|_error| unknown("role", &role))?,
        },
        kind: row.column("kind")?,
        owner: row.parsed("owner")?,
        payload: row.json("payload")?,
        state: State::of_word(&state).ok_or_else(|| unknown("state", &state))?,
        priority: row.count("priority")?,
        run_at_ms: row.column("run_at")?,
        attempt: row.count("attempt")?,
        max_attempts: row.count("max_attempts")?,
        n_deferrals: row.count("n_deferrals")?,
        progress: Progress {
            done: row.count("progress_done")?,
            total: row.count("progress_total")?,
            note: row.column("progress_note")?,
        },
        cancel_requested: row.flag("cancel_requested")?,
        error: error_code.map(|code| Failed { code, message: error_message.unwrap_or_default() }),
        result: match row.column::<Option<String>>("result")? {
            Some(_) => Some(row.json("result")?),
            None => None,
        },
        lease_until_ms: row.column("lease_until")?,
        worker: row.column("worker")?,
        created_at_ms: row.column("created_at")?,
        started_at_ms: row.column("started_at")?,
        finished_at_ms: row.column("finished_at")?,
    })
}
