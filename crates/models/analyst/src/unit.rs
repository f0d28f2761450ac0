//! What the numbers of a table are counted in: the scale and the currency.

use super::number::narrow;

/// A scale and a currency, each only when the document says so.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Unit {
    /// How many ones a 1 stands for.
    pub scale: Option<f64>,
    /// ISO code.
    pub currency: Option<&'static str>,
}

impl Unit {
    /// Fills what is missing from another unit.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { scale: self.scale.or(other.scale), currency: self.currency.or(other.currency) }
    }

    /// Whether nothing is known.
    pub(crate) fn is_unknown(self) -> bool {
        self.scale.is_none() && self.currency.is_none()
    }

    /// In English: "USD million".
    pub(crate) fn english(self) -> String {
        let scale = match self.scale {
            Some(scale) if scale >= 1e9 => "billion",
            Some(scale) if scale >= 1e8 => "hundred million",
            Some(scale) if scale >= 1e6 => "million",
            Some(scale) if scale >= 1e4 => "ten thousand",
            Some(scale) if scale >= 1e3 => "thousand",
            _ => "",
        };
        [self.currency.unwrap_or_default(), scale]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// In Chinese: "百万美元".
    pub(crate) fn chinese(self) -> String {
        let scale = match self.scale {
            Some(scale) if scale >= 1e9 => "十亿",
            Some(scale) if scale >= 1e8 => "亿",
            Some(scale) if scale >= 1e6 => "百万",
            Some(scale) if scale >= 1e4 => "万",
            Some(scale) if scale >= 1e3 => "千",
            _ => "",
        };
        let currency = match self.currency {
            Some("USD") => "美元",
            Some("HKD") => "港元",
            Some("EUR") => "欧元",
            Some("GBP") => "英镑",
            Some(_) => "元",
            None => "",
        };
        format!("{scale}{currency}")
    }
}

/// What a line says about the unit of the numbers below it, if it does.
pub(crate) fn stated(line: &str) -> Unit {
    let lower = narrow(line).to_lowercase();
    let tight: String = lower.chars().filter(|char| !char.is_whitespace()).collect();
    let chinese = chinese(&tight);
    if !chinese.is_unknown() {
        return chinese;
    }
    english(&lower)
}

fn chinese(tight: &str) -> Unit {
    let says_unit = [
        "单位:",
        "单位为",
        "金额单位",
        "人民币百万元",
        "人民币千元",
        "人民币万元",
        "人民币亿元",
        "(万元)",
        "(百万元)",
        "(亿元)",
        "(千元)",
        "(元)",
    ]
    .iter()
    .any(|word| tight.contains(word));
    if !says_unit {
        return Unit::default();
    }
    // Of a sentence that only happens to contain 元, what follows 单位 counts.
    let from = tight.find("单位").unwrap_or(0);
    let rest = &tight[from..];
    let scale = [("百万", 1e6), ("亿元", 1e8), ("亿", 1e8), ("万元", 1e4), ("万", 1e4), ("千元", 1e3), ("元", 1.0)]
        .iter()
        .filter_map(|(word, scale)| rest.find(word).map(|at| (at, *scale)))
        .min_by(|one, other| one.0.cmp(&other.0))
        .map(|(_, scale)| scale);
    let currency =
        [("美元", "USD"), ("港元", "HKD"), ("港币", "HKD"), ("欧元", "EUR"), ("人民币", "CNY"), ("元", "CNY")]
            .iter()
            .find(|(word, _)| rest.contains(word))
            .map(|(_, code)| *code);
    Unit { scale, currency }
}

fn english(lower: &str) -> Unit {
    let scale = [("billion", 1e9), ("million", 1e6), ("thousand", 1e3), ("000s", 1e3), ("'000", 1e3)].iter().find_map(
        |(word, scale)| {
            let at = lower.find(word)?;
            let before = lower[..at].trim_end();
            // "in millions", "(Millions, except ...", "US$ million", "Dollars in millions": a heading. A sentence has a
            // number before the word and is no heading.
            let heading = before.is_empty()
                || before.ends_with("in")
                || before.ends_with('(')
                || before.ends_with('$')
                || before.ends_with("usd")
                || before.ends_with("rmb")
                || before.ends_with('€');
            heading.then_some(*scale)
        },
    );
    let Some(scale) = scale else { return Unit::default() };
    let currency = [
        ("hk$", "HKD"),
        ("rmb", "CNY"),
        ("cny", "CNY"),
        ("€", "EUR"),
        ("eur", "EUR"),
        ("£", "GBP"),
        ("$", "USD"),
        ("usd", "USD"),
        ("dollar", "USD"),
    ]
    .iter()
    .find(|(word, _)| lower.contains(word))
    .map(|(_, code)| *code);
    Unit { scale: Some(scale), currency }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_tell_the_unit() {
        let unit = |scale, currency| Unit { scale: Some(scale), currency };
        assert_eq!(stated("单位：元 币种：人民币"), unit(1.0, Some("CNY")));
        assert_eq!(stated("单位:万元"), unit(1e4, Some("CNY")));
        assert_eq!(stated("（人民币百万元）"), unit(1e6, Some("CNY")));
        assert_eq!(stated("(Dollars in millions, except per share amounts)"), unit(1e6, Some("USD")));
        assert_eq!(stated("(Millions) | 2018 | 2017"), unit(1e6, None));
        assert_eq!(stated("(in thousands)"), unit(1e3, None));
    }

    #[test]
    fn a_sentence_does_not_tell_the_unit_of_a_table() {
        assert!(stated("Net sales were $32.8 billion in 2018.").is_unknown());
        assert!(stated("公司实现营业收入 117,530.10 万元").is_unknown());
    }

    #[test]
    fn units_have_names_in_both_languages() {
        let unit = Unit { scale: Some(1e6), currency: Some("USD") };
        assert_eq!((unit.english().as_str(), unit.chinese().as_str()), ("USD million", "百万美元"));
        let unit = Unit { scale: Some(1.0), currency: Some("CNY") };
        assert_eq!((unit.english().as_str(), unit.chinese().as_str()), ("CNY", "元"));
    }
}
