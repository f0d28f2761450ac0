//! Code that took over the reader of a file, trying what it could do. Run as root, and without root.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, chown};
use serde_json::json;

/// Who a service without root may be.
const SOMEBODY: u32 = 65_534;

struct Service {
    folder: tempfile::TempDir,
    port: TcpListener,
    socket: UnixListener,
    user: Option<u32>,
}

impl Service {
    /// A data folder, a port and a socket, as a service has them; all belong to `user` where one is named.
    fn new(user: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["signing.key", "septet.db", "doomed"] {
            std::fs::write(at(name), "a secret").unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = UnixListener::bind(at("control.sock")).unwrap();
        for listener in [port.set_nonblocking(true), socket.set_nonblocking(true)] {
            listener.unwrap();
        }
        std::fs::copy(env!("CARGO_BIN_EXE_septet-parse-attack"), at("attack")).unwrap();
        std::fs::set_permissions(at("attack"), std::fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(user) = user {
            let own = |path: &Path| chown(path, Some(Uid::from_raw(user)), Some(Gid::from_raw(user))).unwrap();
            own(folder.path());
            for name in ["signing.key", "septet.db", "doomed", "control.sock"] {
                own(&at(name));
            }
        }
        Self { folder, port, socket, user }
    }

    /// What became of each attempt.
    fn attacked(&self, walls: bool) -> BTreeMap<String, String> {
        let at = |name: &str| self.folder.path().join(name);
        let targets = json!({
            "walls": walls,
            "key": at("signing.key"),
            "folder": self.folder.path(),
            "port": self.port.local_addr().unwrap().port(),
            "socket": at("control.sock"),
        });
        let mut attack = Command::new(at("attack"));
        attack.arg(targets.to_string());
        if let Some(user) = self.user {
            attack.uid(user).gid(user);
        }
        let output = attack.output().unwrap();
        assert!(output.status.success(), "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| line.split_once('\t').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    fn holds(&self) {
        let attempts = self.attacked(true);

        assert_eq!(attempts.len(), 24, "{attempts:#?}");
        let done: Vec<&String> =
            attempts.iter().filter(|(_, end)| !end.starts_with("refused")).map(|(name, _)| name).collect();
        assert!(done.is_empty(), "{done:?}");
        assert!(self.port.accept().is_err() && self.socket.accept().is_err(), "somebody called");
        let mut left: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        assert_eq!(left, ["attack", "control.sock", "doomed", "septet.db", "signing.key"]);
    }

    /// The same attempts without walls, so that a refusal above is the walls' doing.
    fn is_worth_attacking(&self) {
        let attempts = self.attacked(false);
        for name in [
            "read the signing key",
            "append to the database",
            "list the data folder",
            "see whether a file is there",
            "write a file",
            "delete a file",
            "make a folder",
            "connect to a port",
            "send a datagram",
            "connect to a socket of the machine",
            "make a pair of sockets",
            "start a program",
            "start a thousand threads",
            "take four gigabytes",
            "signal the service",
            "load a library",
            "raise its limits",
        ] {
            // The service of this test is root, whom somebody else may not signal.
            if name == "signal the service" && self.user.is_some() {
                continue;
            }
            assert_eq!(attempts[name], "done", "{name}");
        }
    }
}

/// The attacks above build the walls themselves; this is the program that the service starts.
#[test]
fn the_reader_of_files_reads_behind_its_walls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.txt");
    std::fs::write(&file, "words ".repeat(200_000)).unwrap();
    let request = json!({
        "filename": "words.txt", "pdfium": [], "skip_pages": 0, "max_pages": 10, "cpu_seconds": 60,
        "memory_bytes": 2_u64 << 30, "output_bytes": 1_u64 << 30,
    });
    let mut reader = Command::new(env!("CARGO_BIN_EXE_septet-parse"))
        .arg(request.to_string())
        .stdin(std::fs::File::open(&file).unwrap())
        // Nobody takes what it says, so that it is there while it is looked at.
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", reader.id());
    let value = |name: &str| -> String {
        let status = std::fs::read_to_string(&status).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).unwrap_or_default().to_owned()
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while value("Seccomp:") != "2" && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let seen = ["Seccomp:", "NoNewPrivs:", "CapEff:"].map(value);
    reader.kill().unwrap();
    reader.wait().unwrap();

    assert_eq!(seen, ["2", "1", "0000000000000000"]);
}

#[test]
fn a_reader_that_was_taken_over_reaches_nothing() {
    Service::new(None).holds();
    Service::new(None).is_worth_attacking();
}

#[test]
fn nor_does_one_of_a_service_without_root() {
    if !Uid::effective().is_root() {
        // Then the test above was it.
        return;
    }
    Service::new(Some(SOMEBODY)).holds();
    Service::new(Some(SOMEBODY)).is_worth_attacking();
}
