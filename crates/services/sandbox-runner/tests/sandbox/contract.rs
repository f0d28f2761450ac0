//! What every driver must do: one list of cases, run through the typed client, behind each kind of walls.

use futures::StreamExt;
use septet_contracts::sandbox::{ExecutionEvent, Limits, NewExecution, Outcome};
use septet_sandbox_runner::Config;

use crate::own_process::{self, User};
use crate::support::{Harness, config, harness_with, names, ok, python, sql};

/// The cases, for one driver: `$harness` makes a harness with it from a change of the settings, or `None`.
macro_rules! contract {
    ($driver:ident, $harness:expr, [$($case:ident),* $(,)?]) => {
        mod $driver {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(harness) = $harness(concat!(module_path!(), "::", stringify!($case))).await {
                        super::$case(&harness).await;
                        harness.close().await;
                    }
                }
            )*
        }
    };
}

macro_rules! all_drivers {
    ($cases:tt) => {
        contract!(process_as_root, crate::contract::as_root, $cases);
        contract!(process_without_root, crate::contract::without_root, $cases);
        contract!(docker, crate::contract::in_docker, $cases);
        contract!(kubernetes, crate::contract::in_pods, $cases);
    };
}

all_drivers!([
    output_and_errors_come_back,
    the_last_expression_is_the_result,
    sql_runs_over_files,
    a_timeout_ends_everything,
    memory_has_a_limit,
    files_go_in_and_come_out,
    big_output_is_cut,
    names_of_artifacts_are_what_they_look_like,
    a_crash_is_told_and_the_next_run_works,
    a_cancelled_run_ends,
    sessions_do_not_see_each_other,
    stdin_is_at_its_end,
    there_is_no_network,
    processes_have_a_limit,
    variables_live_on,
    an_interrupt_keeps_variables,
    a_chart_shows_chinese,
    compiled_code_in_the_session_folder_loads,
]);

fn small() -> Config {
    Config { memory_bytes: 256 << 20, session_bytes: 64 << 20, ..config() }
}

async fn as_root(_test: &str) -> Option<Harness> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: not root, so there are no walls of level L3");
        return None;
    }
    Some(harness_with(Config { min_level: septet_sandbox_runner::Level::L3, ..small() }).await)
}

/// As root, the test is run again as nobody, in a process of its own.
async fn without_root(test: &str) -> Option<Harness> {
    if !nix::unistd::geteuid().is_root() {
        return Some(harness_with(small()).await);
    }
    let (_crate, test) = test.split_once("::").unwrap();
    own_process::run(test, User::Nobody, &[]);
    None
}

async fn in_docker(_test: &str) -> Option<Harness> {
    let config = crate::docker::docker_config()?;
    Some(harness_with(Config { docker: config.docker, driver: config.driver, ..small() }).await)
}

async fn in_pods(_test: &str) -> Option<Harness> {
    let config = crate::kubernetes::real_config().await?;
    Some(harness_with(Config { kubernetes: config.kubernetes, driver: config.driver, ..small() }).await)
}

fn stateful(code: &str) -> NewExecution {
    NewExecution { stateful: true, ..python(code) }
}

async fn output_and_errors_come_back(harness: &Harness) {
    let output = harness.run(python("import sys\nprint('你好'); print('oh', file=sys.stderr)")).await;
    assert_eq!((ok(&output), output.stderr.as_str()), ("你好\n", "oh\n"));

    let output = harness.run(python("print('before')\n1 / 0")).await;
    assert_eq!((output.outcome(), output.stdout.as_str()), (Some(Outcome::Error), "before\n"));
    assert_eq!(output.error().unwrap().name, "ZeroDivisionError");

    let output = harness.run(python("raise SystemExit(3)")).await;
    assert!(matches!(output.done, Some(ExecutionEvent::Done { exit_code: 3, .. })), "{output:?}");
}

async fn the_last_expression_is_the_result(harness: &Harness) {
    let output = harness.run(python("import pandas as pd\npd.DataFrame({'n': [1, 2]})")).await;
    ok(&output);
    let result = output.result().unwrap();
    assert_eq!(result.json.as_ref().unwrap()["rows"], serde_json::json!([[1], [2]]));
}

async fn sql_runs_over_files(harness: &Harness) {
    let container = harness.container().await;
    harness.upload(container, "数.csv", "n\n1\n2\n").await.unwrap();
    let output = harness.run_in(container, sql("SELECT sum(n) AS s FROM '数.csv'")).await;
    ok(&output);
    assert!(output.result().unwrap().text.contains('3'), "{output:?}");
}

async fn a_timeout_ends_everything(harness: &Harness) {
    let container = harness.container().await;
    let code = "import os\nif os.fork() == 0:\n    os.setsid()\n    while True: open('alive', 'a').write('x')\nwhile True: pass";
    let output = harness.run_in(container, NewExecution { timeout_ms: Some(700), ..python(code) }).await;
    assert_eq!(output.outcome(), Some(Outcome::Timeout), "{output:?}");
    let sizes = "import os, time\nsize = lambda: os.path.exists('alive') and os.path.getsize('alive')\n\
                 a = size(); time.sleep(0.3); print(size() - a)";
    assert_eq!(ok(&harness.run_in(container, python(sizes)).await), "0\n");
}

async fn memory_has_a_limit(harness: &Harness) {
    let alone = harness.run(python("x = []\nwhile True: x.append(bytearray(b'x') * (8 << 20))")).await;
    assert_eq!(alone.outcome(), Some(Outcome::OutOfMemory), "{alone:?}");
    let spread = "import os, time\n\
                  for i in range(8):\n\
                  \x20   if os.fork() == 0:\n\
                  \x20       x = b'x' * (100 << 20); time.sleep(30)\n\
                  time.sleep(30); print('survived')";
    let spread = harness.run(NewExecution { timeout_ms: Some(25_000), ..python(spread) }).await;
    assert_eq!(spread.outcome(), Some(Outcome::OutOfMemory), "{spread:?}");
    assert_eq!(ok(&harness.run(python("print(1)")).await), "1\n");
}

async fn files_go_in_and_come_out(harness: &Harness) {
    let container = harness.container().await;
    harness.upload(container, "in/数据.csv", "a\n1\n").await.unwrap();
    let code = "import os\nopen('out.txt', 'w').write(open('in/数据.csv').read())\nos.mkdir('d'); open('d/big.bin', 'wb').write(b'x' * (5 << 20))";
    let output = harness.run_in(container, python(code)).await;
    ok(&output);
    assert_eq!(names(&output), ["/session/d/big.bin", "/session/out.txt"]);
    assert_eq!(harness.bytes(&output.files[1]).await, b"a\n1\n");
    assert_eq!(harness.bytes(&output.files[0]).await.len(), 5 << 20);

    let output = harness
        .run_in(container, python("import os; os.remove('out.txt'); open('in/数据.csv', 'a').write('2\\n')"))
        .await;
    assert_eq!((ok(&output), names(&output)), ("", vec!["/session/in/数据.csv"]));
    harness.client.delete_file(&harness.caller, container, output.files[0].id).await.unwrap();
    assert_eq!(
        ok(&harness.run_in(container, python("import os; print(sorted(os.listdir()), os.listdir('in'))")).await),
        "['d', 'in'] []\n"
    );

    let full = "try: open('x', 'wb').write(b'x' * (100 << 20))\nexcept OSError as e: print('full')";
    assert_eq!(ok(&harness.run_in(container, python(full)).await), "full\n");
}

async fn big_output_is_cut(harness: &Harness) {
    let limits = Limits { output_bytes: Some(9_999), ..Limits::default() };
    let code = "import sys\nsys.stdout.write('中' * (4 << 20)); sys.stdout.flush()\nopen('end', 'w').write('x')";
    let output = harness.run(NewExecution { limits, ..python(code) }).await;
    ok(&output);
    assert!(output.stdout.len() <= 9_999 && output.stdout.starts_with("中中"), "{} bytes", output.stdout.len());
    assert!(matches!(output.done, Some(ExecutionEvent::Done { truncated: true, .. })));
    assert_eq!(names(&output), ["/session/end"]);
}

async fn names_of_artifacts_are_what_they_look_like(harness: &Harness) {
    let code = "import os\nos.symlink('/etc/passwd', 'passwd.txt'); os.mkfifo('pipe.png')\n\
                for name in (b'\\xff.png', '\\u202egnp.exe', 'a\\nb.txt', '.hidden', 'good.txt', '-rf', '名.txt'): open(name, 'w').write('x')";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert_eq!(names(&output), ["/session/-rf", "/session/good.txt", "/session/名.txt"]);
}

async fn a_crash_is_told_and_the_next_run_works(harness: &Harness) {
    let container = harness.container().await;
    let output = harness.run_in(container, python("import ctypes\nctypes.string_at(1)")).await;
    assert_eq!(output.outcome(), Some(Outcome::Error));
    assert!(output.error().unwrap().message.contains("signal 11"), "{output:?}");
    assert_eq!(ok(&harness.run_in(container, python("print(1)")).await), "1\n");
}

async fn a_cancelled_run_ends(harness: &Harness) {
    let container = harness.container().await;
    let code = "print('in', flush=True)\nwhile True: pass";
    let mut events = harness.client.execute(&harness.caller, container, &python(code), Some("k")).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}
    harness.client.stop(&harness.caller, container, "k").await.unwrap();
    let last = loop {
        if let done @ ExecutionEvent::Done { .. } = events.next().await.unwrap().unwrap() {
            break done;
        }
    };
    assert!(matches!(last, ExecutionEvent::Done { outcome: Outcome::Killed, .. }), "{last:?}");
    assert_eq!(ok(&harness.run_in(container, python("print(1)")).await), "1\n");
}

async fn sessions_do_not_see_each_other(harness: &Harness) {
    let (one, other) = (harness.container().await, harness.container().await);
    let plant = "import os, builtins, json\nbuiltins.leak = json.leak = 1; os.environ['LEAK'] = '1'\n\
                 for p in ('/session', '/tmp', '/dev/shm'): open(p + '/leak', 'w').write('x')";
    ok(&harness.run_in(one, python(plant)).await);
    let look = "import os, builtins, json\n\
                print(hasattr(builtins, 'leak'), hasattr(json, 'leak'), 'LEAK' in os.environ, [os.path.exists(p + '/leak') for p in ('/session', '/tmp', '/dev/shm')])";
    assert_eq!(ok(&harness.run_in(other, python(look)).await), "False False False [False, False, False]\n");
    assert_eq!(
        ok(&harness.run_in(one, python("import os; print(os.listdir(), os.path.exists('/tmp/leak'))")).await),
        "['leak'] False\n"
    );
}

async fn stdin_is_at_its_end(harness: &Harness) {
    let output = harness
        .run(python("import sys\nprint(repr(sys.stdin.read()))\ntry: input()\nexcept EOFError: print('eof')"))
        .await;
    assert_eq!(ok(&output), "''\neof\n");
}

async fn there_is_no_network(harness: &Harness) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let code = format!(
        "import socket\n\
         for address in (('127.0.0.1', {}), ('169.254.169.254', 80), ('192.0.2.1', 53)):\n\
         \x20   for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n\
         \x20       try:\n\
         \x20           s = socket.socket(socket.AF_INET, kind); s.settimeout(1); s.connect(address); s.send(b'x')\n\
         \x20           print('ESCAPED', address, kind)\n\
         \x20       except OSError: pass\n\
         print('end')",
        listener.local_addr().unwrap().port()
    );
    assert_eq!(ok(&harness.run(python(&code)).await), "end\n");
}

async fn processes_have_a_limit(harness: &Harness) {
    let code = "import os, time\nn = 0\n\
                try:\n\
                \x20   while n < 500:\n\
                \x20       if os.fork() == 0: time.sleep(60)\n\
                \x20       n += 1\n\
                except OSError as e: print('stopped', n < 100)";
    let container = harness.container().await;
    assert_eq!(ok(&harness.run_in(container, python(code)).await), "stopped True\n");
    assert_eq!(ok(&harness.run_in(container, python("print(1)")).await), "1\n");
}

async fn variables_live_on(harness: &Harness) {
    let container = harness.container().await;
    let first = harness.run_in(container, stateful("x = 41\nx")).await;
    assert!(first.is_fresh, "{first:?}");
    assert_eq!(ok(&harness.run_in(container, python("print('x' in globals())")).await), "False\n");
    let second = harness.run_in(container, stateful("x += 1\nprint(x)")).await;
    assert_eq!((ok(&second), second.is_fresh), ("42\n", false));
}

async fn an_interrupt_keeps_variables(harness: &Harness) {
    let container = harness.container().await;
    ok(&harness.run_in(container, stateful("x = 1")).await);
    let code = stateful("print('in', flush=True)\nimport time\nwhile True: time.sleep(0.01)");
    let mut events = harness.client.execute(&harness.caller, container, &code, Some("k")).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), ExecutionEvent::Stdout { .. }) {}
    harness.client.interrupt(&harness.caller, container).await.unwrap();
    let last = loop {
        if let done @ ExecutionEvent::Done { .. } = events.next().await.unwrap().unwrap() {
            break done;
        }
    };
    assert!(
        matches!(&last, ExecutionEvent::Done { error: Some(error), .. } if error.name == "KeyboardInterrupt"),
        "{last:?}"
    );
    assert_eq!(ok(&harness.run_in(container, stateful("print(x)")).await), "1\n");
}

async fn a_chart_shows_chinese(harness: &Harness) {
    let code = "import warnings; warnings.simplefilter('error')\nimport matplotlib.pyplot as plt\n\
                plt.rcParams['font.sans-serif'] = ['SimHei']\nplt.bar(['一季度', '二季度'], [3, -5]); plt.title('营业收入'); plt.show()";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert_eq!((output.stderr.as_str(), names(&output)), ("", vec!["/session/chart-1.png"]));
    assert!(harness.bytes(&output.files[0]).await.starts_with(b"\x89PNG"));
}

/// As packages have it that code installs.
async fn compiled_code_in_the_session_folder_loads(harness: &Harness) {
    let code = "import ctypes, numpy, os, shutil\n\
                folder = os.path.dirname(numpy.__file__)\n\
                found = next(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith('.so'))\n\
                shutil.copy(found, '/session/copy.so')\n\
                try: ctypes.CDLL('/session/copy.so'); print('loaded')\n\
                except OSError as e: print('mapped' if 'undefined symbol' in str(e) else e)";
    let said = harness.run(python(code)).await;
    assert!(["loaded\n", "mapped\n"].contains(&ok(&said)), "{said:?}");
}
