//! What the analyst says when there is nothing to look up, or when looking up gave nothing.

use super::answer::notice;
use super::history::{CodeOutcome, History};
use super::question::{Language, Question};
use super::words::say;

/// A greeting back.
pub(crate) fn greeting(language: Language) -> String {
    match language {
        Language::Chinese => {
            format!("你好！我是内置的离线分析器（按规则工作，不是大语言模型）。\n\n{}", abilities(language))
        }
        Language::English => {
            format!("Hello! I am the built-in offline analyst: rules, not a language model.\n\n{}", abilities(language))
        }
    }
}

/// An answer to thanks.
pub(crate) fn thanks(language: Language) -> String {
    say(
        language,
        "不客气。还想看哪个指标，直接问就可以。",
        "You are welcome. Ask for any other figure you would like to see.",
    )
    .to_owned()
}

/// What it can do.
pub(crate) fn abilities(language: Language) -> String {
    say(
        language,
        "我可以：\n\n- 分析已上传的财报：“帮我分析财报”\n- 查具体指标：“2019 年营业收入和净利润是多少？”、“资本开支变化如何？”\n- 按季度、按产品或地区拆分：“各季度营业收入”、“分产品收入构成”\n- 找原文：“公司的主要风险有哪些？”\n- 运行您给出的 Python 或 SQL 代码块\n\n每个数字都标注出处。要获得自由对话和推理能力，请在设置中接入一个大语言模型。",
        "I can:\n\n- go through an uploaded report: “Analyse the annual report”\n- look up figures: “What was capital expenditure in FY2018?”, “How did net sales develop?”\n- split them: “Net sales by quarter”, “Sales by segment”\n- find passages: “What are the main risks?”\n- run a block of Python or SQL that you give me\n\nEvery number is cited. For free conversation and reasoning, connect a language model in the settings.",
    )
    .to_owned()
}

/// There is no tool to search with.
pub(crate) fn no_search(language: Language) -> String {
    format!(
        "{}\n\n{}",
        notice(language),
        say(
            language,
            "这里没有可用的知识库检索工具，所以我无法读取文档。请使用带有 knowledge_search 工具的智能体提问，或接入一个大语言模型。",
            "No tool for searching documents is on offer here, so I cannot read any. Ask an agent that has the knowledge_search tool, or connect a language model.",
        )
    )
}

/// The search gave no passages.
pub(crate) fn no_passages(question: &Question, history: &History) -> String {
    let language = question.language;
    let text = if history.search_failed {
        say(
            language,
            "检索没有成功，因此没有可以引用的内容。请稍后重试；如果一直如此，请让管理员查看知识引擎的状态。",
            "The search did not succeed, so there is nothing to cite. Try again later; if it stays this way, have an administrator look at the knowledge engine.",
        )
    } else {
        say(
            language,
            "检索没有找到任何内容：要么还没有文档，要么文档里没有这些词。如果还没有上传，请先上传一份文档（例如年度报告 PDF），等它的状态变为“就绪”，再提问；我只能回答文档里写着的内容。",
            "The search found nothing at all: either there are no documents yet, or none of them has these words. Upload one (an annual report as PDF, for example), wait until it is ready, and ask again; I can only tell what documents say.",
        )
    };
    format!("{}\n\n{text}", notice(language))
}

/// There are passages, and none of them answers.
pub(crate) fn nothing_fits(question: &Question, history: &History) -> String {
    let language = question.language;
    let mut files: Vec<&str> = Vec::new();
    for passage in &history.passages {
        if !files.contains(&passage.file.as_str()) {
            files.push(&passage.file);
        }
    }
    files.truncate(5);
    let names = if question.metrics.is_empty() {
        String::new()
    } else {
        question
            .metrics
            .iter()
            .map(|metric| say(language, metric.chinese, metric.english))
            .collect::<Vec<_>>()
            .join(say(language, "、", ", "))
    };
    let text = match (language, names.is_empty()) {
        (Language::Chinese, true) => {
            format!("我检索了 {}，但没有找到能回答这个问题的内容。我只能查财务数字和原文语句。", files.join("、"))
        }
        (Language::Chinese, false) => {
            format!("我检索了 {}，但没有找到：{names}。请确认该文档包含相应的报表，或换一种说法。", files.join("、"))
        }
        (Language::English, true) => {
            format!(
                "I searched {} and found nothing that answers this. I can only look up financial figures and sentences of the documents.",
                files.join(", ")
            )
        }
        (Language::English, false) => {
            format!(
                "I searched {} and did not find: {names}. Check that the document holds the statement, or put it in other words.",
                files.join(", ")
            )
        }
    };
    format!("{}\n\n{text}", notice(language))
}

/// The person's own code was run.
pub(crate) fn code_ran(language: Language, outcome: &CodeOutcome) -> String {
    let mut blocks = vec![if outcome.is_ok {
        say(language, "代码已在沙箱中运行：", "The code ran in the sandbox:").to_owned()
    } else {
        say(language, "代码在沙箱中运行出错：", "The code failed in the sandbox:").to_owned()
    }];
    let fenced = |text: &str| format!("```text\n{}\n```", text.trim_end().replace("```", "'''"));
    if !outcome.stdout.trim().is_empty() {
        blocks.push(fenced(&outcome.stdout.chars().take(4000).collect::<String>()));
    }
    if !outcome.is_ok && !outcome.error.trim().is_empty() {
        blocks.push(fenced(&outcome.error.chars().take(2000).collect::<String>()));
    }
    let files: Vec<String> = outcome.images.iter().chain(&outcome.files).map(|name| format!("`{name}`")).collect();
    if !files.is_empty() {
        blocks.push(format!("{}{}", say(language, "生成的文件：", "Files: "), files.join(", ")));
    } else if outcome.is_ok && outcome.stdout.trim().is_empty() {
        blocks.push(say(language, "没有输出。", "It printed nothing.").to_owned());
    }
    blocks.join("\n\n")
}

/// There is no tool to run code with.
pub(crate) fn no_sandbox(language: Language) -> String {
    say(
        language,
        "这里没有运行代码的工具，请使用带有 run_python 或 run_sql 的智能体。",
        "No tool for running code is on offer here; ask an agent that has run_python or run_sql.",
    )
    .to_owned()
}
