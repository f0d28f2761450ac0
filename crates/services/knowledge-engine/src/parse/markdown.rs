//! Reads Markdown into blocks.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::document::{Block, Content, Table, TableRow};

/// Blocks of a Markdown text. Links keep their text, pictures their description, raw HTML is dropped.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for event in Parser::new_ext(text, options) {
        reader.event(event);
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

impl Reader {
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
            Event::Text(_)
            | Event::Code(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
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
