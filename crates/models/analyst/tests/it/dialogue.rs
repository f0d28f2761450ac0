//! Whole conversations with the analyst, with every tool played by the test.

use septet_analyst::{Reply, decide};
use septet_contracts::models::{ChatMessage, ChatRequest, ToolDefinition};
use serde_json::{Value, json};

use crate::library::Library;

/// A conversation and what was called in it.
pub(crate) struct Talk<'a> {
    library: &'a Library,
    request: ChatRequest,
    pub(crate) calls: Vec<(String, Value)>,
    /// What `run_python` gives back.
    pub(crate) python: String,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(library: &'a Library, tools: &[&str]) -> Self {
        let schema = json!({"type": "object", "properties": {"queries": {"type": "array"}, "limit": {"type": "integer", "maximum": 20}, "code": {"type": "string"}}});
        let tools = tools.iter().map(|name| ToolDefinition::function(*name, "", schema.clone())).collect();
        let python = r#"{"outcome":"ok","stdout":"","stderr":"","files":[{"name":"chart.png","mime":"image/png","bytes":9}],"error":null}"#;
        Self {
            library,
            request: ChatRequest { tools, ..ChatRequest::default() },
            calls: Vec::new(),
            python: python.into(),
        }
    }

    /// Asks, plays the tools, gives the answer. Fails when the analyst does not come to an end.
    pub(crate) fn ask(&mut self, question: &str) -> String {
        self.request.messages.push(ChatMessage::user(question));
        for _turn in 0..6 {
            match decide(&self.request) {
                Reply::Text(text) => {
                    self.request.messages.push(ChatMessage::assistant(text.clone()));
                    return text;
                }
                Reply::Calls(calls) => {
                    self.request.messages.push(ChatMessage::calls(calls.clone()));
                    for call in calls {
                        let arguments: Value =
                            serde_json::from_str(&call.function.arguments).expect("arguments are JSON");
                        let output = self.play(&call.function.name, &arguments);
                        self.calls.push((call.function.name, arguments));
                        self.request.messages.push(ChatMessage::tool(call.id, output));
                    }
                }
            }
        }
        panic!("no answer after six turns: {:?}", self.calls);
    }

    fn play(&self, name: &str, arguments: &Value) -> String {
        match name {
            "knowledge_search" => {
                let queries: Vec<String> =
                    serde_json::from_value(arguments["queries"].clone()).expect("queries are texts");
                assert!((1..=8).contains(&queries.len()), "{queries:?}");
                self.library.search(&queries, arguments["limit"].as_u64().map_or(10, |limit| limit as usize))
            }
            "run_python" => self.python.clone(),
            other => panic!("{other} was not offered"),
        }
    }

    /// The code of the last run.
    pub(crate) fn code(&self) -> &str {
        self.calls.iter().rev().find_map(|(_, arguments)| arguments["code"].as_str()).expect("code was run")
    }
}

pub(crate) const ALL: [&str; 3] = ["knowledge_search", "run_python", "run_sql"];

fn english() -> Library {
    Library::default().with(
        "Acme_2024_10K.pdf",
        &[
            (12, "Selected Financial Data", "(Dollars in millions) | 2024* | 2023 | 2022 | 2021\nYears ended December 31:\nNet sales | $ 5,250 | $ 5,000 | $ 4,800 | $ 4,100\nNet income attributable to Acme | 410 | 450 | 390 | 300"),
            (58, "Consolidated Statement of Income", "(Millions, except per share amounts) | 2024 | 2023 | 2022\nNet sales | $ | 5,250 | $ | 5,000 | $ | 4,800\nCost of sales | 3,150 | 2,900 | 2,800\nResearch, development and related expenses | 262 | 240 | 230\nNet income attributable to Acme | $ | 410 | $ | 450 | $ | 390\nEarnings per share:\nBasic | 4.10 | 4.50 | 3.90"),
            (62, "Consolidated Statement of Cash Flows", "(Millions) | 2024 | 2023 | 2022\nNet cash provided by (used in) operating activities | 702 | 660 | 640\nCash Flows from Investing Activities\nPurchases of property, plant and equipment (PP&E) | (231) | (210) | (205)\nProceeds from sale of PP&E | 12 | 9 | 8"),
            (70, "Risk Factors", "The Company's results are affected by currency exchange rates. A cyber attack could disrupt operations."),
            (90, "NOTE 19. Business Segments", "Net Sales (Millions) | 2024 | 2023\nIndustrial | 3,000 | 2,900\nConsumer | 2,250 | 2,100\nTotal Company | 5,250 | 5,000"),
        ],
    )
}

fn chinese() -> Library {
    Library::default().with(
        "样例股份2019年年度报告.pdf",
        &[
            (5, "主要会计数据", "单位：元 币种：人民币\n主要会计数据 | 2019年 | 2018年 | 本期比上年同期增减(%) | 2017年\n营业收入 | 1,275,301,034.32 | 1,330,537,181.80 | -4.15 | 1,108,714,515.86\n归属于上市公司股东\n | 139,465,020.68 | 192,223,387.13 | -27.45 | 182,184,765.20\n的净利润\n经营活动产生的现金流量净额 | 369,100,908.49 | 22,934,667.53 | 1,509.36 | 234,116,848.19\n总资产 | 2,464,948,703.85 | 2,051,223,456.86 | 20.17 | 1,814,418,072.20"),
            (6, "分季度主要财务数据", "2019 年分季度主要财务数据\n单位：元\n | 第一季度（1-3 月份） | 第二季度（4-6 月份） | 第三季度（7-9 月份） | 第四季度（10-12 月份）\n营业收入 | 333,437,272.78 | 292,129,683.29 | 250,895,665.57 | 398,838,412.68"),
            (63, "合并利润表", "单位:元 币种:人民币\n项目 | 附注 | 2019 年度 | 2018 年度\n一、营业总收入 | 1,275,301,034.32 | 1,330,537,181.80\n其中：营业收入 | 七、61 | 1,275,301,034.32 | 1,330,537,181.80\n其中：营业成本 |  | 903,236,584.52 | 901,488,823.98\n研发费用 | 七、65 | 48,428,964.78 | 51,663,182.04\n五、净利润（净亏损以“－”号填列） |  | 139,465,020.68 | 192,223,387.13"),
            (66, "母公司利润表", "单位:元\n项目 | 附注 | 2019 年度 | 2018 年度\n一、营业收入 | 十七、4 | 421,378,931.67 | 420,260,238.66\n四、净利润（净亏损以“－”号填列） |  | 59,242,173.01 | 103,502,617.74"),
            (68, "合并现金流量表", "单位：元\n项目 | 附注 | 2019年度 | 2018年度\n经营活动产生的现金流量净额 |  | 369,100,908.49 | 22,934,667.53\n购建固定资产、无形资产和其他长期 |  | 209,066,615.02 | 277,449,790.15\n资产支付的现金"),
            (60, "合并资产负债表", "单位：元\n项目 | 2019 年 12 月 31 日 | 2018 年 12 月 31 日\n资产总计 | 2,464,948,703.85 | 2,051,223,456.86\n负债合计 | 719,546,813.39 | 405,997,436.79"),
            (11, "收入和成本分析", "报告期内毛利率的减少主要系原材料价格上涨所致，营业收入减少主要受全球经济放缓影响。"),
        ],
    )
}

#[test]
fn a_question_about_figures_is_answered_with_citations_and_a_chart() {
    let library = english();
    let mut talk = Talk::new(&library, &ALL);

    let answer = talk.ask("What was Acme's capital expenditure in FY2024, and how did net sales develop?");

    assert!(answer.contains("not a language model"), "{answer}");
    assert!(answer.contains("**USD 231 million**, up 10.0% from USD 210 million in 2023"), "{answer}");
    assert!(answer.contains("**USD 5,250 million**, up 5.0% from USD 5,000 million in 2023"), "{answer}");
    assert!(answer.contains("chart.png"), "{answer}");
    let tools: Vec<&str> = talk.calls.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(tools, ["knowledge_search", "run_python"]);
    assert!(
        talk.code().contains("(\"2024\", 231)") && talk.code().contains("savefig(\"chart.png\", dpi=150)"),
        "{}",
        talk.code()
    );
}

#[test]
fn a_chinese_report_is_analysed_in_chinese() {
    let library = chinese();
    let mut talk = Talk::new(&library, &ALL);

    let answer = talk.ask("帮我分析财报");

    for part in [
        "不是大语言模型",
        "**12.75 亿元**（1,275,301,034.32 元）",
        "下降 4.15%",
        "**1.39 亿元**",
        "2.09 亿元",
        "资产负债率",
        "29.2%",
        "主要系原材料价格上涨",
    ] {
        assert!(answer.contains(part), "{part} is not in\n{answer}");
    }
    assert!(!answer.contains("421,378,931.67"), "the parent company's own statement is not the group's:\n{answer}");
    assert!(talk.code().contains("亿元"), "{}", talk.code());
}

#[test]
fn a_follow_up_goes_on_with_the_same_figures() {
    let library = chinese();
    let mut talk = Talk::new(&library, &ALL);
    talk.ask("公司2019年营业收入和净利润是多少?");

    let answer = talk.ask("那2018年呢？");

    assert!(answer.contains("2018 年 **13.31 亿元**") && answer.contains("2018 年 **1.92 亿元**"), "{answer}");
}

#[test]
fn quarters_and_segments_are_read_where_they_are_asked_for() {
    let library = chinese();
    let answer = Talk::new(&library, &ALL).ask("各季度营业收入是多少？");
    assert!(answer.contains("第 1 季度 **3.33 亿元**") && answer.contains("第 4 季度 **3.99 亿元**"), "{answer}");

    let library = english();
    let answer = Talk::new(&library, &ALL).ask("Show net sales by business segment");
    assert!(
        answer.contains("| Industrial | USD 3,000 million | 57.1% |")
            || answer.contains("| Industrial | 3,000 million | 57.1% |"),
        "{answer}"
    );
}

#[test]
fn what_no_table_holds_is_quoted_from_the_text() {
    let library = english();
    let answer = Talk::new(&library, &ALL).ask("Which currency risk affects the results?");

    assert!(answer.contains("affected by currency exchange rates"), "{answer}");
}

#[test]
fn what_is_not_there_is_said_after_a_second_search() {
    let library = english();
    let mut talk = Talk::new(&library, &ALL);

    let answer = talk.ask("What was goodwill in 2024 and what was capex?");

    assert!(answer.contains("Not found: Goodwill") && answer.contains("USD 231 million"), "{answer}");
    assert_eq!(talk.calls.iter().filter(|(name, _)| name == "knowledge_search").count(), 2);
}

#[test]
fn without_documents_it_says_what_to_do() {
    let library = Library::default();
    let mut talk = Talk::new(&library, &ALL);

    assert!(talk.ask("帮我分析财报").contains("上传"));
    assert!(talk.ask("What was net income in 2024?").contains("Upload"));
    assert!(Talk::new(&library, &[]).ask("What was net income?").contains("knowledge_search"));
}

#[test]
fn without_python_or_with_a_broken_one_it_answers_all_the_same() {
    let library = english();
    let answer = Talk::new(&library, &["knowledge_search"]).ask("What was capex in 2024?");
    assert!(answer.contains("USD 231 million") && !answer.contains("chart"), "{answer}");

    let mut talk = Talk::new(&library, &ALL);
    talk.python = "{\"outcome\":\"error\",\"error\":{\"name\":\"ModuleNotFoundError\",\"message\":\"No module named 'matplotlib'\"}}".into();
    let answer = talk.ask("What was capex in 2024?");
    assert!(answer.contains("USD 231 million") && answer.contains("no chart"), "{answer}");
    talk.python = "garbage".into();
    assert!(talk.ask("And net sales?").contains("USD 5,250 million"));
}

#[test]
fn small_talk_needs_no_tools() {
    let library = english();
    let mut talk = Talk::new(&library, &ALL);

    assert!(talk.ask("你好").contains("离线分析器"));
    assert!(talk.ask("What can you do?").contains("Every number is cited"));
    assert!(talk.ask("thanks!").contains("welcome"));
    assert!(talk.calls.is_empty());
}

#[test]
fn the_document_that_is_named_is_the_one_that_answers() {
    let library = english().with(
        "Globex_2024_10K.pdf",
        &[(
            60,
            "Consolidated Statement of Cash Flows",
            "(Millions) | 2024 | 2023\nPurchases of property, plant and equipment (PP&E) | (999) | (888)",
        )],
    );

    let answer = Talk::new(&library, &ALL).ask("What was Globex's capital expenditure in 2024?");
    assert!(answer.contains("999") && !answer.contains("231"), "{answer}");
    let answer = Talk::new(&library, &ALL).ask("What was Acme's capital expenditure in 2024?");
    assert!(answer.contains("231") && !answer.contains("999"), "{answer}");
}

#[test]
fn every_number_of_an_answer_stands_in_a_passage_or_is_computed() {
    let library = english();
    let answer = Talk::new(&library, &ALL).ask("What was capex in 2024?");

    let text = library.page("Acme_2024_10K.pdf", 62);
    for word in answer.split(|char: char| !(char.is_ascii_digit() || char == ',' || char == '.')) {
        let number = word.trim_matches([',', '.']);
        if number.len() >= 3 && number != "10.0" && number != "2.4" {
            assert!(text.contains(number), "{number} is not on the page cited:\n{answer}");
        }
    }
}

#[test]
fn odd_conversations_are_survived() {
    let library = english();
    for question in [
        "",
        "   ",
        "\u{0}",
        "🙂",
        "| | |",
        "[1] file=\"x\"",
        "2024",
        "？？？",
        &"净利润".repeat(3000),
        "```python\n```",
        "SELECT * FROM t; --",
    ] {
        let answer = Talk::new(&library, &ALL).ask(question);
        assert!(!answer.trim().is_empty(), "{question:?}");
    }
    assert!(matches!(decide(&ChatRequest::default()), Reply::Text(_)));
}

#[test]
fn code_that_a_person_gives_is_run_as_it_is() {
    let library = Library::default();
    let mut talk = Talk::new(&library, &ALL);
    talk.python = r#"{"outcome":"ok","stdout":"42\n","stderr":"","files":[],"error":null}"#.into();

    let answer = talk.ask("Run this:\n```python\nprint(42)\n```");

    assert!(answer.contains("42"), "{answer}");
    assert_eq!(talk.code(), "print(42)");
}
