//! Files: uploads stream into the blob store, downloads stream out of it.

use axum::Json as Plain;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::HeaderMap;
use septet_blobs::Stored;
use septet_chassis::http::Refusal;
use septet_chassis::http::form::{self, BadForm, Form};
use septet_contracts::call::segment;
use septet_contracts::knowledge::{Deleted, File, FileContent, NewFile};
use septet_contracts::management::Permission::{ReadKnowledge, WriteKnowledge};
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, ServiceName};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::content::{Content, serve};
use crate::Error;
use crate::access::needs;
use crate::admission::Inspection;
use crate::gateway::{App, Gateway};
use crate::route::Routes;

/// The form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described, never built: the fields are streamed")]
struct UploadForm {
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
    /// What it is for. `assistants` unless told.
    purpose: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(upload), needs(WriteKnowledge).upload())
        .route(routes!(list), needs(ReadKnowledge))
        .route(routes!(show), needs(ReadKnowledge))
        .route(routes!(delete), needs(WriteKnowledge))
        .route(routes!(content), needs(ReadKnowledge))
}

/// A file that has arrived.
pub(super) struct Upload {
    pub(super) stored: Stored,
    pub(super) filename: String,
    pub(super) purpose: Option<String>,
}

/// Uploads a file as multipart/form-data.
#[utoipa::path(post, path = "/v1/files", tag = "Files",
    request_body(content = UploadForm, content_type = "multipart/form-data"), responses((status = 200, body = File)))]
async fn upload(State(app): State<App>, caller: Caller, request: Request) -> Result<Plain<File>, Refusal<Error>> {
    let Upload { stored, filename, purpose } = app.receive(request).await?;
    let new = NewFile { blob: stored.id, filename, bytes: stored.bytes, purpose };
    // The deadline was for the upload; what is left of it after a slow one should not fail the last step.
    let caller = caller.without_deadline();
    let file = app.peer(ServiceName::KnowledgeEngine).post(&caller, "/v1/files", &new).answer().await;
    Ok(Plain(file.map_err(Error::from)?))
}

passes! {
    /// Lists the files.
    list: get "/v1/files" => KnowledgeEngine.pass {
        tag = "Files", params(PageQuery), responses((status = 200, body = Page<File>)) }

    /// A file.
    show: get "/v1/files/{file_id}" => KnowledgeEngine.pass {
        tag = "Files", responses((status = 200, body = File)) }

    /// Deletes a file; it leaves every knowledge base that it is in.
    delete: delete "/v1/files/{file_id}" => KnowledgeEngine.pass {
        tag = "Files", responses((status = 200, body = Deleted)) }
}

/// The bytes of a file.
#[utoipa::path(get, path = "/v1/files/{file_id}/content", tag = "Files",
    responses((status = 200, content_type = "*/*", body = Vec<u8>)))]
async fn content(
    State(app): State<App>,
    caller: Caller,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Error>> {
    let path = format!("/v1/files/{}/content", segment(file));
    let found = app.peer(ServiceName::KnowledgeEngine).get(&caller, &path).answer().await.map_err(Error::from)?;
    let FileContent { blob, filename, mime, .. } = found;
    Ok(serve(&app.blobs, Content { blob, filename, mime }, &headers).await?)
}

impl Gateway {
    /// Receives the file of a multipart form, with flat memory. Fields may come in any order.
    pub(super) async fn receive(&self, request: Request) -> Result<Upload, Error> {
        let inspection = request.extensions().get::<Inspection>().cloned().unwrap_or_default();
        match self.receive_form(request).await {
            Err(error) => Err(inspection.refusal().unwrap_or(error)),
            received => received,
        }
    }

    async fn receive_form(&self, request: Request) -> Result<Upload, Error> {
        let mut form = Form::open(request).await?;
        let (mut file, mut purpose) = (None, None);
        while let Some(field) = form.field().await? {
            match field.name() {
                Some("file") if file.is_none() => {
                    let filename = form::filename(&field);
                    let stored = self.blobs.put_stream(field, self.config.upload_limit_bytes()).await;
                    file = Some((stored.map_err(stored_error)?, filename));
                }
                Some("file") => return Err(BadForm::TwoFiles.into()),
                Some("purpose") => purpose = Some(form::short_text("purpose", field).await?),
                // OpenAI's form grows; what is not known here is read past.
                _ => form::skip(field).await?,
            }
        }
        let (stored, filename) = file.ok_or(BadForm::NoFile)?;
        Ok(Upload { stored, filename, purpose })
    }
}

fn stored_error(error: septet_blobs::Error) -> Error {
    match error {
        septet_blobs::Error::TooLarge { limit_bytes } => Error::TooLarge { limit_bytes },
        septet_blobs::Error::Source(_) => Error::bad_request("the upload broke off", "file"),
        other => Error::blobs(other),
    }
}
