//! Whose a container is. One without an owner is everybody's of its tenant: it was made by a service or a key of the
//! sandbox runner's own, or before owners were kept.

use septet_kernel::{ContainerId, UserId};

use super::Store;
use crate::Error;

impl Store {
    /// Whether a container is somebody else's.
    pub(crate) async fn is_of_another(&self, container: ContainerId, person: UserId) -> Result<bool, Error> {
        let sql = "SELECT id FROM sandbox_containers WHERE id = $1 AND created_by <> $2".to_owned();
        Ok(self.one(sql, vec![container.to_string().into(), person.to_string().into()]).await?.is_some())
    }
}
