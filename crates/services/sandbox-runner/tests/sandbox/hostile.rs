//! Snippets that try to get out. Each starts with `# expect: blocked|killed|contained | what it tries`, and prints
//! a line with `ESCAPED` when it succeeds.

use std::path::PathBuf;

use crate::support::{House, config, house_with, python};
use septet_contracts::sandbox::{NewExecution, Outcome, Output};
use septet_sandbox_runner::Config;

fn snippets() -> Option<Vec<(String, String)>> {
    #[expect(clippy::disallowed_methods, reason = "says where material outside the repository is")]
    let shared = std::env::var("SEPTET_SHARED")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared"), PathBuf::from);
    let folder = shared.join("probes/sandbox/hostile");
    let mut all: Vec<(String, String)> = std::fs::read_dir(&folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "py"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect();
    all.sort();
    Some(all)
}

#[tokio::test]
async fn no_hostile_snippet_gets_out() {
    let Some(snippets) = snippets() else {
        eprintln!(
            "SKIPPED: no hostile snippets; set SEPTET_SHARED to the folder that has probes/sandbox/hostile in it"
        );
        return;
    };
    let house = house_with(Config { memory_bytes: 512 << 20, session_bytes: 128 << 20, ..config() }).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let canary = format!("{{\"port\": {}}}", listener.local_addr().unwrap().port());
    let mut wrong = Vec::new();
    for (name, code) in &snippets {
        let output = attempt(&house, &canary, code).await;
        let told = format!("{}{}", output.stdout, output.stderr);
        let has_survivor = output.files.iter().any(|file| file.path.contains("ESCAPED") || file.path.contains("/core"));
        let expected = code.split_whitespace().nth(2).unwrap_or_default();
        let is_killed = matches!(output.outcome(), Some(Outcome::Timeout | Outcome::OutOfMemory | Outcome::Killed));
        if told.contains("ESCAPED") || has_survivor || (expected == "killed" && !is_killed) {
            wrong.push(format!(
                "{name} ({expected}): {:?} {}",
                output.outcome(),
                told.chars().take(300).collect::<String>()
            ));
        }
        eprintln!(
            "{name:28} {expected:10} {:?} {}",
            output.outcome(),
            told.lines().last().unwrap_or_default().chars().take(90).collect::<String>()
        );
    }
    assert!(wrong.is_empty(), "{} of {} got out:\n{}", wrong.len(), snippets.len(), wrong.join("\n"));
}

async fn attempt(house: &House, canary: &str, code: &str) -> Output {
    let container = house.container().await;
    house.upload(container, "canary.json", canary).await.unwrap();
    let new = NewExecution { timeout_ms: Some(5000), ..python(code) };
    let mut output = house.run_in(container, new.clone()).await;
    if code.contains("# run-twice") {
        // What must not leak goes to another session; what is planted in a session's own folder, to the same one.
        let again = if code.contains("another session") { house.container().await } else { container };
        let second = house.run_in(again, new).await;
        output.stdout.push_str(&second.stdout);
    }
    output
}
