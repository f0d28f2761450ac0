//! Small files, finished files.

use crate::{code_lines, files_below, none, read, root, rust_files, shown};

const MOST_LINES: usize = 500;

/// Written by a program, read by nobody.
const GENERATED: [&str; 1] = ["web/src/api/schema.d.ts"];

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let mut files = rust_files();
    files.extend(files_below(&root().join("web"), &[".ts", ".tsx"]));
    let long: Vec<_> = files
        .iter()
        .filter(|file| !GENERATED.contains(&shown(file).as_str()))
        .map(|file| (shown(file), read(file).lines().count()))
        .filter(|(_, n_lines)| *n_lines > MOST_LINES)
        .map(|(file, n_lines)| format!("{file} has {n_lines} lines: which noun wants its own file?"))
        .collect();

    none(&long);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not complain of itself.
    let marks = [
        ["to", "do!("],
        ["unimple", "mented!("],
        ["#[ig", "nore"],
        ["FIX", "ME"],
        ["it.", "only("],
        ["test.", "skip("],
    ];
    let marks = marks.map(|halves| halves.concat());
    let mut files = rust_files();
    files.extend(files_below(&root().join("web"), &[".ts", ".tsx", ".mjs"]));
    let mut complaints = Vec::new();
    for file in files {
        for (idx, line) in read(&file).lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(mark.as_str())) {
                complaints.push(format!("{}:{}: {mark}", shown(&file), idx + 1));
            }
        }
    }

    none(&complaints);
}

#[test]
fn every_forbidden_method_has_a_reason() {
    let text = read(&root().join("clippy.toml"));
    let entries: Vec<_> = text.lines().filter(|line| line.contains("path = ")).collect();
    let without: Vec<_> =
        entries.iter().filter(|line| !line.contains("reason = \"")).map(|line| line.trim().to_owned()).collect();

    assert!(!entries.is_empty(), "clippy.toml forbids nothing any more");
    none(&without);
}

#[test]
fn an_exception_to_a_lint_has_a_reason() {
    let mut complaints = Vec::new();
    for file in rust_files() {
        let text = read(&file);
        let code = code_lines(&text).join("\n");
        for (start, _) in code.match_indices(&["#[", "expect("].concat()) {
            // An attribute may run over several lines; it ends at its bracket.
            let attribute = code[start..].split_once(")]").map_or(&code[start..], |(head, _)| head);
            if !attribute.contains("reason") {
                let line = code[..start].lines().count();
                complaints.push(format!("{}:{line}: #[expect] without a reason", shown(&file)));
            }
        }
    }

    none(&complaints);
}
