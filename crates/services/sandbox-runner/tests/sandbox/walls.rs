//! What code cannot reach.

use crate::support::{Harness, config, harness, harness_with, ok, python};
use septet_sandbox_runner::Config;

async fn says(harness: &Harness, code: &str) -> String {
    ok(&harness.run(python(code)).await).to_owned()
}

#[tokio::test]
async fn there_is_no_network() {
    let harness = harness().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let code = format!(
        "import socket\n\
         for host, port in [('127.0.0.1', {port}), ('192.0.2.1', 80), ('169.254.169.254', 80)]:\n\
         \x20   try: socket.create_connection((host, port), 1); print('REACHED', host)\n\
         \x20   except OSError: pass\n\
         try: socket.getaddrinfo('example.com', 80); print('RESOLVED')\n\
         except OSError: pass\n\
         try: socket.socket(40); print('VSOCK')\n\
         except OSError: pass\n\
         print('end')"
    );
    assert_eq!(says(&harness, &code).await, "end\n");
}

#[tokio::test]
async fn files_of_the_host_are_not_there() {
    let harness = harness().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "secret").unwrap();
    let code = format!(
        "import os\n\
         for p in [{:?}, '/etc/shadow', '/root', '/home', '/var/lib', '/sys', '/boot', '/etc/hostname', '/dev/mem', '/dev/kmsg', '/dev/vda', '/usr/local', '/run/docker.sock', '/proc/kcore', '/proc/sys', '/proc/sysrq-trigger', '/proc/kallsyms', '/proc/mounts2']:\n\
         \x20   if os.path.exists(p): print('SEES', p)\n\
         print(sorted(os.listdir('/')), open('/etc/passwd').read().count(chr(10)))\n\
         print('USR', set(os.listdir('/usr')) - {{'bin', 'lib', 'lib64', 'libexec', 'sbin', 'share'}})",
        secret.path().display().to_string()
    );
    let seen = says(&harness, &code).await;
    assert!(!seen.contains("SEES"), "{seen}");
    assert!(seen.contains("'session'"), "{seen}");
    assert!(seen.contains("USR set()"), "nothing of /usr but what programs need: {seen}");
}

#[tokio::test]
async fn nothing_but_the_session_can_be_written() {
    let harness = harness().await;
    let code = "import os\n\
                for p in ['/', '/usr/bin', '/usr/lib/python3', '/opt/site', '/opt/site/numpy', '/opt/septet', '/opt/septet/mpl', '/etc', '/dev', '/proc', '/run', '/var']:\n\
                \x20   try: open(p + '/x', 'w'); print('WROTE', p)\n\
                \x20   except OSError: pass\n\
                for p in ['/etc/passwd', '/opt/septet/zygote.py', '/proc/self/oom_score_adj', '/proc/1/mem']:\n\
                \x20   try: open(p, 'r+b'); print('OPENED', p)\n\
                \x20   except OSError: pass\n\
                for p in ['/session', '/tmp', '/var/tmp', '/dev/shm']: open(p + '/x', 'w').write('x')\n\
                print('end')";
    let said = says(&harness, code).await;
    assert_eq!(said, "end\n");
}

#[tokio::test]
async fn processes_of_the_host_are_not_seen() {
    let harness = harness().await;
    let code = "import os\nprint(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()) , os.getpid() < 10)\n\
                try: os.kill(1, 0); print('SIGNALLED')\n\
                except OSError: pass";
    let seen = says(&harness, code).await;
    assert!(seen.ends_with("True\n") && seen.matches(',').count() <= 2, "{seen}");
}

#[tokio::test]
async fn nothing_of_the_runner_is_in_the_environment_or_open() {
    let harness = harness().await;
    let code = "import os, stat\n\
                print(sorted(os.environ))\n\
                fds = [fd for fd in range(4096) if not os.system('') and True] if False else []\n\
                for fd in range(3, 1024):\n\
                \x20   try: os.fstat(fd); print('OPEN', fd)\n\
                \x20   except OSError: pass\n\
                print(repr(os.read(0, 10)))";
    assert_eq!(
        says(&harness, code).await,
        "['HOME', 'LANG', 'MATPLOTLIBRC', 'MPLBACKEND', 'MPLCONFIGDIR', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', 'PYTHONPATH']\nb''\n"
    );
}

#[tokio::test]
async fn there_are_no_privileges_and_no_way_to_get_them() {
    let harness = harness().await;
    let code = "import os, ctypes\n\
                st = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\n\
                print(os.getuid(), os.getgid(), os.getgroups(), {int(st[k], 16) for k in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')}, st['NoNewPrivs'], st['Seccomp'])\n\
                libc = ctypes.CDLL(None, use_errno=True)\n\
                for name, args in [('unshare', (0x10000000,)), ('mount', (b't', b'/tmp', b'tmpfs', 0, None)), ('chroot', (b'/tmp',)), ('setuid', (0,)), ('ptrace', (16, 1, 0, 0)), ('personality', (0,))]:\n\
                \x20   if getattr(libc, name)(*args) == 0: print('DID', name)\n\
                for number in (425, 321, 298, 323, 250, 435, 56, 9999):\n\
                \x20   if libc.syscall(number, 0x10000011, 0, 0, 0, 0, 0) >= 0: print('CALLED', number)\n\
                try: os.memfd_create('x'); print('HIDES MEMORY')\n\
                except PermissionError: pass\n\
                print('end')";
    assert_eq!(says(&harness, code).await, "1000 1000 [] {0} 1 2\nend\n");
}

#[tokio::test]
async fn a_host_id_of_root_is_never_behind_a_run() {
    let harness = harness().await;
    let map = says(&harness, "print(open('/proc/self/uid_map').read().split())").await;
    if nix::unistd::geteuid().is_root() {
        let ids: Vec<u32> =
            map.split(|character: char| !character.is_ascii_digit()).filter_map(|id| id.parse().ok()).collect();
        let (first, last) = (config().host_uid, config().host_uid + 2 * config().n_slots);
        let [0, init, 1, 1000, worker, 1] = ids[..] else { panic!("{map}") };
        assert!((first..last).contains(&init) && worker == init + 1, "{map}");
    }
}

#[tokio::test]
async fn one_container_does_not_see_what_another_left() {
    let harness = harness_with(Config { n_parked: 0, ..config() }).await;
    let plant = "import os, builtins, json\nbuiltins.leak = json.leak = 1; os.environ['LEAK'] = '1'\n\
                 for p in ('/session', '/tmp', '/dev/shm'): open(p + '/leak', 'w').write('x')\nprint('end')";
    let look = "import os, builtins, json\n\
                print(hasattr(builtins, 'leak'), hasattr(json, 'leak'), 'LEAK' in os.environ, [os.path.exists(p + '/leak') for p in ('/session', '/tmp', '/dev/shm')])";
    assert_eq!(says(&harness, plant).await, "end\n");
    assert_eq!(says(&harness, look).await, "False False False [False, False, False]\n");
}

#[tokio::test]
async fn the_doctor_builds_walls_and_draws_a_chart_behind_them() {
    let (found, chart) = septet_sandbox_runner::doctor(&config()).await;
    assert!(found.level == "L3" || found.level == "L2", "{found:?}");
    assert!(found.missing.iter().all(|missing| !missing.how.is_empty()), "{found:?}");
    assert!(found.packages.iter().any(|package| package.starts_with("pandas==")), "{found:?}");
    let chart = chart.unwrap();
    assert!(chart.missing.is_empty(), "{:?}", chart.missing);
    assert!(chart.png.starts_with(b"\x89PNG") && chart.png.len() > 10_000, "{} bytes", chart.png.len());
}

#[tokio::test]
async fn a_machine_without_the_runtime_refuses_and_says_what_to_do() {
    let harness = harness_with(Config { runtime: "/nowhere".into(), ..config() }).await;
    let container = harness.container().await;
    let refusal = harness.client.run(&harness.caller, container, &python("1"), Some("k")).await.unwrap_err();
    assert_eq!(refusal.code, "sandbox_unavailable");
    assert!(refusal.detail.contains("make runtime"), "{refusal:?}");
}
