//! The bytes of a file, with headers that let nothing in it run.
//!
//! A file may hold anything: a person uploaded it or a program of a model wrote it. Whatever it says it is, the browser
//! must not take it for a page of ours. Pictures, plain text and PDF may be shown; the rest is downloaded.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use septet_blobs::Blobs;
use septet_kernel::BlobId;

use crate::Error;

const SHOWN: [&str; 9] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "application/json",
    "text/plain",
    "text/csv",
    "text/markdown",
];

/// Which bytes, and what they are said to be.
pub(super) struct Content {
    pub(super) blob: BlobId,
    pub(super) filename: String,
    pub(super) mime: String,
}

/// Streams the bytes out of the blob store.
pub(super) async fn serve(blobs: &Blobs, content: &Content, headers: &HeaderMap) -> Result<Response, Error> {
    let etag = format!("\"{}\"", content.blob);
    let wanted = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = wanted.split(',').any(|one| one.trim().trim_start_matches("W/") == etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let size = blobs.size(&content.blob).await.map_err(Error::blobs)?;
        let mut response = Response::new(Body::from_stream(blobs.stream(&content.blob).await.map_err(Error::blobs)?));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        response
    };
    let mime = content.mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_shown = SHOWN.contains(&mime.as_str());
    let content_type = match mime.as_str() {
        mime if !is_shown && (mime.contains("html") || mime.contains("xml") || mime.contains("script")) => {
            "application/octet-stream".to_owned()
        }
        mime if mime.starts_with("text/") => format!("{mime}; charset=utf-8"),
        mime => mime.to_owned(),
    };
    let values = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_DISPOSITION, disposition(if is_shown { "inline" } else { "attachment" }, &content.filename)),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // The same id always gives the same bytes, but who may read it can change.
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::ETAG, etag),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    // A type that is no header value leaves none, and the browser must not guess.
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// RFC 6266: a plain name for old clients, the real one in UTF-8 for the others.
fn disposition(kind: &str, filename: &str) -> String {
    let plain: String = filename
        .chars()
        .map(|character| {
            if character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '%' | ';') || character == ' ' {
                character
            } else {
                '_'
            }
        })
        .collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", septet_contracts::call::segment(filename))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_in_a_file_runs_in_the_name_of_the_console() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(folder.path())).unwrap();
        let blob = blobs.put("<script>alert(1)</script>".as_bytes().to_vec()).await.unwrap().id;

        for (mime, is_shown) in [
            ("text/html", false),
            ("image/svg+xml", false),
            ("TEXT/HTML; charset=x", false),
            ("image/png", true),
            ("application/xhtml+xml", false),
            ("text/plain", true),
            ("a\nb", false),
        ] {
            let content = Content { blob: blob.clone(), filename: "图\"表.png".to_owned(), mime: mime.to_owned() };
            let response = serve(&blobs, &content, &HeaderMap::new()).await.unwrap();
            let text = |name: header::HeaderName| response.headers()[name].to_str().unwrap().to_owned();

            assert!(
                text(header::CONTENT_DISPOSITION).starts_with(if is_shown { "inline" } else { "attachment" }),
                "{mime}"
            );
            assert!(
                !text(header::CONTENT_TYPE).contains("html") && !text(header::CONTENT_TYPE).contains("svg"),
                "{mime}"
            );
            assert!(text(header::CONTENT_SECURITY_POLICY).contains("sandbox"));
            assert!(text(header::CONTENT_DISPOSITION).ends_with("filename*=UTF-8''%E5%9B%BE%22%E8%A1%A8.png"));
        }
    }
}
