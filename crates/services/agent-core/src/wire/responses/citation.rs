//! Finds the `[1]` marks in an answer and says which passage each one cites.

use septet_contracts::responses::{Annotation, ContainerFileCitation, FileCitation};

use crate::run::output::{Artifact, Passage};

const MAX_QUOTE_CHARS: usize = 600;

/// A mark in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The number of the passage.
    pub number: u32,
    /// Where the mark starts, in characters.
    pub index: usize,
    /// The mark as it stands in the text.
    pub text: String,
}

/// All marks of a text in order: `[1]`, `[1, 2]`, `[1][3]`, `【1】`. Anything else in brackets is none.
#[must_use]
pub fn marks(text: &str) -> Vec<Mark> {
    let characters: Vec<char> = text.chars().collect();
    let mut marks = Vec::new();
    let mut start = 0;
    while start < characters.len() {
        let closing = match characters[start] {
            '[' => ']',
            '【' => '】',
            _ => {
                start += 1;
                continue;
            }
        };
        let Some(length) = characters[start + 1..].iter().take(40).position(|character| *character == closing) else {
            start += 1;
            continue;
        };
        let end = start + 1 + length;
        // A Markdown link such as [1](url) is the author's own.
        let is_link = characters.get(end + 1) == Some(&'(');
        let inside: String = characters[start + 1..end].iter().collect();
        let numbers: Option<Vec<u32>> =
            inside.split([',', '，', '、']).map(|number| number.trim().parse().ok()).collect();
        if let (Some(numbers), false) = (numbers, is_link) {
            let text: String = characters[start..=end].iter().collect();
            marks.extend(numbers.into_iter().map(|number| Mark { number, index: start, text: text.clone() }));
            start = end;
        }
        start += 1;
    }
    marks
}

/// The annotations of an answer: one for each mark that names a passage the model really saw, then one for each file.
#[must_use]
pub fn annotations(text: &str, passages: &[&Passage], files: &[&Artifact]) -> Vec<Annotation> {
    let cited = marks(text).into_iter().filter_map(|mark| {
        let passage = passages.iter().find(|passage| passage.number == mark.number)?;
        Some(Annotation::FileCitation(cited(mark, passage)))
    });
    let end = text.chars().count();
    let files = files.iter().map(|file| {
        Annotation::ContainerFileCitation(ContainerFileCitation {
            container_id: file.container.to_string(),
            file_id: file.id.clone(),
            filename: file.name.clone(),
            start_index: end,
            end_index: end,
            mime: file.mime.clone(),
        })
    });
    cited.chain(files).collect()
}

fn cited(mark: Mark, passage: &Passage) -> FileCitation {
    FileCitation {
        file_id: passage.file.clone(),
        filename: passage.filename.clone(),
        index: mark.index,
        marker: mark.text,
        number: passage.number,
        page: passage.page,
        page_end: passage.page_end,
        heading: passage.heading.clone(),
        quote: passage.text.chars().take(MAX_QUOTE_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<(u32, usize)> {
        marks(text).into_iter().map(|mark| (mark.number, mark.index)).collect()
    }

    #[test]
    fn marks_are_found_by_character_not_byte() {
        assert_eq!(numbers("净利润增长[1]。"), [(1, 5)]);
        assert_eq!(numbers("a [1][2] b【3】"), [(1, 2), (2, 5), (3, 10)]);
        assert_eq!(numbers("both [4, 5]"), [(4, 5), (5, 5)]);
    }

    #[test]
    fn other_brackets_are_no_marks() {
        assert_eq!(numbers("[x] [] [1](http://a) [1.5] array[i] [1"), []);
    }

    #[test]
    fn a_number_that_the_model_made_up_cites_nothing() {
        assert!(annotations("so it is [7]", &[], &[]).is_empty());
    }
}
