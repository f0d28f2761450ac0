//! Removes what belongs to the page and not to the text: running heads, running feet, page numbers.

use std::collections::HashMap;

use crate::document::{Page, Row};

/// Share of the page's height at its head and foot in which furniture is looked for.
const ZONE: f32 = 0.13;

/// Removes lines that stand at the same height of many pages, and lone page numbers.
pub(crate) fn remove(pages: &mut [Page]) {
    let mut seen: HashMap<(String, i32), u32> = HashMap::new();
    let mut n_paged = 0_u32;
    for page in pages.iter().filter(|page| !page.rows.is_empty()) {
        n_paged += 1;
        let mut on_page: Vec<(String, i32)> = Vec::new();
        for row in zone_rows(page) {
            let place = place(page, row);
            // The same line can sit a little higher on some pages.
            for near in [place - 1, place, place + 1] {
                on_page.push((pattern(row), near));
            }
        }
        on_page.sort();
        on_page.dedup();
        for key in on_page {
            *seen.entry(key).or_default() += 1;
        }
    }
    // Left and right pages have their own heads, and chapters theirs: a fifth of the pages is many.
    let many = if n_paged <= 3 { 2 } else { (n_paged / 5).max(3) };
    for page in pages.iter_mut() {
        let last = page.rows.len().saturating_sub(1);
        let drop: Vec<bool> = page
            .rows
            .iter()
            .enumerate()
            .map(|(at, row)| {
                // The foot of a short page may stand high; the last line that is a number and no more is its number.
                let is_foot =
                    at == last && row.grid.is_none() && row.cells.len() == 1 && row.top > page.height_for(row) * 0.4;
                (is_foot || in_zone(page, row)) && is_page_number(&row.text())
                    || in_zone(page, row)
                        && n_paged > 1
                        && seen.get(&(pattern(row), place(page, row))).is_some_and(|count| *count >= many)
            })
            .collect();
        let mut drop = drop.into_iter();
        page.rows.retain(|_| !drop.next().unwrap_or(false));
    }
}

fn zone_rows(page: &Page) -> impl Iterator<Item = &Row> {
    page.rows.iter().filter(|row| in_zone(page, row))
}

fn in_zone(page: &Page, row: &Row) -> bool {
    let height = page.height_for(row);
    row.grid.is_none() && (row.bottom < height * ZONE || row.top > height * (1.0 - ZONE))
}

/// Height on the page in steps of 8 points.
fn place(page: &Page, row: &Row) -> i32 {
    let middle = f32::midpoint(row.top, row.bottom);
    // Feet are measured from the foot: pages of one file differ in height.
    let height = page.height_for(row);
    #[expect(clippy::cast_possible_truncation, reason = "a page is far smaller than i32::MAX points")]
    let step = |points: f32| (points / 8.0) as i32;
    if middle < height / 2.0 { step(middle) } else { -1 - step(height - middle) }
}

/// The text with numbers as `#`, so that "Page 7" repeats "Page 8".
fn pattern(row: &Row) -> String {
    let mut pattern = String::new();
    for char in row.text().chars() {
        if char.is_ascii_digit() {
            if !pattern.ends_with('#') {
                pattern.push('#');
            }
        } else if !char.is_whitespace() {
            pattern.extend(char.to_lowercase());
        }
    }
    pattern
}

/// `7`, `- 7 -`, `Page 7 of 160`, `7 / 195`, `第 7 页`, `F-12`, `iv`.
fn is_page_number(text: &str) -> bool {
    let plain: String = text.to_lowercase().chars().filter(|char| !char.is_whitespace()).collect();
    let rest = plain
        .trim_start_matches("page")
        .trim_start_matches("f-")
        .trim_start_matches('第')
        .trim_matches(['-', '–', '—', '|', '·', '~'])
        .trim_end_matches('页');
    if rest.is_empty() || plain.chars().count() > 16 {
        return false;
    }
    let is_number = |part: &str| (1..=4).contains(&part.len()) && part.chars().all(|char| char.is_ascii_digit());
    let is_roman = |part: &str| (1..=5).contains(&part.len()) && part.chars().all(|char| "ivxl".contains(char));
    match rest.split_once("of").or_else(|| rest.split_once('/')).or_else(|| rest.split_once("页共")) {
        Some((page, pages)) => is_number(page) && is_number(pages.trim_start_matches('共')),
        None => is_number(rest) || is_roman(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Cell;

    fn row(text: &str, top: f32) -> Row {
        Row {
            top,
            bottom: top + 10.0,
            size: 10.0,
            cells: vec![Cell { left: 50.0, right: 200.0, text: text.to_owned(), span: None }],
            ..Row::default()
        }
    }

    #[test]
    fn heads_feet_and_page_numbers_go_and_the_text_stays() {
        let mut pages: Vec<Page> = (1..=10_u8)
            .map(|number| Page {
                number: number.into(),
                width: 600.0,
                height: 800.0,
                rows: vec![
                    row("Annual report 2025", 30.0),
                    row(&format!("Something said on page {}", char::from(96 + number)), 60.0),
                    row("A sentence that every page has.", 400.0),
                    row(&format!("{number} / 10"), 770.0),
                ],
                ..Page::default()
            })
            .collect();

        remove(&mut pages);

        for page in &pages {
            let texts: Vec<String> = page.rows.iter().map(Row::text).collect();
            assert_eq!(texts.len(), 2, "{texts:?}");
            assert!(texts[0].starts_with("Something"), "{texts:?}");
        }
    }

    #[test]
    fn page_numbers_are_recognised_in_their_usual_forms() {
        for number in ["7", "- 7 -", "Page 7 of 160", "7 / 195", "第 7 页", "第7页共195页", "F-12", "iv"] {
            assert!(is_page_number(number), "{number}");
        }
        for other in ["2018 was good", "12,345", "Item 7", ""] {
            assert!(!is_page_number(other), "{other}");
        }
    }
}
