//! Knowledge bases and the files in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::knowledge::{
    Deleted, FileCounts, FileError, IngestState, NewVectorStore, NewVectorStoreFile, VectorStore, VectorStoreChange,
    VectorStoreFile, VectorStoreFileChange, VectorStoreFileStatus,
};
use septet_contracts::management::{KnowledgeBase, KnowledgeBaseChange, NewKnowledgeBase, Permission};
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, FileId, VectorStoreId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{checked_page, id};
use crate::Error;
use crate::engine::Engine;
use crate::store::{Counts, Document, Status};

type Answer<T> = Result<Json<T>, Refusal<Error>>;

/// Files that may be named when a knowledge base is made.
const MAX_FIRST_FILES: usize = 500;

/// Makes a knowledge base.
pub(super) async fn create(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Json(new): Json<NewVectorStore>,
) -> Answer<VectorStore> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    refuse_expiry(new.expires_after.as_ref())?;
    refuse_strategy(new.chunking_strategy.as_ref())?;
    if new.file_ids.len() > MAX_FIRST_FILES {
        return Err(bad(
            "file_ids",
            format!("at most {MAX_FIRST_FILES} files can be named here; add the others one by one"),
        )
        .into());
    }
    // All files or none: a knowledge base that is half filled because of a wrong id would surprise.
    for file in &new.file_ids {
        engine.file(&caller, *file).await?;
    }
    let base = NewKnowledgeBase {
        name: new.name.unwrap_or_default(),
        description: new.description.unwrap_or_default(),
        metadata: new.metadata.unwrap_or_default(),
        private: new.private,
    };
    let base = engine
        .management
        .create_knowledge_base(&caller, &base)
        .await
        .map_err(Error::calling("make the vector store"))?;
    for file in &new.file_ids {
        engine.attach(&caller, base.id, *file, &BTreeMap::new()).await?;
    }
    Ok(Json(with_counts(&engine, &caller, base).await?))
}

/// The tenant's knowledge bases.
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Answer<Page<VectorStore>> {
    let page = checked_page::<VectorStoreId>(page)?;
    let bases =
        engine.management.knowledge_bases(&caller, &page).await.map_err(Error::calling("list the vector stores"))?;
    let ids: Vec<VectorStoreId> = bases.data.iter().map(|base| base.id).collect();
    let counts = engine.store.of(caller.tenant).counts(&ids).await?;
    let stores = bases.data.into_iter().map(|base| {
        let of_base = counts.get(&base.id).copied().unwrap_or_default();
        wire(base, of_base)
    });
    Ok(Json(Page::new(stores.collect(), bases.has_more, |store: &VectorStore| store.id.to_string())))
}

/// One knowledge base.
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(store): Path<String>,
) -> Answer<VectorStore> {
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    Ok(Json(with_counts(&engine, &caller, base).await?))
}

/// Changes name or metadata.
pub(super) async fn change(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(store): Path<String>,
    Json(change): Json<VectorStoreChange>,
) -> Answer<VectorStore> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    refuse_expiry(change.expires_after.as_ref())?;
    let store: VectorStoreId = id(&store)?;
    engine.knowledge_base(&caller, store).await?;
    let change = KnowledgeBaseChange { name: change.name, metadata: change.metadata, ..KnowledgeBaseChange::default() };
    let base = engine
        .management
        .update_knowledge_base(&caller, store, &change)
        .await
        .map_err(Error::calling("change the vector store"))?;
    Ok(Json(with_counts(&engine, &caller, base).await?))
}

/// Deletes a knowledge base with all that was read into it.
pub(super) async fn delete(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(store): Path<String>,
) -> Answer<Deleted> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    let store: VectorStoreId = id(&store)?;
    engine.delete_store(&caller, store).await?;
    Ok(Json(Deleted { id: store.to_string(), object: "vector_store.deleted".to_owned(), deleted: true }))
}

/// Puts a file into a knowledge base.
pub(super) async fn attach(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(store): Path<String>,
    Json(new): Json<NewVectorStoreFile>,
) -> Answer<VectorStoreFile> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    refuse_strategy(new.chunking_strategy.as_ref())?;
    let attributes = new.attributes.unwrap_or_default();
    check_attributes(&attributes)?;
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    Ok(Json(attached_wire(engine.attach(&caller, base.id, new.file_id, &attributes).await?)))
}

/// `filter` besides the page: OpenAI's filter by status.
#[derive(Debug, Default, Deserialize)]
pub(super) struct StatusFilter {
    filter: Option<String>,
}

/// The files of a knowledge base.
pub(super) async fn attached(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(store): Path<String>,
    Query(page): Query<PageQuery>,
    Query(status): Query<StatusFilter>,
) -> Answer<Page<VectorStoreFile>> {
    let page = checked_page::<FileId>(page)?;
    let status = status.filter.as_deref();
    if let Some(status) =
        status.filter(|status| !matches!(*status, "in_progress" | "completed" | "failed" | "cancelled"))
    {
        return Err(
            bad("filter", format!("filter is in_progress, completed, failed or cancelled, not {status:?}")).into()
        );
    }
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    let (documents, has_more) = engine.store.of(caller.tenant).documents(base.id, status, &page).await?;
    let files = documents.into_iter().map(attached_wire).collect();
    Ok(Json(Page::new(files, has_more, |file: &VectorStoreFile| file.id.to_string())))
}

/// One file of a knowledge base.
pub(super) async fn attachment(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path((store, file)): Path<(String, String)>,
) -> Answer<VectorStoreFile> {
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    Ok(Json(attached_wire(engine.store.of(caller.tenant).document(base.id, id(&file)?).await?)))
}

/// Replaces the attributes of a file of a knowledge base; whoever may take it out may.
pub(super) async fn change_attachment(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path((store, file)): Path<(String, String)>,
    Json(change): Json<VectorStoreFileChange>,
) -> Answer<VectorStoreFile> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    let attributes = change.attributes.unwrap_or_default();
    check_attributes(&attributes)?;
    let file: FileId = id(&file)?;
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    must_own_one(&engine, &caller, &base, file).await?;
    let document = engine.store.of(caller.tenant).set_attributes(base.id, file, &attributes).await?;
    Ok(Json(attached_wire(document)))
}

/// Takes a file out of a knowledge base: whoever uploaded it or made the knowledge base may, and who manages knowledge.
pub(super) async fn detach(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path((store, file)): Path<(String, String)>,
) -> Answer<Deleted> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    let file: FileId = id(&file)?;
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    must_own_one(&engine, &caller, &base, file).await?;
    engine.store.of(caller.tenant).detach(base.id, file).await?;
    engine.follow().await?;
    Ok(Json(Deleted { id: file.to_string(), object: "vector_store.file.deleted".to_owned(), deleted: true }))
}

/// Passes for whoever made the knowledge base or uploaded the file, and for those who manage knowledge.
async fn must_own_one(engine: &Engine, caller: &Caller, base: &KnowledgeBase, file: FileId) -> Result<(), Error> {
    if caller.user.is_some() && base.created_by == caller.user {
        return Ok(());
    }
    engine.must_own_file(caller, file).await
}

async fn with_counts(engine: &Engine, caller: &Caller, base: KnowledgeBase) -> Result<VectorStore, Error> {
    let counts = engine.store.of(caller.tenant).counts(&[base.id]).await?;
    let of_base = counts.get(&base.id).copied().unwrap_or_default();
    Ok(wire(base, of_base))
}

fn wire(base: KnowledgeBase, counts: Counts) -> VectorStore {
    let total = counts.in_progress + counts.completed + counts.failed + counts.cancelled;
    VectorStore {
        id: base.id,
        object: "vector_store".to_owned(),
        name: base.name,
        description: base.description,
        created_at: base.created_at,
        file_counts: FileCounts {
            in_progress: counts.in_progress,
            completed: counts.completed,
            failed: counts.failed,
            cancelled: counts.cancelled,
            total,
        },
        status: if counts.in_progress > 0 { "in_progress" } else { "completed" }.to_owned(),
        usage_bytes: counts.usage_bytes,
        metadata: base.metadata,
        last_active_at: base.last_active_at,
        expires_after: None,
        expires_at: None,
        private: base.private,
    }
}

fn attached_wire(document: Document) -> VectorStoreFile {
    let error = document.error.map(|(code, message)| FileError { code, message });
    let (last_error, retrying, left_out) = match document.status {
        Status::InProgress => (None, error, None),
        Status::Completed => (None, None, error),
        Status::Failed | Status::Cancelled => (error, None, None),
    };
    VectorStoreFile {
        id: document.key.file,
        object: "vector_store.file".to_owned(),
        vector_store_id: document.key.store,
        status: match document.status {
            Status::InProgress => VectorStoreFileStatus::InProgress,
            Status::Completed => VectorStoreFileStatus::Completed,
            Status::Failed => VectorStoreFileStatus::Failed,
            Status::Cancelled => VectorStoreFileStatus::Cancelled,
        },
        last_error,
        usage_bytes: document.usage_bytes,
        created_at: document.created_at_ms / 1_000,
        attributes: document.attributes,
        chunking_strategy: json!({"type": "other"}),
        septet: IngestState {
            stage: document.stage,
            pages_done: document.pages_done,
            pages_total: document.pages_total,
            n_chunks: document.n_chunks,
            reader: document.reader,
            filename: document.filename,
            retrying,
            left_out,
        },
    }
}

fn bad(param: &'static str, detail: impl Into<String>) -> Error {
    Error::BadRequest { param, detail: detail.into() }
}

fn refuse_expiry(expiry: Option<&Value>) -> Result<(), Error> {
    match expiry {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(bad(
            "expires_after",
            "vector stores do not expire here; leave expires_after out and delete the store when it is no longer needed",
        )),
    }
}

fn refuse_strategy(strategy: Option<&Value>) -> Result<(), Error> {
    let kind = strategy.and_then(|strategy| strategy.get("type")).and_then(Value::as_str);
    match (strategy, kind) {
        (None | Some(Value::Null), _) | (Some(_), Some("auto")) => Ok(()),
        (Some(_), _) => Err(bad(
            "chunking_strategy",
            "only {\"type\":\"auto\"} is offered: passages follow the headings, tables and pages of the document",
        )),
    }
}

fn check_attributes(attributes: &BTreeMap<String, Value>) -> Result<(), Error> {
    let is_sound = attributes.len() <= 16
        && attributes.iter().all(|(key, value)| {
            key.chars().count() <= 64
                && match value {
                    Value::String(text) => text.chars().count() <= 512,
                    Value::Number(_) | Value::Bool(_) => true,
                    Value::Null | Value::Array(_) | Value::Object(_) => false,
                }
        });
    if is_sound {
        Ok(())
    } else {
        Err(bad(
            "attributes",
            "attributes are at most 16 pairs of a name (up to 64 characters) and a text (up to 512), a number, true or false",
        ))
    }
}
