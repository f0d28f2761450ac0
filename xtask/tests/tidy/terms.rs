//! The words of CONTRIBUTING.md: what is called by the field's term is called nothing else.

use crate::{code_lines, has_word, none, read, root, rust_files, shown};

/// The words in code marks in the second column of the table of terms.
fn avoided(text: &str) -> Vec<&str> {
    let (_, from) = text.split_once("## Terms").expect("CONTRIBUTING.md has a chapter of terms");
    let chapter = from.split("\n## ").next().unwrap_or_default();
    let rows = chapter.lines().filter_map(|line| line.strip_prefix('|')?.split('|').nth(1));
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn no_name_is_one_that_the_terms_avoid() {
    let contributing = read(&root().join("CONTRIBUTING.md"));
    let avoided = avoided(&contributing);
    assert!(avoided.len() > 10, "{avoided:?}");
    let mut complaints = Vec::new();
    for file in rust_files() {
        let text = read(&file);
        for (number, line) in code_lines(&text).into_iter().enumerate() {
            for word in avoided.iter().filter(|word| has_word(line, word)) {
                complaints.push(format!("{}:{}: {word}: see the terms in CONTRIBUTING.md", shown(&file), number + 1));
            }
        }
    }

    none(&complaints);
}
