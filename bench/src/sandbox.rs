//! The sandbox runner by itself, through its HTTP interface, beside the usual ways to run a piece of Python.
//!
//! Everything is measured as a client sees it: from the request until the last event of the execution is here.

mod kill;
mod peers;
mod server;
mod times;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use crate::process::{Process, private_mib};
use crate::report::{Figure, Metric};
use peers::Peers;
use server::{Client, Server};
use times::Times;

const N_PARKED: usize = 4;
/// Long enough for another worker to be parked.
const PAUSE: Duration = Duration::from_millis(80);
const CLIENTS: usize = 4;

const CHART: &str = "
import pandas, matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plot
frame = pandas.DataFrame({'季度': ['一', '二', '三', '四'], '营收': [12.5, -3.0, 18.2, 21.0]}).set_index('季度')
frame.plot.bar(title='各季度营收（亿元）')
plot.savefig('chart.png')
";

/// Measures everything in this area, one thing after the other.
pub(crate) async fn measure() -> anyhow::Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), N_PARKED).await?;
    let mut client = server.client().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let parked_mib = parked(&server.process)?;
    let stateless = executions(&mut client, 200, PAUSE, &json!({"code": "print('hello')"})).await?;
    told("stateless", &stateless);
    let cell = json!({"code": "1", "stateful": true});
    let stateful = executions(&mut client, 1000, Duration::ZERO, &cell).await?;
    told("stateful", &stateful);
    let chart = charts(&mut client).await?;
    told("first chart", &chart);
    let fork = forks(&mut client).await?;
    told("fork of a session", &fork);
    let kill = kill::after_limit(&mut client, &server.process).await?;
    told("dead after the limit", &kill);
    sustained(&server, "stateful", &cell, 10.0).await?;
    let per_s = sustained(&server, "stateless", &json!({"code": "print('hello')"}), 20.0).await?;
    drop((client, server));

    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), 0).await?;
    let mut client = server.client().await?;
    let empty = executions(&mut client, 100, PAUSE, &json!({"code": "print('hello')"})).await?;
    told("nothing parked", &empty);
    drop((client, server));

    let runtime = PathBuf::from("/var/cache/septet/runtime");
    let peers = tokio::task::spawn_blocking(move || peers::measure(&runtime, CHART)).await??;
    Ok(figures(parked_mib, per_s, &[stateful, stateless, empty, chart, fork, kill], &peers))
}

fn figures(parked_mib: f64, per_s: f64, times: &[Times; 6], peers: &Peers) -> Vec<Figure> {
    let [stateful, stateless, empty, chart, fork, kill] = times;
    let peer = |name, times: &Option<Times>, quantile| times.as_ref().map(|times| (name, times.ms(quantile)));
    let at_most = |name, unit, target, peer, value| Figure {
        metric: Metric { name, unit, is_at_most: true, target, peer },
        value,
    };
    let per_second =
        Metric { name: "sustained_executions_per_s", unit: "1/s", is_at_most: false, target: 200.0, peer: None };
    let run = |quantile| peer("docker run (hardened)", &peers.docker_run, quantile);
    let exec = |quantile| peer("docker exec, warm", &peers.docker_exec, quantile);
    let cold = |quantile| peer("python3 cold", &peers.cold_chart, quantile);
    vec![
        at_most("stateful_overhead_ms_p50", "ms", 0.5, None, stateful.ms(0.5)),
        at_most("stateful_overhead_ms_p99", "ms", 5.0, None, stateful.ms(0.99)),
        at_most("stateless_ms_p50", "ms", 5.0, run(0.5), stateless.ms(0.5)),
        at_most("stateless_ms_p99", "ms", 20.0, exec(0.99), stateless.ms(0.99)),
        at_most("empty_pool_ms_p50", "ms", 35.0, None, empty.ms(0.5)),
        at_most("empty_pool_ms_p99", "ms", 100.0, None, empty.ms(0.99)),
        at_most("first_chart_ms_p50", "ms", 80.0, cold(0.5), chart.ms(0.5)),
        at_most("first_chart_ms_p99", "ms", 300.0, cold(0.99), chart.ms(0.99)),
        at_most("parked_worker_private_mib", "MiB", 8.0, None, parked_mib),
        Figure { metric: per_second, value: per_s },
        at_most("fork_session_ms_p50", "ms", 15.0, None, fork.ms(0.5)),
        at_most("kill_after_limit_ms_p99", "ms", 20.0, None, kill.ms(0.99)),
    ]
}

#[expect(clippy::print_stdout, reason = "a command for people")]
fn told(what: &str, times: &Times) {
    println!("  {what}: {}", times.shown());
}

/// Executions one after the other in one container; the first ones do not count.
async fn executions(client: &mut Client, n: usize, pause: Duration, execution: &Value) -> anyhow::Result<Times> {
    const WARM: usize = 5;
    let container = client.container().await?;
    let mut times = Times::default();
    for number in 0..n + WARM {
        tokio::time::sleep(pause).await;
        let took = client.run(&container, execution).await?;
        if number >= WARM {
            times.add(took);
        }
    }
    client.delete(&container).await?;
    Ok(times)
}

/// The first chart of a new container, its file kept.
async fn charts(client: &mut Client) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for _ in 0..40 {
        let container = client.container().await?;
        tokio::time::sleep(PAUSE).await;
        times.add(client.run(&container, &json!({"code": CHART})).await?);
        client.delete(&container).await?;
    }
    Ok(times)
}

/// Copies of a session that knows a table and a function.
async fn forks(client: &mut Client) -> anyhow::Result<Times> {
    let container = client.container().await?;
    let code = "import pandas\nframe = pandas.DataFrame({'a': range(1000)})\ndef double(x): return 2 * x";
    client.run(&container, &json!({"code": code, "stateful": true})).await?;
    let mut times = Times::default();
    for _ in 0..30 {
        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        let copy = client.post(&format!("/v1/containers/{container}/fork"), &json!({})).await?;
        times.add(began.elapsed());
        let copy = copy["id"].as_str().context("a fork without an id")?.to_owned();
        let check = json!({"code": "assert double(len(frame)) == 2000", "stateful": true});
        client.run(&copy, &check).await?;
        client.delete(&copy).await?;
    }
    client.delete(&container).await?;
    Ok(times)
}

/// Executions a second with several clients, each in a container of its own, and what becomes of the memory.
#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a command for people")]
async fn sustained(server: &Server, what: &str, execution: &Value, seconds: f64) -> anyhow::Result<f64> {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (mut client, execution) = (server.client().await?, execution.clone());
        clients.push(tokio::spawn(async move {
            let container = client.container().await?;
            let mut n = 0_u64;
            while Instant::now() < until {
                client.run(&container, &execution).await?;
                n += 1;
            }
            client.delete(&container).await?;
            anyhow::Ok(n)
        }));
    }
    tokio::time::sleep(Duration::from_secs_f64(seconds * 0.25)).await;
    let before = server.process.rss_mib()?;
    let mut n = 0;
    for client in clients {
        n += client.await??;
    }
    let per_s = n as f64 / seconds;
    // What is still being swept is not left behind.
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!(
        "  {what}, {CLIENTS} clients for {seconds} s: {per_s:.0} executions/s; the service {before:.1} MiB after a quarter, {:.1} MiB at the end; {} processes and {} descriptors left",
        server.process.rss_mib()?,
        server.process.descendants().len(),
        server.process.n_descriptors()?,
    );
    Ok(per_s)
}

/// The most private memory of a parked worker: a Python whose parent is one too.
fn parked(septet: &Process) -> anyhow::Result<f64> {
    let is_python = |pid: u32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim().starts_with("python"))
    };
    let workers = septet.descendants().into_iter().filter(|pid| is_python(*pid) && parent(*pid).is_some_and(is_python));
    let sizes: Vec<f64> = workers.map(private_mib).collect::<anyhow::Result<_>>()?;
    sizes.into_iter().reduce(f64::max).context("no worker is parked")
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
