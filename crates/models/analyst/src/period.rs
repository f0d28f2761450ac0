//! What a column of a table stands for: a year, a quarter, a change, a reference to notes.

use std::fmt;

use super::number;

/// A stretch of time that a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Period {
    pub year: i32,
    pub part: Part,
}

/// Which part of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    /// One to four; 0 for a quarter that the document does not number.
    Quarter(u8),
    Half,
    NineMonths,
    Year,
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Year => write!(f, "{}", self.year),
            Part::Quarter(0) => write!(f, "{} (quarter)", self.year),
            Part::Quarter(n) => write!(f, "{} Q{n}", self.year),
            Part::Half => write!(f, "{} H1", self.year),
            Part::NineMonths => write!(f, "{} 9M", self.year),
        }
    }
}

impl Period {
    /// A whole year.
    pub(crate) fn year(year: i32) -> Self {
        Self { year, part: Part::Year }
    }
}

/// What the head of a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A period whose year may be missing.
    Dated {
        year: Option<i32>,
        part: Option<Part>,
    },
    /// The reporting year (0) or the one before it (-1).
    Relative(i32),
    /// A change, a share, a ratio: no amount.
    Change,
    Note,
    Other,
}

const CHANGES: [&str; 22] = [
    "增减",
    "变动",
    "变化",
    "增长",
    "同比",
    "比上年",
    "比上期",
    "比重",
    "占比",
    "比例",
    "增幅",
    "change",
    "% of",
    "growth",
    "variance",
    "increase",
    "decrease",
    "margin",
    " vs",
    "percent",
    "原因",
    "毛利率",
];
const NOW: [&str; 11] = [
    "本期数",
    "本期金额",
    "本期发生额",
    "本年数",
    "本年金额",
    "本报告期",
    "期末余额",
    "期末数",
    "current year",
    "current period",
    "this year",
];
const BEFORE: [&str; 11] = [
    "上年同期",
    "上期金额",
    "上期发生额",
    "上期数",
    "上年数",
    "上年金额",
    "期初余额",
    "期初数",
    "上年年末",
    "prior year",
    "last year",
];

/// Reads the head of a column.
pub(crate) fn column(text: &str) -> Column {
    let spaced = number::narrow(text).to_lowercase();
    let lower = spaced.trim();
    let tight: String = lower.chars().filter(|char| !char.is_whitespace()).collect();
    if matches!(tight.as_str(), "附注" | "注释" | "note" | "notes" | "附注编号" | "注") {
        return Column::Note;
    }
    let years = years(lower);
    if CHANGES.iter().any(|word| lower.contains(word))
        || tight == "%"
        || tight == "(%)"
        || tight.ends_with("(%)") && years.is_empty()
    {
        return Column::Change;
    }
    // The balance on the first day of a year is that of the year before under changed rules; nobody asks for it.
    if tight.contains("1月1日") && !tight.contains("11月1日") && !tight.contains('至') || lower.starts_with("january 1")
    {
        return Column::Other;
    }
    match years.as_slice() {
        [] => undated(lower, &tight),
        [year] => Column::Dated { year: Some(*year), part: part(lower, &tight) },
        [first, rest @ ..] if rest.iter().all(|year| year == first) => {
            Column::Dated { year: Some(*first), part: part(lower, &tight) }
        }
        _ => Column::Other,
    }
}

fn undated(lower: &str, tight: &str) -> Column {
    if NOW.iter().any(|word| lower.contains(word)) || matches!(tight, "本期" | "本年" | "本年度" | "期末") {
        return Column::Relative(0);
    }
    if BEFORE.iter().any(|word| lower.contains(word)) || matches!(tight, "上期" | "上年" | "上年度" | "期初" | "年初")
    {
        return Column::Relative(-1);
    }
    match part(lower, tight) {
        Some(part) => Column::Dated { year: None, part: Some(part) },
        None if matches!(lower, "year" | "full year" | "total year" | "全年" | "合计") => {
            Column::Dated { year: None, part: Some(Part::Year) }
        }
        None => Column::Other,
    }
}

fn part(lower: &str, tight: &str) -> Option<Part> {
    let quarters: [&[&str]; 4] = [
        &["第一季度", "一季度", "q1", "first quarter", "1-3月", "1季度"],
        &["第二季度", "二季度", "q2", "second quarter", "4-6月", "2季度"],
        &["第三季度", "三季度", "q3", "third quarter", "7-9月", "3季度"],
        &["第四季度", "四季度", "q4", "fourth quarter", "10-12月", "4季度"],
    ];
    for (number, words) in (1..).zip(quarters) {
        let found = words.iter().any(|word| lower.contains(word) || tight.contains(word));
        if found && !(number == 3 && tight.contains("前三季度")) {
            return Some(Part::Quarter(number));
        }
    }
    if ["前三季度", "1-9月", "ninemonths", "39weeks", "thirty-nineweeks"].iter().any(|word| tight.contains(word)) {
        return Some(Part::NineMonths);
    }
    if ["半年", "1-6月", "sixmonths", "26weeks", "twenty-sixweeks"].iter().any(|word| tight.contains(word)) {
        return Some(Part::Half);
    }
    if ["threemonths", "quarterended", "13weeks", "thirteenweeks"].iter().any(|word| tight.contains(word)) {
        return Some(Part::Quarter(0));
    }
    if ["year ended", "twelve months", "fiscal year"].iter().any(|word| lower.contains(word)) {
        return Some(Part::Year);
    }
    None
}

/// All years from 1990 to 2099 in a text, in order. `FY18` counts as 2018.
pub(crate) fn years(text: &str) -> Vec<i32> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|char| char.is_ascii_digit()).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let digits: String = chars[at..at + run].iter().collect();
        let before = at.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(at + run).copied();
        let inside_a_number = before.is_some_and(|char| matches!(char, '.' | ','))
            && at.checked_sub(2).is_some_and(|before| chars[before].is_ascii_digit())
            || after.is_some_and(|char| matches!(char, '.' | ',' | '%'))
                && chars.get(at + run + 1).is_some_and(char::is_ascii_digit);
        let fiscal = at >= 2 && chars[at - 2].eq_ignore_ascii_case(&'f') && chars[at - 1].eq_ignore_ascii_case(&'y');
        match (run, digits.parse::<i32>()) {
            (4, Ok(year)) if (1990..2100).contains(&year) && !inside_a_number => found.push(year),
            (2, Ok(year)) if fiscal => found.push(2000 + year),
            _ => {}
        }
        at += run;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_columns_are_understood_in_both_languages() {
        let year = |year| Column::Dated { year: Some(year), part: None };
        assert_eq!(column("2018*"), year(2018));
        assert_eq!(column("2019 年 12 月 31 日"), year(2019));
        assert_eq!(column("2019年度"), year(2019));
        assert_eq!(column("FY18"), year(2018));
        assert_eq!(column("December 31, 2017"), year(2017));
        assert_eq!(column("第一季度 （1-3 月份）"), Column::Dated { year: None, part: Some(Part::Quarter(1)) });
        assert_eq!(column("Fourth Quarter"), Column::Dated { year: None, part: Some(Part::Quarter(4)) });
        assert_eq!(column("Year 2018"), year(2018));
        assert_eq!(column("本期比上年同期增减(%)"), Column::Change);
        assert_eq!(column("变动比例（%）"), Column::Change);
        assert_eq!(column("上年同期数"), Column::Relative(-1));
        assert_eq!(column("附注"), Column::Note);
        assert_eq!(column("2018 vs 2017"), Column::Change);
        assert_eq!(column("项目"), Column::Other);
    }

    #[test]
    fn years_are_found_in_questions_and_file_names() {
        assert_eq!(years("3M_2018_10K.pdf"), [2018]);
        assert_eq!(years("capital expenditure in FY2018?"), [2018]);
        assert_eq!(years("公司2019年和2018年"), [2019, 2018]);
        assert_eq!(years("12,018.50 and 1,175,301"), Vec::<i32>::new());
        assert_eq!(years("CN_603339"), Vec::<i32>::new());
    }
}
