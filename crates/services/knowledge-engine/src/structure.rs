//! From pages of rows to a document of blocks: what is a heading, a paragraph, a list item, a table.
//!
//! Decided over the whole document, because only the whole tells which size is the body's, which lines repeat at the
//! head of every page ([`furniture`]), and which table goes on over the page ([`table`]). No IO, cannot fail; a document
//! without text gives no blocks.

pub(crate) mod columns;
pub(crate) mod furniture;
pub mod heading;
pub(crate) mod paragraph;
pub(crate) mod region;
pub(crate) mod table;

use crate::document::{Block, Content, Page, Row};
use paragraph::Paragraphs;
use region::Region;

/// The blocks of a document in reading order.
pub fn blocks(mut pages: Vec<Page>) -> Vec<Block> {
    furniture::remove(&mut pages);
    let style = Style::of(&pages);
    let mut blocks = Vec::new();
    let mut paragraphs = Paragraphs::new(style);
    let mut last_table: Option<table::Shape> = None;
    for page in pages {
        if !page.blocks.is_empty() {
            blocks.extend(page.blocks);
            continue;
        }
        paragraphs.start_page(&page);
        let regions = region::find(&page.rows, style.body_size);
        let n_regions = regions.len();
        for (at, region) in regions.into_iter().enumerate() {
            match region {
                Region::Text(range) => {
                    for row in &page.rows[range] {
                        paragraphs.row(&page, row, &mut blocks);
                    }
                    last_table = None;
                }
                Region::Table { rows, head } => {
                    paragraphs.flush(&mut blocks);
                    // Only a table that opens a page can go on from the page before.
                    let before = last_table.take().filter(|_| at == 0);
                    let built = table::build(&page, &page.rows[rows], head, before.as_ref());
                    last_table = (at + 1 == n_regions).then_some(built.shape);
                    blocks.push(Block {
                        page: page.number,
                        page_end: page.number,
                        boxes: built.place.into_iter().collect(),
                        content: Content::Table(built.table),
                    });
                }
            }
        }
    }
    paragraphs.flush(&mut blocks);
    blocks
}

/// What most of the text looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    /// Font size of the body in points.
    pub body_size: f32,
    /// True when even the body is bold, so that bold says nothing.
    pub body_bold: bool,
}

impl Style {
    fn of(pages: &[Page]) -> Self {
        let mut sizes: Vec<(f32, usize)> = Vec::new();
        let (mut bold, mut all) = (0_usize, 0_usize);
        for row in pages.iter().flat_map(|page| &page.rows) {
            let n: usize = row.cells.iter().map(|cell| cell.text.chars().count()).sum();
            let weight = weight_of(row, n);
            match sizes.iter_mut().find(|(size, _)| (*size - row.size).abs() < 0.3) {
                Some((_, count)) => *count += weight,
                None => sizes.push((row.size, weight)),
            }
            all += n;
            if row.bold {
                bold += n;
            }
        }
        let body_size = sizes.into_iter().max_by_key(|(_, count)| *count).map_or(10.0, |(size, _)| size);
        Self { body_size, body_bold: bold * 2 > all }
    }
}

/// Prose says more about the body than tables do.
fn weight_of(row: &Row, n: usize) -> usize {
    if row.cells.len() == 1 && n > 40 { 3 * n } else { n }
}

#[cfg(test)]
mod tests;
