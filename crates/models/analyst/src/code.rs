//! The Python that the analyst asks to have run: the figures with their sources, a table of changes, a chart.
//!
//! It is shown to the person, so it reads like something that a careful analyst would write by hand. Fonts are the
//! sandbox's business: its settings know one that has Chinese characters.

use std::fmt::Write as _;

use super::display;
use super::figures::Figure;
use super::metrics::Nature;
use super::passages::NumberedPassage;
use super::question::{Language, Question};
use super::study::Findings;

/// The file that the chart is written to.
pub(crate) const CHART: &str = "chart.png";

/// How many panels fit one chart.
const MAX_PANELS: usize = 6;

/// The figures that a chart can show: at least two values in time.
pub(crate) fn drawable(findings: &Findings) -> Vec<&Figure> {
    let order = ["revenue", "net_income", "ocf", "capex", "total_assets", "rnd", "gross_profit", "operating_income"];
    let rank = |figure: &Figure| {
        order.iter().position(|id| figure.metric.is_some_and(|metric| metric.id == *id)).unwrap_or(order.len())
    };
    let mut figures: Vec<&Figure> = findings.figures.iter().filter(|figure| figure.points.len() >= 2).collect();
    if figures.len() > MAX_PANELS {
        figures.sort_by_key(|figure| rank(figure));
        figures.truncate(MAX_PANELS);
    }
    figures
}

/// Whether there is anything to draw.
pub(crate) fn is_worth_running(findings: &Findings) -> bool {
    !drawable(findings).is_empty() || findings.segments.is_some()
}

/// Writes the program.
pub(crate) fn write(question: &Question, findings: &Findings, passages: &[NumberedPassage]) -> String {
    let is_chinese = question.language == Language::Chinese;
    let source = if is_chinese {
        format!("以下数字取自 {}，由离线分析器按规则读出。", findings.file)
    } else {
        format!("Figures that the offline analyst read from {}.", findings.file)
    };
    let mut code = format!("# {}\nimport matplotlib.pyplot as plt\n\n", one_line(&source));
    code.push_str(if is_chinese {
        "# 每一项：名称、单位、除数（把原文数字换算成该单位）、按时间先后的数值\nseries = [\n"
    } else {
        "# Each entry: name, unit, divisor (from the number in the document to that unit), values from oldest to newest\nseries = [\n"
    });
    for figure in drawable(findings) {
        entry(&mut code, figure, question.language, passages);
    }
    code.push_str("]\n");
    if let Some(segments) = &findings.segments {
        let (divisor, unit) = display::scaled(
            segments.unit,
            segments.parts.iter().map(|(_, number)| number.value.abs()).fold(0.0, f64::max),
            question.language,
        );
        let _ = writeln!(
            code,
            "\n# {}\nparts_unit, parts = {}, [",
            cite(segments.passage, passages, &segments.title),
            quoted(&unit)
        );
        for (name, number) in &segments.parts {
            let _ = writeln!(code, "    ({}, {} / {}),", quoted(name), plain(number.value), plain(divisor));
        }
        code.push_str("]\n");
    }
    code.push_str(if is_chinese { TABLE_CHINESE } else { TABLE_ENGLISH });
    let title = if is_chinese {
        format!("{} 主要财务数据", stem(&findings.file))
    } else {
        format!("{}: key figures", stem(&findings.file))
    };
    code.push_str(&chart(&quoted(&title), findings.segments.is_some()));
    code
}

fn entry(code: &mut String, figure: &Figure, language: Language, passages: &[NumberedPassage]) {
    let largest = figure.points.iter().map(|point| point.value.abs()).fold(0.0, f64::max);
    let (divisor, unit) = match figure.nature() {
        Nature::Amount | Nature::Outflow => display::scaled(figure.unit, largest, language),
        Nature::PerShare => (1.0, display::per_share(figure.unit, language)),
        Nature::Percent => (1.0, "%".to_owned()),
        Nature::Count => (1.0, String::new()),
    };
    let _ = writeln!(code, "    # {}", cite(figure.passage, passages, &figure.label));
    let _ =
        writeln!(code, "    ({}, {}, {}, [", quoted(&display::name(figure, language)), quoted(&unit), plain(divisor));
    for point in figure.points.iter().rev() {
        let _ = writeln!(code, "        ({}, {}),", quoted(&point.period.to_string()), plain(point.value));
    }
    code.push_str("    ]),\n");
}

fn cite(number: u32, passages: &[NumberedPassage], label: &str) -> String {
    let page = passages.iter().find(|passage| passage.number == number).and_then(|passage| passage.page);
    let page = page.map(|page| format!(" p. {page}")).unwrap_or_default();
    one_line(&format!("[{number}]{page}: {label}"))
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(160).collect()
}

/// A Python string: JSON's escapes are Python's too.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A number as Python reads it back exactly.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value}") }
}

const TABLE_ENGLISH: &str = r#"
# Change of each value against the one before it
for name, unit, divisor, values in series:
    print(f"{name} ({unit})" if unit else name)
    before = None
    for period, value in values:
        change = f"{(value / before - 1) * 100:+.1f}%" if before and before > 0 else ""
        print(f"  {period:<10} {value / divisor:>14,.2f} {change:>9}")
        before = value
"#;

const TABLE_CHINESE: &str = r#"
# 逐期变动
for name, unit, divisor, values in series:
    print(f"{name}（{unit}）" if unit else name)
    before = None
    for period, value in values:
        change = f"{(value / before - 1) * 100:+.2f}%" if before and before > 0 else ""
        print(f"  {period:<10} {value / divisor:>14,.2f} {change:>9}")
        before = value
"#;

fn chart(title: &str, has_parts: bool) -> String {
    let parts_count = if has_parts { " + 1" } else { "" };
    let mut code = format!(
        r##"
n = len(series){parts_count}
columns = 1 if n == 1 else 2 if n <= 4 else 3
rows = -(-n // columns)
figure, axes = plt.subplots(rows, columns, figsize=(max(6.4, 4.4 * columns), 3.4 * rows), squeeze=False)
panels = list(axes.flat)
for panel, (name, unit, divisor, values) in zip(panels, series):
    labels = [period for period, _ in values]
    heights = [value / divisor for _, value in values]
    colors = ["#9db8d9"] * (len(heights) - 1) + ["#1f5fa8"]
    bars = panel.bar(labels, heights, color=colors, width=0.55)
    decimals = 0 if all(height == int(height) for height in heights) else 2
    panel.bar_label(bars, labels=[f"{{height:,.{{decimals}}f}}" for height in heights], padding=3, fontsize=9)
    panel.set_title(f"{{name}} ({{unit}})" if unit else name, loc="left", fontsize=11)
    if len(values) > 1 and values[-2][1] > 0:
        change = values[-1][1] / values[-2][1] - 1
        panel.set_title(f"{{change:+.1%}}", loc="right", fontsize=10, color="#2e7d32" if change >= 0 else "#c62828")
    panel.axhline(0, color="#666666", linewidth=0.8)
    panel.margins(y=0.18)
    side = 0.5 + max(0, 3 - len(values)) / 2
    panel.set_xlim(-side, len(values) - 1 + side)
    panel.set_yticks([])
    panel.spines[["top", "right", "left", "bottom"]].set_visible(False)
    panel.tick_params(length=0)
"##
    );
    if has_parts {
        code.push_str(
            r##"panel = panels[len(series)]
names = [name for name, _ in reversed(parts)]
widths = [value for _, value in reversed(parts)]
bars = panel.barh(names, widths, color="#1f5fa8", height=0.55)
panel.bar_label(bars, fmt="%.2f", padding=3, fontsize=9)
panel.set_title(parts_unit, loc="left", fontsize=11)
panel.margins(x=0.18)
panel.set_xticks([])
panel.spines[["top", "right", "bottom"]].set_visible(False)
panel.tick_params(length=0)
"##,
        );
    }
    let _ = write!(
        code,
        r##"for panel in panels[n:]:
    panel.set_visible(False)
figure.suptitle({title}, x=0.02, ha="left", fontsize=13)
figure.tight_layout()
figure.savefig("{CHART}", dpi=150)
"##
    );
    code
}
