//! The passages in the output of `knowledge_search`.
//!
//! Each begins with a line `[3] file="report.pdf" page=57 heading="..."` and goes on to the next such line. Anything
//! else in the output (an error, a hint) is no passage and is left alone.

use std::collections::BTreeSet;

/// A passage with the number that an answer cites it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberedPassage {
    /// The number to cite, written `[number]`.
    pub number: u32,
    pub file: String,
    pub page: Option<u32>,
    pub heading: String,
    pub text: String,
}

/// Adds the passages of one tool output to those known; a number that is known already stays as it was.
pub(crate) fn read_into(passages: &mut Vec<NumberedPassage>, output: &str) {
    let known: BTreeSet<u32> = passages.iter().map(|passage| passage.number).collect();
    let mut open: Option<NumberedPassage> = None;
    let mut found = Vec::new();
    for line in output.lines() {
        if let Some(next) = head(line) {
            found.extend(open.replace(next));
        } else if let Some(passage) = &mut open {
            passage.text.push_str(line);
            passage.text.push('\n');
        }
    }
    found.extend(open);
    for mut passage in found {
        passage.text.truncate(passage.text.trim_end().len());
        if !known.contains(&passage.number) && !passage.text.trim().is_empty() {
            passages.push(passage);
        }
    }
}

fn head(line: &str) -> Option<NumberedPassage> {
    let rest = line.trim_start().strip_prefix('[')?;
    let (number, rest) = rest.split_once(']')?;
    let number = number.parse().ok()?;
    if !rest.contains("file=") {
        return None;
    }
    Some(NumberedPassage {
        number,
        file: field(rest, "file").unwrap_or_default(),
        page: field(rest, "page").and_then(|page| page.split(['-', '–']).next()?.trim().parse().ok()),
        heading: field(rest, "heading").unwrap_or_default(),
        text: String::new(),
    })
}

/// The value of `name=value` or `name="value"`. A quote inside the value may be escaped.
fn field(text: &str, name: &str) -> Option<String> {
    let start = text.match_indices(name).find_map(|(at, _)| {
        let led = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        text[at + name.len()..].strip_prefix('=').filter(|_| led)
    })?;
    let Some(quoted) = start.strip_prefix('"') else {
        return Some(start.split_whitespace().next().unwrap_or_default().to_owned());
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => value.extend(chars.next()),
            '"' => break,
            other => value.push(other),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_read_with_file_page_and_heading() {
        let mut passages = Vec::new();
        read_into(
            &mut passages,
            "[1] file=\"a \\\"b\\\".pdf\" page=57 heading=\"Cash Flows\"\nSales | 1 | 2\n\n[2] file=\"c.pdf\" page=3-4 heading=\"\"\nwords [1] inside\n",
        );

        assert_eq!(passages.len(), 2);
        assert_eq!(passages[0].file, "a \"b\".pdf");
        assert_eq!(
            (passages[0].page, passages[0].heading.as_str(), passages[0].text.as_str()),
            (Some(57), "Cash Flows", "Sales | 1 | 2")
        );
        assert_eq!((passages[1].page, passages[1].text.as_str()), (Some(3), "words [1] inside"));
    }

    #[test]
    fn an_error_or_an_empty_answer_gives_no_passages() {
        let mut passages = Vec::new();
        for output in [
            "",
            "error: the knowledge engine is down",
            "{\"error\":\"x\"}",
            "No passages found.",
            "[x] file=",
            "[1] file=\"a\"\n\n",
        ] {
            read_into(&mut passages, output);
        }
        assert!(passages.is_empty());
    }
}
