//! Tickets: a browser cannot send headers with a WebSocket, and a token in an address ends up in logs.
//!
//! A ticket opens one connection within half a minute. It is kept in the database, so that any of several gateways can
//! accept it, and only one of them, once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use septet_database::{Database, Sql};
use septet_kernel::Clock;

use super::identity::Identity;
use super::sessions::hash;
use crate::Error;

/// How long a ticket is good for, in seconds.
pub(crate) const LIFETIME_S: i64 = 30;

/// Sells and takes tickets.
pub(crate) struct Tickets {
    database: Database,
    clock: Clock,
}

impl Tickets {
    pub(crate) fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// A ticket for this identity.
    pub(crate) async fn sell(&self, identity: &Identity) -> Result<String, Error> {
        let ticket = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let text = serde_json::to_string(identity).map_err(Error::store)?;
        let expires_at_ms = self.clock.now_ms() + LIFETIME_S * 1000;
        let sql = "INSERT INTO gateway_tickets (hash, identity, expires_at_ms) VALUES ($1, $2, $3)";
        self.database.writer().run(sql, [hash(&ticket).into(), text.into(), expires_at_ms.into()]).await?;
        Ok(ticket)
    }

    /// Takes a ticket; the same one is not taken twice.
    ///
    /// # Errors
    /// [`Error::BadTicket`].
    pub(crate) async fn take(&self, ticket: &str) -> Result<Identity, Error> {
        let sql = "SELECT identity FROM gateway_tickets WHERE hash = $1";
        let found = self.database.reader().one(sql, [hash(ticket).into()]).await?;
        let text: String = found.ok_or(Error::BadTicket)?.try_get("", "identity")?;
        let sql = "DELETE FROM gateway_tickets WHERE hash = $1 AND expires_at_ms > $2";
        let values = [hash(ticket).into(), self.clock.now_ms().into()];
        // Whoever deletes the row has taken the ticket.
        if self.database.writer().run(sql, values).await? == 0 {
            return Err(Error::BadTicket);
        }
        serde_json::from_str(&text).map_err(Error::store)
    }
}
