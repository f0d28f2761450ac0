//! What a question asks for: the words that matter, and other names of the same thing.
//!
//! Without an embedding model nothing else knows that "capital expenditure" is "purchases of property, plant and
//! equipment" in a statement of cash flows, so the names that reports use are listed here. They count less than the
//! words of the question.

use super::tokens::tokens;
use crate::text;

/// A question ready for the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Tokens with their weight, each once.
    pub terms: Vec<(String, f32)>,
    /// Tokens that stand beside each other in the question.
    pub pairs: Vec<(String, String)>,
    /// Things the question names that have several names in reports: each a list of names, each name its tokens.
    pub concepts: Vec<Vec<Vec<String>>>,
    /// True when the answer is probably a figure of a table.
    pub wants_figures: bool,
}

const STOP_WORDS: [&str; 63] = [
    "a", "an", "the", "of", "in", "on", "for", "to", "and", "or", "is", "are", "was", "were", "be", "been", "by",
    "with", "from", "as", "at", "that", "this", "these", "those", "it", "its", "what", "which", "who", "how", "much",
    "many", "did", "do", "does", "has", "have", "had", "can", "could", "would", "should", "please", "me", "my", "we",
    "our", "you", "your", "i", "there", "their", "if", "than", "then", "about", "into", "tell", "show", "give",
    "between", "any",
];

/// Parts of Chinese questions that say nothing about the answer.
const CHINESE_FILLERS: [&str; 32] = [
    "请问",
    "请你",
    "帮我",
    "帮忙",
    "告诉我",
    "一下",
    "多少",
    "什么",
    "如何",
    "怎么样",
    "怎么",
    "怎样",
    "哪些",
    "哪个",
    "哪里",
    "是否",
    "有没有",
    "为什么",
    "是",
    "的",
    "了",
    "吗",
    "呢",
    "和",
    "与",
    "及",
    "在",
    "有",
    "分别",
    "分析",
    "情况",
    "请",
];

/// Names of the same thing in reports. Chinese ones are matched as they stand, English ones by their stems.
const GLOSSARY: [&[&str]; 22] = [
    &[
        "capital expenditure",
        "capital expenditures",
        "capex",
        "capital spending",
        "purchases of property, plant and equipment",
        "资本开支",
        "资本支出",
        "购建固定资产、无形资产和其他长期资产支付的现金",
    ],
    &["revenue", "revenues", "net sales", "total revenues", "net revenue", "sales", "营业收入", "营收", "营业总收入"],
    &["net income", "net profit", "net earnings", "profit for the year", "净利润", "归属于上市公司股东的净利润"],
    &[
        "cash flow statement",
        "statement of cash flows",
        "consolidated statements of cash flows",
        "现金流量表",
        "现金流",
    ],
    &["balance sheet", "statement of financial position", "资产负债表", "资产负债"],
    &["income statement", "statement of income", "statement of operations", "profit and loss", "利润表", "损益表"],
    &[
        "operating cash flow",
        "net cash provided by operating activities",
        "cash from operations",
        "经营活动产生的现金流量净额",
        "经营现金流",
    ],
    &["free cash flow", "自由现金流"],
    &["gross margin", "gross profit", "毛利率", "毛利"],
    &["operating income", "operating profit", "income from operations", "营业利润"],
    &["eps", "earnings per share", "每股收益"],
    &["r&d", "research and development", "研发费用", "研发投入", "研究开发"],
    &["cogs", "cost of sales", "cost of goods sold", "cost of revenue", "营业成本"],
    &["pp&e", "property, plant and equipment", "fixed assets", "固定资产"],
    &["total debt", "long-term debt", "borrowings", "借款", "负债合计"],
    &["accounts receivable", "trade receivables", "应收账款"],
    &["accounts payable", "trade payables", "应付账款"],
    &["inventory", "inventories", "存货"],
    &["dividends", "dividends paid", "现金分红", "股利", "利润分配"],
    &["quarterly", "by quarter", "per quarter", "分季度", "季度", "第一季度"],
    &["depreciation and amortization", "d&a", "折旧", "折旧摊销"],
    &["shareholders' equity", "stockholders' equity", "total equity", "net assets", "净资产", "所有者权益"],
];

/// Weight of the words of another name.
const SYNONYM_WEIGHT: f32 = 0.45;

impl Query {
    /// Reads a question; one without any word gives no terms and finds nothing.
    pub fn new(question: &str) -> Self {
        let kept = without_fillers(question);
        let own: Vec<String> = tokens(&kept).into_iter().filter(|token| !is_stop(token)).collect();
        let own = if own.is_empty() { tokens(question) } else { own };
        let mut terms: Vec<(String, f32)> = Vec::new();
        for token in &own {
            add(&mut terms, token, 1.0);
        }
        let pairs = own.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let lower = question.to_lowercase();
        let mut concepts = Vec::new();
        for names in GLOSSARY {
            if names.iter().any(|name| mentions(&lower, &own, name)) {
                let names: Vec<Vec<String>> = names
                    .iter()
                    .map(|name| tokens(name).into_iter().filter(|token| !is_stop(token)).collect())
                    .collect();
                for token in names.iter().flatten() {
                    add_weaker(&mut terms, token);
                }
                concepts.push(names);
            }
        }
        let wants_figures = !concepts.is_empty() || wants_figures(&lower);
        Self { terms, pairs, concepts, wants_figures }
    }
}

fn mentions(question: &str, own: &[String], name: &str) -> bool {
    if name.chars().any(text::is_cjk) {
        return question.contains(name);
    }
    let name: Vec<String> = tokens(name).into_iter().filter(|token| !is_stop(token)).collect();
    !name.is_empty() && own.windows(name.len()).any(|window| window == name)
}

fn add(terms: &mut Vec<(String, f32)>, token: &str, weight: f32) {
    match terms.iter_mut().find(|(known, _)| known == token) {
        // A word that is said twice matters a little more.
        Some((_, known)) => *known = (*known + 0.3 * weight).min(1.6),
        None => terms.push((token.to_owned(), weight)),
    }
}

fn add_weaker(terms: &mut Vec<(String, f32)>, token: &str) {
    if !terms.iter().any(|(known, _)| known == token) {
        terms.push((token.to_owned(), SYNONYM_WEIGHT));
    }
}

/// True for words that say nothing about the answer.
pub(crate) fn is_stop(token: &str) -> bool {
    STOP_WORDS.contains(&token) || matches!(token, "pleas" | "ani" | "doe" | "mani" | "thi" | "these")
}

/// The question with filler words as gaps, so that no pair of characters reaches over one.
fn without_fillers(question: &str) -> String {
    let mut kept = question.to_owned();
    if kept.chars().any(text::is_cjk) {
        for filler in CHINESE_FILLERS {
            // Also inside of a word: "和平" loses its first character and is found by the other.
            kept = kept.replace(filler, " ");
        }
        if kept.trim().is_empty() {
            return question.to_owned();
        }
    }
    kept
}

fn wants_figures(question: &str) -> bool {
    const SIGNS: [&str; 44] = [
        "how much",
        "how many",
        "what is the",
        "what was",
        "amount",
        "total",
        "million",
        "billion",
        "ratio",
        "margin",
        "rate",
        "percent",
        "growth",
        "change",
        "revenue",
        "sales",
        "income",
        "profit",
        "cash",
        "debt",
        "asset",
        "expenditure",
        "capex",
        "expense",
        "cost",
        "eps",
        "fy20",
        "多少",
        "金额",
        "合计",
        "收入",
        "利润",
        "成本",
        "费用",
        "资产",
        "负债",
        "现金",
        "增长",
        "同比",
        "比率",
        "毛利",
        "季度",
        "率",
        "元",
    ];
    SIGNS.iter().any(|sign| question.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(query: &Query, token: &str) -> bool {
        query.terms.iter().any(|(known, _)| known == token)
    }

    #[test]
    fn capital_expenditure_also_asks_for_purchases_of_property() {
        let query = Query::new("What is the FY2018 capital expenditure amount for 3M?");

        assert!(has(&query, "purchas") && has(&query, "properti") && has(&query, "3m"), "{query:?}");
        assert!(query.wants_figures);
        assert!(!has(&query, "what"));
    }

    #[test]
    fn fillers_of_a_chinese_question_are_left_out() {
        let query = Query::new("请问公司2019年的营业收入是多少？");

        assert!(has(&query, "营业") && has(&query, "收入") && has(&query, "2019"), "{query:?}");
        assert!(!has(&query, "多少") && !has(&query, "入是"), "{query:?}");
    }

    #[test]
    fn a_question_of_fillers_alone_still_searches_something() {
        assert!(!Query::new("what is it").terms.is_empty());
        assert!(Query::new("？！").terms.is_empty());
    }
}
