//! Figures that stand in a sentence: "实现营业收入 117,530.10 万元", "net sales were $32.8 billion".
//!
//! The last resort: a sentence is taken only when the name, the number and its unit stand close together, and when the
//! sentence is about a known year.

use std::sync::LazyLock;

use regex::Regex;

use super::figures::{Figure, Point};
use super::label::find_words;
use super::metrics::{Metric, Nature};
use super::number;
use super::passages::NumberedPassage;
use super::period::{self, Period};
use super::unit::Unit;

/// A number with its unit soon after the start of the text.
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[^0-9。；;.,，]{0,28}?(?P<sign>-)?(?P<currency>US\$|\$|€|£|¥)? ?(?P<digits>\d[\d,]*(?:\.\d+)?) ?(?P<unit>亿元|万元|百万元|千元|元|billion|million|thousand|%|人)")
        .expect("the pattern is a constant and well formed")
});

/// Finds a figure in the sentences of the passages. `year` is the one that the document reports on.
pub(crate) fn find(
    metric: &'static Metric,
    passages: &[&NumberedPassage],
    wanted: &[i32],
    year: Option<i32>,
) -> Option<Figure> {
    for passage in passages {
        for line in passage.text.lines().filter(|line| !line.contains('|')) {
            let plain = number::narrow(line);
            for sentence in plain.split(['。', '；']) {
                if let Some(figure) = in_sentence(metric, passage, sentence, wanted, year) {
                    return Some(figure);
                }
            }
        }
    }
    None
}

fn in_sentence(
    metric: &'static Metric,
    passage: &NumberedPassage,
    sentence: &str,
    wanted: &[i32],
    year: Option<i32>,
) -> Option<Figure> {
    let lower = sentence.to_lowercase();
    if lower.len() != sentence.len() {
        return None;
    }
    let (at, name) = metric.labels.iter().find_map(|name| Some((find_words(&lower, name)?, *name)))?;
    let start = sentence[..at]
        .rfind(['，', ','])
        .map_or(0, |comma| comma + sentence[comma..].chars().next().map_or(1, char::len_utf8));
    if metric.not.iter().any(|word| lower[start..at + name.len()].contains(word)) {
        return None;
    }
    let rest = &sentence[at + name.len()..];
    let found = AMOUNT.captures(rest)?;
    let digits = found.name("digits")?.as_str();
    let between = &rest[..found.name("digits")?.start()];
    // "净利润同比增长 5%" and "net sales increased by $3 million" give a change and not the figure.
    if ["增", "减", "降", "升", "变", "占", "比", "increas", "decreas", "grew", "up ", "down", "change", "percent"]
        .iter()
        .any(|word| between.contains(word))
    {
        return None;
    }
    let unit = found.name("unit")?.as_str();
    let is_percent = unit == "%";
    if is_percent != (metric.nature == Nature::Percent) {
        return None;
    }
    let said = period::years(&sentence[..at + name.len() + found.get(0)?.end()]).last().copied();
    let said = said.or_else(|| {
        ["报告期", "本期", "本年", "公司实现"].iter().any(|word| sentence.contains(word)).then_some(year).flatten()
    })?;
    if !wanted.is_empty() && !wanted.contains(&said) {
        return None;
    }
    let number = number::number(digits)?;
    let read = number::number(&format!("{digits}{unit}"))?;
    let currency = found
        .name("currency")
        .and_then(|sign| number::number(&format!("{}1", sign.as_str()))?.currency)
        .or(read.currency);
    let sign = if found.name("sign").is_some() { -1.0 } else { 1.0 };
    Some(Figure {
        metric: Some(metric),
        label: sentence[at..at + name.len()].to_owned(),
        passage: passage.number,
        unit: Unit { scale: read.scale, currency },
        points: vec![Point { period: Period::year(said), value: sign * number.value, digits: number.digits }],
        undated: Vec::new(),
        is_prose: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::by_id;

    fn read(id: &str, text: &str) -> Option<(i32, f64, Option<f64>)> {
        let passage = NumberedPassage {
            number: 1,
            file: "x.pdf".into(),
            page: Some(1),
            heading: String::new(),
            text: text.into(),
        };
        let figure = find(by_id(id).unwrap(), &[&passage], &[], Some(2019))?;
        Some((figure.points[0].period.year, figure.points[0].value, figure.unit.scale))
    }

    #[test]
    fn a_sentence_gives_a_figure_with_its_unit() {
        assert_eq!(
            read("revenue", "报告期内，公司实现营业收入 117,530.10 万元，较去年同期减少 4.49%。"),
            Some((2019, 117_530.10, Some(1e4)))
        );
        assert_eq!(
            read("revenue", "In 2018, net sales were $32.8 billion, up 3.5 percent."),
            Some((2018, 32.8, Some(1e9)))
        );
    }

    #[test]
    fn a_change_or_an_unknown_year_is_not_taken() {
        assert_eq!(read("revenue", "营业收入同比增长 5.2 亿元。"), None);
        assert_eq!(read("revenue", "Net sales increased by $3 million in 2018."), None);
        assert_eq!(read("revenue", "Net sales were $32.8 billion."), None);
        assert_eq!(read("net_income", "扣除非经常性损益的净利润为 12,918.87 万元。"), None);
    }
}
