//! Files.

use std::sync::Arc;

use axum::extract::{Path, State};
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::knowledge::{Deleted, File, FileContent, FileStatus, NewFile};
use septet_contracts::management::Permission;
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, FileId};

use super::{checked_page, id};
use crate::Error;
use crate::engine::Engine;
use crate::parse::formats::media_type;
use crate::store::FileRow;

type Answer<T> = Result<Json<T>, Refusal<Error>>;

/// Registers a file whose bytes are in the blob store.
pub(super) async fn add(State(engine): State<Arc<Engine>>, caller: Caller, Json(new): Json<NewFile>) -> Answer<File> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    let name = new.filename.trim();
    if name.is_empty() || name.chars().count() > 255 || name.chars().any(char::is_control) {
        let detail = "the name of a file has 1 to 255 characters and no control characters".to_owned();
        return Err(Error::BadRequest { param: "filename", detail }.into());
    }
    // The size is what the store holds, whatever the request says.
    let bytes = engine.blobs.size(&new.blob).await.map_err(Error::from)?;
    if bytes > engine.config.max_file_bytes {
        return Err(Error::TooLarge { bytes, limit: engine.config.max_file_bytes }.into());
    }
    let limit = engine.config.tenant_storage_bytes;
    if limit > 0 && engine.store.of(caller.tenant).stored_bytes().await?.saturating_add(bytes) > limit {
        return Err(Error::StorageFull { limit }.into());
    }
    let purpose = new.purpose.as_deref().unwrap_or("user_data");
    let row = engine.store.of(caller.tenant).add_file(&new.blob, name, bytes, purpose, caller.user).await?;
    Ok(Json(wire(row)))
}

/// The files that the caller sees.
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Answer<Page<File>> {
    Permission::ReadKnowledge.check(&caller).map_err(Error::from)?;
    let (rows, has_more) = engine.files(&caller, &checked_page::<FileId>(page)?).await?;
    Ok(Json(Page::new(rows.into_iter().map(wire).collect(), has_more, |file: &File| file.id.to_string())))
}

/// One file.
pub(super) async fn show(State(engine): State<Arc<Engine>>, caller: Caller, Path(file): Path<String>) -> Answer<File> {
    Permission::ReadKnowledge.check(&caller).map_err(Error::from)?;
    Ok(Json(wire(engine.file(&caller, id(&file)?).await?)))
}

/// Where the bytes are.
pub(super) async fn content(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(file): Path<String>,
) -> Answer<FileContent> {
    Permission::ReadKnowledge.check(&caller).map_err(Error::from)?;
    let row = engine.file(&caller, id(&file)?).await?;
    let mime = mime_of(&row.filename).to_owned();
    Ok(Json(FileContent { blob: row.blob, filename: row.filename, mime, bytes: row.bytes }))
}

/// Deletes a file and takes it out of every knowledge base: one's own, or as somebody who manages knowledge any.
pub(super) async fn delete(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(file): Path<String>,
) -> Answer<Deleted> {
    Permission::WriteKnowledge.check(&caller).map_err(Error::from)?;
    let file: FileId = id(&file)?;
    engine.must_own_file(&caller, file).await?;
    engine.store.of(caller.tenant).delete_file(file).await?;
    engine.follow().await?;
    Ok(Json(Deleted { id: file.to_string(), object: "file".to_owned(), deleted: true }))
}

fn wire(row: FileRow) -> File {
    File {
        id: row.id,
        object: "file".to_owned(),
        bytes: row.bytes,
        created_at: row.created_at_ms / 1_000,
        filename: row.filename,
        purpose: row.purpose,
        status: FileStatus::Processed,
    }
}

/// What is served without being read.
const PICTURES: [(&str, &str); 3] = [("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg")];

fn mime_of(filename: &str) -> &'static str {
    let ending = filename.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    let picture = || PICTURES.iter().find(|(own, _)| *own == ending).map(|(_, media_type)| *media_type);
    media_type(filename).or_else(picture).unwrap_or("application/octet-stream")
}
