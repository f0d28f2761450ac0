//! Reads a table of HTML: every row one line with all of its cells, in the columns they stand in.
//!
//! A head that spans columns stands over each of them, and heads of several rows are put together by column. A label
//! that spans rows is said in each. A table that only places things on the page is read as what it holds, cell by cell.

use markup5ever_rcdom::Handle;

use super::{Reader, attribute, name_of};
use crate::document::{Block, Content, Table, TableRow};
use crate::layout::cells;
use crate::text;

/// As many columns as a browser lets one cell span.
const MAX_COLUMNS: usize = 1_000;
/// A text that is longer than this is said once, not in each row that it spans.
const MAX_REPEATED: usize = 80;

struct HtmlRow {
    cells: Vec<HtmlCell>,
    in_head: bool,
    /// Rows of another section: no cell spans from one into the next.
    section: usize,
}

struct HtmlCell {
    blocks: Vec<Block>,
    text: String,
    is_head: bool,
    n_columns: usize,
    n_rows: usize,
}

/// A cell where it stands in a row.
#[derive(Clone, Copy)]
struct Placed {
    /// HtmlRow and position in it where the cell was written.
    cell: (usize, usize),
    first: usize,
    n_columns: usize,
    /// It began in an earlier row.
    goes_on: bool,
}

/// The blocks of a table: itself with the tables that stand in its cells, or what it places on the page.
pub(super) fn read(node: &Handle, tables_deep: usize) -> Vec<Block> {
    let mut caption = Vec::new();
    let rows = rows(node, tables_deep, &mut caption);
    let mut blocks = Vec::new();
    if is_layout(node, &rows) {
        blocks.extend(caption);
        blocks.extend(rows.into_iter().flat_map(|row| row.cells).flat_map(|cell| cell.blocks));
        return blocks;
    }
    let placed = place(&rows);
    let n_head = n_head_rows(&rows, &placed);
    let columns = starts(&placed);
    let (mut header, mut lines) = heads(&rows, &placed[..n_head], &columns);
    let n_heads = lines.len();
    let titles = caption.iter().map(flat).filter(|line| !line.is_empty());
    header.splice(0..0, titles);
    lines.extend(placed[n_head..].iter().map(|row| line(&rows, row, &columns)));
    drop_spacers(&mut lines);
    let mut lines = lines.iter().map(|slots| joined(slots));
    header.extend(lines.by_ref().take(n_heads).filter(|line| !line.is_empty()));
    let lines: Vec<TableRow> =
        lines.filter(|line| !line.is_empty()).map(|text| TableRow { text, place: None }).collect();
    if !lines.is_empty() || !header.is_empty() {
        blocks.push(Block::unpaged(Content::Table(Table { header, rows: lines })));
    }
    let inner = rows.into_iter().flat_map(|row| row.cells).flat_map(|cell| cell.blocks);
    blocks.extend(inner.filter(|block| matches!(block.content, Content::Table(_))));
    blocks
}

fn rows(table: &Handle, tables_deep: usize, caption: &mut Vec<Block>) -> Vec<HtmlRow> {
    let mut rows = Vec::new();
    let mut feet = Vec::new();
    for (section, part) in table.children.borrow().iter().enumerate() {
        match name_of(part).as_deref() {
            Some("caption") => caption.extend(inside(part, tables_deep)),
            Some("tr") => rows.push(row(part, false, 0, tables_deep)),
            // A foot may be written before the body and stands below it.
            Some(name @ ("thead" | "tbody" | "tfoot")) => {
                let into = if name == "tfoot" { &mut feet } else { &mut rows };
                let children = part.children.borrow();
                let of_section = children.iter().filter(|child| name_of(child).as_deref() == Some("tr"));
                into.extend(of_section.map(|child| row(child, name == "thead", section + 1, tables_deep)));
            }
            Some(_) | None => {}
        }
    }
    rows.append(&mut feet);
    rows
}

fn row(tr: &Handle, in_head: bool, section: usize, tables_deep: usize) -> HtmlRow {
    let mut cells = Vec::new();
    for node in tr.children.borrow().iter() {
        let Some(name) = name_of(node).filter(|name| name == "td" || name == "th") else { continue };
        let blocks = inside(node, tables_deep);
        let span = |name: &str| attribute(node, name).trim().parse::<usize>().ok();
        cells.push(HtmlCell {
            text: blocks.iter().map(flat).fold(String::new(), |mut text, next| {
                text::append_line(&mut text, &next);
                text
            }),
            blocks,
            is_head: name == "th",
            n_columns: span("colspan").unwrap_or(1).clamp(1, MAX_COLUMNS),
            // 0 is the rest of the section.
            n_rows: span("rowspan").map_or(1, |n| if n == 0 { usize::MAX } else { n }),
        });
    }
    HtmlRow { cells, in_head, section }
}

fn inside(node: &Handle, tables_deep: usize) -> Vec<Block> {
    let mut reader = Reader { tables_deep, ..Reader::default() };
    reader.walk(node);
    reader.blocks
}

/// The text of a block on one line, nothing for a table, which is shown on its own.
fn flat(block: &Block) -> String {
    match &block.content {
        Content::Heading { text, .. } | Content::Paragraph(text) => text.replace('\n', " "),
        Content::ListItem(text) => text.strip_prefix("- ").unwrap_or(text).to_owned(),
        Content::Table(_) => String::new(),
    }
}

/// True for a table that holds its page together: one cell in each row, or tables and headings in cells without heads.
fn is_layout(node: &Handle, rows: &[HtmlRow]) -> bool {
    let cells = || rows.iter().flat_map(|row| &row.cells);
    let holds = |block: &Block| matches!(block.content, Content::Table(_) | Content::Heading { .. });
    attribute(node, "role") == "presentation"
        || rows.iter().all(|row| row.cells.iter().filter(|cell| !cell.blocks.is_empty()).count() <= 1)
        || !cells().any(|cell| cell.is_head) && cells().any(|cell| cell.blocks.iter().any(holds))
}

/// Where each cell stands, row by row, by the rules of the HTML standard.
fn place(rows: &[HtmlRow]) -> Vec<Vec<Placed>> {
    // Of each column the cell that reaches down into it, and for how many rows more.
    let mut from_above: Vec<Option<(Placed, usize)>> = vec![None; MAX_COLUMNS];
    let mut placed = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        if at > 0 && rows[at - 1].section != row.section {
            from_above.fill(None);
        }
        let mut here: Vec<Placed> = Vec::new();
        let mut taken = vec![false; MAX_COLUMNS];
        for (column, above) in from_above.iter_mut().enumerate() {
            let Some((cell, left)) = above else { continue };
            taken[column] = true;
            if cell.first == column {
                here.push(Placed { goes_on: true, ..*cell });
            }
            *left -= 1;
            if *left == 0 {
                *above = None;
            }
        }
        let mut column = 0;
        for (position, cell) in row.cells.iter().enumerate() {
            while column < MAX_COLUMNS - 1 && taken[column] {
                column += 1;
            }
            let end = (column + cell.n_columns).min(MAX_COLUMNS);
            let one = Placed { cell: (at, position), first: column, n_columns: end - column, goes_on: false };
            taken[column..end].fill(true);
            if cell.n_rows > 1 {
                from_above[column..end].fill(Some((one, cell.n_rows - 1)));
            }
            here.push(one);
            column = end.min(MAX_COLUMNS - 1);
        }
        here.sort_by_key(|cell| cell.first);
        placed.push(here);
    }
    placed
}

/// The columns in which cells begin; the others are only ever spanned.
fn starts(placed: &[Vec<Placed>]) -> Vec<usize> {
    let mut columns: Vec<usize> = placed.iter().flatten().map(|cell| cell.first).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// How many rows at the start are heads: those that the page marks as such, or else the first when figures are below it.
fn n_head_rows(rows: &[HtmlRow], placed: &[Vec<Placed>]) -> usize {
    let is_filled = |cell: &&HtmlCell| !cell.text.is_empty();
    let is_marked = |row: &HtmlRow| {
        row.in_head
            || row.cells.iter().filter(is_filled).count() > 0
                && row.cells.iter().filter(is_filled).all(|cell| cell.is_head)
                && row.cells.len() > 1
    };
    let marked = rows.iter().take_while(|row| is_marked(row)).count();
    if marked > 0 {
        return if marked == rows.len() { usize::from(rows.len() > 1) } else { marked };
    }
    let is_value = |text: &str| text::is_figure(text) && !text::is_period(text);
    let has_values = |row: &HtmlRow| row.cells.iter().skip(1).any(|cell| is_value(&cell.text));
    let Some(first) = rows.first() else { return 0 };
    let names_columns = first.cells.iter().filter(is_filled).count() >= 2
        && first.cells.iter().all(|cell| text::width(&cell.text) <= 40 && !is_value(&cell.text));
    if !names_columns || !rows[1..].iter().any(has_values) {
        return 0;
    }
    // A head that spans rows has further heads beside it.
    let spans = placed[0].iter().map(|cell| rows[0].cells[cell.cell.1].n_rows.min(rows.len() - 1)).max().unwrap_or(1);
    (1..=spans).take_while(|at| *at == 1 || !has_values(&rows[at - 1])).count()
}

/// Heads over the whole width as lines, then rows of heads: each as it stands but the last, which says all of its column.
fn heads(rows: &[HtmlRow], placed: &[Vec<Placed>], columns: &[usize]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut titles = Vec::new();
    let mut lines = Vec::new();
    let mut slots = vec![String::new(); columns.len()];
    for row in placed {
        let filled: Vec<&Placed> = row.iter().filter(|cell| !text_of(rows, cell).is_empty()).collect();
        if let [only] = filled.as_slice()
            && !only.goes_on
            && covered(columns, only).len() == columns.len()
        {
            titles.push(text_of(rows, only).to_owned());
            continue;
        }
        let mut line = vec![String::new(); columns.len()];
        for cell in filled {
            let over = covered(columns, cell);
            line[over.clone()].fill(text_of(rows, cell).to_owned());
            for slot in slots[over].iter_mut().filter(|_| !cell.goes_on) {
                text::append_line(slot, text_of(rows, cell));
            }
        }
        lines.push(line);
    }
    lines.pop();
    lines.push(slots);
    (titles, lines)
}

/// A row of the body: what spans columns stands in the first of them.
fn line(rows: &[HtmlRow], row: &[Placed], columns: &[usize]) -> Vec<String> {
    let mut slots = vec![String::new(); columns.len()];
    for cell in row {
        let text = text_of(rows, cell);
        if cell.goes_on && text::width(text) > MAX_REPEATED {
            continue;
        }
        if let Some(slot) = slots.get_mut(covered(columns, cell).start) {
            text::append_line(slot, text);
        }
    }
    slots
}

fn text_of<'a>(rows: &'a [HtmlRow], cell: &Placed) -> &'a str {
    &rows[cell.cell.0].cells[cell.cell.1].text
}

fn covered(columns: &[usize], cell: &Placed) -> std::ops::Range<usize> {
    let at = |column: usize| columns.partition_point(|start| *start < column);
    at(cell.first)..at(cell.first + cell.n_columns)
}

/// Pages that are drawn rather than written give the currency sign, the closing bracket and the space between columns
/// columns of their own.
fn drop_spacers(lines: &mut [Vec<String>]) {
    for slots in lines.iter_mut() {
        for at in 0..slots.len() {
            if cells::is_currency(&slots[at])
                && let Some(value) = slots.get(at + 1).filter(|value| text::is_figure(value))
            {
                slots[at + 1] = format!("{}{value}", slots[at]);
                slots[at].clear();
            } else if at > 0
                && cells::is_number_tail(&slots[at])
                && slots[at - 1].ends_with(|c: char| c.is_ascii_digit())
            {
                let tail = std::mem::take(&mut slots[at]);
                slots[at - 1].push_str(&tail);
            }
        }
    }
    let n_columns = lines.first().map_or(0, Vec::len);
    let is_empty: Vec<bool> = (0..n_columns).map(|at| lines.iter().all(|slots| slots[at].is_empty())).collect();
    let n_empty = is_empty.iter().filter(|empty| **empty).count();
    // One column without anything in it is what the author wrote.
    if n_empty < 2 || n_empty * 3 < n_columns {
        return;
    }
    for slots in lines {
        let mut empty = is_empty.iter();
        slots.retain(|_| !empty.next().copied().unwrap_or(false));
    }
}

fn joined(slots: &[String]) -> String {
    match slots {
        [label, rest @ ..] if rest.iter().all(String::is_empty) => label.clone(),
        _ if slots.iter().all(String::is_empty) => String::new(),
        _ => slots.join(" | "),
    }
}
