//! Sessions and their refresh tokens.
//!
//! A refresh token is used once and followed by the next. When one is used again, either the person or a thief holds a
//! copy, and nobody can tell which; so the whole session ends. There is one exception: two tabs of one browser refresh
//! at the same moment with the same cookie. Within a few seconds the second one therefore gets *the same* successor,
//! not a token of its own. A thief who is that fast shares the successor with the person, and the next refresh of
//! either of them exposes it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use septet_database::{Database, Sql};
use septet_kernel::{Clock, Ids, RecordId, TenantId, UserId};
use sha2::{Digest, Sha256};

use super::keys::Keys;
use crate::Error;

/// The tables of sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    database: Database,
    clock: Clock,
    ids: Ids,
    lifetime: Duration,
    grace: Duration,
}

/// Who a session belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) tenant: TenantId,
    pub(crate) person: UserId,
    pub(crate) expires_at_ms: i64,
    /// The number of the newest change of rights when it began.
    pub(crate) epoch: i64,
}

/// What using a refresh token led to. A replay is an outcome and not an error, because its consequence is committed.
enum Used {
    Next(String),
    Stale,
    Replayed,
}

impl Sessions {
    pub(crate) fn new(database: Database, clock: Clock, ids: Ids, lifetime: Duration, grace: Duration) -> Self {
        Self { database, clock, ids, lifetime, grace }
    }

    /// Starts a session; gives it with its first refresh token.
    pub(crate) async fn start(&self, tenant: TenantId, person: UserId, epoch: i64) -> Result<(Session, String), Error> {
        let now_ms = self.clock.now_ms();
        let id = format!("ses_{}", self.ids.next::<RecordId>().uuid().simple());
        let expires_at_ms = now_ms + millis(self.lifetime);
        let session = Session { id, tenant, person, expires_at_ms, epoch };
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.database
            .write(async |tx| {
                let sql = "INSERT INTO gateway_sessions (id, tenant, person, created_at_ms, expires_at_ms, epoch)
                           VALUES ($1, $2, $3, $4, $5, $6)";
                let Session { id, tenant, person, .. } = &session;
                let values = [
                    id.into(),
                    tenant.to_string().into(),
                    person.to_string().into(),
                    now_ms.into(),
                    expires_at_ms.into(),
                    epoch.into(),
                ];
                tx.run(sql, values).await?;
                insert_token(tx, &token, id, now_ms).await
            })
            .await?;
        Ok((session, token))
    }

    /// Whose refresh token this is. Used ones are found too; that is for [`Sessions::use_up`] to judge.
    ///
    /// # Errors
    /// [`Error::NoSession`] when the token is unknown or its session is over.
    pub(crate) async fn find(&self, token: &str) -> Result<Session, Error> {
        let sql = "SELECT s.id, s.tenant, s.person, s.expires_at_ms, s.epoch FROM gateway_refresh_tokens t
                   JOIN gateway_sessions s ON s.id = t.session
                   WHERE t.hash = $1 AND s.ended_at_ms IS NULL AND s.expires_at_ms > $2";
        let row = self.database.reader().one(sql, [hash(token).into(), self.clock.now_ms().into()]).await?;
        let row = row.ok_or(Error::NoSession)?;
        let text = |column: &str| row.try_get::<String>("", column);
        Ok(Session {
            id: text("id")?,
            tenant: text("tenant")?.parse().map_err(Error::store)?,
            person: text("person")?.parse().map_err(Error::store)?,
            expires_at_ms: row.try_get("", "expires_at_ms")?,
            epoch: row.try_get("", "epoch")?,
        })
    }

    /// Uses a refresh token up; gives the one that follows it.
    ///
    /// # Errors
    /// [`Error::Replayed`] when it was used longer ago than the grace: the session is over then.
    /// [`Error::StaleRefresh`] when it was used just now and its successor too.
    pub(crate) async fn use_up(&self, token: &str, session: &Session, keys: &Keys) -> Result<String, Error> {
        let now_ms = self.clock.now_ms();
        let grace_ms = millis(self.grace);
        let next = keys.successor(token);
        let used: Used = self
            .database
            .write(async |tx| {
                let sql = "UPDATE gateway_refresh_tokens SET used_at_ms = $1 WHERE hash = $2 AND used_at_ms IS NULL";
                if tx.run(sql, [now_ms.into(), hash(token).into()]).await? == 1 {
                    insert_token(tx, &next, &session.id, now_ms).await?;
                    return Ok::<_, Error>(Used::Next(next));
                }
                let used_at_ms = used_at_ms(tx, token).await?;
                if used_at_ms.is_some_and(|used_at_ms| now_ms - used_at_ms > grace_ms) {
                    end(tx, &session.id, "refresh token replayed", now_ms).await?;
                    return Ok(Used::Replayed);
                }
                match used_at_ms_of_issued(tx, &next).await? {
                    Some(None) => Ok(Used::Next(next)),
                    Some(Some(_)) | None => Ok(Used::Stale),
                }
            })
            .await?;
        match used {
            Used::Next(next) => Ok(next),
            Used::Stale => Err(Error::StaleRefresh),
            Used::Replayed => Err(Error::Replayed),
        }
    }

    /// Ends one session.
    pub(crate) async fn end(&self, session: &str, why: &str) -> Result<(), Error> {
        Ok(end(self.database.writer(), session, why, self.clock.now_ms()).await?)
    }

    /// The sessions that ended at or after a moment: their access tokens may not have run out yet.
    pub(crate) async fn ended_since(&self, since_ms: i64) -> Result<Vec<String>, Error> {
        let sql = "SELECT id FROM gateway_sessions WHERE ended_at_ms >= $1";
        let found = self.database.reader().all(sql, vec![since_ms.into()]).await?;
        Ok(found.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
    }

    /// Forgets sessions that ran out more than a day ago, and tickets that nobody used.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let long_ago_ms = now_ms - millis(Duration::from_secs(86_400));
        self.database
            .write(async |tx| {
                let sql = "DELETE FROM gateway_refresh_tokens WHERE session IN
                           (SELECT id FROM gateway_sessions WHERE expires_at_ms < $1)";
                tx.run(sql, [long_ago_ms.into()]).await?;
                tx.run("DELETE FROM gateway_sessions WHERE expires_at_ms < $1", [long_ago_ms.into()]).await?;
                tx.run("DELETE FROM gateway_tickets WHERE expires_at_ms < $1", [now_ms.into()]).await?;
                Ok(())
            })
            .await
    }
}

async fn insert_token(
    connection: &impl sea_orm::ConnectionTrait,
    token: &str,
    session: &str,
    now_ms: i64,
) -> Result<(), Error> {
    let sql = "INSERT INTO gateway_refresh_tokens (hash, session, issued_at_ms) VALUES ($1, $2, $3)";
    connection.run(sql, [hash(token).into(), session.into(), now_ms.into()]).await?;
    Ok(())
}

async fn used_at_ms(connection: &impl sea_orm::ConnectionTrait, token: &str) -> Result<Option<i64>, Error> {
    Ok(used_at_ms_of_issued(connection, token).await?.flatten())
}

/// Nothing when the token was never issued, else when it was used.
async fn used_at_ms_of_issued(
    connection: &impl sea_orm::ConnectionTrait,
    token: &str,
) -> Result<Option<Option<i64>>, Error> {
    let sql = "SELECT used_at_ms FROM gateway_refresh_tokens WHERE hash = $1";
    let row = connection.one(sql, [hash(token).into()]).await?;
    Ok(row.map(|row| row.try_get("", "used_at_ms")).transpose()?)
}

async fn end(
    connection: &impl sea_orm::ConnectionTrait,
    session: &str,
    why: &str,
    now_ms: i64,
) -> Result<(), sea_orm::DbErr> {
    let sql = "UPDATE gateway_sessions SET ended_at_ms = $1, ended_why = $2 WHERE id = $3 AND ended_at_ms IS NULL";
    connection.run(sql, [now_ms.into(), why.into(), session.into()]).await.map(|_n_rows| ())
}

pub(crate) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
