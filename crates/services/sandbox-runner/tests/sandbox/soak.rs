//! Many executions in a row while somebody kills workers, warm interpreters and wardens: every one ends in a result or
//! a stated error, and nothing stays behind.
//!
//! `SEPTET_SOAK=10000` makes it as long as one likes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::{Duration, Instant};

use futures::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use septet_contracts::sandbox::{NewExecution, Outcome};
use septet_kernel::Failure;
use septet_sandbox_runner::Config;

use crate::support::{Harness, config, harness_with, python, sql};

const N_AT_A_TIME: usize = 4;

/// A process of ours: pid, name of the program, generation (1 is a child).
struct Child {
    pid: i32,
    generation: usize,
    command: String,
}

/// Everything that this process has started, directly or not.
fn children() -> Vec<Child> {
    let mut parents: HashMap<i32, (i32, String)> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let (state, parent) = (fields.next().unwrap(), fields.next().unwrap().parse().unwrap());
        if state != "Z" {
            let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            parents.insert(pid, (parent, command));
        }
    }
    let us = std::process::id().cast_signed();
    let generation = |mut pid: i32| {
        for generation in 1..16 {
            pid = parents.get(&pid)?.0;
            if pid == us {
                return Some(generation);
            }
        }
        None
    };
    parents
        .iter()
        .filter_map(|(pid, (_, command))| {
            Some(Child { pid: *pid, generation: generation(*pid)?, command: command.clone() })
        })
        .collect()
}

fn n_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn n_groups() -> usize {
    let prefix = format!("{}-", std::process::id());
    [
        "/sys/fs/cgroup/memory/septet-sandbox",
        "/sys/fs/cgroup/pids/septet-sandbox",
        "/sys/fs/cgroup/cpu/septet-sandbox",
        "/sys/fs/cgroup/septet-sandbox",
    ]
    .iter()
    .filter_map(|folder| fs::read_dir(folder).ok())
    .flatten()
    .flatten()
    .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
    .count()
}

fn rss_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn n_executions() -> usize {
    #[expect(clippy::disallowed_methods, reason = "says how long the test may take")]
    std::env::var("SEPTET_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// The n-th execution of the mix: short ones, some that fail, some that leave things running.
fn execution(n: usize) -> NewExecution {
    match n % 8 {
        0 => NewExecution { stateful: true, ..python("n = globals().get('n', 0) + 1\nn") },
        1 => sql("SELECT 1 AS one"),
        2 => python("import subprocess\nsubprocess.Popen(['sleep', '60'])\nprint('left')"),
        3 => python("1 / 0"),
        4 => python("import os\nos._exit(3)"),
        5 => python("open('made.txt', 'w').write('x' * 1000)"),
        _ => python("print('hello')"),
    }
}

/// Kills something. Mostly a worker or an init, at times the warm interpreter or the warden.
fn chaos(turn: usize) {
    let all = children();
    let is_zygote = |child: &&Child| child.generation == 2 && child.command.contains("zygote.py");
    let victim = match turn % 40 {
        0 => all.iter().find(is_zygote),
        20 => all.iter().find(|child| child.generation == 1),
        _ => {
            let small: Vec<&Child> = all.iter().filter(|child| child.generation >= 2 && !is_zygote(child)).collect();
            (!small.is_empty()).then(|| small[turn * 7 % small.len()])
        }
    };
    if let Some(victim) = victim {
        // Gone by now is fine.
        kill(Pid::from_raw(victim.pid), Signal::SIGKILL).ok();
    }
}

async fn one(harness: &Harness, containers: &[septet_kernel::ContainerId], n: usize) -> String {
    if n % 4 == 3 {
        tokio::task::spawn_blocking(move || chaos(n / 4)).await.unwrap();
    }
    let container = containers[n % containers.len()];
    match harness.client.run(&harness.caller, container, &execution(n), None).await {
        Ok(output) => match output.outcome() {
            Some(Outcome::Ok) => "ok".to_owned(),
            Some(outcome) => {
                let error = output.error().unwrap_or_else(|| panic!("no error is stated: {output:?}"));
                assert!(!error.name.is_empty() && !error.message.is_empty(), "{output:?}");
                format!("{outcome:?} {}", error.name)
            }
            None => panic!("no end: {output:?}"),
        },
        Err(error) => format!("refused {}", error.code()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_end_whatever_is_killed_and_nothing_stays_behind() {
    let harness = harness_with(Config { n_running: N_AT_A_TIME, zygote_forks: 200, ..config() }).await;
    let mut containers = Vec::new();
    for _ in 0..8 {
        containers.push(harness.container().await);
    }
    assert_eq!(one(&harness, &containers, 6).await, "ok");
    let (n_fds, rss) = (n_descriptors(), rss_mib());
    let n = n_executions();
    let began = Instant::now();
    let (house_ref, containers_ref) = (&harness, &containers);
    let runs = futures::stream::iter(0..n)
        .map(|n| tokio::time::timeout(Duration::from_secs(90), one(house_ref, containers_ref, n)))
        .buffer_unordered(N_AT_A_TIME);
    let ends: Vec<_> = runs.collect().await;
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    for end in ends {
        *table.entry(end.expect("an execution did not end")).or_default() += 1;
    }
    let (n_fds_after, rss_after) = (n_descriptors(), rss_mib());
    eprintln!("{n} executions in {:.1} s: {table:#?}", began.elapsed().as_secs_f64());
    eprintln!("descriptors {n_fds} -> {n_fds_after}, resident {rss} -> {rss_after} MiB");
    let n_ok = table.get("ok").copied().unwrap_or(0);
    assert!(n_ok * 3 > n, "too few came to their end: {table:?}");
    // Eight kept interpreters, a renewed warden and the pool account for some; a leak would be one or more a run.
    assert!(n_fds_after < n_fds + 150, "descriptors: {n_fds} -> {n_fds_after}");
    assert!(rss_after < rss + 64 + n as u64 / 200, "resident: {rss} -> {rss_after} MiB");

    // It still works, and at the end nothing is there any more.
    let after = harness.run(python("print('alive')")).await;
    assert_eq!(after.stdout, "alive\n", "{after:?}");
    harness.close().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = children();
        if left.is_empty() && n_groups() == 0 {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "left behind: {:?}, {} control groups",
            left.iter().map(|child| (child.pid, &child.command)).collect::<Vec<_>>(),
            n_groups()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("/tmp/cntr_"), "mounts of sessions are left: {mounts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_nobody_waits_for_any_more_is_taken_away() {
    let harness = harness_with(Config { n_parked: 0, ..config() }).await;
    let container = harness.container().await;
    let hello = python("print('hello')");
    harness.client.run(&harness.caller, container, &hello, None).await.unwrap();

    // At every stage of making one.
    for n in 0..40_u32 {
        let leaving = Duration::from_micros(400) * n;
        tokio::time::timeout(leaving, harness.client.run(&harness.caller, container, &hello, None)).await.ok();
    }

    let deadline = Instant::now() + Duration::from_secs(20);
    // The warden and the warm interpreter stay.
    while children().len() > 2 || n_groups() > 0 {
        assert!(Instant::now() < deadline, "left behind: {} processes, {} groups", children().len(), n_groups());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    harness.close().await;
}
