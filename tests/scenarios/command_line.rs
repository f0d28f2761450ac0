//! The command line, as someone types it.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use septet_testkit::Client;
use septet_testkit::platform::septet_binary;
use serde_json::{Value, json};

use crate::process::{self, Process, free_address};

fn septet(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(septet_binary().unwrap());
    command.args(arguments).envs(variables.iter().copied()).current_dir(std::env::temp_dir()).output().unwrap()
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "it should have failed");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_unknown_setting_is_refused_with_the_one_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("septet.toml");
    std::fs::write(&file, "[agents]\nlease_seconds = 3\n").unwrap();

    let said = complaint(&septet(&["check", "--config", file.to_str().unwrap()], &[]));

    assert!(said.contains("agents.lease_seconds") && said.contains("lease_s"), "{said}");
    let said = complaint(&septet(&["check"], &[("SEPTET__AGENTS__LEASE_X", "3")]));
    assert!(said.contains("lease_x") && said.contains("lease_s"), "{said}");
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let output = septet(&["check"], &[("OPENAI_API_KEY", "sk-very-secret"), ("SEPTET__AGENTS__LEASE_S", "9")]);

    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("lease_s = 9"));
    assert!(!shown.contains("sk-very-secret"));
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();

    let said = complaint(&septet(&["up", "--listen", &address, "--data", folder.path().to_str().unwrap()], &[]));

    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    // A file in its place refuses root as well.
    let path = folder.path().join("data");
    std::fs::write(&path, "in the way").unwrap();

    let said = complaint(&septet(&["up", "--data", path.to_str().unwrap()], &[]));

    assert!(said.contains("--data"), "{said}");
}

#[test]
fn an_unknown_service_is_refused_with_the_seven() {
    let said = complaint(&septet(&["serve", "agent-cor"], &[]));

    assert!(said.contains("agent-core") && said.contains("management"), "{said}");
}

#[test]
fn settings_and_completions_are_printed_for_programs() {
    let settings = septet(&["check", "--json"], &[("OPENAI_API_KEY", "sk-very-secret")]);
    let settings: Value = serde_json::from_slice(&settings.stdout).unwrap();
    assert_eq!(settings["listen"]["public"], "127.0.0.1:7700");
    assert!(!settings.to_string().contains("sk-very-secret"));

    for shell in ["bash", "zsh", "fish"] {
        let script = septet(&["completions", shell], &[]);
        assert!(String::from_utf8_lossy(&script.stdout).contains("reset-password"), "{shell}");
    }
}

/// A first start whose output goes into files, as under a service manager.
struct FirstStart {
    _process: Process,
    folder: tempfile::TempDir,
    client: Client,
}

impl FirstStart {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let mut command = process::septet();
        command.args(["up", "--listen", &address.to_string(), "--data"]).arg(folder.path().join("data"));
        command.env("SEPTET_GATEWAY_CONSOLE_FOLDER", "/nowhere");
        let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let process = Process::start_into(&mut command, address, file("out"), file("log")).await;
        Self { _process: process, client: Client::new(address, ""), folder }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn admin(&self, arguments: &[&str]) -> Output {
        let data = self.folder.path().join("data");
        septet(&[&["admin", "--data", data.to_str().unwrap()], arguments].concat(), &[])
    }

    fn admin_json(&self, arguments: &[&str]) -> Value {
        let output = self.admin(&[&["--json"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn sign_in(&self, email: &str, password: &str) -> u16 {
        self.client.post("/api/auth/login", json!({"email": email, "password": password})).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_into_a_log_shows_no_password_no_colours_and_nothing_of_its_tables() {
    let started = FirstStart::new().await;
    let (out, log) = (started.read("out"), started.read("log"));
    let data = started.folder.path().join("data");

    let kept = data.join("first-password");
    let password = std::fs::read_to_string(&kept).unwrap();
    assert!(out.contains(kept.to_str().unwrap()), "{out}");
    for said in [&out, &log] {
        assert!(!said.contains(password.trim()), "the password is in what others may read");
        assert!(!said.contains('\u{1b}'), "colours in a file: {said:?}");
        assert!(!said.contains("igrat"), "{said}");
    }
    assert!(log.contains("SEPTET__GATEWAY__CONSOLE_FOLDER"), "{log}");
    for name in ["", "first-password", "septet.db", "keys/internal.secret"] {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    assert_eq!(started.sign_in("admin@localhost", password.trim()).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_keys_are_managed_from_the_command_line_while_a_server_runs() {
    let started = FirstStart::new().await;
    let made = started.admin_json(&["create-user", "--email", "ana@example.com", "--name", "财务", "--role", "editor"]);
    let old = made["password"].as_str().unwrap();
    assert_eq!(started.sign_in("ana@example.com", old).await, 200);

    let reset = started.admin(&["reset-password", "--email", "Ana@example.com"]);
    let new = String::from_utf8_lossy(&reset.stdout).lines().last().unwrap().to_owned();
    assert_eq!(started.sign_in("ana@example.com", old).await, 401);
    assert_eq!(started.sign_in("ana@example.com", &new).await, 200);

    let key = started.admin_json(&["create-key", "--name", "notebook", "--email", "ana@example.com"]);
    let client = started.client.with_key(key["secret"].as_str().unwrap());
    assert_eq!(client.get("/v1/models").await.status, 200);
    let keys = started.admin_json(&["list-keys"]);
    assert_eq!(keys[0]["id"], key["id"]);
    assert!(!keys.to_string().contains(key["secret"].as_str().unwrap()));
    assert!(started.admin(&["revoke-key", key["id"].as_str().unwrap()]).status.success());
    assert!(started.admin_json(&["list-keys"])[0]["revoked_at"].is_number());

    assert_eq!(started.admin_json(&["disable-user", "--email", "ana@example.com"])["disabled"], true);
    assert_ne!(started.sign_in("ana@example.com", &new).await, 200);
    let listed = String::from_utf8_lossy(&started.admin(&["list-users"]).stdout).into_owned();
    let line = listed.lines().find(|line| line.starts_with("ana@example.com")).unwrap();
    assert!(line.contains("editor") && line.contains("disabled") && line.contains("财务"), "{listed}");
    assert!(started.admin(&["enable-user", "--email", "ana@example.com"]).status.success());
    assert_eq!(started.sign_in("ana@example.com", &new).await, 200);

    let said = complaint(&started.admin(&["disable-user", "--email", "nobody@example.com"]));
    assert!(said.contains("list-users"), "{said}");
    let said = complaint(&started.admin(&["disable-user", "--email", "admin@localhost"]));
    assert!(said.contains("owner"), "the last owner stays: {said}");
}
