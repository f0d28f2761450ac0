//! Reads plain text. Runs in the child process only.

use crate::document::{Block, Content};
use crate::text;

/// Paragraphs of plain text: an empty line ends one; so does every line end when lines are long.
pub(super) fn blocks(text: &str) -> Vec<Block> {
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
pub(super) fn clean(line: &str) -> String {
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
