//! Checks of the project itself: what may depend on what, which file is where, which words stand where.
//!
//! Each test fails with a sentence that names the place and says what to do. A rule that is not checked here, or by
//! the compiler, is not a rule.

mod circles;
mod codes;
mod crates;
mod docs;
mod files;
mod floors;
mod tables;
mod terms;
mod words;

use std::path::{Path, PathBuf};

/// The root of the checkout.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

/// The folders of the seven services, by name.
fn services() -> Vec<(String, PathBuf)> {
    let folder = root().join("crates/services");
    let entries = std::fs::read_dir(&folder).expect("crates/services can be read");
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("crates/services can be read"))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    found.sort();
    found
}

/// All files below `folder` with one of the endings, sorted; what is built or downloaded is left out.
fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    const NOT_OURS: [&str; 5] = ["target", "node_modules", "dist", ".git", "generated"];
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The Rust files of the workspace, this crate's own among them.
fn rust_files() -> Vec<PathBuf> {
    ["crates", "tests", "bench", "xtask"].iter().flat_map(|part| files_below(&root().join(part), &[".rs"])).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// The path as a reader knows it, from the root of the checkout.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The code of a file: lines that are only a comment are empty, so that line numbers stay.
fn code_lines(text: &str) -> Vec<&str> {
    text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect()
}

/// The texts in quotes, with what is left out of the code around them. Those in comments are none.
fn literals(text: &str) -> Vec<String> {
    let code = code_lines(text).join("\n");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some(start) = rest.find('"') {
        let (before, after) = (&rest[..start], &rest[start + 1..]);
        let hashes = before.len() - before.trim_end_matches('#').len();
        let is_raw = before.trim_end_matches('#').ends_with('r') && (hashes > 0 || before.ends_with('r'));
        if before.ends_with('\'') {
            // The character itself.
            rest = after;
            continue;
        }
        let end = if is_raw {
            after.find(&format!("\"{}", "#".repeat(hashes)))
        } else {
            let mut escaped = false;
            after.find(|c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })
        };
        let Some(end) = end else { break };
        found.push(after[..end].to_owned());
        rest = &after[end + 1..];
    }
    found
}

/// Whether `word` stands in `line` as a word of its own.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Fails with all complaints, one on a line.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}
