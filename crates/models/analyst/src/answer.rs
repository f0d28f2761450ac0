//! The answer as Markdown, in the language of the question.
//!
//! Every number in it stands in the passage cited beside it or is computed from such numbers; what was not found is
//! said. The first line says that no language model was at work.

use std::fmt::Write as _;

use super::display::{self, name, signed, value};
use super::figures::{Figure, Point};
use super::history::History;
use super::metrics::Nature;
use super::period::{Part, Period};
use super::question::{Language, Question, Wish};
use super::ratios;
use super::study::Findings;
use super::words::{focus, say, when};

/// What stands at the head of every answer about documents.
pub(crate) fn notice(language: Language) -> &'static str {
    say(
        language,
        "> 本回答由内置的**离线分析器**按规则读取文档生成，它不是大语言模型。",
        "> Answered by the built-in **offline analyst**: rules that read the documents, not a language model.",
    )
}

/// Writes the answer.
pub(crate) fn write(question: &Question, findings: &Findings, history: &History) -> String {
    let language = question.language;
    let mut blocks = vec![notice(language).to_owned()];
    if !findings.figures.is_empty() || findings.segments.is_some() {
        blocks.push(match language {
            Language::Chinese => format!("**{}** 的主要结果：", findings.file),
            Language::English => format!("From **{}**:", findings.file),
        });
    }
    let headlines: Vec<String> = findings
        .figures
        .iter()
        .filter(|figure| is_headline(question, figure))
        .map(|figure| headline(question, figure))
        .collect();
    if !headlines.is_empty() {
        blocks.push(headlines.join("\n"));
    }
    let ratios = ratios::write(question, findings);
    if !ratios.is_empty() {
        blocks.push(format!(
            "{}\n\n{}",
            say(language, "**由上述数字计算**", "**Worked out from these numbers**"),
            ratios.join("\n")
        ));
    }
    blocks.extend(segments(language, findings));
    blocks.extend(table(language, findings));
    blocks.extend(chart(language, history));
    blocks.extend(quotes(question, findings));
    let notes = notes(question, findings);
    if !notes.is_empty() {
        blocks.push(notes.join("\n"));
    }
    blocks.join("\n\n")
}

/// In an overview the smaller figures stand only in the table.
fn is_headline(question: &Question, figure: &Figure) -> bool {
    let small = ["cost_of_sales", "gross_profit", "total_liabilities", "equity", "eps_basic"];
    question.wish != Wish::Overview
        || figure.points.is_empty()
        || figure.metric.is_none_or(|metric| !small.contains(&metric.id))
}

fn headline(question: &Question, figure: &Figure) -> String {
    let language = question.language;
    let name = name(figure, language);
    let cite = format!("[{}]", figure.passage);
    if question.wants_quarters && figure.points.iter().any(|point| matches!(point.period.part, Part::Quarter(_))) {
        return quarters(language, figure, &name, &cite);
    }
    let Some(point) = focus(question, figure).and_then(|period| figure.at(period)) else {
        return undated(language, figure, &name, &cite);
    };
    let row = if is_same_name(&name, &figure.label) {
        String::new()
    } else {
        say(language, "（原文：LABEL）", " (“LABEL”)").replace("LABEL", &one_line(&figure.label))
    };
    let shown = value(figure, point, language);
    let exact = exact_beside(figure, point, &shown, language);
    let mut text = match language {
        Language::Chinese => format!("- **{name}**{row}：{} **{shown}**{exact}", when(point.period, language)),
        Language::English => format!("- **{name}**{row}, {}: **{shown}**{exact}", when(point.period, language)),
    };
    text.push_str(&against_year_before(language, figure, point));
    let _ = write!(text, " {cite}");
    text.push_str(&course(language, figure, point));
    text
}

fn is_same_name(name: &str, label: &str) -> bool {
    let (name, label) = (super::label::normal(name), super::label::normal(label));
    name == label
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
}

/// The number as the document writes it, where the shown one is rounded.
fn exact_beside(figure: &Figure, point: &Point, shown: &str, language: Language) -> String {
    let exact = display::exact(point);
    if shown.contains(&exact) {
        return String::new();
    }
    let unit = if language == Language::Chinese { figure.unit.chinese() } else { figure.unit.english() };
    match language {
        Language::Chinese => format!("（{exact} {unit}）"),
        Language::English => format!(" ({unit} {exact})"),
    }
}

fn against_year_before(language: Language, figure: &Figure, point: &Point) -> String {
    let Some(before) = figure.year_before(point.period) else { return String::new() };
    let then = when(before.period, language);
    let shown = value(figure, before, language);
    if figure.nature() == Nature::Percent {
        let points = point.value - before.value;
        return match language {
            Language::Chinese => format!(
                "，{then}为 {shown}（{}{} 个百分点）",
                if points < 0.0 { "-" } else { "+" },
                display::grouped(points.abs(), 2)
            ),
            Language::English => {
                format!(", {} percentage points against {then} ({shown})", signed(points, language).replace('%', ""))
            }
        };
    }
    match (display::change(point.value, before.value).filter(|_| point.value >= 0.0), language) {
        (Some(change), Language::Chinese) => {
            let word = if change < 0.0 { "下降" } else { "增长" };
            format!("，较 {then}的 {shown}{word} {}%", display::grouped(change.abs(), 2))
        }
        (Some(change), Language::English) => {
            let word = if change < 0.0 { "down" } else { "up" };
            format!(", {word} {}% from {shown} in {then}", display::grouped(change.abs(), 1))
        }
        // From or to a loss, a percentage says nothing.
        (None, Language::Chinese) => format!("，{then}为 {shown}"),
        (None, Language::English) => format!(", against {shown} in {then}"),
    }
}

/// The years before, and the whole way, where there are at least three.
fn course(language: Language, figure: &Figure, point: &Point) -> String {
    let line: Vec<&Point> = figure.points.iter().filter(|other| other.period.part == point.period.part).collect();
    let earlier: Vec<String> = line
        .iter()
        .filter(|other| other.period.year < point.period.year - 1)
        .map(|other| format!("{} {}", when(other.period, language), value(figure, other, language)))
        .collect();
    let (Some(first), false) = (line.last(), earlier.is_empty()) else { return String::new() };
    let mut text = match language {
        Language::Chinese => format!("；此前：{}", earlier.join("，")),
        Language::English => format!(". Before that: {}.", earlier.join(", ")),
    };
    if figure.nature() == Nature::Amount
        && let Some(total) = display::change(point.value, first.value).filter(|_| point.value > 0.0)
    {
        let (from, to) = (when(first.period, language), when(point.period, language));
        let total = signed(total, language);
        let _ = match language {
            Language::Chinese => write!(text, "，{from}至 {to}累计变动 {total}"),
            Language::English => write!(text, " From {from} to {to}: {total} in all."),
        };
    }
    text
}

fn undated(language: Language, figure: &Figure, name: &str, cite: &str) -> String {
    if let (Nature::Count, Some(number)) = (figure.nature(), figure.undated.first()) {
        return format!("- **{name}**{} **{}** {cite}", say(language, "：", ":"), number.digits);
    }
    let unit = if language == Language::Chinese { figure.unit.chinese() } else { figure.unit.english() };
    let numbers: Vec<String> = figure
        .undated
        .iter()
        .map(|number| format!("{}{}", if number.value < 0.0 { "-" } else { "" }, number.digits))
        .collect();
    match language {
        Language::Chinese => {
            format!("- **{name}**：该段落依次列出 {} {unit}，但没有写明各列对应的年份 {cite}", numbers.join("、"))
        }
        Language::English => format!(
            "- **{name}**: the passage lists {} {unit}, without saying which periods these are {cite}",
            numbers.join(", ")
        ),
    }
}

fn quarters(language: Language, figure: &Figure, name: &str, cite: &str) -> String {
    let mut points: Vec<&Point> =
        figure.points.iter().filter(|point| matches!(point.period.part, Part::Quarter(_))).collect();
    points.reverse();
    let shown = |point: &&Point| {
        let before = figure.year_before(point.period).and_then(|before| display::change(point.value, before.value));
        let change = before.map(|change| {
            format!("{}{}{}", say(language, "（同比 ", " ("), signed(change, language), say(language, "）", ")"))
        });
        format!("{} **{}**{}", when(point.period, language), value(figure, point, language), change.unwrap_or_default())
    };
    let values: Vec<String> = points.iter().map(shown).collect();
    format!("- **{name}**{}{} {cite}", say(language, "：", ": "), values.join(say(language, "，", ", ")))
}

/// All figures with their periods; left out when the sentences above say everything.
fn table(language: Language, findings: &Findings) -> Option<String> {
    let rows: Vec<&Figure> = findings.figures.iter().filter(|figure| !figure.points.is_empty()).collect();
    let mut periods: Vec<Period> = rows.iter().flat_map(|figure| &figure.points).map(|point| point.period).collect();
    periods.sort_unstable_by_key(|period| std::cmp::Reverse(*period));
    periods.dedup();
    periods.truncate(5);
    if rows.is_empty() || rows.len() == 1 && periods.len() < 3 {
        return None;
    }
    let mut text = format!("| {} |", say(language, "指标", "Figure"));
    for period in &periods {
        let _ = write!(text, " {period} |");
    }
    let _ = write!(text, " {} | {} |\n|---|", say(language, "同比", "Change"), say(language, "来源", "Source"));
    text.push_str(&"---:|".repeat(periods.len()));
    text.push_str("---:|---|");
    for figure in rows {
        let (divisor, unit) = column_unit(figure, language);
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!("{}{unit}{}", say(language, "（", " ("), say(language, "）", ")"))
        };
        let _ = write!(text, "\n| {}{unit} |", name(figure, language).replace('|', "/"));
        for period in &periods {
            let cell = figure.at(*period).map_or_else(String::new, |point| {
                if (divisor - 1.0).abs() < f64::EPSILON {
                    display::exact(point)
                } else {
                    display::grouped(point.value / divisor, 2)
                }
            });
            let _ = write!(text, " {cell} |");
        }
        let _ = write!(text, " {} | [{}] |", newest_change(figure, language), figure.passage);
    }
    Some(text)
}

fn column_unit(figure: &Figure, language: Language) -> (f64, String) {
    match figure.nature() {
        Nature::Amount | Nature::Outflow => {
            let largest = figure.points.iter().map(|point| point.value.abs()).fold(0.0, f64::max);
            display::scaled(figure.unit, largest, language)
        }
        Nature::PerShare => (1.0, display::per_share(figure.unit, language)),
        Nature::Percent => (1.0, "%".to_owned()),
        Nature::Count => (1.0, String::new()),
    }
}

fn newest_change(figure: &Figure, language: Language) -> String {
    let Some(newest) = figure.points.first() else { return String::new() };
    let Some(before) = figure.year_before(newest.period) else { return String::new() };
    if figure.nature() == Nature::Percent {
        return format!(
            "{} {}",
            signed(newest.value - before.value, language).replace('%', ""),
            say(language, "个百分点", "pp")
        );
    }
    display::change(newest.value, before.value)
        .filter(|_| newest.value >= 0.0)
        .map_or_else(String::new, |change| signed(change, language))
}

fn segments(language: Language, findings: &Findings) -> Option<String> {
    let segments = findings.segments.as_ref()?;
    let total: f64 = segments.parts.iter().map(|(_, number)| number.value).sum();
    let year = segments.year.map(|year| format!(" {year}")).unwrap_or_default();
    let mut text = match language {
        Language::Chinese => format!(
            "**收入构成{year}**（{}）[{}]\n\n| 项目 | 收入 | 占所列合计 |\n|---|---:|---:|",
            one_line(&segments.title),
            segments.passage
        ),
        Language::English => {
            format!(
                "**Sales by part{year}** ({}) [{}]\n\n| Part | Sales | Share of those listed |\n|---|---:|---:|",
                one_line(&segments.title),
                segments.passage
            )
        }
    };
    for (name, number) in &segments.parts {
        let amount = display::amount(segments.unit, number.value, &number.digits, language);
        let _ = write!(
            text,
            "\n| {} | {amount} | {}% |",
            one_line(name),
            display::grouped(number.value / total * 100.0, 1)
        );
    }
    Some(text)
}

fn chart(language: Language, history: &History) -> Option<String> {
    let outcome = history.code.as_ref()?;
    match outcome.images.first() {
        Some(image) => Some(match language {
            Language::Chinese => format!("图表：`{image}` 由沙箱中运行的 Python 用上述数字绘制。"),
            Language::English => format!("Chart: `{image}`, drawn from these numbers by Python in the sandbox."),
        }),
        None if !outcome.is_ok => Some(
            say(
                language,
                "图表没有画成：沙箱中的代码没有成功运行。",
                "There is no chart: the code in the sandbox did not run to its end.",
            )
            .to_owned(),
        ),
        None => None,
    }
}

fn quotes(question: &Question, findings: &Findings) -> Option<String> {
    if findings.quotes.is_empty() {
        return None;
    }
    let head = match question.wish {
        _ if findings.figures.is_empty() => {
            say(question.language, "文档中与问题最相关的原文：", "What the document says, in its own words:")
        }
        Wish::Lookup => {
            say(question.language, "文档中与问题最相关的原文：", "What the document says, in its own words:")
        }
        _ => say(question.language, "**公司自己的说明**", "**The company's own explanation**"),
    };
    let lines: Vec<String> =
        findings.quotes.iter().map(|quote| format!("- “{}” [{}]", one_line(&quote.text), quote.passage)).collect();
    Some(format!("{head}\n\n{}", lines.join("\n")))
}

fn notes(question: &Question, findings: &Findings) -> Vec<String> {
    let language = question.language;
    let mut notes = Vec::new();
    let joined = |names: Vec<String>| names.join(say(language, "、", ", "));
    if !findings.missing.is_empty() {
        let names = joined(
            findings.missing.iter().map(|metric| say(language, metric.chinese, metric.english).to_owned()).collect(),
        );
        notes.push(match language {
            Language::Chinese => format!("没有找到：{names}（检索到的段落里没有这些数字）。"),
            Language::English => format!("Not found: {names} (no passage that was retrieved holds these numbers)."),
        });
    }
    let absent: Vec<String> = question
        .years
        .iter()
        .filter(|year| {
            !findings.figures.is_empty()
                && findings.figures.iter().all(|figure| figure.points.iter().all(|point| point.period.year != **year))
        })
        .map(ToString::to_string)
        .collect();
    if !absent.is_empty() && findings.figures.iter().any(|figure| !figure.points.is_empty()) {
        notes.push(match language {
            Language::Chinese => format!("没有找到 {} 年的数字，以上为段落中已有的年份。", absent.join("、")),
            Language::English => format!(
                "No numbers for {} were found; the ones above are for the periods that the passages do hold.",
                absent.join(", ")
            ),
        });
    }
    if question.wants_segments && findings.segments.is_none() {
        notes.push(
            say(
                language,
                "没有找到按产品、行业或地区划分的收入表。",
                "No table of sales by segment, product or region was found.",
            )
            .to_owned(),
        );
    }
    if findings
        .figures
        .iter()
        .any(|figure| matches!(figure.nature(), Nature::Amount | Nature::Outflow) && figure.unit.scale.is_none())
    {
        notes.push(
            say(
                language,
                "部分表格没有写明单位，数字按原文列出。",
                "Some tables do not state their unit; those numbers are given as printed.",
            )
            .to_owned(),
        );
    }
    if !findings.other_files.is_empty() {
        let names = joined(findings.other_files.iter().take(5).cloned().collect());
        notes.push(match language {
            Language::Chinese => {
                format!("检索还找到其他文档（{names}），没有用于本回答；如需分析，请在问题中写出名称。")
            }
            Language::English => format!(
                "Other documents were found too ({names}) and left out; name one in your question to have it read."
            ),
        });
    }
    notes
}
