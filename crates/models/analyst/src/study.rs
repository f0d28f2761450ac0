//! From passages to findings: which document is meant, which figures it holds, what is missing.

use std::collections::BTreeMap;

use super::figures::{self, Figure, Point};
use super::label::is_chinese;
use super::metrics::{self, Metric};
use super::passages::NumberedPassage;
use super::period::{self, Column, Period};
use super::prose;
use super::question::{Question, Wish};
use super::quotes::{self, Quote};
use super::segments::{self, Segments};
use super::table::{self, Anchor, Row};
use super::unit::Unit;

/// All that the passages say about a question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Findings {
    /// The document that the answer is about.
    pub file: String,
    /// Other documents that were found and left out.
    pub other_files: Vec<String>,
    pub figures: Vec<Figure>,
    pub missing: Vec<&'static Metric>,
    pub segments: Option<Segments>,
    pub quotes: Vec<Quote>,
    pub is_chinese: bool,
}

impl Findings {
    /// The figure with this id.
    pub(crate) fn get(&self, id: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.metric.is_some_and(|metric| metric.id == id))
    }
}

/// Studies the passages. There is at least one.
pub(crate) fn study(question: &Question, all: &[NumberedPassage]) -> Findings {
    let file = choose(question, all);
    let passages: Vec<&NumberedPassage> = all.iter().filter(|passage| passage.file == file).collect();
    let mut other_files: Vec<String> = Vec::new();
    for passage in all {
        if passage.file != file && !other_files.contains(&passage.file) {
            other_files.push(passage.file.clone());
        }
    }
    let anchor = Anchor { year: reporting_year(&file, &passages) };
    let mut rows = table::all_rows(&passages, anchor);
    date(&mut rows);
    let n_chinese: usize =
        passages.iter().map(|passage| passage.text.chars().filter(|char| is_chinese(*char)).count()).sum();
    let n_letters: usize =
        passages.iter().map(|passage| passage.text.chars().filter(char::is_ascii_alphabetic).count()).sum();
    let is_chinese = n_chinese * 2 > n_letters;
    fill_units(&mut rows, is_chinese);
    let dated = rows.iter().flat_map(|row| &row.values).filter_map(|value| value.period);
    let newest = anchor.year.or_else(|| dated.map(|period| period.year).max());

    let mut found = Vec::new();
    let mut missing = Vec::new();
    for metric in &question.metrics {
        let in_table = figures::find(metric, &rows, question, newest);
        let is_good = in_table.as_ref().is_some_and(|figure| !figure.points.is_empty());
        let in_prose = if is_good { None } else { prose::find(metric, &passages, &question.years, newest) };
        match in_prose.or(in_table) {
            Some(figure) => found.push(figure),
            None => missing.push(*metric),
        }
    }
    if question.wish == Wish::Lookup && question.asks_how_much {
        found.extend(figures::by_keywords(&rows, question, newest));
    }
    derive(question, &mut found, &mut missing);
    let sales = found.iter().find(|figure| figure.metric.is_some_and(|metric| metric.id == "revenue"));
    let sales = sales.and_then(|sales| Some((sales.points.first()?.value, sales.unit.scale)));
    let segments = question.wants_segments.then(|| segments::find(&rows, sales)).flatten();
    let quotes = match question.wish {
        _ if found.is_empty() && segments.is_none() => quotes::about(question, &passages, 4),
        Wish::Lookup => quotes::about(question, &passages, 4),
        _ => {
            let names: Vec<&str> = found
                .iter()
                .filter_map(|figure| figure.metric)
                .flat_map(|metric| metric.labels.iter().take(4).copied())
                .collect();
            quotes::reasons(&names, &passages, 2)
        }
    };
    Findings { file, other_files, figures: found, missing, segments, quotes, is_chinese }
}

/// The document that is meant: the one whose name the question mentions, or else the one found best.
fn choose(question: &Question, passages: &[NumberedPassage]) -> String {
    let common = [
        "annual",
        "report",
        "10k",
        "10q",
        "pdf",
        "fy",
        "year",
        "the",
        "docx",
        "xlsx",
        "md",
        "txt",
        "earnings",
        "quarterly",
        "final",
        "cn",
        "en",
    ];
    let mut scores: BTreeMap<&str, i64> = BTreeMap::new();
    for (rank, passage) in passages.iter().enumerate() {
        let best = 20 - i64::try_from(rank.min(15)).unwrap_or(15);
        let score = scores.entry(&passage.file).or_insert_with(|| {
            let name = passage.file.to_lowercase();
            let tokens = name
                .split(|char: char| !char.is_alphanumeric())
                .filter(|token| token.chars().count() >= 2 && !common.contains(token));
            let years = period::years(&name);
            let n_named =
                tokens.filter(|token| period::years(token).is_empty() && question.context.contains(*token)).count();
            let asked_year = question.years.iter().max();
            let year_fits = match (asked_year, years.iter().max()) {
                (Some(asked), Some(year)) if asked == year => 25,
                (Some(asked), Some(year)) if asked > year => -25,
                (Some(asked), Some(year)) if year - asked > 3 => -15,
                _ => 0,
            };
            best + 100 * i64::try_from(n_named).unwrap_or(0) + year_fits
        });
        *score += 2;
    }
    let best = passages
        .iter()
        .map(|passage| passage.file.as_str())
        .enumerate()
        .max_by_key(|(at, file)| (scores.get(file), std::cmp::Reverse(*at)));
    best.map(|(_, file)| file.to_owned()).unwrap_or_default()
}

/// The year that a document reports on: from its name, from its own title, or the newest head of a column.
fn reporting_year(file: &str, passages: &[&NumberedPassage]) -> Option<i32> {
    if let Some(year) = period::years(file).into_iter().max() {
        return Some(year);
    }
    let mut heads: BTreeMap<i32, usize> = BTreeMap::new();
    for passage in passages {
        for line in passage.text.lines().chain([passage.heading.as_str()]) {
            let tight: String = line.chars().filter(|char| !char.is_whitespace()).collect();
            if ["年年度报告", "年半年度报告", "fiscalyearended"]
                .iter()
                .any(|title| tight.to_lowercase().contains(title))
            {
                return period::years(&tight).into_iter().max();
            }
            if let Some(cells) = line.contains('|').then(|| line.split('|')) {
                for cell in cells {
                    if let Column::Dated { year: Some(year), .. } = period::column(cell) {
                        *heads.entry(year).or_default() += 1;
                    }
                }
            }
        }
    }
    // A lone year far ahead is the end of a lease or a loan.
    let most = heads.values().copied().max()?;
    heads.into_iter().filter(|(_, n)| *n * 3 >= most).map(|(year, _)| year).max()
}

/// Gives periods to rows that lost the head of their table, where the numbers prove them: when a row of the same
/// passage repeats two values that a dated row has elsewhere, its columns are those years.
fn date(rows: &mut [Row]) {
    let dated: Vec<Vec<(f64, Period)>> = rows
        .iter()
        .map(|row| row.values.iter().filter_map(|value| Some((value.number.value, value.period?))).collect::<Vec<_>>())
        .filter(|row| row.len() >= 2)
        .collect();
    let is_undated = |row: &Row| row.values.iter().all(|value| value.period.is_none());
    let mut proofs: Vec<(u32, Vec<Period>)> = Vec::new();
    for row in rows.iter().filter(|row| is_undated(row) && row.values.len() >= 2) {
        let values: Vec<f64> = row.values.iter().map(|value| value.number.value).collect();
        // Small or round numbers meet by chance.
        if values.iter().any(|value| value.abs() < 1000.0) || proofs.iter().any(|(passage, _)| *passage == row.passage)
        {
            continue;
        }
        let same = |value: &f64, known: &[(f64, Period)]| {
            known.iter().find(|(other, _)| (other - value).abs() < 1e-6).map(|(_, period)| *period)
        };
        let proof = dated
            .iter()
            .find_map(|known| values.iter().map(|value| same(value, known)).collect::<Option<Vec<Period>>>());
        proofs.extend(proof.map(|periods| (row.passage, periods)));
    }
    for row in rows.iter_mut().filter(|row| is_undated(row)) {
        let Some((_, periods)) =
            proofs.iter().find(|(passage, periods)| *passage == row.passage && periods.len() == row.values.len())
        else {
            continue;
        };
        for (value, period) in row.values.iter_mut().zip(periods) {
            value.period = Some(*period);
        }
    }
}

/// Tables that do not say their unit are in the unit of the others. Chinese statements with two decimals are in yuan.
fn fill_units(rows: &mut [Row], is_chinese: bool) {
    let mut stated: Vec<(Unit, usize)> = Vec::new();
    for row in rows.iter().filter(|row| row.unit.scale.is_some()) {
        match stated.iter_mut().find(|(unit, _)| *unit == row.unit) {
            Some((_, n)) => *n += 1,
            None => stated.push((row.unit, 1)),
        }
    }
    let usual = stated.iter().max_by_key(|(_, n)| *n).map(|(unit, _)| *unit).unwrap_or_default();
    let currency = stated
        .iter()
        .filter(|(unit, _)| unit.currency.is_some())
        .max_by_key(|(_, n)| *n)
        .and_then(|(unit, _)| unit.currency);
    let any_currency = rows.iter().find_map(|row| row.unit.currency);
    for row in rows {
        let cents = row
            .values
            .iter()
            .all(|value| value.number.digits.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 2));
        let large = row.values.iter().any(|value| value.number.value.abs() >= 1e6);
        if row.unit.scale.is_none() && is_chinese && cents && large {
            row.unit.scale = Some(1.0);
        }
        if row.unit.scale.is_none() {
            row.unit.scale = usual.scale;
        }
        let fallback = if is_chinese { Some("CNY") } else { None };
        row.unit.currency = row.unit.currency.or(currency).or(any_currency).or(fallback);
    }
}

/// Computes what was asked for and stands nowhere, from figures of the same table unit.
fn derive(question: &Question, found: &mut [Figure], missing: &mut Vec<&'static Metric>) {
    missing.retain(|metric| {
        let (plus, minus) = match metric.id {
            "gross_profit" => ("revenue", "cost_of_sales"),
            "fcf" => ("ocf", "capex"),
            // Ratios are worked out in the answer.
            "gross_margin" => {
                return !(has(found, "revenue") && (has(found, "cost_of_sales") || has(found, "gross_profit")));
            }
            "net_margin" => return !(has(found, "revenue") && has(found, "net_income")),
            // Many reports have no such row, and in an overview nobody asked for it.
            "net_income_excl" | "rnd" | "eps_basic" if question.wish == Wish::Overview => return false,
            _ => return true,
        };
        // Both are shown themselves; the difference stands among the ratios.
        !(has(found, plus) && has(found, minus))
    });
    let order = |figure: &Figure| {
        question.metrics.iter().position(|metric| figure.metric == Some(*metric)).unwrap_or(usize::MAX)
    };
    found.sort_by_key(order);
}

fn has(found: &[Figure], id: &str) -> bool {
    found.iter().any(|figure| figure.metric.is_some_and(|metric| metric.id == id) && !figure.points.is_empty())
}

/// Two figures of one period that can be set against each other, as (one, other) in the same unit.
pub(crate) fn pair<'a>(
    findings: &'a Findings,
    one: &str,
    other: &str,
    period: Period,
) -> Option<(&'a Point, &'a Point, u32, u32)> {
    let (one, other) = (findings.get(one)?, findings.get(other)?);
    let same = one.unit.scale == other.unit.scale;
    let points = (one.at(period)?, other.at(period)?);
    same.then_some((points.0, points.1, one.passage, other.passage))
}

/// What a second search should look for: the figures asked for by name, or the main ones of an overview.
pub(crate) fn worth_searching(question: &Question, findings: &Findings) -> Vec<&'static Metric> {
    let main = ["revenue", "net_income", "ocf", "capex", "total_assets", "total_liabilities", "cost_of_sales"];
    let weak = question.metrics.iter().filter(|metric| {
        let figure = findings.figures.iter().find(|figure| figure.metric == Some(**metric));
        figure.is_none_or(|figure| {
            figure.points.is_empty()
                || question.years.iter().any(|year| figure.points.iter().all(|point| point.period.year != *year))
        })
    });
    let is_derived = |metric: &Metric| matches!(metric.id, "gross_margin" | "net_margin" | "fcf" | "gross_profit");
    weak.filter(|metric| question.wish != Wish::Overview || main.contains(&metric.id))
        .filter(|metric| !is_derived(metric) || findings.missing.contains(metric))
        .filter_map(|metric| metrics::by_id(metric.id))
        .collect()
}
