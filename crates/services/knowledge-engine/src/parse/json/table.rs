//! Records with the same few fields, as a table.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::value::{Value, is_plain, open, scalar};
use super::{MAX_DEPTH, joined, shown};
use crate::document::{Table, TableRow};
use crate::parse::text::clean;

/// The header is repeated in every passage and must leave room for rows.
const MAX_HEADER_CHARS: usize = 400;
/// Whoever writes more into a field writes a text, and a text reads badly in a cell.
const MAX_CELL_CHARS: usize = 240;

/// The table of some records; `None` when they are not alike, or hold more than fits into cells.
pub(super) fn table(records: &[&RawValue]) -> Option<Table> {
    if records.len() < 2 {
        return None;
    }
    let mut columns: Vec<String> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let (mut n_filled, mut n_header_chars) = (0, 0);
    for record in records {
        for (path, _) in fields(record)? {
            n_filled += 1;
            if !known.contains_key(&path) {
                n_header_chars += path.chars().count() + 3;
                if n_header_chars > MAX_HEADER_CHARS {
                    return None;
                }
                known.insert(path.clone(), columns.len());
                columns.push(path);
            }
        }
    }
    // Half of the cells empty: the records have little in common.
    if columns.is_empty() || n_filled * 2 < records.len() * columns.len() {
        return None;
    }
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        let mut cells = vec![String::new(); columns.len()];
        for (path, text) in fields(record)? {
            let cell = &mut cells[*known.get(&path)?];
            if !cell.is_empty() {
                cell.push_str(", ");
            }
            cell.push_str(&text);
        }
        rows.push(TableRow { text: cells.join(" | "), place: None });
    }
    let header: Vec<String> = columns.iter().map(|column| shown(column)).collect();
    Some(Table { header: vec![header.join(" | ")], rows })
}

/// The values of a record with their paths; `None` when there is a list of more than plain values in it, or a long text.
fn fields(record: &RawValue) -> Option<Vec<(String, String)>> {
    let Value::Object(entries) = open(record) else { return None };
    let mut fields = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        add(&mut fields, joined("", &key), value, 1)?;
    }
    Some(fields)
}

fn add(fields: &mut Vec<(String, String)>, path: String, raw: &RawValue, depth: usize) -> Option<()> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let text = match open(raw) {
        Value::Object(entries) => {
            for (key, value) in entries {
                add(fields, joined(&path, &key), value, depth + 1)?;
            }
            return Some(());
        }
        Value::Array(items) => {
            if !items.iter().all(|item| is_plain(item)) {
                return None;
            }
            items.iter().map(|item| clean(&scalar(item))).collect::<Vec<_>>().join(", ")
        }
        Value::Scalar(text) => clean(&text),
    };
    if text.chars().nth(MAX_CELL_CHARS).is_some() {
        return None;
    }
    fields.push((path, text));
    Some(())
}
