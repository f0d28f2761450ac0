//! A Redis for one test: the one that `SEPTET_TEST_REDIS` names, or one that is started and stopped here.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use septet_kernel::Clock;
use septet_kv::{Counters, Settings};

pub(crate) struct Server {
    uri: String,
    process: Option<(Child, tempfile::TempDir)>,
}

impl Server {
    /// One that others may use at the same time.
    pub(crate) async fn any() -> Option<Self> {
        match crate::variable("SEPTET_TEST_REDIS") {
            Some(uri) => Some(Self { uri, process: None }),
            None => Self::own().await,
        }
    }

    /// One that nobody else uses, so that it may be stopped.
    pub(crate) async fn own() -> Option<Self> {
        let port = free_port();
        let server = Self::on_port(port)?;
        server.wait().await;
        Some(server)
    }

    fn on_port(port: u16) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let password = crate::bench::unique();
        let started = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--requirepass", &password])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            septet_fixtures::skipped("set SEPTET_TEST_REDIS, or install redis-server, to run this on Redis");
            return None;
        };
        Some(Self { uri: format!("redis://default:{password}@127.0.0.1:{port}"), process: Some((process, folder)) })
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// Stops it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some((process, _)) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    async fn wait(&self) {
        for _ in 0..500 {
            if Counters::open(Settings::new(&self.uri, Clock::system())).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Redis does not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((process, _)) = &mut self.process {
            let _already_dead = process.kill();
            let _already_gone = process.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
