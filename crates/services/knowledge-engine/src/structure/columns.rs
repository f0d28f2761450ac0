//! Which columns the values of a table stand in.

use crate::document::Row;
use crate::text;

/// From left to right, the stretch of the page each column of values covers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Columns(pub Vec<(f32, f32)>);

impl Columns {
    /// Columns of a table without lines: figures that stand above one another make a column, then texts that stand in
    /// none of these make further ones.
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut columns = Vec::new();
        for row in rows {
            for (at, cell) in row.cells.iter().enumerate() {
                if text::is_figure(&cell.text) && (at > 0 || row.cells.len() == 1) && !text::is_period(&cell.text) {
                    cover(&mut columns, (cell.left, cell.right), 0.0);
                }
            }
        }
        let label_end = columns.first().map_or(f32::MAX, |(left, _): &(f32, f32)| *left);
        let mut texts: Vec<(f32, f32)> = Vec::new();
        for row in rows.iter().filter(|row| row.cells.len() >= 3 || columns.is_empty() && row.cells.len() == 2) {
            for cell in row.cells.iter().skip(1) {
                let free = !columns.iter().any(|column| overlap(*column, (cell.left, cell.right)) > 0.0);
                // Between the label and the first figures only a column that several rows have is believed.
                if free && (cell.left > label_end || columns.is_empty() || shared(rows, cell.left) >= 2) {
                    cover(&mut texts, (cell.left, cell.right), 0.0);
                }
            }
        }
        texts.retain(|text| !columns.iter().any(|column| overlap(*column, *text) > 0.0));
        columns.extend(texts);
        columns.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(columns)
    }

    /// The columns a cell covers; none when it stands left of all of them.
    pub(crate) fn covered(&self, left: f32, right: f32) -> Vec<usize> {
        let own: Vec<usize> = (0..self.0.len()).filter(|at| overlap(self.0[*at], (left, right)) > 0.0).collect();
        if !own.is_empty() {
            return own;
        }
        let Some(first) = self.0.first() else { return Vec::new() };
        let center = f32::midpoint(left, right);
        if right <= first.0 && first.0 - right > 0.6 * (right - left) || center < first.0 - 40.0 {
            return Vec::new();
        }
        // Heads and dashes are often narrower than the figures and stand beside them: the nearest column it is.
        let nearest = (0..self.0.len()).min_by(|a, b| {
            let away = |at: usize| (f32::midpoint(self.0[at].0, self.0[at].1) - center).abs();
            away(*a).total_cmp(&away(*b))
        });
        nearest.into_iter().collect()
    }
}

fn shared(rows: &[Row], left: f32) -> usize {
    rows.iter().filter(|row| row.cells.iter().skip(1).any(|cell| (cell.left - left).abs() < 3.0)).count()
}

fn overlap(a: (f32, f32), b: (f32, f32)) -> f32 {
    a.1.min(b.1) - a.0.max(b.0)
}

/// Adds a stretch; those it overlaps become one with it.
fn cover(columns: &mut Vec<(f32, f32)>, mut stretch: (f32, f32), slack: f32) {
    columns.retain(|column| {
        let joins = overlap(*column, stretch) > slack;
        if joins {
            stretch = (stretch.0.min(column.0), stretch.1.max(column.1));
        }
        !joins
    });
    columns.push(stretch);
    columns.sort_by(|a, b| a.0.total_cmp(&b.0));
}
