//! The platform as a whole: how fast it starts, how small it is, how quickly it answers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use futures::StreamExt;
use hdrhistogram::Histogram;
use septet_chassis::http::Json;
use septet_chassis::{Platform, Service};
use septet_contracts::call;
use septet_kernel::{Caller, Clock, ServiceName};
use septet_testkit::Client;
use serde_json::{Value, json};

use crate::process::{Process, rss_mib};
use crate::report::{Figure, Metric};

/// Measures everything in this area, one thing after the other.
pub(crate) async fn measure() -> anyhow::Result<Vec<Figure>> {
    let binary = crate::binary()?;
    let mut figures = vec![binary_size(&binary)?, in_process_call().await?];
    let folder = tempfile::tempdir()?;
    // The first start makes the folder; the figure is about the second.
    drop(Up::start(&binary, folder.path()).await?);
    let (up, ready) = Up::start(&binary, folder.path()).await?;
    figures.push(at_most("ready_ms", "ms", 150.0, ready.as_secs_f64() * 1000.0));
    tokio::time::sleep(Duration::from_secs(8)).await;
    figures.push(up.idle_rss()?);
    let client = Client::new(up.address, &key(&binary, folder.path())?);
    figures.push(first_event(&client).await?);
    if let Some(figure) = searchable(&client).await? {
        figures.push(figure);
    }
    Ok(figures)
}

fn at_most(name: &'static str, unit: &'static str, target: f64, value: f64) -> Figure {
    Figure { metric: Metric { name, unit, is_at_most: true, target, peer: None }, value }
}

fn binary_size(binary: &Path) -> anyhow::Result<Figure> {
    #[expect(clippy::cast_precision_loss, reason = "a size in megabytes")]
    let megabytes = std::fs::metadata(binary)?.len() as f64 / 1e6;
    Ok(at_most("binary_mb", "MB", 110.0, megabytes))
}

/// A call between two services in one process, with everything that stands between them: identity, limits, JSON.
async fn in_process_call() -> anyhow::Result<Figure> {
    let platform = Platform::new(&"a secret of the bench".into(), Clock::system());
    let router = Router::new().route("/echo", post(|_caller: Caller, Json(body): Json<Value>| async { Json(body) }));
    let service = Service::internal(ServiceName::KnowledgeEngine, router);
    platform.directory.plug_local(ServiceName::KnowledgeEngine, service.into_router(&platform));
    let client =
        call::Client::new(ServiceName::KnowledgeEngine, platform.directory.transport(ServiceName::KnowledgeEngine));
    let caller = Caller::background(platform.ids.next(), platform.ids.next());
    let body = json!({"text": "x".repeat(1000)});
    let mut times = Histogram::<u64>::new(3)?;
    for number in 0..20_000_u32 {
        let begun = Instant::now();
        let _echo: Value = client.post(&caller, "/echo", &body).answer().await?;
        if number >= 1000 {
            times.record(u64::try_from(begun.elapsed().as_nanos())?)?;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "microseconds")]
    let median = times.value_at_quantile(0.5) as f64 / 1000.0;
    Ok(at_most("in_process_call_us_p50_1kb", "us", 20.0, median))
}

/// From the request to the first event of a run with the offline model; the median of thirty.
async fn first_event(client: &Client) -> anyhow::Result<Figure> {
    let mut times = Vec::new();
    for _ in 0..30 {
        let begun = Instant::now();
        let body = json!({"model": "agent:analyst", "input": "hello", "stream": true});
        let mut events = std::pin::pin!(client.events("/v1/responses", body).await);
        events.next().await.context("a first event")?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        while events.next().await.is_some() {}
    }
    times.sort_by(f64::total_cmp);
    Ok(at_most("first_event_ms", "ms", 50.0, times[times.len() / 2]))
}

/// From the upload of a 160-page annual report until it can be searched.
async fn searchable(client: &Client) -> anyhow::Result<Option<Figure>> {
    let Some(report) = septet_fixtures::shared("fixtures/reports/3M_2018_10K.pdf") else { return Ok(None) };
    let bytes = std::fs::read(report)?;
    let begun = Instant::now();
    let (_, state) = client.add_document("report.pdf", bytes).await;
    anyhow::ensure!(state["status"] == "completed", "the report was not read: {state}");
    Ok(Some(at_most("pdf_150_pages_searchable_s", "s", 10.0, begun.elapsed().as_secs_f64())))
}

fn key(binary: &Path, data: &Path) -> anyhow::Result<String> {
    let output = Command::new(binary).args(["admin", "create-key", "--name", "bench", "--data"]).arg(data).output()?;
    anyhow::ensure!(output.status.success(), "no key: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// `septet up`.
struct Up {
    process: Process,
    address: SocketAddr,
}

impl Up {
    async fn start(binary: &Path, data: &Path) -> anyhow::Result<(Self, Duration)> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let begun = Instant::now();
        let mut command = Command::new(binary);
        command.arg("up").arg("--data").arg(data).arg("--listen").arg(address.to_string());
        let up = Self { process: Process::start(&mut command)?, address };
        // The listener opens before the services do; a request is answered when all of them are there.
        while Client::try_get(address, "/health/ready").await != Some(200) {
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "septet does not start");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok((up, begun.elapsed()))
    }

    /// Resident memory of the process with all seven services; the sandbox's interpreters are children and are shown
    /// apart.
    #[expect(clippy::print_stdout, reason = "a command for people")]
    fn idle_rss(&self) -> anyhow::Result<Figure> {
        let own = self.process.rss_mib()?;
        for child in self.process.descendants() {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            println!("  child {child} {}: {:.1} MiB resident", name.trim(), rss_mib(child).unwrap_or(0.0));
        }
        let mut figure = at_most("idle_rss_mib", "MiB", 70.0, own);
        figure.metric.peer = Some(("Open WebUI 0.12.4", 1133.0));
        Ok(figure)
    }
}
