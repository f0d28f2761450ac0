//! How long after its limit the last process of an execution is gone.

use std::time::{Duration, Instant};

use serde_json::json;

use super::server::Client;
use super::times::Times;
use crate::process::Process;

const LIMIT: Duration = Duration::from_millis(1000);
const N_CHILDREN: usize = 8;

/// Executions that leave children in sessions of their own and outlive their time.
pub(crate) async fn after_limit(client: &mut Client, septet: &Process) -> anyhow::Result<Times> {
    let container = client.container().await?;
    let mut times = Times::default();
    for number in 0..40 {
        let mark = format!("bench{number}");
        let code = format!(
            "import ctypes, os, time\nctypes.CDLL(None).prctl(15, b'{mark}')\nfor _ in range({N_CHILDREN}):\n    \
             if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\ntime.sleep(60)"
        );
        let execution = json!({"code": code, "timeout_ms": LIMIT.as_millis() as u64});
        let (started, mut rest) = client.begin(&container, &execution).await?;
        let pids = all_named(septet, &mark, started + LIMIT.mul_f64(0.9)).await?;
        tokio::time::sleep_until((started + LIMIT).into()).await;
        while pids.iter().any(|pid| is_alive(*pid)) {
            anyhow::ensure!(started.elapsed() < LIMIT * 20, "an execution does not end");
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        times.add(Instant::now().saturating_duration_since(started + LIMIT));
        while http_body_util::BodyExt::frame(&mut rest).await.is_some() {}
        tokio::time::sleep(super::PAUSE).await;
    }
    client.delete(&container).await?;
    Ok(times)
}

/// The processes of that name, once all of them are there.
async fn all_named(septet: &Process, name: &str, until: Instant) -> anyhow::Result<Vec<u32>> {
    loop {
        let pids: Vec<u32> = septet.descendants().into_iter().filter(|pid| is_named(*pid, name)).collect();
        if pids.len() == N_CHILDREN + 1 {
            return Ok(pids);
        }
        anyhow::ensure!(Instant::now() < until, "{} processes where {} are made", pids.len(), N_CHILDREN + 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_named(pid: u32, name: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
}

/// Whether it still runs; one that only waits to be reaped does not.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}
