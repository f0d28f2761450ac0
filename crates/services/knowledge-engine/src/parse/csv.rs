//! Reads CSV and its kin. Runs in the child process only.

use super::text::clean;
use crate::document::{Block, Content, Table, TableRow};

/// A table from comma, semicolon or tab separated values; the first line is the header.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        // Empty lines are skipped, so the header is the first row that holds something.
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = reader
        .records()
        .map(|record| record.expect("rows of any length, of a text that is UTF-8, can be read"))
        .map(|record| record.iter().map(clean).collect::<Vec<_>>().join(" | "))
        .filter(|row| !row.trim_matches([' ', '|']).is_empty());
    let Some(header) = rows.next() else { return Vec::new() };
    let rows: Vec<TableRow> = rows.map(|text| TableRow { text, place: None }).collect();
    if rows.is_empty() {
        return vec![Block::unpaged(Content::Paragraph(header))];
    }
    vec![Block::unpaged(Content::Table(Table { header: vec![header], rows }))]
}

/// What stands in the first line most often, which may have empty lines above it.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().as_bytes();
    let count = |delimiter: &u8| first.iter().filter(|byte| *byte == delimiter).count();
    b",\t;|".iter().copied().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::encoding::decode;

    /// The rows of a table, the header first.
    fn rows(text: &str) -> Vec<String> {
        blocks(text)
            .into_iter()
            .flat_map(|block| match block.content {
                Content::Table(table) => [table.header, table.rows.into_iter().map(|row| row.text).collect()].concat(),
                Content::Paragraph(text) => vec![text],
                other => panic!("{other:?} is no table"),
            })
            .collect()
    }

    #[test]
    fn a_quoted_cell_holds_delimiters_newlines_and_doubled_quotes() {
        let text = "city,note\n\"Oslo, Norway\",\"two\nlines\"\nBergen,\"called \"\"the rainy\"\"\"\n";

        assert_eq!(rows(text), ["city | note", "Oslo, Norway | two lines", "Bergen | called \"the rainy\""]);
    }

    #[test]
    fn the_delimiter_is_what_the_first_line_holds_most_of() {
        for delimiter in [",", ";", "\t", "|"] {
            let text = format!("a{delimiter}b{delimiter}c\n1{delimiter}2{delimiter}3\n");
            assert_eq!(rows(&text), ["a | b | c", "1 | 2 | 3"], "{delimiter:?}");
        }
        assert_eq!(rows("price;weight\n1,5;2,75\n"), ["price | weight", "1,5 | 2,75"]);
    }

    #[test]
    fn rows_of_any_length_are_kept_and_empty_ones_are_not() {
        let text = "a,b,c\n1\n\n1,2,3,4\n,,\n\"\"\n,2,\n";

        assert_eq!(rows(text), ["a | b | c", "1", "1 | 2 | 3 | 4", " | 2 | "]);
    }

    #[test]
    fn a_lone_quote_loses_nothing() {
        // In the middle of a cell it is a character like any other.
        assert_eq!(
            rows("part,size\npipe,5\" wide\n\"pipe\" 2,3\"\n"),
            ["part | size", "pipe | 5\" wide", "pipe 2 | 3\""]
        );
        // At the beginning of one it quotes all that follows.
        assert_eq!(rows("a,b\n\"open,1\nnext,2\n"), ["a | b", "open,1 next,2"]);
    }

    #[test]
    fn lines_end_as_any_machine_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(rows(&["a,b", "\"1\",2", "3,\"4\""].join(end)), ["a | b", "1 | 2", "3 | 4"], "{end:?}");
        }
    }

    #[test]
    fn the_encoding_and_its_mark_are_no_part_of_the_first_cell() {
        let text = "城市,人口\n奥斯陆,709037\n";
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes);
        let files: [Vec<u8>; 4] = [
            text.into(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [0xff, 0xfe].into_iter().chain(utf16).collect(),
            encoding_rs::GB18030.encode(text).0.into_owned(),
        ];
        for file in files {
            assert_eq!(rows(&decode(&file)), ["城市 | 人口", "奥斯陆 | 709037"]);
        }
    }

    #[test]
    fn one_row_alone_is_a_paragraph_and_nothing_is_nothing() {
        assert_eq!(blocks("a,b\n"), [Block::unpaged(Content::Paragraph("a | b".to_owned()))]);
        assert_eq!(blocks("\n,,\n"), []);
    }
}
