//! A region of rows as a [`Table`]: heads of several lines put together by column, wrapped labels made whole, every
//! row one line with its label and its values.

use super::columns::Columns;
use super::heading;
use crate::document::{Cell, Page, PageBox, Row, Table, TableRow};
use crate::text;

/// What the next page needs to know to go on with a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    header: Vec<String>,
    n_columns: usize,
    left: f32,
    right: f32,
    ruled: bool,
}

/// A table and what it looked like.
pub(crate) struct Built {
    pub table: Table,
    pub shape: Shape,
    pub place: Option<PageBox>,
}

/// Builds the table of a region. `head` rows at its start are heads for certain; `before` is the table that ended the
/// page before, when this one opens its page.
pub(crate) fn build(page: &Page, rows: &[Row], head: usize, before: Option<&Shape>) -> Built {
    let ruled = rows.first().is_some_and(|row| row.grid.is_some());
    let grid = if ruled { Grid::ruled(rows) } else { Grid::aligned(rows) };
    let left = rows.iter().map(Row::left).fold(f32::MAX, f32::min);
    let right = rows.iter().map(Row::right).fold(f32::MIN, f32::max);
    let place = rows.iter().map(|row| page.place(row)).reduce(PageBox::around);
    let continues = before.is_some_and(|before| {
        before.ruled == ruled
            && before.n_columns == grid.n_columns
            && (before.left - left).abs() < 12.0
            && (before.right - right).abs() < 24.0
    });
    let n_head = grid.n_head_rows(rows, head, continues);
    let mut header = grid.header(&rows[..n_head]);
    if let Some(before) = before.filter(|_| continues)
        && (header.is_empty() || before.header.last() == header.last())
    {
        header.clone_from(&before.header);
    }
    let mut body = Vec::new();
    let mut at = n_head;
    while at < rows.len() {
        let mut row = rows[at].clone();
        let mut place = page.place(&row);
        while !ruled && at + 1 < rows.len() && label_goes_on(&row, &rows[at + 1]) {
            place = place.around(page.place(&rows[at + 1]));
            row = joined(&row, &rows[at + 1]);
            at += 1;
        }
        at += 1;
        let text = grid.line(&row);
        if !text.is_empty() {
            body.push(TableRow { text, place: Some(place) });
        }
    }
    let shape = Shape { header: header.clone(), n_columns: grid.n_columns, left, right, ruled };
    Built { table: Table { header, rows: body }, shape, place }
}

/// How cells map to columns.
struct Grid {
    columns: Option<Columns>,
    /// Including the label's.
    n_columns: usize,
    /// Columns of a ruled table that hold nothing anywhere, left out.
    empty: Vec<bool>,
}

impl Grid {
    fn ruled(rows: &[Row]) -> Self {
        let n_columns = rows
            .iter()
            .flat_map(|row| &row.cells)
            .filter_map(|cell| cell.span.map(|(first, n)| usize::from(first) + usize::from(n)))
            .max()
            .unwrap_or(1);
        let mut empty = vec![true; n_columns];
        for cell in rows.iter().flat_map(|row| &row.cells).filter(|cell| !cell.text.is_empty()) {
            if let Some((first, _)) = cell.span {
                empty[usize::from(first)] = false;
            }
        }
        Self { columns: None, n_columns, empty }
    }

    fn aligned(rows: &[Row]) -> Self {
        let columns = Columns::of(rows);
        let n_columns = columns.0.len() + 1;
        Self { columns: Some(columns), n_columns, empty: Vec::new() }
    }

    /// First column and number of columns of a cell. Column 0 is the label's.
    fn span(&self, cell: &Cell, is_first: bool) -> (usize, usize) {
        match (&self.columns, cell.span) {
            (Some(columns), _) => {
                let covered = columns.covered(cell.left, cell.right);
                // A label that is long enough to reach under a column is still a label.
                let is_label = is_first
                    && !text::is_figure(&cell.text)
                    && columns.0.first().is_some_and(|(left, _)| f32::midpoint(cell.left, cell.right) < *left);
                match (covered.first(), covered.last()) {
                    (Some(first), Some(last)) if !is_label => (first + 1, last - first + 1),
                    _ => (0, 1),
                }
            }
            (None, Some((first, n))) => (usize::from(first), usize::from(n)),
            (None, None) => (0, 1),
        }
    }

    fn slots(&self, row: &Row) -> Vec<String> {
        let mut slots = vec![String::new(); self.n_columns];
        for (at, cell) in row.cells.iter().enumerate() {
            let (first, n) = self.span(cell, at == 0);
            // Two cells in one column: the second may belong to a narrower one that no figure stands in.
            let slot = if n > 1 && self.columns.is_some() {
                (first..first + n).find(|at| slots[*at].is_empty()).unwrap_or(first)
            } else {
                first
            };
            let slot = &mut slots[slot.min(self.n_columns - 1)];
            text::append_line(slot, &cell.text);
        }
        slots
    }

    fn line(&self, row: &Row) -> String {
        let slots = self.slots(row);
        if slots.iter().skip(1).all(String::is_empty) {
            return slots.into_iter().next().unwrap_or_default();
        }
        self.join(&slots)
    }

    fn join(&self, slots: &[String]) -> String {
        let kept: Vec<&str> = slots
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.empty.get(*at).copied().unwrap_or(false))
            .map(|(_, slot)| slot.as_str())
            .collect();
        if kept.iter().all(|slot| slot.is_empty()) { String::new() } else { kept.join(" | ") }
    }

    /// How many rows at the start are heads.
    fn n_head_rows(&self, rows: &[Row], known: usize, continues: bool) -> usize {
        let is_data = |row: &Row| {
            row.cells.iter().enumerate().any(|(at, cell)| {
                (at > 0 || row.cells.len() == 1) && text::is_figure(&cell.text) && !text::is_period(&cell.text)
            })
        };
        // A year is both: a head when it stands among heads, a figure in a row that has a label and other figures.
        let first_data = rows.iter().position(|row| {
            is_data(row)
                && !(row
                    .cells
                    .iter()
                    .skip(1)
                    .filter(|cell| text::is_figure(&cell.text))
                    .all(|cell| text::is_period(&cell.text)))
        });
        match first_data {
            Some(first) if rows[0].grid.is_some() => self.n_ruled_heads(rows, first),
            Some(first) => {
                let mut n = first.min(known.max(first.min(4)));
                while n > 0 && self.is_lone_label(&rows[n - 1]) {
                    n -= 1;
                }
                n
            }
            None if continues => 0,
            None if rows[0].grid.is_some() && self.n_columns > 2 => {
                self.n_ruled_heads(rows, rows.len().saturating_sub(1))
            }
            None if rows[0].grid.is_some() => 0,
            None => {
                let short = rows.first().is_some_and(|row| row.cells.iter().all(|cell| text::width(&cell.text) <= 40));
                let full =
                    rows.first().is_some_and(|row| row.cells.iter().filter(|cell| !cell.text.is_empty()).count() >= 2);
                usize::from(short && full && rows.len() > 2).max(known.min(rows.len().saturating_sub(1)))
            }
        }
    }

    /// Heads of a ruled table before its first row of figures: titles over the whole width, one row of heads, and more
    /// rows only below heads that span several columns.
    fn n_ruled_heads(&self, rows: &[Row], first: usize) -> usize {
        let mut at = 0;
        while at < first {
            let filled: Vec<&Cell> = rows[at].cells.iter().filter(|cell| !cell.text.is_empty()).collect();
            let is_title = filled.len() == 1 && filled[0].span.is_some_and(|(_, n)| usize::from(n) == self.n_columns);
            if !is_title {
                break;
            }
            at += 1;
        }
        if at >= first {
            // Only titles ("流动资产：") before the figures: no heads at all.
            return 0;
        }
        let head = &rows[at];
        let is_plain = head.cells.iter().any(|cell| text::width(&cell.text) > 44)
            || head.cells.iter().filter(|cell| !cell.text.is_empty()).count() < 2;
        if is_plain
            || self.n_columns == 2
                && (first > at + 1 || head.cells.get(1).is_some_and(|cell| text::width(&cell.text) > 16))
        {
            return 0;
        }
        let spans =
            |row: &Row| row.cells.iter().any(|cell| !cell.text.is_empty() && cell.span.is_some_and(|(_, n)| n > 1));
        while at < first && at < 5 && spans(&rows[at]) {
            at += 1;
        }
        (at + 1).min(first)
    }

    fn is_lone_label(&self, row: &Row) -> bool {
        let line = row.text();
        row.cells.len() == 1
            && !heading::is_unit(&line)
            && !text::is_period(&line)
            && self.span(&row.cells[0], true).0 == 0
    }

    /// Heads as lines: what spans the whole table on lines of its own, the rest put together by column.
    fn header(&self, rows: &[Row]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut slots = vec![String::new(); self.n_columns];
        for row in rows {
            let filled: Vec<&Cell> = row.cells.iter().filter(|cell| !cell.text.is_empty()).collect();
            if let [only] = filled.as_slice() {
                let (first, n) = self.span(only, true);
                if heading::is_unit(&only.text)
                    || n >= self.n_columns.saturating_sub(1).max(2)
                    || self.columns.is_none() && n > 1 && first == 0
                {
                    lines.push(only.text.clone());
                    continue;
                }
            }
            for (at, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.text.is_empty()) {
                let (first, n) = self.span(cell, at == 0);
                for slot in slots.iter_mut().skip(first).take(n.max(1)) {
                    if !slot.ends_with(cell.text.as_str()) {
                        text::append_line(slot, &cell.text);
                    }
                }
            }
        }
        let line = self.join(&slots);
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// True when the label of `row` goes on in `next`: a label without values ends in the middle of a phrase, or a row's
/// label has a second line without values.
fn label_goes_on(row: &Row, next: &Row) -> bool {
    let close = next.top - row.bottom < 0.45 * row.size.max(4.0);
    let (Some(label), Some(next_label)) = (row.cells.first(), next.cells.first()) else { return false };
    if !close
        || text::is_figure(&label.text)
        || text::is_figure(&next_label.text)
        || (label.left - next_label.left).abs() > 30.0
    {
        return false;
    }
    let in_lower_case = next_label.text.starts_with(|char: char| char.is_lowercase());
    let unfinished = label.text.ends_with([',', '(', '（', '—', '–', '，'])
        || ["and", "of", "for", "to", "in", "the", "from", "on", "by", "with", "or"]
            .iter()
            .any(|word| label.text.ends_with(&format!(" {word}")));
    let is_section = label.text.ends_with([':', '：']);
    if row.cells.len() == 1 {
        return !is_section && (in_lower_case || unfinished);
    }
    next.cells.len() == 1 && in_lower_case
}

fn joined(row: &Row, next: &Row) -> Row {
    let mut whole = row.clone();
    let mut cells = next.cells.iter();
    if let (Some(label), Some(rest)) = (whole.cells.first_mut(), cells.next()) {
        text::append_line(&mut label.text, &rest.text);
        label.right = label.right.max(rest.right);
    }
    whole.cells.extend(cells.cloned());
    whole.bottom = next.bottom;
    whole
}
