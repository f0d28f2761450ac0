//! Two tenants at a time: neither sees, signals nor starves the other.
//!
//! Times are only there to tell "slower" from "stands still": the machine that runs the tests is busy with other things.

use std::time::{Duration, Instant};

use septet_contracts::sandbox::{NewContainer, NewExecution, Outcome, Output};
use septet_kernel::Caller;
use septet_sandbox_runner::Config;

use crate::own_process::{self, User};
use crate::support::{Harness, config, harness_with, names, ok, other_caller, python};

/// Some seconds of everything that can be too much.
const NOISES: [(&str, &str); 7] = [
    (
        "burns the processor",
        "import os\nfor _ in range(16):\n    if os.fork() == 0:\n        while True: pass\nwhile True: pass",
    ),
    ("hoards memory", "x = []\nwhile True: x.append(bytearray(b'x') * (16 << 20))"),
    ("forks", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    (
        "fills disks",
        "import os\nwhile True:\n    for d in ('/session', '/tmp', '/dev/shm', '/var/tmp'):\n        try:\n            with open(d + '/x%d' % (id(d) % 97), 'ab') as f: f.write(b'x' * (1 << 20))\n        except OSError: pass",
    ),
    ("talks", "import os\nwhile True: os.write(1, b'x' * 65536)"),
    (
        "signals",
        "import os, signal\nif os.fork() == 0: os.setpgid(0, 0)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    for to in (0, -1, 1, 2, 3):\n        try: os.kill(to, signal.SIGTERM)\n        except OSError: pass",
    ),
    (
        "reports",
        "import os\nn = 0\nwhile True:\n    n += 1\n    open('/run/report/x', 'wb').write(b'{' * (1 << 20)); os.rename('/run/report/x', '/run/report/report.json')",
    ),
];

const WORK: &str = "import pandas as pd, numpy as np
f = pd.DataFrame({'a': np.arange(200_000) % 7, 'b': np.arange(200_000)})
total = sum(i * i for i in range(400_000))
f.groupby('a').b.sum().to_csv('sums.csv')
print(total, len(open('sums.csv').read().splitlines()))";
const RIGHT: &str = "21333253333400000 8\n";

async fn run_as(harness: &Harness, caller: &Caller, code: &str, timeout_ms: u64) -> Output {
    let container = harness.client.create(caller, &NewContainer::default()).await.unwrap().id;
    let new = NewExecution { timeout_ms: Some(timeout_ms), ..python(code) };
    harness.client.run(caller, container, &new, None).await.unwrap()
}

async fn work(harness: &Harness) -> Duration {
    let began = Instant::now();
    let output = run_as(harness, &harness.caller, WORK, 60_000).await;
    assert_eq!(ok(&output), RIGHT);
    assert_eq!(names(&output), ["/session/sums.csv"]);
    began.elapsed()
}

async fn is_left_alone(config: Config) {
    let harness =
        harness_with(Config { n_running: 4, memory_bytes: 384 << 20, session_bytes: 64 << 20, ..config }).await;
    let noisy = other_caller(&harness.platform.ids);
    work(&harness).await;
    let alone = work(&harness).await.max(work(&harness).await);
    for (name, code) in NOISES {
        let noise = run_as(&harness, &noisy, code, 4000);
        let quiet = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            work(&harness).await
        };
        let (noise, beside) = tokio::join!(noise, quiet);
        eprintln!("{name:20} {:?} {alone:.2?} -> {beside:.2?}", noise.outcome());
        assert!(
            matches!(noise.outcome(), Some(Outcome::Timeout | Outcome::OutOfMemory | Outcome::Error)),
            "{name}: {noise:?}"
        );
        assert!(
            beside < alone * 10 + Duration::from_secs(3),
            "beside one that {name}: {beside:?} instead of {alone:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_noisy_neighbour_does_not_stop_the_work_of_another_tenant() {
    is_left_alone(config()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_without_control_groups() {
    is_left_alone(Config { cgroup_mount: "".into(), ..config() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_at_a_time_have_neither_ids_nor_processes_nor_files_in_common() {
    let harness = harness_with(Config { n_running: 4, ..config() }).await;
    let other = other_caller(&harness.platform.ids);
    let code = "import os, time
open('mine-%d' % os.getuid(), 'w').write('x'); open('/tmp/mine', 'w').write('x')
time.sleep(1.5)
print(open('/proc/self/uid_map').read().split()[-2], sorted(p for p in os.listdir('/proc') if p.isdigit()), os.listdir('/session'), os.listdir('/tmp'))";
    let (one, two) =
        tokio::join!(run_as(&harness, &harness.caller, code, 20_000), run_as(&harness, &other, code, 20_000));
    let (one_id, one_sees) = ok(&one).split_once(' ').unwrap();
    let (two_id, two_sees) = ok(&two).split_once(' ').unwrap();
    assert_eq!(one_sees, "['2'] ['mine-1000'] ['mine']\n");
    assert_eq!(one_sees, two_sees);
    let is_root = nix::unistd::geteuid().is_root();
    assert_eq!(one_id != two_id, is_root, "{one_id} {two_id}");
    assert_eq!(names(&one), ["/session/mine-1000"]);
}

#[tokio::test]
async fn files_belong_to_whichever_sandbox_runs_the_session() {
    let harness = harness_with(Config { n_parked: 2, ..config() }).await;
    let container = harness.container().await;
    harness.upload(container, "up.txt", "up").await.unwrap();
    let code = "import os
print(sorted((n, os.stat(n).st_uid, os.access(n, os.W_OK)) for n in os.listdir('.')), open('/proc/self/uid_map').read().split()[-2])
open('up.txt', 'a').write('+'); open('made.txt', 'a').write('m'); os.chmod('made.txt', 0o600)";
    let mut ids = Vec::new();
    for expected in [
        "[('up.txt', 1000, True)]",
        "[('made.txt', 1000, True), ('up.txt', 1000, True)]",
        "[('made.txt', 1000, True), ('up.txt', 1000, True)]",
    ] {
        let output = harness.run_in(container, python(code)).await;
        let (seen, id) = ok(&output).trim_end().rsplit_once(' ').unwrap();
        assert_eq!(seen, expected);
        ids.push(id.to_owned());
    }
    if nix::unistd::geteuid().is_root() {
        ids.dedup();
        assert!(ids.len() > 1, "another sandbox has other ids: {ids:?}");
    }
}

#[tokio::test]
async fn more_sandboxes_than_there_are_ids_for_are_refused_with_the_setting_to_change() {
    let few = Config { n_slots: 3, n_parked: 1, n_running: 1, n_sessions: 1, n_sessions_per_tenant: 1, ..config() };
    let harness = harness_with(few.clone()).await;
    ok(&harness.run(python("1")).await);
    let error = Config { n_slots: 2, ..few }.check().unwrap_err();
    assert!(error.contains("sandbox.n_slots must be at least 3"), "{error}");
}

#[tokio::test]
async fn a_run_gets_its_share_of_the_processors_and_no_more() {
    let found = septet_sandbox_runner::doctor(&config()).await.0;
    if found.memory == "watchdog" {
        eprintln!("SKIPPED: no writable control group here, which caps time on processors");
        return;
    }
    let harness = harness_with(Config { cpu_milli: 300, ..config() }).await;
    let code = "import os, time
for _ in range(4):
    if os.fork() == 0:
        end = time.monotonic() + 3
        while time.monotonic() < end: pass
        os._exit(0)
for _ in range(4): os.wait()
t = os.times(); print(t.children_user + t.children_system)";
    let output = harness.run(python(code)).await;
    let spent: f64 = ok(&output).trim().parse().unwrap();
    assert!(spent < 1.5, "{spent} s in 3 s, where 0.9 s are its share");
}

#[tokio::test]
async fn without_root_a_watchdog_looks_after_memory() {
    let test = "neighbours::without_root_a_watchdog_looks_after_memory";
    if !own_process::is_inside(test) {
        return own_process::run(test, User::Nobody, &[]);
    }
    let found = septet_sandbox_runner::doctor(&config()).await.0;
    assert_eq!((found.level.as_str(), found.memory.as_str()), ("L2", "watchdog"), "{found:?}");
}

#[tokio::test]
async fn without_control_groups_a_run_that_takes_too_much_goes_behind_all_others() {
    let harness = harness_with(Config { cgroup_mount: "".into(), cpu_milli: 50, ..config() }).await;
    let code = "import os, threading, time
def burn():
    end = time.monotonic() + 30
    while time.monotonic() < end and os.getpriority(0, 0) < 19: pass
before = os.getpriority(0, 0)
for _ in range(2):
    if os.fork() == 0: burn(); os._exit(os.getpriority(0, 0))
burn()
print(before, os.getpriority(0, 0), [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2)])";
    let output = harness.run(NewExecution { timeout_ms: Some(60_000), ..python(code) }).await;
    assert_eq!(ok(&output), "5 19 [19, 19]\n");
}

/// A process that lives on in ever new children cannot be stopped by looking once.
async fn stands_still(config: Config) {
    let harness = harness_with(config).await;
    let container = harness.container().await;
    let comet = "import os, time
if os.fork() == 0:
    while True:
        if os.fork(): os._exit(0)
        open('beat', 'w').write('x')
time.sleep(0.3)";
    ok(&harness.run_in(container, NewExecution { stateful: true, ..python(comet) }).await);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let age = "import os, time\nprint(time.time() - os.stat('beat').st_mtime > 0.5)";
    assert_eq!(ok(&harness.run_in(container, python(age)).await), "True\n");
}

#[tokio::test]
async fn what_a_cell_leaves_forking_stands_still() {
    stands_still(config()).await;
}

#[tokio::test]
async fn what_a_cell_leaves_forking_stands_still_without_control_groups() {
    stands_still(Config { cgroup_mount: "".into(), ..config() }).await;
}
