use super::*;
use crate::document::{Cell, TableRow};

fn row(top: f32, cells: &[(f32, &str)]) -> Row {
    Row {
        top,
        bottom: top + 10.0,
        size: 10.0,
        cells: cells
            .iter()
            .map(|(left, text)| {
                #[expect(clippy::cast_precision_loss, reason = "texts of tests are short")]
                let width = 5.0 * text::width(text) as f32;
                Cell { left: *left, right: left + width, text: (*text).to_owned(), span: None }
            })
            .collect(),
        ..Row::default()
    }
}

use crate::text;

fn page(number: u32, rows: Vec<Row>) -> Page {
    Page { number, width: 600.0, height: 800.0, rows, ..Page::default() }
}

fn tables(blocks: &[Block]) -> Vec<(&[String], Vec<&str>)> {
    let of = |block: &'_ Block| match &block.content {
        Content::Table(_) => true,
        Content::Heading { .. } | Content::Paragraph(_) | Content::ListItem(_) => false,
    };
    blocks
        .iter()
        .filter(|block| of(block))
        .filter_map(|block| match &block.content {
            Content::Table(table) => {
                Some((table.header.as_slice(), table.rows.iter().map(|row: &TableRow| row.text.as_str()).collect()))
            }
            Content::Heading { .. } | Content::Paragraph(_) | Content::ListItem(_) => None,
        })
        .collect()
}

#[test]
fn heads_of_two_lines_and_wrapped_labels_are_put_together() {
    let rows = vec![
        row(100.0, &[(300.0, "December 31,"), (400.0, "December 31,")]),
        row(112.0, &[(50.0, "(Millions)"), (320.0, "2018"), (420.0, "2017")]),
        row(124.0, &[(50.0, "Current assets:")]),
        row(136.0, &[(60.0, "Cash"), (320.0, "2,853"), (420.0, "3,053")]),
        row(148.0, &[(60.0, "Net income including noncontrolling")]),
        row(158.0, &[(70.0, "interest"), (320.0, "5,363"), (420.0, "4,869")]),
    ];

    let blocks = blocks(vec![page(1, rows)]);

    let found = tables(&blocks);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, ["(Millions) | December 31, 2018 | December 31, 2017"]);
    assert_eq!(
        found[0].1,
        ["Current assets:", "Cash | 2,853 | 3,053", "Net income including noncontrolling interest | 5,363 | 4,869"]
    );
}

#[test]
fn a_table_that_goes_on_over_the_page_keeps_its_heads() {
    let first = vec![
        row(100.0, &[(50.0, "单位：元")]),
        row(112.0, &[(50.0, "项目"), (320.0, "2019年"), (420.0, "2018年")]),
        row(124.0, &[(50.0, "货币资金"), (320.0, "1,000"), (420.0, "2,000")]),
        row(136.0, &[(50.0, "应收账款"), (320.0, "3,000"), (420.0, "4,000")]),
    ];
    let second = vec![
        row(100.0, &[(50.0, "存货"), (320.0, "5,000"), (420.0, "6,000")]),
        row(112.0, &[(50.0, "合计"), (320.0, "9,000"), (420.0, "9,500")]),
    ];

    let blocks = blocks(vec![page(1, first), page(2, second)]);

    let found = tables(&blocks);
    assert_eq!(found[1].0, found[0].0);
    assert_eq!(found[1].0, ["单位：元", "项目 | 2019年 | 2018年"]);
    assert_eq!(found[1].1, ["存货 | 5,000 | 6,000", "合计 | 9,000 | 9,500"]);
}

#[test]
fn a_missing_figure_leaves_its_column_empty() {
    let rows = vec![
        row(100.0, &[(320.0, "2018"), (420.0, "2017")]),
        row(112.0, &[(50.0, "Sales"), (320.0, "1,000"), (420.0, "2,000")]),
        row(124.0, &[(50.0, "Gain"), (420.0, "4,000")]),
    ];

    let blocks = blocks(vec![page(1, rows)]);

    assert_eq!(tables(&blocks)[0].1, ["Sales | 1,000 | 2,000", "Gain |  | 4,000"]);
}

#[test]
fn a_paragraph_goes_on_over_the_page_and_a_new_one_does_not() {
    let first = vec![
        row(700.0, &[(50.0, "A line of the paragraph that is as long as the page is wide and")]),
        row(712.0, &[(50.0, "another line of it that is as long as the page is wide and then")]),
    ];
    let second = vec![row(100.0, &[(50.0, "the end of it.")]), row(130.0, &[(50.0, "A new one.")])];

    let blocks = blocks(vec![page(1, first), page(2, second)]);

    let seen: Vec<(u32, u32)> = blocks.iter().map(|block| (block.page, block.page_end)).collect();
    assert_eq!(seen, [(1, 2), (2, 2)], "{blocks:?}");
    assert_eq!(blocks[0].boxes.len(), 2);
}

#[test]
fn numbered_headings_make_the_outline_of_a_chinese_report() {
    let rows = vec![
        row(100.0, &[(200.0, "第二节 公司简介和主要财务指标")]),
        row(130.0, &[(50.0, "一、 公司信息")]),
        row(150.0, &[(50.0, "公司的主营业务是食品冷冻设备的研发、生产和销售，报告期内没有变化。")]),
    ];

    let blocks = blocks(vec![page(1, rows)]);

    let levels: Vec<u8> = blocks
        .iter()
        .filter_map(|block| match &block.content {
            Content::Heading { level, .. } => Some(*level),
            Content::Paragraph(_) | Content::ListItem(_) | Content::Table(_) => None,
        })
        .collect();
    assert_eq!(levels, [1, 2]);
}
