//! Interpreters that live on between executions, and what ends them.

use std::time::Duration;

use futures::StreamExt;
use septet_contracts::sandbox::{ExecutionEvent, NewContainer, NewExecution, Outcome, Output};
use septet_kernel::{Failure, Kind};
use septet_sandbox_runner::Config;

use crate::support::{Harness, config, harness, harness_with, names, ok, python, sql};

fn cell(code: &str) -> NewExecution {
    NewExecution { stateful: true, ..python(code) }
}

fn result(output: &Output) -> &str {
    output.result().map_or("", |result| &result.text)
}

#[tokio::test]
async fn variables_imports_and_functions_live_on() {
    let harness = harness().await;
    let container = harness.container().await;
    let first = harness.run_in(container, cell("import math\nx = 20\ndef double(n): return 2 * n")).await;
    assert!(first.is_fresh);
    ok(&first);
    let second = harness.run_in(container, cell("x += 1\nprint(math.floor(1.5))\ndouble(x)")).await;
    assert!(!second.is_fresh);
    assert_eq!((ok(&second), result(&second)), ("1\n", "42"));
}

#[tokio::test]
async fn an_execution_that_is_not_stateful_sees_no_variables_but_the_same_files() {
    let harness = harness().await;
    let container = harness.container().await;
    ok(&harness.run_in(container, cell("x = 1\nopen('a.txt', 'w').write('hi')")).await);
    let apart = harness.run_in(container, python("print(open('a.txt').read(), 'x' in globals())")).await;
    assert_eq!(ok(&apart), "hi False\n");
    assert_eq!(result(&harness.run_in(container, cell("x")).await), "1");
}

#[tokio::test]
async fn an_error_and_an_exit_leave_the_variables() {
    let harness = harness().await;
    let container = harness.container().await;
    ok(&harness.run_in(container, cell("x = 7")).await);
    let failed = harness.run_in(container, cell("def f(): return 1 / 0\nf()")).await;
    assert_eq!(failed.error().unwrap().name, "ZeroDivisionError");
    let exited = harness.run_in(container, cell("import sys\nsys.exit(3)")).await;
    assert_eq!(exited.outcome(), Some(Outcome::Error));
    let after = harness.run_in(container, cell("f()")).await;
    let traceback = &after.error().unwrap().traceback;
    assert!(traceback.contains("def f(): return 1 / 0"), "{traceback}");
    assert_eq!(result(&harness.run_in(container, cell("x")).await), "7");
}

#[tokio::test]
async fn a_crash_a_timeout_and_hunger_end_the_interpreter_and_the_next_one_says_so() {
    let harness = harness_with(Config { memory_bytes: 256 << 20, ..config() }).await;
    let container = harness.container().await;
    let ends = [
        ("import ctypes\nctypes.string_at(0)", Outcome::Error),
        ("while True: pass", Outcome::Timeout),
        ("a = []\nwhile True: a.append(bytearray(1 << 24))", Outcome::OutOfMemory),
    ];
    for (code, outcome) in ends {
        ok(&harness.run_in(container, cell("x = 1")).await);
        let timeout_ms = if outcome == Outcome::Timeout { 1000 } else { 20_000 };
        let ended = harness.run_in(container, NewExecution { timeout_ms: Some(timeout_ms), ..cell(code) }).await;
        assert_eq!(ended.outcome(), Some(outcome), "{code}: {ended:?}");
        let after = harness.run_in(container, cell("'x' in globals()")).await;
        ok(&after);
        assert_eq!((after.is_fresh, result(&after)), (true, "False"), "{code}");
    }
}

#[tokio::test]
async fn an_interrupt_keeps_the_variables() {
    let harness = harness().await;
    let container = harness.container().await;
    ok(&harness.run_in(container, cell("x = 5")).await);
    let new = cell("import time\nx += 1\nprint('in', flush=True)\ntime.sleep(30)");
    let mut events = harness.client.execute(&harness.caller, container, &new, None).await.unwrap();
    let mut output = Output::default();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if matches!(event, ExecutionEvent::Stdout { .. }) {
            harness.client.interrupt(&harness.caller, container).await.unwrap();
        }
        output.add(event);
    }
    assert_eq!(output.error().unwrap().name, "KeyboardInterrupt");
    let after = harness.run_in(container, cell("x")).await;
    assert_eq!((after.is_fresh, result(&after)), (false, "6"));
    let idle = harness.client.interrupt(&harness.caller, container).await.unwrap_err();
    assert_eq!((idle.kind(), idle.code()), (Kind::Conflict, "nothing_runs"));
}

#[tokio::test]
async fn code_that_does_not_listen_to_an_interrupt_is_killed() {
    let harness = harness().await;
    let container = harness.container().await;
    let new = cell(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('in', flush=True)\nwhile True: pass",
    );
    let mut events = harness.client.execute(&harness.caller, container, &new, None).await.unwrap();
    let mut output = Output::default();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if matches!(event, ExecutionEvent::Stdout { .. }) {
            harness.client.interrupt(&harness.caller, container).await.unwrap();
        }
        output.add(event);
    }
    assert_eq!(output.outcome(), Some(Outcome::Killed));
    assert!(harness.run_in(container, cell("1")).await.is_fresh);
}

#[tokio::test]
async fn what_a_cell_leaves_running_stands_still_between_two_cells() {
    let harness = harness().await;
    let container = harness.container().await;
    let start = "import subprocess, threading, time\nn = 0\ndef count():\n    global n\n    while True:\n        n += 1\n        time.sleep(0.001)\n\
                 threading.Thread(target=count, daemon=True).start()\nsubprocess.Popen(['sh', '-c', 'while :; do echo x >> ticks; sleep 0.01; done'])\ntime.sleep(0.3)";
    ok(&harness.run_in(container, cell(start)).await);
    let look = "import os\n(n, os.path.getsize('ticks'))";
    let before = harness.run_in(container, cell(look)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = harness.run_in(container, cell(look)).await;
    let numbers = |output: &Output| -> Vec<u64> {
        result(output).trim_matches(['(', ')']).split(", ").map(|number| number.parse().unwrap()).collect()
    };
    let (before, after) = (numbers(&before), numbers(&after));
    assert!(before[0] > 0 && before[1] > 0, "{before:?}");
    assert!(after[0] - before[0] < 500 && after[1] - before[1] < 100, "{before:?} {after:?}");
}

#[tokio::test]
async fn tables_of_sql_live_on() {
    let harness = harness().await;
    let container = harness.container().await;
    let statement = |code: &str| NewExecution { stateful: true, ..sql(code) };
    ok(&harness.run_in(container, statement("CREATE TABLE t AS SELECT 41 + 1 AS n")).await);
    let rows = harness.run_in(container, statement("SELECT n FROM t")).await;
    assert!(result(&rows).contains("42"), "{rows:?}");
}

#[tokio::test]
async fn figures_become_files_once() {
    let harness = harness().await;
    let container = harness.container().await;
    let draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('营收')";
    assert_eq!(names(&harness.run_in(container, cell(draw)).await), ["/session/chart-1.png"]);
    assert_eq!(names(&harness.run_in(container, cell("1")).await), Vec::<&str>::new());
    assert_eq!(names(&harness.run_in(container, cell(draw)).await), ["/session/chart-2.png"]);
}

#[tokio::test]
async fn a_fork_has_files_and_variables_of_its_own() {
    let harness = harness().await;
    let container = harness.container().await;
    let start = "import numpy as np\ncalls = 0\ndata = np.arange(5)\ndef call():\n    global calls\n    calls += 1\n    return calls\n\
                 class P:\n    def __init__(self, n): self.n = n\np = P(3)\nhandle = open('log.txt', 'w')\ncall()";
    ok(&harness.run_in(container, cell(start)).await);
    let fork = harness.client.fork(&harness.caller, container).await.unwrap();
    assert_eq!(fork.septet.left_behind, ["handle"]);
    let there = harness
        .run_in(fork.id, cell("open('log.txt', 'w').write('fork')\n(call(), calls, int(data.sum()), p.n)"))
        .await;
    assert_eq!((there.is_fresh, result(&there)), (false, "(2, 2, 10, 3)"), "{there:?}");
    let here = harness.run_in(container, cell("(calls, open('log.txt').read())")).await;
    assert_eq!(result(&here), "(1, '')");
}

#[tokio::test]
async fn a_fork_of_a_sandbox_without_variables_has_its_files() {
    let harness = harness().await;
    let container = harness.container().await;
    harness.upload(container, "a.txt", "hello").await.unwrap();
    let fork = harness.client.fork(&harness.caller, container).await.unwrap();
    assert_eq!(ok(&harness.run_in(fork.id, python("print(open('a.txt').read())")).await), "hello\n");
}

#[tokio::test]
async fn the_session_that_is_idle_longest_makes_space() {
    let harness = harness_with(Config { n_sessions_per_tenant: 2, ..config() }).await;
    let containers = [harness.container().await, harness.container().await, harness.container().await];
    for container in containers {
        ok(&harness.run_in(container, cell("x = 1")).await);
    }
    assert!(!harness.run_in(containers[2], cell("x")).await.is_fresh);
    assert!(!harness.run_in(containers[1], cell("x")).await.is_fresh);
    assert!(harness.run_in(containers[0], cell("'x' in globals()")).await.is_fresh);
}

#[tokio::test]
async fn sessions_that_are_all_busy_refuse_another() {
    let harness = harness_with(Config { n_sessions_per_tenant: 1, n_running: 4, ..config() }).await;
    let (busy, other) = (harness.container().await, harness.container().await);
    let new = cell("print('in', flush=True)\nimport time\ntime.sleep(20)");
    let mut events = harness.client.execute(&harness.caller, busy, &new, None).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}
    let refusal = harness.client.run(&harness.caller, other, &cell("1"), None).await.unwrap_err();
    assert_eq!((refusal.kind(), refusal.code()), (Kind::Exhausted, "too_many_sandboxes"));
    let other_caller = crate::support::other_caller(&harness.platform.ids);
    let theirs = harness.client.create(&other_caller, &NewContainer::default()).await.unwrap().id;
    ok(&harness.client.run(&other_caller, theirs, &cell("1"), None).await.unwrap());
}

#[tokio::test]
async fn a_worn_interpreter_is_replaced_and_kept_variables_stay() {
    let harness = harness_with(Config { zygote_forks: 4, ..config() }).await;
    let container = harness.container().await;
    ok(&harness.run_in(container, cell("x = 9")).await);
    for _ in 0..8 {
        ok(&harness.run(python("1")).await);
    }
    assert_eq!(result(&harness.run_in(container, cell("x")).await), "9");
    let seeds = harness.run(python("print(1)")).await;
    assert_eq!(ok(&seeds), "1\n");
}

async fn random(harness: &Harness) -> String {
    let code = "import random, numpy\nprint(random.random(), numpy.random.rand(), hash('a'))";
    ok(&harness.run(python(code)).await).to_owned()
}

#[tokio::test]
async fn no_two_interpreters_draw_the_same_numbers() {
    let harness = harness().await;
    let (one, other) = (random(&harness).await, random(&harness).await);
    assert_ne!(one.split(' ').take(2).collect::<Vec<_>>(), other.split(' ').take(2).collect::<Vec<_>>());
}
