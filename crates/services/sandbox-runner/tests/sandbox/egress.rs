//! Sessions with egress: real servers on loopback, reached through the proxy under names that the settings of the
//! test call private. The same cases for every driver that this machine can have.

mod containers;
pub(crate) mod site;

use std::time::Duration;

use septet_contracts::sandbox::{NewExecution, Outcome};
use septet_sandbox_runner::Config;

use crate::support::{config, harness_with, ok, python};
use site::{SECRET, Site, allow, certified, listen, permitting};

/// The cases, for one driver: `$config` gives its settings, or `None` where it cannot be.
macro_rules! egress {
    ($driver:ident, $config:expr, [$($case:ident),* $(,)?]) => {
        mod $driver {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(config) = $config().await {
                        super::$case(config).await;
                    }
                }
            )*
        }
    };
}

macro_rules! all_drivers {
    ($cases:tt) => {
        egress!(process, crate::egress::in_process, $cases);
        egress!(docker, crate::egress::in_docker, $cases);
        egress!(kubernetes, crate::kubernetes::real_config, $cases);
    };
}

all_drivers!([
    without_a_policy_there_is_no_egress_even_where_the_operator_permits_one,
    an_allowed_host_is_reached_and_nothing_else_is,
    no_spelling_leads_to_this_machine_when_everything_is_permitted,
    each_session_has_its_own_list,
    https_is_tunnelled_to_the_real_certificate,
    code_uses_a_secret_that_it_cannot_read,
    a_policy_beyond_what_the_operator_permits_is_refused,
    pip_installs_from_the_operators_index_and_the_next_execution_imports_it,
    a_kept_interpreter_keeps_its_egress_and_a_fork_gets_one_of_its_own,
    egress_ends_with_its_execution,
]);

async fn in_process() -> Option<Config> {
    Some(config())
}

async fn in_docker() -> Option<Config> {
    crate::docker::docker_config()
}

async fn without_a_policy_there_is_no_egress_even_where_the_operator_permits_one(base: Config) {
    let (listener, port) = listen();
    let harness = harness_with(permitting(base.clone(), &[port])).await;
    Site::default().serve(&harness, listener, None).await;
    let code = format!(
        "import os, socket, urllib.request\n\
         print([n for n in os.environ if 'proxy' in n.lower() or n.startswith(('PIP', 'SSL'))])\n\
         for host, port in [('127.0.0.1', 3128), ('127.0.0.1', {port}), ('localhost', {port})]:\n\
         \x20   try: socket.create_connection((host, port), 1); print('REACHED', host)\n\
         \x20   except OSError: pass\n\
         try: urllib.request.urlopen('http://localhost:{port}/', timeout=2); print('REACHED')\n\
         except OSError: pass\n\
         print('end')"
    );
    assert_eq!(ok(&harness.run(python(&code)).await), "[]\nend\n");
}

async fn an_allowed_host_is_reached_and_nothing_else_is(base: Config) {
    let (listener, port) = listen();
    let harness = harness_with(permitting(base.clone(), &[port])).await;
    let site = Site::default();
    site.serve(&harness, listener, None).await;
    site.put("/data.csv", "a,b\n1,2\n");
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    let code = format!(
        "import pandas, socket, urllib.request, urllib.error\n\
         print(pandas.read_csv('http://localhost:{port}/data.csv').to_dict('records'))\n\
         def fails(what):\n\
         \x20   try: what(); print('REACHED')\n\
         \x20   except urllib.error.HTTPError as e: print(e.code, e.reason[:60])\n\
         \x20   except OSError as e: print(type(e).__name__)\n\
         fails(lambda: urllib.request.urlopen('http://other.example/'))\n\
         fails(lambda: urllib.request.urlopen('http://127.0.0.1:{port}/data.csv'))\n\
         fails(lambda: urllib.request.urlopen('http://localhost:{port}/metadata'))\n\
         fails(lambda: socket.create_connection(('127.0.0.1', {port}), 1))\n\
         fails(lambda: socket.create_connection(('192.0.2.1', 3128), 1))\n\
         fails(lambda: socket.getaddrinfo('other.example', 80))\n\
         fails(lambda: socket.create_server(('127.0.0.1', 0)))"
    );
    let said = ok(&harness.run_in(container, python(&code)).await).to_owned();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "[{'a': 1, 'b': 2}]", "{said}");
    assert!(lines[1].starts_with("403 sandbox: other.example is not on the list"), "{said}");
    assert!(lines[2].starts_with("403 sandbox: the host is not understood: 127.0.0.1 is an addr"), "{said}");
    assert!(lines[3].starts_with("403 sandbox: the host is not understood: 169.254.169.254"), "{said}");
    assert_eq!(lines.len(), 8, "{said}");
    assert!(!said.contains("REACHED"), "{said}");
}

async fn no_spelling_leads_to_this_machine_when_everything_is_permitted(base: Config) {
    let (canary, port) = listen();
    let everything = Config { egress_domains: vec!["*".to_owned()], egress_ports: vec![80, 443, port], ..base };
    let harness = harness_with(everything).await;
    let site = Site::default();
    site.serve(&harness, canary, None).await;
    let container = harness.with_network(allow(&["*"], &[])).await;
    let code = r#"
import os, socket, urllib.request
proxy = int(os.environ['HTTP_PROXY'].rsplit(':', 1)[1])
hosts = '''localhost LOCALHOST localhost. localhost%2e 127.0.0.1 127.1 0x7f.1 0177.1 2130706433 0 [::1] [::]
[::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [64:ff9b::7f00:1] [2002:7f00:1::] [fe80::1%25lo]
x@127.0.0.1 localhost@127.0.0.1 127.0.0.1# 127.0.0.1? %6c%6f%63%61%6c%68%6f%73%74 ip6-localhost ip6-loopback'''.split()
hosts.append(socket.gethostname())
def ask(text):
    with socket.create_connection(('127.0.0.1', proxy), 5) as s:
        s.sendall(text.encode()); s.settimeout(10)
        try: return s.recv(4096).decode().split('\r')[0]
        except OSError: return ''
for host in hosts:
    for text in ('GET http://%s:PORT/ HTTP/1.1\r\nHost: x\r\n\r\n', 'CONNECT %s:PORT HTTP/1.1\r\nHost: x\r\n\r\n'):
        said = ask(text % host)
        if said and not said.startswith(('HTTP/1.1 4', 'HTTP/1.1 502')): print('ESCAPED', host, said)
try: urllib.request.urlopen('https://localhost/')
except OSError as e: print(e)
print('end', len(hosts))
"#
    .replace("PORT", &port.to_string());
    let output = harness.run_in(container, python(&code)).await;
    let said = ok(&output);
    assert!(!said.contains("ESCAPED") && said.ends_with("end 26\n"), "{said}");
    let told = "Tunnel connection failed: 403 sandbox: localhost leads to an address that is loopback";
    assert!(said.contains(told), "{said}");
    assert_eq!(site.asked(), Vec::<String>::new());
}

async fn each_session_has_its_own_list(base: Config) {
    let (listener, port) = listen();
    let harness = harness_with(permitting(base.clone(), &[port])).await;
    let site = Site::default();
    site.serve(&harness, listener, None).await;
    let here = harness.with_network(allow(&["localhost"], &[])).await;
    let elsewhere = harness.with_network(allow(&["elsewhere.example"], &[])).await;
    let code = format!(
        "import urllib.request, urllib.error, time\n\
         for n in range(5):\n\
         \x20   try: print(urllib.request.urlopen('http://localhost:{port}/me').status)\n\
         \x20   except urllib.error.HTTPError as e: print(e.code)\n\
         \x20   time.sleep(0.02)"
    );
    let (one, other) = tokio::join!(harness.run_in(here, python(&code)), harness.run_in(elsewhere, python(&code)));
    assert_eq!((ok(&one), ok(&other)), ("200\n200\n200\n200\n200\n", "403\n403\n403\n403\n403\n"));
}

async fn https_is_tunnelled_to_the_real_certificate(base: Config) {
    let (listener, port) = listen();
    let (tls, roots) = certified();
    let harness =
        harness_with(Config { egress_roots: roots.path().to_owned(), ..permitting(base.clone(), &[port]) }).await;
    let site = Site::default();
    site.serve(&harness, listener, Some(tls)).await;
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    let code = format!("import urllib.request\nprint(urllib.request.urlopen('https://localhost:{port}/me').read())");
    assert_eq!(ok(&harness.run_in(container, python(&code)).await), "b'hello '\n");
}

async fn code_uses_a_secret_that_it_cannot_read(base: Config) {
    let (listener, port) = listen();
    let (tls, roots) = certified();
    let harness =
        harness_with(Config { egress_roots: roots.path().to_owned(), ..permitting(base.clone(), &[port]) }).await;
    let site = Site::default();
    site.serve(&harness, listener, Some(tls)).await;
    let container = harness.with_network(allow(&["localhost", "other.example"], &["localhost"])).await;
    let code = format!(
        "import os, urllib.request\n\
         request = urllib.request.Request('https://localhost:{port}/me', headers={{'Authorization': 'Bearer ' + os.environ['API_KEY']}})\n\
         print(urllib.request.urlopen(request).read().decode())\n\
         print(os.environ['API_KEY'][:14], str(dict(os.environ)).count('sk-'))"
    );
    let output = harness.run_in(container, python(&code)).await;
    let covered = "*".repeat(SECRET.len());
    assert_eq!(ok(&output), format!("hello Bearer {covered}\nseptet-secret- 0\n"));
    assert_eq!(site.asked(), [format!("/me Bearer {SECRET}")]);

    // Nor is it in any answer or on the disk.
    let shown = harness.client.get(&harness.caller, container).await.unwrap();
    assert!(!serde_json::to_string(&shown).unwrap().contains(SECRET));
    assert_eq!(
        serde_json::to_value(&shown.network_policy).unwrap(),
        serde_json::json!({
            "type": "allowlist",
            "allowed_domains": ["localhost", "other.example"],
            "domain_secrets": [{ "domain": "localhost", "name": "API_KEY" }],
        })
    );
    let (folder, _) = harness.close().await;
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{:?}", entry.path());
        n_files += 1;
    }
    assert!(n_files > 0);
}

async fn a_policy_beyond_what_the_operator_permits_is_refused(base: Config) {
    let harness = harness_with(base.clone()).await;
    let refusal = harness.client.create(&harness.caller, &allow(&["pypi.org"], &[])).await.unwrap_err();
    assert_eq!(refusal.code, "egress_not_permitted");
    assert!(refusal.detail.contains("sandbox.egress_domains"), "{refusal:?}");

    let harness = harness_with(permitting(base.clone(), &[80])).await;
    for (new, why) in [
        (allow(&["127.0.0.1"], &[]), "is an address"),
        (allow(&["localhost"], &["other.example"]), "not among the allowed_domains"),
        (allow(&[], &[]), "1 to 64 entries"),
    ] {
        let refusal = harness.client.create(&harness.caller, &new).await.unwrap_err();
        assert_eq!(refusal.code, "bad_request", "{refusal:?}");
        assert!(refusal.detail.contains(why) && !refusal.detail.contains(SECRET), "{refusal:?}");
    }
}

/// A wheel of one module, made as pip wants it.
fn wheel() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny-1.0-py3-none-any.whl");
    let code = "import sys, zipfile\n\
                with zipfile.ZipFile(sys.argv[1], 'w') as z:\n\
                \x20   z.writestr('tiny/__init__.py', 'def answer(): return 42\\n')\n\
                \x20   z.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\nRequires-Dist: numpy\\n')\n\
                \x20   z.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
                \x20   z.writestr('tiny-1.0.dist-info/RECORD', 'tiny/__init__.py,,\\ntiny-1.0.dist-info/METADATA,,\\ntiny-1.0.dist-info/WHEEL,,\\ntiny-1.0.dist-info/RECORD,,\\n')\n";
    let done = std::process::Command::new("/usr/bin/python3").args(["-c", code]).arg(&path).status().unwrap();
    assert!(done.success());
    std::fs::read(path).unwrap()
}

async fn pip_installs_from_the_operators_index_and_the_next_execution_imports_it(base: Config) {
    let (listener, port) = listen();
    let harness = harness_with(Config {
        egress_pip_index: format!("http://localhost:{port}/simple/"),
        ..permitting(base.clone(), &[port])
    })
    .await;
    let site = Site::default();
    site.serve(&harness, listener, None).await;
    site.put("/simple/tiny/", "<a href=\"/files/tiny-1.0-py3-none-any.whl\">tiny-1.0-py3-none-any.whl</a>");
    site.put("/files/tiny-1.0-py3-none-any.whl", wheel());
    let container = harness.with_network(allow(&["localhost"], &[])).await;

    let install = "import subprocess, sys\n\
                   done = subprocess.run([sys.executable, '-m', 'pip', 'install', 'tiny'], capture_output=True, text=True)\n\
                   print(done.returncode, done.stdout[-300:], done.stderr[-2000:])\n\
                   import tiny; print(tiny.answer())";
    let installed = harness.run_in(container, python(install)).await;
    let said = ok(&installed);
    assert!(said.starts_with("0 ") && said.contains("Successfully installed tiny-1.0"), "{said}");
    assert!(said.ends_with("42\n"), "{said}");
    assert!(installed.files.is_empty(), "{:?}", installed.files);

    let import = "import tiny, subprocess, sys\nprint(tiny.answer(), tiny.__file__)\n\
                  print(subprocess.run([sys.executable, '-c', 'import tiny, numpy; print(tiny.answer())'], capture_output=True, text=True))";
    let output = harness.run_in(container, python(import)).await;
    let said = ok(&output);
    assert!(said.starts_with("42 /session/.packages/lib/python3"), "{said}");
    assert!(said.contains("stdout='42\\n'"), "{said}");

    // What the index does not have is not looked for anywhere else.
    let missing = "import subprocess, sys\nprint(subprocess.run([sys.executable, '-m', 'pip', 'install', 'absent'], capture_output=True, text=True).stderr)";
    let output = harness.run_in(container, python(missing)).await;
    assert!(ok(&output).contains("No matching distribution found for absent"), "{output:?}");
    let other = harness.with_network(allow(&["other.example"], &[])).await;
    let refused = "import subprocess, sys\nprint(subprocess.run([sys.executable, '-m', 'pip', 'install', '--retries', '0', 'tiny'], capture_output=True, text=True))";
    let output = harness.run_in(other, python(refused)).await;
    assert!(ok(&output).contains("returncode=1"), "{output:?}");
}

async fn a_kept_interpreter_keeps_its_egress_and_a_fork_gets_one_of_its_own(base: Config) {
    let (listener, port) = listen();
    let (tls, roots) = certified();
    let harness = harness_with(Config {
        egress_roots: roots.path().to_owned(),
        egress_bytes: 200_000,
        ..permitting(base.clone(), &[port])
    })
    .await;
    let site = Site::default();
    site.serve(&harness, listener, Some(tls)).await;
    site.put("/big", vec![b'a'; 120_000]);
    let container = harness.with_network(allow(&["localhost"], &["localhost"])).await;
    let stateful = |code: &str| NewExecution { stateful: true, ..python(code) };
    let begin = format!(
        "import os, urllib.request\n\
         def get(path):\n\
         \x20   headers = {{'Authorization': 'Bearer ' + os.environ['API_KEY']}}\n\
         \x20   return len(urllib.request.urlopen(urllib.request.Request('https://localhost:{port}' + path, headers=headers)).read())\n\
         print(get('/big'))"
    );
    assert_eq!(ok(&harness.run_in(container, stateful(&begin)).await), "120000\n");
    // Each execution has its bytes anew; one alone does not get more than its own.
    assert_eq!(ok(&harness.run_in(container, stateful("print(get('/big'))")).await), "120000\n");
    let greedy = harness.run_in(container, stateful("print(get('/big')); print(get('/big'))")).await;
    assert_eq!((greedy.outcome(), greedy.stdout.as_str()), (Some(Outcome::Error), "120000\n"), "{greedy:?}");

    let fork = harness.client.fork(&harness.caller, container).await.unwrap();
    assert_eq!(ok(&harness.run_in(fork.id, stateful("print(get('/me'))")).await), "32\n");
    assert!(site.asked().iter().all(|line| line.ends_with(&format!(" Bearer {SECRET}"))), "{:?}", site.asked());
}

async fn egress_ends_with_its_execution(base: Config) {
    let (listener, port) = listen();
    let harness = harness_with(permitting(base.clone(), &[port])).await;
    let site = Site::default();
    site.serve(&harness, listener, None).await;
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    let code = format!("import urllib.request\nprint(urllib.request.urlopen('http://localhost:{port}/me').status)");
    let run = async || assert_eq!(ok(&harness.run_in(container, python(&code)).await), "200\n");
    run().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let n_before = n_sockets();
    for _ in 0..10 {
        run().await;
    }
    for _ in 0..50 {
        if n_sockets() <= n_before + 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{n_before} sockets became {}", n_sockets());
}

/// Not of files and pipes: a stand-in for a cluster has programs of its own running.
fn n_sockets() -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    all.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))).count()
}
