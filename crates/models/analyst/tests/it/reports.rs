//! The analyst on real annual reports, where they are at hand.

use crate::dialogue::{ALL, Talk};
use crate::library::Library;

fn with_report(file: &str, ask: impl FnOnce(&mut Talk<'_>)) {
    if let Some(library) = Library::default().with_report(file) {
        ask(&mut Talk::new(&library, &ALL));
    }
}

fn has(answer: &str, parts: &[&str]) {
    for part in parts {
        assert!(answer.contains(part), "{part:?} is not in\n{answer}");
    }
}

#[test]
fn capital_expenditure_and_sales_of_3m_are_found() {
    with_report("3M_2018_10K.pdf", |talk| {
        let answer = talk.ask("What was 3M's capital expenditure in FY2018, and how did net sales develop?");
        eprintln!("{answer}\n\n{}", talk.code());
        has(
            &answer,
            &[
                "**USD 1,577 million**",
                "USD 1,373 million",
                "**USD 32,765 million**",
                "USD 31,657 million",
                "USD 30,109 million",
                "up 3.5%",
            ],
        );

        let answer = talk.ask("And net income?");
        eprintln!("{answer}");
        has(&answer, &["**USD 5,349 million**"]);
    });
}

#[test]
fn a_chinese_annual_report_is_analysed() {
    with_report("CN_603339_2019_annual_report.pdf", |talk| {
        let answer = talk.ask("公司2019年营业收入和净利润是多少?");
        eprintln!("{answer}");
        has(
            &answer,
            &[
                "**11.75 亿元**（1,175,301,034.32 元）",
                "下降 4.49%",
                "**1.29 亿元**（129,465,020.68 元）",
                "下降 28.95%",
            ],
        );

        let answer = talk.ask("帮我分析财报");
        eprintln!("{answer}\n\n{}", talk.code());
        has(&answer, &["11.75 亿元", "2.09 亿元", "24.65 亿元", "资产负债率", "29.2%", "23.1%"]);
    });
}

#[test]
fn the_sample_report_is_analysed() {
    with_report("annual-report-2025.pdf", |talk| {
        let answer = talk.ask("帮我分析财报");
        eprintln!("{answer}\n\n{}", talk.code());
        has(&answer, &["512.39 亿元", "86.08 亿元", "30.92 亿元"]);
    });
}
