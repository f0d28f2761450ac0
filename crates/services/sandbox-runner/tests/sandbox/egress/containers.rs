//! What only the egress of a container can do wrong: the listener is in it, and the bytes pass an agent that code may
//! have taken over.

use std::collections::BTreeMap;

use septet_contracts::sandbox::NewExecution;
use septet_kernel::ContainerId;
use septet_sandbox_runner::Config;

use super::site::{SECRET, Site, allow, certified, listen, permitting};
use crate::docker::{docker_config, processes};
use crate::support::{Harness, harness_with, ok, python};

/// The port that code in a container finds its proxy at. The interpreter stays.
async fn port_of(harness: &Harness, container: ContainerId) -> u16 {
    let code = "import os\nprint(os.environ['HTTP_PROXY'].rsplit(':', 1)[1])";
    let output = harness.run_in(container, NewExecution { stateful: true, ..python(code) }).await;
    ok(&output).trim().parse().unwrap()
}

#[tokio::test]
async fn a_listener_is_reached_from_its_own_container_alone() {
    let Some(config) = docker_config() else { return };
    let harness = harness_with(permitting(config, &[80])).await;
    let open = harness.with_network(allow(&["localhost"], &[])).await;
    let port = port_of(&harness, open).await;
    let code = format!(
        "import socket\n\
         try: socket.create_connection(('127.0.0.1', {port}), 2); print('REACHED')\n\
         except OSError: print('no')"
    );
    assert_eq!(ok(&harness.run_in(open, python(&code)).await), "REACHED\n", "it is there");

    let other = harness.with_network(allow(&["localhost"], &[])).await;
    assert_eq!(ok(&harness.run_in(other, python(&code)).await), "no\n", "from a container with egress of its own");
    assert_eq!(ok(&harness.run(python(&code)).await), "no\n", "from a container without");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "from the host");
    harness.close().await;
}

#[tokio::test]
async fn a_container_without_a_policy_has_no_listener_and_no_ip_sockets() {
    let Some(config) = docker_config() else { return };
    let harness = harness_with(permitting(config, &[80])).await;
    let open = harness.with_network(allow(&["localhost"], &[])).await;
    assert_eq!(listeners(&harness, open).await, 1);
    let closed = harness.container().await;
    assert_eq!(listeners(&harness, closed).await, 0);
    let code = "import socket\n\
                for family in (socket.AF_INET, socket.AF_INET6):\n\
                \x20   try: socket.socket(family); print('MADE', family)\n\
                \x20   except OSError: pass";
    assert_eq!(ok(&harness.run_in(closed, python(code)).await), "");
    harness.close().await;
}

#[tokio::test]
async fn more_connections_than_are_carried_at_a_time_wait_and_all_get_through() {
    let Some(config) = docker_config() else { return };
    let (listener, port) = listen();
    let harness = harness_with(Config { egress_connections: 4, ..permitting(config, &[port]) }).await;
    let site = Site::default();
    site.serve(&harness, listener, None).await;
    site.put("/big", vec![b'a'; 1 << 20]);
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    let code = format!(
        "import urllib.request\n\
         from concurrent.futures import ThreadPoolExecutor\n\
         def get(n): return len(urllib.request.urlopen('http://localhost:{port}/big').read())\n\
         with ThreadPoolExecutor(16) as pool: print(sum(pool.map(get, range(64))) >> 20)"
    );
    assert_eq!(ok(&harness.run_in(container, python(&code)).await), "64\n");
    assert_eq!(site.asked().len(), 64);
    harness.close().await;
}

/// How many TCP sockets listen where a container is, as the host sees it. Only this container may be there.
async fn listeners(harness: &Harness, container: ContainerId) -> usize {
    let before: Vec<u32> = processes().into_keys().collect();
    ok(&harness.run_in(container, python("print(1)")).await);
    let pid = processes().into_keys().find(|pid| !before.contains(pid)).unwrap();
    let listens = |table: &str| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        text.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A")).count()
    };
    listens("tcp") + listens("tcp6")
}

#[tokio::test]
async fn with_egress_there_is_tcp_to_it_and_nothing_else() {
    let Some(config) = docker_config() else { return };
    let harness = harness_with(permitting(config, &[80])).await;
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    let code = "import os, socket\n\
                at = ('127.0.0.1', int(os.environ['HTTP_PROXY'].rsplit(':', 1)[1]))\n\
                def tries(what):\n\
                \x20   try: what(); print('DID')\n\
                \x20   except OSError as e: print(e.errno)\n\
                tries(lambda: socket.create_connection(at, 2))\n\
                tries(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))\n\
                tries(lambda: socket.socket(socket.AF_INET6))\n\
                tries(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))\n\
                tries(lambda: socket.socket().sendto(b'x', socket.MSG_FASTOPEN, at))\n\
                tries(lambda: socket.socket().sendmsg([b'x'], [], socket.MSG_FASTOPEN, at))\n\
                tries(lambda: socket.socket().connect(('127.0.0.1', 9)))\n\
                tries(lambda: socket.socket().bind(('127.0.0.1', 0)))";
    let unknown = libc::EAFNOSUPPORT;
    let denied = libc::EACCES;
    let told = format!("DID\n{}{}", format!("{unknown}\n").repeat(5), format!("{denied}\n").repeat(2));
    assert_eq!(ok(&harness.run_in(container, python(code)).await), told);
    harness.close().await;
}

#[tokio::test]
async fn a_secret_is_nowhere_in_the_container_that_uses_it() {
    let Some(config) = docker_config() else { return };
    let (listener, port) = listen();
    let (tls, roots) = certified();
    let harness = harness_with(Config { egress_roots: roots.path().to_owned(), ..permitting(config, &[port]) }).await;
    let site = Site::default();
    site.serve(&harness, listener, Some(tls)).await;
    let container = harness.with_network(allow(&["localhost"], &["localhost"])).await;
    let code = format!(
        "import os, urllib.request\n\
         marker = 'a marker ' + 'that is searched for'\n\
         request = urllib.request.Request('https://localhost:{port}/me', headers={{'Authorization': 'Bearer ' + os.environ['API_KEY']}})\n\
         answer = urllib.request.urlopen(request).read()\n\
         print(len(answer))"
    );
    ok(&harness.run_in(container, NewExecution { stateful: true, ..python(&code) }).await);
    assert_eq!(site.asked(), [format!("/me Bearer {SECRET}")], "it was used");

    let all: BTreeMap<u32, String> = processes();
    assert!(all.len() >= 3, "the agent, the warden, interpreters: {all:?}");
    let who = |wanted: &str| -> Vec<&String> { remembering(all.keys(), wanted).iter().map(|pid| &all[pid]).collect() };
    assert_ne!(who("a marker that is searched for"), Vec::<&String>::new(), "the search finds what is there");
    assert_eq!(who(SECRET), Vec::<&String>::new());
    harness.close().await;
}

/// The processes that have this text in memory that they can write to.
fn remembering<'a>(pids: impl Iterator<Item = &'a u32>, wanted: &str) -> Vec<u32> {
    // Python, because a build for tests takes minutes to look through so many bytes.
    let look = "import sys\n\
                def has(pid):\n\
                \x20   with open('/proc/%s/mem' % pid, 'rb') as memory:\n\
                \x20       for line in open('/proc/%s/maps' % pid):\n\
                \x20           if ' rw' not in line: continue\n\
                \x20           start, end = (int(edge, 16) for edge in line.split()[0].split('-'))\n\
                \x20           memory.seek(start)\n\
                \x20           try:\n\
                \x20               if sys.argv[1].encode() in memory.read(end - start): return True\n\
                \x20           except OSError: pass\n\
                print(*filter(has, sys.argv[2:]))";
    let mut command = std::process::Command::new("/usr/bin/python3");
    let looked = command.args(["-c", look, wanted]).args(pids.map(u32::to_string)).output().unwrap();
    assert!(looked.status.success(), "{looked:?}");
    String::from_utf8(looked.stdout).unwrap().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}
