//! Tells the rows of a table that stand between the same two rules.
//!
//! Many tables have rules only around the whole, or under every third row. What is between two rules is then several
//! rows, and each is a fact of its own; but a cell whose text was broken over two lines is one cell. The difference is
//! in the columns: figures stand one below the other on the baselines of their labels, and a line that was broken had no
//! room for the next word.

use crate::layout::cells;
use crate::layout::words::{self, Word};
use crate::text;

/// What stands in one band of a table, in one of its cells.
pub(super) struct Field {
    /// Left border of the cell.
    pub left: f32,
    /// Right border.
    pub right: f32,
    /// Words of a cell that begins and ends in this band; none of another.
    pub words: Vec<Word>,
}

/// One row of a band: the words of each field.
pub(super) type Parts = Vec<Vec<Word>>;

/// The rows of a band, or `None` when it is one row. `is_head` says that rows with figures follow below a band without.
pub(super) fn split(fields: &[Field], is_head: bool) -> Option<Vec<Parts>> {
    let lines = lines(fields);
    if lines.len() < 2 {
        return None;
    }
    let is_values = |at: usize| {
        let filled = lines.iter().filter(|line| !line[at].is_empty()).map(|line| join(&line[at]));
        // The head of the column may stand in the same band.
        let filled: Vec<String> = filled.skip_while(|cell| !text::is_figure(cell)).collect();
        filled.len() >= 2
            && filled.iter().all(|cell| text::is_figure(cell))
            && filled.iter().filter(|cell| has_digit(cell)).count() >= 2
    };
    let first = (0..fields.len()).find(|at| !fields[*at].words.is_empty())?;
    let values: Vec<usize> = (first + 1..fields.len()).filter(|at| is_values(*at)).collect();
    if values.is_empty() {
        let rows = !is_head && is_list(fields, &lines);
        return rows.then_some(lines);
    }
    let is_value = |cell: &[Word]| !cell.is_empty() && text::is_figure(&join(cell));
    let is_row: Vec<bool> = lines.iter().map(|line| values.iter().any(|at| is_value(&line[*at]))).collect();
    let n_rows = is_row.iter().filter(|is_row| **is_row).count();
    let labels: Vec<&[Word]> =
        lines.iter().map(|line| line[first].as_slice()).filter(|words| !words.is_empty()).collect();
    if labels.len() * 10 < n_rows * 7 {
        // One label beside a pile of figures: rows when there is another column to tell them apart.
        let told_apart = (first + 1..fields.len())
            .any(|at| lines.iter().filter(|line| !line[at].is_empty()).count() == n_rows && !values.contains(&at));
        return (labels.len() == 1 && n_rows >= 2 && told_apart).then(|| with_label(lines, &is_row, first));
    }
    let is_broken = |pair: &[&[Word]]| {
        let is_lower = pair[1].first().is_some_and(|word| word.text.starts_with(char::is_lowercase));
        (is_lower || !is_lone(pair[0])) && is_forced(&fields[first], &labels, pair[0], pair[1])
    };
    if n_rows == 2 && labels.len() == 2 && labels.windows(2).all(is_broken) {
        return None;
    }
    let rows = put_together(&fields[first], first, lines, &is_row);
    (rows.len() > 1).then_some(rows)
}

/// The lines of the band, top to bottom, each with its words by field.
fn lines(fields: &[Field]) -> Vec<Parts> {
    let all: Vec<Word> = fields.iter().flat_map(|field| field.words.iter().cloned()).collect();
    let place = |word: &Word| {
        let within = |field: &Field| (field.left..field.right).contains(&word.center()) && !field.words.is_empty();
        fields.iter().position(within).unwrap_or(0)
    };
    let lines = words::lines(all).into_iter().map(|line| {
        let mut parts: Parts = vec![Vec::new(); fields.len()];
        for word in line {
            parts[place(&word)].push(word);
        }
        parts
    });
    lines.collect()
}

fn join(words: &[Word]) -> String {
    cells::join(&words.iter().collect::<Vec<_>>())
}

fn has_digit(text: &str) -> bool {
    text.chars().any(|char| char.is_ascii_digit())
}

/// Three lines and more that all columns share, with no line that had to be broken.
fn is_list(fields: &[Field], lines: &[Parts]) -> bool {
    let filled: Vec<usize> = (0..fields.len()).filter(|at| !fields[*at].words.is_empty()).collect();
    let full = filled.iter().filter(|at| lines.iter().all(|line| !line[**at].is_empty())).count();
    let is_short = |line: &Parts| line.iter().all(|cell| text::width(&join(cell)) <= 40);
    lines.len() >= 3
        && full >= 2
        && lines.iter().all(|line| line.iter().filter(|cell| !cell.is_empty()).count() >= 2)
        && lines.iter().all(is_short)
        && filled.iter().all(|at| {
            let cells: Vec<&[Word]> =
                lines.iter().map(|line| line[*at].as_slice()).filter(|words| !words.is_empty()).collect();
            narrow_or_lone(&cells) || !cells.windows(2).any(|pair| is_forced(&fields[*at], &cells, pair[0], pair[1]))
        })
}

/// One word: what follows it has no room in a narrow column, whether it belongs to it or not.
fn is_lone(line: &[Word]) -> bool {
    matches!(line, [word] if text::width(&word.text) <= 16 && !word.text.contains(text::is_cjk))
}

fn narrow_or_lone(cells: &[&[Word]]) -> bool {
    cells.iter().all(|words| is_lone(words) || text::width(&join(words)) <= 4)
}

/// True when the first word of `next` had no room at the end of `line`.
fn is_forced(field: &Field, all: &[&[Word]], line: &[Word], next: &[Word]) -> bool {
    let (Some(start), Some(end), Some(word)) = (line.first(), line.last(), next.first()) else { return false };
    let margin = |words: &&[Word]| {
        let left = words.first().map_or(0.0, |word| word.left - field.left);
        let right = words.last().map_or(0.0, |word| field.right - word.right);
        left.min(right)
    };
    let margin = all.iter().map(margin).fold(f32::MAX, f32::min).clamp(0.0, 0.6 * start.size);
    let room = field.right - field.left - 2.0 * margin;
    let first_piece =
        if word.text.starts_with(text::is_cjk) { word.size } else { word.right - word.left + 0.2 * word.size };
    end.right - start.left + first_piece > room
}

/// Gives every row the one label that stands beside them all.
fn with_label(lines: Vec<Parts>, is_row: &[bool], first: usize) -> Vec<Parts> {
    let label: Vec<Word> = lines.iter().flat_map(|line| line[first].iter().cloned()).collect();
    let rows = lines
        .into_iter()
        .zip(is_row)
        .filter(|(line, is_row)| **is_row || line.iter().enumerate().any(|(at, cell)| at != first && !cell.is_empty()));
    let labelled = rows.map(|(mut line, _)| {
        line[first].clone_from(&label);
        line
    });
    labelled.collect()
}

/// Makes broken labels whole: a line that has a label alone joins the row it belongs to, or is a row of its own.
fn put_together(field: &Field, first: usize, lines: Vec<Parts>, is_row: &[bool]) -> Vec<Parts> {
    let labels: Vec<Vec<Word>> = lines.iter().map(|line| line[first].clone()).collect();
    let all: Vec<&[Word]> = labels.iter().map(Vec::as_slice).filter(|words| !words.is_empty()).collect();
    let is_label: Vec<bool> =
        lines.iter().map(|line| line.iter().enumerate().all(|(at, cell)| cell.is_empty() != (at == first))).collect();
    let is_close = |above: &[Word], below: &[Word]| match (above.last(), below.first()) {
        (Some(above), Some(below)) => below.top - above.bottom < 0.6 * below.size,
        _ => false,
    };
    let goes_on = |at: usize| {
        let Some(next) = labels.get(at + 1).filter(|next| is_close(&labels[at], next)) else { return false };
        let is_lower = next.first().is_some_and(|word| word.text.starts_with(char::is_lowercase))
            && !labels[at].last().is_some_and(|word| word.text.ends_with([':', '：']));
        (is_label[at] || is_label[at + 1]) && (is_lower || is_forced(field, &all, &labels[at], next))
    };
    // Figures in the middle of a label of two lines stand on neither of them.
    let is_between = |at: usize| {
        at > 0
            && at + 1 < labels.len()
            && is_row[at]
            && labels[at].is_empty()
            && is_label[at - 1]
            && is_label[at + 1]
            && is_close(&labels[at - 1], &labels[at + 1])
    };
    let mut rows: Vec<Parts> = Vec::new();
    let mut joins = false;
    for (at, line) in lines.into_iter().enumerate() {
        match rows.last_mut() {
            Some(row) if joins => line.into_iter().zip(row).for_each(|(words, cell)| cell.extend(words)),
            _ => rows.push(line),
        }
        joins = goes_on(at) || is_between(at) || is_between(at + 1);
    }
    rows
}
