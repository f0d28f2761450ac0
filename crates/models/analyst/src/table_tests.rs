use super::*;

fn read(heading: &str, text: &str) -> Vec<Row> {
    let passage = NumberedPassage {
        number: 1,
        file: "x_2019.pdf".into(),
        page: Some(1),
        heading: heading.into(),
        text: text.into(),
    };
    rows(&passage, Anchor { year: Some(2019) })
}

/// The values of the row with this label as `period=value`.
fn row(rows: &[Row], label: &str) -> String {
    let row = rows.iter().find(|row| row.label == label).unwrap_or_else(|| panic!("no row {label:?} in {rows:#?}"));
    let values: Vec<String> = row
        .values
        .iter()
        .map(|value| {
            format!("{}={}", value.period.map_or_else(|| "?".into(), |period| period.to_string()), value.number.value)
        })
        .collect();
    values.join(" ")
}

#[test]
fn a_plain_statement_is_read_by_column() {
    let rows = read(
        "Consolidated Statement of Cash Flows",
        "Years ended December 31\n(Millions) | 2018 | 2017 | 2016\nCash Flows from Investing Activities\nPurchases of equipment | (157) | (137) | (142)\nOther — net | 9 | — | (4)",
    );

    assert_eq!(row(&rows, "Purchases of equipment"), "2018=-157 2017=-137 2016=-142");
    assert_eq!(row(&rows, "Other — net"), "2018=9 2016=-4");
    assert_eq!(rows[0].unit.scale, Some(1e6));
}

#[test]
fn dollar_signs_in_cells_of_their_own_do_not_shift_the_years() {
    let rows = read("", "(Millions) | 2018 | 2017\nNet sales | $ | 327 | $ | 316\nCost | 166 | 160");

    assert_eq!(row(&rows, "Net sales"), "2018=327 2017=316");
    assert_eq!(row(&rows, "Cost"), "2018=166 2017=160");
}

#[test]
fn notes_and_missing_values_keep_their_columns() {
    let rows = read(
        "合并利润表",
        "单位:元 币种:人民币\n项目 | 附注 | 2019 年度 | 2018 年度\n研发费用 | 七、65 | 48,428.78 | 51,663.04\n营业成本 |  | 903.52 | 901.98\n利息费用 |  | 6,333.92 | \n财务费用 | 七、66 | -12,024.14 | -34,606.02",
    );

    assert_eq!(row(&rows, "研发费用"), "2019=48428.78 2018=51663.04");
    assert_eq!(row(&rows, "营业成本"), "2019=903.52 2018=901.98");
    assert_eq!(row(&rows, "利息费用"), "2019=6333.92");
    assert_eq!(row(&rows, "财务费用"), "2019=-12024.14 2018=-34606.02");
    assert_eq!((rows[0].unit.scale, rows[0].unit.currency), (Some(1.0), Some("CNY")));
}

#[test]
fn a_row_without_the_cell_for_its_note_is_read_all_the_same() {
    let rows = read(
        "",
        "项目 | 附注 | 2019 年度 | 2018 年度\n一、营业总收入 | 1,175.32 | 1,230.80\n其中：营业收入 | 七、61 | 1,175.32 | 1,230.80",
    );

    assert_eq!(row(&rows, "一、营业总收入"), "2019=1175.32 2018=1230.8");
    assert_eq!(row(&rows, "其中：营业收入"), "2019=1175.32 2018=1230.8");
}

#[test]
fn a_column_of_changes_is_no_year() {
    let text = "主要会计数据 | 2019年 | 2018年 | 本期比上年同期增减(%) | 2017年\n营业收入 | 1,175.30 | 1,230.54 | -4.49 | 1,008.71";
    assert_eq!(row(&read("", text), "营业收入"), "2019=1175.3 2018=1230.54 2017=1008.71");

    // Its head may be lost to a line above.
    let text = "本期比上\n主要会计数据 | 2019年 | 2018年 | 2017年\n营业收入 | 1,175.30 | 1,230.54 | -4.49 | 1,008.71";
    assert_eq!(row(&read("", text), "营业收入"), "2019=1175.3 2018=1230.54 2017=1008.71");
}

#[test]
fn a_row_without_its_label_is_not_shifted_by_one() {
    let text = "主要会计数据 | 2019年 | 2018年 | 2017年\n扣除非经\n8,091.68 | 5,962.38 | 35.71 | 4,872.14\n常性损益";
    let rows = read("", text);

    assert_eq!(row(&rows, ""), "2019=8091.68 2018=5962.38 2017=4872.14");
}

#[test]
fn heads_that_are_relative_count_from_the_year_of_the_document() {
    let rows = read("", "科目 | 本期数 | 上年同期数 | 变动比例（%）\n营业收入 | 1,175.32 | 1,230.80 | -4.49");

    assert_eq!(row(&rows, "营业收入"), "2019=1175.32 2018=1230.8");
}

#[test]
fn quarters_take_their_year_from_the_label_of_the_head() {
    let text = "(Millions) 2018 | First Quarter | Second Quarter | Third Quarter | Fourth Quarter | Year 2018\nNet sales | 827 | 839 | 815 | 794 | 3,276";
    assert_eq!(row(&read("", text), "Net sales"), "2018 Q1=827 2018 Q2=839 2018 Q3=815 2018 Q4=794 2018=3276");

    let text = "九、 2019 年分季度主要财务数据\n | 第一季度 （1-3 月份） | 第二季度 （4-6 月份） | 第三季度 （7-9 月份） | 第四季度 （10-12 月份）\n营业收入 | 333.78 | 292.29 | 250.57 | 298.68";
    assert_eq!(row(&read("", text), "营业收入"), "2019 Q1=333.78 2019 Q2=292.29 2019 Q3=250.57 2019 Q4=298.68");
}

#[test]
fn a_head_over_two_lines_is_put_together() {
    let text = "(Millions) | First | Second | Year\n2018 | Quarter | Quarter | 2018\nNet sales | 827 | 839 | 1,666";
    let rows = read("", text);

    assert!(row(&rows, "Net sales").ends_with("2018=1666"), "{rows:#?}");
}

#[test]
fn columns_set_apart_by_spaces_are_read_too() {
    let rows =
        read("", "(Millions)                2018       2017\nNet sales          $     327   $  316\nNet income 53 48");

    assert_eq!(row(&rows, "Net sales"), "2018=327 2017=316");
    assert_eq!(row(&rows, "Net income"), "2018=53 2017=48");
}

#[test]
fn a_row_without_values_does_not_end_the_table() {
    let rows = read(
        "",
        "项目 | 附注 | 2019 年度 | 2018 年度\n交易性金融资产 | 七、2 | — | —\n流动资产： |  |  | \n存货 | 七、9 | 637.28 | 601.28",
    );

    assert_eq!(row(&rows, "存货"), "2019=637.28 2018=601.28");
}

#[test]
fn markdown_tables_are_read_too() {
    let rows = read("", "| Metric | 2025 | 2024 |\n|---|---:|---:|\n| Revenue | 12.5 | 10.0 |");

    assert_eq!(row(&rows, "Revenue"), "2025=12.5 2024=10");
}

#[test]
fn prose_and_rubbish_give_no_rows() {
    assert!(read("", "In 2018, sales grew by 3.5 percent, and in 2017 by 5.1.\n\n||||\n| | |\n$ $ $").is_empty());
}

#[test]
fn a_wrapped_label_keeps_its_neighbours() {
    let rows =
        read("", " | 2019年 | 2018年\n归属于上市公司股东\n | 129,465.68 | 182,223.13\n的净利润\n总资产 | 1.00 | 2.00");

    assert_eq!((rows[0].above.as_str(), rows[0].below.as_str()), ("归属于上市公司股东", "的净利润"));
    assert_eq!(rows[0].values.len(), 2);
}

#[test]
fn the_title_of_the_parent_companys_statement_is_kept_apart() {
    let rows = read("合并利润表", "项目 | 2019 年度\n营业收入 | 1.00\n母公司利润表\n项目 | 2019 年度\n营业收入 | 2.00");

    let titles: Vec<&str> = rows.iter().map(|row| row.title.as_str()).collect();
    assert_eq!(titles, ["合并利润表", "母公司利润表"]);
}
