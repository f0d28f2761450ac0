//! Sentences of the documents, for what no table answers.

use super::label::is_chinese;
use super::passages::NumberedPassage;
use super::question::Question;

/// A sentence and the passage it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quote {
    pub text: String,
    pub passage: u32,
}

/// The sentences that hold most of the words looked for, best first, at most `limit`.
pub(crate) fn about(question: &Question, passages: &[&NumberedPassage], limit: usize) -> Vec<Quote> {
    // The name of the company stands on every page of its report.
    let is_name = |word: &&String| passages.iter().all(|passage| passage.file.to_lowercase().contains(word.as_str()));
    let terms = terms(&question.keywords.iter().filter(|word| !is_name(word)).cloned().collect::<Vec<_>>());
    let total: usize = terms.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return Vec::new();
    }
    let mut scored: Vec<(usize, Quote)> = Vec::new();
    for passage in passages {
        let heading = passage.heading.to_lowercase();
        for text in sentences(&passage.text) {
            let lower = text.to_lowercase();
            let own: usize =
                terms.iter().filter(|(term, _)| lower.contains(term.as_str())).map(|(_, weight)| weight).sum();
            let led: usize =
                terms.iter().filter(|(term, _)| heading.contains(term.as_str())).map(|(_, weight)| weight).sum();
            // Half of what was looked for must stand in the sentence or its heading, and some of it in the sentence.
            if own > 0 && (own + led) * 2 >= total {
                let defines = question.keywords.iter().any(|word| {
                    ["是", "为", "包括", " is ", " are "].iter().any(|verb| lower.contains(&format!("{word}{verb}")))
                });
                scored.push((own * 3 + led + if defines { 8 } else { 0 }, Quote { text, passage: passage.number }));
            }
        }
    }
    best(scored, limit)
}

/// Sentences in which the company gives a reason for one of these names, at most `limit`.
pub(crate) fn reasons(names: &[&str], passages: &[&NumberedPassage], limit: usize) -> Vec<Quote> {
    let because = [
        "主要系",
        "主要由于",
        "主要原因",
        "主要受",
        "主要得益于",
        "所致",
        "due to",
        "driven by",
        "attributable to the",
        "reflecting",
        "as a result of",
    ];
    let mut scored = Vec::new();
    for passage in passages {
        for text in sentences(&passage.text) {
            let lower = text.to_lowercase();
            let has_reason = because.iter().any(|word| lower.contains(word));
            let n_names = names.iter().filter(|name| lower.contains(*name)).count();
            // A sentence that only announces a list gives no reason.
            let announces = text.contains('：') || text.contains("following") || text.ends_with(':');
            if has_reason && n_names > 0 && !announces {
                scored.push((n_names, Quote { text, passage: passage.number }));
            }
        }
    }
    best(scored, limit)
}

fn best(mut scored: Vec<(usize, Quote)>, limit: usize) -> Vec<Quote> {
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let mut quotes: Vec<Quote> = Vec::new();
    for (_, quote) in scored {
        if quotes.len() < limit && quotes.iter().all(|known| known.text != quote.text) {
            quotes.push(quote);
        }
    }
    quotes
}

/// The words with their weights. A long Chinese word is also tried in pairs of characters, because nothing says where
/// its words end.
fn terms(keywords: &[String]) -> Vec<(String, usize)> {
    let mut terms = Vec::new();
    for keyword in keywords {
        let chars: Vec<char> = keyword.chars().collect();
        if chars.iter().any(|char| is_chinese(*char)) && chars.len() > 2 {
            terms.extend(chars.windows(2).map(|pair| (pair.iter().collect(), 2)));
        } else {
            // English words lose their ending, so that "risks" finds "risk".
            let stem = if keyword.is_ascii() && keyword.len() > 4 { keyword.trim_end_matches('s') } else { keyword };
            terms.push((stem.to_owned(), 3));
        }
    }
    terms
}

/// The sentences of a passage, 6 to 320 characters each. Lines of prose are joined first, since a page breaks them
/// anywhere; rows of tables are sentences of their own.
fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut prose = String::new();
    for line in text.lines().map(|line| line.trim_start_matches(|char| "√□ ".contains(char)).trim()) {
        // The boxes that Chinese reports tick.
        if line.starts_with("适用") && line.contains("不适用") && line.chars().count() < 12 {
            continue;
        }
        if line.contains(" | ") || line.is_empty() {
            split(&std::mem::take(&mut prose), &mut found);
            if !line.is_empty() {
                let cells: Vec<&str> = line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
                found.push(cells.join("："));
            }
            continue;
        }
        let glued = prose.chars().next_back().is_none_or(is_chinese) || line.chars().next().is_some_and(is_chinese);
        if !glued {
            prose.push(' ');
        }
        prose.push_str(line);
    }
    split(&prose, &mut found);
    found.retain(|sentence| (6..=320).contains(&sentence.chars().count()));
    found
}

fn split(prose: &str, found: &mut Vec<String>) {
    let mut start = 0;
    let ends: Vec<usize> = prose
        .char_indices()
        .filter(|(at, char)| ends_sentence(prose, *at, *char))
        .map(|(at, char)| at + char.len_utf8())
        .collect();
    for end in ends.into_iter().chain([prose.len()]) {
        let sentence = prose[start..end].trim();
        // "汇率风险。" is the name of what the next sentence tells.
        if sentence.chars().count() <= 14 && end < prose.len() {
            continue;
        }
        if !sentence.is_empty() {
            found.push(sentence.to_owned());
        }
        start = end;
    }
}

fn ends_sentence(prose: &str, at: usize, char: char) -> bool {
    match char {
        '。' | '！' | '？' | '；' => true,
        '.' | '!' | '?' => {
            let rest = &prose[at + 1..];
            let mut next = rest.chars();
            next.next() == Some(' ')
                && next.next().is_some_and(char::is_uppercase)
                && !prose[..at].ends_with("Inc")
                && !prose[..at].ends_with("No")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::understand;

    fn ask(question: &str, text: &str) -> Vec<String> {
        let passage = NumberedPassage {
            number: 4,
            file: "x.pdf".into(),
            page: Some(1),
            heading: String::new(),
            text: text.into(),
        };
        about(&understand(&[question.into()]), &[&passage], 3).into_iter().map(|quote| quote.text).collect()
    }

    #[test]
    fn the_sentence_that_holds_the_words_is_quoted() {
        let text = "公司主营业务为工业机器人的研发。\n公司聘请样例会计师事务所为审计机构。\n其他。";
        assert_eq!(ask("公司的审计机构是哪家？", text), ["公司聘请样例会计师事务所为审计机构。"]);

        let text = "The company makes things. Currency risk is the\nmain risk of the company. Nothing else.";
        assert_eq!(ask("What are the main risks?", text), ["Currency risk is the main risk of the company."]);
    }

    #[test]
    fn a_row_of_a_table_is_a_sentence() {
        assert_eq!(
            ask("法定代表人是谁", "公司的法定代表人 | 无名氏\n公司的注册地址 | 某地"),
            ["公司的法定代表人：无名氏"]
        );
    }

    #[test]
    fn words_that_stand_nowhere_give_nothing() {
        assert!(ask("今天天气如何", "公司主营业务为工业机器人的研发。").is_empty());
        assert!(ask("", "公司主营业务为工业机器人的研发。").is_empty());
    }
}
