//! `septet serve sandbox-runner` with one file, and the official SDKs as its clients.

use std::process::Command;

use crate::process::{Process, free_address, septet};
use crate::sdk::sdks;

const KEY: &str = "sk-notebook-0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_work_with_the_sandbox_runner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (address, file) = (free_address(), folder.path().join("septet.toml"));
    let settings = format!(
        "[listen.internal]\nsandbox-runner = \"{address}\"\n\n[sandbox.keys.notebook]\nkey = \"{KEY}\"\ntenant = \"acme\"\n"
    );
    std::fs::write(&file, settings).unwrap();
    let mut command = septet();
    command.args(["serve", "sandbox-runner", "--config"]).arg(&file).arg("--data").arg(folder.path().join("data"));
    let process = Process::start(&mut command, address).await;

    let sdks = sdks();
    let script = septet_fixtures::repository().join("tests/sdk/sandbox.py");
    let output = Command::new(format!("{sdks}/venv/bin/python"))
        .arg(script)
        .env("SEPTET_URL", format!("http://{}", process.address))
        .env("SEPTET_KEY", KEY)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("all is well"), "{said}");
}
