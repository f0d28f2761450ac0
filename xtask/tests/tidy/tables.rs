//! A table belongs to one service: nobody else makes it, reads it or writes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{code_lines, files_below, none, read, root, services, shown};

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

/// Words of SQL that a table's name follows.
const BEFORE_A_TABLE: [&str; 6] = ["FROM", "INTO", "UPDATE", "JOIN", "TABLE", "EXISTS"];

/// The sources of each owner of tables. The queue keeps those of the async worker.
fn sources() -> Vec<(String, Vec<PathBuf>)> {
    let mut found: Vec<_> =
        services().into_iter().map(|(name, folder)| (name, files_below(&folder.join("src"), &[".rs"]))).collect();
    found.push(("async-worker".to_owned(), files_below(&root().join("crates/stores/queue/src"), &[".rs"])));
    found.push(("kv".to_owned(), files_below(&root().join("crates/stores/kv/src"), &[".rs"])));
    found
}

/// Every table that a piece of SQL in the line names.
fn tables_in(line: &str) -> Vec<String> {
    let words: Vec<_> =
        line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for pair in words.windows(2) {
        if BEFORE_A_TABLE.contains(&pair[0]) && pair[1].contains('_') {
            found.push(pair[1].to_owned());
        }
        if pair[0] == "recorded_in" && pair[1].contains('_') {
            found.push(pair[1].to_owned());
        }
    }
    found
}

#[test]
fn a_table_is_named_by_its_owner_alone() {
    let prefixes: BTreeMap<_, _> = PREFIXES.into_iter().collect();
    let mut complaints = Vec::new();
    let mut n_tables = 0;
    for (owner, files) in sources() {
        let own =
            prefixes.get(owner.as_str()).unwrap_or_else(|| panic!("{owner} has no prefix: give it one in tables.rs"));
        for file in files {
            let text = read(&file);
            for (idx, line) in code_lines(&text).iter().enumerate() {
                for table in tables_in(line) {
                    n_tables += 1;
                    if !table.starts_with(own) {
                        complaints.push(format!(
                            "{}:{}: {owner} names the table {table}; its own begin with {own}, the others' are asked for by a call",
                            shown(&file),
                            idx + 1
                        ));
                    }
                }
            }
        }
    }

    assert!(n_tables > 20, "only {n_tables} tables were found: this check looks in the wrong place");
    none(&complaints);
}
