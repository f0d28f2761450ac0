//! Small questions about text that several modules ask: is it a figure, is it Chinese, how long is it, how are broken
//! lines joined.

/// Characters written without spaces between words: Han, kana, and the punctuation and full-width forms among them.
pub fn is_cjk(char: char) -> bool {
    matches!(char,
        '\u{2e80}'..='\u{303f}' | '\u{3040}'..='\u{30ff}' | '\u{3100}'..='\u{312f}' | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}'
        | '\u{20000}'..='\u{3ffff}' | '“' | '”' | '‘' | '’')
        && !matches!(char, '“' | '”' | '‘' | '’')
}

/// True for a number as it stands in a table: `1,577`, `(1,373)`, `$ 32,765`, `12.3%`, `-0.5`, `—`, `N/A`, `3.1x`.
pub fn is_figure(text: &str) -> bool {
    let text = text.trim();
    if matches!(text, "—" | "–" | "-" | "--" | "N/A" | "n/a" | "NM" | "不适用" | "*" | "－" | "—%" | "$—" | "$–" | "$-")
    {
        return true;
    }
    let mut n_digits = 0;
    for char in text.chars() {
        match char {
            '0'..='9' | '０'..='９' => n_digits += 1,
            ',' | '.' | '(' | ')' | '%' | '+' | '-' | '–' | '—' | '$' | '€' | '£' | '¥' | '￥' | ' ' | '，' | '％'
            | '（' | '）' | '−' | '－' => {}
            'x' if text.ends_with('x') => {}
            _ => return false,
        }
    }
    n_digits > 0
}

/// True for a year or a date as it heads a column: `2018`, `2018年`, `December 31, 2018`, `FY2023`, `Q1`, `第一季度`.
pub fn is_period(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['*', ':', '：']);
    if text.chars().count() > 40 {
        return false;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    if digits == text && is_year(text) {
        return true;
    }
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_lowercase();
    let has_year = text.split(|char: char| !char.is_ascii_digit()).any(is_year);
    let has_month =
        MONTHS.iter().any(|month| lower.starts_with(month)) && text.chars().any(|char| char.is_ascii_digit());
    (has_year
        && (text.contains('年')
            || has_month
            || lower.starts_with("fy")
            || lower.starts_with("fiscal")
            || lower.starts_with('q')))
        || (has_month && lower.len() <= 20)
        || matches!(lower.as_str(), "q1" | "q2" | "q3" | "q4")
        || text.contains("季度")
        || matches!(
            text,
            "本期"
                | "上期"
                | "本年"
                | "上年"
                | "期末余额"
                | "期初余额"
                | "本期数"
                | "上期数"
                | "期末数"
                | "期初数"
                | "本期发生额"
                | "上期发生额"
        )
}

/// Width in Latin characters: a Chinese character counts as two.
pub fn width(text: &str) -> usize {
    text.chars().map(|char| if is_cjk(char) { 2 } else { 1 }).sum()
}

/// How many tokens a model would count, roughly: one for a Chinese character, one for four others.
pub fn tokens(text: &str) -> usize {
    let (mut cjk, mut other) = (0_usize, 0_usize);
    for char in text.chars() {
        if is_cjk(char) {
            cjk += 1;
        } else {
            other += 1;
        }
    }
    cjk + other.div_ceil(4)
}

/// Appends the next line of the same paragraph or cell: no space between Chinese characters, a word broken by a hyphen
/// made whole again.
pub fn append_line(text: &mut String, line: &str) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    if text.is_empty() {
        text.push_str(line);
        return;
    }
    if breaks_word(text) && line.starts_with(|char: char| char.is_lowercase()) {
        text.pop();
        text.push_str(line);
        return;
    }
    let joins = text.ends_with('-') && line.starts_with(|char: char| char.is_alphanumeric())
        || text.ends_with(is_cjk) && line.starts_with(|char: char| is_cjk(char) || char.is_ascii_digit())
        || text.ends_with(|char: char| char.is_ascii_digit() || char == ',' || char == '.') && line.starts_with(is_cjk)
        || continues_number(text, line);
    if !joins {
        text.push(' ');
    }
    text.push_str(line);
}

/// Words that end in a hyphen because they are compounds ("long-term"), not because a line ended.
const COMPOUND_STARTS: [&str; 44] = [
    "long",
    "short",
    "non",
    "pre",
    "post",
    "year",
    "self",
    "well",
    "mid",
    "multi",
    "cross",
    "co",
    "re",
    "first",
    "second",
    "third",
    "high",
    "low",
    "full",
    "part",
    "in",
    "on",
    "off",
    "end",
    "state",
    "real",
    "risk",
    "cost",
    "tax",
    "interest",
    "fair",
    "cash",
    "held",
    "available",
    "mark",
    "one",
    "two",
    "three",
    "day",
    "over",
    "so",
    "anti",
    "sub",
    "foreign",
];

/// True when the text ends in the first half of a word.
fn breaks_word(text: &str) -> bool {
    let Some(rest) = text.strip_suffix('-') else { return false };
    let word = rest.rsplit(|char: char| !char.is_alphabetic()).next().unwrap_or_default();
    rest.ends_with(char::is_lowercase) && !COMPOUND_STARTS.contains(&word.to_lowercase().as_str())
}

/// A number broken over two lines of a narrow cell: "1,234,567,8" + "90.12".
fn continues_number(text: &str, line: &str) -> bool {
    let last = text;
    let first = line.split(' ').next().unwrap_or_default();
    let digits =
        |part: &str| !part.is_empty() && part.chars().all(|char| char.is_ascii_digit() || ",.-%".contains(char));
    if !digits(last) || !digits(first) {
        return false;
    }
    let group = last.rsplit(',').next().unwrap_or_default();
    // A whole number ends in a group of three; anything else was cut.
    let cut_in_group = last.ends_with([',', '.']) || group.len() < 3 || first.starts_with(['.', ',']);
    let cut_in_cents = last.rsplit_once('.').is_some_and(|(_, cents)| cents.len() < 2) && first.len() <= 2;
    last.contains(',') && (cut_in_group || cut_in_cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_tables_are_figures_and_words_are_not() {
        for figure in ["1,577", "(1,373)", "$ 32,765", "12.3%", "—", "-0.5", "１２３", "3.1x"] {
            assert!(is_figure(figure), "{figure}");
        }
        for word in ["Net sales", "2018年", "", "Note 5", "A1"] {
            assert!(!is_figure(word), "{word}");
        }
    }

    #[test]
    fn heads_of_columns_are_periods() {
        for period in
            ["2018", "2018年", "2019年12月31日", "December 31, 2018", "Dec. 31, 2018", "FY2023", "第一季度", "Q1 2023"]
        {
            assert!(is_period(period), "{period}");
        }
        for other in ["1,577", "3012", "Net sales", "Maybe"] {
            assert!(!is_period(other), "{other}");
        }
    }

    #[test]
    fn broken_lines_are_joined_as_they_are_read() {
        let join = |a: &str, b: &str| {
            let mut text = a.to_owned();
            append_line(&mut text, b);
            text
        };
        assert_eq!(join("the docu-", "ment"), "the document");
        assert_eq!(join("营业收", "入"), "营业收入");
        assert_eq!(join("net", "sales"), "net sales");
        assert_eq!(join("the long-", "term debt"), "the long-term debt");
        assert_eq!(join("1,234,567,8", "90.12"), "1,234,567,890.12");
        assert_eq!(join("1,234,567", "1,300"), "1,234,567 1,300");
    }
}
