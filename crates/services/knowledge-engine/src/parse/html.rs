//! Reads HTML into blocks. Runs in the child process only.
//!
//! The page is parsed as a browser does and walked in order: what a reader sees becomes headings, paragraphs, list items
//! and tables ([`table`]); what only the browser sees (scripts, styles, hidden frames) and the navigation around the text
//! do not. The walk keeps its own stack, for nobody bounds how deep a hostile page is nested.

mod table;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use crate::document::{Block, Content};
use crate::text;

/// Tables in tables beyond this depth are read as text.
const MAX_TABLES_DEEP: usize = 12;

/// Whether a text begins as a page does.
pub(super) fn is_page(text: &str) -> bool {
    let start = text.trim_start().chars().take(64).collect::<String>().to_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// The blocks of a page or of a piece of one.
pub(super) fn blocks(source: &str) -> Vec<Block> {
    let page = parse_document(RcDom::default(), ParseOpts::default()).one(source);
    let mut reader = Reader::default();
    reader.walk(&page.document);
    let has_title = |block: &Block| matches!(block.content, Content::Heading { level: 1, .. });
    let mut blocks = reader.blocks;
    if !reader.title.is_empty() && !blocks.is_empty() && !blocks.iter().any(has_title) {
        blocks.insert(0, Block::unpaged(Content::Heading { level: 1, text: reader.title }));
    }
    blocks
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    title: String,
    text: String,
    heading: Option<u8>,
    /// Of each open list the next number, `None` for bullets.
    lists: Vec<Option<u64>>,
    /// The text so far is a list item.
    in_item: bool,
    n_preformatted: usize,
    tables_deep: usize,
}

enum Step {
    Enter(Handle),
    Leave(Tag),
}

/// What an element means for the text in it.
#[derive(Clone, Copy)]
enum Tag {
    Heading(u8),
    List,
    Item,
    Preformatted,
    /// A paragraph, a section: text before, in and after it does not run together.
    Block,
    Inline,
}

impl Reader {
    fn walk(&mut self, from: &Handle) {
        let mut steps = vec![Step::Enter(from.clone())];
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(tag) => self.leave(tag),
                Step::Enter(node) => {
                    let Some(tag) = self.enter(&node) else { continue };
                    steps.push(Step::Leave(tag));
                    steps.extend(node.children.borrow().iter().rev().cloned().map(Step::Enter));
                }
            }
        }
        self.flush();
    }

    /// Reads a node; `None` when there is nothing more in it.
    fn enter(&mut self, node: &Handle) -> Option<Tag> {
        let NodeData::Element { name, .. } = &node.data else {
            if let NodeData::Text { contents } = &node.data {
                self.push(&contents.borrow());
            }
            return Some(Tag::Inline);
        };
        match &*name.local {
            // Unseen, and `nav` is around the text, not in it. The hidden part of a tagged report repeats what is shown.
            "script" | "style" | "noscript" | "template" | "nav" | "iframe" | "ix:header" => return None,
            "svg" => self.labels(node),
            "head" => self.title = head_title(node),
            "br" => self.text.push('\n'),
            "img" | "area" => self.push(&format!(" {} ", attribute(node, "alt"))),
            "input" if attribute(node, "type") != "hidden" => self.push(&format!(" {} ", attribute(node, "value"))),
            "table" if self.tables_deep < MAX_TABLES_DEEP => {
                self.flush();
                let read = table::read(node, self.tables_deep + 1);
                self.blocks.extend(read);
            }
            // `10<sup>6</sup>` is not 106, nor is the mark of a footnote a digit of its number.
            "sup" if self.text.ends_with(|char: char| char.is_ascii_digit()) => {
                self.text.push('^');
                return Some(Tag::Inline);
            }
            other => return Some(self.open(other, node)),
        }
        None
    }

    fn open(&mut self, name: &str, node: &Handle) -> Tag {
        let tag = tag(name);
        match tag {
            Tag::Inline => {}
            Tag::Block => self.flush(),
            Tag::Heading(level) => {
                self.flush();
                self.heading = Some(level);
            }
            Tag::Preformatted => {
                self.flush();
                self.n_preformatted += 1;
            }
            Tag::List => {
                self.flush();
                let first = attribute(node, "start").parse().unwrap_or(1);
                self.lists.push((name == "ol").then_some(first));
            }
            Tag::Item => {
                self.flush();
                self.in_item = true;
                self.text = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    Some(None) | None => "- ".to_owned(),
                };
            }
        }
        tag
    }

    fn leave(&mut self, tag: Tag) {
        match tag {
            Tag::Inline => {}
            Tag::Block | Tag::Heading(_) => self.flush(),
            Tag::Item => {
                self.flush();
                self.in_item = false;
            }
            Tag::Preformatted => {
                self.flush();
                self.n_preformatted = self.n_preformatted.saturating_sub(1);
            }
            Tag::List => {
                self.flush();
                self.lists.pop();
            }
        }
    }

    /// Runs of white space are one space, except in preformatted text.
    fn push(&mut self, text: &str) {
        if self.n_preformatted > 0 {
            self.text.push_str(text);
            return;
        }
        for char in text.chars() {
            if !char.is_whitespace() {
                self.text.push(char);
            } else if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
                self.text.push(' ');
            }
        }
    }

    fn flush(&mut self) {
        let raw = std::mem::take(&mut self.text);
        let mark = raw.trim();
        let is_bare_mark =
            self.in_item && (mark == "-" || mark.strip_suffix('.').is_some_and(|number| number.parse::<u64>().is_ok()));
        if is_bare_mark {
            // `<li><p>text</p></li>`: the mark waits for its text.
            self.text = raw;
            return;
        }
        let mut text = String::new();
        if self.n_preformatted > 0 {
            raw.trim_matches('\n').trim_end().clone_into(&mut text);
        } else {
            raw.split('\n').for_each(|line| text::append_line(&mut text, line));
        }
        let heading = self.heading.take();
        if text.is_empty() {
            return;
        }
        let content = match heading {
            Some(level) => Content::Heading { level, text },
            None if self.in_item => Content::ListItem(text),
            None => Content::Paragraph(text),
        };
        self.in_item = false;
        self.blocks.push(Block::unpaged(content));
    }

    /// What is written into a drawing.
    fn labels(&mut self, svg: &Handle) {
        let mut steps = vec![(svg.clone(), false)];
        while let Some((node, seen)) = steps.pop() {
            if let NodeData::Text { contents } = &node.data
                && seen
            {
                self.push(&contents.borrow());
                self.push(" ");
            }
            let seen = seen || name_of(&node).is_some_and(|name| matches!(name.as_str(), "text" | "foreignobject"));
            steps.extend(node.children.borrow().iter().rev().map(|child| (child.clone(), seen)));
        }
    }
}

fn tag(name: &str) -> Tag {
    match name {
        "h1" => Tag::Heading(1),
        "h2" => Tag::Heading(2),
        "h3" => Tag::Heading(3),
        "h4" => Tag::Heading(4),
        "h5" => Tag::Heading(5),
        "h6" => Tag::Heading(6),
        "ul" | "ol" | "menu" | "dir" => Tag::List,
        "li" => Tag::Item,
        "pre" | "textarea" | "listing" | "xmp" => Tag::Preformatted,
        "p" | "div" | "section" | "article" | "aside" | "main" | "header" | "footer" | "address" | "blockquote"
        | "figure" | "figcaption" | "details" | "summary" | "dl" | "dt" | "dd" | "form" | "fieldset" | "legend"
        | "center" | "hr" | "table" | "caption" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" | "body"
        | "html" | "select" | "option" | "optgroup" | "hgroup" | "search" | "dialog" => Tag::Block,
        _ => Tag::Inline,
    }
}

/// The name of an element in lower case; `None` for other nodes.
fn name_of(node: &Handle) -> Option<String> {
    match &node.data {
        NodeData::Element { name, .. } => Some(name.local.to_ascii_lowercase().to_string()),
        _ => None,
    }
}

/// The value of an attribute, empty when it is not there.
fn attribute(node: &Handle, name: &str) -> String {
    let NodeData::Element { attrs, .. } = &node.data else { return String::new() };
    let attrs = attrs.borrow();
    attrs.iter().find(|attr| &*attr.name.local == name).map_or_else(String::new, |attr| attr.value.to_string())
}

fn head_title(head: &Handle) -> String {
    let children = head.children.borrow();
    let title = children.iter().find(|node| name_of(node).as_deref() == Some("title"));
    let mut reader = Reader::default();
    if let Some(title) = title {
        for node in title.children.borrow().iter() {
            reader.enter(node);
        }
    }
    reader.text.trim().to_owned()
}

#[cfg(test)]
mod tests;
