//! Finds where on a page the tables are.
//!
//! A ruled table is known already. Another one shows by rows with a label and numbers beside it; what stands between
//! such rows (labels alone, blank figures) is part of it as long as it keeps to the label's column, and the heads above
//! are found backwards from the first row with numbers.

use std::ops::Range;

use super::heading;
use crate::document::Row;
use crate::text;

/// A stretch of rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Region {
    /// Running text.
    Text(Range<usize>),
    /// A table.
    Table {
        /// All of its rows.
        rows: Range<usize>,
        /// How many of them were found above the first row of numbers, 0 for a ruled table.
        head: usize,
    },
}

/// Rows between two rows with numbers that may have none.
const MAX_QUIET: usize = 6;
/// Rows of heads above a table.
const MAX_HEAD: usize = 7;

/// Cuts the rows of a page into regions, in order, none missing.
pub(crate) fn find(rows: &[Row], body_size: f32) -> Vec<Region> {
    let mut regions = Vec::new();
    let mut text_from = 0;
    let mut at = 0;
    while at < rows.len() {
        let found = match rows[at].grid {
            Some(grid) => {
                let end = rows[at..].iter().position(|row| row.grid != Some(grid)).map_or(rows.len(), |n| at + n);
                Some((at, at, end))
            }
            None if is_strong(&rows[at]) => open_table(rows, text_from, at, body_size),
            None => None,
        };
        match found {
            Some((start, first, end)) => {
                if text_from < start {
                    regions.push(Region::Text(text_from..start));
                }
                regions.push(Region::Table { rows: start..end, head: first - start });
                at = end;
                text_from = end;
            }
            None => at += 1,
        }
    }
    if text_from < rows.len() {
        regions.push(Region::Text(text_from..rows.len()));
    }
    regions
}

/// A row that only a table has: a figure beside something, or three cells and more.
fn is_strong(row: &Row) -> bool {
    let figures = row.cells.iter().skip(1).filter(|cell| text::is_figure(&cell.text)).count();
    row.grid.is_none() && (figures >= 1 || row.cells.len() >= 3)
}

/// Start, first strong row and end of the table around the strong row `at`.
fn open_table(rows: &[Row], floor: usize, at: usize, body_size: f32) -> Option<(usize, usize, usize)> {
    let mut end = at + 1;
    let mut n_strong = 1_usize;
    let mut n_figures = figures(&rows[at]);
    let mut zone = value_zone(&rows[at]);
    let mut quiet = 0;
    for next in at + 1..rows.len() {
        let row = &rows[next];
        let gap = row.top - rows[next - 1].bottom;
        let loose = if is_strong(row) { 4.5 } else { 2.8 };
        if row.grid.is_some()
            || row.column != rows[at].column
            || gap > loose * body_size.max(6.0)
            || gap < -2.0 * body_size
        {
            break;
        }
        if opens_next_table(row, zone, body_size) {
            break;
        }
        if is_strong(row) {
            n_strong += 1;
            n_figures += figures(row);
            zone = match (zone, value_zone(row)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            end = next + 1;
            quiet = 0;
        } else {
            quiet += 1;
            if quiet > MAX_QUIET || !keeps_to_label(row, zone, body_size) {
                break;
            }
            // A line that opens the next section of the text, not of the table.
            if row.cells.len() == 1 && heading::numbered(&row.text()).is_some_and(|level| level <= 3) {
                break;
            }
        }
    }
    if n_strong < 2 && n_figures < 2 {
        return None;
    }
    // Prose with an odd gap in it is no table.
    if n_figures == 0 && n_strong < 3 {
        return None;
    }
    end += wrapped_tail(rows, end, zone);
    let start = heads_above(rows, floor, at, zone, body_size);
    Some((start, at, end))
}

/// Heads below figures: the next table, with no text between.
fn opens_next_table(row: &Row, zone: Option<f32>, body_size: f32) -> bool {
    let has_values = row.cells.iter().any(|cell| text::is_figure(&cell.text) && !text::is_period(&cell.text));
    let over_values = zone.is_some_and(|zone| row.left() >= zone - body_size);
    let line = row.text();
    !has_values
        && over_values
        && (text::is_period(&line)
            || row.cells.iter().all(|cell| text::is_period(&cell.text))
            || line.to_lowercase().contains(" ended "))
}

fn figures(row: &Row) -> usize {
    row.cells.iter().filter(|cell| text::is_figure(&cell.text)).count()
}

/// Where the values of a row begin.
fn value_zone(row: &Row) -> Option<f32> {
    row.cells.iter().skip(1).find(|cell| text::is_figure(&cell.text)).or(row.cells.get(1)).map(|cell| cell.left)
}

/// A row without figures belongs to a table while it stays left of the values, or is short and stands over them.
fn keeps_to_label(row: &Row, zone: Option<f32>, body_size: f32) -> bool {
    let Some(zone) = zone else { return false };
    let line = row.text();
    if row.cells.len() > 1 || text::is_period(&line) || heading::is_unit(&line) {
        return true;
    }
    let over_values = row.left() >= zone - 4.0 * body_size;
    row.right() <= zone + 3.0 * body_size && !ends_sentence(&line) || over_values && text::width(&line) < 70
}

fn ends_sentence(line: &str) -> bool {
    line.ends_with(['。', '；']) || line.ends_with('.') && line.split_whitespace().count() > 8
}

/// The second line of the last label, in lower case, close below.
fn wrapped_tail(rows: &[Row], end: usize, zone: Option<f32>) -> usize {
    let (Some(last), Some(row), Some(zone)) = (rows.get(end - 1), rows.get(end), zone) else { return 0 };
    let close = row.top - last.bottom < 0.4 * row.size && row.column == last.column && row.grid.is_none();
    usize::from(
        close
            && row.cells.len() == 1
            && row.right() <= zone
            && row.text().starts_with(|char: char| char.is_lowercase())
            && text::width(&row.text()) < 60,
    )
}

/// First row of the table when the heads above are counted in.
fn heads_above(rows: &[Row], floor: usize, at: usize, zone: Option<f32>, body_size: f32) -> usize {
    let mut start = at;
    // A label that stands alone above the first figures ("Assets") is taken only when a head follows above it.
    let mut pending = 0;
    while start > floor + pending && at - start + pending < MAX_HEAD {
        let row = &rows[start - 1 - pending];
        let below = &rows[start - pending];
        if row.grid.is_some() || row.column != rows[at].column || below.top - row.bottom > 2.6 * body_size.max(6.0) {
            break;
        }
        if is_head(row, zone, body_size) {
            start -= pending + 1;
            pending = 0;
        } else if row.cells.len() == 1
            && text::width(&row.text()) < 60
            && zone.is_some_and(|zone| row.right() < zone)
            && !ends_sentence(&row.text())
            && pending < 3
        {
            pending += 1;
        } else {
            break;
        }
    }
    start
}

fn is_head(row: &Row, zone: Option<f32>, body_size: f32) -> bool {
    let line = row.text();
    if heading::is_unit(&line) {
        return true;
    }
    if text::width(&line) > 160 || ends_sentence(&line) {
        return false;
    }
    if row.cells.len() > 1 {
        return row.cells.iter().all(|cell| text::width(&cell.text) <= 60);
    }
    let over_values = zone.is_some_and(|zone| row.left() >= zone - 3.0 * body_size);
    over_values && (text::width(&line) < 70 || text::is_period(&line))
}
