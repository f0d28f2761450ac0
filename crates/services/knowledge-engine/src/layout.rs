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
use grid::RotatedWord;
use words::Word;

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
///
/// The rows in the direction of most of the text come first, then those in other directions (notes along the margin, a
/// table on its side). Words in another direction that stand in a ruled table of the first belong to its cells.
pub fn page(number: u32, width: f32, height: f32, glyphs: &[Glyph], rules: &[Rule]) -> Page {
    let turns = turns(glyphs);
    let back_of = |turn: u16| (360 - turn) % 360;
    let mut page = Page { number, width, height, turn: back_of(turns[0].0), rows: Vec::new(), blocks: Vec::new() };
    let mut frames: Vec<(u16, Vec<Word>)> = turns
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(turn, _)| {
            let back = back_of(*turn);
            let own = glyphs.iter().filter(|glyph| glyph.turn == *turn || is_blank(glyph));
            let turned: Vec<Glyph> = own
                .filter(|glyph| is_blank(glyph) || is_sane(glyph, width, height))
                .map(|glyph| {
                    let (left, top, right, bottom) =
                        rotate(back, width, height, (glyph.left, glyph.top, glyph.right, glyph.bottom));
                    Glyph { left, top, right, bottom, ..*glyph }
                })
                .collect();
            (back, words::from_glyphs(&turned))
        })
        .collect();
    frames.reverse();
    let mut column = 0;
    while let Some((back, own)) = frames.pop() {
        let rules: Vec<Rule> = rules
            .iter()
            .map(|rule| {
                let (left, top, right, bottom) =
                    rotate(back, width, height, (rule.left, rule.top, rule.right, rule.bottom));
                Rule { left, top, right, bottom }
            })
            .collect();
        let rotated = rotated(&mut frames, back, width, height);
        let (grids, own, rotated) = grid::take(own, rotated, &rules);
        for word in rotated {
            if let Some((_, words)) = frames.iter_mut().find(|(other, _)| *other == word.back) {
                words.push(word.word);
            }
        }
        let reading_width = if back == 90 || back == 270 { height } else { width };
        let mut rows = merge(columns::read(own, reading_width), grids);
        for row in &mut rows {
            row.column += column;
            row.turn = (back != page.turn).then_some(back);
        }
        // Rows of another direction are no neighbours of these, wherever they stand.
        column = rows.iter().map(|row| row.column).max().map_or(column, |last| last.saturating_add(1));
        page.rows.extend(rows);
    }
    page
}

/// The words of all frames, as they stand on the page that is turned by `back`.
fn rotated(frames: &mut [(u16, Vec<Word>)], back: u16, width: f32, height: f32) -> Vec<RotatedWord> {
    let mut rotated = Vec::new();
    // Frames rest in reverse; the one with most words comes first here as well.
    for (other, words) in frames.iter_mut().rev() {
        let turned = (back + 360 - *other) % 360;
        let (wide, high) = if *other == 90 || *other == 270 { (height, width) } else { (width, height) };
        for line in words::lines(std::mem::take(words)) {
            rotated.extend(line.into_iter().map(|word| {
                let edges = (word.left, word.top, word.right, word.bottom);
                let (left, top, right, bottom) = rotate(turned, wide, high, edges);
                RotatedWord { back: *other, center: (f32::midpoint(left, right), f32::midpoint(top, bottom)), word }
            }));
        }
    }
    rotated
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

/// The four directions with the number of characters in each, most first; the first is there without characters as well.
fn turns(glyphs: &[Glyph]) -> [(u16, usize); 4] {
    let mut counts = [(0, 0), (90, 0), (180, 0), (270, 0)];
    for glyph in glyphs.iter().filter(|glyph| !is_blank(glyph)) {
        counts[usize::from(glyph.turn / 90) % 4].1 += 1;
    }
    counts.sort_by_key(|(turn, n)| (std::cmp::Reverse(*n), *turn));
    counts
}

fn is_blank(glyph: &Glyph) -> bool {
    glyph.char.is_whitespace() || glyph.char == words::BREAK
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
