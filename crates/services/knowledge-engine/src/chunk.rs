//! Cuts a document into passages that a model can be shown and a citation can point at.
//!
//! A passage is about [`TARGET_TOKENS`] long, never crosses a heading of level 1 or 2, and never crosses a page, except
//! where a single paragraph does, so that every answer can say "page 12". A table stays whole up to
//! [`TABLE_TOKENS`]; a longer one is cut between rows, and each part repeats the heads and the unit, because a number
//! without its year and unit is worthless. The paragraph that leads in to a table goes with it.
//!
//! No IO, cannot fail; a document without text gives no passages.

use crate::document::{Block, Content, PageBox, Table, TableRow};
use crate::text;

/// Tokens a passage of running text is packed to.
pub const TARGET_TOKENS: usize = 400;
/// Tokens up to which a table stays whole.
pub const TABLE_TOKENS: usize = 1_000;
/// Tokens of the paragraph before a table that are repeated with it.
const LEAD_IN_TOKENS: usize = 90;

/// A passage before it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// First page, from 1.
    pub page: u32,
    /// Last page; larger than `page` only for a paragraph that runs over the foot of a page.
    pub page_end: u32,
    /// Headings above, highest first, joined by `" > "`; empty when there is none.
    pub heading: String,
    /// The passage; rows of tables as lines, cells separated by `" | "`.
    pub text: String,
    /// True when the passage holds rows of a table.
    pub is_table: bool,
    /// Where it stands, one rectangle a page (or a page's column).
    pub boxes: Vec<PageBox>,
}

/// Cuts a document.
pub fn split(blocks: &[Block]) -> Vec<Chunk> {
    let mut packer = Packer::default();
    for (at, block) in blocks.iter().enumerate() {
        match &block.content {
            Content::Heading { level, text } => packer.heading(*level, text, block),
            Content::Paragraph(text) | Content::ListItem(text) => {
                let leads_in = matches!(blocks.get(at + 1).map(|next| &next.content), Some(Content::Table(_)));
                packer.text(text, block, leads_in);
            }
            Content::Table(table) => packer.table(table, block),
        }
    }
    packer.flush();
    packer.chunks
}

#[derive(Default)]
struct Packer {
    chunks: Vec<Chunk>,
    path: Vec<(u8, String)>,
    open: Option<Chunk>,
    /// Text before the next table, with its page.
    lead_in: Option<(u32, String)>,
    /// A heading that no text followed yet on its page.
    bare_heading: Option<(u32, PageBox)>,
    /// Nothing stood between the last heading and here.
    fresh_heading: bool,
}

impl Packer {
    fn heading(&mut self, level: u8, text: &str, block: &Block) {
        if level <= 2 || self.open.as_ref().is_some_and(|open| text::tokens(&open.text) * 2 > TARGET_TOKENS) {
            self.flush();
        }
        let title = match self.path.last() {
            // "Acme Corporation", "Consolidated Balance Sheet", "At December 31": one title in three lines.
            Some((last, title)) if self.fresh_heading && *last == level && level > 2 && text::width(title) < 120 => {
                format!("{title} · {text}")
            }
            Some(_) | None => text.to_owned(),
        };
        self.path.retain(|(above, _)| *above < level);
        self.path.push((level, title));
        self.fresh_heading = true;
        self.lead_in = None;
        match &mut self.open {
            // A small section joins the passage before it, with its heading as a line of the text.
            Some(open) if open.page == block.page && !open.is_table => {
                open.text.push('\n');
                open.text.push_str(text);
                add_boxes(&mut open.boxes, &block.boxes);
            }
            Some(_) => self.flush(),
            None => {}
        }
        self.bare_heading = block.boxes.first().map(|place| (block.page, *place));
    }

    fn text(&mut self, text: &str, block: &Block, leads_in: bool) {
        self.fresh_heading = false;
        self.lead_in = leads_in.then(|| (block.page_end, tail(text, LEAD_IN_TOKENS)));
        let starts_page = self.open.as_ref().is_some_and(|open| open.page_end != block.page || open.page != block.page);
        if starts_page {
            self.flush();
        }
        for part in parts(text) {
            let tokens = text::tokens(&part);
            let full = self
                .open
                .as_ref()
                .is_some_and(|open| text::tokens(&open.text) + tokens > TARGET_TOKENS + TARGET_TOKENS / 4);
            if full {
                self.flush();
            }
            let heading = self.heading_path();
            let bare = self.bare_heading.take().filter(|(page, _)| *page == block.page);
            let open = self.open.get_or_insert_with(|| Chunk {
                page: block.page,
                page_end: block.page_end,
                heading,
                text: String::new(),
                is_table: false,
                boxes: bare.map(|(_, place)| place).into_iter().collect(),
            });
            if !open.text.is_empty() {
                open.text.push('\n');
            }
            open.text.push_str(&part);
            open.page_end = open.page_end.max(block.page_end);
            add_boxes(&mut open.boxes, &block.boxes);
            if text::tokens(&open.text) >= TARGET_TOKENS {
                self.flush();
            }
        }
    }

    fn table(&mut self, table: &Table, block: &Block) {
        self.fresh_heading = false;
        // The text before stays a passage of its own; a few words alone are not worth one and go with the table.
        let mut lead_in = self.lead_in.take();
        let small = self.open.take_if(|open| {
            !open.is_table && open.page + 1 >= block.page && text::tokens(&open.text) <= LEAD_IN_TOKENS
        });
        if let Some(small) = small {
            lead_in = Some((small.page, small.text));
        }
        self.flush();
        let lead_in = lead_in.filter(|(page, _)| *page + 1 >= block.page).map(|(_, text)| without_ticks(&text));
        let lead_in = lead_in.filter(|text| !text.is_empty());
        let mut head = String::new();
        for line in lead_in.iter().chain(&table.header) {
            head.push_str(line);
            head.push('\n');
        }
        let head_tokens = text::tokens(&head);
        let heading = self.heading_path();
        let bare = self.bare_heading.take().filter(|(page, _)| *page == block.page).map(|(_, place)| place);
        for rows in row_groups(&table.rows, head_tokens) {
            let mut chunk = Chunk {
                page: block.page,
                page_end: block.page_end,
                heading: heading.clone(),
                text: head.clone(),
                is_table: true,
                boxes: bare.into_iter().collect(),
            };
            for row in rows {
                chunk.text.push_str(&row.text);
                chunk.text.push('\n');
                add_boxes(&mut chunk.boxes, row.place.as_slice());
            }
            chunk.text.truncate(chunk.text.trim_end().len());
            if !chunk.text.is_empty() {
                self.chunks.push(chunk);
            }
        }
        if table.rows.is_empty() && !table.header.is_empty() {
            self.chunks.push(Chunk {
                page: block.page,
                page_end: block.page_end,
                heading,
                text: head.trim_end().to_owned(),
                is_table: true,
                boxes: block.boxes.clone(),
            });
        }
    }

    fn heading_path(&self) -> String {
        let path: Vec<&str> = self.path.iter().map(|(_, text)| text.as_str()).collect();
        // A path of sentences helps nobody: the nearest headings count.
        let from = path.len().saturating_sub(4);
        path[from..].join(" > ")
    }

    fn flush(&mut self) {
        if let Some(open) = self.open.take()
            && !open.text.trim().is_empty()
        {
            self.chunks.push(open);
        }
    }
}

/// Chinese reports put "√适用 □不适用" before each table; beside the table it says nothing.
fn without_ticks(text: &str) -> String {
    let lines = text.lines().map(|line| line.replace("√适用", "").replace("□不适用", ""));
    let lines: Vec<String> = lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Rows that fit into one passage together with the head, at least one.
fn row_groups(rows: &[TableRow], head_tokens: usize) -> Vec<&[TableRow]> {
    let sizes: Vec<usize> = rows.iter().map(|row| text::tokens(&row.text) + 1).collect();
    let total: usize = sizes.iter().sum();
    let room = TABLE_TOKENS.saturating_sub(head_tokens).max(TABLE_TOKENS / 3);
    if total <= room {
        return if rows.is_empty() { Vec::new() } else { vec![rows] };
    }
    // Parts of about the same length: a last part of two rows would say little.
    let target = total.div_ceil(total.div_ceil(room));
    let mut groups = Vec::new();
    let (mut from, mut size) = (0, 0);
    for (at, tokens) in sizes.iter().enumerate() {
        if at > from && (size + tokens > room || size >= target) {
            groups.push(&rows[from..at]);
            from = at;
            size = 0;
        }
        size += tokens;
    }
    groups.push(&rows[from..]);
    groups
}

/// Adds places; those on the same page that follow each other grow into one.
fn add_boxes(boxes: &mut Vec<PageBox>, more: &[PageBox]) {
    for place in more {
        match boxes.last_mut() {
            Some(last) if last.page == place.page && place.y0 >= last.y0 - 0.01 => *last = last.around(*place),
            Some(_) | None => boxes.push(*place),
        }
    }
}

/// The last sentences of a text, at most `tokens` long.
fn tail(text: &str, tokens: usize) -> String {
    if text::tokens(text) <= tokens {
        return text.to_owned();
    }
    let sentences = sentences(text);
    let mut kept = Vec::new();
    let mut size = 0;
    for sentence in sentences.iter().rev() {
        size += text::tokens(sentence);
        if size > tokens {
            break;
        }
        kept.push(*sentence);
    }
    kept.reverse();
    kept.concat().trim().to_owned()
}

/// A paragraph in pieces of at most [`TARGET_TOKENS`], cut between sentences, else between words.
fn parts(text: &str) -> Vec<String> {
    if text::tokens(text) <= TARGET_TOKENS {
        return vec![text.to_owned()];
    }
    let mut parts: Vec<String> = Vec::new();
    let mut open = String::new();
    for sentence in sentences(text) {
        if !open.is_empty() && text::tokens(&open) + text::tokens(sentence) > TARGET_TOKENS {
            parts.push(std::mem::take(&mut open).trim().to_owned());
        }
        if text::tokens(sentence) <= TARGET_TOKENS {
            open.push_str(sentence);
            continue;
        }
        // A "sentence" without an end: a list of names, a broken text layer.
        let mut tokens_4 = 0_usize;
        for char in sentence.chars() {
            tokens_4 += if text::is_cjk(char) { 4 } else { 1 };
            open.push(char);
            let may_cut = char == ' ' || text::is_cjk(char);
            if tokens_4 >= 4 * TARGET_TOKENS && may_cut || tokens_4 >= 5 * TARGET_TOKENS {
                parts.push(std::mem::take(&mut open).trim().to_owned());
                tokens_4 = 0;
            }
        }
    }
    if !open.trim().is_empty() {
        parts.push(open.trim().to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Sentences with what closes them. A full stop ends one only before white space and not inside "12.3" or "U.S. ".
pub fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut from = 0;
    let mut chars = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, char)) = chars.next() {
        let ends = match char {
            '。' | '！' | '？' | '；' | '…' => true,
            '!' | '?' => chars.peek().is_none_or(|(_, next)| next.is_whitespace()),
            '.' => {
                let abbreviated = before.is_uppercase() || text[..at].ends_with(" No") || text[..at].ends_with(" Inc");
                !abbreviated && chars.peek().is_none_or(|(_, next)| next.is_whitespace())
            }
            _ => false,
        };
        before = char;
        if !ends {
            continue;
        }
        let mut end = at + char.len_utf8();
        while let Some((next_at, next)) = chars.peek().copied() {
            if "”’」』）)\"'…。！？".contains(next) || next == ' ' {
                end = next_at + next.len_utf8();
                chars.next();
            } else {
                break;
            }
        }
        sentences.push(&text[from..end]);
        from = end;
    }
    if from < text.len() {
        sentences.push(&text[from..]);
    }
    sentences
}

#[cfg(test)]
mod tests;
