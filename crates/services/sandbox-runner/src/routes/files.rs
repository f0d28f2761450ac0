//! Bytes in and out: blobs by their names between services; forms and plain bytes for clients with a key.
//!
//! Such a client never names a blob. The name is a hash, hashes are no secret, and whoever could name one could read
//! what another tenant has stored.

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use septet_chassis::http::form::{self, BadForm, Form};
use septet_chassis::http::{Content, Json, Refusal};
use septet_contracts::sandbox as api;
use septet_kernel::{Caller, TenantId};

use super::{Answer, Shared, id, ids};
use crate::keys::Key;
use crate::sandbox::Sandbox;
use crate::{Error, wire};

// A JSON body that names a blob is a hundred bytes.
const MAX_NAMING_BYTES: usize = 64 << 10;

pub(super) async fn add(
    State(sandbox): Shared,
    caller: Caller,
    key: Option<Extension<Key>>,
    Path(container): Path<String>,
    request: Request,
) -> Answer<api::ContainerFile> {
    let container = id(&container)?;
    // Checked before the body is read: nobody may fill the disk for a container that is not theirs.
    sandbox.usable(caller.tenant, container).await?;
    let new = if Form::is_announced(request.headers()) {
        receive(&sandbox, caller.tenant, request).await?
    } else if key.is_some() {
        return Err(Error::Form(BadForm::NoForm).into());
    } else {
        named(request).await?
    };
    Ok(Json(wire::file(&sandbox.add_file(caller.tenant, container, new).await?)))
}

/// Where the bytes are, for a service; the bytes, for a client.
pub(super) async fn content(
    State(sandbox): Shared,
    caller: Caller,
    key: Option<Extension<Key>>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Error>> {
    let (container, file) = ids(&path)?;
    let file = sandbox.file(caller.tenant, container, file).await?;
    if key.is_none() {
        return Ok(Json(wire::content(&file)).into_response());
    }
    let content = Content { tag: file.blob.to_string(), filename: file.name().to_owned(), mime: file.mime() };
    if content.is_known_to(&headers) {
        return Ok(content.unchanged());
    }
    let bytes = sandbox.blobs.stream(&file.blob).await.map_err(Error::from)?;
    Ok(content.answer(file.bytes, Body::from_stream(bytes)))
}

async fn named(request: Request) -> Result<api::NewFile, Error> {
    let body = to_bytes(request.into_body(), MAX_NAMING_BYTES).await;
    let body = body.map_err(|_| Error::BadBody("a body that names a blob is shorter".to_owned()))?;
    serde_json::from_slice(&body).map_err(|error| Error::BadBody(error.to_string()))
}

/// A form with the field `file` and, for a place in a folder, the field `path`.
async fn receive(sandbox: &Sandbox, tenant: TenantId, request: Request) -> Result<api::NewFile, Error> {
    let (mut file, mut path) = (None, None);
    let (limit_bytes, most) = (sandbox.config.tenant_storage_bytes, sandbox.config.files_bytes());
    let left = sandbox.space_left(tenant).await?;
    if left == 0 {
        return Err(Error::StorageFull { limit_bytes });
    }
    let mut form = Form::open(request).await?;
    while let Some(field) = form.field().await? {
        match field.name() {
            Some("file") if file.is_none() => {
                let filename = form::filename(&field);
                let stored = sandbox.blobs.put_stream(field, left.min(most)).await.map_err(|error| match error {
                    septet_blobs::Error::TooLarge { .. } if left < most => Error::StorageFull { limit_bytes },
                    other => not_stored(other),
                });
                file = Some((stored?.id, filename));
            }
            Some("file") => return Err(BadForm::TwoFiles.into()),
            Some("path") => path = Some(form::short_text("path", field).await?),
            _ => form::skip(field).await?,
        }
    }
    let (blob, filename) = file.ok_or(BadForm::NoFile)?;
    Ok(api::NewFile { blob, path: path.unwrap_or(filename) })
}

fn not_stored(error: septet_blobs::Error) -> Error {
    match error {
        septet_blobs::Error::TooLarge { limit_bytes } => Error::Full { limit_bytes },
        septet_blobs::Error::Source(_) => Error::BrokenUpload,
        other => Error::Blobs(other),
    }
}
