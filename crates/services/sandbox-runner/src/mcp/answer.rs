//! What the tools answer: text for the model, pictures beside it, and the same as data for programs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use septet_blobs::Blobs;
use septet_chassis::http::log_failure;
use septet_contracts::sandbox::{ContainerFile, Display, ExecutionReport, Outcome};
use septet_kernel::{ContainerId, Failure as _};
use serde_json::{Value, json};

use crate::Error;

// Clients end a session over a message of more than 1 MiB, so all of an answer has to stay below that.

/// The largest file that `read_file` gives.
pub(super) const READ_BYTES_MAX: u64 = 600 << 10;
/// What a model reads of one stream of output.
const TEXT_BYTES_MAX: usize = 48 << 10;
const IMAGES_MAX: usize = 8;
/// Of all images together, in base64.
const IMAGES_BYTES_MAX: usize = 480 << 10;
/// Of what is there for programs, in JSON.
const DATA_BYTES_MAX: usize = 256 << 10;
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
    log_failure(failure);
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
        _ if is_picture(mime) => ContentBlock::image(STANDARD.encode(bytes), mime),
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

/// What became of code. Pictures that there is no room for are in the list of files.
pub(super) async fn report(report: &ExecutionReport, blobs: &Blobs) -> CallToolResult {
    let mut images = Images::default();
    for display in report.displays.iter().filter(|display| is_picture(&display.mime)) {
        images.add(display.text.clone(), &display.mime);
    }
    for file in report.files.iter().filter(|file| is_picture(&file.septet.mime) && file.bytes <= READ_BYTES_MAX) {
        if let Ok(bytes) = blobs.read(&file.septet.blob).await {
            images.add(STANDARD.encode(bytes), &file.septet.mime);
        }
    }
    let mut blocks = vec![ContentBlock::text(words(report))];
    blocks.append(&mut images.blocks);
    let mut result = CallToolResult::success(blocks);
    result.is_error = Some(report.outcome != Outcome::Ok);
    result.structured_content = Some(data(report));
    result
}

fn is_picture(mime: &str) -> bool {
    PICTURES.contains(&mime)
}

/// The pictures that fit into an answer.
#[derive(Default)]
struct Images {
    blocks: Vec<ContentBlock>,
    n_bytes: usize,
}

impl Images {
    fn add(&mut self, base64: String, mime: &str) {
        if self.blocks.len() < IMAGES_MAX && self.n_bytes + base64.len() <= IMAGES_BYTES_MAX {
            self.n_bytes += base64.len();
            self.blocks.push(ContentBlock::image(base64, mime));
        }
    }
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
    // Python's is on standard error already.
    let is_told = |traceback: &str| !traceback.is_empty() && report.stderr.contains(traceback.trim_end());
    if let Some(error) = report.error.as_ref().filter(|error| !is_told(&error.traceback)) {
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
    let mut room = DATA_BYTES_MAX;
    let mut fits = |n_bytes: usize| {
        let has_room = n_bytes <= room;
        room -= if has_room { n_bytes } else { 0 };
        has_room
    };
    let mut result = json!(report.result);
    if !fits(result.to_string().len()) {
        result["json"] = Value::Null;
    }
    let mut display = |display: &Display| {
        // Pictures stand beside the data already; what is huge is only named.
        let is_shown = !is_picture(&display.mime) && fits(display.text.len());
        json!({"mime": display.mime, "text": is_shown.then_some(&display.text)})
    };
    let displays: Vec<Value> = report.displays.iter().map(&mut display).collect();
    json!({
        "container": report.container,
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "stdout": cut(&report.stdout),
        "stderr": cut(&report.stderr),
        "result": result,
        "displays": displays,
        "files": report.files,
        "error": report.error,
        "duration_ms": report.duration_ms,
        "truncated": report.truncated,
    })
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
