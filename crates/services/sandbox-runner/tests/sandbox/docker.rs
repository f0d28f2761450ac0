//! What only containers can do wrong. What all drivers have in common is in [`crate::contract`].
//!
//! The tests need a Docker that `SEPTET_TEST_DOCKER` names, as `make test` starts one, and skip themselves aloud without.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use septet_contracts::sandbox::{NewExecution, Outcome};
use septet_sandbox_runner::{Config, DockerSettings};

use crate::support::{Harness, config, harness_with, ok, python};

/// The socket of the Docker for tests, as `unix:///path`.
pub(crate) fn docker() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "says where the Docker for tests is")]
    let docker = std::env::var("SEPTET_TEST_DOCKER").ok().filter(|docker| !docker.is_empty());
    if docker.is_none() {
        eprintln!(
            "SKIPPED: no Docker for tests; set SEPTET_TEST_DOCKER to its socket, such as unix:///var/run/docker.sock"
        );
    }
    docker
}

/// Settings for the Docker driver with an image of exactly this program, made when it is not there.
pub(crate) fn docker_config() -> Option<Config> {
    let docker = docker()?;
    let image = image(&docker);
    // Containers of tests that run at the same time must not share users, by which the kernel counts processes.
    let first_uid = 20_000 + std::process::id() % 2000 * 16;
    let settings =
        DockerSettings { image, n_warm: 0, folder: folder(), first_uid, n_uids: 16, ..DockerSettings::default() };
    Some(Config { driver: format!("docker:{docker}"), docker: settings, ..config() })
}

pub(crate) async fn docker_house() -> Option<Harness> {
    Some(harness_with(docker_config()?).await)
}

/// Every test has its own, so that none sees another's containers.
fn folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "set by the test that starts a victim")]
    let given = std::env::var("SEPTET_TEST_VICTIM").map(PathBuf::from);
    // Short: the address of a socket has at most 107 bytes.
    let own = || std::env::temp_dir().join(format!("septet-{}-{:?}", std::process::id(), std::thread::current().id()));
    given.unwrap_or_else(|_unset| own())
}

pub(crate) fn image(docker: &str) -> String {
    use sha2::Digest;
    let binary = env!("CARGO_BIN_EXE_sandbox-warden");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let script = root.join("deploy/sandbox-image/import.sh");
    let mut hash = sha2::Sha256::new();
    hash.update(std::fs::read(binary).unwrap());
    hash.update(std::fs::read(&script).unwrap());
    let tag = format!("septet-sandbox-test:{}", &hex::encode(hash.finalize())[..16]);
    // Tests run in processes of their own, at the same time.
    let lock = std::fs::File::create(std::env::temp_dir().join("septet-test-image.lock")).unwrap();
    lock.lock().unwrap();
    let client = |args: &[&str]| {
        let mut command = Command::new("docker");
        command.args(["-H", docker]).args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("the docker command")
    };
    if !client(&["image", "inspect", &tag]).success() {
        let made = Command::new(&script)
            .args(["--binary", binary, "--tag", &tag, "--runtime"])
            .arg(config().runtime())
            .env("DOCKER_HOST", docker)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    tag
}

/// The containers of these tests that are there now, by their user id.
fn containers() -> Vec<String> {
    let Some(docker) = docker() else { return Vec::new() };
    let label = format!("label=septet.folder={}", folder().display());
    let listed = Command::new("docker")
        .args(["-H", &docker, "ps", "-aq", "--no-trunc", "--filter", &label, "--format", "{{.Names}}"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}

/// What runs in them, by its id on this machine.
pub(crate) fn processes() -> BTreeMap<u32, String> {
    let mut all = BTreeMap::new();
    for container in containers() {
        let listed = Command::new("docker")
            .args(["-H", &docker().unwrap(), "top", &container, "-eo", "pid,args"])
            .output()
            .unwrap();
        for line in String::from_utf8_lossy(&listed.stdout).lines().skip(1) {
            let (pid, name) = line.trim().split_once(' ').unwrap();
            all.insert(pid.parse().unwrap(), name.to_owned());
        }
    }
    all
}

#[tokio::test]
async fn a_container_has_no_egress_and_nothing_of_ours_in_it() {
    let Some(harness) = docker_house().await else { return };
    let code = "import os, socket\n\
                print(os.getuid() >= 20000, os.listdir('/session'), os.path.exists('/var/run/docker.sock'))\n\
                status = dict(l.split(':\\t', 1) for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\n\
                print(status['CapEff'].strip(), status['CapBnd'].strip(), status['NoNewPrivs'], status['Seccomp'])\n\
                for what in (lambda: os.listdir('/run/septet'), lambda: open('/usr/x', 'w'), lambda: open('/proc/1/environ').read(),\n\
                \x20            lambda: open('/proc/1/mem', 'rb'), lambda: os.listdir('/sys'), lambda: socket.socket(socket.AF_INET)):\n\
                \x20   try: print('ESCAPED', what())\n\
                \x20   except OSError as e: print('no')\n\
                print(sorted(os.environ))";
    let output = harness.run(python(code)).await;
    let told = ok(&output);
    assert!(
        told.starts_with("True [] False\n0000000000000000 0000000000000000 1 2\nno\nno\nno\nno\nno\nno\n"),
        "{told}"
    );
    assert!(!told.contains("TOKEN"), "{told}");
    harness.close().await;
}

#[tokio::test]
async fn code_that_reaches_the_agents_socket_is_refused_there() {
    let Some(harness) = docker_house().await else { return };
    let code = "import socket\ns = socket.socket(socket.AF_UNIX); s.settimeout(5)\n\
                try:\n\
                \x20   s.connect('/run/septet/agent.sock')\n\
                \x20   s.sendall(b'GET /health HTTP/1.1\\r\\nhost: a\\r\\nauthorization: Bearer x\\r\\n\\r\\n')\n\
                \x20   print(s.recv(100).split(b'\\r\\n')[0].decode())\n\
                except OSError as e: print('no', e)";
    let output = harness.run(python(code)).await;
    let told = ok(&output);
    assert!(told.contains("401") || told.starts_with("no"), "{told}");
    harness.close().await;
}

#[tokio::test]
async fn what_detaches_itself_dies_with_its_run() {
    let Some(harness) = docker_house().await else { return };
    let container = harness.container().await;
    let code = "import os, time\n\
                if os.fork() == 0:\n\
                \x20   os.setsid()\n\
                \x20   if os.fork() == 0:\n\
                \x20       while True: open('alive', 'a').write('x')\n\
                \x20   os._exit(0)\n\
                while not os.path.exists('alive'): time.sleep(0.01)\n\
                print('end')";
    assert_eq!(ok(&harness.run_in(container, python(code)).await), "end\n");
    let sizes = "import os, time\na = os.path.getsize('alive'); time.sleep(0.3); print(os.path.getsize('alive') - a)";
    assert_eq!(ok(&harness.run_in(container, python(sizes)).await), "0\n");
    let all = Command::new("docker").args(["-H", &docker().unwrap(), "top", &containers()[0]]).output().unwrap();
    // A line of headings, the agent, the warden, the warm interpreter, the next worker and perhaps the last one.
    let all = String::from_utf8_lossy(&all.stdout);
    assert!((2..=6).contains(&all.lines().count()), "{all}");
    harness.close().await;
}

#[tokio::test]
async fn a_container_that_dies_is_a_clear_end_and_the_next_run_gets_another() {
    let Some(harness) = docker_house().await else { return };
    let container = harness.container().await;
    harness.upload(container, "a.txt", "kept").await.unwrap();
    ok(&harness.run_in(container, python("print(1)")).await);
    let running = harness.run_in(container, python("import time; time.sleep(60)"));
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for name in containers() {
            Command::new("docker").args(["-H", &docker().unwrap(), "kill", &name]).output().unwrap();
        }
    };
    let (output, ()) = tokio::join!(running, kill);
    assert_eq!(output.outcome(), Some(Outcome::Killed), "{output:?}");
    assert_eq!(ok(&harness.run_in(container, python("print(open('a.txt').read())")).await), "kept\n");
    harness.close().await;
}

#[tokio::test]
async fn a_deleted_sandbox_leaves_no_container() {
    let Some(harness) = docker_house().await else { return };
    let container = harness.container().await;
    ok(&harness.run_in(container, python("print(1)")).await);
    harness.client.delete(&harness.caller, container).await.unwrap();
    harness.close().await;
    assert_eq!(containers(), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_is_not_there_is_said_and_not_pulled() {
    let Some(config) = docker_config() else { return };
    let settings = DockerSettings { image: "septet-sandbox-that-is-not-there".to_owned(), ..config.docker.clone() };
    let harness = harness_with(Config { docker: settings, ..config }).await;
    let container = harness.container().await;
    let refusal = harness.client.run(&harness.caller, container, &python("1"), Some("k")).await.unwrap_err();
    assert_eq!(refusal.code, "sandbox_unavailable");
    assert!(refusal.detail.contains("deploy/sandbox-image"), "{refusal:?}");
    harness.close().await;
}

#[tokio::test]
async fn a_docker_that_is_not_there_is_said() {
    let harness = harness_with(Config { driver: "docker:unix:///nowhere/docker.sock".to_owned(), ..config() }).await;
    let container = harness.container().await;
    let refusal = harness.client.run(&harness.caller, container, &python("1"), Some("k")).await.unwrap_err();
    assert_eq!(refusal.code, "sandbox_unavailable");
    assert!(refusal.detail.contains("/nowhere/docker.sock"), "{refusal:?}");
}

/// Not a test of its own: what the next one kills.
#[tokio::test]
async fn a_victim_runs_for_ever() {
    #[expect(clippy::disallowed_methods, reason = "set by the test that starts this")]
    let is_meant = std::env::var("SEPTET_TEST_VICTIM").is_ok();
    if !is_meant {
        return;
    }
    let Some(harness) = docker_house().await else { return };
    harness.run(NewExecution { timeout_ms: Some(60_000), ..python("while True: pass") }).await;
}

#[tokio::test]
async fn after_kill_9_the_next_start_sweeps_the_containers() {
    if docker_config().is_none() {
        return;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["docker::a_victim_runs_for_ever", "--exact"])
        .env("SEPTET_TEST_VICTIM", folder())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while containers().is_empty() && started.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    let orphans = containers();
    assert!(!orphans.is_empty());

    let harness = docker_house().await.unwrap();
    ok(&harness.run(python("print(1)")).await);
    let left = containers();
    assert!(orphans.iter().all(|orphan| !left.contains(orphan)), "{orphans:?} {left:?}");
    harness.close().await;
}
