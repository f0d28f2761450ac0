//! Which blobs the journals name, so that the others can be swept.
//!
//! What an event names is found in its JSON, not in its type: an event that learns to keep something in the blob store cannot
//! forget to say so here. Text that only looks like an id does no harm.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Value};
use septet_database::{Columns, Sql};
use septet_kernel::{BlobId, ResponseId};

use super::Store;
use crate::error::Error;

/// Notes that a run names a blob.
pub(crate) const ADD_BLOB: &str = "INSERT INTO agent_blobs (run, blob) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// The ids of blobs that are whole strings in a piece of JSON.
pub(crate) fn named_blobs(json: &str) -> BTreeSet<BlobId> {
    // An id has no character that JSON escapes, so it stands between two quotes as it is.
    json.split('"').filter(|text| text.len() == 64).filter_map(|text| text.parse().ok()).collect()
}

impl Store {
    /// Notes the blobs that the events of a run name, in the transaction that writes them.
    pub(super) async fn note_blobs(
        &self,
        on: &impl ConnectionTrait,
        run: ResponseId,
        blobs: &BTreeSet<BlobId>,
    ) -> Result<(), Error> {
        for blob in blobs {
            let values: [Value; 2] = [run.to_string().into(), blob.to_string().into()];
            on.run(ADD_BLOB, values).await?;
        }
        Ok(())
    }

    /// Those of `blobs` that a run of any tenant still names.
    pub(crate) async fn held_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, Error> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let places = (1..=blobs.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT DISTINCT blob FROM agent_blobs WHERE blob IN ({places})");
        let rows = self.database.reader().all(&sql, blobs.iter().map(|blob| Value::from(blob.to_string()))).await?;
        rows.iter().map(|row| Ok(row.parsed("blob")?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_are_in_an_event() {
        let (one, other) = ("a1".repeat(32), "b2".repeat(32));
        let json = serde_json::json!({"definition": one, "deep": [{"blob": other}], "text": format!("no {one}"), "x": "c".repeat(63)});
        let found: Vec<String> = named_blobs(&json.to_string()).iter().map(ToString::to_string).collect();
        assert_eq!(found, [one, other]);
    }
}
