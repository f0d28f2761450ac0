//! Agent Core: the brain. It runs agents: asks the model, calls the tools it wants, and journals every step.
//!
//! ```text
//!   routes ── runs ── drive/ ── turn ──▶ model-gateway
//!               │        ├───── tools/ ─▶ knowledge-engine, sandbox-runner
//!             wire/   journal ─▶ store ─▶ feed ─▶ followers
//!   run/: event, state, decide; context/: prompt; wire/: projections. Pure, no IO
//! ```
//!
//! - Intent is journaled before an effect begins, a result before it is shown, and every tool call has exactly one
//!   output.
//! - A run belongs to one process by a lease whose epoch is checked in every append; killed at any moment, it goes on
//!   elsewhere or after a restart and repeats no finished step.
//! - A client that goes away cancels nothing. Only a cancel does.
//! - What a client sees is a pure projection of the journal, so reconnecting at any event gives the same rest.
//!
//! It parses no documents, runs no code and counts no money.

mod config;
mod context;
mod drive;
mod error;
mod migration;
mod routes;
pub mod run;
mod runs;
mod store;
mod tools;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use septet_blobs::Blobs;
use septet_chassis::{Platform, Service};
use septet_contracts::knowledge::Knowledge;
use septet_contracts::management::Management;
use septet_contracts::models::Models;
use septet_contracts::sandbox::Sandbox;
use septet_database::Database;
use septet_kernel::ServiceName;

pub use config::Config;
pub use error::Error;

use crate::drive::feed::Feed;
use crate::drive::ports::Ports;
use crate::drive::scheduler::Scheduler;
use crate::runs::Runs;
use crate::store::Store;
use crate::tools::{Containers, Parts, Tools};

/// Opens Agent Core and takes up the runs that a process before left behind.
///
/// # Errors
/// When the settings are inconsistent or the tables cannot be brought up to date.
pub async fn open(config: Config, platform: &Platform, database: Database, blobs: Blobs) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg)?;
    database.migrate(&migration::MIGRATIONS).await?;
    let transport = |name| platform.directory.transport(name);
    let (store, sandbox) = (Store::new(database), Sandbox::new(transport(ServiceName::SandboxRunner)));
    let timeout = Duration::from_secs(config.code_timeout_s);
    let tools = Tools::new(Parts {
        clock: platform.clock.clone(),
        knowledge: Knowledge::new(transport(ServiceName::KnowledgeEngine)),
        containers: Containers { sandbox: sandbox.clone(), store: store.clone(), timeout },
    });
    let ports = Ports {
        config,
        store,
        blobs,
        feed: Feed::default(),
        clock: platform.clock.clone(),
        ids: platform.ids.clone(),
        management: Management::new(transport(ServiceName::Management)),
        models: Models::new(transport(ServiceName::ModelGateway)),
        sandbox,
        tools,
    };
    let scheduler = Arc::new(Scheduler::new(ports, platform.lifecycle.clone()));
    scheduler.start();
    Ok(Service::internal(ServiceName::AgentCore, routes::routes(Runs::new(scheduler))))
}
