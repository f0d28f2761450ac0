//! Looks into tables row by row.
//!
//! BM25 sees a statement of cash flows as one long text, in which "Purchases of property, plant and equipment" weighs
//! next to nothing; to a reader each row is a fact of its own. So the tables among the candidates are read once more: a row
//! with figures whose label is what the question names moves its table up.

use crate::index::query::{Query, is_stop};
use crate::index::tokens::tokens;
use crate::text;

/// By how much a perfect row raises the score of its table.
const BOOST: f32 = 1.3;

/// The factor for a passage: 1 when no row fits, up to 1 + [`BOOST`].
pub fn boost(query: &Query, passage: &str, heading: &str) -> f32 {
    if is_contents(heading) || lists_pages(passage) {
        return 0.6;
    }
    let best = passage.lines().filter_map(label).map(|label| fit(query, &label)).fold(0.0, f32::max);
    // The title of the table ("合并资产负债表") stands in the heading or in its first lines.
    let heads = passage.lines().take(4).filter(|line| !line.contains(" | "));
    let titles = heading.rsplit(" > ").take(1).flat_map(|last| last.split(" · ")).chain(heads);
    let titled = titles.map(|title| name_in(query, &words(title))).fold(0.0, f32::max);
    1.0 + BOOST * best.max(titled)
}

fn words(line: &str) -> Vec<String> {
    tokens(line).into_iter().filter(|token| !is_stop(token)).collect()
}

/// The tokens of a row's label, when figures stand beside it.
fn label(line: &str) -> Option<Vec<String>> {
    let mut cells = line.split(" | ");
    let label = cells.next()?;
    let has_figures = cells.any(|cell| text::is_figure(cell) && cell.chars().any(|char| char.is_ascii_digit()));
    has_figures.then(|| words(label))
}

/// How well a label is what the question names, `0.0..=1.0`.
fn fit(query: &Query, label: &[String]) -> f32 {
    if label.is_empty() {
        return 0.0;
    }
    let best = name_in(query, label);
    let own: Vec<&String> = query.terms.iter().filter(|(_, weight)| *weight >= 1.0).map(|(token, _)| token).collect();
    let found = own.iter().filter(|token| label.contains(token)).count();
    best.max(share(found, own.len()) * share(found, label.len()).sqrt())
}

/// How much of a line is a name of something the question names; 0 when no name is there in full.
fn name_in(query: &Query, line: &[String]) -> f32 {
    let names = query
        .concepts
        .iter()
        .flatten()
        .filter(|name| !name.is_empty() && name.iter().all(|token| line.contains(token)));
    names.map(|name| 0.35 + 0.65 * share(name.len(), line.len())).fold(0.0, f32::max)
}

fn share(part: usize, whole: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
    let share = part as f32 / whole.max(1) as f32;
    share.min(1.0)
}

/// A table of contents names everything and says nothing.
fn is_contents(heading: &str) -> bool {
    let last = heading.rsplit(" > ").next().unwrap_or_default().to_lowercase();
    let last = last.trim();
    last == "目录" || last == "目 录" || last.contains("table of contents") || last == "contents" || last == "index"
}

/// Rows of titles with page numbers, whatever stands above them.
fn lists_pages(passage: &str) -> bool {
    let rows: Vec<&str> = passage.lines().filter(|line| line.contains(" | ")).collect();
    let is_page = |cell: &str| (1..=3).contains(&cell.len()) && cell.bytes().all(|byte| byte.is_ascii_digit());
    let to_page = |line: &&&str| {
        let mut cells = line.rsplit(" | ").filter(|cell| !cell.is_empty());
        cells.next().is_some_and(is_page) && !cells.any(text::is_figure)
    };
    // One number beside each title, and the numbers only ever grow.
    let pages: Vec<u32> = rows
        .iter()
        .filter(to_page)
        .filter_map(|line| line.rsplit(" | ").find(|cell| !cell.is_empty())?.parse().ok())
        .collect();
    pages.len() >= 5 && pages.len() * 10 >= rows.len() * 7 && pages.is_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_that_is_asked_for_counts_most() {
        let query = Query::new("capital expenditure in 2018");
        let row = boost(&query, "Cash flows | 2018\nPurchases of property, plant and equipment (PP&E) | (1,577)", "");
        let other = boost(&query, "Cash flows | 2018\nPurchases of treasury stock | (4,870)", "");
        let heads = boost(&query, "Purchases of property, plant and equipment | December", "");

        assert!(row > 1.5 && row > other && heads < 1.01, "{row} {other} {heads}");
    }

    #[test]
    fn a_table_of_contents_goes_down() {
        assert!(boost(&Query::new("营业收入"), "营业收入 | 4", "年度报告 > 目录") < 1.0);
        let list = "Item | Page\nBusiness | 3\nRisk | 7\nProperties | 12\nIncome statement | 56\nBalance sheet | 58\nNotes | 62";
        assert!(boost(&Query::new("income statement"), list, "") < 1.0);
    }
}
