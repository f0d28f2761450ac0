//! Serves the web console: from inside the binary, or from a folder.
//!
//! Any path that is no file gives the page, for the console has addresses of its own; where it has none, the page says so
//! and the status is 404. The page carries a nonce that is
//! new each time, so the strict content policy needs no exception for styles; the nonce is also why the page itself is
//! never cached. Everything under `assets/` has its hash in its name and is cached for ever.
//!
//! A binary without the console still builds and says so on a page.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};

const NONCE_MARK: &str = "__SEPTET_NONCE__";
/// The first parts of the console's own addresses, as in `web/src/router.tsx`.
const PAGES: [&str; 4] = ["account", "chat", "keys", "knowledge"];
const PLACEHOLDER: &str = include_str!("console/placeholder.html");

#[derive(rust_embed::RustEmbed)]
#[folder = "../../../web/dist"]
#[allow_missing = true]
struct Embedded;

/// The console's files.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    folder: Option<PathBuf>,
}

struct File {
    bytes: Cow<'static, [u8]>,
    etag: String,
}

impl Console {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The answer for a path that belongs to no API.
    pub(crate) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
        }
        let path = path.trim_start_matches('/');
        let is_page = path.is_empty() || path == "index.html";
        if !is_page && let Some(response) = self.file(path, headers).await {
            return response;
        }
        // A missing script must not come back as a page: the browser would try to run it.
        let looks_like_a_file =
            path.starts_with("assets/") || path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        if looks_like_a_file && !is_page {
            return (StatusCode::NOT_FOUND, "there is no such file").into_response();
        }
        let mut response = self.page().await;
        if !is_page && !has_page(path) {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        response
    }

    async fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut found = None;
        for (encoding, ending) in [("br", ".br"), ("gzip", ".gz")] {
            if accepts(accepted, encoding)
                && let Some(file) = self.load(&format!("{path}{ending}")).await
            {
                found = Some((file, Some(encoding)));
                break;
            }
        }
        let (file, encoding) = match found {
            Some(found) => found,
            None => (self.load(path).await?, None),
        };
        let mut response = if matches(headers, &file.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(Body::from(file.bytes));
            let mime = mime_guess::from_path(path).first_or_octet_stream();
            let with_charset = if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() };
            put(&mut response, header::CONTENT_TYPE, &with_charset);
            response
        };
        if let Some(encoding) = encoding {
            put(&mut response, header::CONTENT_ENCODING, encoding);
        }
        let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        put(&mut response, header::CACHE_CONTROL, cache);
        put(&mut response, header::ETAG, &file.etag);
        put(&mut response, header::VARY, "accept-encoding");
        // An SVG opened on its own is a document, and may not run anything either.
        put(&mut response, header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox");
        Some(response)
    }

    async fn page(&self) -> Response {
        let nonce = nonce();
        let index = self.load("index.html").await;
        let html =
            index.map_or(Cow::Borrowed(PLACEHOLDER), |file| String::from_utf8_lossy(&file.bytes).into_owned().into());
        let mut response = Response::new(Body::from(html.replace(NONCE_MARK, &nonce)));
        put(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
        put(&mut response, header::CACHE_CONTROL, "no-store");
        put(&mut response, header::CONTENT_SECURITY_POLICY, &policy(&nonce));
        put(&mut response, header::REFERRER_POLICY, "same-origin");
        put(&mut response, header::X_FRAME_OPTIONS, "DENY");
        response
    }

    async fn load(&self, path: &str) -> Option<File> {
        let Some(folder) = &self.folder else {
            let file = <Embedded as rust_embed::RustEmbed>::get(path)?;
            return Some(File { etag: etag(&file.metadata.sha256_hash()), bytes: file.data });
        };
        // Only plain names: no path traversal.
        let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || path.contains('\\') {
            return None;
        }
        let bytes = tokio::fs::read(folder.join(path)).await.ok()?;
        Some(File { etag: etag(&Sha256::digest(&bytes)), bytes: bytes.into() })
    }
}

/// Whether the console has something to show there: a page, or a page with one id.
fn has_page(path: &str) -> bool {
    let mut parts = path.trim_end_matches('/').split('/');
    parts.next().is_some_and(|first| PAGES.contains(&first)) && parts.count() < 2
}

/// A nonce for the content security policy, new each time.
pub(crate) fn nonce() -> String {
    STANDARD.encode(rand::random::<[u8; 16]>())
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

fn etag(hash: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&hash[..16]))
}

fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let wanted = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    wanted.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

/// Whether an `Accept-Encoding` names the encoding and does not rule it out with `q=0`.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        is_named && !parts.any(|part| matches!(part.strip_prefix("q=").map(str::parse::<f32>), Some(Ok(0.0))))
    })
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_counts_only_when_it_is_wanted() {
        assert!(accepts("gzip, deflate, br;q=0.9", "br"));
        assert!(!accepts("gzip, br;q=0", "br"));
        assert!(!accepts("", "br"));
        assert!(!accepts("brotli", "br"));
    }

    #[tokio::test]
    async fn there_is_no_way_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        let inner = folder.path().join("dist");
        std::fs::create_dir(&inner).unwrap();
        let console = Console::new(Some(inner));

        for path in ["../secret", "/etc/passwd", "./../secret", "a/../../secret"] {
            assert!(console.load(path).await.is_none(), "{path}");
        }
    }
}
