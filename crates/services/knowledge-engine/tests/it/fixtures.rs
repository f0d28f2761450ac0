//! Real reports: rows of tables stay whole, and questions find the page.

use septet_contracts::knowledge::{Passage, PassageQuery};
use septet_fixtures::shared;
use septet_kernel::Caller;

use crate::harness::{Harness, has_pdfium, sample_report};

async fn with_report(filename: &str, bytes: Vec<u8>) -> (Harness, Caller) {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "reports").await;
    let file = harness.ingest(&caller, store.id, filename, bytes).await;
    assert_eq!(file.last_error, None);
    (harness, caller)
}

async fn pages(harness: &Harness, caller: &Caller, queries: &[&str]) -> (Vec<u32>, Vec<Passage>) {
    let query =
        PassageQuery { queries: queries.iter().map(|query| (*query).to_owned()).collect(), ..PassageQuery::default() };
    let found = harness.knowledge.search(caller, &query).await.unwrap().passages;
    (found.iter().map(|passage| passage.page).collect(), found)
}

fn has_row(passages: &[Passage], row: &str) -> bool {
    passages.iter().any(|passage| passage.text.lines().any(|line| line == row))
}

#[tokio::test]
async fn the_10k_gives_capital_expenditure_and_net_sales() {
    let Some(path) = shared("fixtures/reports/3M_2018_10K.pdf") else { return };
    let (harness, caller) = with_report("3M_2018_10K.pdf", std::fs::read(path).unwrap()).await;
    if !has_pdfium(&harness.config) {
        return;
    }

    let (at, found) =
        pages(&harness, &caller, &["What is the FY2018 capital expenditure amount (in USD millions) for 3M?"]).await;
    assert!(at.contains(&60), "{at:?}");
    assert!(has_row(&found, "Purchases of property, plant and equipment (PP&E) | (1,577) | (1,373) | (1,420)"));

    let (at, found) = pages(&harness, &caller, &["net sales", "consolidated statement of income"]).await;
    assert!(at.contains(&56), "{at:?}");
    assert!(has_row(&found, "Net sales | $32,765 | $31,657 | $30,109"), "{at:?}");

    let (at, found) = pages(&harness, &caller, &["total assets balance sheet 2018"]).await;
    assert!(at.contains(&58) && has_row(&found, "Total assets | $36,500 | $37,987"), "{at:?}");

    let passage = found.iter().find(|passage| passage.page == 58).unwrap();
    assert!(
        passage.boxes.iter().all(|place| place.page == 58 && place.x0 < place.x1 && place.y0 < place.y1),
        "{:?}",
        passage.boxes
    );
}

#[tokio::test]
async fn the_chinese_report_gives_its_main_tables() {
    let Some(path) = shared("fixtures/reports/CN_603339_2019_annual_report.pdf") else { return };
    let (harness, caller) = with_report("CN_603339_2019_annual_report.pdf", std::fs::read(path).unwrap()).await;
    if !has_pdfium(&harness.config) {
        return;
    }

    for (queries, row) in [
        (&["营业收入"][..], "营业收入 | 1,175,301,034.32 | 1,230,537,181.80 | -4.49 | 1,008,714,515.86"),
        (
            &["归属于上市公司股东的净利润是多少"],
            "归属于上市公司股东的净利润 | 129,465,020.68 | 182,223,387.13 | -28.95 | 172,184,765.20",
        ),
        (&["分季度主要财务数据"], "营业收入 | 333,437,272.78 | 292,129,683.29 | 250,895,665.57 | 298,838,412.68"),
        (
            &["帮我分析财报", "营业收入 净利润 主要会计数据", "分季度 营业收入", "现金流量"],
            "营业收入 | 333,437,272.78 | 292,129,683.29 | 250,895,665.57 | 298,838,412.68",
        ),
        (
            &["经营活动产生的现金流量净额"],
            "经营活动产生的现金流量净额 | 369,100,908.49 | 22,934,667.53 | 1,509.36 | 234,116,848.19",
        ),
    ] {
        let (at, found) = pages(&harness, &caller, queries).await;
        assert!(has_row(&found, row), "{queries:?}: {at:?}");
    }
    let (at, found) = pages(&harness, &caller, &["合并资产负债表 资产总计"]).await;
    assert!(
        found.iter().any(|passage| passage.heading.contains("合并资产负债表") || passage.text.contains("资产总计")),
        "{at:?}"
    );
}

#[tokio::test]
async fn the_sample_report_gives_its_main_tables() {
    let (harness, caller) = with_report("annual-report-2025.pdf", sample_report()).await;
    if !has_pdfium(&harness.config) {
        return;
    }

    for (queries, row) in [
        (&["营业收入"][..], "营业收入 | 51,238,609,924.44 | 43,202,146,611.73 | 18.60 | 37,149,695,589.91"),
        (&["净利润"], "归属于上市公司股东的净利润 | 8,608,375,187.14 | 6,390,633,606.63 | 34.70 | 5,183,818,675.05"),
        (&["分季度数据"], "营业收入 | 9,820,795,607.22 | 11,870,375,029.26 | 13,189,364,948.34 | 16,358,074,339.62"),
    ] {
        let (at, found) = pages(&harness, &caller, queries).await;
        assert!(has_row(&found, row), "{queries:?}: {at:?}");
    }
}
