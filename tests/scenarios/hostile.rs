//! Code that tries to get out of the sandbox of the real binary, over the public API: run by root, by nobody, and in
//! containers of Docker.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use septet_testkit::Client;
use septet_testkit::platform::septet_binary;
use serde_json::{Value, json};

use crate::hostile_suite::{self as suite, AttemptResult, CANARY, CANARY_VARIABLE, TIMEOUT_MS, Target};
use crate::process::{Process, free_address};

/// An id without any right.
const NOBODY: u32 = 65534;

/// The public API of one process.
struct Api {
    client: Client,
    http: reqwest::Client,
    address: SocketAddr,
}

impl Target for Api {
    type Session = String;

    async fn session(&self, canary: &str) -> String {
        let container = self.client.post("/v1/containers", json!({})).await.ok();
        let container = container["id"].as_str().unwrap().to_owned();
        let file = self.client.upload("canary.json", canary.as_bytes().to_vec()).await.ok();
        let path = format!("/v1/containers/{container}/files");
        self.client.post(&path, json!({"file_id": file["id"]})).await.ok();
        container
    }

    async fn run(&self, session: &String, code: &str) -> AttemptResult {
        let url = format!("http://{}/v1/containers/{session}/executions", self.address);
        let body = json!({"code": code, "timeout_ms": TIMEOUT_MS});
        let answer = self.http.post(url).bearer_auth(&self.client.key).json(&body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let mut seen = AttemptResult::default();
        for line in answer.text().await.unwrap().lines().filter(|line| !line.is_empty()) {
            let event: Value = serde_json::from_str(line).unwrap();
            match event["type"].as_str().unwrap() {
                "stdout" | "stderr" | "display" => seen.told.push_str(event["text"].as_str().unwrap()),
                "file" => seen.files.push(event["file"]["path"].as_str().unwrap().to_owned()),
                "done" => {
                    event["outcome"].as_str().unwrap().clone_into(&mut seen.outcome);
                    seen.told.push_str(event["result"]["text"].as_str().unwrap_or_default());
                }
                _ => {}
            }
        }
        seen
    }

    async fn leave(&self, session: String) {
        self.client.delete(&format!("/v1/containers/{session}")).await.ok();
    }
}

/// A command of the binary, which `user` runs when that is somebody else.
fn septet(program: &Path, user: Option<u32>) -> Command {
    let mut command = match user {
        Some(id) => {
            let mut command = Command::new("setpriv");
            let id = id.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.env_remove("OPENAI_API_KEY").current_dir("/");
    command
}

/// `more` are settings, as variables of the environment.
async fn none_gets_out(user: Option<u32>, level: &str, more: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = PathBuf::from(septet_binary().unwrap());
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(id) = user {
        // Where it was built may be closed to everybody else.
        let copy = folder.path().join("septet");
        std::fs::copy(&program, &copy).unwrap();
        program = copy;
        std::os::unix::fs::chown(&data, Some(id), Some(id)).unwrap();
    }
    let at = data.to_str().unwrap();
    let address = free_address();
    let mut command = septet(&program, user);
    command
        .args(["up", "--data", at, "--listen", &address.to_string()])
        .env(CANARY_VARIABLE, CANARY)
        .env("SEPTET__SANDBOX__MEMORY_BYTES", (512_u32 << 20).to_string())
        .env("SEPTET__SANDBOX__SESSION_BYTES", (128_u32 << 20).to_string())
        .env("SEPTET__SANDBOX__RUNTIME", runtime())
        // Some hundred requests in a minute or two, all of one key.
        .env("SEPTET__GATEWAY__REQUESTS_PER_MINUTE", "100000")
        .env("SEPTET__GATEWAY__TENANT_REQUESTS_PER_MINUTE", "100000")
        .envs(more.iter().copied());
    let process = Process::start(&mut command, address).await;
    let output =
        septet(&program, user).args(["admin", "create-key", "--name", "hostile", "--data", at]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = String::from_utf8(output.stdout).unwrap();
    let client = Client::new(address, key.trim());
    let http = septet_chassis::http::client(Duration::from_secs(5)).unwrap();
    let api = Api { client, http, address };

    let session = api.session("{}").await;
    assert_eq!(api.run(&session, "print(1)").await.told, "1\n");
    let container = api.client.get(&format!("/v1/containers/{session}")).await.ok();
    assert_eq!(container["septet"]["isolation"], level);

    let attempts = suite::attempts(variable("SEPTET_HOSTILE").as_deref());
    suite::none_gets_out(&api, &attempts).await;
    drop(process);
}

fn runtime() -> String {
    variable("SEPTET_RUNTIME").unwrap_or_else(|| "/var/cache/septet/runtime".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment where material is")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_gets_out_of_a_sandbox_of_root() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: not run by root");
        return;
    }
    none_gets_out(None, "L3", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_gets_out_of_a_sandbox_of_nobody() {
    let user = nix::unistd::geteuid().is_root().then_some(NOBODY);
    none_gets_out(user, "L2", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_gets_out_of_a_container_of_docker() {
    let Some(docker) = variable("SEPTET_TEST_DOCKER").filter(|docker| !docker.is_empty()) else {
        eprintln!("SKIPPED: no Docker for tests; `make test` starts one");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let image = "septet-sandbox-scenario";
    let made = Command::new(septet_fixtures::repository().join("deploy/sandbox-image/import.sh"))
        .args(["--binary", &septet_binary().unwrap(), "--tag", image, "--runtime", &runtime()])
        .env("DOCKER_HOST", &docker)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let settings = [
        ("SEPTET__SANDBOX__DRIVER", &*format!("docker:{docker}")),
        ("SEPTET__SANDBOX__DOCKER__IMAGE", image),
        ("SEPTET__SANDBOX__DOCKER__FOLDER", folder.path().to_str().unwrap()),
        // The kernel counts processes by user, so these are not those of other tests.
        ("SEPTET__SANDBOX__DOCKER__FIRST_UID", "60000"),
        ("SEPTET__SANDBOX__DOCKER__N_UIDS", "16"),
        // The next container starts while an attempt runs.
        ("SEPTET__SANDBOX__DOCKER__N_WARM", "1"),
    ];
    none_gets_out(None, "L3", &settings).await;
}
