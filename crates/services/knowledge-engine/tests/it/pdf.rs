//! Writes small PDFs with exactly the geometry that a test is about.

use std::fmt::Write;

/// One page and what is drawn on it.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    pub(crate) media: [f32; 4],
    /// More entries of the page's dictionary: `/Rotate 90`, `/CropBox [...]`.
    pub(crate) entries: String,
    /// Drawing commands; `/F1` is Helvetica.
    pub(crate) content: String,
}

impl Sheet {
    /// A page of A4.
    pub(crate) fn a4(content: impl Into<String>) -> Self {
        Self { media: [0.0, 0.0, 595.0, 842.0], entries: String::new(), content: content.into() }
    }

    pub(crate) fn with(self, entries: impl Into<String>) -> Self {
        Self { entries: entries.into(), ..self }
    }

    /// Everything drawn through one more matrix.
    pub(crate) fn through(self, matrix: &str) -> Self {
        Self { content: format!("q {matrix} cm {} Q\n", self.content), ..self }
    }
}

/// Draws text with its baseline at a place.
pub(crate) fn text(x: f32, y: f32, size: f32, text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    format!("BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET\n")
}

/// Draws a thin line.
pub(crate) fn line(x0: f32, y0: f32, x1: f32, y1: f32) -> String {
    format!("0.5 w {x0} {y0} m {x1} {y1} l S\n")
}

/// The bytes of a file with these pages.
pub(crate) fn file(sheets: &[Sheet]) -> Vec<u8> {
    let kids: Vec<String> = (0..sheets.len()).map(|at| format!("{} 0 R", 4 + 2 * at)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), sheets.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    for (at, sheet) in sheets.iter().enumerate() {
        let [left, bottom, right, top] = sheet.media;
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [{left} {bottom} {right} {top}] {} \
             /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            sheet.entries,
            5 + 2 * at
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{}\nendstream", sheet.content.len(), sheet.content));
    }
    let mut file = "%PDF-1.6\n".to_owned();
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        write!(file, "{} 0 obj\n{object}\nendobj\n", at + 1).unwrap();
    }
    let start = file.len();
    write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    for offset in offsets {
        writeln!(file, "{offset:010} 00000 n ").unwrap();
    }
    write!(file, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).unwrap();
    file.into_bytes()
}
