//! Sandboxes, as OpenAI's containers.

use axum::Json as Plain;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::HeaderMap;
use septet_chassis::http::form::Form;
use septet_chassis::http::{Refusal, read_json};
use septet_contracts::call::segment;
use septet_contracts::knowledge::{self, Deleted};
use septet_contracts::management::Permission::{ReadRuns, UseSandbox};
use septet_contracts::page::{Page, PageQuery};
use septet_contracts::sandbox::{
    Container, ContainerFile, ExecuteRequest, ExecutionReport, FileContent, NewContainer, NewExecution, NewFile,
};
use septet_kernel::{Caller, ServiceName};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::content::{Content, serve};
use crate::Error;
use crate::access::needs;
use crate::gateway::App;
use crate::route::Routes;

// A JSON body that names a file is a hundred bytes.
const MAX_NAMING_BYTES: usize = 64 << 10;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(create), needs(UseSandbox).long())
        .route(routes!(list), needs(ReadRuns))
        .route(routes!(show), needs(ReadRuns))
        .route(routes!(delete), needs(UseSandbox))
        .route(routes!(add_file), needs(UseSandbox).upload())
        .route(routes!(files), needs(ReadRuns))
        .route(routes!(file), needs(ReadRuns))
        .route(routes!(delete_file), needs(UseSandbox))
        .route(routes!(content), needs(ReadRuns))
        .route(routes!(execute), needs(UseSandbox).long())
        .route(routes!(execute_alone), needs(UseSandbox).long())
        .route(routes!(interrupt), needs(UseSandbox))
        .route(routes!(fork), needs(UseSandbox).long())
}

passes! {
    /// Makes a sandbox.
    create: post "/v1/containers" => SandboxRunner.pass {
        tag = "Containers", request_body = NewContainer, responses((status = 200, body = Container)) }

    /// Lists the sandboxes.
    list: get "/v1/containers" => SandboxRunner.pass {
        tag = "Containers", params(PageQuery), responses((status = 200, body = Page<Container>)) }

    /// A sandbox.
    show: get "/v1/containers/{container_id}" => SandboxRunner.pass {
        tag = "Containers", responses((status = 200, body = Container)) }

    /// Deletes a sandbox with its files.
    delete: delete "/v1/containers/{container_id}" => SandboxRunner.pass {
        tag = "Containers", responses((status = 200, body = Deleted)) }

    /// Lists the files in a sandbox.
    files: get "/v1/containers/{container_id}/files" => SandboxRunner.pass {
        tag = "Containers", params(PageQuery), responses((status = 200, body = Page<ContainerFile>)) }

    /// A file in a sandbox.
    file: get "/v1/containers/{container_id}/files/{file_id}" => SandboxRunner.pass {
        tag = "Containers", responses((status = 200, body = ContainerFile)) }

    /// Removes a file from a sandbox, with all its versions.
    delete_file: delete "/v1/containers/{container_id}/files/{file_id}" => SandboxRunner.pass {
        tag = "Containers", responses((status = 200, body = Deleted)) }

    /// Runs code and streams what happens, one JSON object a line. With `Idempotency-Key` the code runs once.
    execute: post "/v1/containers/{container_id}/executions" => SandboxRunner.pass {
        tag = "Containers", request_body = NewExecution,
        responses((status = 200, content_type = "application/x-ndjson", body = Object)) }

    /// Runs code, in a sandbox that is made for it unless one is named, and gives everything that came of it as one
    /// document; with `stream` the events as they happen. With `Idempotency-Key` the code runs once.
    execute_alone: post "/v1/execute" => SandboxRunner.pass {
        tag = "Containers", request_body = ExecuteRequest, responses((status = 200, body = ExecutionReport)) }

    /// Has the code that runs in a sandbox raise `KeyboardInterrupt`; a stateful interpreter keeps its variables.
    interrupt: post "/v1/containers/{container_id}/executions/interrupt" => SandboxRunner.pass {
        tag = "Containers", responses((status = 204)) }

    /// Makes a second sandbox with the files and the variables of this one.
    fork: post "/v1/containers/{container_id}/fork" => SandboxRunner.pass {
        tag = "Containers", responses((status = 200, body = Container)) }
}

/// Names an uploaded file to be put into a sandbox.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExistingFile {
    /// The id of the file.
    file_id: String,
}

/// Puts a file into a sandbox: multipart/form-data with the field `file`, or JSON with the id of an uploaded one.
#[utoipa::path(post, path = "/v1/containers/{container_id}/files", tag = "Containers", request_body = ExistingFile,
    responses((status = 200, body = ContainerFile)))]
async fn add_file(
    State(app): State<App>,
    caller: Caller,
    Path(container): Path<String>,
    request: Request,
) -> Result<Plain<ContainerFile>, Refusal<Error>> {
    let is_form = Form::is_announced(request.headers());
    let caller = caller.without_deadline();
    // A blob is named only here, after the tenant has shown that it owns the bytes: hashes are no secret.
    let new = if is_form {
        let upload = app.receive(request).await?;
        NewFile { blob: upload.stored.id, path: upload.filename }
    } else {
        let body = axum::body::to_bytes(request.into_body(), MAX_NAMING_BYTES).await;
        let body = body.map_err(|_| Error::TooLarge { limit_bytes: MAX_NAMING_BYTES as u64 })?;
        let existing: ExistingFile = read_json(None, body)
            .await
            .map_err(|error| Error::bad_request(format!("the JSON body does not fit: {error}"), "file_id"))?;
        let path = format!("/v1/files/{}/content", segment(existing.file_id));
        let peer = app.peer(ServiceName::KnowledgeEngine);
        let found: knowledge::FileContent = peer.get(&caller, &path).answer().await.map_err(Error::from)?;
        NewFile { blob: found.blob, path: found.filename }
    };
    let path = format!("/v1/containers/{}/files", segment(container));
    let file = app.peer(ServiceName::SandboxRunner).post(&caller, &path, &new).answer().await;
    Ok(Plain(file.map_err(Error::from)?))
}

/// The bytes of a file in a sandbox: a chart, a table.
#[utoipa::path(get, path = "/v1/containers/{container_id}/files/{file_id}/content", tag = "Containers",
    responses((status = 200, content_type = "*/*", body = Vec<u8>), (status = 304)))]
async fn content(
    State(app): State<App>,
    caller: Caller,
    Path((container, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Error>> {
    let path = format!("/v1/containers/{}/files/{}/content", segment(container), segment(file));
    let found = app.peer(ServiceName::SandboxRunner).get(&caller, &path).answer().await.map_err(Error::from)?;
    let FileContent { blob, filename, mime, .. } = found;
    Ok(serve(&app.blobs, Content { blob, filename, mime }, &headers).await?)
}
