//! Figures as people read them: names, units that suit their size, changes.

use super::figures::{Figure, Point};
use super::label::normal;
use super::metrics::Nature;
use super::question::Language;
use super::unit::Unit;

/// What to divide by and the unit that results, for values up to `largest` in the document's unit.
///
/// Chinese readers think in 亿 and 万, so amounts in yuan are turned into those. Otherwise the document's own unit
/// stays, unless it counts in ones and the numbers are millions.
pub(crate) fn scaled(unit: Unit, largest: f64, language: Language) -> (f64, String) {
    let Some(scale) = unit.scale else {
        return (
            1.0,
            match language {
                Language::Chinese => unit.chinese(),
                Language::English => unit.english(),
            },
        );
    };
    let in_ones = largest * scale;
    let to = |scale_to: f64| (scale_to / scale, Unit { scale: Some(scale_to), ..unit });
    let (divisor, shown) = match language {
        Language::Chinese if in_ones >= 1e8 => to(1e8),
        Language::Chinese if in_ones >= 1e4 => to(1e4),
        Language::English if scale < 1e6 && in_ones >= 1e6 => to(1e6),
        Language::English if (scale - 1e8).abs() < 1.0 => to(1e6),
        Language::Chinese | Language::English => (1.0, unit),
    };
    (
        divisor,
        match language {
            Language::Chinese => shown.chinese(),
            Language::English => shown.english(),
        },
    )
}

/// The unit of an amount per share.
pub(crate) fn per_share(unit: Unit, language: Language) -> String {
    let unit = Unit { scale: None, ..unit };
    match language {
        Language::Chinese if unit.currency.is_some() => format!("{}/股", unit.chinese()),
        Language::Chinese => "每股".to_owned(),
        Language::English if unit.currency.is_some() => format!("{} per share", unit.english()),
        Language::English => "per share".to_owned(),
    }
}

/// The name of a figure in the language of the answer: the document's own where that is short and of this language.
pub(crate) fn name(figure: &Figure, language: Language) -> String {
    match (figure.metric, language) {
        (Some(metric), Language::English)
            if figure.label.len() <= 30
                && metric.labels.contains(&normal(&figure.label).as_str())
                && figure.label.is_ascii() =>
        {
            figure.label.trim_end_matches([':', ' ']).to_owned()
        }
        (Some(metric), Language::Chinese) => metric.chinese.to_owned(),
        (Some(metric), Language::English) => metric.english.to_owned(),
        (None, _) => figure.label.clone(),
    }
}

/// A number with separators and as many decimals as asked for.
pub(crate) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    if value < 0.0 && text.chars().any(|char| ('1'..='9').contains(&char)) { format!("-{grouped}") } else { grouped }
}

/// A value as the document writes it, with its sign.
pub(crate) fn exact(point: &Point) -> String {
    if point.value < 0.0 { format!("-{}", point.digits) } else { point.digits.clone() }
}

/// A value for a sentence, with its unit: "USD 1,577 million", "11.75 亿元".
pub(crate) fn value(figure: &Figure, point: &Point, language: Language) -> String {
    match figure.nature() {
        Nature::Percent => format!("{}%", exact(point)),
        Nature::Count => exact(point),
        Nature::PerShare => match language {
            Language::Chinese => format!("{} {}", exact(point), per_share(figure.unit, language)),
            Language::English => match figure.unit.currency {
                Some(currency) => format!("{currency} {} per share", exact(point)),
                None => format!("{} per share", exact(point)),
            },
        },
        Nature::Amount | Nature::Outflow => amount(figure.unit, point.value, &exact(point), language),
    }
}

/// An amount for a sentence.
pub(crate) fn amount(unit: Unit, value: f64, exact: &str, language: Language) -> String {
    amount_among(unit, value, value, exact, language)
}

/// An amount in the unit that suits `largest`, so that the amounts of one line share theirs.
pub(crate) fn amount_among(unit: Unit, value: f64, largest: f64, exact: &str, language: Language) -> String {
    let (divisor, shown) = scaled(unit, largest.abs(), language);
    let number = if (divisor - 1.0).abs() < f64::EPSILON { exact.to_owned() } else { grouped(value / divisor, 2) };
    match (language, unit.currency) {
        (Language::Chinese, _) => format!("{number} {shown}").trim_end().to_owned(),
        (Language::English, Some(currency)) => {
            let scale = shown.strip_prefix(currency).unwrap_or_default();
            format!("{currency} {number}{scale}")
        }
        (Language::English, None) => format!("{number} {shown}").trim_end().to_owned(),
    }
}

/// The change from one value to the next in percent, where that means something.
pub(crate) fn change(now: f64, before: f64) -> Option<f64> {
    (before > 0.0).then(|| (now / before - 1.0) * 100.0)
}

/// A change with its sign: "+3.5%".
pub(crate) fn signed(percent: f64, language: Language) -> String {
    let decimals = if language == Language::Chinese { 2 } else { 1 };
    let text = grouped(percent, decimals);
    if text.starts_with('-') { format!("{text}%") } else { format!("+{text}%") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_units_that_suit_the_reader() {
        let yuan = Unit { scale: Some(1.0), currency: Some("CNY") };
        assert_eq!(amount(yuan, 1_175_301_034.32, "1,175,301,034.32", Language::Chinese), "11.75 亿元");
        assert_eq!(amount(yuan, 1_175_301_034.32, "1,175,301,034.32", Language::English), "CNY 1,175.30 million");
        assert_eq!(amount(yuan, 457_646.14, "457,646.14", Language::Chinese), "45.76 万元");
        let millions = Unit { scale: Some(1e6), currency: Some("USD") };
        assert_eq!(amount(millions, 1577.0, "1,577", Language::English), "USD 1,577 million");
        assert_eq!(amount(millions, 1577.0, "1,577", Language::Chinese), "15.77 亿美元");
        assert_eq!(amount(Unit::default(), 5.0, "5", Language::English), "5");
    }

    #[test]
    fn changes_are_rounded_and_signed() {
        assert_eq!(signed(change(32_765.0, 31_657.0).unwrap(), Language::English), "+3.5%");
        assert_eq!(signed(-0.001, Language::English), "+0.0%");
        assert_eq!(change(1.0, -1.0), None);
        assert_eq!(grouped(1_234_567.891, 2), "1,234,567.89");
        assert_eq!(grouped(-999.5, 0), "-1,000");
    }
}
