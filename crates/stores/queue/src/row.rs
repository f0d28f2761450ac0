//! From a row to a [`Job`], and the small tools for writing statements.

use std::str::FromStr;

use sea_orm::{ConnectionTrait, QueryResult, Statement, TryGetable, Value};
use serde_json::Value as Json;

use crate::{Error, Failed, Job, Progress, Requester, State};

/// Every column that [`job`] reads, for `SELECT` and `RETURNING`.
pub(crate) const COLUMNS: &str = "id, tenant, created_by, created_role, created_key, kind, owner, payload, state, priority, run_at, attempt, \
     max_attempts, n_deferrals, lease_until, lease_token, worker, progress_done, progress_total, progress_note, \
     cancel_requested, error_code, error_message, result, created_at, started_at, finished_at";

/// A statement with `$1`, `$2`, ... which both databases understand.
pub(crate) fn statement(on: &impl ConnectionTrait, sql: impl Into<String>, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(on.get_database_backend(), sql.into(), values)
}

/// Reads a whole row.
pub(crate) fn job(row: &QueryResult) -> Result<Job, Error> {
    let id: String = column(row, "id")?;
    let bad = |detail: String| Error::BadRow { id: id.clone(), detail };
    let state: String = column(row, "state")?;
    let error_code: Option<String> = column(row, "error_code")?;
    let error_message: Option<String> = column(row, "error_message")?;
    Ok(Job {
        id: parsed(&id).map_err(bad)?,
        tenant: parsed(&column::<String>(row, "tenant")?).map_err(bad)?,
        requester: Requester {
            user: column::<Option<String>>(row, "created_by")?.map(|user| parsed(&user).map_err(bad)).transpose()?,
            key: column::<Option<String>>(row, "created_key")?.map(|key| parsed(&key).map_err(bad)).transpose()?,
            role: serde_json::from_value(column::<String>(row, "created_role")?.into())
                .map_err(|error| bad(error.to_string()))?,
        },
        kind: column(row, "kind")?,
        owner: parsed(&column::<String>(row, "owner")?).map_err(bad)?,
        payload: json(&column::<String>(row, "payload")?).map_err(bad)?,
        state: State::of_word(&state).ok_or_else(|| bad(format!("unknown state {state:?}")))?,
        priority: number(column(row, "priority")?).map_err(bad)?,
        run_at_ms: column(row, "run_at")?,
        attempt: number(column(row, "attempt")?).map_err(bad)?,
        max_attempts: number(column(row, "max_attempts")?).map_err(bad)?,
        n_deferrals: number(column(row, "n_deferrals")?).map_err(bad)?,
        progress: Progress {
            done: number(column(row, "progress_done")?).map_err(bad)?,
            total: number(column(row, "progress_total")?).map_err(bad)?,
            note: column(row, "progress_note")?,
        },
        cancel_requested: column::<i64>(row, "cancel_requested")? != 0,
        error: error_code.map(|code| Failed { code, message: error_message.unwrap_or_default() }),
        result: match column::<Option<String>>(row, "result")? {
            Some(text) => Some(json(&text).map_err(bad)?),
            None => None,
        },
        lease_until_ms: column(row, "lease_until")?,
        worker: column(row, "worker")?,
        created_at_ms: column(row, "created_at")?,
        started_at_ms: column(row, "started_at")?,
        finished_at_ms: column(row, "finished_at")?,
    })
}

/// One column of a row.
pub(crate) fn column<T: TryGetable>(row: &QueryResult, name: &str) -> Result<T, Error> {
    row.try_get("", name).map_err(Error::doing("read a job row"))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn number<T: TryFrom<i64>>(stored: i64) -> Result<T, String> {
    T::try_from(stored).map_err(|_out_of_range| format!("{stored} is out of range"))
}

fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A count as it is stored; nothing that is counted here reaches the limit.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
