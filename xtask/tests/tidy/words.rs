//! Domain modules know neither axum nor SQL, so they can be read and tested alone.

use std::path::Path;

use crate::{code_lines, files_below, has_word, literals, none, read, root, services};

/// Where HTTP is the job, in every service. A folder of the same name belongs to it.
const HTTP: [&str; 3] = ["lib", "routes", "jobs"];
/// Where rows are the job, in every service.
const ROWS: [&str; 5] = ["lib", "store", "rows", "migration", "error"];

/// The API gateway is made of HTTP: these modules take requests apart, or put answers together.
const GATEWAY_HTTP: [&str; 8] = ["address", "admission", "console", "events", "proxy", "route", "shape", "socket"];
/// Modules that name the connection of an open transaction, so that several verbs may share one; the statements
/// themselves are in the store.
const TAKES_A_CONNECTION: [(&str, &str); 7] = [
    ("management", "agents"),
    ("management", "prompts"),
    ("management", "seeds"),
    ("management", "users"),
    // Sessions, tickets and the ledger are persistence: each module is the store of one noun.
    ("api-gateway", "auth"),
    ("api-gateway", "billing"),
    ("api-gateway", "installation"),
];

/// The module directly below `src` that a file belongs to.
fn module(source: &Path, file: &Path) -> String {
    let below = file.strip_prefix(source).expect("the file lies below its crate");
    let first = below.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn names(text: &str, words: &[&str]) -> Option<usize> {
    code_lines(text).iter().position(|line| words.iter().any(|word| has_word(line, word)))
}

#[test]
fn domain_modules_do_not_know_axum() {
    let mut complaints = Vec::new();
    for (service, folder) in services() {
        let source = folder.join("src");
        for file in files_below(&source, &[".rs"]) {
            let module = module(&source, &file);
            let may = HTTP.contains(&module.as_str())
                || (service == "api-gateway" && GATEWAY_HTTP.contains(&module.as_str()))
                // What drivers say to the agent in a container is HTTP, on both sides.
                || (service == "sandbox-runner" && module == "agent")
                || module == "bin";
            if let (false, Some(line)) = (may, names(&read(&file), &["axum", "axum_core"])) {
                complaints.push(format!("{}:{}: HTTP belongs into routes", crate::shown(&file), line + 1));
            }
        }
    }

    none(&complaints);
}

#[test]
fn domain_modules_do_not_know_sql() {
    let mut complaints = Vec::new();
    for (service, folder) in services() {
        let source = folder.join("src");
        for file in files_below(&source, &[".rs"]) {
            let module = module(&source, &file);
            let may = ROWS.contains(&module.as_str())
                || is_a_test(&file)
                || TAKES_A_CONNECTION.contains(&(service.as_str(), module.as_str()))
                // What drivers say to the agent in a container is HTTP, on both sides.
                || (service == "sandbox-runner" && module == "agent")
                || module == "bin";
            let text = read(&file);
            if let (false, Some(line)) = (may, names(&text, &["sea_orm", "sea_orm_migration"])) {
                complaints.push(format!("{}:{}: rows belong into store", crate::shown(&file), line + 1));
            }
            // However it gets to a database: what it says there is SQL.
            if let (false, Some(statement)) = (may, literals(&text).into_iter().find(|text| is_sql(text))) {
                let place = crate::shown(&file);
                complaints.push(format!("{place}: statements belong into store, such as {statement:?}"));
            }
        }
    }

    none(&complaints);
}

/// Whether a text begins as a statement does.
fn is_sql(text: &str) -> bool {
    let mut words = text.split_whitespace().map(str::to_lowercase);
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    match first.as_str() {
        "select" => text.to_lowercase().split_whitespace().any(|word| word == "from"),
        "insert" => second.is_some_and(|word| word == "into"),
        "delete" => second.is_some_and(|word| word == "from"),
        "update" => text.to_lowercase().split_whitespace().any(|word| word == "set"),
        _ => false,
    }
}

/// Tests beside the modules that they try: they have no settings file, and may look at rows.
fn is_a_test(file: &Path) -> bool {
    file.ends_with("tests.rs")
}

#[test]
fn the_environment_is_read_only_by_the_binary() {
    let mut complaints = Vec::new();
    for file in files_below(&root().join("crates"), &[".rs"]) {
        let name = crate::shown(&file);
        let is_of_tests = is_a_test(&file)
            || name.contains("/tests/")
            || ["crates/fixtures", "crates/testkit"].iter().any(|of_tests| name.starts_with(of_tests));
        if is_of_tests || name.starts_with("crates/septet/") {
            continue;
        }
        for (idx, line) in code_lines(&read(&file)).iter().enumerate() {
            // Of `env::var`, `var_os`, `vars` and `vars_os`, however they are imported.
            if line.contains("env::var") || line.contains("env::{") || line.contains("std::env as ") {
                complaints.push(format!("{name}:{}: settings are read once, in the binary", idx + 1));
            }
        }
    }

    none(&complaints);
}
