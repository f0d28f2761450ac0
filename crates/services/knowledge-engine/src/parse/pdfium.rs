//! Reads characters and drawn lines of a PDF through libpdfium. Runs in the child process only.

use std::path::{Path, PathBuf};

use pdfium_render::prelude::{
    PdfDocument, PdfFontWeight, PdfPage, PdfPageObject, PdfPageObjectCommon, PdfPageObjectsCommon,
    PdfPageRenderRotation, PdfPathSegmentType, PdfPathSegments, Pdfium, PdfiumError, PdfiumInternalError,
};

use super::ParseFailure;
use crate::document::Page;
use crate::layout::words::BREAK;
use crate::layout::{self, Glyph, Rule};

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

/// Opens a file.
pub(super) fn open<'a>(pdfium: &'a Pdfium, path: &Path) -> Result<PdfDocument<'a>, ParseFailure> {
    pdfium.load_pdf_from_file(path, None).map_err(|error| match error {
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
    let space = Space::of(&page);
    let glyphs = glyphs(&page, &space)?;
    let rules = rules(&page, &space);
    Ok(layout::page(number, space.width, space.height, &glyphs, &rules))
}

/// From the page's own space (origin at the bottom left, before rotation) to the displayed page.
struct Space {
    left: f32,
    bottom: f32,
    right: f32,
    top: f32,
    turn: u16,
    width: f32,
    height: f32,
}

impl Space {
    fn of(page: &PdfPage<'_>) -> Self {
        let turn = match page.rotation() {
            Ok(PdfPageRenderRotation::Degrees90) => 90,
            Ok(PdfPageRenderRotation::Degrees180) => 180,
            Ok(PdfPageRenderRotation::Degrees270) => 270,
            Ok(PdfPageRenderRotation::None) | Err(_) => 0,
        };
        let (width, height) = (page.width().value, page.height().value);
        let (plain_width, plain_height) = if turn == 90 || turn == 270 { (height, width) } else { (width, height) };
        let bounds = page.boundaries().bounding().ok().map(|boundary| boundary.bounds);
        let (left, bottom) = bounds.map_or((0.0, 0.0), |bounds| (bounds.left().value, bounds.bottom().value));
        Self { left, bottom, right: left + plain_width, top: bottom + plain_height, turn, width, height }
    }

    /// left, top, right, bottom on the displayed page.
    fn place(&self, left: f32, bottom: f32, right: f32, top: f32) -> (f32, f32, f32, f32) {
        match self.turn {
            90 => (bottom - self.bottom, left - self.left, top - self.bottom, right - self.left),
            180 => (self.right - right, bottom - self.bottom, self.right - left, top - self.bottom),
            270 => (self.top - top, self.right - right, self.top - bottom, self.right - left),
            _ => (left - self.left, self.top - top, right - self.left, self.top - bottom),
        }
    }
}

fn glyphs(page: &PdfPage<'_>, space: &Space) -> Result<Vec<Glyph>, PdfiumError> {
    let text = page.text()?;
    let mut glyphs = Vec::new();
    let mut style = (0.0_f32, false);
    let mut fresh = true;
    for char in text.chars().iter().take(MAX_GLYPHS) {
        let Some(value) = char.unicode_char() else { continue };
        if value.is_whitespace() || value == '\0' {
            let drawn = !char.is_generated().unwrap_or(false);
            glyphs.push(Glyph { char: if drawn { ' ' } else { BREAK }, ..BLANK });
            fresh = true;
            continue;
        }
        let Ok(bounds) = char.loose_bounds().or_else(|_| char.tight_bounds()) else { continue };
        let size = char.scaled_font_size().value.abs();
        if fresh || (size - style.0).abs() > 0.1 {
            // The name of the font is a string from the library; once a word is enough.
            let heavy = char.font_weight().is_some_and(is_heavy) || is_bold_name(&char.font_name());
            style = (size, heavy);
            fresh = false;
        }
        let Some(turn) = turn_of(char.angle_radians().unwrap_or(0.0), space.turn) else { continue };
        let (left, top, right, bottom) =
            space.place(bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value);
        // Some fonts declare no sensible height; a band around the middle does as well.
        let across = if turn == 90 || turn == 270 { right - left } else { bottom - top };
        let size = if size > 0.5 { size } else { across.max(1.0) };
        let (top, bottom) = if turn.is_multiple_of(180) && bottom - top > 2.2 * size {
            let middle = f32::midpoint(top, bottom);
            (middle - 0.6 * size, middle + 0.6 * size)
        } else {
            (top, bottom)
        };
        glyphs.push(Glyph { char: value, left, right, top, bottom, size, bold: style.1, turn });
    }
    Ok(glyphs)
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

/// Clockwise turn as displayed, `None` when it is not a right angle.
fn turn_of(radians: f32, page_turn: u16) -> Option<u16> {
    let counter_clockwise = radians.to_degrees().rem_euclid(360.0);
    let clockwise = (360.0 - counter_clockwise + f32::from(page_turn)).rem_euclid(360.0);
    [0_u16, 90, 180, 270].into_iter().find(|turn| {
        let away = (clockwise - f32::from(*turn)).abs();
        !(3.0..=357.0).contains(&away)
    })
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
        let (x, y, _, _) = space.place(x.value, y.value, x.value, y.value);
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
