//! A table belongs to one service: nobody else makes it, reads it or writes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{code_lines, files_below, literals, none, read, root, services, shown};

/// The prefix of the tables of each service, and of the counters, which are a store of their own.
const PREFIXES: [(&str, &str); 8] = [
    ("api-gateway", "gateway_"),
    ("model-gateway", "models_"),
    ("agent-core", "agent_"),
    ("knowledge-engine", "knowledge_"),
    ("sandbox-runner", "sandbox_"),
    ("async-worker", "worker_"),
    ("management", "management_"),
    ("kv", "kv_"),
];

/// The sources of each owner of tables. The queue keeps those of the async worker.
fn sources() -> Vec<(String, Vec<PathBuf>)> {
    let mut found: Vec<_> =
        services().into_iter().map(|(name, folder)| (name, files_below(&folder.join("src"), &[".rs"]))).collect();
    found.push(("async-worker".to_owned(), files_below(&root().join("crates/stores/queue/src"), &[".rs"])));
    found.push(("kv".to_owned(), files_below(&root().join("crates/stores/kv/src"), &[".rs"])));
    found
}

/// The words of a text, in small letters.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The tables that the statements of a file make, and the one that remembers which were made.
fn made_in(text: &str) -> Vec<String> {
    let mut made = Vec::new();
    for literal in literals(text) {
        let words: Vec<String> =
            words(&literal).filter(|word| !["if", "not", "exists"].contains(&word.as_str())).collect();
        let pairs = words.windows(3).filter(|three| three[0] == "create" && three[1] == "table");
        made.extend(pairs.map(|three| three[2].clone()));
    }
    let recorded = code_lines(text).into_iter().filter_map(|line| line.split_once("recorded_in:"));
    made.extend(recorded.filter_map(|(_, behind)| literals(behind).into_iter().next()));
    made
}

#[test]
fn a_table_is_named_by_its_owner_alone() {
    let prefixes: BTreeMap<_, _> = PREFIXES.into_iter().collect();
    let mut complaints = Vec::new();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for (owner, files) in sources() {
        let own =
            prefixes.get(owner.as_str()).unwrap_or_else(|| panic!("{owner} has no prefix: give it one in tables.rs"));
        for file in files {
            for table in made_in(&read(&file)) {
                if !table.starts_with(own) {
                    complaints
                        .push(format!("{}: {owner} makes the table {table}; its own begin with {own}", shown(&file)));
                }
                owners.insert(table, owner.clone());
            }
        }
    }
    assert!(owners.len() > 20, "only {} tables were found: this check looks in the wrong place", owners.len());

    // Whatever a statement looks like, it says the table's name.
    let owned: BTreeMap<PathBuf, String> = sources()
        .into_iter()
        .flat_map(|(owner, files)| files.into_iter().map(move |file| (file, owner.clone())))
        .collect();
    for file in files_below(&root().join("crates"), &[".rs"]) {
        if shown(&file).contains("/tests") || shown(&file).starts_with("crates/testkit") {
            continue;
        }
        let of_file = owned.get(&file);
        for literal in literals(&read(&file)) {
            for (table, owner) in words(&literal).filter_map(|word| owners.get_key_value(&word)) {
                if of_file != Some(owner) {
                    complaints.push(format!(
                        "{}: names the table {table} of {owner}; what is in it is asked for by a call",
                        shown(&file)
                    ));
                }
            }
        }
    }

    none(&complaints);
}
