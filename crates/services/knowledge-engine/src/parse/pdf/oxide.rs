//! Reads a PDF without libpdfium, by a reader written in Rust. Slower, and knows fewer fonts; the same rebuild of rows
//! stands on top. Runs in the child process only.

use pdf_oxide::PdfDocument;
use pdf_oxide::elements::PathOperation;
use pdf_oxide::layout::TextChar;

use super::direction::{self, Drawn};
use super::space::{Space, magnification};
use crate::document::Page;
use crate::layout::{self, Glyph, Rule};
use crate::parse::ParseFailure;

const MAX_GLYPHS: usize = 200_000;
const MAX_PATHS: usize = 40_000;

/// Opens a file.
pub(super) fn open(bytes: Vec<u8>) -> Result<PdfDocument, ParseFailure> {
    let document = PdfDocument::from_bytes(bytes).map_err(|_| ParseFailure::PdfBroken)?;
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
    let turn = document.get_page_rotation(index).unwrap_or(0);
    let space = Space::new(document.get_page_visible_box(index).ok()?, u16::try_from(turn).unwrap_or(0));
    let chars = document.extract_chars(index).ok()?;
    let space = space.scaled(magnification(chars.iter().map(|char| char.font_size.abs())));
    let mut drawn: Vec<Drawn> = Vec::with_capacity(chars.len());
    for char in chars.iter().take(MAX_GLYPHS) {
        let one = one(char, &space);
        // Words come without the blank between them when the file has none: a step back is a new word.
        if drawn.last().is_some_and(|last| is_step_back(last, &one)) {
            drawn.push(Drawn { glyph: Glyph { char: ' ', ..one.glyph }, ..one });
        }
        drawn.push(one);
    }
    let glyphs = direction::settle(&drawn, space.width(), space.height());
    let rules = rules(document, index, &space);
    Some(layout::page(number, space.width(), space.height(), &glyphs, &rules))
}

fn one(char: &TextChar, space: &Space) -> Drawn {
    let size = char.font_size.abs();
    let ascent = if char.ascent > 0.0 { char.ascent } else { 0.8 * size };
    let descent = if char.descent < 0.0 { char.descent } else { -0.2 * size };
    // This reader counts angles against the clock and measures before the page's own rotation.
    let (sin, cos) = char.rotation_degrees.to_radians().sin_cos();
    let corner = |along: f32, up: f32| {
        space.point(char.origin_x + along * cos - up * sin, char.origin_y + along * sin + up * cos)
    };
    let advance = char.advance_width.max(0.0);
    let corners = [corner(0.0, descent), corner(0.0, ascent), corner(advance, descent), corner(advance, ascent)];
    let over = |pick: fn(&(f32, f32)) -> f32, choose: fn(f32, f32) -> f32| {
        corners.iter().map(pick).reduce(choose).unwrap_or(0.0)
    };
    let glyph = Glyph {
        char: char.char,
        left: over(|at| at.0, f32::min),
        right: over(|at| at.0, f32::max),
        top: over(|at| at.1, f32::min),
        bottom: over(|at| at.1, f32::max),
        size: size * space.scale(),
        bold: char.font_weight.is_bold() || char.font_name.to_lowercase().contains("bold"),
        turn: 0,
    };
    Drawn { glyph, origin: space.point(char.origin_x, char.origin_y), degrees: space.angle(-char.rotation_degrees) }
}

fn is_step_back(last: &Drawn, next: &Drawn) -> bool {
    let (sin, cos) = next.degrees.to_radians().sin_cos();
    let step = (next.origin.0 - last.origin.0) * cos + (next.origin.1 - last.origin.1) * sin;
    step < -4.0 * next.glyph.size
}

fn rules(document: &PdfDocument, index: usize, space: &Space) -> Vec<Rule> {
    let Ok(paths) = document.extract_paths(index) else { return Vec::new() };
    let mut rules = Vec::new();
    for path in paths.iter().take(MAX_PATHS) {
        let mut at = (0.0_f32, 0.0_f32);
        for operation in path.operations.iter().take(400) {
            match operation {
                PathOperation::MoveTo(x, y) => at = (*x, *y),
                PathOperation::LineTo(x, y) => {
                    push(&mut rules, at, (*x, *y), space);
                    at = (*x, *y);
                }
                PathOperation::Rectangle(x, y, width, height) => {
                    let (right, up) = (x + width, y + height);
                    let thin = width.abs().min(height.abs()) <= 2.5;
                    if thin {
                        let to = if width.abs() >= height.abs() { (right, *y) } else { (*x, up) };
                        push(&mut rules, (*x, *y), to, space);
                    } else if path.stroke_color.is_some() {
                        for (from, to) in [
                            ((*x, *y), (right, *y)),
                            ((*x, up), (right, up)),
                            ((*x, *y), (*x, up)),
                            ((right, *y), (right, up)),
                        ] {
                            push(&mut rules, from, to, space);
                        }
                    }
                }
                PathOperation::CurveTo(..) | PathOperation::ClosePath => {}
            }
        }
    }
    rules
}

fn push(rules: &mut Vec<Rule>, from: (f32, f32), to: (f32, f32), space: &Space) {
    let (from, to) = (space.point(from.0, from.1), space.point(to.0, to.1));
    let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
    if width.is_finite() && height.is_finite() && width.min(height) <= 1.0 && width.max(height) >= 4.0 {
        rules.push(Rule {
            left: from.0.min(to.0),
            top: from.1.min(to.1),
            right: from.0.max(to.0),
            bottom: from.1.max(to.1),
        });
    }
}
