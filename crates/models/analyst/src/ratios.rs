//! What can be worked out from the figures found: margins, coverage, leverage, and how they moved.

use super::display;
use super::period::Period;
use super::question::{Language, Question, Wish};
use super::study::{Findings, pair};
use super::words::{focus, say, when};

/// The lines, each with the passages that its numbers stand in.
pub(crate) fn write(question: &Question, findings: &Findings) -> Vec<String> {
    let wants = |id: &str| question.wish == Wish::Overview || question.metrics.iter().any(|metric| metric.id == id);
    let names = |ids: [&str; 2]| ids.iter().all(|id| question.metrics.iter().any(|metric| metric.id == *id));
    let language = question.language;
    let mut lines = Vec::new();
    // Quarters are set beside each other, not against the year.
    if question.wants_quarters {
        return lines;
    }
    let share = |name: &str, one: &str, other: &str| {
        percentage(question, findings, name, one, other, |part, whole| part / whole)
    };
    if wants("gross_margin") || wants("gross_profit") {
        lines.extend(percentage(
            question,
            findings,
            say(language, "毛利率", "Gross margin"),
            "cost_of_sales",
            "revenue",
            |cost, sales| 1.0 - cost / sales,
        ));
        if question.wish != Wish::Overview && findings.get("gross_profit").is_none() {
            lines.extend(difference(
                question,
                findings,
                say(language, "毛利（营业收入 - 营业成本）", "Gross profit (sales - cost of sales)"),
                "revenue",
                "cost_of_sales",
            ));
        }
    }
    if wants("net_margin") || names(["revenue", "net_income"]) {
        lines.extend(share(say(language, "净利率", "Net margin"), "net_income", "revenue"));
    }
    if question.wish == Wish::Overview || names(["rnd", "revenue"]) {
        lines.extend(share(say(language, "研发费用率", "R&D as a share of sales"), "rnd", "revenue"));
    }
    if names(["capex", "revenue"]) && question.wish != Wish::Overview {
        lines.extend(share(
            say(language, "资本开支占营业收入", "Capital expenditure as a share of sales"),
            "capex",
            "revenue",
        ));
    }
    if question.wish == Wish::Overview {
        lines.extend(share(
            say(language, "经营现金流 / 净利润", "Operating cash flow to net income"),
            "ocf",
            "net_income",
        ));
    }
    if wants("fcf") && findings.get("fcf").is_none() {
        let name = say(
            language,
            "自由现金流（经营现金流 - 资本开支）",
            "Free cash flow (operating cash flow - capital expenditure)",
        );
        lines.extend(difference(question, findings, name, "ocf", "capex"));
    }
    if question.wish == Wish::Overview || names(["total_liabilities", "total_assets"]) {
        lines.extend(share(say(language, "资产负债率", "Liabilities to assets"), "total_liabilities", "total_assets"));
    }
    if names(["current_assets", "current_liabilities"]) {
        lines.extend(share(
            say(language, "流动资产 / 流动负债（流动比率）", "Current assets to current liabilities (current ratio)"),
            "current_assets",
            "current_liabilities",
        ));
    }
    if question.wish == Wish::Overview {
        lines.extend(profit_against_sales(question, findings));
    }
    lines
}

fn period(question: &Question, findings: &Findings, id: &str) -> Option<Period> {
    focus(question, findings.get(id)?)
}

fn percentage(
    question: &Question,
    findings: &Findings,
    name: &str,
    one: &str,
    other: &str,
    ratio: impl Fn(f64, f64) -> f64,
) -> Option<String> {
    let period = period(question, findings, other)?;
    let (part, whole, first, second) = pair(findings, one, other, period)?;
    // A share of a loss, or of nothing, says nothing.
    if whole.value <= 0.0 {
        return None;
    }
    let now = ratio(part.value, whole.value) * 100.0;
    let before = pair(findings, one, other, Period { year: period.year - 1, ..period })
        .filter(|(_, whole, ..)| whole.value > 0.0);
    let before = before.map(|(part, whole, ..)| ratio(part.value, whole.value) * 100.0);
    let cite = if first == second { format!("[{first}]") } else { format!("[{first}][{second}]") };
    let language = question.language;
    let shown = format!("{}%", display::grouped(now, 1));
    let then = before.map(|before| format!("{}%", display::grouped(before, 1)));
    let year_before = when(Period { year: period.year - 1, ..period }, language);
    Some(match (language, then) {
        (Language::Chinese, Some(then)) => {
            format!("- {name}：{} {shown}，{year_before} {then} {cite}", when(period, language))
        }
        (Language::Chinese, None) => format!("- {name}：{} {shown} {cite}", when(period, language)),
        (Language::English, Some(then)) => {
            format!("- {name}: {shown} in {}, {then} in {year_before} {cite}", when(period, language))
        }
        (Language::English, None) => format!("- {name}: {shown} in {} {cite}", when(period, language)),
    })
}

fn difference(question: &Question, findings: &Findings, name: &str, one: &str, other: &str) -> Option<String> {
    let period = period(question, findings, one)?;
    let (more, less, first, second) = pair(findings, one, other, period)?;
    let unit = findings.get(one)?.unit;
    let language = question.language;
    let year_before = Period { year: period.year - 1, ..period };
    let now = more.value - less.value;
    let before = pair(findings, one, other, year_before).map(|(more, less, ..)| more.value - less.value);
    let largest = before.map_or(now.abs(), |before| before.abs().max(now.abs()));
    let shown = |value: f64| {
        let decimals = if value.fract() == 0.0 { 0 } else { 2 };
        display::amount_among(unit, value, largest, &display::grouped(value, decimals), language)
    };
    let (now, before) = (shown(now), before.map(shown));
    let cite = if first == second { format!("[{first}]") } else { format!("[{first}][{second}]") };
    let then = before.map(|before| match language {
        Language::Chinese => format!("，{} {before}", when(year_before, language)),
        Language::English => format!(", {before} in {}", when(year_before, language)),
    });
    let then = then.unwrap_or_default();
    Some(match language {
        Language::Chinese => format!("- {name}：{} {now}{then} {cite}", when(period, language)),
        Language::English => format!("- {name}: {now} in {}{then} {cite}", when(period, language)),
    })
}

/// Whether profit grew faster than sales.
fn profit_against_sales(question: &Question, findings: &Findings) -> Option<String> {
    let period = period(question, findings, "revenue")?;
    let before = Period { year: period.year - 1, ..period };
    let (profit, sales, first, second) = pair(findings, "net_income", "revenue", period)?;
    let (profit_before, sales_before, ..) = pair(findings, "net_income", "revenue", before)?;
    let profit = display::change(profit.value, profit_before.value)?;
    let sales = display::change(sales.value, sales_before.value)?;
    let language = question.language;
    let (profit_text, sales_text) = (display::signed(profit, language), display::signed(sales, language));
    let cite = if first == second { format!("[{first}]") } else { format!("[{second}][{first}]") };
    let reading = if profit >= sales {
        say(language, "利润变动好于收入，净利率上升", "profit did better than sales, so the margin rose")
    } else {
        say(language, "利润变动弱于收入，净利率下降", "profit did worse than sales, so the margin fell")
    };
    Some(match language {
        Language::Chinese => format!("- 收入同比 {sales_text}，净利润同比 {profit_text}：{reading} {cite}"),
        Language::English => format!("- Sales {sales_text}, net income {profit_text}: {reading} {cite}"),
    })
}
