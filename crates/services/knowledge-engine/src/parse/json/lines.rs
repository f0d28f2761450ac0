//! JSON Lines: one record a line. A line that is no JSON is reported, and the others are kept.

use serde_json::value::RawValue;

use super::{Writer, column, malformed, parse, reason, table};
use crate::document::Content;
use crate::parse::ParseFailure;
use crate::parse::read_text::ReadText;

/// Broken lines that are named one by one.
const MAX_NAMED: usize = 5;

/// Whether a text that is no document may be lines: its first line is a record, and more follow.
pub(super) fn are_likely(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let is_record = lines.next().is_some_and(|line| line.trim_start().starts_with(['{', '[']) && parse(line).is_ok());
    is_record && lines.next().is_some()
}

/// The blocks of the lines that are JSON.
pub(in crate::parse) fn blocks(text: &str) -> Result<ReadText, ParseFailure> {
    let mut records: Vec<(usize, &RawValue)> = Vec::new();
    let mut broken = Broken::default();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        match parse(line) {
            Ok(record) => records.push((number, record)),
            Err(error) => broken.add(number, line, &error),
        }
    }
    if broken.n_lines > 0 {
        // One document over several lines, under the name of lines. A line of it may be JSON by itself.
        match parse(text) {
            Ok(document) => return Ok(Writer::default().document(document)?.into()),
            Err(error) if records.is_empty() => return Err(broken.first.unwrap_or_else(|| malformed(text, &error))),
            Err(_lines) => {}
        }
    }
    let left_out = broken.told(records.len());
    Ok(ReadText { blocks: written(&records)?, left_out })
}

fn written(records: &[(usize, &RawValue)]) -> Result<Vec<crate::document::Block>, ParseFailure> {
    let mut writer = Writer::default();
    let values: Vec<&RawValue> = records.iter().map(|(_, record)| *record).collect();
    if let Some(table) = table::table(&values) {
        writer.push(Content::Table(table))?;
        return Ok(writer.blocks);
    }
    for (number, record) in records {
        writer.section(&format!("line {number}"), record, 0)?;
    }
    Ok(writer.blocks)
}

#[derive(Default)]
struct Broken {
    n_lines: usize,
    named: Vec<String>,
    first: Option<ParseFailure>,
}

impl Broken {
    fn add(&mut self, number: usize, line: &str, error: &serde_json::Error) {
        self.n_lines += 1;
        let (column, reason) = (column(line, error), reason(error));
        if self.named.len() < MAX_NAMED {
            self.named.push(format!("line {number}, column {column}: {reason}"));
        }
        self.first.get_or_insert(ParseFailure::Malformed { line: number, column, reason });
    }

    fn told(&self, n_records: usize) -> Option<String> {
        let (n_broken, n_lines) = (self.n_lines, self.n_lines + n_records);
        let more = if n_broken > self.named.len() { " and others" } else { "" };
        let named = self.named.join("; ");
        (n_broken > 0).then(|| format!("{n_broken} of {n_lines} lines are no JSON and were left out: {named}{more}"))
    }
}
