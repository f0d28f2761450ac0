//! What the tools answer: text for the model, pictures beside it, and the same as data for programs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use septet_blobs::Blobs;
use septet_contracts::sandbox::{ContainerFile, Display, ExecutionReport, Outcome};
use septet_kernel::{ContainerId, Failure as _, Kind};
use serde_json::{Value, json};
use tracing::error;

use crate::Error;

/// The largest file that `read_file` gives.
pub(super) const READ_BYTES_MAX: u64 = 4 << 20;
/// What a model reads of one stream of output.
const TEXT_BYTES_MAX: usize = 48 << 10;
const IMAGES_MAX: usize = 8;
const IMAGE_BYTES_MAX: u64 = 2 << 20;
/// A display that is shown to programs in full.
const DISPLAY_BYTES_MAX: usize = 256 << 10;
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

pub(super) fn of<T>(result: Result<T, Error>, answer: impl FnOnce(T) -> CallToolResult) -> CallToolResult {
    match result {
        Ok(value) => answer(value),
        Err(error) => failed(&error),
    }
}

/// Something the model can act on, so it is told as a result and not as a failure of the protocol.
pub(super) fn refused(why: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why)])
}

pub(super) fn failed(failure: &Error) -> CallToolResult {
    if failure.kind() == Kind::Internal {
        error!(error.detail = %septet_kernel::causes(failure), "a tool failed");
    }
    let mut result = refused(&failure.to_string());
    result.structured_content = Some(json!({"error": {"code": failure.code(), "message": failure.to_string()}}));
    result
}

pub(super) fn too_large(file: &ContainerFile) -> CallToolResult {
    let way = format!("/v1/containers/{}/files/{}/content", file.container_id, file.id);
    refused(&format!("{} has {} bytes; read a part of it with code, or fetch it from {way}", file.path, file.bytes))
}

pub(super) fn listed(container: ContainerId, files: &[ContainerFile]) -> CallToolResult {
    let lines: Vec<String> = files.iter().map(line).collect();
    let text = if lines.is_empty() { "no files".to_owned() } else { lines.join("\n") };
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(json!({"container": container, "files": files}));
    result
}

pub(super) fn done(container: ContainerId, what: &str) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(what)]);
    result.structured_content = Some(json!({"container": container}));
    result
}

pub(super) fn forked(container: ContainerId, left_behind: &[String]) -> CallToolResult {
    let mut text = format!("the copy is {container}");
    if !left_behind.is_empty() {
        text.push_str(&format!("; without a copy are: {}", left_behind.join(", ")));
    }
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(json!({"container": container, "left_behind": left_behind}));
    result
}

pub(super) fn content(file: &ContainerFile, bytes: &[u8]) -> CallToolResult {
    let mime = file.septet.mime.as_str();
    let block = match std::str::from_utf8(bytes) {
        _ if PICTURES.contains(&mime) => ContentBlock::image(STANDARD.encode(bytes), mime),
        Ok(text) => ContentBlock::text(cut(text)),
        Err(_) => {
            let uri = format!("file://{}", file.path);
            ContentBlock::resource(ResourceContents::blob(STANDARD.encode(bytes), uri).with_mime_type(mime))
        }
    };
    let mut result = CallToolResult::success(vec![block]);
    result.structured_content = Some(json!({"container": file.container_id, "file": file}));
    result
}

/// What became of code. Pictures that cannot be read are left out; they are still in the list of files.
pub(super) async fn report(report: &ExecutionReport, blobs: &Blobs) -> CallToolResult {
    let mut blocks = vec![ContentBlock::text(words(report))];
    for display in report.displays.iter().filter(|display| PICTURES.contains(&display.mime.as_str())) {
        blocks.push(ContentBlock::image(display.text.clone(), display.mime.clone()));
    }
    for file in &report.files {
        let mime = file.septet.mime.as_str();
        if blocks.len() <= IMAGES_MAX && file.bytes <= IMAGE_BYTES_MAX && PICTURES.contains(&mime) {
            if let Ok(bytes) = blobs.read(&file.septet.blob).await {
                blocks.push(ContentBlock::image(STANDARD.encode(bytes), mime));
            }
        }
    }
    blocks.truncate(IMAGES_MAX + 1);
    let mut result = CallToolResult::success(blocks);
    result.is_error = Some(report.outcome != Outcome::Ok);
    result.structured_content = Some(data(report));
    result
}

fn words(report: &ExecutionReport) -> String {
    let mut parts = Vec::new();
    let mut add = |title: &str, text: &str| {
        let text = text.trim_end();
        if !text.is_empty() {
            parts.push(if title.is_empty() { cut(text) } else { format!("[{title}]\n{}", cut(text)) });
        }
    };
    add("", &report.stdout);
    add("stderr", &report.stderr);
    if let Some(result) = &report.result {
        add("result", &result.text);
    }
    for display in
        report.displays.iter().filter(|display| display.mime.starts_with("text/") && display.mime != "text/html")
    {
        add("shown", &display.text);
    }
    // A traceback is on standard error already.
    if let Some(error) = report.error.as_ref().filter(|error| error.traceback.is_empty()) {
        add("error", &format!("{}: {}", error.name, error.message));
    }
    let files: Vec<String> = report.files.iter().map(line).collect();
    add("files", &files.join("\n"));
    if report.truncated {
        add("note", "output or files were left out because of a limit");
    }
    if parts.is_empty() { "no output".to_owned() } else { parts.join("\n") }
}

fn data(report: &ExecutionReport) -> Value {
    let displays: Vec<Value> = report.displays.iter().map(display).collect();
    json!({
        "container": report.container,
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "stdout": cut(&report.stdout),
        "stderr": cut(&report.stderr),
        "result": report.result,
        "displays": displays,
        "files": report.files,
        "error": report.error,
        "duration_ms": report.duration_ms,
        "truncated": report.truncated,
    })
}

/// Pictures stand beside the data already; what is huge is only named.
fn display(display: &Display) -> Value {
    let is_shown = !PICTURES.contains(&display.mime.as_str()) && display.text.len() <= DISPLAY_BYTES_MAX;
    json!({"mime": display.mime, "text": is_shown.then_some(&display.text)})
}

fn line(file: &ContainerFile) -> String {
    format!("{} ({}, {} bytes)", file.path, file.septet.mime, file.bytes)
}

fn cut(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=TEXT_BYTES_MAX).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}\n... ({} bytes left out)", &text[..end], text.len() - end)
}
