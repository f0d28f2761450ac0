//! Who gets which pod, and what becomes of it.

use std::collections::HashSet;
use std::time::Duration;

use septet_sandbox_runner::Config;
use serde_json::json;

use super::cluster::{ApiCall, Cluster, Fate};
use super::{UPKEEP_TIME, runner, runner_with, warm};
use crate::support::{Harness, ok, python};

/// Patches that made somebody the owner of a pod.
fn claims(cluster: &Cluster) -> Vec<ApiCall> {
    let is_claim = |call: &ApiCall| call.body["metadata"]["labels"]["septet.io/state"] == "claimed";
    cluster.calls("patch", "pods").into_iter().filter(is_claim).collect()
}

async fn says(harness: &Harness, word: &str) {
    let output = harness.run(python(&format!("print {word}"))).await;
    assert_eq!(ok(&output), word);
}

#[tokio::test]
async fn a_waiting_pod_is_claimed_and_replaced() {
    let (cluster, harness) = warm(2).await;
    let first = cluster.ready();

    says(&harness, "hello").await;

    let claims = claims(&cluster);
    assert_eq!(claims.len(), 1);
    assert!(first.contains(&claims[0].name), "no pod was made for the session");
    assert!(claims[0].body["metadata"]["resourceVersion"].is_string(), "the claim names the version that was seen");
    cluster.until("the pool is full again", |cluster| cluster.ready().len() == 2).await;
    assert_eq!(cluster.agent(&claims[0].name).codes(), ["print hello"]);
}

#[tokio::test]
async fn of_two_runners_only_one_gets_a_pod() {
    let cluster = Cluster::new();
    let (one, _) = runner(&cluster, 1).await;
    cluster.until("there is one pod", |cluster| cluster.ready().len() == 1).await;
    let (other, _) = runner(&cluster, 1).await;
    tokio::time::sleep(UPKEEP_TIME).await;
    let contested = cluster.ready();
    assert_eq!(contested.len(), 1, "the pool is shared");
    // Both have seen the pod before either's claim is looked at.
    cluster.set_latency(Duration::from_millis(300));

    tokio::join!(says(&one, "one"), says(&other, "other"));

    let claims: Vec<ApiCall> = claims(&cluster).into_iter().filter(|call| call.name == contested[0]).collect();
    let n_with = |status: u16| claims.iter().filter(|call| call.status == status).count();
    assert_eq!(n_with(200), 1, "{claims:#?}");
    assert!(n_with(409) >= 1, "a renewal may have been in the way too: {claims:#?}");
    assert_eq!(cluster.agent(&contested[0]).codes().len(), 1, "it served one session");
}

#[tokio::test]
async fn twenty_sessions_of_two_runners_have_twenty_pods() {
    let cluster = Cluster::new();
    let (one, _) = runner(&cluster, 6).await;
    let (other, _) = runner(&cluster, 6).await;
    cluster.until("pods are ready", |cluster| cluster.ready().len() >= 6).await;
    cluster.set_latency(Duration::from_millis(20));

    let words: Vec<String> = (0..20).map(|number| format!("word{number}")).collect();
    let all = words.iter().enumerate().map(|(number, word)| {
        let harness = if number % 2 == 0 { &one } else { &other };
        says(harness, word)
    });
    futures::future::join_all(all).await;

    let mut served = HashSet::new();
    for pod in cluster.pods("claimed") {
        let codes = cluster.agent(&pod).codes();
        assert!(codes.len() <= 1, "{pod} served {codes:?}");
        served.extend(codes);
    }
    let n_deleted = cluster.calls("delete", "pods").len();
    assert_eq!(served.len(), 20, "{n_deleted} pods deleted: {:#?}", cluster.calls("delete", "pods"));
    let won: Vec<String> =
        claims(&cluster).into_iter().filter(|call| call.status == 200).map(|call| call.name).collect();
    assert_eq!(won.len(), won.iter().collect::<HashSet<_>>().len(), "no pod was claimed twice");
}

#[tokio::test]
async fn what_a_runner_that_vanished_held_is_swept_by_another() {
    let cluster = Cluster::new();
    let (dying, way) = runner(&cluster, 1).await;
    cluster.until("its pool is full", |cluster| cluster.ready().len() == 1).await;
    says(&dying, "last").await;
    cluster.until("its pool is full again", |cluster| cluster.ready().len() == 1).await;
    let (held, waiting) = (cluster.pods("claimed"), cluster.ready());
    way.cut();

    let (heir, _) = runner(&cluster, 1).await;
    tokio::time::sleep(UPKEEP_TIME).await;
    assert_eq!(cluster.pods("claimed"), held, "its lease has not run out yet");

    cluster.until("the held pod is gone", |cluster| cluster.pods("claimed").is_empty()).await;
    let adopted = |cluster: &Cluster| {
        cluster.calls("patch", "pods").iter().any(|call| {
            waiting.contains(&call.name)
                && call.status == 200
                && call.body["metadata"]["labels"] != json!({})
                && call.body["metadata"]["labels"]["septet.io/state"].is_null()
        })
    };
    cluster.until("the waiting pod has a new owner", adopted).await;
    says(&heir, "next").await;
    assert!(cluster.pods("claimed").contains(&waiting[0]), "and it serves sessions");
}

#[tokio::test]
async fn pods_of_a_runner_that_lives_are_left_alone() {
    let cluster = Cluster::new();
    let (busy, _) = runner(&cluster, 1).await;
    cluster.until("the pool is full", |cluster| cluster.ready().len() == 1).await;
    says(&busy, "mine").await;
    let held = cluster.pods("claimed");
    let (_other, _) = runner(&cluster, 1).await;

    tokio::time::sleep(Duration::from_secs(5)).await;

    assert_eq!(cluster.pods("claimed"), held, "for longer than a lease");
}

#[tokio::test]
async fn a_pod_whose_agent_is_broken_is_deleted_and_another_taken() {
    let (cluster, harness) = warm(1).await;
    let broken = cluster.ready();
    cluster.agent(&broken[0]).break_down();

    says(&harness, "fine").await;

    assert!(!cluster.pods("claimed").contains(&broken[0]));
    cluster
        .until("it is gone", |cluster| !cluster.all("pods").iter().any(|pod| pod["metadata"]["name"] == broken[0]))
        .await;
}

#[tokio::test]
async fn pods_that_fail_are_replaced_ever_more_slowly() {
    let cluster = Cluster::new();
    cluster.set_fate(Fate::Fails(3));
    let (_harness, _) = runner_with(&cluster, 1, |config| config.kubernetes.finished_seconds = 0).await;

    tokio::time::sleep(Duration::from_secs(6)).await;

    let n_made = cluster.calls("create", "pods").len();
    assert!((2..=5).contains(&n_made), "{n_made} pods in 6 s");
    cluster.set_fate(Fate::Runs);
    cluster.until("the pool is full", |cluster| cluster.ready().len() == 1).await;
}

#[tokio::test]
async fn the_end_of_a_session_and_of_the_runner_delete_their_pods() {
    let (cluster, harness) = warm(1).await;
    let container = harness.container().await;
    harness.run_in(container, python("print hello")).await;
    let held = cluster.pods("claimed");
    assert_eq!(held.len(), 1);

    harness.client.delete(&harness.caller, container).await.unwrap();

    cluster.until("its pod is gone", |cluster| cluster.pods("claimed").is_empty()).await;
    says(&harness, "again").await;
    harness.close().await;
    assert_eq!(cluster.all("pods"), Vec::<serde_json::Value>::new(), "nothing is left");
}

#[tokio::test]
async fn a_waiting_pod_that_changes_while_the_runner_ends_is_deleted_all_the_same() {
    let (cluster, harness) = warm(1).await;
    cluster.refuse("delete", "pods", 409, "Conflict", "the object has been modified");

    let changed_once = async {
        cluster.until("a delete was refused", |cluster| cluster.verbs("pods").contains("delete")).await;
        cluster.allow_everything();
    };
    tokio::join!(harness.close(), changed_once);

    assert_eq!(cluster.all("pods"), Vec::<serde_json::Value>::new(), "nothing is left");
}

#[tokio::test]
async fn no_more_pods_are_used_than_allowed() {
    let cluster = Cluster::new();
    let (harness, _) = runner_with(&cluster, 0, |config: &mut Config| {
        config.kubernetes.n_pods = 1;
        config.kubernetes.ready_seconds = 2;
    })
    .await;
    says(&harness, "first").await;

    let output = harness.client.run(&harness.caller, harness.container().await, &python("print second"), None).await;

    let why = output.unwrap_err().to_string();
    assert!(why.contains("all 1 sandbox pods of this runner are in use"), "{why}");
}

#[tokio::test]
async fn the_api_never_sees_a_token() {
    let (cluster, harness) = warm(1).await;
    says(&harness, "hello").await;
    let tokens: HashSet<String> = cluster.pods("claimed").iter().flat_map(|pod| cluster.agent(pod).tokens()).collect();
    assert_eq!(tokens.len(), 1, "a pod has one token");
    let written = format!("{:?} {:?}", cluster.all("pods"), cluster.calls("create", "pods"));
    assert!(tokens.iter().all(|token| token.len() >= 43 && !written.contains(token.as_str())));
}
