//! The command line, as someone types it.

use std::process::{Command, Output};

use septet_testkit::platform::septet_binary;

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
