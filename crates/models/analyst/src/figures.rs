//! Which row answers: every row is scored for every figure asked for, the best one is kept with its source.
//!
//! The statements of the group win over prose, over the parent company's own statements and over segments; a row whose
//! years are known wins over one whose are not; a value that several passages agree on wins over a lone one.

use super::label::{self, fit};
use super::metrics::{Metric, Nature, Statement};
use super::number::Number;
use super::period::{Part, Period};
use super::question::Question;
use super::table::Row;
use super::unit::Unit;

/// A figure with its values and where they stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// The figure asked for; none for a row that was found by the words of the question.
    pub metric: Option<&'static Metric>,
    /// How the document calls it.
    pub label: String,
    /// The passage that holds all of the values.
    pub passage: u32,
    pub unit: Unit,
    /// Newest first.
    pub points: Vec<Point>,
    /// Values whose period the passage does not tell, in their order.
    pub undated: Vec<Number>,
    /// Read from a sentence, not from a table.
    pub is_prose: bool,
}

/// A value and its period.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub period: Period,
    /// As people speak of it: money paid out is positive.
    pub value: f64,
    /// As the document writes it, without the sign.
    pub digits: String,
}

impl Figure {
    /// How the figure behaves.
    pub(crate) fn nature(&self) -> Nature {
        self.metric.map_or_else(
            || if self.label.contains(['%', '率']) { Nature::Percent } else { Nature::Amount },
            |metric| metric.nature,
        )
    }

    /// The value of a period.
    pub(crate) fn at(&self, period: Period) -> Option<&Point> {
        self.points.iter().find(|point| point.period == period)
    }

    /// The value of the same part of the year before.
    pub(crate) fn year_before(&self, period: Period) -> Option<&Point> {
        self.at(Period { year: period.year - 1, ..period })
    }
}

/// Finds one figure in the rows. `rows` are in the order of their passages, best passage first.
pub(crate) fn find(metric: &'static Metric, rows: &[Row], question: &Question, newest: Option<i32>) -> Option<Figure> {
    let mut candidates: Vec<(i64, usize)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let (fits, _) = fits(metric, row);
        if fits > 0 {
            candidates.push((
                i64::from(fits) + worth(metric, row, question, newest) - i64::try_from(at).unwrap_or(0) / 40,
                at,
            ));
        }
    }
    let scores: Vec<i64> =
        candidates.iter().map(|(score, at)| score + 8 * n_agreeing(rows, *at, &candidates)).collect();
    let best = (0..candidates.len()).max_by_key(|at| (scores[*at], std::cmp::Reverse(candidates[*at].1)))?;
    if scores[best] < 45 {
        return None;
    }
    Some(figure(Some(metric), &rows[candidates[best].1], question))
}

/// A figure of a row.
pub(crate) fn figure(metric: Option<&'static Metric>, row: &Row, question: &Question) -> Figure {
    let is_outflow = metric.is_some_and(|metric| metric.nature == Nature::Outflow);
    let mut points: Vec<Point> = Vec::new();
    for value in &row.values {
        let Some(period) = value.period else { continue };
        if points.iter().all(|point| point.period != period) {
            let shown = if is_outflow { value.number.value.abs() } else { value.number.value };
            points.push(Point { period, value: shown, digits: value.number.digits.clone() });
        }
    }
    points.sort_by_key(|point| std::cmp::Reverse(point.period));
    let is_wanted = |part: Part| matches!(part, Part::Quarter(_)) == question.wants_quarters;
    if points.iter().any(|point| is_wanted(point.period.part)) {
        let keep_year = question.wants_quarters;
        points.retain(|point| is_wanted(point.period.part) || keep_year && point.period.part == Part::Year);
    }
    // A year and its half do not stand in one series.
    if !question.wants_quarters
        && let Some(longest) = points.iter().map(|point| point.period.part).max()
    {
        points.retain(|point| point.period.part == longest);
    }
    let undated = if points.is_empty() {
        row.values.iter().map(|value| value.number.clone()).take(4).collect()
    } else {
        Vec::new()
    };
    let in_cell = row.values.iter().find_map(|value| value.number.scale);
    // A label wrapped over lines is shown by the name that it was found by.
    let name = metric.and_then(|metric| fits(metric, row).1);
    let label = name.map_or_else(
        || if row.label.is_empty() { format!("{}{}", row.above, row.below) } else { row.label.clone() },
        str::to_owned,
    );
    let unit = Unit { scale: in_cell.or(row.unit.scale), ..row.unit };
    Figure { metric, label: label.trim().to_owned(), passage: row.passage, unit, points, undated, is_prose: false }
}

/// How well the label fits the figure, 0 to 100, and the name that it fits when only its lines together do.
fn fits(metric: &Metric, row: &Row) -> (u32, Option<&'static str>) {
    let own = label::normal(&row.label);
    let lower = row.label.to_lowercase();
    // A label may be wrapped over the lines around it; only a name that reaches over the break counts then.
    let above = label::normal(&format!("{}{}{}", row.above, joint(&row.above), row.label));
    let below = label::normal(&format!("{}{}{}", row.label, joint(&row.label), row.below));
    let both =
        label::normal(&format!("{}{}{}{}{}", row.above, joint(&row.above), row.label, joint(&row.label), row.below));
    let is_other = |text: &str| metric.not.iter().any(|word| text.contains(word));
    let mut best = (0, None);
    for (rank, name) in metric.labels.iter().enumerate() {
        let lone_word = matches!(*name, "basic" | "diluted");
        let section = format!("{} {}", row.section, row.above).to_lowercase();
        if lone_word
            && (!section.contains("per share") && !section.contains("per common share") || section.contains("weighted"))
        {
            continue;
        }
        let own_fits = if is_other(&own) || is_other(&lower) { 0 } else { fit(&own, name) };
        let mut fits = own_fits;
        for (whole, has_more) in [(&above, !row.above.is_empty()), (&below, !row.below.is_empty()), (&both, true)] {
            let reaches = name.chars().count() > own.chars().count() && !row.below.ends_with(['：', ':']);
            if has_more && reaches && whole.starts_with(name) && !is_other(whole) {
                fits = fits.max(fit(whole, name).saturating_sub(6));
            }
        }
        let rank = u32::try_from(rank).unwrap_or(u32::MAX);
        let score = fits.saturating_sub(rank.saturating_mul(2).min(24));
        if score > best.0 {
            best = (score, (fits > own_fits).then_some(*name));
        }
    }
    best
}

fn joint(text: &str) -> &'static str {
    if text.is_empty() || text.chars().next_back().is_some_and(label::is_chinese) { "" } else { " " }
}

/// What the surroundings of a row say about it.
fn worth(metric: &Metric, row: &Row, question: &Question, newest: Option<i32>) -> i64 {
    let title = row.title.to_lowercase();
    let mut worth = match statement(&title) {
        Some(statement) if statement == metric.statement => 20,
        Some(Statement::Cash) if metric.statement == Statement::Balance => -40,
        Some(_) => -10,
        None if [
            "主要会计数据",
            "主要财务指标",
            "selected financial",
            "financial highlights",
            "五年",
            "financial summary",
        ]
        .iter()
        .any(|word| title.contains(word)) =>
        {
            18
        }
        None => 0,
    };
    let of_the_parent = title.contains("母公司")
        || title.contains("parent company only")
        || title.contains("condensed financial information of");
    let of_a_part = [
        "子公司",
        "参股",
        "联营",
        "合营",
        "segment",
        "pro forma",
        "guarantor",
        "分部",
        "分产品",
        "分行业",
        "分地区",
        "by business",
    ];
    if of_the_parent {
        worth -= 60;
    } else if of_a_part.iter().any(|word| title.contains(word)) {
        worth -= 30;
    }
    let periods: Vec<Period> = row.values.iter().filter_map(|value| value.period).collect();
    if periods.is_empty() {
        return worth - 30;
    }
    worth += 15;
    let n_asked = question.years.iter().filter(|year| periods.iter().any(|period| period.year == **year)).count();
    worth += match (question.years.is_empty(), n_asked) {
        (true, _) => 0,
        (false, 0) => -30,
        (false, n) => 15 * i64::try_from(n.min(3)).unwrap_or(3),
    };
    if periods.iter().any(|period| Some(period.year) == newest) {
        worth += 10;
    }
    let n_quarters = periods.iter().filter(|period| matches!(period.part, Part::Quarter(_))).count();
    worth += match (question.wants_quarters, n_quarters) {
        (true, 0) => -25,
        (true, _) => 40,
        (false, 0) => 0,
        (false, _) => -20,
    };
    let n_years = periods.iter().filter(|period| period.part == Part::Year).count();
    worth + 3 * i64::try_from(n_years.min(5)).unwrap_or(5)
}

/// The statement that a title names.
fn statement(title: &str) -> Option<Statement> {
    let names = [
        (Statement::Cash, ["cash flow", "现金流量表", "现金流"].as_slice()),
        (Statement::Balance, &["balance sheet", "financial position", "资产负债表"]),
        (
            Statement::Income,
            &[
                "statement of income",
                "statements of income",
                "statement of operations",
                "statements of operations",
                "of earnings",
                "income statement",
                "利润表",
                "consolidated income",
            ],
        ),
    ];
    names.iter().find(|(_, words)| words.iter().any(|word| title.contains(word))).map(|(statement, _)| *statement)
}

/// How many other candidates give the same value for the newest period, at most three.
fn n_agreeing(rows: &[Row], at: usize, candidates: &[(i64, usize)]) -> i64 {
    let newest = |row: &Row| {
        row.values
            .iter()
            .filter_map(|value| Some((value.period?, value.number.value)))
            .max_by_key(|(period, _)| *period)
    };
    let Some((period, value)) = newest(&rows[at]) else { return 0 };
    let agrees = |row: &Row| {
        row.values
            .iter()
            .any(|other| other.period == Some(period) && (other.number.value.abs() - value.abs()).abs() < 1e-6)
    };
    let n = candidates
        .iter()
        .filter(|(_, other)| rows[*other].passage != rows[at].passage && agrees(&rows[*other]))
        .count();
    i64::try_from(n.min(3)).unwrap_or(0)
}

/// The row whose label holds most of the words looked for, if it holds enough of them.
pub(crate) fn by_keywords(rows: &[Row], question: &Question, newest: Option<i32>) -> Option<Figure> {
    let words = &question.keywords;
    if words.is_empty() {
        return None;
    }
    let share = |row: &Row| {
        let label = format!("{} {}", row.label, row.section).to_lowercase();
        let n = words.iter().filter(|word| label.contains(word.as_str())).count();
        let own = words.iter().filter(|word| row.label.to_lowercase().contains(word.as_str())).count();
        (own > 0 && n * 10 >= words.len() * 6).then_some(n * 10 + own * 5)
    };
    let scored = rows.iter().enumerate().filter_map(|(at, row)| {
        let dated = row.values.iter().any(|value| value.period.is_some());
        let is_newest = row.values.iter().filter_map(|value| value.period).any(|period| Some(period.year) == newest);
        Some((share(row)? * 4 + usize::from(dated) * 8 + usize::from(is_newest) * 4, std::cmp::Reverse(at)))
    });
    let (_, std::cmp::Reverse(at)) = scored.max()?;
    Some(figure(None, &rows[at], question))
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
