//! A sandbox runner of its own process, asked over HTTP as its clients do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::process::Process;

const KEY: &str = "sk-bench-0123456789abcdef";

/// A running `septet serve sandbox-runner`.
pub(crate) struct Server {
    pub(crate) process: Process,
    address: SocketAddr,
}

/// One connection to it.
pub(crate) struct Client {
    connection: SendRequest<Full<Bytes>>,
}

impl Server {
    /// Starts one with so many parked workers and waits until code runs in it.
    pub(crate) async fn start(folder: &Path, n_parked: usize) -> anyhow::Result<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let file = folder.join("septet.toml");
        let settings = format!(
            "[listen.internal]\nsandbox-runner = \"{address}\"\n\n[log]\nfilter = \"warn\"\n\n[sandbox]\nn_parked = {n_parked}\n\n\
             [sandbox.keys.bench]\nkey = \"{KEY}\"\n"
        );
        std::fs::write(&file, settings)?;
        let mut command = Command::new(crate::binary()?);
        command.args(["serve", "sandbox-runner", "--config"]).arg(&file).arg("--data").arg(folder.join("data"));
        let mut process = Process::start(&mut command)?;
        let began = Instant::now();
        loop {
            process.check()?;
            anyhow::ensure!(began.elapsed() < Duration::from_secs(120), "the sandbox runner does not run code");
            if let Ok(mut client) = Client::connect(address).await
                && let Ok(report) = client.post("/v1/execute", &json!({"code": "print(1)"})).await
            {
                anyhow::ensure!(report["outcome"] == "ok", "code does not run: {report}");
                return Ok(Self { process, address });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.address).await
    }
}

impl Client {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(Self { connection })
    }

    /// A new container.
    pub(crate) async fn container(&mut self) -> anyhow::Result<String> {
        let made = self.post("/v1/containers", &json!({"name": "bench"})).await?;
        Ok(made["id"].as_str().context("no id")?.to_owned())
    }

    pub(crate) async fn delete(&mut self, container: &str) -> anyhow::Result<()> {
        self.send(Method::DELETE, &format!("/v1/containers/{container}"), Bytes::new()).await?.collect().await?;
        Ok(())
    }

    /// Asks and reads the whole answer.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.send(Method::POST, path, Bytes::from(body.to_string())).await?;
        Ok(serde_json::from_slice(&answer.collect().await?.to_bytes())?)
    }

    /// Runs code in a container. From the request until the last event is here.
    pub(crate) async fn run(&mut self, container: &str, execution: &Value) -> anyhow::Result<Duration> {
        let path = format!("/v1/containers/{container}/executions");
        let body = Bytes::from(execution.to_string());
        let began = Instant::now();
        let answer = self.send(Method::POST, &path, body).await?;
        let lines = answer.collect().await?.to_bytes();
        let took = began.elapsed();
        let last = lines.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let done: Value = serde_json::from_slice(last)?;
        anyhow::ensure!(done["outcome"] == "ok", "an execution failed: {}", String::from_utf8_lossy(&lines));
        Ok(took)
    }

    /// Runs code and gives the moment at which it had started and the body that goes on.
    pub(crate) async fn begin(&mut self, container: &str, execution: &Value) -> anyhow::Result<(Instant, Incoming)> {
        let path = format!("/v1/containers/{container}/executions");
        let mut answer = self.send(Method::POST, &path, Bytes::from(execution.to_string())).await?.into_body();
        answer.frame().await.context("no event")??;
        Ok((Instant::now(), answer))
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Response<Incoming>> {
        self.connection.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {KEY}"))
            .body(Full::new(body))?;
        let answer = self.connection.send_request(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::bail!("{path}: {status}: {}", String::from_utf8_lossy(&body))
    }
}
