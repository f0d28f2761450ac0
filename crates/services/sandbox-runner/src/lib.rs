//! The sandbox runner: code that a model wrote, run where it can do no harm.
//!
//! ```text
//!  routes ─▶ sandbox (containers, files) ─▶ execution (once, followed by many) ─▶ driver (walls)
//!               │                                │
//!             store (rows)                    blobs (files)
//! ```
//!
//! - **Invariant:** code runs inside walls or not at all; there is no setting that turns them off.
//! - **Invariant:** an execution with a key happens at most once, over restarts too.
//! - **Invariant:** a session folder is a cache of rows and blobs and may vanish between two runs.
//! - **Invariant:** nothing that code made is followed, decoded or unpacked outside the walls.
//!
//! It knows nothing of agents or models, and there is no network in a sandbox beyond the few domains that its container
//! and the operator both allow.

mod active;
mod agent;
mod config;
mod container;
mod docker;
mod doctor;
mod driver;
mod drivers;
mod egress;
mod ephemeral;
mod error;
mod execution;
mod fork;
mod keys;
mod kubernetes;
mod log;
mod mcp;
mod metrics;
mod migration;
pub mod process;

mod routes;
mod running;
mod sandbox;
mod store;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use septet_blobs::Blobs;
use septet_chassis::http::Limits;
use septet_chassis::{Platform, Service};
use septet_database::Database;
use septet_kernel::ServiceName;
use tracing::{info, warn};

pub use agent::agent_main;
pub use config::{Config, KeyConfig};
pub use docker::{Settings as DockerSettings, seccomp_profile};
pub use doctor::{Chart, doctor};
pub use driver::{Level, MemoryWall};
pub use error::Error;
pub use kubernetes::Config as KubernetesConfig;

use active::ActiveContainers;
use sandbox::Sandbox;
use store::Store;

const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Opens the sandbox runner. A machine that cannot build walls is no error here: everything else works, and
/// executions are refused with what to do about it.
///
/// # Errors
/// When a setting cannot work or the tables cannot be brought up to date.
pub async fn open(config: Config, platform: &Platform, database: Database, blobs: Blobs) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg)?;
    metrics::describe();
    let sandbox = Arc::new(Sandbox {
        driver: drivers::open(&config, platform.lifecycle.clone(), &platform.clock, platform.directory.signer())
            .map_err(anyhow::Error::msg)?,
        store: Store::open(database).await.context("cannot open the tables of the sandbox runner")?,
        blobs,
        clock: platform.clock.clone(),
        ids: platform.ids.clone(),
        lifecycle: platform.lifecycle.clone(),
        active: ActiveContainers::default(),
        running: running::RunningExecutions::default(),
        egress: egress::Egress::open(&config, platform.lifecycle.clone())?,
        config,
    });
    platform.lifecycle.spawn("keep the sandbox", keep(Arc::clone(&sandbox)));
    // An answer in one document comes when the code has ended.
    let longest = Duration::from_millis(sandbox.config.timeout_max_ms) + Duration::from_secs(60);
    let usual = Limits::default();
    let limits = Limits { timeout: usual.timeout.max(longest), ..usual };
    Ok(Service { limits, ..Service::internal(ServiceName::SandboxRunner, routes::routes(sandbox)) })
}

/// Warms the interpreter up, lets idle folders go, and ends everything at shutdown.
async fn keep(sandbox: Arc<Sandbox>) {
    let stopping = sandbox.lifecycle.stopping();
    let warmed = tokio::select! {
        warmed = sandbox.driver.warm() => warmed,
        // What was opened meanwhile is let go below.
        () = stopping.cancelled() => Err(driver::Error::Lost),
    };
    if let Err(error) = warmed
        && !stopping.is_cancelled()
    {
        warn!(error = %septet_kernel::causes(&error), "no code can run here; `septet doctor` says what to do");
    }
    let idle_ms = i64::from(sandbox.config.session_idle_minutes) * 60_000;
    let life_ms = i64::from(sandbox.config.session_max_minutes) * 60_000;
    while tokio::time::timeout(SWEEP_INTERVAL, stopping.cancelled()).await.is_err() {
        let n_swept = {
            let now_ms = sandbox.clock.now_ms();
            sandbox.active.sweep(now_ms - idle_ms, now_ms - life_ms)
        };
        if n_swept > 0 {
            info!(sandbox.n_swept = n_swept, "idle session folders let go");
        }
        match sandbox.delete_expired().await {
            Ok(0) => {}
            Ok(n_deleted) => info!(sandbox.n_deleted = n_deleted, "expired containers deleted"),
            Err(error) => warn!(error = %septet_kernel::causes(&error), "expired containers were not deleted"),
        }
    }
    if let Err(error) = sandbox.store.flush().await {
        warn!(error = %septet_kernel::causes(&error), "the last activity of containers was not written down");
    }
    sandbox.active.clear();
    sandbox.driver.close().await;
}
