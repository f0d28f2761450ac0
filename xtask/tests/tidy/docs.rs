//! What the documents say is there, is there.

use crate::{files_below, none, read, root, shown};

fn documents() -> Vec<std::path::PathBuf> {
    let mut found = files_below(&root().join("docs"), &[".md"]);
    let entries = std::fs::read_dir(root()).expect("the root can be read");
    found.extend(
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    found
}

/// What stands between `open` and `close`, again and again.
fn between<'a>(text: &'a str, open: &str, close: char) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split_once(close).map(|(inner, _)| inner)).collect()
}

#[test]
fn a_link_in_the_documents_leads_somewhere() {
    let mut complaints = Vec::new();
    for document in documents() {
        let folder = document.parent().expect("a file lies in a folder");
        for link in between(&read(&document), "](", ')') {
            let is_elsewhere = link.starts_with('#') || link.contains("://") || link.starts_with("mailto:");
            let path = link.split('#').next().unwrap_or(link);
            if !is_elsewhere && !folder.join(path).exists() {
                complaints.push(format!("{}: the link {link} leads nowhere", shown(&document)));
            }
        }
    }

    none(&complaints);
}

#[test]
fn a_path_named_in_the_documents_exists() {
    const PARTS: [&str; 8] = ["crates/", "runtime/", "scripts/", "web/", "examples/", "xtask/", "tests/", "bench/"];
    let mut complaints = Vec::new();
    for document in documents() {
        for path in between(&read(&document), "`", '`') {
            let is_path = PARTS.iter().any(|part| path.starts_with(part))
                && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            // The console is built, not kept.
            if is_path && !path.starts_with("web/dist") && !root().join(path).exists() {
                complaints.push(format!("{}: `{path}` does not exist", shown(&document)));
            }
        }
    }

    none(&complaints);
}

/// The page of limits is written by hand, for people; what it says is what the table says.
#[test]
fn the_page_of_limits_says_what_the_table_of_caps_says() {
    let page = read(&root().join("docs/guide/limits.md"));
    let rows: Vec<(&str, u64)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter_map(|(what, most)| Some((what, most.replace(" bytes", "").replace(' ', "").parse().ok()?)))
        .collect();
    let has = |what: &str, most: u64| rows.iter().any(|(row, at_most)| row.contains(what) && *at_most == most);
    let caps = &septet_chassis::http::caps::CAPS;
    let mut expected: Vec<(String, u64)> =
        caps.lists.iter().map(|(name, most)| (format!("`{name}`"), u64::from(*most))).collect();
    expected.extend([
        ("lists and objects inside one another".to_owned(), caps.depth as u64),
        ("fields of an object".to_owned(), caps.fields.into()),
        ("the name of a field".to_owned(), caps.name_bytes.into()),
        ("items of any other list".to_owned(), caps.items.into()),
        ("numbers in a list".to_owned(), caps.numbers.into()),
    ]);
    let complaints: Vec<String> = expected
        .iter()
        .filter(|(what, most)| !has(what, *most))
        .map(|(what, most)| format!("docs/guide/limits.md does not say that {what} is {most} at most"))
        .collect();

    none(&complaints);
}

/// Documents name the test that guards a promise; a test that was renamed takes its document along.
#[test]
fn a_test_named_in_the_documents_exists() {
    let code: String = crate::rust_files().iter().map(|file| read(file)).collect();
    let mut complaints = Vec::new();
    for document in documents() {
        for name in between(&read(&document), "`", '`') {
            let is_sentence =
                name.matches('_').count() >= 3 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let is_code = septet_codes::all().any(|code| code.name == name);
            if is_sentence && !is_code && !code.contains(&format!("fn {name}(")) {
                complaints.push(format!("{}: there is no test `{name}`", shown(&document)));
            }
        }
    }

    none(&complaints);
}

#[test]
fn the_settings_reference_is_fresh() {
    let wanted = xtask::settings::render(&root()).expect("the settings are documented");
    let there = read(&root().join(xtask::settings::FILE));

    assert!(
        there == wanted,
        "{} is stale; run: make golden (or cargo run -p xtask -- settings)",
        xtask::settings::FILE
    );
}
