//! Words that several parts of an answer have in common.

use super::figures::Figure;
use super::period::{Part, Period};
use super::question::{Language, Question};

/// Picks the text of the language.
pub(crate) fn say<'a>(language: Language, chinese: &'a str, english: &'a str) -> &'a str {
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}

/// The period that the question is about: the newest one asked for that the figure has, or else its newest.
pub(crate) fn focus(question: &Question, figure: &Figure) -> Option<Period> {
    let asked = figure.points.iter().find(|point| question.years.contains(&point.period.year));
    asked.or(figure.points.first()).map(|point| point.period)
}

/// A period in a sentence.
pub(crate) fn when(period: Period, language: Language) -> String {
    match (language, period.part) {
        (Language::Chinese, Part::Year) => format!("{} 年", period.year),
        (Language::Chinese, Part::Half) => format!("{} 年上半年", period.year),
        (Language::Chinese, Part::NineMonths) => format!("{} 年前三季度", period.year),
        (Language::Chinese, Part::Quarter(0)) => format!("{} 年单季", period.year),
        (Language::Chinese, Part::Quarter(n)) => format!("{} 年第 {n} 季度", period.year),
        (Language::English, _) => period.to_string(),
    }
}
