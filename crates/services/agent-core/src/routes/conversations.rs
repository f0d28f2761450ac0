//! Conversations.

use axum::extract::{Path, State};
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::agents::{Conversation, ConversationQuery, CreateConversation, Deleted, ItemQuery};
use septet_contracts::page::Page;
use septet_contracts::responses::ResponseItem;
use septet_kernel::{Caller, ConversationId};

use crate::error::Error;
use crate::runs::Runs;
use crate::store::ConversationRow;

type Answer<T> = Result<T, Refusal<Error>>;

/// Makes a conversation.
pub(super) async fn create(
    State(runs): State<Runs>,
    caller: Caller,
    Json(request): Json<CreateConversation>,
) -> Answer<Json<Conversation>> {
    Ok(Json(runs.add_conversation(&caller, &request).await?.into()))
}

/// Shows a conversation.
pub(super) async fn show(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Answer<Json<Conversation>> {
    let row = runs.conversation(&caller, id).await?;
    let (model, vector_store_ids) = runs.kept(&row).await?;
    Ok(Json(Conversation { model, vector_store_ids, ..row.into() }))
}

/// Lists the caller's conversations.
pub(super) async fn list(
    State(runs): State<Runs>,
    caller: Caller,
    Query(wanted): Query<ConversationQuery>,
) -> Answer<Json<Page<Conversation>>> {
    let mut rows = runs.conversations(&caller, &wanted).await?;
    let limit = usize::try_from(wanted.limit()).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let conversations = rows.into_iter().map(Conversation::from).collect();
    Ok(Json(Page::new(conversations, has_more, |conversation| conversation.id.to_string())))
}

/// Lists what was said in a conversation.
pub(super) async fn items(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Query(wanted): Query<ItemQuery>,
) -> Answer<Json<Page<ResponseItem>>> {
    let items = runs.conversation_items(&caller, id).await?;
    Ok(Json(wanted.page(items)))
}

/// Deletes a conversation.
pub(super) async fn delete(
    State(runs): State<Runs>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Answer<Json<Deleted>> {
    runs.delete_conversation(&caller, id).await?;
    Ok(Json(Deleted { id: id.to_string(), object: "conversation.deleted".to_owned(), deleted: true }))
}

impl From<ConversationRow> for Conversation {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.id,
            object: "conversation".to_owned(),
            created_at: row.created_at_ms / 1000,
            metadata: row.metadata,
            title: row.title,
            updated_at: row.updated_at_ms / 1000,
            last_response: row.last_run,
            model: None,
            vector_store_ids: Vec::new(),
            source: row.source,
        }
    }
}
