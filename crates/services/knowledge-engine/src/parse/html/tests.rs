use super::*;
use crate::document::Table;

fn tables(html: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let of = |block: Block| match block.content {
        Content::Table(Table { header, rows }) => Some((header, rows.into_iter().map(|row| row.text).collect())),
        Content::Heading { .. } | Content::Paragraph(_) | Content::ListItem(_) => None,
    };
    blocks(html).into_iter().filter_map(of).collect()
}

fn texts(html: &str) -> Vec<String> {
    let text = |block: Block| match block.content {
        Content::Heading { level, text } => format!("{} {text}", "#".repeat(level.into())),
        Content::Paragraph(text) | Content::ListItem(text) => text,
        Content::Table(table) => table.rows.into_iter().map(|row| row.text).collect::<Vec<_>>().join(" / "),
    };
    blocks(html).into_iter().map(text).collect()
}

#[test]
fn heads_over_several_columns_stand_over_each_and_rows_of_heads_are_put_together() {
    let found = tables(
        "<table><caption>In USD millions</caption><thead><tr><th rowspan=2>Item</th><th colspan=2>Year ended</th></tr>\
         <tr><th>2022</th><th>2021</th></tr></thead><tbody><tr><td>Revenue</td><td>1,234</td><td>1,100</td></tr></tbody>\
         <tfoot><tr><td>Net <b>income</b></td><td>88</td><td>77</td></tr></tfoot></table>",
    );

    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].0,
        ["In USD millions", "Item | Year ended | Year ended", "Item | Year ended 2022 | Year ended 2021"]
    );
    assert_eq!(found[0].1, ["Revenue | 1,234 | 1,100", "Net income | 88 | 77"]);
}

#[test]
fn below_a_cell_of_several_rows_the_values_keep_their_columns() {
    let found = tables(
        "<table><tr><td rowspan=2>项目</td><td colspan=2>2024年</td></tr><tr><td>金额</td><td>占比</td></tr>\
         <tr><td rowspan=2>经销</td><td>300</td><td rowspan=0>30%</td></tr><tr><td>200</td></tr></table>",
    );

    assert_eq!(found[0].0, ["项目 | 2024年 | 2024年", "项目 | 2024年金额 | 2024年占比"]);
    assert_eq!(found[0].1, ["经销 | 300 | 30%", "经销 | 200 | 30%"]);
}

#[test]
fn empty_repeated_and_dash_cells_stay_where_they_are() {
    let found = tables(
        "<table><tr><td>姓名</td><td></td><td>年龄</td><td></td></tr><tr><td>张三</td><td>合格</td><td>30</td><td>合格</td></tr>\
         <tr><td>-</td><td>甲</td><td>-</td><td>乙</td></tr><tr><td></td><td></td><td></td><td>1</td></tr></table>",
    );

    assert_eq!(found[0].0, ["姓名 |  | 年龄 | "]);
    assert_eq!(found[0].1, ["张三 | 合格 | 30 | 合格", "- | 甲 | - | 乙", " |  |  | 1"]);
}

#[test]
fn a_table_that_holds_the_page_together_is_read_as_what_it_holds() {
    let inner = "<table><tr><th>Part</th><th>Price</th></tr><tr><td>Valve</td><td>12</td></tr></table>";
    let outer = format!("<table><tr><td><p>Above</p></td><td>{inner}</td></tr><tr><td>Below</td></tr></table>");

    assert_eq!(texts(&outer), ["Above", "Valve | 12", "Below"]);
    // In a table of data the inner one follows.
    let data = format!("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2{inner}</td></tr></table>");
    assert_eq!(texts(&data), ["1 | 2", "Valve | 12"]);
}

#[test]
fn signs_and_spaces_in_columns_of_their_own_join_their_values() {
    let row = |label: &str, value: &str| {
        format!("<tr><td>{label}</td><td></td><td>$</td><td>{value}</td><td>)</td><td></td></tr>")
    };
    let found = tables(&format!("<table>{}{}</table>", row("Loss", "(1,250"), row("Cost", "(300")));

    assert_eq!(found[0].1, ["Loss | $(1,250)", "Cost | $(300)"]);
}

#[test]
fn everything_that_is_seen_is_kept_in_its_order() {
    let page = "<html><head><title>Results</title><style>p{}</style></head><body><script>evil()</script>\
        <div>One<p>Two<br>lines</p>three</div><ol start=3><li>c<ul><li><p>inner</p></li></ul></li><li>d</li></ol>\
        <dl><dt>Term</dt><dd>Meaning</dd></dl><pre>a  b\n c</pre><img alt='A chart'><input value='42'>\
        <svg><title>icon</title><text>Axis</text></svg><details><summary>More</summary>hidden</details>10<sup>6</sup></body>";

    let seen = texts(page);

    let wanted = [
        "# Results",
        "One",
        "Two lines",
        "three",
        "3. c",
        "- inner",
        "4. d",
        "Term",
        "Meaning",
        "a  b\n c",
        "A chart 42 Axis",
        "More",
        "hidden",
        "10^6",
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn absurd_nesting_and_spans_end() {
    let deep = format!("{}x", "<div><table><tr><td>".repeat(3_000));
    assert!(!blocks(&deep).is_empty());
    let wide =
        format!("<table>{}</table>", "<tr><td colspan=4294967295 rowspan=65534>x</td><td>y</td></tr>".repeat(200));
    assert!(!blocks(&wide).is_empty());
}
