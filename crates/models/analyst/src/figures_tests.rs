use super::*;
use crate::metrics::by_id;
use crate::passages::NumberedPassage;
use crate::question::understand;
use crate::table::{Anchor, rows};

/// Passages as (heading, text), numbered from 1.
fn find_in(id: &str, question: &str, passages: &[(&str, &str)]) -> Option<Figure> {
    let all: Vec<Row> = (1..)
        .zip(passages)
        .flat_map(|(number, (heading, text))| {
            let passage = NumberedPassage {
                number,
                file: "x.pdf".into(),
                page: Some(1),
                heading: (*heading).into(),
                text: (*text).into(),
            };
            rows(&passage, Anchor { year: Some(2019) })
        })
        .collect();
    find(by_id(id).unwrap(), &all, &understand(&[question.into()]), Some(2019))
}

const GROUP: (&str, &str) = (
    "合并利润表",
    "单位:元\n项目 | 附注 | 2019 年度 | 2018 年度\n其中：营业收入 | 七、61 | 1,175.32 | 1,230.80\n五、净利润（净亏损以“－”号填列） |  | 129.68 | 182.13\n1.归属于母公司股东的净利润（净亏损以“-”号填列） |  | 128.00 | 181.00",
);
const PARENT: (&str, &str) = (
    "母公司利润表",
    "单位:元\n项目 | 附注 | 2019 年度 | 2018 年度\n一、营业收入 | 十七、4 | 421.67 | 420.66\n四、净利润（净亏损以“－”号填列） |  | 59.01 | 103.74",
);

#[test]
fn the_groups_statement_wins_over_the_parents() {
    let figure = find_in("revenue", "营业收入", &[PARENT, GROUP]).unwrap();

    assert_eq!((figure.passage, figure.points[0].value), (2, 1175.32));
}

#[test]
fn the_net_income_of_the_shareholders_is_the_headline() {
    let figure = find_in("net_income", "净利润", &[PARENT, GROUP]).unwrap();

    assert_eq!((figure.passage, figure.points[0].value), (2, 128.0));
}

#[test]
fn a_label_wrapped_over_three_lines_is_found() {
    let text = "主要会计数据 | 2019年 | 2018年 | 本期比上年同期增减(%) | 2017年\n归属于上市公司股东\n | 129.68 | 182.13 | -28.80 | 172.20\n的净利润\n归属于上市公司股东\n的扣除非经常性损益 | 120.59 | 180.40 | -33.15 | 161.99\n的净利润";
    let figure = find_in("net_income", "净利润", &[("主要会计数据", text)]).unwrap();
    assert_eq!(figure.points.iter().map(|point| point.value).collect::<Vec<_>>(), [129.68, 182.13, 172.20]);

    let figure = find_in("net_income_excl", "扣非净利润", &[("主要会计数据", text)]).unwrap();
    assert_eq!(figure.points[0].value, 120.59);
}

#[test]
fn a_label_that_goes_on_in_the_next_line_is_found() {
    let text = "项目 | 附注 | 2019年度 | 2018年度\n  购建固定资产、无形资产和其他长期 |  | 209.02 | 277.15\n资产支付的现金\n  投资支付的现金\n投资活动现金流出小计 |  | 209.02 | 309.15";
    let figure = find_in("capex", "资本开支", &[("合并现金流量表", text)]).unwrap();

    assert_eq!(figure.points[0].value, 209.02);
}

#[test]
fn money_paid_out_is_positive_and_other_rows_are_not_taken() {
    let text = "(Millions) | 2019 | 2018\nProceeds from sale of property, plant and equipment | 262 | 49\nPurchases of property, plant and equipment (PP&E) | (157) | (137)";
    let figure = find_in("capex", "capex", &[("Consolidated Statement of Cash Flows", text)]).unwrap();

    assert_eq!((figure.points[0].value, figure.points[0].digits.as_str()), (157.0, "157"));
}

#[test]
fn total_assets_are_not_current_ones_nor_liabilities_and_equity() {
    let text = "项目 | 2019 年 12 月 31 日 | 2018 年 12 月 31 日\n流动资产合计 | 163.41 | 138.81\n非流动资产合计 | 82.44 | 66.05\n资产总计 | 246.85 | 205.86\n负债合计 | 71.39 | 40.79\n所有者权益（或股东权益）合计 | 175.46 | 165.07\n负债和所有者权益（或股东权益）总计 | 246.85 | 205.86";
    let passages = [("合并资产负债表", text)];

    assert_eq!(find_in("total_assets", "总资产", &passages).unwrap().label, "资产总计");
    assert_eq!(find_in("total_liabilities", "总负债", &passages).unwrap().points[0].value, 71.39);
    assert_eq!(find_in("equity", "净资产", &passages).unwrap().points[0].value, 175.46);
}

#[test]
fn quarters_are_taken_only_when_asked_for() {
    let quarters = (
        "分季度主要财务数据",
        " | 第一季度 | 第二季度 | 第三季度 | 第四季度\n营业收入 | 333.78 | 292.29 | 250.57 | 298.68",
    );

    assert_eq!(find_in("revenue", "营业收入", &[quarters, GROUP]).unwrap().passage, 2);
    let figure = find_in("revenue", "各季度营业收入", &[quarters, GROUP]).unwrap();
    assert_eq!((figure.passage, figure.points.len()), (1, 4));
}

#[test]
fn earnings_per_share_are_not_the_number_of_shares() {
    let text = "(Millions, except per share amounts) | 2019 | 2018\nWeighted average shares outstanding:\nBasic | 588.5 | 597.5\nEarnings per share:\nBasic | 9.09 | 8.13\nDiluted | 8.89 | 7.93";
    let figure = find_in("eps_basic", "basic EPS", &[("Consolidated Statement of Income", text)]).unwrap();

    assert_eq!(figure.points[0].value, 9.09);
}

#[test]
fn nothing_is_found_where_nothing_stands() {
    assert_eq!(find_in("goodwill", "商誉", &[GROUP, PARENT]), None);
}
