//! Tables whose cells have drawn borders.
//!
//! Lines that touch make up one table. Its columns and rows are the distinct positions of the lines, and two
//! neighbouring fields without a line between them are one merged cell. A merged cell shows its text in every row and
//! column it covers when it is a head or a label, so that each row can be read alone. Where rules are missing between
//! rows, the baselines tell them apart ([`bands`]).

mod bands;

use crate::document::{Cell, Row};
use crate::layout::words::{self, Word};
use crate::layout::{Rule, cells};
use bands::Field;

/// Lines within this many points of each other are one line; programs that draw tables are no more exact.
const TOUCH: f32 = 3.0;
/// A page with more lines than this is a drawing.
const MAX_RULES: usize = 6_000;
/// A table with more fields than this is a drawn grid, such as the background of a chart.
const MAX_FIELDS: usize = 8_000;

/// A word that runs in another direction than the page as it is being read.
#[derive(Debug, Clone)]
pub(crate) struct RotatedWord {
    /// How far the page must be turned clockwise for the word to read from left to right.
    pub back: u16,
    /// Its middle on the page as it is being read.
    pub center: (f32, f32),
    /// The word on the page turned by `back`.
    pub word: Word,
}

/// Takes the words that stand in ruled tables and returns their rows, one list for each table, with the other words. A
/// table most of whose words are rotated stands in their direction and is left alone.
pub(crate) fn take(
    words: Vec<Word>,
    rotated: Vec<RotatedWord>,
    rules: &[Rule],
) -> (Vec<Vec<Row>>, Vec<Word>, Vec<RotatedWord>) {
    if rules.len() > MAX_RULES || rules.len() < 4 {
        return (Vec::new(), words, rotated);
    }
    let mut free = words;
    let mut free_rotated = rotated;
    let mut tables = Vec::new();
    for group in touching(&merged(rules)) {
        let Some(mut grid) = Grid::new(&group) else { continue };
        let n_inside = free.iter().filter(|word| grid.contains((word.center(), word.middle()))).count();
        let n_rotated = free_rotated.iter().filter(|word| grid.contains(word.center)).count();
        if n_inside == 0 || n_rotated > n_inside {
            continue;
        }
        let (inside, outside) = free.into_iter().partition(|word| grid.contains((word.center(), word.middle())));
        free = outside;
        let (rotated, outside) = free_rotated.into_iter().partition(|word| grid.contains(word.center));
        free_rotated = outside;
        match grid.rows(inside, rotated) {
            Ok(rows) => {
                let table = u16::try_from(tables.len()).unwrap_or(u16::MAX);
                tables.push(rows.into_iter().map(|row| Row { grid: Some(table), ..row }).collect());
            }
            Err((words, rotated)) => {
                free.extend(words);
                free_rotated.extend(rotated);
            }
        }
    }
    (tables, free, free_rotated)
}

/// Joins pieces of the same line: borders are often drawn cell by cell.
fn merged(rules: &[Rule]) -> Vec<Rule> {
    let mut merged: Vec<Rule> = Vec::new();
    for horizontal in [true, false] {
        let mut same: Vec<Rule> = rules.iter().copied().filter(|rule| rule.is_horizontal() == horizontal).collect();
        let across = |rule: &Rule| if horizontal { rule.top } else { rule.left };
        let along = |rule: &Rule| if horizontal { (rule.left, rule.right) } else { (rule.top, rule.bottom) };
        same.sort_by(|a, b| across(a).total_cmp(&across(b)).then(along(a).0.total_cmp(&along(b).0)));
        let mut open: Vec<Rule> = Vec::new();
        for rule in same {
            open.retain(|last| {
                let near = (across(&rule) - across(last)).abs() <= TOUCH / 2.0;
                if !near {
                    merged.push(*last);
                }
                near
            });
            let joined = open
                .iter_mut()
                .find(|last| along(&rule).0 <= along(last).1 + TOUCH && along(&rule).1 >= along(last).0 - TOUCH);
            match joined {
                Some(last) if horizontal => {
                    last.left = last.left.min(rule.left);
                    last.right = last.right.max(rule.right);
                }
                Some(last) => {
                    last.top = last.top.min(rule.top);
                    last.bottom = last.bottom.max(rule.bottom);
                }
                None => open.push(rule),
            }
        }
        merged.extend(open);
    }
    merged
}

/// Groups of lines that touch one another.
fn touching(rules: &[Rule]) -> Vec<Vec<Rule>> {
    let mut group_of: Vec<usize> = (0..rules.len()).collect();
    fn root(group_of: &mut [usize], mut at: usize) -> usize {
        while group_of[at] != at {
            group_of[at] = group_of[group_of[at]];
            at = group_of[at];
        }
        at
    }
    let horizontals: Vec<usize> = (0..rules.len()).filter(|at| rules[*at].is_horizontal()).collect();
    let verticals: Vec<usize> = (0..rules.len()).filter(|at| !rules[*at].is_horizontal()).collect();
    // A page has at most MAX_RULES lines, after merging far fewer.
    for &h in &horizontals {
        for &v in &verticals {
            let (a, b) = (&rules[h], &rules[v]);
            let touch = b.left >= a.left - TOUCH
                && b.left <= a.right + TOUCH
                && a.top >= b.top - TOUCH
                && a.top <= b.bottom + TOUCH;
            if touch {
                let (x, y) = (root(&mut group_of, h), root(&mut group_of, v));
                group_of[x] = y;
            }
        }
    }
    let mut groups: Vec<(usize, Vec<Rule>)> = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let root = root(&mut group_of, at);
        match groups.iter_mut().find(|(known, _)| *known == root) {
            Some((_, group)) => group.push(*rule),
            None => groups.push((root, vec![*rule])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

struct Grid {
    /// Borders of the columns, one more than columns.
    xs: Vec<f32>,
    /// Borders of the rows.
    ys: Vec<f32>,
    /// Which merged cell a field belongs to, row by row.
    cell_of: Vec<usize>,
}

impl Grid {
    /// `None` when the lines make no table of at least two rows or two columns with a line inside.
    fn new(rules: &[Rule]) -> Option<Self> {
        let horizontals: Vec<&Rule> = rules.iter().filter(|rule| rule.is_horizontal()).collect();
        let verticals: Vec<&Rule> = rules.iter().filter(|rule| !rule.is_horizontal()).collect();
        if horizontals.len() < 2 || verticals.is_empty() {
            return None;
        }
        let mut xs = distinct(verticals.iter().map(|rule| rule.left).collect());
        // Many tables are open at both sides: the ends of the horizontal lines are borders too.
        let left = horizontals.iter().map(|rule| rule.left).fold(f32::MAX, f32::min);
        let right = horizontals.iter().map(|rule| rule.right).fold(f32::MIN, f32::max);
        if xs.first().is_some_and(|x| left < x - 2.0 * TOUCH) {
            xs.insert(0, left);
        }
        if xs.last().is_some_and(|x| right > x + 2.0 * TOUCH) {
            xs.push(right);
        }
        let ys = distinct(horizontals.iter().map(|rule| rule.top).collect());
        if xs.len() < 3 || ys.len() < 2 {
            return None;
        }
        let (columns, rows) = (xs.len() - 1, ys.len() - 1);
        if columns * rows > MAX_FIELDS {
            return None;
        }
        let mut grid = Self { xs, ys, cell_of: (0..columns * rows).collect() };
        grid.merge_cells(&horizontals, &verticals);
        Some(grid)
    }

    fn columns(&self) -> usize {
        self.xs.len() - 1
    }

    fn merge_cells(&mut self, horizontals: &[&Rule], verticals: &[&Rule]) {
        let columns = self.columns();
        for row in 0..self.ys.len() - 1 {
            for column in 0..columns {
                let (middle_x, middle_y) = (
                    f32::midpoint(self.xs[column], self.xs[column + 1]),
                    f32::midpoint(self.ys[row], self.ys[row + 1]),
                );
                let at = row * columns + column;
                if column + 1 < columns {
                    let x = self.xs[column + 1];
                    let walled = verticals
                        .iter()
                        .any(|rule| (rule.left - x).abs() <= TOUCH && rule.top <= middle_y && rule.bottom >= middle_y);
                    if !walled {
                        self.unite(at, at + 1);
                    }
                }
                if row + 2 < self.ys.len() {
                    let y = self.ys[row + 1];
                    let walled = horizontals
                        .iter()
                        .any(|rule| (rule.top - y).abs() <= TOUCH && rule.left <= middle_x && rule.right >= middle_x);
                    if !walled {
                        self.unite(at, at + columns);
                    }
                }
            }
        }
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (keep, drop) = (self.cell_of[a].min(self.cell_of[b]), self.cell_of[a].max(self.cell_of[b]));
        if keep != drop {
            for cell in &mut self.cell_of {
                if *cell == drop {
                    *cell = keep;
                }
            }
        }
    }

    fn contains(&self, (x, y): (f32, f32)) -> bool {
        let (left, right) = (self.xs[0] - TOUCH, self.xs[self.xs.len() - 1] + TOUCH);
        let (top, bottom) = (self.ys[0] - 1.0, self.ys[self.ys.len() - 1] + 1.0);
        (left..=right).contains(&x) && (top..=bottom).contains(&y)
    }

    fn band(edges: &[f32], at: f32) -> usize {
        edges[1..edges.len() - 1].iter().take_while(|edge| **edge <= at).count()
    }

    /// The rows with text. When the lines turn out not to make a table (one cell holds nearly all), the words come back.
    fn rows(&mut self, words: Vec<Word>, rotated: Vec<RotatedWord>) -> Result<Vec<Row>, (Vec<Word>, Vec<RotatedWord>)> {
        let n_words = words.len();
        let mut by_cell: Vec<Vec<Word>> = vec![Vec::new(); self.cell_of.len()];
        for word in words {
            let field = self.field((word.center(), word.middle()));
            by_cell[self.cell_of[field]].push(word);
        }
        let filled = by_cell.iter().filter(|cell| !cell.is_empty()).count();
        let fullest = by_cell.iter().map(Vec::len).max().unwrap_or(0);
        if filled < 3 || (fullest > 60 && fullest * 10 > n_words * 6) {
            return Err((by_cell.into_iter().flatten().collect(), rotated));
        }
        self.part_cells(&mut by_cell);
        let mut texts: Vec<String> = by_cell.iter().map(|cell| cell_text(cell)).collect();
        let mut rotated_by_cell: Vec<Vec<Word>> = vec![Vec::new(); self.cell_of.len()];
        for turned in rotated {
            rotated_by_cell[self.cell_of[self.field(turned.center)]].push(turned.word);
        }
        for (text, rotated) in texts.iter_mut().zip(&rotated_by_cell) {
            crate::text::append_line(text, &cell_text(rotated));
        }
        let has_figures: Vec<bool> = (0..self.ys.len() - 1)
            .map(|row| (1..self.columns()).any(|column| crate::text::is_figure(&texts[self.cell(row, column)])))
            .collect();
        let mut rows = Vec::new();
        for row in 0..self.ys.len() - 1 {
            let is_head = !has_figures[row] && has_figures[row + 1..].contains(&true);
            let fields = self.fields(row, &by_cell);
            match bands::split(&fields, is_head) {
                Some(parts) => rows.extend(self.split_row(row, &texts, &fields, parts)),
                None => rows.extend(self.row(row, &texts, &by_cell, &rotated_by_cell)),
            }
        }
        Ok(rows)
    }

    /// The field around a point inside the table.
    fn field(&self, (x, y): (f32, f32)) -> usize {
        Self::band(&self.ys, y) * self.columns() + Self::band(&self.xs, x)
    }

    fn cell(&self, row: usize, column: usize) -> usize {
        self.cell_of[row * self.columns() + column]
    }

    /// First column, column after the last, and cell, from left to right.
    fn cells(&self, row: usize) -> Vec<(usize, usize, usize)> {
        let mut cells: Vec<(usize, usize, usize)> = Vec::new();
        for column in 0..self.columns() {
            let cell = self.cell(row, column);
            match cells.last_mut() {
                Some((_, end, last)) if *last == cell => *end = column + 1,
                _ => cells.push((column, column + 1, cell)),
            }
        }
        cells
    }

    fn starts_at(&self, row: usize, column: usize) -> bool {
        row == 0 || self.cell(row - 1, column) != self.cell(row, column)
    }

    fn ends_at(&self, row: usize, column: usize) -> bool {
        row + 2 == self.ys.len() || self.cell(row + 1, column) != self.cell(row, column)
    }

    /// Figures that stand in one cell, each between the rules of another row, are no merged cell: their column has no
    /// rules of its own.
    fn part_cells(&mut self, by_cell: &mut [Vec<Word>]) {
        for cell in 0..by_cell.len() {
            let lines = words::lines(by_cell[cell].clone());
            let rows: Vec<usize> =
                lines.iter().map(|line| Self::band(&self.ys, line.first().map_or(0.0, Word::middle))).collect();
            let is_figure = |line: &Vec<Word>| {
                let text = cells::join(&line.iter().collect::<Vec<_>>());
                crate::text::is_figure(&text) && !crate::text::is_period(&text)
            };
            if rows.len() < 2 || rows.windows(2).any(|pair| pair[0] >= pair[1]) || !lines.iter().all(is_figure) {
                continue;
            }
            let columns = self.columns();
            let mut first_of_row: Vec<Option<usize>> = vec![None; self.ys.len()];
            for field in 0..self.cell_of.len() {
                if self.cell_of[field] == cell {
                    self.cell_of[field] = *first_of_row[field / columns].get_or_insert(field);
                }
            }
            by_cell[cell].clear();
            for word in lines.into_iter().flatten() {
                let field = self.field((word.center(), word.middle()));
                by_cell[self.cell_of[field]].push(word);
            }
        }
    }

    fn row(&self, row: usize, texts: &[String], by_cell: &[Vec<Word>], rotated: &[Vec<Word>]) -> Option<Row> {
        let mut own: Vec<Word> = Vec::new();
        let cells = self.cells(row).into_iter().map(|(column, end, cell)| {
            let starts_here = self.starts_at(row, column);
            if starts_here {
                own.extend(by_cell[cell].iter().chain(&rotated[cell]).cloned());
            }
            let text = if starts_here || column == 0 { texts[cell].clone() } else { String::new() };
            self.place(column, end, text)
        });
        let cells: Vec<Cell> = cells.collect();
        if own.is_empty() {
            return None;
        }
        let row_box = cells::of_cells(&own, cells)?;
        Some(Row { top: self.ys[row], bottom: self.ys[row + 1], ..row_box })
    }

    fn place(&self, column: usize, end: usize, text: String) -> Cell {
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        Cell { left: self.xs[column], right: self.xs[end], text, span: Some((count(column), count(end - column))) }
    }

    /// What stands between the two rules of a row, cell by cell.
    fn fields(&self, row: usize, by_cell: &[Vec<Word>]) -> Vec<Field> {
        let fields = self.cells(row).into_iter().map(|(column, end, cell)| {
            let alone = self.starts_at(row, column) && self.ends_at(row, column);
            let words = if alone { by_cell[cell].clone() } else { Vec::new() };
            Field { left: self.xs[column], right: self.xs[end], words }
        });
        fields.collect()
    }

    /// Several rows between two rules. A cell that covers more than these rows says its text in the first of them, a
    /// label in all.
    fn split_row(&self, row: usize, texts: &[String], fields: &[Field], parts: Vec<bands::Parts>) -> Vec<Row> {
        let cells = self.cells(row);
        let rows = parts.into_iter().enumerate().filter_map(|(at, parts)| {
            let of_part = |(field, (column, end, cell)): (usize, &(usize, usize, usize))| {
                let elsewhere = fields[field].words.is_empty();
                let repeated = elsewhere && (*column == 0 || at == 0 && self.starts_at(row, *column));
                let text = if repeated { texts[*cell].clone() } else { cell_text(&parts[field]) };
                self.place(*column, *end, text)
            };
            let cells: Vec<Cell> = cells.iter().enumerate().map(of_part).collect();
            let own: Vec<Word> = parts.into_iter().flatten().collect();
            if own.is_empty() { None } else { cells::of_cells(&own, cells) }
        });
        rows.collect()
    }
}

/// The lines of a cell as one line of text.
fn cell_text(words: &[Word]) -> String {
    let mut text = String::new();
    for line in words::lines(words.to_vec()) {
        let line: Vec<&Word> = line.iter().collect();
        crate::text::append_line(&mut text, &cells::join(&line));
    }
    text
}

/// Sorted positions, those within [`TOUCH`] as one.
fn distinct(mut positions: Vec<f32>) -> Vec<f32> {
    positions.sort_by(f32::total_cmp);
    let mut distinct: Vec<f32> = Vec::new();
    for position in positions {
        if distinct.last().is_none_or(|last| position - last > TOUCH) {
            distinct.push(position);
        }
    }
    distinct
}
