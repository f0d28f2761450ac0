//! `kill -9` of the runner: nothing of its runs survives.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::StreamExt;
use septet_contracts::sandbox::{ExecutionEvent, NewExecution};
use septet_sandbox_runner::Config;

use crate::own_process::{self, User};
use crate::support::{config, harness, harness_with, ok, python};

const READY: &str = "the code runs";
/// Far longer than it takes, for machines that are busy.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs code that forks away, ignores what it can, keeps an interpreter besides, and waits for the end.
async fn run_until_killed() {
    let harness = harness_with(Config { n_running: 4, n_parked: 2, ..config() }).await;
    let kept = harness.container().await;
    ok(&harness.run_in(kept, NewExecution { stateful: true, ..python("x = bytearray(1 << 20)") }).await);
    let code = "import os, signal\n\
                for s in range(1, 65):\n\
                \x20   try: signal.signal(s, signal.SIG_IGN)\n\
                \x20   except (OSError, ValueError): pass\n\
                for i in range(4):\n\
                \x20   if os.fork() == 0:\n\
                \x20       os.setsid()\n\
                \x20       if os.fork() == 0: signal.pause()\n\
                \x20       while True: pass\n\
                print('in', flush=True)\n\
                while True: pass";
    let container = harness.container().await;
    let mut events =
        std::pin::pin!(harness.client.execute(&harness.caller, container, &python(code), Some("k")).await.unwrap());
    while let Some(event) = events.next().await {
        if matches!(event.unwrap(), ExecutionEvent::Stdout { .. }) {
            eprintln!("{READY}");
        }
    }
}

/// Gives the number that the runner had.
fn leaves_nothing(test: &str, user: User) -> u32 {
    let mut runner = own_process::start(test, user, &[], |command| {
        command.stderr(Stdio::piped());
    });
    let lines = BufReader::new(runner.child.stderr.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains(READY)), "the runner ended early");
    // The warden, the interpreter, and of each of at least two sandboxes an init and a worker, with the code's own.
    let ready = Instant::now();
    while descendants(runner.child.id()).len() < 2 + 2 * 2 + 8 {
        assert!(ready.elapsed() < TIMEOUT, "{:?}", descendants(runner.child.id()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let began = descendants(runner.child.id());

    runner.child.kill().unwrap();
    runner.child.wait().unwrap();
    let killed = Instant::now();
    let alive = || -> Vec<_> { began.iter().filter(|(pid, start)| started(**pid) == Some(**start)).collect() };
    while !alive().is_empty() && killed.elapsed() < TIMEOUT {
        std::thread::sleep(Duration::from_millis(10));
    }
    eprintln!("{} processes were gone after {:.0?}", began.len(), killed.elapsed());
    assert!(alive().is_empty(), "still there: {:?}", alive());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours: Vec<&str> =
        mounts.lines().filter(|mount| mount.contains("cntr_") || mount.contains("/run/report")).collect();
    assert!(ours.is_empty(), "{ours:?}");
    runner.child.id()
}

fn groups_of(pid: u32) -> Vec<PathBuf> {
    let parents = ["memory/septet-sandbox", "pids/septet-sandbox", "cpu/septet-sandbox", "septet-sandbox"];
    let folders = parents.iter().filter_map(|parent| std::fs::read_dir(config().cgroup_mount.join(parent)).ok());
    let begin = format!("{pid}-");
    let entries = folders.flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin))).collect()
}

/// All that descends from a process, with the time it was started at: numbers are given again.
fn descendants(root: u32) -> BTreeMap<u32, u64> {
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, fields(pid)?.1)))
        .collect();
    let mut found = BTreeMap::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for (pid, _) in all.iter().filter(|(_, its_parent)| *its_parent == parent) {
            if let Some(start) = started(*pid) {
                found.insert(*pid, start);
            }
            parents.push(*pid);
        }
    }
    found
}

/// State, parent and start of a process.
fn fields(pid: u32) -> Option<(char, u32, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some((fields[0].chars().next()?, fields[1].parse().ok()?, fields[19].parse().ok()?))
}

/// Nothing for one that is dead and only waits for its parent to ask.
fn started(pid: u32) -> Option<u64> {
    fields(pid).filter(|(state, ..)| !matches!(state, 'Z' | 'X')).map(|(_, _, start)| start)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_is_killed_leaves_nothing() {
    let test = "killed::a_runner_that_is_killed_leaves_nothing";
    if own_process::is_inside(test) {
        return run_until_killed().await;
    }
    let pid = leaves_nothing(test, User::Same);
    // Empty groups stay until the next start, which sweeps them.
    ok(&harness().await.run(python("1")).await);
    assert_eq!(groups_of(pid), [] as [PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_without_root_that_is_killed_leaves_nothing() {
    let test = "killed::a_runner_without_root_that_is_killed_leaves_nothing";
    if own_process::is_inside(test) {
        return run_until_killed().await;
    }
    leaves_nothing(test, User::Nobody);
}
