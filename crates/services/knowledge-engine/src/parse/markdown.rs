//! Reads Markdown into blocks. HTML in it is read as HTML.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::document::{Block, Content, Table, TableRow};

/// Blocks of a Markdown text. Links keep their text, pictures their description.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    let mut done = 0..0;
    // Where the quotations end that are open.
    let mut quotations: Vec<usize> = Vec::new();
    let tables = tables(text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        // Inside of a table of HTML that was read already.
        if done.start <= range.start && range.end <= done.end && !done.is_empty() {
            continue;
        }
        quotations.retain(|end| range.start < *end);
        match event {
            Event::End(TagEnd::HtmlBlock) => {
                // An empty line ends a piece of HTML for Markdown, but not its table; a quotation does.
                let limit = quotations.last().copied().unwrap_or(text.len());
                let ends = tables.range(range.clone()).map(|(_, end)| *end).filter(|end| *end <= limit);
                let whole = ends.max().unwrap_or(range.end).max(range.end);
                // Of this piece a table may have taken the beginning.
                let from = done.end.clamp(range.start, whole);
                done = range.start..whole;
                reader.html(&unquoted(&text[from..whole], quotations.len()));
            }
            Event::Start(Tag::BlockQuote(kind)) => {
                quotations.push(range.end);
                reader.event(Event::Start(Tag::BlockQuote(kind)));
            }
            event => reader.event(event),
        }
    }
    reader.flush_paragraph();
    reader.blocks
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    text: String,
    heading: Option<u8>,
    items: Vec<Option<u64>>,
    in_item: bool,
    table: Option<Table>,
    row: Vec<String>,
    metadata: bool,
}

/// Of each table of HTML that ends, where it begins and ends.
fn tables(text: &str) -> BTreeMap<usize, usize> {
    let lower = text.to_ascii_lowercase();
    let mut open = Vec::new();
    let mut tables = BTreeMap::new();
    for (at, _) in lower.match_indices('<') {
        if lower[at..].starts_with("<table") {
            open.push(at);
        } else if lower[at..].starts_with("</table>")
            && let Some(begin) = open.pop()
        {
            tables.insert(begin, at + "</table>".len());
        }
    }
    tables
}

/// Without the marks of the quotations around it.
fn unquoted(html: &str, n_quotations: usize) -> String {
    let mut unquoted = String::with_capacity(html.len());
    for mut line in html.split_inclusive('\n') {
        for _ in 0..n_quotations {
            line = line.trim_start().strip_prefix('>').unwrap_or(line);
        }
        unquoted.push_str(line);
    }
    unquoted
}

impl Reader {
    fn html(&mut self, html: &str) {
        self.flush_paragraph();
        self.blocks.extend(super::html::blocks(html));
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) if !self.metadata => self.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => {
                if !self.text.is_empty() && !self.text.ends_with(crate::text::is_cjk) {
                    self.text.push(' ');
                }
            }
            Event::Rule => self.flush_paragraph(),
            Event::TaskListMarker(done) => self.text.push_str(if done { "[x] " } else { "[ ] " }),
            // The text between inline tags comes by itself.
            Event::InlineHtml(tag) => match tag.to_ascii_lowercase().trim_end_matches(['/', '>', ' ']) {
                "<br" => self.text.push(' '),
                "<sup" if self.text.ends_with(|char: char| char.is_ascii_digit()) => self.text.push('^'),
                _ => {}
            },
            Event::Text(_)
            | Event::Code(_)
            | Event::Html(_)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush_paragraph();
                self.heading = Some(level_of(*level));
            }
            Tag::Paragraph | Tag::BlockQuote(_) | Tag::CodeBlock(_) if !self.in_item => self.flush_paragraph(),
            Tag::List(first) => {
                self.flush_paragraph();
                self.items.push(*first);
            }
            Tag::Item => {
                self.flush_paragraph();
                self.in_item = true;
                match self.items.last_mut() {
                    Some(Some(number)) => {
                        self.text = format!("{number}. ");
                        *number += 1;
                    }
                    Some(None) | None => self.text = "- ".to_owned(),
                }
            }
            Tag::Table(_) => {
                self.flush_paragraph();
                self.table = Some(Table::default());
            }
            Tag::MetadataBlock(_) => self.metadata = true,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let text = std::mem::take(&mut self.text).trim().to_owned();
                if let Some(level) = self.heading.take()
                    && !text.is_empty()
                {
                    self.blocks.push(Block::unpaged(Content::Heading { level, text }));
                }
            }
            TagEnd::Paragraph | TagEnd::BlockQuote(_) | TagEnd::CodeBlock => {
                if self.in_item {
                    self.text.push(' ');
                } else {
                    self.flush_paragraph();
                }
            }
            TagEnd::Item => {
                self.flush_paragraph();
                self.in_item = false;
            }
            TagEnd::List(_) => {
                self.flush_paragraph();
                self.items.pop();
                self.in_item = false;
            }
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.text).trim().to_owned()),
            TagEnd::TableHead => {
                let row = std::mem::take(&mut self.row).join(" | ");
                if let Some(table) = &mut self.table
                    && !row.trim_matches([' ', '|']).is_empty()
                {
                    table.header.push(row);
                }
            }
            TagEnd::TableRow => {
                let text = std::mem::take(&mut self.row).join(" | ");
                if let Some(table) = &mut self.table {
                    table.rows.push(TableRow { text, place: None });
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.blocks.push(Block::unpaged(Content::Table(table)));
                }
            }
            TagEnd::MetadataBlock(_) => self.metadata = false,
            _ => {}
        }
    }

    fn flush_paragraph(&mut self) {
        if self.table.is_some() {
            return;
        }
        let text = std::mem::take(&mut self.text).trim().to_owned();
        if text.is_empty() || text == "-" {
            return;
        }
        let content = if self.in_item { Content::ListItem(text) } else { Content::Paragraph(text) };
        self.blocks.push(Block::unpaged(content));
    }
}

fn level_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(markdown: &str) -> Vec<String> {
        let text = |block: Block| match block.content {
            Content::Heading { text, .. } | Content::Paragraph(text) | Content::ListItem(text) => text,
            Content::Table(table) => {
                let rows = table.rows.into_iter().map(|row| row.text);
                table.header.into_iter().chain(rows).collect::<Vec<_>>().join(" / ")
            }
        };
        blocks(markdown).into_iter().map(text).collect()
    }

    #[test]
    fn html_in_markdown_is_read_as_html() {
        let markdown = "Before<br>it, 10<sup>6</sup>\n\n<table>\n<tr><th>Part</th><th>Price</th></tr>\n\n\
            <tr><td>Valve</td>\n\n<td>12</td></tr>\n</table>\n\nafter\n\n<p align=center>centred</p>\n\n\
            | a | b |\n|---|---|\n| 1<br>2 | 3 |\n\n<details><summary>More</summary>\n\n**kept**\n\n</details>\n";

        let wanted =
            ["Before it, 10^6", "Part | Price / Valve | 12", "after", "centred", "a | b / 1 2 | 3", "More", "kept"];
        assert_eq!(texts(markdown), wanted);
    }

    #[test]
    fn a_table_of_html_inside_of_a_list_leaves_the_list_whole() {
        let markdown = "- one\n  <table><tr><td>1</td><td>2</td></tr></table>\n- two\n\n<table><tr><td>open\n\nend\n";

        assert_eq!(texts(markdown), ["- one", "1 | 2", "- two", "open", "end"]);
    }

    #[test]
    fn a_table_of_html_in_a_quotation_is_read_without_the_marks_and_ends_with_it() {
        let markdown = "> Said:\n>\n> <table>\n> <tr><td>Valve</td>\n>\n> <td>12</td></tr>\n> </TABLE>\n>\n> after\n\n\
            > > <table><tr>\n> > <td>1</td>\n> > <td>2</td></tr></table>\n\n> <table><tr><td>open\n\nend</table>\n";

        assert_eq!(texts(markdown), ["Said:", "Valve | 12", "after", "1 | 2", "open", "end"]);
    }
}
