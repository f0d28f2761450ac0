//! Files: uploads stream into the blob store, downloads stream out of it.

use std::pin::pin;
use std::task::{Poll, ready};

use axum::Json as Plain;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::response::Response;
use futures::{StreamExt, stream};
use http::HeaderMap;
use septet_blobs::Stored;
use septet_chassis::http::Refusal;
use septet_contracts::call::segment;
use septet_contracts::knowledge::{Deleted, File, FileContent, NewFile};
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, ServiceName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content::{Content, serve};
use crate::Error;
use crate::door::TooLong;
use crate::gateway::{App, Gateway};

const MAX_FIELD_BYTES: usize = 4096;
const MAX_FIELDS: usize = 32;

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

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(upload, list)).routes(routes!(show, delete)).routes(routes!(content))
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
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
async fn content(
    State(app): State<App>,
    caller: Caller,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Error>> {
    let path = format!("/v1/files/{}/content", segment(file));
    let found = app.peer(ServiceName::KnowledgeEngine).get(&caller, &path).answer().await.map_err(Error::from)?;
    let FileContent { blob, filename, mime, .. } = found;
    Ok(serve(&app.blobs, &Content { blob, filename, mime }, &headers).await?)
}

impl Gateway {
    /// Receives the file of a multipart form, with flat memory. Fields may come in any order.
    pub(super) async fn receive(&self, request: Request) -> Result<Upload, Error> {
        let too_long = request.extensions().get::<TooLong>().cloned().unwrap_or_default();
        match self.receive_form(request).await {
            Err(error) => Err(too_long.refusal().unwrap_or(error)),
            received => received,
        }
    }

    async fn receive_form(&self, request: Request) -> Result<Upload, Error> {
        let form = Multipart::from_request(request.map(one_at_a_time), &()).await;
        let mut form = form
            .map_err(|_| Error::bad_request("send the file as multipart/form-data, in the field \"file\"", "file"))?;
        let (mut file, mut purpose) = (None, None);
        let mut n_fields = 0;
        while let Some(field) = form.next_field().await.map_err(broken)? {
            n_fields += 1;
            if n_fields > MAX_FIELDS {
                return Err(Error::bad_request("the form has too many fields", ""));
            }
            match field.name() {
                Some("file") if file.is_none() => {
                    let filename = plain_name(field.file_name().unwrap_or_default());
                    let stored = self.blobs.put_stream(field, self.config.upload_limit_bytes()).await;
                    file = Some((stored.map_err(stored_error)?, filename));
                }
                Some("file") => return Err(Error::bad_request("one file at a time", "file")),
                Some("purpose") => purpose = Some(short_text(field).await?),
                // OpenAI's form grows; what is not known here is read past.
                _ => {}
            }
        }
        let (stored, filename) = file.ok_or_else(|| Error::bad_request("the form has no field \"file\"", "file"))?;
        Ok(Upload { stored, filename, purpose })
    }
}

/// The body, with a breath after each chunk. The parser of forms reads as long as something is ready, so a client that
/// is faster than the disk would fill the memory.
fn one_at_a_time(body: Body) -> Body {
    let mut chunks = body.into_data_stream();
    let mut is_breathing = false;
    Body::from_stream(stream::poll_fn(move |context| {
        if std::mem::take(&mut is_breathing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let chunk = ready!(chunks.poll_next_unpin(context));
        is_breathing = true;
        Poll::Ready(chunk)
    }))
}

async fn short_text(field: Field<'_>) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut field = pin!(field);
    while let Some(chunk) = field.next().await {
        bytes.extend_from_slice(&chunk.map_err(broken)?);
        if bytes.len() > MAX_FIELD_BYTES {
            return Err(Error::bad_request("this field of the form is too long", "purpose"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::bad_request("this field of the form is not UTF-8", "purpose"))
}

fn broken(error: MultipartError) -> Error {
    Error::bad_request(format!("the upload broke off: {error}"), "file")
}

fn stored_error(error: septet_blobs::Error) -> Error {
    match error {
        septet_blobs::Error::TooLarge { limit_bytes } => Error::TooLarge { limit_bytes },
        septet_blobs::Error::Source(_) => Error::bad_request("the upload broke off", "file"),
        other => Error::blobs(other),
    }
}

/// The last part of a name without what no name should have; `upload` when nothing is left.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|character| !character.is_control()).take(200).collect();
    let plain = plain.trim().trim_matches('.').trim();
    if plain.is_empty() { "upload".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_last_part_and_its_language() {
        assert_eq!(plain_name("C:\\Users\\me\\年报 2024.pdf"), "年报 2024.pdf");
        assert_eq!(plain_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_name("a\r\nb.txt"), "ab.txt");
        assert_eq!(plain_name(".."), "upload");
    }
}
