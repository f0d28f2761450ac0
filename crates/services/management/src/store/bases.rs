//! Which knowledge bases somebody sees.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter};
use septet_contracts::page::PageQuery;
use septet_kernel::VectorStoreId;

use super::{Scope, id_cursor, knowledge_bases, paged};
use crate::Error;

impl<C: ConnectionTrait> Scope<C> {
    /// A page of the knowledge bases that are everybody's, and of the private ones of one person.
    pub(crate) async fn bases_seen_by(
        &self,
        person: Option<&str>,
        page: &PageQuery,
    ) -> Result<(Vec<knowledge_bases::Model>, bool), Error> {
        let mut seen = Condition::any().add(knowledge_bases::Column::Private.eq(0));
        if let Some(person) = person {
            seen = seen.add(knowledge_bases::Column::CreatedBy.eq(person));
        }
        let select = self.find::<knowledge_bases::Entity>().filter(seen);
        paged::<knowledge_bases::Entity>(select, page, id_cursor::<VectorStoreId>, &self.on).await
    }
}
