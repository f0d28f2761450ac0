//! Reads pages that are set in two or three text columns one column after the other.
//!
//! A table has gutters as well. The difference is what stands beside a gutter: prose in full lines on both sides is
//! text columns; numbers and short labels are a table and stay rows.

use crate::document::Row;
use crate::layout::cells;
use crate::layout::words::{self, Word};
use crate::text;

/// Rows of the page in reading order.
pub(crate) fn read(words: Vec<Word>, page_width: f32) -> Vec<Row> {
    let lines = words::lines(words);
    let mut rows = Vec::new();
    let mut at = 0;
    let mut next_column = 0;
    while at < lines.len() {
        if let Some((end, gutter)) = columned_band(&lines[at..], page_width) {
            let band = &lines[at..at + end];
            let (left, right): (Vec<Word>, Vec<Word>) =
                band.iter().flatten().cloned().partition(|word| word.center() < gutter);
            for side in [left, right] {
                next_column += 1;
                for line in words::lines(side) {
                    rows.extend(cells::row(&line).map(|row| Row { column: next_column, ..row }));
                }
            }
            at += end;
            next_column += 1;
        } else {
            rows.extend(cells::row(&lines[at]).map(|row| Row { column: next_column, ..row }));
            at += 1;
        }
    }
    rows
}

/// When the lines begin with a band of two text columns: the number of lines and the middle of the gutter.
fn columned_band(lines: &[Vec<Word>], page_width: f32) -> Option<(usize, f32)> {
    let first = lines.first()?;
    // Candidates are the gaps of the first few lines, near the middle of the page.
    let mut candidates: Vec<f32> = Vec::new();
    for line in lines.iter().take(4) {
        for pair in line.windows(2) {
            let middle = f32::midpoint(pair[0].right, pair[1].left);
            if pair[1].left - pair[0].right > pair[0].size.max(6.0) && (0.3..0.7).contains(&(middle / page_width)) {
                candidates.push(middle);
            }
        }
    }
    // Both sides must be there where the band starts, or titles above would fall into the left column.
    candidates.retain(|gutter| {
        first.iter().any(|word| word.right <= *gutter) && first.iter().any(|word| word.left >= *gutter)
    });
    let (end, gutter) =
        candidates.into_iter().map(|gutter| (free_lines(lines, gutter), gutter)).max_by_key(|(end, _)| *end)?;
    (end >= 6 && is_prose(&lines[..end], gutter)).then_some((end, gutter))
}

/// How many lines leave the gutter free.
fn free_lines(lines: &[Vec<Word>], gutter: f32) -> usize {
    lines
        .iter()
        .take_while(|line| line.iter().all(|word| word.right <= gutter - 2.0 || word.left >= gutter + 2.0))
        .count()
}

fn is_prose(band: &[Vec<Word>], gutter: f32) -> bool {
    let prose = |is_side: &dyn Fn(&Word) -> bool| {
        let mut n_lines = 0_usize;
        let mut n_full = 0_usize;
        let mut n_figures = 0_usize;
        let mut n_words = 0_usize;
        for line in band {
            let side: Vec<&Word> = line.iter().filter(|word| is_side(word)).collect();
            if side.is_empty() {
                continue;
            }
            n_lines += 1;
            n_words += side.len();
            n_figures += side.iter().filter(|word| text::is_figure(&word.text)).count();
            let loose = side.windows(2).any(|pair| pair[1].left - pair[0].right > 2.0 * pair[0].size.max(4.0));
            let width = text::width(&cells::join(&side));
            if width >= 28 && !loose {
                n_full += 1;
            }
        }
        n_lines >= 5 && n_full * 10 >= n_lines * 6 && n_figures * 8 <= n_words
    };
    prose(&|word| word.center() < gutter) && prose(&|word| word.center() > gutter)
}
