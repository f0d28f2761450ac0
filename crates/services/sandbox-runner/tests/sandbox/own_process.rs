//! A test in a process of its own: under another user, with something in its environment, or to be killed.
//!
//! The test runs this very binary again, for itself alone, and does its work there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

/// Set in the process that does the work.
const INSIDE: &str = "SEPTET_TEST_INSIDE";
/// What a copy of the binary is told about the warden beside it.
pub(crate) const WARDEN: &str = "SEPTET_TEST_WARDEN";

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Same,
    /// An id without any right. Whoever runs the tests when that is not root.
    Nobody,
}

pub(crate) struct OwnProcess {
    pub(crate) child: Child,
    _folder: tempfile::TempDir,
}

/// Whether this is the process that does the work of `test`, the path of the calling test in the binary.
pub(crate) fn is_inside(test: &str) -> bool {
    variable(INSIDE).as_deref() == Some(test)
}

/// Runs the calling test again in a process of its own and fails when it fails there.
pub(crate) fn run(test: &str, user: User, environment: &[(&str, &str)]) {
    let mut process = start(test, user, environment, |_command| {});
    let status: ExitStatus = process.child.wait().unwrap();
    assert!(status.success(), "{test} as {user:?}: {status}");
}

pub(crate) fn start(
    test: &str,
    user: User,
    environment: &[(&str, &str)],
    change: impl FnOnce(&mut Command),
) -> OwnProcess {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let mut program = std::env::current_exe().unwrap();
    let mut warden = PathBuf::from(env!("CARGO_BIN_EXE_sandbox-warden"));
    let mut command = if user == User::Nobody && nix::unistd::geteuid().is_root() {
        // Where the binaries are built may be closed to everybody else.
        program = copy(&program, folder.path());
        warden = copy(&warden, folder.path());
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, test)
        .env(WARDEN, warden)
        .env("SEPTET_RUNTIME", crate::support::config().runtime())
        .env("TMPDIR", folder.path())
        .current_dir("/")
        .envs(environment.iter().copied());
    change(&mut command);
    OwnProcess { child: command.spawn().unwrap(), _folder: folder }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment which process they are")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn copy(program: &Path, folder: &Path) -> PathBuf {
    let to = folder.join(program.file_name().unwrap());
    std::fs::copy(program, &to).unwrap();
    to
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o1777)).unwrap();
}
