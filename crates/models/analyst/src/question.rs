//! What the person wants, as far as rules can tell: language, figures, years, the kind of answer.
//!
//! A question that names no figure goes on with the ones asked before it ("and in 2017?", "那2018年呢？").

use super::keywords::keywords;
use super::label::{find_words, is_chinese};
use super::metrics::{self, Metric};
use super::{number, period};

/// The language of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Chinese,
    English,
}

/// The kind of answer wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    Greeting,
    Thanks,
    Abilities,
    /// To run this code as it is, with the tool of this name.
    Code {
        tool: &'static str,
        code: String,
    },
    /// The main figures of a report.
    Overview,
    /// Certain figures.
    Figures,
    /// Anything else: what the documents say about it.
    Lookup,
}

/// A question, understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub text: String,
    pub language: Language,
    pub wish: Wish,
    pub metrics: Vec<&'static Metric>,
    pub years: Vec<i32>,
    pub wants_quarters: bool,
    pub wants_segments: bool,
    /// Whether the answer is a number.
    pub asks_how_much: bool,
    /// Words to look for where no known figure is named.
    pub keywords: Vec<String>,
    /// All the words of this question and the ones before it, in lower case, to tell which document is meant.
    pub context: String,
}

/// Understands the last of the person's messages, given all of them, oldest first.
pub(crate) fn understand(messages: &[String]) -> Question {
    let Some((last, before)) = messages.split_last() else { return alone("") };
    let mut question = alone(last);
    let earlier: Vec<Question> = before.iter().rev().take(4).map(|text| alone(text)).collect();
    for older in &earlier {
        question.context.push('\n');
        question.context.push_str(&older.context);
    }
    let is_short = last.chars().count() < if question.language == Language::Chinese { 24 } else { 60 };
    let Some(topic) = earlier.iter().find(|older| matches!(older.wish, Wish::Figures | Wish::Overview)) else {
        return question;
    };
    if question.wish == Wish::Lookup
        && is_short
        && (goes_on(last) || !question.years.is_empty() && question.keywords.len() <= 1)
    {
        question.wish = topic.wish.clone();
        question.metrics.clone_from(&topic.metrics);
        question.wants_quarters |= topic.wants_quarters;
        question.wants_segments |= topic.wants_segments;
    }
    if question.wish == Wish::Figures && question.years.is_empty() && is_short && goes_on(last) {
        question.years.clone_from(&topic.years);
    }
    question
}

fn goes_on(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    let starts = ["那", "再", "还有", "and ", "what about", "how about", "also", "then", "it", "换成", "改成"];
    starts.iter().any(|start| lower.starts_with(start))
        || lower.trim_end_matches(['?', '？', '。', '.', '!']).ends_with('呢')
}

fn alone(text: &str) -> Question {
    let language = language(text);
    let lower = number::narrow(text).to_lowercase();
    // Sales to the largest customers are no figure of the statements.
    let is_about_partners = contains_any(
        &lower,
        &["前五名", "前五大", "前5名", "客户", "供应商", "top five", "top 5", "largest customer", "supplier"],
    );
    let metrics = if is_about_partners { Vec::new() } else { named(&lower) };
    let wants_segments = contains_any(
        &lower,
        &[
            "分产品",
            "分行业",
            "分地区",
            "分业务",
            "分部",
            "板块",
            "各业务",
            "各产品",
            "各地区",
            "segment",
            "by region",
            "by product",
            "business group",
            "geograph",
            "收入构成",
            "收入结构",
        ],
    );
    let mut question = Question {
        text: text.to_owned(),
        language,
        wish: Wish::Lookup,
        metrics,
        years: period::years(&lower),
        wants_quarters: contains_any(&lower, &["季度", "quarter", "q1", "q2", "q3", "q4"]),
        wants_segments,
        asks_how_much: contains_any(
            &lower,
            &[
                "多少",
                "金额",
                "比例",
                "几",
                "额",
                "率",
                "how much",
                "how many",
                "amount",
                "rate",
                "total",
                "number of",
                "what was",
                "what were",
            ],
        ),
        keywords: keywords(&lower),
        context: lower.clone(),
    };
    question.years.dedup();
    question.wish = wish(&question, &lower);
    if question.wish == Wish::Overview {
        question.metrics = metrics::OVERVIEW.iter().filter_map(|id| metrics::by_id(id)).collect();
    } else if question.wish == Wish::Figures && question.metrics.is_empty() {
        question.metrics.extend(metrics::by_id("revenue"));
    }
    question
}

fn language(text: &str) -> Language {
    let n_chinese = text.chars().filter(|char| is_chinese(*char)).count();
    let n_words = text
        .split_whitespace()
        .filter(|word| word.chars().all(|char| char.is_ascii_alphabetic() || char.is_ascii_punctuation()))
        .count();
    if n_chinese >= 2 && n_chinese * 2 >= n_words { Language::Chinese } else { Language::English }
}

fn wish(question: &Question, lower: &str) -> Wish {
    if let Some((tool, code)) = code(&question.text) {
        return Wish::Code { tool, code };
    }
    let trimmed = lower.trim().trim_end_matches(['!', '?', '.', '。', '~', ' ', '，', ',']);
    let length = trimmed.chars().count();
    if question.metrics.is_empty() && length <= 12 && contains_any(trimmed, &["谢谢", "多谢", "thank", "thx"]) {
        return Wish::Thanks;
    }
    let abilities = [
        "你是谁",
        "你能做什么",
        "你会什么",
        "你可以做什么",
        "能做什么",
        "who are you",
        "what can you do",
        "what are you",
        "你有什么功能",
        "怎么用",
        "how do you work",
        "what do you do",
    ];
    if contains_any(trimmed, &abilities) || matches!(trimmed, "help" | "帮助") {
        return Wish::Abilities;
    }
    let greetings = [
        "你好",
        "您好",
        "嗨",
        "hi",
        "hello",
        "hey",
        "hi there",
        "hello there",
        "早上好",
        "下午好",
        "晚上好",
        "good morning",
        "在吗",
        "你好呀",
        "test",
        "测试",
    ];
    if trimmed.is_empty() || greetings.contains(&trimmed) {
        return Wish::Greeting;
    }
    if !question.metrics.is_empty() || question.wants_segments && asks_for_money(lower) {
        return Wish::Figures;
    }
    let overview = [
        "财报",
        "年报",
        "财务分析",
        "财务状况",
        "财务情况",
        "财务表现",
        "经营情况",
        "经营状况",
        "经营业绩",
        "业绩",
        "季报",
        "中报",
        "财务数据",
        "主要指标",
        "关键指标",
        "financial report",
        "annual report",
        "10-k",
        "10k",
        "10-q",
        "financials",
        "financial statement",
        "financial performance",
        "key figures",
        "key metrics",
        "highlights",
        "earnings report",
        "how did the company",
        "company performance",
        "financial health",
    ];
    let analysis = [
        "分析",
        "总结",
        "概述",
        "概括",
        "解读",
        "摘要",
        "看看",
        "analyse",
        "analyze",
        "analysis",
        "summar",
        "overview",
        "review",
        "tell me about",
    ];
    let thing = ["报告", "文件", "文档", "公司", "这份", "pdf", "report", "document", "file", "company", "this", "it"];
    let is_analysis = contains_any(lower, &analysis);
    if contains_any(lower, &overview)
        || is_analysis && (length < 12 || thing.iter().any(|word| find_words(lower, word).is_some()))
    {
        return Wish::Overview;
    }
    Wish::Lookup
}

fn asks_for_money(lower: &str) -> bool {
    contains_any(
        lower,
        &["收入", "营收", "利润", "毛利", "构成", "结构", "占比", "sales", "revenue", "segment", "板块", "分部"],
    )
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

const GROUPS: [(&str, &[&str]); 9] = [
    ("资产负债率", &["total_liabilities", "total_assets"]),
    ("盈利能力", &["revenue", "gross_profit", "cost_of_sales", "net_income", "roe"]),
    ("profitability", &["revenue", "gross_profit", "cost_of_sales", "operating_income", "net_income"]),
    ("偿债能力", &["total_assets", "total_liabilities", "current_assets", "current_liabilities", "cash"]),
    ("liquidity", &["current_assets", "current_liabilities", "cash"]),
    ("solvency", &["total_assets", "total_liabilities"]),
    ("balance sheet", &["total_assets", "total_liabilities", "equity", "cash"]),
    ("资产负债表", &["total_assets", "total_liabilities", "equity", "cash"]),
    ("利润表", &["revenue", "cost_of_sales", "operating_income", "net_income"]),
];

/// What other figures one is computed from or explained by.
const NEEDS: [(&str, &[&str]); 4] = [
    ("gross_margin", &["revenue", "cost_of_sales", "gross_profit"]),
    ("gross_profit", &["revenue", "cost_of_sales"]),
    ("net_margin", &["revenue", "net_income"]),
    ("fcf", &["ocf", "capex"]),
];

/// The figures that a text names. The longest words count first, so that "net sales" is not also "sales", and "利润总额"
/// is not also "利润".
fn named(lower: &str) -> Vec<&'static Metric> {
    let mut words: Vec<(&str, Vec<&'static str>)> = GROUPS.iter().map(|(word, ids)| (*word, ids.to_vec())).collect();
    for metric in metrics::ALL {
        for word in metric.asked {
            match words.iter_mut().find(|(known, _)| known == word) {
                Some((_, ids)) => ids.push(metric.id),
                None => words.push((word, vec![metric.id])),
            }
        }
    }
    words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    let mut text = lower.to_owned();
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    for (word, ids) in words {
        while let Some(at) = find_words(&text, word) {
            found.extend(ids.iter().map(|id| (at, *id)));
            // Blanked, so that the places of the others stay.
            text.replace_range(at..at + word.len(), &"\u{1}".repeat(word.len()));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let mut named: Vec<&'static str> = Vec::new();
    for (_, id) in found {
        let needs = NEEDS.iter().filter(|(whole, _)| *whole == id).flat_map(|(_, parts)| parts.iter().copied());
        for id in std::iter::once(id).chain(needs) {
            if !named.contains(&id) {
                named.push(id);
            }
        }
    }
    named.into_iter().filter_map(metrics::by_id).collect()
}

/// The code in a fenced block that the person wants to have run.
fn code(text: &str) -> Option<(&'static str, String)> {
    let (_, rest) = text.split_once("```")?;
    let (language, rest) = rest.split_once('\n')?;
    let (code, _) = rest.split_once("```")?;
    let tool = match language.trim().to_lowercase().as_str() {
        "python" | "py" | "python3" => "run_python",
        "sql" | "duckdb" => "run_sql",
        _ => return None,
    };
    (!code.trim().is_empty()).then(|| (tool, code.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        alone(text).metrics.iter().map(|metric| metric.id).collect()
    }

    #[test]
    fn figures_are_recognised_in_both_languages() {
        let question = alone("What was 3M's capital expenditure in FY2018, and how did net sales develop?");
        assert_eq!(ids(&question.text), ["capex", "revenue"]);
        assert_eq!(
            (question.years.as_slice(), question.language, question.wish),
            ([2018].as_slice(), Language::English, Wish::Figures)
        );

        let question = alone("公司2019年营业收入和净利润是多少?");
        assert_eq!(ids(&question.text), ["revenue", "net_income"]);
        assert_eq!((question.years.as_slice(), question.language), ([2019].as_slice(), Language::Chinese));

        assert_eq!(ids("利润总额"), ["pretax_income"]);
        assert_eq!(ids("经营活动产生的现金流量净额是多少"), ["ocf"]);
        assert_eq!(ids("gross profit"), ["gross_profit", "revenue", "cost_of_sales"]);
        assert_eq!(ids("资产负债率"), ["total_liabilities", "total_assets"]);
        assert_eq!(ids("wholesalers"), Vec::<&str>::new());
    }

    #[test]
    fn a_plain_request_to_analyse_means_the_main_figures() {
        for text in [
            "帮我分析财报",
            "分析一下这份报告",
            "Analyse the annual report",
            "Summarize this document",
            "请总结公司业绩",
        ] {
            assert_eq!(alone(text).wish, Wish::Overview, "{text}");
        }
    }

    #[test]
    fn small_talk_is_no_question_about_documents() {
        assert_eq!(alone("你好！").wish, Wish::Greeting);
        assert_eq!(alone("thank you").wish, Wish::Thanks);
        assert_eq!(alone("What can you do?").wish, Wish::Abilities);
        assert_eq!(alone("").wish, Wish::Greeting);
        assert_eq!(alone("公司的审计机构是哪家？").wish, Wish::Lookup);
    }

    #[test]
    fn a_short_question_goes_on_with_the_topic_before_it() {
        let question = understand(&["公司2019年营业收入是多少？".into(), "那2018年呢？".into()]);
        assert_eq!(
            (question.metrics[0].id, question.years.as_slice(), question.wish),
            ("revenue", [2018].as_slice(), Wish::Figures)
        );

        let question = understand(&["What was 3M's capex in 2018?".into(), "And net income?".into()]);
        assert_eq!((question.metrics[0].id, question.years.as_slice()), ("net_income", [2018].as_slice()));
        assert!(question.context.contains("3m"));
    }

    #[test]
    fn fenced_code_is_taken_as_it_is() {
        let wish = alone("please run\n```python\nprint(1)\n```\n").wish;
        assert_eq!(wish, Wish::Code { tool: "run_python", code: "print(1)".into() });
    }
}
