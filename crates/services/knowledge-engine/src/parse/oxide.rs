//! Reads a PDF without libpdfium, by a reader written in Rust. Slower, and knows fewer fonts; the same rebuild of rows
//! stands on top. Runs in the child process only.

use std::path::Path;

use pdf_oxide::PdfDocument;
use pdf_oxide::elements::PathOperation;

use super::ParseFailure;
use crate::document::Page;
use crate::layout::{self, Glyph, Rule};

const MAX_GLYPHS: usize = 200_000;
const MAX_PATHS: usize = 40_000;

/// Opens a file.
pub(super) fn open(path: &Path) -> Result<PdfDocument, ParseFailure> {
    let document = PdfDocument::open(path).map_err(|_| ParseFailure::PdfBroken)?;
    if document.is_encrypted() && !document.authenticate(b"").unwrap_or(false) {
        return Err(ParseFailure::PdfEncrypted);
    }
    Ok(document)
}

/// Number of pages, 0 when the page tree is damaged.
pub(super) fn n_pages(document: &PdfDocument) -> u32 {
    document.page_count().map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// Reads one page, 1 for the first; `None` when it is damaged.
pub(super) fn page(document: &PdfDocument, number: u32) -> Option<Page> {
    let index = number.saturating_sub(1) as usize;
    let (left, bottom, right, top) = document.get_page_media_box(index).ok()?;
    let (width, height) = (right - left, top - bottom);
    let chars = document.extract_chars(index).ok()?;
    let mut glyphs = Vec::with_capacity(chars.len());
    let mut last_right = f32::MIN;
    for char in chars.iter().take(MAX_GLYPHS) {
        let turn = right_angle(char.rotation_degrees)?;
        let ascent = if char.ascent > 0.0 { char.ascent } else { 0.8 * char.font_size };
        let descent = if char.descent < 0.0 { char.descent } else { -0.2 * char.font_size };
        let x = char.origin_x - left;
        if x + 0.1 < last_right - 4.0 * char.font_size {
            glyphs.push(Glyph {
                char: ' ',
                left: 0.0,
                right: 0.0,
                top: 0.0,
                bottom: 0.0,
                size: 0.0,
                bold: false,
                turn: 0,
            });
        }
        last_right = x + char.advance_width;
        glyphs.push(Glyph {
            char: char.char,
            left: x,
            right: x + char.advance_width.max(0.0),
            top: top - char.origin_y - ascent,
            bottom: top - char.origin_y - descent,
            size: char.font_size.abs(),
            bold: char.font_weight.is_bold() || char.font_name.to_lowercase().contains("bold"),
            turn,
        });
    }
    let rules = rules(document, index, left, top);
    let mut page = layout::page(number, width, height, &glyphs, &rules);
    // This reader measures before the page's own rotation, so the displayed page is turned as well.
    if document.get_page_rotation(index).is_ok_and(|rotation| rotation.rem_euclid(360) != 0) {
        page.width = width;
        page.height = height;
    }
    Some(page)
}

fn right_angle(degrees: f32) -> Option<u16> {
    let degrees = degrees.rem_euclid(360.0);
    Some([0_u16, 90, 180, 270].into_iter().find(|turn| (degrees - f32::from(*turn)).abs() < 3.0).unwrap_or(0))
}

fn rules(document: &PdfDocument, index: usize, left: f32, top: f32) -> Vec<Rule> {
    let Ok(paths) = document.extract_paths(index) else { return Vec::new() };
    let mut rules = Vec::new();
    for path in paths.iter().take(MAX_PATHS) {
        let mut at = (0.0_f32, 0.0_f32);
        for operation in path.operations.iter().take(400) {
            match operation {
                PathOperation::MoveTo(x, y) => at = (*x, *y),
                PathOperation::LineTo(x, y) => {
                    push(&mut rules, at, (*x, *y), left, top);
                    at = (*x, *y);
                }
                PathOperation::Rectangle(x, y, width, height) => {
                    let (right, up) = (x + width, y + height);
                    let thin = width.abs().min(height.abs()) <= 2.5;
                    if thin {
                        let to = if width.abs() >= height.abs() { (right, *y) } else { (*x, up) };
                        push(&mut rules, (*x, *y), to, left, top);
                    } else if path.stroke_color.is_some() {
                        for (from, to) in [
                            ((*x, *y), (right, *y)),
                            ((*x, up), (right, up)),
                            ((*x, *y), (*x, up)),
                            ((right, *y), (right, up)),
                        ] {
                            push(&mut rules, from, to, left, top);
                        }
                    }
                }
                PathOperation::CurveTo(..) | PathOperation::ClosePath => {}
            }
        }
    }
    rules
}

fn push(rules: &mut Vec<Rule>, from: (f32, f32), to: (f32, f32), left: f32, top: f32) {
    let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
    if width.is_finite() && height.is_finite() && width.min(height) <= 1.0 && width.max(height) >= 4.0 {
        rules.push(Rule {
            left: from.0.min(to.0) - left,
            top: top - from.1.max(to.1),
            right: from.0.max(to.0) - left,
            bottom: top - from.1.min(to.1),
        });
    }
}
