//! Which blobs are named by a file of any tenant.

use septet_database::{Columns, places};
use septet_kernel::BlobId;

use super::{Store, Tenant};
use crate::Error;

impl Store {
    /// Those of `blobs` that a file still has.
    pub(crate) async fn held_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, Error> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT DISTINCT blob FROM knowledge_files WHERE blob IN ({})", places(1, blobs.len()));
        let values = blobs.iter().map(|blob| blob.to_string().into()).collect();
        self.all("look up blobs", sql, values).await?.iter().map(|row| Ok(row.parsed("blob")?)).collect()
    }
}

impl Tenant<'_> {
    /// The bytes of all files of the tenant.
    pub(crate) async fn stored_bytes(&self) -> Result<u64, Error> {
        let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM knowledge_files WHERE tenant = $1";
        let row = self.store.one("add up files", sql, vec![self.id.to_string().into()]).await?;
        let bytes: i64 = row.map_or(Ok(0), |row| row.column("bytes"))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }
}
