//! Reads characters and drawn lines of a PDF through libpdfium. Runs in the child process only.

use std::fs::File;
use std::path::{Path, PathBuf};

use pdfium_render::prelude::{
    PdfDocument, PdfFontWeight, PdfMatrix, PdfPage, PdfPageObject, PdfPageObjectCommon, PdfPageObjectsCommon,
    PdfPageRenderRotation, PdfPathSegmentType, PdfPathSegments, Pdfium, PdfiumError, PdfiumInternalError,
};

use super::direction::{self, Drawn};
use super::space::{Space, magnification};
use crate::document::Page;
use crate::layout::words::BREAK;
use crate::layout::{self, Glyph, Rule};
use crate::parse::ParseFailure;

/// Characters of one page beyond which the rest is dropped: no page for people has so many.
const MAX_GLYPHS: usize = 200_000;
/// Drawn objects of one page that are looked at for lines.
const MAX_OBJECTS: usize = 40_000;

/// The first library of the list that can be loaded.
pub(super) fn bind(candidates: &[PathBuf]) -> Option<Pdfium> {
    candidates.iter().find_map(|path| load(path))
}

fn load(path: &Path) -> Option<Pdfium> {
    if !path.is_file() {
        return None;
    }
    Pdfium::bind_to_library(path).ok().map(Pdfium::new)
}

/// A page with a character of a font that is not in the file. No table of objects: the library finds them.
const WITHOUT_ITS_FONT: &[u8] = b"%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 38>>stream
BT /F1 12 Tf 10 10 Td <9879> Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>endobj
6 0 obj<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>>>endobj
trailer<</Root 1 0 R/Size 7>>
%%EOF
";

/// Makes the library look for the fonts of this machine, which it does only when it first needs one.
pub(super) fn find_fonts(pdfium: &Pdfium) {
    let Ok(document) = pdfium.load_pdf_from_byte_slice(WITHOUT_ITS_FONT, None) else { return };
    let Ok(page) = document.pages().get(0) else { return };
    let Ok(text) = page.text() else { return };
    for char in text.chars().iter() {
        // Only asking counts.
        let _ = char.loose_bounds();
    }
}

/// Opens a file.
pub(super) fn open(pdfium: &Pdfium, file: File) -> Result<PdfDocument<'_>, ParseFailure> {
    pdfium.load_pdf_from_reader(file, None).map_err(|error| match error {
        PdfiumError::PdfiumLibraryInternalError(
            PdfiumInternalError::PasswordError | PdfiumInternalError::SecurityError,
        ) => ParseFailure::PdfEncrypted,
        _ => ParseFailure::PdfBroken,
    })
}

/// Number of pages.
pub(super) fn n_pages(document: &PdfDocument<'_>) -> u32 {
    u32::try_from(document.pages().len()).unwrap_or(0)
}

/// Reads one page, 1 for the first.
pub(super) fn page(document: &PdfDocument<'_>, number: u32) -> Result<Page, PdfiumError> {
    let index = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
    let page = document.pages().get(index)?;
    let mut space = space(&page);
    let mut drawn = drawn(&page, &space)?;
    let scale = magnification(drawn.iter().map(|one| one.glyph.size));
    if scale != 1.0 {
        space = space.scaled(scale);
        drawn.iter_mut().for_each(|one| one.magnify(scale));
    }
    let glyphs = direction::settle(&drawn, space.width(), space.height());
    let rules = rules(&page, &space);
    Ok(layout::page(number, space.width(), space.height(), &glyphs, &rules))
}

/// What is shown of the page, turned as it is shown.
fn space(page: &PdfPage<'_>) -> Space {
    let turn = match page.rotation() {
        Ok(PdfPageRenderRotation::Degrees90) => 90,
        Ok(PdfPageRenderRotation::Degrees180) => 180,
        Ok(PdfPageRenderRotation::Degrees270) => 270,
        Ok(PdfPageRenderRotation::None) | Err(_) => 0,
    };
    let bounds = page.boundaries().bounding().map(|boundary| boundary.bounds);
    let bounds = bounds.map_or((0.0, 0.0, page.width().value, page.height().value), |bounds| {
        (bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value)
    });
    Space::new(bounds, turn)
}

fn drawn(page: &PdfPage<'_>, space: &Space) -> Result<Vec<Drawn>, PdfiumError> {
    let text = page.text()?;
    let mut all = Vec::new();
    let mut style = (0.0_f32, false);
    let mut fresh = true;
    for char in text.chars().iter().take(MAX_GLYPHS) {
        let Some(value) = char.unicode_char() else { continue };
        if value.is_whitespace() || value == '\0' {
            let drawn = !char.is_generated().unwrap_or(false);
            let glyph = Glyph { char: if drawn { ' ' } else { BREAK }, ..BLANK };
            all.push(Drawn { glyph, origin: (0.0, 0.0), degrees: 0.0 });
            fresh = true;
            continue;
        }
        let Ok(bounds) = char.loose_bounds().or_else(|_| char.tight_bounds()) else { continue };
        let (degrees, stretch, slant) = char.matrix().map_or((0.0, 1.0, 0.0), |matrix| orientation(&matrix));
        let declared = char.unscaled_font_size().value;
        let size = (declared * stretch).abs();
        if fresh || (size - style.0).abs() > 0.1 {
            // The name of the font is a string from the library; once a word is enough.
            let heavy = char.font_weight().is_some_and(is_heavy) || is_bold_name(&char.font_name());
            style = (size, heavy);
            fresh = false;
        }
        // A negative size turns letters over, and is mostly there to undo a matrix that does so too.
        let degrees = space.angle(if declared < 0.0 { degrees + 180.0 } else { degrees });
        let (left, top, right, bottom) =
            space.place(bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value);
        let sideways = (45.0..135.0).contains(&degrees.rem_euclid(180.0));
        let across = if sideways { right - left } else { bottom - top };
        // A page may be drawn in large units; a font may also be drawn in a unit of its own, and then its size says nothing.
        let is_plausible = size > 0.5 || (0.25..4.0).contains(&(across / size));
        let size = if is_plausible { size } else { across.max(1.0) };
        // Some fonts declare no sensible height; a band around the middle does as well.
        let (left, right) = if sideways { band(left, right, size) } else { (left, right) };
        let (top, bottom) = if sideways { (top, bottom) } else { band(top, bottom, size) };
        let origin = char.origin().map_or((left, bottom), |(x, y)| space.point(x.value, y.value));
        let edges = (left, top, right, bottom);
        let (left, top, right, bottom) = if slant > 0.02 { unslanted(edges, origin, degrees, slant) } else { edges };
        let glyph = Glyph { char: value, left, right, top, bottom, size, bold: style.1, turn: 0 };
        all.push(Drawn { glyph, origin, degrees });
    }
    Ok(all)
}

/// The box of a slanted letter without what leans out over its neighbours: it would cover the space beside it.
fn unslanted(
    (left, top, right, bottom): (f32, f32, f32, f32),
    origin: (f32, f32),
    degrees: f32,
    slant: f32,
) -> (f32, f32, f32, f32) {
    let (width, height) = (right - left, bottom - top);
    let (across, down) = ((width - slant * height).max(0.0), (height - slant * width).max(0.0));
    match degrees.rem_euclid(360.0) {
        45.0..135.0 => (left, origin.1, right, origin.1 + down),
        135.0..225.0 => (origin.0 - across, top, origin.0, bottom),
        225.0..315.0 => (left, origin.1 - down, right, origin.1),
        _ => (origin.0, top, origin.0 + across, bottom),
    }
}

/// Clockwise angle of a matrix, how much taller than declared it makes a letter, and how far it slants it for its height.
fn orientation(matrix: &PdfMatrix) -> (f32, f32, f32) {
    let (a, b, c, d) = (matrix.a(), matrix.b(), matrix.c(), matrix.d());
    let along = a.hypot(b);
    if along <= f32::EPSILON {
        return (0.0, 1.0, 0.0);
    }
    let area = a * d - b * c;
    let slant = if area.abs() > f32::EPSILON { ((a * c + b * d) / area).abs() } else { 0.0 };
    (-b.atan2(a).to_degrees(), area / along, slant)
}

fn band(from: f32, to: f32, size: f32) -> (f32, f32) {
    if to - from <= 2.2 * size {
        return (from, to);
    }
    let middle = f32::midpoint(from, to);
    (middle - 0.6 * size, middle + 0.6 * size)
}

const BLANK: Glyph = Glyph { char: ' ', left: 0.0, right: 0.0, top: 0.0, bottom: 0.0, size: 0.0, bold: false, turn: 0 };

fn is_heavy(weight: PdfFontWeight) -> bool {
    match weight {
        PdfFontWeight::Weight100
        | PdfFontWeight::Weight200
        | PdfFontWeight::Weight300
        | PdfFontWeight::Weight400Normal
        | PdfFontWeight::Weight500 => false,
        PdfFontWeight::Weight600
        | PdfFontWeight::Weight700Bold
        | PdfFontWeight::Weight800
        | PdfFontWeight::Weight900 => true,
        PdfFontWeight::Custom(weight) => (600..=1_000).contains(&weight),
    }
}

fn is_bold_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["bold", "black", "heavy", "semibold", "simhei", "黑体"].iter().any(|part| name.contains(part))
}

/// Straight lines: strokes, and filled rectangles so thin that they are lines.
fn rules(page: &PdfPage<'_>, space: &Space) -> Vec<Rule> {
    let mut rules = Vec::new();
    for object in page.objects().iter().take(MAX_OBJECTS) {
        if let PdfPageObject::Path(path) = &object {
            let Ok(bounds) = path.bounds() else { continue };
            let (left, top, right, bottom) =
                space.place(bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value);
            let (width, height) = (right - left, bottom - top);
            if !(width.is_finite() && height.is_finite()) || width.max(height) < 4.0 {
                continue;
            }
            if width.min(height) <= 2.5 {
                rules.push(Rule { left, top, right, bottom });
            } else if path.is_stroked().unwrap_or(false) {
                stroked(path, space, (left, top, right, bottom), &mut rules);
            }
        }
    }
    rules
}

/// The edges of a drawn rectangle, or the straight pieces of a longer path.
fn stroked(
    path: &pdfium_render::prelude::PdfPagePathObject<'_>,
    space: &Space,
    edges: (f32, f32, f32, f32),
    rules: &mut Vec<Rule>,
) {
    let (left, top, right, bottom) = edges;
    let segments = path.segments();
    let Ok(matrix) = path.matrix() else { return };
    let segments = segments.transform(matrix);
    let n = segments.len();
    if n > 400 {
        return;
    }
    let mut last: Option<(f32, f32)> = None;
    for segment in segments.iter() {
        let (x, y) = segment.point();
        let (x, y) = space.point(x.value, y.value);
        match segment.segment_type() {
            PdfPathSegmentType::LineTo => {
                if let Some((from_x, from_y)) = last {
                    push_straight((from_x, from_y), (x, y), rules);
                }
            }
            PdfPathSegmentType::BezierTo | PdfPathSegmentType::Unknown => return,
            PdfPathSegmentType::MoveTo => {}
        }
        last = Some((x, y));
    }
    if (4..=5).contains(&n) {
        push_straight((left, top), (right, top), rules);
        push_straight((left, bottom), (right, bottom), rules);
        push_straight((left, top), (left, bottom), rules);
        push_straight((right, top), (right, bottom), rules);
    }
}

fn push_straight(from: (f32, f32), to: (f32, f32), rules: &mut Vec<Rule>) {
    let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
    if width.min(height) <= 1.0 && width.max(height) >= 4.0 && width.is_finite() && height.is_finite() {
        rules.push(Rule {
            left: from.0.min(to.0),
            top: from.1.min(to.1),
            right: from.0.max(to.0),
            bottom: from.1.max(to.1),
        });
    }
}
