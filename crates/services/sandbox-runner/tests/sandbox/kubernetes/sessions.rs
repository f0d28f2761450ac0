//! Code and files in a pod, and runs too long for one.

use std::time::Duration;

use septet_contracts::sandbox::Outcome;
use septet_sandbox_runner::Config;
use serde_json::Value;

use super::cluster::Cluster;
use super::{runner_with, warm};
use crate::support::{names, ok, python};

#[tokio::test]
async fn files_go_into_the_pod_and_come_back() {
    let (cluster, harness) = warm(1).await;
    let container = harness.container().await;
    harness.upload(container, "data/in.csv", "a,b").await.unwrap();

    let output = harness.run_in(container, python("read data/in.csv\nwrite out.txt")).await;

    assert_eq!(ok(&output), "a,b");
    assert_eq!(names(&output), ["/session/out.txt"]);
    assert_eq!(harness.bytes(&output.files[0]).await, b"written by code");
    assert_eq!(cluster.pods("claimed").len(), 1);
    let again = harness.run_in(container, python("read out.txt")).await;
    assert_eq!(ok(&again), "written by code", "the session stays in its pod");
    assert_eq!(cluster.pods("claimed").len(), 1);
}

#[tokio::test]
async fn a_pod_that_vanishes_ends_its_run_and_the_next_has_another() {
    let (cluster, harness) = warm(1).await;
    let container = harness.container().await;
    harness.upload(container, "in.csv", "a,b").await.unwrap();
    let run = harness.run_in(container, python("sleep"));
    let kill = async {
        cluster
            .until("code runs", |cluster| {
                cluster.pods("claimed").iter().any(|pod| !cluster.agent(pod).codes().is_empty())
            })
            .await;
        cluster.lose_pod(&cluster.pods("claimed")[0]);
    };

    let (output, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), run), kill);

    assert_eq!(output.unwrap().outcome(), Some(Outcome::Killed));
    assert_eq!(ok(&harness.run_in(container, python("read in.csv")).await), "a,b", "in a pod with the same files");
}

#[tokio::test]
async fn a_pod_that_needed_more_memory_than_it_has_is_told_as_such() {
    let (cluster, harness) = warm(1).await;
    let run = harness.run(python("sleep"));
    let kill = async {
        cluster
            .until("code runs", |cluster| {
                cluster.pods("claimed").iter().any(|pod| !cluster.agent(pod).codes().is_empty())
            })
            .await;
        cluster.end_for_memory(&cluster.pods("claimed")[0]);
    };

    let (output, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), run), kill);

    assert_eq!(output.unwrap().outcome(), Some(Outcome::OutOfMemory));
}

#[tokio::test]
async fn a_run_that_its_agent_does_not_end_is_ended_with_its_pod() {
    let (cluster, harness) = warm(1).await;
    let container = harness.container().await;
    let (client, caller) = (harness.client.clone(), harness.caller.clone());
    let mut limited = python("sleep");
    limited.timeout_ms = Some(300);

    let output = client.run(&caller, container, &limited, None).await.unwrap();

    assert_eq!(output.outcome(), Some(Outcome::Timeout), "time is kept here, whatever the agent says");
    cluster.until("its pod is gone", |cluster| cluster.pods("claimed").is_empty()).await;
}

fn long_runs(config: &mut Config) {
    config.kubernetes.pod_life_minutes = 60;
    config.timeout_max_ms = 3 * 3600 * 1000;
}

fn jobs(cluster: &Cluster) -> Vec<Value> {
    cluster.all("jobs")
}

#[tokio::test]
async fn a_run_that_is_too_long_for_its_pod_moves_into_a_job() {
    let cluster = Cluster::new();
    let (harness, _) = runner_with(&cluster, 1, long_runs).await;
    let container = harness.container().await;
    harness.upload(container, "in.csv", "a,b").await.unwrap();
    assert_eq!(ok(&harness.run_in(container, python("write made.txt")).await), "");
    assert!(jobs(&cluster).is_empty(), "a short run needs none");
    let mut long = python("read in.csv\nread made.txt\nwrite result.txt");
    long.timeout_ms = Some(2 * 3600 * 1000);

    let output = harness.run_in(container, long).await;

    assert_eq!(ok(&output), "a,bwritten by code", "its files came along");
    assert_eq!(names(&output), ["/session/result.txt"], "and only what is new is told");
    let jobs = jobs(&cluster);
    assert_eq!(jobs.len(), 1);
    let spec = &jobs[0]["spec"];
    assert_eq!(spec["backoffLimit"], 0);
    assert_eq!(spec["ttlSecondsAfterFinished"], 300);
    assert!(spec["activeDeadlineSeconds"].as_i64().unwrap() > 2 * 3600);
    assert!(spec["template"]["spec"]["activeDeadlineSeconds"].is_null(), "the job's own deadline counts");
    assert_eq!(spec["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"], true);
    cluster.until("the first pod is gone", |cluster| cluster.pods("claimed").is_empty()).await;

    harness.client.delete(&harness.caller, container).await.unwrap();

    cluster
        .until("job and pod are gone", |cluster| {
            cluster.all("jobs").is_empty() && cluster.pods("claimed").is_empty() && cluster.all("pods").len() == 1
        })
        .await;
}

#[tokio::test]
async fn a_job_whose_runner_vanished_is_swept_by_another() {
    let cluster = Cluster::new();
    let (dying, way) = runner_with(&cluster, 1, long_runs).await;
    let mut long = python("print long");
    long.timeout_ms = Some(2 * 3600 * 1000);
    assert_eq!(ok(&dying.run(long).await), "long");
    assert_eq!(jobs(&cluster).len(), 1);
    // Its lease is renewed while its session lives.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(jobs(&cluster).len(), 1);
    way.cut();

    let (_heir, _) = runner_with(&cluster, 1, long_runs).await;

    cluster.until("the job is gone", |cluster| jobs(cluster).is_empty()).await;
}
