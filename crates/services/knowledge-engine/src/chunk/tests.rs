use super::*;
use crate::document::Content;

fn heading(level: u8, text: &str) -> Block {
    Block::unpaged(Content::Heading { level, text: text.to_owned() })
}

fn paragraph(page: u32, text: &str) -> Block {
    Block { page, page_end: page, content: Content::Paragraph(text.to_owned()), boxes: Vec::new() }
}

fn table(page: u32, header: &[&str], n_rows: usize) -> Block {
    let rows = (0..n_rows)
        .map(|n| TableRow { text: format!("row {n} of a table with a label | {n} | {n}"), place: None })
        .collect();
    let header = header.iter().map(|line| (*line).to_owned()).collect();
    Block { page, page_end: page, content: Content::Table(Table { header, rows }), boxes: Vec::new() }
}

#[test]
fn a_passage_never_crosses_a_chapter_or_a_page() {
    let blocks =
        [heading(1, "One"), paragraph(1, "first"), heading(1, "Two"), paragraph(1, "second"), paragraph(2, "third")];

    let chunks = split(&blocks);

    let seen: Vec<(u32, &str, &str)> =
        chunks.iter().map(|chunk| (chunk.page, chunk.heading.as_str(), chunk.text.as_str())).collect();
    assert_eq!(seen, [(1, "One", "first"), (1, "Two", "second"), (2, "Two", "third")]);
}

#[test]
fn small_paragraphs_are_packed_and_long_ones_are_cut_between_sentences() {
    let long = "这是一个关于公司经营情况的句子。".repeat(80);
    let blocks = [paragraph(1, "short one."), paragraph(1, "short two."), paragraph(2, &long)];

    let chunks = split(&blocks);

    assert_eq!(chunks[0].text, "short one.\nshort two.");
    assert!(chunks.len() > 3);
    for chunk in &chunks[1..] {
        assert!(text::tokens(&chunk.text) <= TARGET_TOKENS + TARGET_TOKENS / 4, "{}", text::tokens(&chunk.text));
        assert!(chunk.text.ends_with('。'));
    }
    let rebuilt: String = chunks[1..].iter().map(|chunk| chunk.text.replace('\n', "")).collect();
    assert_eq!(rebuilt, long);
}

#[test]
fn parts_of_a_long_table_repeat_what_is_needed_to_read_them() {
    let chunks =
        split(&[paragraph(7, "The following table shows rows."), table(7, &["单位：元", "name | 2024 | 2023"], 300)]);

    assert!(chunks.len() > 2);
    for chunk in &chunks {
        assert!(chunk.is_table && chunk.page == 7);
        assert!(
            chunk.text.starts_with("The following table shows rows.\n单位：元\nname | 2024 | 2023\nrow "),
            "{}",
            chunk.text
        );
        assert!(text::tokens(&chunk.text) <= TABLE_TOKENS + 40);
    }
    let n_rows: usize =
        chunks.iter().map(|chunk| chunk.text.lines().filter(|line| line.starts_with("row ")).count()).sum();
    assert_eq!(n_rows, 300);
}

#[test]
fn a_title_of_three_lines_is_one_title() {
    let blocks = [
        heading(4, "Acme Corporation"),
        heading(4, "Consolidated Balance Sheet"),
        heading(4, "At December 31"),
        table(1, &["2018"], 2),
    ];

    assert_eq!(split(&blocks)[0].heading, "Acme Corporation · Consolidated Balance Sheet · At December 31");
}

#[test]
fn sentences_end_where_readers_stop() {
    assert_eq!(sentences("增长12.3%。他说：“好！”然后走了。"), ["增长12.3%。", "他说：“好！”", "然后走了。"]);
    assert_eq!(
        sentences("The U.S. grew 1.5 percent. Good. See No. 5."),
        ["The U.S. grew 1.5 percent. ", "Good. ", "See No. 5."]
    );
}

#[test]
fn text_without_any_end_is_still_cut() {
    let chunks = split(&[paragraph(1, &"x".repeat(50_000))]);

    assert!(chunks.len() > 10);
    assert!(chunks.iter().all(|chunk| text::tokens(&chunk.text) <= 2 * TARGET_TOKENS));
}
