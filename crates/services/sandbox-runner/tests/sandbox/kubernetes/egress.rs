//! Egress of pods. What they have in common with those of other drivers is in [`crate::egress`].

use std::process::Command;

use septet_contracts::sandbox::NewExecution;
use septet_sandbox_runner::{Config, seccomp_profile};

use super::cluster::Cluster;
use super::{real, runner_with};
use crate::egress::site::{SECRET, Site, allow, listen, permitting};
use crate::support::{harness_with, ok, python};

/// With an agent that follows a script, so that this runs without Docker too.
#[tokio::test]
async fn a_session_with_a_policy_has_its_pod_opened_and_others_do_not() {
    let (listener, port) = listen();
    let cluster = Cluster::new();
    let (harness, _) = runner_with(&cluster, 1, |config| *config = permitting(config.clone(), &[port])).await;
    let site = Site::default();
    site.serve(&harness, listener, None).await;
    let open = harness.with_network(allow(&["localhost", "other.example"], &["other.example"])).await;
    let url = format!("http://localhost:{port}/me");

    let output = harness.run_in(open, python(&format!("fetch {url}\nfetch http://third.example/\nfetch {url}"))).await;

    let told = ok(&output);
    assert_eq!(told.matches("HTTP/1.1 200 OK").count(), 2, "{told}");
    assert!(told.contains("403 sandbox: third.example is not on the list"), "{told}");
    assert_eq!(site.asked(), ["/me ", "/me "]);
    let pod = cluster.pods("claimed").remove(0);
    let openings = cluster.agent(&pod).openings();
    assert_eq!(openings.len(), 1, "once for a session");
    assert_eq!(openings[0]["must_fence"], true);
    let key = openings[0]["directions"]["environment"]["API_KEY"].as_str().unwrap();
    assert!(key.starts_with("septet-secret-") && !openings[0].to_string().contains(SECRET), "{openings:?}");

    assert_eq!(ok(&harness.run(python("print hello")).await), "hello");
    let closed = cluster.pods("claimed").into_iter().find(|name| *name != pod).unwrap();
    cluster.until("the pool is full", |cluster| cluster.ready().len() == 1).await;
    for pod in cluster.ready().iter().chain([&closed]) {
        assert_eq!(cluster.agent(pod).openings(), Vec::<serde_json::Value>::new());
    }
    harness.close().await;
}

#[tokio::test]
async fn requests_wait_at_an_agent_while_code_runs_and_not_between() {
    let cluster = Cluster::new();
    let (harness, _) = runner_with(&cluster, 1, |config| *config = permitting(config.clone(), &[80])).await;
    cluster.until("the pool is full", |cluster| cluster.ready().len() == 1).await;
    let open = harness.with_network(allow(&["localhost"], &[])).await;
    let agent = async || {
        cluster.until("the session has its pod", |cluster| !cluster.pods("claimed").is_empty()).await;
        cluster.agent(&cluster.pods("claimed")[0])
    };
    let run = async || {
        let limited = NewExecution { timeout_ms: Some(1000), ..python("sleep") };
        harness.run_in(open, limited).await
    };
    let look = async || {
        let agent = agent().await;
        cluster.until("two wait", |_| agent.n_waiting() == 2).await;
        agent
    };

    let (output, agent) = tokio::join!(run(), look());

    assert_eq!(output.outcome(), Some(septet_contracts::sandbox::Outcome::Timeout), "{output:?}");
    cluster.until("none waits", |_| agent.n_waiting() == 0).await;
    ok(&harness.run_in(open, python("print again")).await);
    let agent = cluster.agent(&cluster.pods("claimed")[0]);
    cluster.until("none waits", |_| agent.n_waiting() == 0).await;
    harness.close().await;
}

#[tokio::test]
async fn a_job_that_a_session_moves_into_has_its_egress() {
    let (listener, port) = listen();
    let cluster = Cluster::new();
    let change = |config: &mut Config| {
        config.kubernetes.pod_life_minutes = 60;
        config.timeout_max_ms = 3 * 3600 * 1000;
        *config = permitting(config.clone(), &[port]);
    };
    let (harness, _) = runner_with(&cluster, 1, change).await;
    Site::default().serve(&harness, listener, None).await;
    let open = harness.with_network(allow(&["localhost"], &[])).await;
    let long =
        NewExecution { timeout_ms: Some(2 * 3600 * 1000), ..python(&format!("fetch http://localhost:{port}/me")) };

    let output = harness.run_in(open, long).await;

    assert!(ok(&output).starts_with("HTTP/1.1 200 OK"), "{output:?}");
    assert_eq!(cluster.all("jobs").len(), 1);
    harness.close().await;
}

/// No policy stands between these pods and this machine.
#[tokio::test]
async fn code_in_a_pod_reaches_its_egress_and_no_other_address() {
    let Some((cluster, config)) = real(&seccomp_profile()).await else { return };
    let canary = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = canary.local_addr().unwrap().port();
    let harness = harness_with(permitting(config, &[80])).await;
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    ok(&harness.run_in(container, python("print(1)")).await);
    let name = cluster.pods("claimed").remove(0);
    let pods = cluster.all("pods");
    let pod = pods.iter().find(|pod| pod["metadata"]["name"] == name.as_str()).unwrap();
    let own: std::net::Ipv4Addr = pod["status"]["podIP"].as_str().unwrap().parse().unwrap();
    let here = std::net::Ipv4Addr::from_bits(own.to_bits() - 1);
    let code = format!(
        "import os, socket\n\
         proxy = int(os.environ.get('HTTP_PROXY', ':0').rsplit(':', 1)[1])\n\
         for at in [('127.0.0.1', proxy), ('{here}', {port}), ('{own}', 8730), ('127.0.0.1', 8730), ('{own}', proxy)]:\n\
         \x20   try: socket.create_connection(at, 2); print('REACHED')\n\
         \x20   except OSError as e: print(e.errno)\n\
         try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{here}', {port})); print('SENT')\n\
         except OSError as e: print(e.errno)"
    );
    let (denied, refused, unknown) = (libc::EACCES, libc::ECONNREFUSED, libc::EAFNOSUPPORT);
    let told = format!("REACHED\n{denied}\n{denied}\n{denied}\n{refused}\n{unknown}\n");
    assert_eq!(ok(&harness.run_in(container, python(&code)).await), told);

    // What only the network of the pod would keep in gets here.
    let bare = Command::new("nsenter")
        .args(["-t", &cluster.process(&name), "-n", "/usr/bin/python3", "-c", &code])
        .env_clear()
        .output()
        .unwrap();
    let bare = String::from_utf8(bare.stdout).unwrap();
    assert!(bare.starts_with(&format!("{refused}\nREACHED\nREACHED\nREACHED\n")) && bare.ends_with("SENT\n"), "{bare}");
    harness.close().await;
}

#[tokio::test]
async fn a_pod_that_waits_listens_for_the_runner_alone() {
    let Some((cluster, config)) = real(&seccomp_profile()).await else { return };
    let harness = harness_with(permitting(config, &[80])).await;
    let container = harness.with_network(allow(&["localhost"], &[])).await;
    ok(&harness.run_in(container, python("print(1)")).await);
    let waiting = loop {
        if let Some(name) = cluster.ready().into_iter().next() {
            break name;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let listeners = |pod: &str| {
        let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", cluster.process(pod))).unwrap();
        table.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A")).count()
    };
    assert_eq!(listeners(&waiting), 1);
    assert_eq!(listeners(&cluster.pods("claimed")[0]), 2);
    harness.close().await;
}

#[tokio::test]
async fn a_pod_whose_node_has_no_landlock_gets_no_egress() {
    let without = seccomp_profile().replace("landlock_create_ruleset", "landlock_add_rule");
    let Some((_cluster, config)) = real(&without).await else { return };
    let harness = harness_with(permitting(config, &[80])).await;
    let open = harness.with_network(allow(&["localhost"], &[])).await;

    let refusal = harness.client.run(&harness.caller, open, &python("print(1)"), None).await.unwrap_err();

    assert_eq!(refusal.code, "sandbox_unavailable");
    assert!(refusal.detail.contains("egress of a pod needs Landlock for TCP on its node"), "{refusal:?}");
    assert_eq!(ok(&harness.run(python("print(1)")).await), "1\n", "without one it runs");
    harness.close().await;
}
