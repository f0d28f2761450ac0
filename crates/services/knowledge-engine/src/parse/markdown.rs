//! Reads Markdown into blocks. HTML in it is read as HTML.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::document::{Block, Content, Table, TableRow};

/// Blocks of a Markdown text. Links keep their text, pictures their description.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    let mut done = 0..0;
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        // Inside of a table of HTML that was read already.
        if done.start <= range.start && range.end <= done.end && !done.is_empty() {
            continue;
        }
        match event {
            Event::Start(Tag::HtmlBlock) => reader.html.clear(),
            Event::Html(html) => reader.html.push_str(&html),
            Event::End(TagEnd::HtmlBlock) => {
                // An empty line ends a piece of HTML for Markdown, but not its table.
                let opens = text[range.clone()].to_ascii_lowercase().contains("<table");
                let end = if opens { table_end(&text[range.start..]) } else { None };
                let whole = end.map_or(range.end, |end| (range.start + end).max(range.end));
                // Of this piece a table may have taken the beginning.
                let from = done.end.clamp(range.start, whole);
                done = range.start..whole;
                reader.html(&text[from..whole]);
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
    html: String,
}

/// Where the table ends that a piece of HTML opens and does not close; `None` when there is none.
fn table_end(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let mut deep = 0_usize;
    let mut at = lower.find("<table")?;
    loop {
        let opens = lower[at..].starts_with("<table");
        deep = if opens { deep + 1 } else { deep - 1 };
        let end = at + if opens { "<table".len() } else { "</table>".len() };
        if deep == 0 {
            return Some(end);
        }
        at = end + [lower[end..].find("<table"), lower[end..].find("</table>")].into_iter().flatten().min()?;
    }
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
}
