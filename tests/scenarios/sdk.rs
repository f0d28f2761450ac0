//! The official OpenAI SDKs, unmodified, against a real platform in both topologies.

use std::path::Path;
use std::process::Command;

use septet_testkit::platform::{self, TestPlatform, Topology};

/// Installs the SDKs once, outside the checkout, and gives their folder.
pub(crate) fn sdks() -> String {
    let script = septet_fixtures::repository().join("tests/sdk/install.sh");
    let output = Command::new("bash").arg(&script).output().expect("bash");
    assert!(output.status.success(), "tests/sdk/install.sh failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn run(platform: &TestPlatform, program: &str, script: &str, folder: &str) {
    let repository = septet_fixtures::repository();
    let mut command = tokio::process::Command::new(program);
    command
        .arg(repository.join("tests/sdk").join(script))
        .env("OPENAI_BASE_URL", format!("http://{}/v1", platform.address))
        .env("OPENAI_API_KEY", &platform.client.key)
        .env("SEPTET_REPORT", repository.join("examples/annual-report-2025.pdf"))
        .current_dir(Path::new(folder));
    let output = command.output().await.expect(program);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} failed:\n{said}");
    eprintln!("{said}");
}

async fn both_sdks(topology: Topology) {
    let folder = sdks();
    let platform = platform::start(topology).await;
    run(&platform, &format!("{folder}/venv/bin/python"), "python_sdk.py", &folder).await;
    run(&platform, "node", "javascript_sdk.mjs", &folder).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_work_together() {
    both_sdks(Topology::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_work_apart() {
    both_sdks(Topology::Apart).await;
}
