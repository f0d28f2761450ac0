//! The numbers by which every process learns that somebody's rights changed.
//!
//! One counter for the installation, taken inside the transaction of the change. Its row stays locked until that
//! transaction is over, so numbers become visible in their order and a reader that goes by them misses none. A number is
//! never below the time in milliseconds: after a backup was restored, new changes are still above what old tokens carry.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};
use septet_database::{Columns, Sql};

use super::{Installation, Scope};
use crate::Error;

const PAGE: i64 = 1000;

/// Whose rights changed, and when.
pub(crate) struct Change {
    /// The id of a tenant, a user or a key.
    pub(crate) subject: String,
    /// Its number.
    pub(crate) epoch: i64,
}

/// What a change does to sessions that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// They go on with the new rights.
    GoOn,
    /// They are over.
    End,
}

impl Scope<DatabaseTransaction> {
    /// Notes that what this subject may do changes with this transaction. It comes last before the commit: everybody
    /// else who changes rights waits from here on, and nobody who waits may hold what this transaction still needs.
    pub(crate) async fn rights_change(
        &self,
        subject: impl ToString,
        sessions: Sessions,
        now_ms: i64,
    ) -> Result<(), Error> {
        self.try_rights_change(subject.to_string(), sessions, now_ms).await.map_err(Error::doing("note changed rights"))
    }

    async fn try_rights_change(&self, subject: String, sessions: Sessions, now_ms: i64) -> Result<(), DbErr> {
        let sql = "UPDATE management_epoch SET value = CASE WHEN value >= $1 THEN value + 1 ELSE $1 END WHERE id = 1";
        self.on.run(sql, [now_ms.into()]).await?;
        let epoch = current(&self.on).await?;
        let sessions_epoch = if sessions == Sessions::End { epoch } else { 0 };
        let sql = "INSERT INTO management_rights_changes (subject, epoch, sessions_epoch, changed_at)
                   VALUES ($1, $2, $3, $4)
                   ON CONFLICT (subject) DO UPDATE SET epoch = excluded.epoch, changed_at = excluded.changed_at,
                   sessions_epoch = CASE WHEN excluded.sessions_epoch > 0 THEN excluded.sessions_epoch
                                    ELSE management_rights_changes.sessions_epoch END";
        let values = [subject.into(), epoch.into(), sessions_epoch.into(), now_ms.into()];
        self.on.run(sql, values).await.map(|_done| ())
    }
}

impl Installation {
    /// The number of the newest change. Read it before the rights that it is noted beside.
    pub(crate) async fn epoch(&self) -> Result<i64, Error> {
        current(self.database.reader()).await.map_err(Error::doing("read the number of the newest change"))
    }

    /// The number before which sessions of a person are over.
    pub(crate) async fn sessions_epoch(&self, user: &str, tenant: &str) -> Result<i64, Error> {
        let on = self.database.reader();
        let sql = "SELECT MAX(sessions_epoch) AS value FROM management_rights_changes WHERE subject IN ($1, $2)";
        let row = on.one(sql, [user.into(), tenant.into()]).await;
        let value = row.and_then(|row| row.map_or(Ok(None), |row| row.column::<Option<i64>>("value")));
        Ok(value.map_err(Error::doing("read when sessions ended"))?.unwrap_or(0))
    }

    /// Changes above a number that were made at or after a moment, the oldest first, and whether there are more.
    pub(crate) async fn rights_changes(&self, after: i64, since_ms: i64) -> Result<(Vec<Change>, bool), Error> {
        let on = self.database.reader();
        let sql = "SELECT subject, epoch FROM management_rights_changes WHERE epoch > $1 AND changed_at >= $2
                   ORDER BY epoch LIMIT $3";
        let rows = on.all(sql, [after.into(), since_ms.into(), (PAGE + 1).into()]).await;
        let read =
            |row: &QueryResult| Ok::<_, DbErr>(Change { subject: row.column("subject")?, epoch: row.column("epoch")? });
        let changes = rows.and_then(|rows| rows.iter().map(read).collect::<Result<Vec<_>, _>>());
        let mut changes = changes.map_err(Error::doing("read changed rights"))?;
        let limit = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let has_more = changes.len() > limit;
        changes.truncate(limit);
        Ok((changes, has_more))
    }
}

async fn current(on: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let row = on.one("SELECT value FROM management_epoch WHERE id = 1", []).await?;
    row.map_or(Ok(0), |row| row.column("value"))
}
