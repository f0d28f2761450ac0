//! The real `septet` binary as a process of its own, to be killed.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use septet_testkit::Client;
use septet_testkit::platform::septet_binary;

/// A running process.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// The binary, without the most usual provider of whoever runs the tests.
pub(crate) fn septet() -> Command {
    let mut command = Command::new(septet_binary().unwrap());
    command.env_remove("OPENAI_API_KEY");
    command
}

impl Process {
    /// Starts a command that listens at `address`, and waits until it is ready.
    pub(crate) async fn start(command: &mut Command, address: SocketAddr) -> Self {
        Self::start_into(command, address, Stdio::null(), Stdio::null()).await
    }

    /// The same, with a place for what it says.
    pub(crate) async fn start_into(
        command: &mut Command,
        address: SocketAddr,
        out: impl Into<Stdio>,
        log: impl Into<Stdio>,
    ) -> Self {
        let child = command.stdout(out).stderr(log).spawn().unwrap();
        let process = Self { child, address };
        let begun = Instant::now();
        while Client::try_get(address, "/health/ready").await != Some(200) {
            assert!(begun.elapsed() < Duration::from_secs(60), "septet does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process
    }

    /// The most memory that it ever held, and what it holds now, in bytes.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_matches(|char: char| !char.is_ascii_digit()).parse::<u64>().unwrap() * 1024
        };
        (of("VmHWM:"), of("VmRSS:"))
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already when the test killed it.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
