//! Kinds of pictures and documents.

/// The media type of base64 data, by its first bytes; a document without a known beginning is taken for a PDF.
pub(crate) fn sniff(base64: &str) -> &'static str {
    // `\x89PNG`, `\xff\xd8\xff`, `GIF8`, `RIFF`.
    let known = [("iVBORw", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    known.iter().find(|(begin, _)| base64.starts_with(begin)).map_or("application/pdf", |(_, mime)| mime)
}

/// The ending of a document's file name that fits its kind.
pub(crate) fn extension(mime: &str) -> Option<&'static str> {
    let known = [
        ("application/pdf", "pdf"),
        ("text/csv", "csv"),
        ("application/msword", "doc"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.ms-excel", "xls"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("text/html", "html"),
        ("text/plain", "txt"),
        ("text/markdown", "md"),
    ];
    known.iter().find(|(name, _)| *name == mime).map(|(_, extension)| *extension)
}
