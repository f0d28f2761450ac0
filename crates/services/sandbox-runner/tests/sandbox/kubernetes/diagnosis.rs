//! What an execution is told when pods cannot run.

use septet_contracts::sandbox::Doctor;
use septet_sandbox_runner::Config;

use super::cluster::{Cluster, Fate};
use super::runner_with;
use crate::support::{ok, python};

/// What an execution is refused with.
async fn refused(cluster: &Cluster, change: impl FnOnce(&mut Config)) -> String {
    let (harness, _) = runner_with(cluster, 1, change).await;
    let container = harness.container().await;
    let error = harness.client.run(&harness.caller, container, &python("print hello"), None).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the sandbox is not available: "), "{text}");
    text
}

async fn refused_by_the_api(code: u16, reason: &str, message: &str) -> String {
    let cluster = Cluster::new();
    cluster.refuse("create", "pods", code, reason, message);
    refused(&cluster, |config| config.kubernetes.runtime_class = "gvisor".to_owned()).await
}

#[tokio::test]
async fn what_the_api_refuses_is_told_with_what_to_do() {
    let cases = [
        (
            403,
            "Forbidden",
            "pods is forbidden: User \"system:serviceaccount:septet:x\" cannot create resource \"pods\"",
            "apply the role in deploy/kubernetes/access.yaml",
        ),
        (
            403,
            "Forbidden",
            "pods \"a\" is forbidden: exceeded quota: sandboxes, requested: limits.memory=2Gi, used: 40Gi, limited: 40Gi",
            "raise its ResourceQuota or lower sandbox.kubernetes.n_warm and n_pods",
        ),
        (
            403,
            "Forbidden",
            "pods \"a\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found",
            "the cluster has no RuntimeClass \"gvisor\"; install it or change sandbox.kubernetes.runtime_class",
        ),
        (
            403,
            "Forbidden",
            "pods \"a\" is forbidden: no PriorityClass with name low was found",
            "change sandbox.kubernetes.priority_class",
        ),
        (
            403,
            "Forbidden",
            "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": x",
            "the Pod Security level of namespace septet-sandboxes refuses our pods",
        ),
        (401, "Unauthorized", "Unauthorized", "use the service account of deploy/kubernetes or a valid kubeconfig"),
        (422, "Invalid", "Pod \"a\" is invalid: spec.containers[0].image", "correct [sandbox.kubernetes]"),
        (500, "InternalError", "etcdserver: leader changed", "failed to create pods with status 500"),
    ];
    for (code, reason, message, advice) in cases {
        let text = refused_by_the_api(code, reason, message).await;
        assert!(text.contains(advice), "{message}: {text}");
        assert!(text.contains(message), "the cluster's own words are in it: {text}");
    }
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_told() {
    let cluster = Cluster::new();
    cluster.lose_namespace();
    let text = refused(&cluster, |_| ()).await;
    assert!(text.contains("there is no namespace septet-sandboxes"), "{text}");
    assert!(text.contains("kubectl apply -k deploy/kubernetes"), "{text}");
}

#[tokio::test]
async fn an_api_that_cannot_be_reached_is_told() {
    let cluster = Cluster::new();
    let text = refused(&cluster, |config| config.kubernetes.server = "http://127.0.0.1:1".to_owned()).await;
    assert!(text.contains("the Kubernetes API did not answer") && text.contains("check that it runs"), "{text}");
}

#[tokio::test]
async fn what_nodes_cannot_start_is_told_with_what_to_do() {
    let cases = [
        (
            Fate::Waits { reason: "ImagePullBackOff", message: "Back-off pulling image" },
            "check sandbox.kubernetes.image and image_pull_secret",
        ),
        (
            Fate::Waits {
                reason: "CreateContainerError",
                message: "cannot load seccomp profile \"/var/lib/kubelet/seccomp/septet/sandbox.json\"",
            },
            "set sandbox.kubernetes.seccomp to \"runtime/default\"",
        ),
        (Fate::Waits { reason: "ContainerCreating", message: "" }, "kubectl -n septet-sandboxes describe pods"),
        (Fate::Unschedulable, "no node has room for a sandbox pod; add nodes"),
        (Fate::Fails(2), "the agent in the sandbox pod ended with code 2"),
    ];
    for (fate, advice) in cases {
        let cluster = Cluster::new();
        cluster.set_fate(fate.clone());
        let text = refused(&cluster, |_| ()).await;
        assert!(text.contains(advice), "{fate:?}: {text}");
    }
}

#[tokio::test]
async fn once_the_trouble_is_over_code_runs_without_a_restart() {
    let cluster = Cluster::new();
    cluster.refuse("create", "pods", 403, "Forbidden", "pods is forbidden");
    let (harness, _) = runner_with(&cluster, 1, |_| ()).await;
    let container = harness.container().await;
    harness.client.run(&harness.caller, container, &python("print hello"), None).await.unwrap_err();

    cluster.allow_everything();

    assert_eq!(ok(&harness.run_in(container, python("print hello")).await), "hello");
    cluster.until("the pool is full", |cluster| cluster.ready().len() == 1).await;
}

#[tokio::test]
async fn the_doctor_says_which_walls_pods_have() {
    let cluster = Cluster::new();
    let (harness, _) = runner_with(&cluster, 1, |_| ()).await;

    let doctor: Doctor = harness.client.doctor(&harness.caller).await.unwrap();

    assert_eq!((doctor.driver.as_str(), doctor.level.as_str()), ("kubernetes", "L3"));
    assert_eq!(doctor.python.as_deref(), Some("3.11.2"));
}
