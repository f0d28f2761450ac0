//! One cell of a table: a number as reports write them, a dash, a reference to a note, or words.
//!
//! Accountants write a negative number in parentheses; Chinese reports refer to notes as "七、61"; a dash means "none".
//! What is none of these is text: guessing would put a wrong number into an answer.

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Empty,
    /// A dash or "n/a": there is a place for a number and no number.
    Dash,
    /// A reference to a note of the statements.
    Note,
    Number(Number),
    Text,
}

/// A number and how the document writes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    pub value: f64,
    pub is_percent: bool,
    /// Digits, separators, decimals, without sign, currency and unit.
    pub digits: String,
    /// A currency sign stood in the cell.
    pub currency: Option<&'static str>,
    /// A unit stood in the cell, such as 万元 or million: how many ones it stands for.
    pub scale: Option<f64>,
}

impl Number {
    /// Whether it can be a calendar year: four digits from 1990 to 2099 without separators.
    pub(crate) fn as_year(&self) -> Option<i32> {
        let plain = self.digits.len() == 4 && self.digits.bytes().all(|byte| byte.is_ascii_digit());
        let year = self.digits.parse::<i32>().ok().filter(|year| (1990..2100).contains(year))?;
        (plain && self.value > 0.0 && !self.is_percent).then_some(year)
    }
}

const CURRENCIES: [(&str, &str); 12] = [
    ("US$", "USD"),
    ("USD", "USD"),
    ("HK$", "HKD"),
    ("HKD", "HKD"),
    ("RMB", "CNY"),
    ("CNY", "CNY"),
    ("人民币", "CNY"),
    ("¥", "CNY"),
    ("€", "EUR"),
    ("EUR", "EUR"),
    ("£", "GBP"),
    ("$", "USD"),
];

const UNITS: [(&str, f64); 12] = [
    ("百万元", 1e6),
    ("亿元", 1e8),
    ("万元", 1e4),
    ("千元", 1e3),
    ("亿", 1e8),
    ("万", 1e4),
    ("元", 1.0),
    ("billion", 1e9),
    ("million", 1e6),
    ("thousand", 1e3),
    ("bn", 1e9),
    ("mn", 1e6),
];

/// Full-width digits and signs as plain ones.
pub(crate) fn narrow(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
            '\u{3000}' | '\u{a0}' | '\u{2009}' | '\u{202f}' => ' ',
            '−' | '–' | '—' | '‑' => '-',
            '￥' => '¥',
            other => other,
        })
        .collect()
}

/// Reads a cell.
pub(crate) fn read(text: &str) -> Cell {
    let plain = narrow(text);
    let plain = plain.trim();
    if plain.is_empty() {
        return Cell::Empty;
    }
    let bare: String = plain.chars().filter(|char| !matches!(char, '$' | ' ' | '%')).collect();
    if bare.is_empty() {
        return Cell::Empty;
    }
    if matches!(bare.to_lowercase().as_str(), "-" | "--" | "---" | "n/a" | "na" | "nm" | "n/m" | "不适用" | "无" | "/")
    {
        return Cell::Dash;
    }
    if is_note(plain) {
        return Cell::Note;
    }
    number(plain).map_or(Cell::Text, Cell::Number)
}

fn is_note(text: &str) -> bool {
    let text = text.strip_prefix("附注").unwrap_or(text).trim();
    let text = text.strip_prefix("注释").unwrap_or(text);
    let lower = text.to_lowercase();
    if let Some(rest) = lower.strip_prefix("note") {
        let rest = rest.trim_start_matches('s').trim();
        return rest.is_empty() || rest.chars().all(|char| char.is_ascii_digit() || ", &".contains(char));
    }
    let rest = text
        .trim_start_matches(|char| "(（".contains(char))
        .trim_start_matches(|char| "一二三四五六七八九十".contains(char));
    let led_by_chinese_number = rest.len() < text.len();
    led_by_chinese_number
        && rest.starts_with(['、', '.', '(', ')', ','])
        && rest.chars().all(|char| char.is_ascii_digit() || "、.,()（）- 一二三四五六七八九十".contains(char))
}

/// Reads a number with its sign, currency and unit, if the text is one and nothing else.
pub(crate) fn number(text: &str) -> Option<Number> {
    let mut rest = narrow(text).trim().to_owned();
    let mut negative = false;
    let mut currency = None;
    let mut is_percent = false;
    let mut scale = None;
    // Signs come in any order: "$ (1,577)", "(5.1)%", "-$3", "( 12 )".
    loop {
        let before = rest.len();
        rest = rest.trim().trim_end_matches('*').trim().to_owned();
        if let Some(inner) = rest.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            (negative, rest) = (true, inner.to_owned());
        } else if let Some(inner) = rest.strip_prefix('(').filter(|inner| !inner.contains(')')) {
            // The closing one may be lost to the next cell.
            (negative, rest) = (true, inner.to_owned());
        } else if let Some(inner) = rest.strip_prefix('-') {
            (negative, rest) = (true, inner.to_owned());
        } else if let Some(inner) = rest.strip_prefix('+') {
            rest = inner.to_owned();
        } else if let Some(inner) = rest.strip_suffix('%') {
            (is_percent, rest) = (true, inner.to_owned());
        } else if let Some((inner, code)) =
            CURRENCIES.iter().find_map(|(sign, code)| rest.strip_prefix(sign).map(|inner| (inner.to_owned(), *code)))
        {
            (currency, rest) = (currency.or(Some(code)), inner);
        } else if let Some((inner, factor)) =
            UNITS.iter().find_map(|(unit, factor)| rest.strip_suffix(unit).map(|inner| (inner.to_owned(), *factor)))
        {
            if rest.ends_with('元') {
                currency = currency.or(Some("CNY"));
            }
            (scale, rest) = (Some(factor), inner);
        }
        if rest.len() == before {
            break;
        }
    }
    let digits = rest.replace(' ', "");
    let value = plain_value(&digits)?;
    Some(Number { value: if negative { -value } else { value }, is_percent, digits, currency, scale })
}

/// The value of digits with thousands separated by commas, if they are well placed.
fn plain_value(digits: &str) -> Option<f64> {
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let well_placed = match groups.as_slice() {
        [only] => !only.is_empty() && only.len() <= 15,
        [first, rest @ ..] => (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3),
        [] => false,
    };
    if !well_placed || !groups.iter().all(|group| all_digits(group)) || !all_digits(decimals) {
        return None;
    }
    digits.replace(',', "").trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        match read(text) {
            Cell::Number(number) => number.value,
            other => panic!("{text:?} is {other:?}"),
        }
    }

    #[test]
    fn numbers_are_read_as_accountants_write_them() {
        for (text, expected) in [
            ("1,577", 1577.0),
            ("(1,577)", -1577.0),
            ("$ (1,577)", -1577.0),
            ("$(0.03)", -0.03),
            ("（547）", -547.0),
            ("-12,024,894.14", -12_024_894.14),
            ("－208,930,749.53", -208_930_749.53),
            ("１，２３４", 1234.0),
            ("(5.1)%", -5.1),
            ("(5.1", -5.1),
            ("2018*", 2018.0),
            ("117,530.10 万元", 117_530.10),
        ] {
            assert!((value(text) - expected).abs() < 1e-9, "{text}");
        }
        assert_eq!(number("12.5亿元").unwrap().scale, Some(1e8));
    }

    #[test]
    fn what_is_no_number_is_not_made_one() {
        assert_eq!(read("减少4.07个百分点"), Cell::Text);
        assert_eq!(read("1,57"), Cell::Text);
        assert_eq!(read("3M"), Cell::Text);
        assert_eq!(read("12/31/2018"), Cell::Text);
        assert_eq!(read("七、61"), Cell::Note);
        assert_eq!(read("十七、4"), Cell::Note);
        assert_eq!(read("(一)、1"), Cell::Note);
        assert_eq!(read("—"), Cell::Dash);
        assert_eq!(read("$ —"), Cell::Dash);
        assert_eq!(read(" "), Cell::Empty);
        assert_eq!(read("$"), Cell::Empty);
    }

    #[test]
    fn a_year_is_told_from_an_amount() {
        assert_eq!(number("2018").unwrap().as_year(), Some(2018));
        assert_eq!(number("2,018").unwrap().as_year(), None);
        assert_eq!(number("1850").unwrap().as_year(), None);
    }
}
