//! Labels of rows, made comparable, and how well one fits a name.

use super::number;

/// A label without numbering, brackets, footnotes and punctuation, in lower case; Chinese without spaces.
pub(crate) fn normal(label: &str) -> String {
    let text = number::narrow(label).to_lowercase().replace('’', "'");
    let text = without_brackets(&without_numbering(&text));
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        let kept = match char {
            '、' | '，' | '：' | '；' | '。' | '*' | '$' | '"' | '“' | '”' | '《' | '》' => None,
            ',' | ':' | ';' | '/' | '.' | '(' | ')' | '（' | '）' => Some(' '),
            other => Some(other),
        };
        plain.extend(kept);
    }
    if plain.chars().any(is_chinese) {
        return plain.chars().filter(|char| !char.is_whitespace() && *char != '-').collect();
    }
    // A dash between words separates them; one inside a word belongs to it.
    plain.replace(" - ", " ").replace(" -", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_numbering(text: &str) -> String {
    let mut rest = text.trim();
    loop {
        let before = rest.len();
        for lead in ["其中", "减", "加"] {
            if let Some(inner) = rest.strip_prefix(lead).and_then(|inner| inner.trim_start().strip_prefix([':', '：']))
            {
                rest = inner.trim_start();
            }
        }
        let is_ordinal = |char: char| "一二三四五六七八九十".contains(char) || char.is_ascii_digit();
        let inner = rest.trim_start_matches(is_ordinal);
        if inner.len() < rest.len()
            && let Some(inner) = inner.strip_prefix(['、', '．']).or_else(|| {
                inner.strip_prefix('.').filter(|inner| !inner.starts_with(|char: char| char.is_ascii_digit()))
            })
        {
            rest = inner.trim_start();
        }
        if let Some(inner) = rest.strip_prefix(['(', '（']) {
            let inner = inner.trim_start_matches(is_ordinal);
            if let Some(inner) = inner.strip_prefix([')', '）']) {
                rest = inner.trim_start();
            }
        }
        if rest.len() == before {
            return rest.to_owned();
        }
    }
}

/// Leaves out what stands in brackets, except short English words that belong to the name: "provided by (used in)".
fn without_brackets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['(', '（']) {
        kept.push_str(&rest[..open]);
        let inside = rest[open..].chars().next().map_or(open, |char| open + char.len_utf8());
        let close = rest[inside..].find([')', '）']).map(|at| inside + at);
        let content = &rest[inside..close.unwrap_or(rest.len())];
        if ["used in", "used for", "loss"].contains(&content.trim()) {
            kept.push_str(content);
        } else {
            kept.push(' ');
        }
        rest = match close {
            Some(close) => &rest[close + rest[close..].chars().next().map_or(0, char::len_utf8)..],
            None => "",
        };
    }
    kept.push_str(rest);
    kept
}

/// How well a normal label fits a normal name, 0 to 100; 0 when it does not.
pub(crate) fn fit(label: &str, name: &str) -> u32 {
    if label.is_empty() || name.is_empty() {
        return 0;
    }
    if label == name {
        return 100;
    }
    let Some(at) = find_words(label, name) else { return 0 };
    let surplus = label.chars().count() - name.chars().count();
    let weight = if name.chars().any(is_chinese) { surplus * 3 } else { surplus };
    let is_long = if name.chars().any(is_chinese) { name.chars().count() >= 4 } else { name.contains(' ') };
    let base = if at == 0 {
        80
    } else if at + name.len() == label.len() {
        70
    } else {
        60
    };
    if !is_long && (at > 0 || weight > 12) {
        return 0;
    }
    u32::try_from(base).unwrap_or(0).saturating_sub(u32::try_from(weight.min(40)).unwrap_or(40))
}

/// Where `name` stands in `label` as whole words.
pub(crate) fn find_words(label: &str, name: &str) -> Option<usize> {
    label.match_indices(name).map(|(at, _)| at).find(|at| {
        let is_word = |char: char| char.is_ascii_alphanumeric();
        let before = label[..*at].chars().next_back();
        let after = label[at + name.len()..].chars().next();
        let starts_inside = name.starts_with(is_word) && before.is_some_and(is_word);
        let ends_inside = name.ends_with(is_word) && after.is_some_and(is_word);
        !starts_inside && !ends_inside
    })
}

/// Whether it is a Chinese character.
pub(crate) fn is_chinese(char: char) -> bool {
    matches!(char, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lose_their_numbering_and_brackets() {
        for (label, expected) in [
            ("一、营业总收入", "营业总收入"),
            ("其中：营业收入", "营业收入"),
            ("五、净利润（净亏损以“－”号填列）", "净利润"),
            ("1.归属于母公司股东的净利润 （净亏损以“-”号填列）", "归属于母公司股东的净利润"),
            ("（一）基本每股收益(元/股)", "基本每股收益"),
            (" 减：所得税费用", "所得税费用"),
            ("购建固定资产、无形资产和其他长期 资产支付的现金", "购建固定资产无形资产和其他长期资产支付的现金"),
            ("Purchases of property, plant and equipment (PP&E)", "purchases of property plant and equipment"),
            (
                "Net cash provided by (used in) operating activities",
                "net cash provided by used in operating activities",
            ),
            ("Earnings per share — basic", "earnings per share basic"),
            ("Short-term debt", "short-term debt"),
        ] {
            assert_eq!(normal(label), expected, "{label}");
        }
    }

    #[test]
    fn the_exact_label_fits_best_and_a_part_of_a_word_not_at_all() {
        assert_eq!(fit("net sales", "net sales"), 100);
        assert!(fit("net sales total company", "net sales") > 0);
        assert_eq!(fit("cost of sales", "sales"), 0);
        assert_eq!(fit("wholesales", "sales"), 0);
        assert_eq!(fit("basic research spending", "basic"), 0);
        assert!(fit("营业收入合计", "营业收入") > fit("主营业务营业收入合计", "营业收入"));
    }
}
