//! What a document is between the reader and the index: pages of rows, then blocks.
//!
//! A [`Page`] is what the reader's child process sends for a PDF: rows of cells with their place on the page, nothing
//! interpreted. A [`Block`] is a heading, a paragraph, a list item or a table, with the pages it stands on. Formats
//! without pages (Markdown, HTML, text) give blocks straight away, all on page 1.
//!
//! These types are `Serialize` because they cross from the child process to the service and rest in the page table
//! between the two; they are no wire types of the API.

use serde::{Deserialize, Serialize};

/// One page as read. Lengths are points (1/72 inch) from the top left corner of the page as it is read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Page {
    /// 1 for the first.
    pub number: u32,
    /// Of the page as displayed.
    pub width: f32,
    /// Of the page as displayed.
    pub height: f32,
    /// How far the page must be turned clockwise (0, 90, 180, 270) until its text reads from left to right.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turn: u16,
    /// From top to bottom, column by column where the page is set in columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// For formats without pages: the blocks themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
fn is_zero(turn: &u16) -> bool {
    *turn == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Cells that stand beside each other: a line of text has one, a line of a table several.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Row {
    /// Upper edge.
    pub top: f32,
    /// Lower edge.
    pub bottom: f32,
    /// Font size of most of the text.
    pub size: f32,
    /// True when most of the text is bold.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bold: bool,
    /// Which ruled table of the page the row belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<u16>,
    /// Which text column of the page the row belongs to, 0 when the page is not set in columns.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub column: u16,
    /// When the row does not run as most of the page does: how far the page must be turned clockwise to read it. Its
    /// lengths are then those on the page so turned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u16>,
    /// From left to right, at least one.
    pub cells: Vec<Cell>,
}

/// Text that belongs together on one row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cell {
    /// Left edge.
    pub left: f32,
    /// Right edge.
    pub right: f32,
    /// One line of text, never empty, except in a ruled table.
    pub text: String,
    /// In a ruled table: first column and number of columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(u16, u16)>,
}

impl Row {
    /// Left edge of the first cell.
    pub fn left(&self) -> f32 {
        self.cells.first().map_or(0.0, |cell| cell.left)
    }

    /// Right edge of the last cell.
    pub fn right(&self) -> f32 {
        self.cells.last().map_or(0.0, |cell| cell.right)
    }

    /// Height of the row.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// All the text, cells separated by a space.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for cell in self.cells.iter().filter(|cell| !cell.text.is_empty()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&cell.text);
        }
        text
    }
}

/// A rectangle on a page as displayed, in fractions of its width and height from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageBox {
    /// 1 for the first page.
    pub page: u32,
    /// Left edge, `0.0..=1.0`.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
}

impl PageBox {
    /// The smallest rectangle around both; both must be on one page.
    pub fn around(self, other: Self) -> Self {
        Self {
            page: self.page,
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }
}

impl Page {
    /// Where a row is shown.
    pub fn place(&self, row: &Row) -> PageBox {
        let (left, right, top, bottom) = (row.left(), row.right(), row.top, row.bottom);
        // Back from reading direction to display: the page was turned clockwise by `turn` to be read.
        let (x0, y0, x1, y1) = match self.turn_of(row) {
            90 => (top, self.height - right, bottom, self.height - left),
            180 => (self.width - right, self.height - bottom, self.width - left, self.height - top),
            270 => (self.width - bottom, left, self.width - top, right),
            _ => (left, top, right, bottom),
        };
        let share = |value: f32, whole: f32| {
            let share = if whole > 0.0 { value / whole } else { 0.0 };
            (share.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0
        };
        PageBox {
            page: self.number,
            x0: share(x0, self.width),
            y0: share(y0, self.height),
            x1: share(x1, self.width),
            y1: share(y1, self.height),
        }
    }

    /// How far the page must be turned clockwise for a row to read from left to right.
    fn turn_of(&self, row: &Row) -> u16 {
        row.turn.unwrap_or(self.turn)
    }

    /// Width of the page in the reading direction of a row.
    pub fn width_for(&self, row: &Row) -> f32 {
        if matches!(self.turn_of(row), 90 | 270) { self.height } else { self.width }
    }

    /// Height of the page in the reading direction of a row.
    pub fn height_for(&self, row: &Row) -> f32 {
        if matches!(self.turn_of(row), 90 | 270) { self.width } else { self.height }
    }
}

/// A piece of a document that is never cut without need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// First page.
    pub page: u32,
    /// Last page; a paragraph may run over the foot of a page.
    pub page_end: u32,
    /// What it is.
    pub content: Content,
    /// Where it stands; one rectangle a page, more when it stands in columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<PageBox>,
}

/// What a block holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Level 1 is the highest.
    Heading {
        /// 1 to 6.
        level: u8,
        /// One line.
        text: String,
    },
    /// Running text, one line.
    Paragraph(String),
    /// One item with its bullet or number.
    ListItem(String),
    /// Rows with their header.
    Table(Table),
}

/// A table as text: each row one line, cells separated by `" | "`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// What must be repeated wherever rows of the table are shown: title, unit ("单位：元"), column heads.
    pub header: Vec<String>,
    /// The rows below the header.
    pub rows: Vec<TableRow>,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRow {
    /// Cells separated by `" | "`.
    pub text: String,
    /// Where the row stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PageBox>,
}

impl Block {
    /// A block of a format without pages.
    pub fn unpaged(content: Content) -> Self {
        Self { page: 1, page_end: 1, content, boxes: Vec::new() }
    }
}
