//! Reads JSON as text that says where each value stands. Runs in the child process only.
//!
//! A value becomes a line, `customer.address.city: Oslo`. A list of records with the same few fields becomes a table, as CSV
//! does; any other list of records becomes a section for each, so that no passage mixes them up unseen. Such lists come
//! after everything else, for what follows a section would belong to it.
//!
//! Values are taken as they are written: a number of thirty digits keeps them all. What is nested deeper than
//! [`MAX_DEPTH`] is shown as it stands, and a text that would grow past [`MAX_BYTES`] is refused.

pub(super) mod lines;
mod table;
mod value;

use serde_json::value::RawValue;

use super::ParseFailure;
use super::read_text::ReadText;
use super::text::clean;
use crate::document::{Block, Content};
use value::{Value, is_plain, open, scalar};

/// Lists and objects in one another that are taken apart.
const MAX_DEPTH: usize = 32;
/// What may come out of a file, in bytes: as much as the service takes.
const MAX_BYTES: usize = 512 << 20;
/// A block weighs this more than its text.
const BLOCK_BYTES: usize = 128;
/// Characters of a path that are shown; hostile keys are longer than what they name.
const MAX_PATH_CHARS: usize = 160;
/// Items of a list up to this long stand on one line.
const SHORT_CHARS: usize = 80;

/// Whether the first bytes of a text look like JSON.
pub(super) fn is_likely(head: &str) -> bool {
    let mut chars = head.chars().filter(|char| !char.is_whitespace());
    match (chars.next(), chars.next()) {
        (Some('{'), Some('"' | '}')) => true,
        // Not `[2024-01-31`, as lines of a log begin.
        (Some('['), Some('{' | '[' | '"' | ']')) => true,
        _ => false,
    }
}

/// The blocks of a document, or of lines of JSON under the name of one.
pub(super) fn blocks(text: &str) -> Result<ReadText, ParseFailure> {
    match parse(text) {
        Ok(document) => Ok(Writer::default().document(document)?.into()),
        Err(error) if lines::are_likely(text) => lines::blocks(text).map_err(|failure| match failure {
            // As a document it is broken in another place than a line of it is.
            ParseFailure::Malformed { .. } => malformed(text, &error),
            other => other,
        }),
        Err(error) => Err(malformed(text, &error)),
    }
}

fn parse(text: &str) -> Result<&RawValue, serde_json::Error> {
    serde_json::from_str(text)
}

fn malformed(text: &str, error: &serde_json::Error) -> ParseFailure {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    ParseFailure::Malformed { line: error.line(), column: column(line, error), reason: reason(error) }
}

/// Counted in characters, as an editor does; the parser counts bytes.
fn column(line: &str, error: &serde_json::Error) -> usize {
    let upto = line.floor_char_boundary(error.column());
    line[..upto].chars().count().max(1)
}

/// What the parser says, without the place.
fn reason(error: &serde_json::Error) -> String {
    let told = error.to_string();
    told.rsplit_once(" at line ").map_or(told.as_str(), |(reason, _)| reason).to_owned()
}

#[derive(Default)]
struct Writer<'a> {
    blocks: Vec<Block>,
    n_bytes: usize,
    /// Lists of records that come at the end, with the path to each and its depth.
    sections: Vec<(String, Vec<&'a RawValue>, usize)>,
}

impl<'a> Writer<'a> {
    fn document(mut self, document: &'a RawValue) -> Result<Vec<Block>, ParseFailure> {
        self.value("", document, 0, true)?;
        for (path, records, depth) in std::mem::take(&mut self.sections) {
            for (at, record) in records.into_iter().enumerate() {
                self.section(&format!("{path}[{at}]"), record, depth)?;
            }
        }
        Ok(self.blocks)
    }

    /// A record under a heading of its own; its paths begin there.
    fn section(&mut self, title: &str, record: &'a RawValue, depth: usize) -> Result<(), ParseFailure> {
        self.push(Content::Heading { level: 3, text: shown(title) })?;
        self.value("", record, depth + 1, false)
    }

    fn value(&mut self, path: &str, raw: &'a RawValue, depth: usize, has_sections: bool) -> Result<(), ParseFailure> {
        if depth >= MAX_DEPTH {
            return self.line(path, raw.get());
        }
        match open(raw) {
            Value::Scalar(text) => self.line(path, &text),
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.value(&joined(path, &key), value, depth + 1, has_sections)?;
                }
                Ok(())
            }
            Value::Array(items) => self.array(path, items, depth, has_sections),
        }
    }

    fn array(
        &mut self,
        path: &str,
        items: Vec<&'a RawValue>,
        depth: usize,
        has_sections: bool,
    ) -> Result<(), ParseFailure> {
        if items.iter().all(|item| is_plain(item)) {
            return self.list(path, &items);
        }
        if let Some(mut table) = table::table(&items) {
            if !path.is_empty() {
                table.header.insert(0, shown(path));
            }
            self.n_bytes += table.rows.iter().map(|row| row.text.len() + BLOCK_BYTES).sum::<usize>();
            return self.push(Content::Table(table));
        }
        if has_sections {
            self.sections.push((path.to_owned(), items, depth));
            return Ok(());
        }
        for (at, item) in items.into_iter().enumerate() {
            self.value(&format!("{path}[{at}]"), item, depth + 1, false)?;
        }
        Ok(())
    }

    /// Items without anything in them: on one line, or each on its own when they are sentences.
    fn list(&mut self, path: &str, items: &[&'a RawValue]) -> Result<(), ParseFailure> {
        let texts: Vec<String> = items.iter().map(|item| clean(&scalar(item))).collect();
        if texts.iter().all(|text| text.chars().nth(SHORT_CHARS).is_none()) {
            return self.line(path, &texts.join(", "));
        }
        if !path.is_empty() {
            self.push(Content::Paragraph(format!("{}:", shown(path))))?;
        }
        for text in texts {
            self.push(Content::ListItem(format!("- {text}")))?;
        }
        Ok(())
    }

    /// A value with the path to it. The lines of a longer text stay apart.
    fn line(&mut self, path: &str, text: &str) -> Result<(), ParseFailure> {
        let mut lines = text.lines().map(clean).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let first = match path {
            "" => first,
            path => format!("{}: {first}", shown(path)).trim_end().to_owned(),
        };
        for line in std::iter::once(first).filter(|line| !line.is_empty()).chain(lines) {
            self.push(Content::Paragraph(line))?;
        }
        Ok(())
    }

    fn push(&mut self, content: Content) -> Result<(), ParseFailure> {
        self.n_bytes += BLOCK_BYTES
            + match &content {
                Content::Heading { text, .. } | Content::Paragraph(text) | Content::ListItem(text) => text.len(),
                Content::Table(_) => 0,
            };
        if self.n_bytes > MAX_BYTES {
            return Err(ParseFailure::TooLarge);
        }
        self.blocks.push(Block::unpaged(content));
        Ok(())
    }
}

/// The path to a field of what is at `path`.
fn joined(path: &str, key: &str) -> String {
    let is_word = !key.is_empty() && !key.contains(['.', '[', ']', '"', ':', '|']);
    let key = if is_word { key.to_owned() } else { format!("[{key:?}]") };
    match path {
        "" => key,
        path if is_word => format!("{path}.{key}"),
        path => format!("{path}{key}"),
    }
}

/// A path as it is shown: the end of one that is too long says most.
fn shown(path: &str) -> String {
    let path = clean(path);
    let n_chars = path.chars().count();
    if n_chars <= MAX_PATH_CHARS {
        return path;
    }
    let end: String = path.chars().skip(n_chars - MAX_PATH_CHARS).collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests;
