//! Cuts a line into cells, and joins the words of a cell.

use crate::document::{Cell, Row};
use crate::layout::words::Word;
use crate::text;

/// A line of words as a row of cells.
///
/// A gap makes a new cell when it is clearly wider than a space: about one and a half times the font size between
/// words, less beside a number, because numbers stand in columns and prose is never that loose around one.
pub(crate) fn row(line: &[Word]) -> Option<Row> {
    let mut groups: Vec<Vec<&Word>> = Vec::new();
    for word in line {
        match groups.last_mut() {
            Some(group) if !is_column_gap(group[group.len() - 1], word) => group.push(word),
            _ => groups.push(vec![word]),
        }
    }
    let mut cells: Vec<Cell> = Vec::new();
    for group in &groups {
        let text = tight(join(group));
        let (left, right) = (group[0].left, group.iter().map(|word| word.right).fold(f32::MIN, f32::max));
        // "$" and "(1,577)" are drawn as two columns, as are "12.3" and "%": for a reader they are one value.
        let last_is_first = cells.len() == 1;
        if let Some(last) = cells.last_mut() {
            if is_currency(&last.text) && text.starts_with(|char: char| char.is_ascii_digit() || "(-—–.".contains(char))
            {
                last.text.push_str(&text);
                last.right = right;
                continue;
            }
            // A bullet or number stands apart from the item it opens.
            if opens_item(&last.text) && !text::is_figure(&text) && last_is_first {
                last.text.push(' ');
                last.text.push_str(&text);
                last.right = right;
                continue;
            }
            let gap = left - last.right;
            if is_number_tail(&text)
                && last.text.ends_with(|char: char| char.is_ascii_digit() || char == ')')
                && gap < 40.0
            {
                last.text.push_str(&text);
                last.right = right;
                continue;
            }
        }
        cells.push(Cell { left, right, text, span: None });
    }
    // A currency sign that is left alone stands before a dash drawn as a line, or is noise.
    cells.retain(|cell| !is_currency(&cell.text) || groups.len() == 1);
    of_cells(line, cells)
}

/// A row around cells that are already known.
pub(crate) fn of_cells(words: &[Word], cells: Vec<Cell>) -> Option<Row> {
    if cells.is_empty() {
        return None;
    }
    let characters: usize = words.iter().map(|word| word.text.chars().count()).sum();
    let bold: usize = words.iter().filter(|word| word.bold).map(|word| word.text.chars().count()).sum();
    Some(Row {
        top: words.iter().map(|word| word.top).fold(f32::MAX, f32::min),
        bottom: words.iter().map(|word| word.bottom).fold(f32::MIN, f32::max),
        size: main_size(words),
        bold: characters > 0 && bold * 10 > characters * 6,
        grid: None,
        column: 0,
        turn: None,
        cells,
    })
}

/// Size of most characters.
fn main_size(words: &[Word]) -> f32 {
    let mut sizes: Vec<(f32, usize)> = Vec::new();
    for word in words {
        let size = (word.size * 4.0).round() / 4.0;
        let n = word.text.chars().count();
        match sizes.iter_mut().find(|(known, _)| (*known - size).abs() < 0.1) {
            Some((_, count)) => *count += n,
            None => sizes.push((size, n)),
        }
    }
    sizes.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(a.0.total_cmp(&b.0))).map_or(0.0, |(size, _)| size)
}

fn is_column_gap(a: &Word, b: &Word) -> bool {
    let size = a.size.min(b.size).max(4.0);
    let gap = (b.left - a.right) / size;
    // A lone currency sign opens a value, also right behind the value before.
    if is_currency(&b.text) && (text::is_figure(&a.text) || is_number_tail(&a.text)) {
        return gap > 0.15;
    }
    let beside_number = text::is_figure(&b.text) || is_currency(&b.text) || text::is_figure(&a.text);
    gap > if beside_number { 0.95 } else { 1.6 }
}

/// `$ 1,577` as `$1,577`, `37.4 %` as `37.4%`: one value, one word.
fn tight(text: String) -> String {
    let figure_then_percent = text.strip_suffix(" %").is_some_and(text::is_figure);
    if figure_then_percent {
        return text.replacen(" %", "%", 1).replacen("$ ", "$", 1);
    }
    match text.strip_prefix("$ ") {
        Some(value) if text::is_figure(value) => format!("${value}"),
        Some(_) | None => text,
    }
}

pub(crate) fn is_currency(text: &str) -> bool {
    matches!(text, "$" | "€" | "£" | "¥" | "￥" | "US$" | "HK$" | "R$" | "C$" | "$(" | "€(" | "£(")
}

fn opens_item(text: &str) -> bool {
    if matches!(
        text,
        "•" | "●"
            | "■"
            | "◆"
            | "·"
            | "▪"
            | "○"
            | "–"
            | "-"
            | "*"
            | "o"
            | "➢"
            | "\u{f0b7}"
            | "\u{f0a7}"
            | "√"
            | "□"
    ) {
        return true;
    }
    let inner = text.trim_start_matches(['(', '（']).trim_end_matches([')', '）', '.', '、']);
    inner.len() < text.len()
        && (1..=3).contains(&inner.chars().count())
        && inner.chars().all(|char| char.is_ascii_alphanumeric())
        && (text.ends_with('.') || text.ends_with(')') || text.ends_with('）') || text.ends_with('、'))
}

pub(crate) fn is_number_tail(text: &str) -> bool {
    matches!(text, ")" | "%" | "%)" | ")%" | "x" | "％")
}

/// Joins words of one line: a space where one was drawn or where the gap is wide enough to be one, and none between
/// two Chinese characters, whose lines are stretched by gaps.
pub(crate) fn join(words: &[&Word]) -> String {
    let mut joined = String::new();
    let mut last: Option<&Word> = None;
    for word in words {
        if let Some(last) = last {
            let size = last.size.min(word.size).max(4.0);
            let gap = (word.left - last.right) / size;
            let between_cjk = joined.ends_with(text::is_cjk) && word.text.starts_with(text::is_cjk);
            let beside_cjk = joined.ends_with(text::is_cjk) || word.text.starts_with(text::is_cjk);
            let space = if between_cjk {
                gap > 0.9
            } else if beside_cjk {
                gap > 0.3
            } else {
                // Letters of headings often stand a little off ("Balance Shee t"), and who reads the file guesses a space
                // there. A short piece of a word is parted from it only by a full space.
                let n_letters = word.text.chars().count();
                let in_lower_case = joined.ends_with(char::is_lowercase)
                    && n_letters == 1
                    && word.text != "a"
                    && word.text.chars().all(char::is_lowercase);
                let in_capitals =
                    joined.ends_with(char::is_uppercase) && n_letters <= 3 && word.text.chars().all(char::is_uppercase);
                if !word.spaced && (in_lower_case || in_capitals) {
                    gap > 0.24
                } else {
                    gap > 0.18 || ((word.spaced || word.guessed) && gap > 0.05)
                }
            };
            if space {
                joined.push(' ');
            }
        }
        joined.push_str(&word.text);
        last = Some(word);
    }
    joined
}
