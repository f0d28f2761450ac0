//! The bytes of a file, with headers that prevent any script in it from running.
//!
//! A file may hold anything: a person uploaded it or a program of a model wrote it. Whatever type it claims, the
//! browser must not treat it as a page of our origin. Pictures, plain text and PDF may be shown; the rest is
//! downloaded.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

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

/// What is said about a file that is served.
#[derive(Debug, Clone)]
pub struct Content {
    /// Something that changes with the bytes, such as their hash.
    pub tag: String,
    /// What a browser should call it.
    pub filename: String,
    /// What it is said to be.
    pub mime: String,
}

impl Content {
    /// Whether whoever asks has these bytes already; then [`Content::unchanged`] is the answer.
    #[must_use]
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let etag = self.etag();
        let wanted = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        wanted.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
    }

    /// The answer without the bytes.
    #[must_use]
    pub fn unchanged(&self) -> Response {
        self.labelled(StatusCode::NOT_MODIFIED.into_response())
    }

    /// The answer with the bytes, of which there are `size_bytes`.
    #[must_use]
    pub fn answer(&self, size_bytes: u64, bytes: Body) -> Response {
        let mut response = Response::new(bytes);
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
        self.labelled(response)
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.tag)
    }

    fn labelled(&self, mut response: Response) -> Response {
        let mime = self.mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_shown = SHOWN.contains(&mime.as_str());
        let content_type = match mime.as_str() {
            mime if !is_shown && (mime.contains("html") || mime.contains("xml") || mime.contains("script")) => {
                "application/octet-stream".to_owned()
            }
            mime if mime.starts_with("text/") => format!("{mime}; charset=utf-8"),
            mime => mime.to_owned(),
        };
        let kind = if is_shown { "inline" } else { "attachment" };
        let values: [(HeaderName, String); 6] = [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_DISPOSITION, disposition(kind, &self.filename)),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            // The same id always gives the same bytes, but who may read it can change.
            (header::CACHE_CONTROL, "private, no-cache".to_owned()),
            (header::ETAG, self.etag()),
        ];
        let headers = response.headers_mut();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        // A type that is no header value leaves none, and the browser must not guess.
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
        response
    }
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
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", encoded(filename))
}

/// Everything but RFC 3986's unreserved characters, percent-encoded.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_file_runs_in_the_name_of_the_console() {
        for (mime, is_shown) in [
            ("text/html", false),
            ("image/svg+xml", false),
            ("TEXT/HTML; charset=x", false),
            ("image/png", true),
            ("application/xhtml+xml", false),
            ("text/plain", true),
            ("a\nb", false),
        ] {
            let content = Content { tag: "abc".to_owned(), filename: "图\"表.png".to_owned(), mime: mime.to_owned() };
            let response = content.answer(25, Body::from("<script>alert(1)</script>"));
            let text = |name: HeaderName| response.headers()[name].to_str().unwrap().to_owned();

            let kind = if is_shown { "inline" } else { "attachment" };
            assert!(text(header::CONTENT_DISPOSITION).starts_with(kind), "{mime}");
            let content_type = text(header::CONTENT_TYPE);
            assert!(!content_type.contains("html") && !content_type.contains("svg"), "{mime}");
            assert!(text(header::CONTENT_SECURITY_POLICY).contains("sandbox"));
            assert!(text(header::CONTENT_DISPOSITION).ends_with("filename*=UTF-8''%E5%9B%BE%22%E8%A1%A8.png"));
        }
    }

    #[test]
    fn whoever_has_the_bytes_is_told_so() {
        let content = Content { tag: "abc".to_owned(), filename: "a".to_owned(), mime: "text/plain".to_owned() };
        let mut headers = HeaderMap::new();
        assert!(!content.is_known_to(&headers));
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"x\", W/\"abc\""));
        assert!(content.is_known_to(&headers));
        assert_eq!(content.unchanged().status(), StatusCode::NOT_MODIFIED);
    }
}
