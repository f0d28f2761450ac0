use super::*;
use crate::{chunk, structure};

/// The blocks as they are read aloud: headings with `#`, tables with `|` before their header.
fn shown_as(read: Result<ReadText, ParseFailure>) -> Vec<String> {
    let mut lines = Vec::new();
    for block in read.unwrap().blocks {
        match block.content {
            Content::Heading { text, .. } => lines.push(format!("# {text}")),
            Content::Paragraph(text) | Content::ListItem(text) => lines.push(text),
            Content::Table(table) => {
                lines.extend(table.header.into_iter().map(|line| format!("| {line}")));
                lines.extend(table.rows.into_iter().map(|row| row.text));
            }
        }
    }
    lines
}

fn document(text: &str) -> Vec<String> {
    shown_as(blocks(text))
}

fn failure(text: &str) -> ParseFailure {
    blocks(text).map(|read| read.blocks).unwrap_err()
}

fn malformed_at(line: usize, column: usize, reason: &str) -> ParseFailure {
    ParseFailure::Malformed { line, column, reason: reason.to_owned() }
}

#[test]
fn every_value_says_where_it_stands() {
    let text = r#"{
        "name": "Acme", "active": true, "parent": null,
        "address": {"city": "Oslo", "lines": ["Street 1", "c/o B"]},
        "a.b": {"": 1}, "none": [], "empty": {}, "blank": ""
    }"#;

    assert_eq!(
        document(text),
        [
            "name: Acme",
            "active: true",
            "parent: null",
            "address.city: Oslo",
            "address.lines: Street 1, c/o B",
            r#"["a.b"][""]: 1"#,
            "none: []",
            "empty: {}",
            "blank:",
        ]
    );
}

#[test]
fn records_with_the_same_few_fields_are_a_table() {
    let text = r#"{"total": 2, "orders": [
        {"id": 1, "customer": {"name": "Wang"}, "tags": ["new", "paid"]},
        {"id": 2, "customer": {"name": "Li"}}
    ]}"#;

    assert_eq!(
        document(text),
        ["total: 2", "| orders", "| id | customer.name | tags", "1 | Wang | new, paid", "2 | Li | "]
    );
    assert_eq!(document(r#"[{"a": 1, "b": "x\ny"}, {"b": 2, "a": 3}]"#), ["| a | b", "1 | x y", "3 | 2"]);
}

#[test]
fn records_that_differ_are_sections_and_come_after_what_is_around_them() {
    let text = r#"{"orders": [
        {"id": 1, "lines": [{"sku": "A", "n": 2}, {"sku": "B", "n": 1}]},
        {"id": 2, "lines": [], "note": {"by": "me"}},
        7
    ], "total": 2}"#;

    assert_eq!(
        document(text),
        [
            "total: 2",
            "# orders[0]",
            "id: 1",
            "| lines",
            "| sku | n",
            "A | 2",
            "B | 1",
            "# orders[1]",
            "id: 2",
            "lines: []",
            "note.by: me",
            "# orders[2]",
            "7",
        ]
    );
    // Alike in nothing, and one that holds a text.
    assert_eq!(document(r#"[{"a":1},{"b":2},{"c":3}]"#), ["# [0]", "a: 1", "# [1]", "b: 2", "# [2]", "c: 3"]);
    let text = format!(r#"[{{"t": "{}"}}, {{"t": "b"}}]"#, "long ".repeat(100));
    assert_eq!(document(&text)[0], "# [0]");
}

#[test]
fn the_header_stands_in_every_passage_of_a_long_table() {
    let records: Vec<String> = (0..500).map(|n| format!(r#"{{"id": {n}, "name": "customer number {n}"}}"#)).collect();
    let read = blocks(&format!(r#"{{"people": [{}]}}"#, records.join(","))).unwrap();

    let chunks = chunk::split(&structure::blocks(vec![crate::document::Page {
        number: 1,
        blocks: read.blocks,
        ..Default::default()
    }]));

    assert!(chunks.len() > 3);
    assert!(chunks.iter().all(|chunk| chunk.text.starts_with("people\nid | name\n")), "{:?}", chunks[1]);
    let n_rows: usize = chunks.iter().map(|chunk| chunk.text.lines().count() - 2).sum();
    assert_eq!(n_rows, 500);
}

#[test]
fn numbers_and_texts_stay_as_they_are_written() {
    let text = r#"{"n": 123456789012345678901234567890, "f": 1.10, "e": 1E+400, "z": -0.0, "s": "\u4e2d\u6587\t\"x\"", "half": "\ud83d!"}"#;

    assert_eq!(
        document(text),
        ["n: 123456789012345678901234567890", "f: 1.10", "e: 1E+400", "z: -0.0", "s: 中文 \"x\"", r"half: \ud83d!"]
    );
    assert_eq!(document(r#"{"a": 1, "a": 2}"#), ["a: 1", "a: 2"]);
    assert_eq!(document("\"only words\""), ["only words"]);
    assert_eq!(document(r#"{"text": "one\n\ntwo\r\nthree"}"#), ["text: one", "two", "three"]);
}

#[test]
fn nesting_has_an_end() {
    let deep = 100_000;
    let arrays = format!("{}1{}", "[".repeat(deep), "]".repeat(deep));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(deep), "}".repeat(deep));

    assert_eq!(document(&arrays).len(), 2, "a heading for the list of a list, and the rest as it stands");
    let lines = document(&objects);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with(&format!("a{}: ", ".a".repeat(MAX_DEPTH - 1))), "{}", &lines[0][..200]);
}

#[test]
fn a_path_that_is_longer_than_what_it_names_is_cut() {
    let text = format!(r#"{{"{}": {{"name": 1}}}}"#, "k".repeat(100_000));

    let lines = document(&text);

    assert!(lines[0].starts_with("…k") && lines[0].ends_with("k.name: 1"), "{}", lines[0]);
    assert!(lines[0].chars().count() < MAX_PATH_CHARS + 10);
}

#[test]
fn broken_json_says_where_in_lines_and_characters() {
    assert_eq!(failure("{\n  \"a\": 1,\n  \"b\": }"), malformed_at(3, 8, "expected value"));
    assert_eq!(failure("{\"名称\": 1,}"), malformed_at(1, 10, "key must be a string"));
    assert_eq!(failure("{\"a\": [1, 2"), malformed_at(1, 11, "EOF while parsing a list"));
    assert_eq!(failure("{\"a\": NaN}"), malformed_at(1, 7, "expected value"));
    assert_eq!(failure("[1, 2] and more"), malformed_at(1, 8, "trailing characters"));
    let told = failure("{\"a\": }").to_string();
    assert_eq!(told, "the file is damaged at line 1, column 7: expected value; correct it there and upload it again");
}

#[test]
fn lines_are_read_one_by_one_and_the_broken_ones_are_named() {
    let text =
        "{\"id\": 1, \"city\": \"Oslo\"}\n\n{\"id\": 2, \"city\": \n{\"id\": 3, \"city\": \"Bergen\"}\r\nnonsense\n";
    let read = lines::blocks(text).unwrap();

    let left_out = "2 of 4 lines are no JSON and were left out: line 3, column 18: EOF while parsing a value; \
                    line 5, column 2: expected ident";
    assert_eq!(read.left_out.as_deref(), Some(left_out));
    assert_eq!(shown_as(Ok(read)), ["| id | city", "1 | Oslo", "3 | Bergen"]);

    let differing = "{\"event\": \"start\"}\n{\"event\": \"stop\", \"why\": {\"steps\": [{\"n\": 1}]}}\n";
    let read = lines::blocks(differing).unwrap();
    assert_eq!(read.left_out, None);
    assert_eq!(shown_as(Ok(read)), ["# line 1", "event: start", "# line 2", "event: stop", "why.steps[0].n: 1"]);
}

#[test]
fn only_so_many_broken_lines_are_named() {
    let text = format!("{{\"a\": 1}}\n{}", "x\n".repeat(1_000));

    let left_out = lines::blocks(&text).unwrap().left_out.unwrap();

    assert!(left_out.starts_with("1000 of 1001 lines") && left_out.ends_with("and others"), "{left_out}");
    assert!(left_out.len() < 400);
}

#[test]
fn a_document_under_the_name_of_lines_is_read_and_so_are_lines_under_that_of_a_document() {
    assert_eq!(shown_as(lines::blocks("{\n  \"a\": 1\n}\n")), ["a: 1"]);
    assert_eq!(document("{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"b\": 4}\n"), ["| a | b", "1 | 2", "3 | 4"]);

    // Neither.
    let failed = lines::blocks("no\njson\n").map(|read| read.blocks).unwrap_err();
    assert_eq!(failed, malformed_at(1, 2, "expected ident"));
}

#[test]
fn what_begins_as_json_does_is_taken_for_it() {
    for text in ["{\"a\": 1}", " [\n {", "[\"a\"]", "{}", "[[1]]"] {
        assert!(is_likely(text), "{text}");
    }
    for text in ["[2024-01-31 12:00] started", "{{ template }}", "{x}", "words", "", "[1] A footnote"] {
        assert!(!is_likely(text), "{text}");
    }
}
