//! What to search for: the words of the question, and the words that reports use for the same thing.
//!
//! The language of the documents is not known before the first search, so both are asked for; the language of the
//! question comes first.

use super::metrics::{Metric, Statement};
use super::question::{Language, Question, Wish};

/// How many queries one search takes.
const MAX_QUERIES: usize = 8;

/// The queries of the first search.
pub(crate) fn first(question: &Question) -> Vec<String> {
    let mut queries = Vec::new();
    let year = question.years.iter().max().map(|year| format!("{year} ")).unwrap_or_default();
    match question.wish {
        Wish::Overview => {
            let chinese = [
                "主要会计数据和财务指标 营业收入 归属于上市公司股东的净利润 总资产",
                "合并利润表 营业收入 营业成本 研发费用 净利润",
                "合并现金流量表 经营活动产生的现金流量净额 购建固定资产",
                "合并资产负债表 资产总计 负债合计 所有者权益合计",
            ];
            let english = [
                "selected financial data net sales net income total assets",
                "consolidated statement of income net sales cost of sales net income",
                "consolidated statement of cash flows operating activities purchases of property, plant and equipment",
                "consolidated balance sheet total assets total liabilities equity",
            ];
            let (one, other) =
                if question.language == Language::Chinese { (chinese, english) } else { (english, chinese) };
            queries.extend(one.iter().chain(&other).map(|query| format!("{year}{query}")));
        }
        Wish::Figures => {
            // The question itself only helps where it says something that the figures do not.
            queries.push(question.text.chars().take(200).collect());
            if question.wants_segments {
                queries.push("主营业务分行业、分产品、分地区情况 营业收入 毛利率".to_owned());
                queries.push("net sales by business segment and geographic area".to_owned());
            }
            if question.wants_quarters {
                queries.push("分季度主要财务数据 第一季度 第二季度 第三季度 第四季度".to_owned());
                queries.push("quarterly data first quarter second quarter third quarter fourth quarter".to_owned());
            }
            let languages = if question.language == Language::Chinese { [true, false] } else { [false, true] };
            for is_chinese in languages {
                queries.extend(question.metrics.iter().map(|metric| format!("{year}{}", of(metric, is_chinese))));
            }
        }
        Wish::Greeting | Wish::Thanks | Wish::Abilities | Wish::Code { .. } | Wish::Lookup => {
            queries.push(question.text.chars().take(300).collect());
            if !question.keywords.is_empty() {
                queries.push(question.keywords.join(" "));
            }
        }
    }
    limited(queries)
}

/// The queries of the second search, for what the first did not find.
pub(crate) fn second(missing: &[&'static Metric], documents_are_chinese: bool) -> Vec<String> {
    limited(missing.iter().flat_map(|metric| by_label(metric, documents_are_chinese)).collect())
}

fn limited(queries: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for query in queries {
        let query = query.trim().to_owned();
        if !query.is_empty() && !kept.contains(&query) && kept.len() < MAX_QUERIES {
            kept.push(query);
        }
    }
    kept
}

fn of(metric: &Metric, is_chinese: bool) -> String {
    let statement = match (metric.statement, is_chinese) {
        (Statement::Income, true) => "合并利润表 主要会计数据",
        (Statement::Balance, true) => "合并资产负债表",
        (Statement::Cash, true) => "合并现金流量表",
        (Statement::Income, false) => "consolidated statement of income",
        (Statement::Balance, false) => "consolidated balance sheet",
        (Statement::Cash, false) => "consolidated statement of cash flows",
    };
    let label = labels(metric, is_chinese).next().unwrap_or(if is_chinese { metric.chinese } else { metric.english });
    format!("{label} {statement}")
}

/// The labels alone: a table row is found by its own words when the statement's name did not help.
fn by_label(metric: &Metric, is_chinese: bool) -> Vec<String> {
    let joiner = if is_chinese { " " } else { ", " };
    let some: Vec<&str> = labels(metric, is_chinese).take(3).collect();
    vec![some.join(joiner), of(metric, is_chinese)]
}

fn labels(metric: &Metric, is_chinese: bool) -> impl Iterator<Item = &'static str> {
    metric.labels.iter().copied().filter(move |label| label.is_ascii() != is_chinese && !label.contains("3m"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::understand;

    #[test]
    fn a_question_is_searched_for_in_the_words_of_reports() {
        let queries = first(&understand(&["What was the capital expenditure in FY2018?".into()]));

        assert!(queries.iter().any(|query| query.contains("purchases of property plant and equipment")), "{queries:?}");
        assert!(queries.iter().any(|query| query.contains("购建固定资产")), "{queries:?}");
        assert!(queries.len() <= MAX_QUERIES);
    }

    #[test]
    fn an_overview_asks_for_all_three_statements() {
        let queries = first(&understand(&["帮我分析财报".into()]));

        for statement in ["利润表", "现金流量表", "资产负债表"] {
            assert!(queries[..4].iter().any(|query| query.contains(statement)), "{queries:?}");
        }
    }
}
