//! Code that wants too much gets an end.

use crate::support::{config, harness, harness_with, ok, python};
use septet_contracts::sandbox::{ExecutionEvent, Limits, NewExecution, Outcome};
use septet_kernel::{Failure, Kind};
use septet_sandbox_runner::Config;

#[tokio::test]
async fn an_endless_loop_is_killed() {
    let harness = harness().await;
    let output = harness.run(NewExecution { timeout_ms: Some(500), ..python("print('in')\nwhile True: pass") }).await;
    assert_eq!(output.outcome(), Some(Outcome::Timeout));
    assert_eq!(output.stdout, "in\n");
    assert_eq!(output.error().unwrap().name, "TimeLimit");
}

#[tokio::test]
async fn code_that_ignores_signals_and_forks_away_is_killed_with_all_it_started() {
    let harness = harness().await;
    let container = harness.container().await;
    let code = "import os, signal, time\n\
                for s in range(1, 65):\n\
                \x20   try: signal.signal(s, signal.SIG_IGN)\n\
                \x20   except (OSError, ValueError): pass\n\
                if os.fork() == 0:\n\
                \x20   os.setsid()\n\
                \x20   if os.fork() == 0:\n\
                \x20       while True: open('alive', 'a').write('x')\n\
                while True: pass";
    let output = harness.run_in(container, NewExecution { timeout_ms: Some(500), ..python(code) }).await;
    assert_eq!(output.outcome(), Some(Outcome::Timeout));
    let sizes = "import os, time\na = os.path.getsize('alive'); time.sleep(0.3); print(os.path.getsize('alive') - a)";
    assert_eq!(ok(&harness.run_in(container, python(sizes)).await), "0\n");
}

#[tokio::test]
async fn a_child_that_keeps_the_output_open_does_not_hold_the_end_up() {
    let harness = harness().await;
    let output =
        harness.run(python("import os, time\nif os.fork() == 0:\n    time.sleep(60)\nelse:\n    print('done')")).await;
    assert_eq!(ok(&output), "done\n");
}

async fn a_memory_bomb_ends(config: Config) {
    let harness = harness_with(Config { memory_bytes: 256 << 20, ..config }).await;
    let alone = harness.run(python("x = []\nwhile True: x.append(bytearray(b'x') * (8 << 20))")).await;
    assert_eq!(alone.outcome(), Some(Outcome::OutOfMemory), "{alone:?}");
    let spread = "import os, time\n\
                  for i in range(8):\n\
                  \x20   if os.fork() == 0:\n\
                  \x20       x = b'x' * (100 << 20); time.sleep(30)\n\
                  time.sleep(30); print('survived')";
    let spread = harness.run(python(spread)).await;
    assert_eq!(spread.outcome(), Some(Outcome::OutOfMemory), "{spread:?}");
    assert_eq!(ok(&harness.run(python("print(1)")).await), "1\n");
}

#[tokio::test]
async fn a_memory_bomb_ends_alone_and_spread_over_children() {
    a_memory_bomb_ends(config()).await;
}

#[tokio::test]
async fn a_memory_bomb_ends_without_control_groups_too() {
    a_memory_bomb_ends(Config { cgroup_mount: "".into(), ..config() }).await;
}

#[tokio::test]
async fn a_fork_bomb_stays_small() {
    let harness = harness().await;
    let code = "import os, time\nn = 0\n\
                try:\n\
                \x20   while n < 500:\n\
                \x20       if os.fork() == 0: time.sleep(60)\n\
                \x20       n += 1\n\
                except OSError as e: print('stopped', n < 100)";
    assert_eq!(ok(&harness.run(python(code)).await), "stopped True\n");
    let bomb = NewExecution {
        timeout_ms: Some(1000),
        ..python("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
    };
    assert_eq!(harness.run(bomb).await.outcome(), Some(Outcome::Timeout));
    assert_eq!(ok(&harness.run(python("print(1)")).await), "1\n");
}

#[tokio::test]
async fn endless_output_is_cut_and_the_code_goes_on() {
    let harness = harness().await;
    let limits = Limits { output_bytes: Some(10_000), ..Limits::default() };
    let output = harness
        .run(NewExecution {
            limits, ..python("for i in range(100000): print('中' * 40)\nopen('end', 'w').write('x')")
        })
        .await;
    ok(&output);
    assert!(output.stdout.len() <= 10_000 && output.stdout.starts_with("中中"), "{} bytes", output.stdout.len());
    assert!(matches!(output.done, Some(ExecutionEvent::Done { truncated: true, .. })));
    assert_eq!(output.files.len(), 1);
}

#[tokio::test]
async fn a_full_session_folder_is_the_codes_problem_alone() {
    let harness = harness_with(Config { session_bytes: 8 << 20, ..config() }).await;
    let container = harness.container().await;
    let code = "try: open('big', 'wb').write(b'x' * (20 << 20))\nexcept OSError as e: print(e.strerror)\nimport os; os.remove('big')";
    assert_eq!(ok(&harness.run_in(container, python(code)).await), "No space left on device\n");
    assert_eq!(ok(&harness.run_in(container, python("print(1)")).await), "1\n");
    assert_eq!(harness.upload(container, "big.csv", &"x".repeat(9 << 20)).await.unwrap_err().kind(), Kind::TooLarge);
}

#[tokio::test]
async fn too_much_code_is_refused() {
    let harness = harness_with(Config { code_bytes: 100, ..config() }).await;
    let container = harness.container().await;
    let refusal = harness.client.run(&harness.caller, container, &python(&"#".repeat(101)), None).await.unwrap_err();
    assert_eq!(refusal.kind(), Kind::TooLarge);
}
