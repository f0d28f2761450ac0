//! The Kubernetes driver against an API server in this process.

mod agent;
mod cluster;
mod diagnosis;
mod egress;
mod manifests;
mod node;
mod pool;
mod sessions;

use std::time::Duration;

use septet_sandbox_runner::{Config, KubernetesConfig};

use crate::support::{Harness, harness_with};
use cluster::{Cluster, Way};

fn config(way: &Way, n_warm: usize) -> Config {
    let kubernetes = KubernetesConfig {
        image: "registry.example/septet-sandbox:1".to_owned(),
        n_warm,
        lease_seconds: 3,
        ready_seconds: 3,
        server: way.address.clone(),
        ..KubernetesConfig::default()
    };
    Config { driver: "kubernetes:".to_owned(), kubernetes, ..Config::default() }
}

/// A runner on this cluster, and its way there.
async fn runner(cluster: &Cluster, n_warm: usize) -> (Harness, Way) {
    runner_with(cluster, n_warm, |_| ()).await
}

async fn runner_with(cluster: &Cluster, n_warm: usize, change: impl FnOnce(&mut Config)) -> (Harness, Way) {
    let way = cluster.way().await;
    let mut config = config(&way, n_warm);
    change(&mut config);
    (harness_with(config).await, way)
}

/// A cluster with a runner whose pool is full.
async fn warm(n_warm: usize) -> (Cluster, Harness) {
    let cluster = Cluster::new();
    let (harness, _) = runner(&cluster, n_warm).await;
    cluster.until("the pool is full", |cluster| cluster.ready().len() == n_warm).await;
    (cluster, harness)
}

/// Settings for a cluster whose pods really run, or `None`, aloud, where they cannot.
pub(crate) async fn real_config() -> Option<Config> {
    Some(real(&septet_sandbox_runner::seccomp_profile()).await?.1)
}

/// A cluster whose node has this profile.
async fn real(profile: &str) -> Option<(Cluster, Config)> {
    let node = node::Node::open(profile)?;
    let image = node.image().to_owned();
    let cluster = Cluster::on(Some(node));
    let way = cluster.way().await;
    // On a machine with much to do a pod takes its time, and so does whoever renews its lease.
    let kubernetes = KubernetesConfig { image, lease_seconds: 30, ready_seconds: 90, ..config(&way, 1).kubernetes };
    Some((cluster, Config { driver: "kubernetes:".to_owned(), kubernetes, ..crate::support::config() }))
}

/// Longer than the upkeep needs for anything, shorter than a lease.
const UPKEEP_TIME: Duration = Duration::from_millis(1500);
