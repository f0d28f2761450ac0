//! Tells headings from text, by number, size and weight.

use super::Style;
use crate::document::Row;
use crate::text;

const CHINESE_DIGITS: &str = "零〇一二三四五六七八九十百";

/// Level of a heading that is numbered the way reports number theirs, `None` for anything else.
///
/// `Part II`, `第二节` are 1; `Item 7.`, `一、` 2; `Note 5`, `（一）`, `1.2` 3; `1、` 4; `（1）` 5.
pub fn numbered(line: &str) -> Option<u8> {
    let line = line.trim();
    let width = text::width(line);
    if starts_like_item(line) {
        return item(line.trim_end_matches('.'));
    }
    if !(3..=110).contains(&width) || line.contains("....") || line.contains("……") || ends_like_text(line) {
        return None;
    }
    let lower = line.to_lowercase();
    if let Some(rest) = lower.strip_prefix("part ") {
        let number = rest.split([' ', '.', ',', '—', '-', ':']).next().unwrap_or_default();
        return (!number.is_empty() && number.chars().all(|char| "ivx".contains(char)) && width < 70).then_some(1);
    }
    if let Some(rest) = lower.strip_prefix("note ") {
        let rest = rest.trim_start_matches(|char: char| char.is_ascii_digit());
        return (rest.starts_with(['.', ':', '—', '-', '–'])
            || rest.starts_with(" —")
            || rest.starts_with(" –")
            || rest.starts_with(" -"))
        .then_some(3);
    }
    chinese(line, width).or_else(|| decimal(line))
}

fn starts_like_item(line: &str) -> bool {
    line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("item "))
        && line.as_bytes().get(5).is_some_and(u8::is_ascii_digit)
}

/// `Item 7A. Quantitative and Qualitative Disclosures About Market Risk`, with or without a full stop at the end.
fn item(line: &str) -> Option<u8> {
    let rest = &line[5..];
    let end = rest.find(['.', ':', ' ', '—', '-', '–']).unwrap_or(rest.len());
    let is_sentence = rest[end..].trim_start_matches(['.', ':', ' ']).starts_with(|char: char| char.is_lowercase());
    (end <= 3 && !is_sentence && text::width(line) <= 160 && !line.contains("....")).then_some(2)
}

fn chinese(line: &str, width: usize) -> Option<u8> {
    let is_digit = |char: char| CHINESE_DIGITS.contains(char) || char.is_ascii_digit();
    if let Some(rest) = line.strip_prefix('第') {
        let rest = rest.trim_start_matches(|char: char| is_digit(char) || char == ' ');
        return (width <= 80 && rest.starts_with(['节', '章', '编'])).then_some(1);
    }
    if width > 76 {
        return None;
    }
    let after = line.trim_start_matches(|char: char| CHINESE_DIGITS.contains(char));
    if after.len() < line.len() && after.starts_with(['、', '．', '.']) {
        return Some(2);
    }
    if let Some(rest) = line.strip_prefix(['（', '(']) {
        let after = rest.trim_start_matches(|char: char| CHINESE_DIGITS.contains(char));
        if after.len() < rest.len() && after.starts_with(['）', ')']) && after.chars().nth(1).is_some() {
            return Some(3);
        }
        let after = rest.trim_start_matches(|char: char| char.is_ascii_digit());
        let title = after.trim_start_matches(['）', ')', ' ', '、', '.']);
        return (after.len() < rest.len()
            && rest.len() - after.len() <= 2
            && after.starts_with(['）', ')'])
            && title.starts_with(text::is_cjk)
            && width <= 60)
            .then_some(5);
    }
    let after = line.trim_start_matches(|char: char| char.is_ascii_digit());
    let n_digits = line.len() - after.len();
    let title = after.trim_start_matches(['、', '．', '.', ' ']);
    ((1..=2).contains(&n_digits)
        && after.starts_with(['、', '．', '.'])
        && title.starts_with(text::is_cjk)
        && width <= 60)
        .then_some(4)
}

/// `1.2 Title`, `3.4.1 Title`.
fn decimal(line: &str) -> Option<u8> {
    let (number, title) = line.split_once(' ')?;
    let parts: Vec<&str> = number.trim_end_matches('.').split('.').collect();
    let is_number = parts.len() >= 2
        && parts.iter().all(|part| (1..=2).contains(&part.len()) && part.chars().all(|char| char.is_ascii_digit()));
    let is_title = title.trim_start().starts_with(|char: char| char.is_uppercase() || text::is_cjk(char));
    (is_number && is_title && !text::is_figure(title))
        .then(|| u8::try_from(parts.len()).unwrap_or(6).saturating_add(1).min(6))
}

/// Level of a row as a heading, by its number or its looks.
pub(crate) fn level(row: &Row, style: Style) -> Option<u8> {
    let line = row.text();
    let line = line.trim();
    let width = text::width(line);
    let tabular =
        row.cells.len() > 2 || row.cells.last().is_some_and(|cell| row.cells.len() > 1 && text::is_figure(&cell.text));
    if tabular || width < 2 || text::is_figure(line) || line.contains("....") || !line.chars().any(char::is_alphabetic)
    {
        return None;
    }
    if let Some(level) = numbered(line) {
        return Some(level);
    }
    let ratio = row.size / style.body_size.max(1.0);
    if width > 160 || (ratio < 1.3 && ends_like_text(line)) {
        return None;
    }
    if ratio >= 1.6 {
        return Some(1);
    }
    if ratio >= 1.25 {
        return Some(2);
    }
    if width > 120 || row.cells.len() > 1 || starts_like_text(line) || is_unit(line) {
        return None;
    }
    if ratio >= 1.1 {
        return Some(3);
    }
    let capitals = line.chars().filter(|char| char.is_uppercase()).count();
    let letters = line.chars().filter(|char| char.is_alphabetic() && !text::is_cjk(*char)).count();
    (row.bold && !style.body_bold && ratio > 0.85).then_some(if letters > 3 && capitals * 10 > letters * 8 {
        3
    } else {
        4
    })
}

/// `单位：元 币种：人民币`, `(in millions, except per share amounts)`, `（人民币百万元）`.
pub(crate) fn is_unit(line: &str) -> bool {
    let line = line.trim();
    if text::width(line) > 110 {
        return false;
    }
    let lower = line.to_lowercase();
    line.contains("单位：")
        || line.contains("单位:")
        || line.contains("币种")
        || (line.starts_with(['(', '（'])
            && (["million", "thousand", "billion", "dollars", "percent of", "shares in"]
                .iter()
                .any(|word| lower.contains(word))
                || ["元", "万", "亿", "股"].iter().any(|word| line.contains(word))))
}

fn ends_like_text(line: &str) -> bool {
    line.ends_with([',', ';', '，', '。', '；', '、'])
        || (line.ends_with('.') && line.split_whitespace().count() > 5)
        || (line.ends_with(['：', ':']) && text::width(line) > 60)
}

fn starts_like_text(line: &str) -> bool {
    line.starts_with(|char: char| char.is_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_headings_have_the_level_of_their_kind() {
        for (line, level) in [
            ("PART II", 1),
            ("第二节 公司简介和主要财务指标", 1),
            ("Item 7. Management’s Discussion and Analysis", 2),
            ("一、 公司信息", 2),
            ("（一） 主要会计数据", 3),
            ("Item 8. Financial Statements and Supplementary Data.", 2),
            ("NOTE 5. Income taxes", 3),
            ("1.2 Scope", 3),
            ("1、 货币资金", 4),
            ("（1） 收入和成本分析", 5),
        ] {
            assert_eq!(numbered(line), Some(level), "{line}");
        }
    }

    #[test]
    fn sentences_contents_and_figures_are_no_headings() {
        for line in [
            "一、公司董事会保证年度报告内容的真实、准确、完整，不存在虚假记载。",
            "第二节 公司简介和主要财务指标 ........ 4",
            "1.2 3.4",
            "Items of interest",
            "Partly cloudy",
            "12",
        ] {
            assert_eq!(numbered(line), None, "{line}");
        }
    }
}
