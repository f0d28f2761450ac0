//! Rebuilds the rows of a page from where its characters stand.
//!
//! A PDF knows no lines, words or tables, only characters with coordinates. Here characters become words, words become
//! lines, and a line becomes a row of cells where the gaps say so. Where lines are drawn around cells they decide
//! ([`grid`]); where the page is set in text columns, each column is read to its end first ([`columns`]). What a row
//! means is not decided here, see [`crate::structure`].
//!
//! The input comes from hostile files: coordinates may be absurd (dropped) and the number of characters is capped by
//! the reader, so that nothing here is worse than n log n in it.

pub(crate) mod cells;
pub(crate) mod columns;
pub(crate) mod grid;
pub(crate) mod words;

use crate::document::{Page, Row};

/// One character, in points from the top left corner of the page as displayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    /// The character; white space separates words.
    pub char: char,
    /// Left edge (advance box where known).
    pub left: f32,
    /// Right edge.
    pub right: f32,
    /// Upper edge.
    pub top: f32,
    /// Lower edge.
    pub bottom: f32,
    /// Font size as displayed.
    pub size: f32,
    /// From the font's weight or name.
    pub bold: bool,
    /// Clockwise turn of the text as displayed: 0, 90, 180 or 270. Text at other angles (watermarks) is not kept.
    pub turn: u16,
}

/// A straight line drawn on the page, horizontal or vertical, in the same space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Smaller x.
    pub left: f32,
    /// Smaller y.
    pub top: f32,
    /// Larger x.
    pub right: f32,
    /// Larger y.
    pub bottom: f32,
}

impl Rule {
    pub(crate) fn is_horizontal(&self) -> bool {
        self.right - self.left >= self.bottom - self.top
    }
}

/// Rebuilds one page.
pub fn page(number: u32, width: f32, height: f32, glyphs: &[Glyph], rules: &[Rule]) -> Page {
    let turn = main_turn(glyphs);
    // Turning back by `turn` makes the main text horizontal.
    let back = (360 - turn) % 360;
    let turned: Vec<Glyph> = glyphs
        .iter()
        .filter(|glyph| glyph.turn == turn && is_sane(glyph, width, height))
        .map(|glyph| {
            let (left, top, right, bottom) =
                rotate(back, width, height, (glyph.left, glyph.top, glyph.right, glyph.bottom));
            Glyph { left, top, right, bottom, ..*glyph }
        })
        .collect();
    let rules: Vec<Rule> = rules
        .iter()
        .map(|rule| {
            let (left, top, right, bottom) =
                rotate(back, width, height, (rule.left, rule.top, rule.right, rule.bottom));
            Rule { left, top, right, bottom }
        })
        .collect();
    let words = words::from_glyphs(&turned);
    let (grids, words) = grid::take(words, &rules);
    let mut page = Page { number, width, height, turn: back, rows: Vec::new(), blocks: Vec::new() };
    let free = columns::read(words, page.reading_width());
    page.rows = merge(free, grids);
    page
}

/// Puts the ruled tables between the free rows by height.
fn merge(free: Vec<Row>, grids: Vec<Vec<Row>>) -> Vec<Row> {
    let mut rows = free;
    for grid in grids {
        let Some(top) = grid.first().map(|row| row.top) else { continue };
        // In a page of columns the free rows do not ascend; the first place where a row starts below the table is right
        // for one column and harmless for several.
        let at = rows.iter().position(|row| row.grid.is_none() && row.top >= top - 1.0).unwrap_or(rows.len());
        rows.splice(at..at, grid);
    }
    rows
}

/// The direction most characters have.
fn main_turn(glyphs: &[Glyph]) -> u16 {
    let mut counts = [0_usize; 4];
    for glyph in glyphs.iter().filter(|glyph| !glyph.char.is_whitespace()) {
        counts[usize::from(glyph.turn / 90) % 4] += 1;
    }
    let mut best = 0;
    for turn in 1..4 {
        if counts[turn] > counts[best] {
            best = turn;
        }
    }
    [0, 90, 180, 270][best]
}

fn is_sane(glyph: &Glyph, width: f32, height: f32) -> bool {
    let edges = [glyph.left, glyph.right, glyph.top, glyph.bottom, glyph.size];
    // Beyond the page is invisible: white space for a publisher, a hiding place for others.
    edges.iter().all(|edge| edge.is_finite())
        && glyph.right >= glyph.left
        && glyph.bottom >= glyph.top
        && glyph.right > -1.0
        && glyph.left < width + 1.0
        && glyph.bottom > -1.0
        && glyph.top < height + 1.0
}

/// Turns a rectangle of a page of `width` x `height` clockwise.
fn rotate(turn: u16, width: f32, height: f32, edges: (f32, f32, f32, f32)) -> (f32, f32, f32, f32) {
    let (left, top, right, bottom) = edges;
    match turn {
        90 => (height - bottom, left, height - top, right),
        180 => (width - right, height - bottom, width - left, height - top),
        270 => (top, width - right, bottom, width - left),
        _ => edges,
    }
}

#[cfg(test)]
mod tests;
