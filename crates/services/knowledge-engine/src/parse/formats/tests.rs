use super::*;

fn chosen(head: &str, filename: &str) -> (&'static str, bool) {
    let chosen = choose(head.as_bytes(), filename);
    (chosen.format.name, chosen.is_guess)
}

#[test]
fn certain_bytes_count_before_the_name_and_the_name_before_likely_bytes() {
    for (head, filename, format) in [
        ("%PDF-1.7", "report.md", ("pdf", false)),
        ("a line of something\n%PDF-1.7", "report", ("pdf", false)),
        ("no mark of a PDF", "report.PDF", ("pdf", false)),
        ("<!DOCTYPE html><p>", "page.md", ("markdown", false)),
        ("  <html lang=zh>", "page", ("html", true)),
        ("<!doctype html>", "page.txt", ("html", true)),
        ("a,b", "table.TSV", ("csv", false)),
        ("words", "notes.txt", ("text", false)),
        ("words", "notes", ("text", false)),
        ("words", "a.folder/notes", ("text", false)),
    ] {
        assert_eq!(chosen(head, filename), format, "{filename}: {head}");
    }
}

#[test]
fn an_ending_and_a_name_are_one_formats() {
    let mut endings: Vec<&str> = FORMATS.iter().flat_map(|format| format.endings).map(|(ending, _)| *ending).collect();
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    for list in [&mut endings, &mut names] {
        let n = list.len();
        list.sort_unstable();
        list.dedup();
        assert_eq!(list.len(), n);
        assert!(list.iter().all(|word| *word == word.to_lowercase()));
    }
    assert_eq!(FORMATS.last().map(|format| format.name), Some(PLAIN));
}

#[test]
fn what_cannot_be_read_is_told_with_what_can() {
    let told = ParseFailure::UnsupportedType.to_string();

    for format in FORMATS {
        assert!(told.contains(format.titles[0]), "{told}");
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(septet_fixtures::repository().join(path)).unwrap()
}

#[test]
fn the_console_offers_every_format_and_no_other() {
    let offered: Vec<String> =
        FORMATS.iter().flat_map(|format| format.endings).map(|(ending, _)| format!(".{ending}")).collect();

    let line = format!("'{},application/pdf,text/*'", offered.join(","));
    assert!(
        read("web/src/features/knowledge/accepted.ts").contains(&line),
        "write into web/src/features/knowledge/accepted.ts: {line}"
    );
}

#[test]
fn the_documents_name_every_format() {
    let page = read("docs/guide/formats.md");
    for format in FORMATS {
        let endings: Vec<String> = format.endings.iter().map(|(ending, _)| format!("`.{ending}`")).collect();
        let row = format!("| {} | {} |", format.titles[0], endings.join(" "));
        assert!(page.contains(&row), "docs/guide/formats.md has no row that begins: {row}");
        for (path, language) in [
            ("README.md", 0),
            ("README.zh-CN.md", 1),
            ("crates/codes/src/documents.rs", 0),
            ("crates/codes/src/documents.rs", 1),
        ] {
            assert!(read(path).contains(format.titles[language]), "{path} does not say {}", format.titles[language]);
        }
    }
}
