//! An execution with a key happens once.

use crate::support::{config, harness, harness_in, ok, python};
use futures::StreamExt;
use septet_contracts::sandbox::{ExecutionEvent, Outcome};
use septet_kernel::{Failure, Kind};

const COUNT: &str =
    "n = int(open('n').read()) + 1 if __import__('os').path.exists('n') else 1\nopen('n', 'w').write(str(n))\nprint(n)";

#[tokio::test]
async fn the_same_key_replays_the_same_events() {
    let harness = harness().await;
    let container = harness.container().await;
    let first = harness.client.run(&harness.caller, container, &python(COUNT), Some("a")).await.unwrap();
    let again = harness.client.run(&harness.caller, container, &python(COUNT), Some("a")).await.unwrap();
    assert_eq!(ok(&first), "1\n");
    assert_eq!(first, again);
    let other = harness.client.run(&harness.caller, container, &python(COUNT), Some("b")).await.unwrap();
    assert_eq!(ok(&other), "2\n");
}

#[tokio::test]
async fn two_callers_at_once_share_one_run() {
    let harness = harness().await;
    let container = harness.container().await;
    let new = python(COUNT);
    let one = harness.client.run(&harness.caller, container, &new, Some("a"));
    let other = harness.client.run(&harness.caller, container, &new, Some("a"));
    let (one, other) = tokio::join!(one, other);
    assert_eq!(ok(&one.unwrap()), "1\n");
    assert_eq!(ok(&other.unwrap()), "1\n");
}

#[tokio::test]
async fn a_key_with_other_code_is_a_conflict() {
    let harness = harness().await;
    let container = harness.container().await;
    harness.client.run(&harness.caller, container, &python("1"), Some("a")).await.unwrap();
    let refusal = harness.client.run(&harness.caller, container, &python("2"), Some("a")).await.unwrap_err();
    assert_eq!((refusal.kind(), refusal.code()), (Kind::Conflict, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_replay_survives_a_restart() {
    let harness = harness().await;
    let container = harness.container().await;
    let first = harness.client.run(&harness.caller, container, &python(COUNT), Some("a")).await.unwrap();
    let (folder, caller) = harness.close().await;
    let harness = harness_in(folder, config(), Some(caller)).await;
    assert_eq!(harness.client.run(&harness.caller, container, &python(COUNT), Some("a")).await.unwrap(), first);
}

#[tokio::test]
async fn leaving_does_not_end_a_run_with_a_key() {
    let harness = harness().await;
    let container = harness.container().await;
    let new = python("import time\nprint('in')\ntime.sleep(0.3)\nprint('out')");
    let mut events = harness.client.execute(&harness.caller, container, &new, Some("a")).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}
    drop(events);
    assert_eq!(ok(&harness.client.run(&harness.caller, container, &new, Some("a")).await.unwrap()), "in\nout\n");
}

#[tokio::test]
async fn leaving_ends_a_run_without_a_key() {
    let harness = harness().await;
    let container = harness.container().await;
    let new = python("open('alive', 'w').write('x')\nprint('in')\nwhile True: open('alive', 'a').write('x')");
    let mut events = harness.client.execute(&harness.caller, container, &new, None).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}
    drop(events);
    // The container is free again only when the run is over.
    let sizes = "import os, time\na = os.path.getsize('alive'); time.sleep(0.2); print(os.path.getsize('alive') - a)";
    assert_eq!(ok(&harness.run_in(container, python(sizes)).await), "0\n");
}

#[tokio::test]
async fn a_run_that_a_crash_cut_off_is_told_as_killed_and_not_repeated() {
    let first = harness().await;
    let container = first.container().await;
    let new = python("print('in')\nwhile True: pass");
    let mut events = first.client.execute(&first.caller, container, &new, Some("a")).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}
    // A second process on the same tables sees what it would see after a crash of the first.
    let copy = tempfile::tempdir().unwrap();
    for name in ["septet.db", "septet.db-wal", "septet.db-shm"] {
        std::fs::copy(first.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let second = harness_in(copy, config(), Some(first.caller.clone())).await;
    let output = second.client.run(&second.caller, container, &new, Some("a")).await.unwrap();
    assert_eq!(output.outcome(), Some(Outcome::Killed));
    assert_eq!(output.error().unwrap().name, "Interrupted");
    assert_eq!(output.stdout, "");
}

#[tokio::test]
async fn when_the_warden_dies_the_run_is_killed_and_the_next_one_works() {
    let harness = harness().await;
    let container = harness.container().await;
    ok(&harness.run_in(container, python("open('kept.txt', 'w').write('x')")).await);
    let new = python("print('in')\nwhile True: pass");
    let mut events = harness.client.execute(&harness.caller, container, &new, Some("a")).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}

    for warden in wardens() {
        nix::sys::signal::kill(warden, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    let rest: Vec<_> = events.map(Result::unwrap).collect().await;
    assert!(matches!(rest.last(), Some(ExecutionEvent::Done { outcome: Outcome::Killed, .. })), "{rest:?}");
    let again = harness.client.run(&harness.caller, container, &new, Some("a")).await.unwrap();
    assert_eq!(again.outcome(), Some(Outcome::Killed));
    assert_eq!(ok(&harness.run_in(container, python("print(open('kept.txt').read())")).await), "x\n");
}

/// The wardens that this process started.
fn wardens() -> Vec<nix::unistd::Pid> {
    let own = std::process::id().to_string();
    let is_ours = |pid: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains("sandbox-warden")
            && stat.rsplit(')').next().is_some_and(|rest| rest.split_whitespace().nth(1) == Some(&own))
    };
    let all =
        std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    all.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(is_ours)
        .map(|pid| nix::unistd::Pid::from_raw(pid.parse().unwrap()))
        .collect()
}
