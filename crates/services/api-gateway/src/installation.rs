//! Which installation this is: an id that belongs to its database, whatever machines it runs on.

use septet_database::{Database, Sql};
use septet_kernel::{Ids, RecordId};

use crate::Error;

/// The id; made at the first start.
pub(crate) async fn id(database: &Database, ids: &Ids) -> Result<String, Error> {
    let fresh = ids.next::<RecordId>().to_string();
    let sql = "INSERT INTO gateway_installation (number, id) VALUES (1, $1) ON CONFLICT DO NOTHING";
    database.writer().run(sql, [fresh.clone().into()]).await?;
    let row = database.writer().one("SELECT id FROM gateway_installation WHERE number = 1", []).await?;
    Ok(row.map_or(Ok(fresh), |row| row.try_get("", "id"))?)
}
