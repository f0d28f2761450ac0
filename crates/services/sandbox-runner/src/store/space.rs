//! What containers take up, and which of them have expired.

use sea_orm::{ConnectionTrait, DbBackend, Value};
use septet_database::{Columns, Sql, places};
use septet_kernel::{BlobId, ContainerId, TenantId};

use super::Store;
use crate::Error;
use crate::container::Container;

/// How many bytes the files of all containers of a tenant may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) tenant: TenantId,
    /// 0 is without limit.
    pub(crate) limit_bytes: u64,
}

impl Store {
    /// Those of `blobs` that a file of any container still has.
    pub(crate) async fn held_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, Error> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let places = places(1, blobs.len());
        let sql = format!("SELECT DISTINCT blob FROM sandbox_files WHERE blob IN ({places})");
        let values = blobs.iter().map(|blob| blob.to_string().into()).collect();
        self.many(sql, values).await?.iter().map(|row| Ok(row.parsed("blob")?)).collect()
    }

    /// The bytes of all files of a tenant's containers, also of those that were written over.
    pub(crate) async fn stored_bytes(&self, tenant: TenantId) -> Result<u64, Error> {
        self.stored_bytes_on(self.database.reader(), tenant).await
    }

    async fn stored_bytes_on(&self, on: &impl ConnectionTrait, tenant: TenantId) -> Result<u64, Error> {
        let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM sandbox_files \
                   WHERE container IN (SELECT id FROM sandbox_containers WHERE tenant = $1)";
        let values = [Value::from(tenant.to_string())];
        let row = on.one(sql, values).await?;
        let bytes: i64 = row.map_or(Ok(0), |row| row.column("bytes"))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Serialises the transactions that add files of the same tenant.
    pub(super) async fn queue_up(&self, on: &impl ConnectionTrait, quota: Quota) -> Result<(), Error> {
        let backend = self.database.backend();
        // SQLite has one writer at a time.
        if quota.limit_bytes > 0 && backend == DbBackend::Postgres {
            let values = [Value::from(quota.tenant.to_string())];
            let sql = "SELECT pg_advisory_xact_lock(hashtext('sandbox_files'), hashtext($1))";
            on.run(sql, values).await?;
        }
        Ok(())
    }

    /// Checks that the tenant's files are within the quota.
    ///
    /// # Errors
    /// [`Error::StorageFull`].
    pub(super) async fn check(&self, on: &impl ConnectionTrait, quota: Quota) -> Result<(), Error> {
        let limit_bytes = quota.limit_bytes;
        if limit_bytes > 0 && self.stored_bytes_on(on, quota.tenant).await? > limit_bytes {
            return Err(Error::StorageFull { limit_bytes });
        }
        Ok(())
    }

    /// The containers of a tenant that have this name.
    pub(crate) async fn containers_named(&self, tenant: TenantId, name: &str) -> Result<Vec<ContainerId>, Error> {
        let sql = "SELECT id FROM sandbox_containers WHERE tenant = $1 AND name = $2".to_owned();
        let values = vec![tenant.to_string().into(), name.into()];
        self.many(sql, values).await?.iter().map(|row| Ok(row.parsed("id")?)).collect()
    }

    /// Some of the containers that expired before `before_ms`. Those of conversations stay: what they have made is shown for
    /// as long as the conversation is there.
    pub(crate) async fn expired_containers(&self, before_ms: i64) -> Result<Vec<Container>, Error> {
        let sql = format!(
            "SELECT {} FROM sandbox_containers WHERE expires_minutes IS NOT NULL \
             AND last_active_at + expires_minutes * 60000 < $1 AND substr(name, 1, 5) <> 'conv_' LIMIT 200",
            super::CONTAINER
        );
        self.many(sql, vec![before_ms.into()]).await?.iter().map(super::container).collect()
    }
}
