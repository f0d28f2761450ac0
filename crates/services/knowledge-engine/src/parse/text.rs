//! Reads plain text and CSV, after guessing the encoding. Runs in the child process only.

use crate::document::{Block, Content, Table, TableRow};
use crate::text;

/// Bytes as text. UTF-8 and UTF-16 by their marks, UTF-8 when valid, otherwise the guess of a detector trained on web
/// pages (GB18030, Big5, Shift_JIS, windows-125x ...).
pub(super) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(&bytes[..bytes.len().min(1 << 20)], true);
    let encoding = detector.guess(None, true);
    // GBK is the same bytes as GB18030 as far as it goes; the larger one reads both.
    let encoding = if encoding == encoding_rs::GBK { encoding_rs::GB18030 } else { encoding };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// True when the bytes are not text: binary formats hold zero bytes, text in the encodings above does not.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let has_mark = encoding_rs::Encoding::for_bom(bytes).is_some();
    let head = &bytes[..bytes.len().min(8_192)];
    !has_mark && head.iter().filter(|byte| **byte == 0 || matches!(byte, 1..=6 | 14..=26)).count() * 200 > head.len()
}

/// Paragraphs of plain text: an empty line ends one; so does every line end when lines are long.
pub(super) fn plain(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let longest = text.lines().map(text::width).max().unwrap_or(0);
    // Lines wrapped by an editor end near column 80; longer ones are paragraphs themselves.
    let wrapped = longest <= 100;
    let mut paragraph = String::new();
    let mut flush = |paragraph: &mut String| {
        if !paragraph.is_empty() {
            blocks.push(line_block(std::mem::take(paragraph)));
        }
    };
    for line in text.lines() {
        let line = clean(line);
        if line.is_empty() {
            flush(&mut paragraph);
            continue;
        }
        let starts_anew = crate::structure::heading::numbered(&line).is_some() || is_item(&line);
        if starts_anew || !wrapped {
            flush(&mut paragraph);
        }
        text::append_line(&mut paragraph, &line);
        if starts_anew && crate::structure::heading::numbered(&paragraph).is_some() {
            flush(&mut paragraph);
        }
    }
    flush(&mut paragraph);
    blocks
}

fn line_block(text: String) -> Block {
    if let Some(level) = crate::structure::heading::numbered(&text) {
        return Block::unpaged(Content::Heading { level, text });
    }
    Block::unpaged(if is_item(&text) { Content::ListItem(text) } else { Content::Paragraph(text) })
}

fn is_item(line: &str) -> bool {
    line.starts_with(['•', '●', '■', '◆', '·', '▪', '○']) || line.starts_with("- ") || line.starts_with("* ")
}

/// Without control characters, white space runs as one space.
fn clean(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    for char in line.chars() {
        if char.is_whitespace() {
            if !clean.is_empty() && !clean.ends_with(' ') {
                clean.push(' ');
            }
        } else if !char.is_control() {
            clean.push(char);
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// A table from comma, semicolon or tab separated values; the first line is the header.
pub(super) fn csv(text: &str) -> Vec<Block> {
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
