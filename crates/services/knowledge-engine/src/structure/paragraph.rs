//! Rows of text into headings, paragraphs and list items.

use super::{Style, heading};
use crate::document::{Block, Content, Page, PageBox, Row};
use crate::text;

/// Collects rows until a paragraph ends, also over the foot of a page.
pub(crate) struct Paragraphs {
    style: Style,
    open: Option<Open>,
    /// Where full lines end on this page.
    margin: f32,
    /// Usual distance between the tops of two lines on this page.
    pitch: f32,
    /// Place of the page's text column, so that a line counts as short within its own column.
    column: u16,
}

struct Open {
    kind: ParagraphKind,
    text: String,
    page: u32,
    page_end: u32,
    boxes: Vec<PageBox>,
    left: f32,
    last: Row,
    n_rows: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ParagraphKind {
    Heading(u8),
    Paragraph,
    Item,
}

impl Paragraphs {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, open: None, margin: 0.0, pitch: 0.0, column: 0 }
    }

    /// Measures the page; call before its rows.
    pub(crate) fn start_page(&mut self, page: &Page) {
        self.measure(page, 0);
        if let Some(open) = &mut self.open {
            // Distances to the row before make no sense over a page.
            open.last.bottom = f32::MIN;
        }
    }

    fn measure(&mut self, page: &Page, column: u16) {
        self.column = column;
        let rows: Vec<&Row> = page.rows.iter().filter(|row| row.grid.is_none() && row.column == column).collect();
        let mut rights: Vec<f32> = rows.iter().filter(|row| row.cells.len() == 1).map(|row| row.right()).collect();
        rights.sort_by(f32::total_cmp);
        self.margin = rights.get(rights.len() * 9 / 10).copied().unwrap_or(0.0);
        let mut pitches: Vec<f32> = rows
            .windows(2)
            .filter(|pair| pair[0].cells.len() == 1 && pair[1].cells.len() == 1)
            .map(|pair| pair[1].top - pair[0].top)
            .filter(|pitch| *pitch > 2.0 && *pitch < 4.0 * self.style.body_size.max(4.0))
            .collect();
        pitches.sort_by(f32::total_cmp);
        // Lines within a paragraph are the closer ones.
        let usual = pitches.get(pitches.len() * 4 / 10).copied().unwrap_or(1.5 * self.style.body_size);
        // A page with few lines tells little; no text is set wider than with double spacing.
        self.pitch = usual.min(2.0 * self.style.body_size.max(4.0));
    }

    /// Takes the next row.
    pub(crate) fn row(&mut self, page: &Page, row: &Row, blocks: &mut Vec<Block>) {
        if row.column != self.column {
            self.measure(page, row.column);
            if let Some(open) = &mut self.open {
                open.last.bottom = f32::MIN;
            }
        }
        let line = clean(&row.text());
        if line.is_empty() {
            return;
        }
        let kind = match heading::level(row, self.style) {
            Some(level) => ParagraphKind::Heading(level),
            None if is_item(&line) => ParagraphKind::Item,
            None => ParagraphKind::Paragraph,
        };
        let place = page.place(row);
        if let Some(open) = &mut self.open
            && goes_on(open, row, &line, kind, self.margin, self.pitch)
        {
            text::append_line(&mut open.text, &line);
            open.page_end = page.number;
            match open.boxes.last_mut() {
                Some(last) if last.page == place.page && open.last.column == row.column => *last = last.around(place),
                Some(_) | None => open.boxes.push(place),
            }
            open.left = open.left.min(row.left());
            open.last = row.clone();
            open.n_rows += 1;
            return;
        }
        self.flush(blocks);
        self.open = Some(Open {
            kind,
            text: line,
            page: page.number,
            page_end: page.number,
            boxes: vec![place],
            left: row.left(),
            last: row.clone(),
            n_rows: 1,
        });
    }

    /// Ends the open paragraph.
    pub(crate) fn flush(&mut self, blocks: &mut Vec<Block>) {
        let Some(open) = self.open.take() else { return };
        let content = match open.kind {
            ParagraphKind::Heading(level) => Content::Heading { level, text: open.text },
            ParagraphKind::Paragraph => Content::Paragraph(open.text),
            ParagraphKind::Item => Content::ListItem(open.text),
        };
        blocks.push(Block { page: open.page, page_end: open.page_end, content, boxes: open.boxes });
    }
}

fn goes_on(open: &Open, row: &Row, line: &str, kind: ParagraphKind, margin: f32, pitch: f32) -> bool {
    // Each line of a table of contents stands for itself.
    if open.text.contains(LEADER) {
        return false;
    }
    let size = row.size.max(4.0);
    let over_page = open.last.bottom == f32::MIN;
    let same_size = (open.last.size - row.size).abs() <= 0.15 * size;
    match (open.kind, kind) {
        (ParagraphKind::Heading(level), ParagraphKind::Heading(next)) => {
            // A title of two lines: same looks, close together, and no number of its own.
            !over_page
                && level == next
                && same_size
                && open.n_rows < 3
                && heading::numbered(line).is_none()
                && open.last.bold == row.bold
                && row.top - open.last.top < 1.5 * size.max(open.last.height())
                && text::width(&open.text) > 30
        }
        (ParagraphKind::Heading(_), _) | (_, ParagraphKind::Heading(_) | ParagraphKind::Item) => false,
        (ParagraphKind::Paragraph | ParagraphKind::Item, ParagraphKind::Paragraph) if over_page => {
            !ends_sentence(&open.text)
                && same_size
                && (line.starts_with(|char: char| char.is_lowercase() || char.is_ascii_digit() || text::is_cjk(char))
                    || open.text.ends_with([',', '，', '、']))
        }
        (ParagraphKind::Paragraph | ParagraphKind::Item, ParagraphKind::Paragraph) => {
            let distance = row.top - open.last.top;
            if !same_size || distance > 1.4 * pitch.max(row.height()) || distance < 0.0 {
                return false;
            }
            let indent = row.left() - open.left;
            if open.kind == ParagraphKind::Paragraph && indent > 0.9 * size {
                return false;
            }
            let room = margin - open.last.right();
            if open.kind == ParagraphKind::Item && indent < -0.9 * size && room > 2.5 * size {
                return false;
            }
            !(room > 12.0 * size || room > 2.5 * size && ends_sentence(&open.text))
        }
    }
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['”', '’', '"', ')', '）', '」', '』', ' '])
        .ends_with(['.', '!', '?', '。', '！', '？', '：', ':', ';', '；'])
}

fn is_item(line: &str) -> bool {
    let mut chars = line.chars();
    match chars.next() {
        Some('•' | '●' | '■' | '◆' | '▪' | '○' | '➢' | '\u{f0b7}' | '\u{f0a7}' | '√' | '□') => true,
        Some('-' | '–' | '*' | '·' | 'o') => chars.next() == Some(' '),
        Some('(' | '（') => {
            let rest: String = chars.take(4).collect();
            rest.find([')', '）'])
                .is_some_and(|at| (1..=3).contains(&at) && rest[..at].chars().all(|char| char.is_ascii_alphanumeric()))
        }
        Some(first) if first.is_ascii_digit() => {
            let rest = line.trim_start_matches(|char: char| char.is_ascii_digit());
            line.len() - rest.len() <= 2
                && (rest.starts_with(". ")
                    || rest.starts_with(") ")
                    || rest.starts_with('、')
                    || rest.starts_with('）'))
        }
        Some(_) | None => false,
    }
}

/// What is left of the dots between a title and its page.
const LEADER: &str = " … ";

/// Leaders of a table of contents are no text.
fn clean(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut dots = 0_usize;
    for char in line.chars() {
        if char == '.' || char == '…' || char == '·' && dots > 0 {
            dots += 1;
            if dots > 3 {
                continue;
            }
        } else if char != ' ' || dots == 0 {
            if dots > 3 {
                clean.truncate(clean.trim_end_matches(['.', '…', '·', ' ']).len());
                clean.push_str(LEADER);
            }
            dots = 0;
        }
        clean.push(char);
    }
    clean.trim().to_owned()
}
