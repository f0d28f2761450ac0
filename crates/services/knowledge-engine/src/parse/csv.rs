//! Reads CSV and its kin. Runs in the child process only.

use super::text::clean;
use crate::document::{Block, Content, Table, TableRow};

/// A table from comma, semicolon or tab separated values; the first line is the header.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [',', '\t', ';', '|'].into_iter().max_by_key(|char| first.matches(*char).count()).unwrap_or(',');
    let mut rows = records(text, delimiter)
        .into_iter()
        .map(|cells| cells.join(" | "))
        .filter(|row| !row.trim_matches([' ', '|']).is_empty());
    let Some(header) = rows.next() else { return Vec::new() };
    let rows: Vec<TableRow> = rows.map(|text| TableRow { text, place: None }).collect();
    if rows.is_empty() {
        return vec![Block::unpaged(Content::Paragraph(header))];
    }
    vec![Block::unpaged(Content::Table(Table { header: vec![header], rows }))]
}

fn records(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            '\n' if !quoted => {
                record.push(clean(&std::mem::take(&mut cell)));
                records.push(std::mem::take(&mut record));
            }
            char if char == delimiter && !quoted => record.push(clean(&std::mem::take(&mut cell))),
            char => cell.push(char),
        }
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(clean(&cell));
        records.push(record);
    }
    records
}
