//! Which installation this is: an id that belongs to its database, whatever machines it runs on.

use septet_database::Database;
use septet_kernel::{Ids, RecordId};

use crate::{Error, rows};

/// The id; made at the first start.
pub(crate) async fn id(database: &Database, ids: &Ids) -> Result<String, Error> {
    let fresh = ids.next::<RecordId>().to_string();
    let sql = "INSERT INTO gateway_installation (number, id) VALUES (1, $1) ON CONFLICT DO NOTHING";
    rows::run(database.writer(), sql, [fresh.clone().into()]).await?;
    let row = rows::one(database.writer(), "SELECT id FROM gateway_installation WHERE number = 1", []).await?;
    Ok(row.map_or(Ok(fresh), |row| row.try_get("", "id"))?)
}
