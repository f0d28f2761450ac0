//! The rows of the tables in a passage, each value with the period of its column.
//!
//! A table comes as lines with cells separated by ` | `; text without them is tried as columns set apart by spaces.
//! Nothing about a passage is taken for granted: heads may be missing, labels wrapped, columns for notes and changes
//! stand between the years. A value whose period cannot be told keeps none, and is later trusted less.

use super::number::{self, Cell, Number};
use super::passages::NumberedPassage;
use super::period::{self, Column, Part, Period};
use super::unit::{self, Unit};

/// A row with numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The passage it stands in.
    pub passage: u32,
    pub label: String,
    /// The line before it, when that has words only: the first part of a wrapped label, or a heading of the rows below.
    pub above: String,
    /// The line after it, when that has words only.
    pub below: String,
    /// The name of the statement or section that it stands in, as far as the passage tells.
    pub title: String,
    /// The last line with words only before it: "Earnings per share:", "流动资产：".
    pub section: String,
    pub unit: Unit,
    pub values: Vec<Value>,
    /// The heads of the columns, as text, for tables that are not about years.
    pub heads: Vec<String>,
}

/// One number of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub number: Number,
    pub period: Option<Period>,
    /// Which of the heads it stands under, where that is known.
    pub head: Option<usize>,
}

/// The years that relative heads ("上期数") are counted from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Anchor {
    /// The year that the document reports on.
    pub year: Option<i32>,
}

/// Reads the rows of several passages of one document, in the order given. A table may go on from one passage into the
/// one on the same or the next page, without its head; it then keeps the one it had.
pub(crate) fn all_rows(passages: &[&NumberedPassage], anchor: Anchor) -> Vec<Row> {
    let mut order: Vec<usize> = (0..passages.len()).collect();
    order.sort_by_key(|at| (passages[*at].page, *at));
    let mut read: Vec<(usize, Vec<Row>)> = Vec::new();
    let mut before: Option<(Option<u32>, Ending)> = None;
    for at in order {
        let passage = passages[at];
        let follows = |page: Option<u32>| matches!((page, passage.page), (Some(page), Some(own)) if own <= page + 1);
        let open = before.take().filter(|(page, ending)| {
            follows(*page) && (passage.heading.is_empty() || passage.heading == ending.heading)
        });
        let (rows, ending) = read_on(passage, anchor, open.map(|(_, ending)| ending));
        before = Some((passage.page, ending));
        read.push((at, rows));
    }
    read.sort_by_key(|(at, _)| *at);
    read.into_iter().flat_map(|(_, rows)| rows).collect()
}

/// What is in force at the end of a passage.
struct Ending {
    heading: String,
    title: String,
    unit: Unit,
    head: Head,
}

/// Reads the rows of a passage alone.
#[cfg(test)]
pub(crate) fn rows(passage: &NumberedPassage, anchor: Anchor) -> Vec<Row> {
    read_on(passage, anchor, None).0
}

fn read_on(passage: &NumberedPassage, anchor: Anchor, before: Option<Ending>) -> (Vec<Row>, Ending) {
    let lines: Vec<Vec<String>> = passage.text.lines().map(cells).collect();
    let mut reader = Reader {
        anchor,
        title: passage.heading.clone(),
        section: String::new(),
        unit: unit::stated(&passage.heading),
        head: Head::default(),
        rows: Vec::new(),
    };
    if let Some(before) = before {
        reader.head = before.head;
        reader.unit = reader.unit.or(before.unit);
        if passage.heading.is_empty() {
            reader.title = before.title;
        }
    }
    for (at, cells) in lines.iter().enumerate() {
        let above = at.checked_sub(1).map_or("", |above| lone(&lines[above]));
        let below = lines.get(at + 1).map_or("", |below| lone(below));
        reader.line(passage.number, cells, above, below);
    }
    let dollars = reader.rows.iter().flat_map(|row| &row.values).find_map(|value| value.number.currency);
    for row in &mut reader.rows {
        row.unit.currency = row.unit.currency.or(dollars);
    }
    let ending = Ending { heading: passage.heading.clone(), title: reader.title, unit: reader.unit, head: reader.head };
    (reader.rows, ending)
}

/// The only cell of a line, if it has one.
fn lone(cells: &[String]) -> &str {
    match cells {
        [only] if !matches!(number::read(only), Cell::Number(_)) => only,
        _ => "",
    }
}

/// Splits a line into cells.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim_end();
    if line.contains('|') {
        let trimmed = line.trim();
        // Markdown draws the outer borders too; without them an empty first cell is the missing label.
        let inner = match trimmed.strip_prefix('|').and_then(|inner| inner.strip_suffix('|')) {
            Some(inner) if !inner.is_empty() => inner,
            _ => trimmed,
        };
        let cells: Vec<String> = inner.split('|').map(|cell| cell.trim().to_owned()).collect();
        let is_rule = cells.iter().all(|cell| cell.chars().all(|char| matches!(char, '-' | ':' | '=')));
        return if is_rule { Vec::new() } else { cells };
    }
    let spaced: Vec<String> = line
        .replace('\t', "  ")
        .split("  ")
        .map(|cell| cell.trim().to_owned())
        .filter(|cell| !cell.is_empty())
        .collect();
    let spaced: Vec<String> = spaced.into_iter().filter(|cell| !matches!(cell.as_str(), "$" | "¥" | "€")).collect();
    if spaced.len() == 1 { tail_of_numbers(&spaced[0]) } else { spaced }
}

/// "Net sales $ 32,765 $ 31,657" as a label and two numbers. A sentence that ends in a number stays one cell.
fn tail_of_numbers(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "$").collect();
    let is_number = |word: &&str| matches!(number::read(word), Cell::Number(_) | Cell::Dash | Cell::Note);
    let n_numbers = words.iter().rev().take_while(|word| is_number(word)).count();
    let label_words = words.len() - n_numbers;
    let is_sentence = words[..label_words].iter().any(|word| word.ends_with([',', ';', '。', '，']));
    let all_years =
        words[label_words..].iter().all(|word| number::number(word).is_some_and(|number| number.as_year().is_some()));
    if n_numbers < 2 || is_sentence || label_words > 14 || (label_words > 3 && all_years) {
        return vec![text.to_owned()];
    }
    let mut cells = Vec::new();
    if label_words > 0 {
        cells.push(words[..label_words].join(" "));
    }
    cells.extend(words[label_words..].iter().map(|word| (*word).to_owned()));
    cells
}

/// The heads of the columns in force.
#[derive(Debug, Clone, Default)]
struct Head {
    texts: Vec<String>,
    columns: Vec<Column>,
    /// Where no column says it.
    year: Option<i32>,
    part: Option<Part>,
    has_rows: bool,
}

struct Reader {
    anchor: Anchor,
    title: String,
    section: String,
    unit: Unit,
    head: Head,
    rows: Vec<Row>,
}

impl Reader {
    fn line(&mut self, passage: u32, cells: &[String], above: &str, below: &str) {
        let Some(first) = cells.first() else { return };
        if self.is_head(cells) {
            self.take_head(cells);
            return;
        }
        if cells.len() == 1 {
            self.take_words(first);
            return;
        }
        let values = self.values(cells);
        if values.is_empty() {
            // Words in every column and no number: a head of something other than years. A row whose values are
            // missing has dashes, notes or nothing there.
            let n_words = cells.iter().skip(1).filter(|cell| number::read(cell) == Cell::Text).count();
            if n_words >= 2 && n_words + 1 >= cells.len() {
                self.head = Head { year: self.head.year, ..Head::default() };
                self.take_head(cells);
            }
            return;
        }
        self.head.has_rows = true;
        let label = if matches!(number::read(first), Cell::Number(_) | Cell::Dash | Cell::Empty) {
            String::new()
        } else {
            first.clone()
        };
        self.rows.push(Row {
            passage,
            unit: unit::stated(&label).or(self.unit),
            label,
            above: above.to_owned(),
            below: below.to_owned(),
            title: self.title.clone(),
            section: self.section.clone(),
            values,
            heads: self.head.texts.clone(),
        });
    }

    /// A head has a period in a column and no amount.
    fn is_head(&self, cells: &[String]) -> bool {
        if cells.len() < 2 {
            return false;
        }
        let mut n_dated = 0;
        for (at, cell) in cells.iter().enumerate() {
            match number::read(cell) {
                Cell::Number(number) if number.as_year().is_none() => return false,
                _ => {}
            }
            // A label such as "2018年计划" is no column, unless it stands alone with others of its kind.
            let is_period =
                matches!(period::column(cell), Column::Dated { .. } | Column::Relative(_)) && cell.chars().count() < 60;
            n_dated += usize::from(is_period && (at > 0 || number::number(cell).is_some()));
        }
        n_dated > 0
    }

    fn take_head(&mut self, cells: &[String]) {
        let columns: Vec<Column> = cells.iter().map(|cell| period::column(cell)).collect();
        self.unit = unit::stated(&cells.join(" ")).or(self.unit);
        let before = std::mem::take(&mut self.head);
        let goes_on = !before.has_rows && before.columns.len() == columns.len();
        // A head over two lines: "First" above "Quarter".
        let texts: Vec<String> = if goes_on {
            before.texts.iter().zip(cells).map(|(above, cell)| format!("{above} {cell}").trim().to_owned()).collect()
        } else {
            cells.to_vec()
        };
        let merged = |at: usize, column: Column| match period::column(&texts[at]) {
            joined @ Column::Dated { .. } => joined,
            joined if column == Column::Other => joined,
            _ => column,
        };
        self.head = Head {
            columns: columns.into_iter().enumerate().map(|(at, column)| merged(at, column)).collect(),
            year: period::years(&cells[0]).first().copied().or(before.year),
            texts,
            part: before.part,
            has_rows: false,
        };
    }

    fn take_words(&mut self, text: &str) {
        text.trim().clone_into(&mut self.section);
        let unit = unit::stated(text);
        if !unit.is_unknown() {
            self.unit = unit.or(Unit { scale: None, currency: self.unit.currency });
        }
        let tight: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        let lower = text.to_lowercase();
        let names = [
            "利润表",
            "资产负债表",
            "现金流量表",
            "主要会计数据",
            "主要财务指标",
            "季度主要财务数据",
            "分产品",
            "分行业",
            "分地区",
        ];
        let english = ["statement of", "statements of", "balance sheet", "quarterly data", "selected financial"];
        let is_title = names.iter().any(|name| tight.contains(name)) && tight.chars().count() < 40
            || english.iter().any(|name| lower.contains(name)) && text.len() < 120 && !text.ends_with('.');
        if is_title {
            self.title = text.trim().to_owned();
            self.head = Head { year: self.head.year, ..Head::default() };
        }
        let years = period::years(text);
        if text.chars().count() < 60 && !text.ends_with(['.', '。']) {
            if let [year] = years.as_slice() {
                self.head.year = Some(*year);
            }
            if let Column::Dated { part: Some(part), .. } = period::column(text) {
                self.head.part = Some(part);
            }
        }
    }

    /// The numbers of a line with their periods.
    fn values(&self, cells: &[String]) -> Vec<Value> {
        let read: Vec<Cell> = cells.iter().map(|cell| number::read(cell)).collect();
        let starts_with_label = matches!(read.first(), Some(Cell::Text | Cell::Empty | Cell::Note));
        let body = usize::from(starts_with_label);
        let numbers = |from: usize| {
            read.iter().enumerate().skip(from).filter_map(|(at, cell)| match cell {
                Cell::Number(number) => Some((at, number.clone())),
                Cell::Empty | Cell::Dash | Cell::Note | Cell::Text => None,
            })
        };
        let columns = &self.head.columns;
        let is_dated = |column: &Column| matches!(column, Column::Dated { .. } | Column::Relative(_));
        if !columns.iter().any(is_dated) {
            let same = columns.len() == cells.len();
            return numbers(body)
                .map(|(at, number)| Value { number, period: None, head: same.then_some(at) })
                .collect();
        }
        // Cell for column, where the counts agree; otherwise dates for numbers, in their order.
        // A row without its label must not be taken for one with it.
        let offset = if columns.len() == cells.len() && (starts_with_label || is_column(&self.head.texts[0])) {
            Some(0)
        } else if columns.len() + 1 == cells.len() && starts_with_label && is_dated(&columns[0]) {
            Some(1)
        } else {
            None
        };
        if let Some(offset) = offset {
            return numbers(body)
                .filter(|(at, number)| is_dated(&columns[at - offset]) && !number_is_share(number, &cells[0]))
                .map(|(at, number)| Value {
                    number,
                    period: self.period(columns[at - offset]),
                    head: Some(at - offset),
                })
                .collect();
        }
        let first = usize::from(!is_column(&self.head.texts[0]));
        let dated: Vec<usize> = (first..columns.len()).filter(|at| is_dated(&columns[*at])).collect();
        let places: Vec<(usize, Option<Number>)> = read
            .iter()
            .enumerate()
            .skip(body)
            .filter_map(|(at, cell)| match cell {
                Cell::Number(number) => Some((at, Some(number.clone()))),
                Cell::Dash => Some((at, None)),
                Cell::Empty | Cell::Note | Cell::Text => None,
            })
            .collect();
        let with_changes: Vec<usize> =
            (first..columns.len()).filter(|at| is_dated(&columns[*at]) || columns[*at] == Column::Change).collect();
        let order = if places.len() == dated.len() {
            dated
        } else if places.len() == with_changes.len() {
            with_changes
        } else if let Some(change) = places_of_change(&places).filter(|_| places.len() == dated.len() + 1) {
            let mut order = dated;
            order.insert(change, usize::MAX);
            order
        } else {
            return places
                .into_iter()
                .filter_map(|(_, number)| Some(Value { number: number?, period: None, head: None }))
                .collect();
        };
        let placed = places.into_iter().zip(order).filter(|(_, column)| columns.get(*column).is_some_and(is_dated));
        placed
            .filter_map(|((_, number), column)| {
                Some(Value { number: number?, period: self.period(columns[column]), head: Some(column) })
            })
            .collect()
    }

    fn period(&self, column: Column) -> Option<Period> {
        match column {
            Column::Dated { year, part } => {
                let year = year.or(self.head.year).or(self.anchor.year)?;
                Some(Period { year, part: part.or(self.head.part).unwrap_or(Part::Year) })
            }
            Column::Relative(offset) => Some(Period::year(self.anchor.year? + offset)),
            Column::Change | Column::Note | Column::Other => None,
        }
    }
}

/// Whether the first cell of a head is a column itself and not the place above the labels.
fn is_column(text: &str) -> bool {
    let lower = number::narrow(text).trim().to_lowercase();
    let starts = ["fy", "第", "本期", "本年", "上期", "期末", "q1", "first", "december", "three months", "year ended"];
    lower.starts_with(|char: char| char.is_ascii_digit()) || starts.iter().any(|start| lower.starts_with(start))
}

/// A percentage in a row whose label is no ratio stands in a column of changes that lost its head.
fn number_is_share(number: &Number, label: &str) -> bool {
    let label = label.to_lowercase();
    number.is_percent
        && !["率", "比", "%", "％", "margin", "rate", "percent", "return", "ratio", "growth"]
            .iter()
            .any(|word| label.contains(word))
}

/// Which place holds the change in percent between the two numbers before it, if one does.
fn places_of_change(places: &[(usize, Option<Number>)]) -> Option<usize> {
    (2..places.len()).find(|at| {
        let [Some(now), Some(before), Some(change)] = [&places[at - 2].1, &places[at - 1].1, &places[*at].1] else {
            return false;
        };
        before.value.abs() > f64::EPSILON && ((now.value / before.value - 1.0) * 100.0 - change.value).abs() < 0.06
    })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
