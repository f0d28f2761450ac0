//! Code that tries to get out where a container has egress, and the proof that the attempts are real ones. The same
//! attempts against each driver, by root and without, are in the scenarios, over the public API.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use septet_contracts::sandbox::{NewExecution, Outcome};
use septet_kernel::ContainerId;
use septet_sandbox_runner::Config;

use crate::docker::docker_config;
use crate::egress::site::allow;
use crate::own_process::{self, User, variable};
use crate::suite::{self, Attempt, AttemptResult, CANARY, CANARY_VARIABLE, TIMEOUT_MS, Target};
use crate::support::{Harness, config, harness_with, python};

/// Sessions with egress in every container.
struct WithWaysOut(Harness);

impl Target for WithWaysOut {
    type Session = ContainerId;

    async fn session(&self, canary: &str) -> ContainerId {
        let container = self.0.with_network(allow(&["*"], &[])).await;
        self.0.upload(container, "canary.json", canary).await.unwrap();
        container
    }

    async fn run(&self, session: &ContainerId, code: &str) -> AttemptResult {
        let new = NewExecution { timeout_ms: Some(TIMEOUT_MS), ..python(code) };
        let output = self.0.run_in(*session, new).await;
        let outcome = match output.outcome().unwrap() {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::Timeout => "timeout",
            Outcome::OutOfMemory => "out_of_memory",
            Outcome::Killed => "killed",
        };
        let result = output.result().map(|result| result.text.clone()).unwrap_or_default();
        AttemptResult {
            outcome: outcome.to_owned(),
            told: format!("{}{}{result}", output.stdout, output.stderr),
            files: output.files.iter().map(|file| file.path.clone()).collect(),
        }
    }

    async fn leave(&self, session: ContainerId) {
        self.0.client.delete(&self.0.caller, session).await.unwrap();
    }
}

/// Attempts that have to do with networks and with others, by the numbers they begin with.
const WITH_NETWORKS: [&str; 13] = ["28", "29", "32", "33", "34", "35", "36", "45", "59", "73", "78", "80", "83"];

fn attempts() -> Vec<Attempt> {
    suite::attempts(variable("SEPTET_HOSTILE").as_deref())
}

#[tokio::test]
async fn no_attempt_gets_further_where_there_is_egress() {
    let test = "hostile::no_attempt_gets_further_where_there_is_egress";
    let Some(mut config) = docker_config() else { return };
    if !own_process::is_inside(test) {
        return own_process::run(test, User::Same, &[(CANARY_VARIABLE, CANARY)]);
    }
    config.docker.n_warm = 1;
    // Whatever leads here is left to the examination of addresses.
    let (egress_domains, egress_ports) = (vec!["*".to_owned()], (1..=u16::MAX).collect());
    let limits = Config { memory_bytes: 512 << 20, session_bytes: 128 << 20, ..config };
    let harness = WithWaysOut(harness_with(Config { egress_domains, egress_ports, ..limits }).await);
    let mut attempts = attempts();
    attempts.retain(|attempt| WITH_NETWORKS.iter().any(|number| attempt.name.starts_with(number)));
    suite::none_gets_out(&harness, &attempts).await;
    harness.0.close().await;
}

/// An attempt that would fail anywhere proves nothing.
#[test]
fn attempts_succeed_where_there_are_no_walls() {
    let is_root = nix::unistd::geteuid().is_root();
    let mut feeble = Vec::new();
    for attempt in attempts() {
        if attempt.says("bare: escapes for root") && !is_root {
            eprintln!("SKIPPED: {} needs root to succeed without walls", attempt.name);
            continue;
        }
        if attempt.says("bare: escapes") || attempt.says("bare: escapes for root") {
            let mut told = bare(&attempt);
            if attempt.says("run-twice") {
                told.push_str(&bare(&attempt));
            }
            if !told.contains("ESCAPED") {
                feeble.push(format!("{}: {told}", attempt.name));
            }
        }
    }
    assert!(feeble.is_empty(), "attempts that prove nothing:\n{}", feeble.join("\n"));
}

fn bare(attempt: &Attempt) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(config().python)
        .args(["-I", "-c", &attempt.code])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(folder.path().join("out")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _gone = child.kill();
    let _reaped = child.wait();
    std::fs::read_to_string(folder.path().join("out")).unwrap()
}
