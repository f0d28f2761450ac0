//! Whoever knows one service knows all seven: the same files in the same places.

use crate::{none, read, root, rust_files, services, shown};

#[test]
fn every_service_has_the_same_files() {
    let mut complaints = Vec::new();
    for (name, folder) in services() {
        let has = |file: &str| folder.join("src").join(file).exists();
        for file in ["lib.rs", "config.rs", "error.rs"] {
            if !has(file) {
                complaints.push(format!("{name} has no src/{file}"));
            }
        }
        if !has("routes.rs") && !has("routes/mod.rs") {
            complaints.push(format!("{name} has no src/routes.rs, the table of contents of what it answers"));
        }
        // The queue keeps the rows of the async worker.
        if !has("migration.rs") && !read(&folder.join("Cargo.toml")).contains("septet-queue") {
            complaints.push(format!("{name} has no src/migration.rs, which tells the tables that it keeps"));
        }
    }

    none(&complaints);
}

#[test]
fn every_service_opens_the_same_way() {
    let without: Vec<_> = services()
        .iter()
        .filter(|(_, folder)| !read(&folder.join("src/lib.rs")).contains("pub async fn open("))
        .map(|(name, _)| format!("{name}: lib.rs has no `pub async fn open(config, platform, stores..)`"))
        .collect();

    none(&without);
}

#[test]
fn every_module_says_what_it_is() {
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("tests.rs");
    let silent: Vec<_> = rust_files()
        .iter()
        .filter(|file| !read(file).starts_with("//!"))
        .map(|file| shown(file))
        .filter(|path| !is_test(path))
        .map(|path| format!("{path} does not open with //! and what it is for"))
        .collect();

    none(&silent);
}

#[test]
fn every_dependency_is_named_once_in_the_workspace() {
    let mut complaints = Vec::new();
    let folders = ["crates", "tests", "bench", "xtask"];
    for manifest in folders.iter().flat_map(|part| crate::files_below(&root().join(part), &["Cargo.toml"])) {
        let text = read(&manifest);
        let mut in_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies]");
            } else if in_dependencies
                && line.contains('=')
                && !line.starts_with('#')
                && !line.contains("workspace = true")
            {
                complaints.push(format!("{}: `{line}` belongs into [workspace.dependencies]", shown(&manifest)));
            }
        }
    }

    none(&complaints);
}
